//! `/admin/guide`: the four things that admins do most, step by step (SPEC D9). What is done already is read from the
//! database, so a guide can be left and taken up again anywhere.

mod access;
mod leave;
mod new_team;
mod onboard;
mod step;

use backend::{
    guides,
    members::{self, MemberQuery},
    services,
};
use domain::{
    Invalid, UserRef,
    views::{ManagedTeam, PersonInTeam, ServiceChoice, TeamPage, TeamProgress},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use crate::{
    forms::FormState,
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Ctx, Error, Result},
    ui::{self, PersonChoice},
};

/// How many people of a team a field knows; of more it only suggests some.
const SUGGESTED: i64 = 200;

/// A guide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guide {
    Onboard,
    Access,
    Leave,
    NewTeam,
}

impl Guide {
    const ALL: [Self; 4] = [Self::Onboard, Self::Access, Self::Leave, Self::NewTeam];

    fn slug(self) -> &'static str {
        match self {
            Self::Onboard => "onboard",
            Self::Access => "access",
            Self::Leave => "leave",
            Self::NewTeam => "new-team",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Onboard => "New employee onboarding",
            Self::Access => "User needs access to a new service",
            Self::Leave => "Employee leaves team",
            Self::NewTeam => "Creating a new team",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Onboard => "From the organization to the team to its projects.",
            Self::Access => "Catalogue, policy, membership: where it stops, and who can open it.",
            Self::Leave => "What someone has in a team, and in which order it goes.",
            Self::NewTeam => "Name, admins, members, projects, and only the services that it needs.",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Onboard => "user-plus",
            Self::Access => "services",
            Self::Leave => "sign-out",
            Self::NewTeam => "teams",
        }
    }

    /// Whether it is about somebody.
    fn has_person(self) -> bool {
        self != Self::NewTeam
    }
}

/// What a guide is about, as far as the address says and the database knows.
#[derive(Default)]
struct Facts {
    teams: Vec<ManagedTeam>,
    team: Option<TeamPage>,
    /// Who was asked for, as typed.
    asked: String,
    /// What is wrong with that.
    asked_wrong: Option<String>,
    person: Option<PersonInTeam>,
    /// The team's people: email and name; and whether these are all.
    people: Vec<(String, Option<String>)>,
    knows_everybody: bool,
    /// The catalogue as the team's policy has it.
    choices: Vec<ServiceChoice>,
    /// The service that was asked for, by name; it need not exist.
    service: Option<String>,
    progress: Option<TeamProgress>,
    /// Where people sign in.
    public_url: String,
}

impl Facts {
    /// At most seven queries, whatever the size of team and organization.
    async fn load(ctx: &mut Ctx, guide: Guide) -> Result<Self> {
        let mut facts = Self {
            teams: guides::managed_teams(ctx).await?,
            asked: ssr::query("user").unwrap_or_default().trim().to_owned(),
            service: ssr::query("service"),
            public_url: ssr::visit().site.public_url.clone(),
            ..Self::default()
        };
        let Some(team) = ssr::query("team") else {
            return Ok(facts);
        };
        let id = team.parse().map_err(|_| Error::not_found("Team", &team))?;
        let page = guides::team(ctx, id).await?;
        if guide.has_person() && !facts.asked.is_empty() {
            match UserRef::parse("user", &facts.asked) {
                Ok(user) => facts.person = guides::person(ctx, &page, &user).await?,
                Err(invalid) => facts.asked_wrong = Some(invalid.message.into_owned()),
            }
        }
        if matches!(guide, Guide::Leave | Guide::Access) {
            let query = MemberQuery {
                limit: SUGGESTED,
                ..MemberQuery::default()
            };
            let (_, members) = members::list(ctx, page.team.id, &query).await?;
            facts.knows_everybody = members.next.is_none();
            let known = members
                .items
                .into_iter()
                .map(|member| (member.email, member.display_name));
            facts.people = known.collect();
            facts.people.sort();
        }
        if guide == Guide::Access {
            facts.choices = services::choices(ctx, &page.team).await?;
        }
        if guide == Guide::NewTeam {
            facts.progress = Some(guides::progress(ctx, &page).await?);
        }
        facts.team = Some(page);
        Ok(facts)
    }

    /// The name or address of whom the guide is about.
    fn who(&self) -> String {
        match &self.person {
            Some(person) => person.display_name.clone().unwrap_or_else(|| person.email.clone()),
            None if self.asked.is_empty() => "the person".to_owned(),
            None => self.asked.clone(),
        }
    }

    fn team_name(&self) -> String {
        self.team
            .as_ref()
            .map_or_else(|| "the team".to_owned(), |page| page.team.name.clone())
    }

    /// A tab of the team's page.
    fn tab(&self, suffix: &str) -> Option<String> {
        let team = &self.team.as_ref()?.team;
        Some(format!("/admin/teams/{}{suffix}", team.id))
    }

    /// Whether somebody was asked for in a team, and nobody was found.
    fn is_unknown(&self) -> bool {
        self.team.is_some() && !self.asked.is_empty() && self.asked_wrong.is_none() && self.person.is_none()
    }
}

