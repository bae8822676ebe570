//! `/admin/teams/{team}`: six tabs under one header.

mod declared;
mod default_team;
mod hints;
mod history;
mod keys;
mod limits;
mod members;
mod moving;
mod overview;
mod policy;
mod project;
mod projects;
mod services;
mod settings;

use backend::teams::{self, Found, TeamKey};
pub use declared::manifest;
use domain::{TeamStatus, views::TeamPage};
pub use keys::keys;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
pub(crate) use limits::LIMITS;
pub(crate) use members::MOVE;
pub use members::{bulk as members_bulk, invited, members};
pub(crate) use moving::MOVE_TEAM;
pub use overview::overview;
pub use policy::policy;
pub use project::project;
pub use projects::projects;
pub use settings::settings;

use crate::{
    layout::{Rendered, page},
    ssr::{self, Ctx, Result},
    ui,
};

/// A tab: its page loads what it shows with the team that the header has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Overview,
    Members,
    Projects,
    Keys,
    Policy,
    Settings,
}

impl Tab {
    const ALL: [Self; 6] = [
        Self::Overview,
        Self::Members,
        Self::Projects,
        Self::Keys,
        Self::Policy,
        Self::Settings,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Members => "Members",
            Self::Projects => "Projects",
            Self::Keys => "Keys",
            Self::Policy => "Policy",
            Self::Settings => "Settings",
        }
    }

    fn suffix(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Members => "/members",
            Self::Projects => "/projects",
            Self::Keys => "/keys",
            Self::Policy => "/policy",
            Self::Settings => "/settings",
        }
    }
}

/// The team of a page, and where the page is.
struct Place {
    page: TeamPage,
    /// `/admin/teams/{id or slug}`, as the address has it.
    path: String,
}

impl Place {
    /// Hidden fields that tell a form's server function which team and page it is on.
    fn hidden(&self) -> AnyView {
        view! {
            <input type="hidden" name="team" value=self.page.team.id.to_string() />
            <input type="hidden" name="at" value=self.path.clone() />
        }
        .into_any()
    }

    /// The same, for a dialog.
    fn fields(&self) -> Vec<(&'static str, String)> {
        vec![("team", self.page.team.id.to_string()), ("at", self.path.clone())]
    }

    /// Whether the viewer may change something here: by the permission table, and unless the team is
    /// archived, which keeps it as it was, or is the Default Team, which keeps its people and has neither projects nor services.
    fn may_change(&self, permission: domain::Permission) -> bool {
        let fixed = matches!(
            permission,
            domain::Permission::MembersManage | domain::Permission::ProjectsManage | domain::Permission::ServicesAllow
        );
        self.page.standing.may(permission)
            && self.page.team.status != TeamStatus::Archived
            && !(fixed && self.page.team.is_system)
    }

    /// Whom to ask for what the viewer may not do, with some of them by name; `to` begins the sentence: "To change the policy".
    async fn ask(&self, ctx: &mut Ctx, to: &str, permission: domain::Permission) -> Result<AnyView> {
        let people = teams::who_may(ctx, &self.page, permission).await?;
        Ok(ui::ask(to, permission, &people))
    }

    /// A tab's address.
    fn tab(&self, tab: Tab) -> String {
        format!("{}{}", self.path, tab.suffix())
    }
}

/// A tab's page: finds the team, then lets the tab load and show itself.
fn tab_page(
    tab: Tab,
    body: impl AsyncFnOnce(&mut Ctx, &Place) -> Result<AnyView> + Send + 'static,
) -> impl Future<Output = Result<Rendered>> {
    page_under(tab, None, body)
}

/// A page below a tab, with a title of its own.
fn page_under(
    tab: Tab,
    title: Option<&'static str>,
    body: impl AsyncFnOnce(&mut Ctx, &Place) -> Result<AnyView> + Send + 'static,
) -> impl Future<Output = Result<Rendered>> {
    let key = use_params_map().with_untracked(|params| params.get("team").unwrap_or_default());
    async move {
        let mut ctx = ssr::read().await?;
        let page = match teams::find(&mut ctx, &TeamKey::parse(&key)).await? {
            Found::One(page) => *page,
            Found::Several(pages) => return Ok(several(&key, &pages)),
        };
        let place = Place {
            page,
            path: format!("/admin/teams/{key}"),
        };
        let content = if place.page.open {
            body(&mut ctx, &place).await?
        } else {
            closed(&mut ctx, &place).await?
        };
        drop(ctx);
        Ok(frame(tab, title, &place, content))
    }
}

fn frame(tab: Tab, below: Option<&'static str>, place: &Place, content: AnyView) -> Rendered {
    let team = &place.page.team;
    let current = if below.is_some() { "true" } else { "page" };
    let tabs = Tab::ALL
        .into_iter()
        .filter(|other| place.page.open && !(team.is_system && *other == Tab::Projects))
        .map(|other| {
            let count = match other {
                Tab::Members => Some(team.member_count),
                Tab::Projects => Some(team.project_count),
                _ => None,
            };
            view! {
                <a class="tabs__link" href=place.tab(other) aria-current=(other == tab).then_some(current)>
                    {other.label()}
                    {count.map(|count| view! { " "<span class="count">{count}</span> })}
                </a>
            }
        })
        .collect_view();
    let provision = place.page.standing.may(domain::Permission::RunnerProvision) && team.status == TeamStatus::Active;
    let action = if provision {
        view! { <a class="button button--primary" href=format!("/provision?team={}", team.id)>"Provision JIT Runner"</a> }
            .into_any()
    } else {
        ().into_any()
    };
    let badges = view! { {ui::status_badge(team.status)} {team.is_system.then(ui::system_badge)} }.into_any();
    let body = view! {
        {ui::page_header(&team.name, Some(badges), team.description.clone(), action)}
        {place.page.open.then(|| view! { <nav class="tabs" aria-label="Team">{tabs}</nav> })}
        {place.page.open.then(|| resting(tab, place))}
        {(place.page.open && !place.page.has_admin && !team.is_system && team.status == TeamStatus::Active).then(|| without_admin(tab, place))}
        {content}
    };
    if let Some(below) = below {
        return Rendered::new(format!("{below} · {}", team.name), body)
            .under("Teams", "/admin/teams")
            .under(team.name.clone(), place.path.clone())
            .under(tab.label(), place.tab(tab))
            .at(below);
    }
    let title = if tab == Tab::Overview {
        team.name.clone()
    } else {
        format!("{} · {}", tab.label(), team.name)
    };
    let rendered = Rendered::new(title, body).under("Teams", "/admin/teams");
    if tab == Tab::Overview {
        rendered.at(team.name.clone())
    } else {
        rendered.under(team.name.clone(), place.path.clone()).at(tab.label())
    }
}

/// Since when, by whom and why a team is not active.
fn resting(tab: Tab, place: &Place) -> Option<AnyView> {
    let team = &place.page.team;
    let title = match team.status {
        TeamStatus::Active => return None,
        TeamStatus::Inactive => "This team is inactive",
        TeamStatus::Archived => "This team is archived",
    };
    let since = team.deactivated_at.map(|at| {
        let by = team.deactivated_by.clone().map(|by| format!(" by {by}"));
        let why = team.deactivation_reason.clone().map(|why| format!(": {why}"));
        view! { <p>"Since "{ui::time(at)}{by}{why}</p> }
    });
    let administers = place.page.standing.may(domain::Permission::TeamAdminister) && tab != Tab::Settings;
    let way = administers.then(
        || view! { <p><a class="link" href=place.tab(Tab::Settings)>"Change its status in the settings"</a></p> },
    );
    Some(ui::callout(
        "warning",
        title,
        view! { <p>"Its members cannot use it: no runners, no services, and its keys do not work."</p> {since} {way} }
            .into_any(),
    ))
}

/// Deactivation may have taken the last admin, or there never was one (SPEC D12).
fn without_admin(tab: Tab, place: &Place) -> AnyView {
    let link = tab != Tab::Members && place.may_change(domain::Permission::MembersManage);
    let action = link.then(|| view! { <p><a class="link" href=place.tab(Tab::Members)>"Choose an admin"</a></p> });
    ui::callout(
        "warning",
        "This team has no admin",
        view! { <p>"Nobody in it can manage members or projects."</p> {action} }.into_any(),
    )
}

/// What members see of a team that is not active.
async fn closed(ctx: &mut Ctx, place: &Place) -> Result<AnyView> {
    let ask = place
        .ask(ctx, "To activate it", domain::Permission::TeamAdminister)
        .await?;
    Ok(ui::callout(
        "warning",
        "Team is inactive",
        view! { <p>"Its members cannot use it now."</p> {ask} }.into_any(),
    ))
}

/// Several teams in different organizations have the slug: the viewer chooses.
fn several(slug: &str, pages: &[TeamPage]) -> Rendered {
    let rows = pages
        .iter()
        .map(|page| {
            view! {
                <li class="row">
                    <div class="row__main">
                        <a class="row__title" href=format!("/admin/teams/{}", page.team.id)>{page.team.name.clone()}</a>
                        <span class="row__text">{page.team.organization_name.clone()}</span>
                    </div>
                    {ui::status_badge(page.team.status)}
                </li>
            }
        })
        .collect_view();
    let header = ui::page_header(
        "Which team?",
        None,
        Some(format!("Several organizations have a team with the short name {slug}.")),
        ().into_any(),
    );
    let body = view! { {header} <section class="card" aria-label="Teams"><ul class="rows">{rows}</ul></section> };
    Rendered::new("Which team?", body).under("Teams", "/admin/teams")
}