/// `/admin/guide`.
pub fn index() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        guides::managed_teams(&mut ctx).await?;
        drop(ctx);
        let team = ssr::query("team").and_then(|id| id.parse::<domain::TeamId>().ok());
        let rows = Guide::ALL
            .into_iter()
            .map(|guide| {
                // A new team begins without one.
                let team = team.filter(|_| guide != Guide::NewTeam);
                let query = team.map(|id| format!("?team={id}")).unwrap_or_default();
                view! {
                    <li class="row">
                        {icon(guide.icon())}
                        <div class="row__main">
                            <a class="row__title" href=format!("/admin/guide/{}{query}", guide.slug())>{guide.title()}</a>
                            <span class="row__text">{guide.text()}</span>
                        </div>
                        {icon("chevron-right")}
                    </li>
                }
            })
            .collect_view();
        let header = ui::page_header(
            "Guides",
            None,
            Some(
                "What admins do most, step by step. A guide shows what is done already and leads to what is not."
                    .to_owned(),
            ),
            ().into_any(),
        );
        let body = view! { {header} <section class="card" aria-label="Guides"><ul class="rows">{rows}</ul></section> };
        Ok(Rendered::new("Guides", body).narrow())
    })
}

/// `/admin/guide/{guide}?team=…&user=…&service=…`.
pub fn guide() -> impl IntoView {
    let key = use_params_map().with_untracked(|params| params.get("guide").unwrap_or_default());
    page(async move {
        let guide = Guide::ALL
            .into_iter()
            .find(|guide| guide.slug() == key)
            .ok_or_else(|| Error::not_found("Guide", &key))?;
        let mut ctx = ssr::read().await?;
        let facts = Facts::load(&mut ctx, guide).await?;
        let now = ctx.now;
        drop(ctx);
        let (steps, aside) = match guide {
            Guide::Onboard => (onboard::steps(&facts), None),
            Guide::Access => (access::steps(&facts), None),
            Guide::Leave => (leave::steps(&facts), leave::belongings(&facts, now)),
            Guide::NewTeam => (new_team::steps(&facts), None),
        };
        let list = step::list(steps);
        let content = match aside {
            Some(aside) => view! {
                <div class="split">
                    <div class="split__main">{list}</div>
                    <aside class="split__aside" aria-label="What there is">{aside}</aside>
                </div>
            }
            .into_any(),
            None => list,
        };
        let body = view! {
            {ui::page_header(guide.title(), None, Some(guide.text().to_owned()), ().into_any())}
            {chooser(guide, &facts)}
            {content}
        };
        let rendered = Rendered::new(guide.title(), body).under("Guides", "/admin/guide");
        Ok(if guide == Guide::Leave {
            rendered
        } else {
            rendered.narrow()
        })
    })
}

/// What the guide is about: a plain form, whose state is the address.
fn chooser(guide: Guide, facts: &Facts) -> AnyView {
    let chosen = facts.team.as_ref().map(|page| page.team.id);
    let listed = |id| facts.teams.iter().any(|team| team.id == id);
    // The list has an end; the team that the address names is there all the same.
    let further = facts.team.as_ref().filter(|page| !listed(page.team.id)).map(|page| {
        view! { <option value=page.team.id.to_string() selected=true>{page.team.name.clone()}</option> }
    });
    let options = facts
        .teams
        .iter()
        .map(|team| {
            let label = format!("{} ({})", team.name, team.organization);
            view! { <option value=team.id.to_string() selected=chosen == Some(team.id)>{label}</option> }
        })
        .collect_view();
    let blank = if guide == Guide::NewTeam {
        "not created yet"
    } else {
        "choose a team"
    };
    let service = (guide == Guide::Access && facts.team.is_some()).then(|| service_field(facts));
    view! {
        <section class="card" aria-label="About">
            <form class="card__body inline-form" method="get" action=format!("/admin/guide/{}", guide.slug())>
                <div class="field">
                    <label class="field__label" for="team">"Team"</label>
                    <select class="select" id="team" name="team">
                        <option value="" selected=chosen.is_none()>{blank}</option>
                        {further} {options}
                    </select>
                </div>
                {guide.has_person().then(|| person_field(guide, facts))}
                {service}
                <button class="button button--primary">"Show steps"</button>
            </form>
        </section>
    }
    .into_any()
}

/// Who it is about. Who leaves is of the team; who is new, or lacks access, need not be.
fn person_field(guide: Guide, facts: &Facts) -> AnyView {
    let wrong = facts.asked_wrong.clone().map(|words| Invalid::new("user", words));
    PersonChoice {
        name: "user",
        label: "Person",
        people: &facts.people,
        all: guide == Guide::Leave && facts.knows_everybody,
        nobody: None,
        required: false,
        current: facts.person.as_ref().map_or(&facts.asked, |person| &person.email),
    }
    .view(&FormState::found(wrong.into_iter().collect(), None))
}

fn service_field(facts: &Facts) -> AnyView {
    let asked = facts.service.clone().unwrap_or_default();
    let known = facts.choices.iter().any(|choice| choice.name == asked);
    let options = facts
        .choices
        .iter()
        .map(|choice| {
            view! { <option value=choice.name.clone() selected=choice.name == asked>{choice.name.clone()}</option> }
        })
        .collect_view();
    view! {
        <div class="field">
            <label class="field__label" for="service">"Service"</label>
            <select class="select" id="service" name="service">
                <option value="" selected=asked.is_empty()>"choose a service"</option>
                {options}
                <option value="-" selected=!asked.is_empty() && !known>"one that is not listed"</option>
            </select>
        </div>
    }
    .into_any()
}
