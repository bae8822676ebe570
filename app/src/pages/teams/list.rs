//! The list of teams: search, status, order and page are all in the address.

use backend::{
    organizations,
    teams::{self, Order, Sort, TeamQuery},
};
use domain::{
    OrganizationId, Permission, TeamStatus,
    views::{Page, Team},
};
use leptos::prelude::*;

use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Caller, Result},
    ui,
};

/// What the address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Address {
    q: Option<String>,
    status: Option<String>,
    sort: Option<String>,
    organization: Option<String>,
    cursor: Option<String>,
}

impl Address {
    fn read() -> Self {
        Self {
            q: ssr::query("q"),
            status: ssr::query("status"),
            sort: ssr::query("sort"),
            organization: ssr::query("organization"),
            cursor: ssr::query("cursor"),
        }
    }

    fn query(&self) -> Result<TeamQuery> {
        let (sort, order) = match self.sort.as_deref() {
            None => (Sort::Name, Order::Ascending),
            Some(text) => match text.strip_prefix('-') {
                Some(sort) => (sort.parse()?, Order::Descending),
                None => (text.parse()?, Order::Ascending),
            },
        };
        Ok(TeamQuery {
            search: self.q.clone(),
            statuses: match self.status.as_deref() {
                None => vec![TeamStatus::Active, TeamStatus::Inactive],
                Some(status) => vec![status.parse()?],
            },
            organization: self.organization.as_deref().map(str::parse).transpose()?,
            sort,
            order,
            cursor: self.cursor.clone(),
            offset: 0,
            limit: 50,
        })
    }

    /// The address with one part changed; any change but of the page starts at the first page.
    fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut address = Self {
            cursor: None,
            ..self.clone()
        };
        let value = value.map(str::to_owned);
        match name {
            "status" => address.status = value,
            "sort" => address.sort = value,
            "cursor" => address.cursor = value,
            _ => {}
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in [
            ("q", &address.q),
            ("status", &address.status),
            ("sort", &address.sort),
            ("organization", &address.organization),
            ("cursor", &address.cursor),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        let query = query.finish();
        if query.is_empty() {
            "/admin/teams".to_owned()
        } else {
            format!("/admin/teams?{query}")
        }
    }

    fn is_filtered(&self) -> bool {
        self.q.is_some() || self.status.is_some() || self.organization.is_some()
    }
}

/// `/admin/teams`.
pub fn list() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let address = Address::read();
        let list = teams::list(&mut ctx, &address.query()?).await?;
        let organizations = organizations::choices(&mut ctx).await?;
        let creates = may_create(&ctx.caller);
        let all = sees_inactive(&ctx.caller);
        let action = if creates {
            view! { <a class="button button--primary" href="/admin/teams/new">{icon("plus")}"Create Team"</a> }
                .into_any()
        } else {
            ().into_any()
        };
        let header = ui::page_header(
            "Teams",
            None,
            Some("Teams own members, projects and runners, and the policy for them.".to_owned()),
            action,
        );
        let table = if list.items.is_empty() {
            empty(&address, creates)
        } else {
            table(&list, &address, &ctx.caller)
        };
        Ok(Rendered::new(
            "Teams",
            view! { {header} {toolbar(&address, &organizations, all)} {table} },
        ))
    })
}

fn may_create(caller: &Caller) -> bool {
    matches!(caller, Caller::Person(person, _) if person.is_admin())
}

/// Whether lists of teams that are not active are shown to somebody: members see theirs among the others.
fn sees_inactive(caller: &Caller) -> bool {
    matches!(caller, Caller::Person(person, _)
        if person.super_admin || person.auditor || !person.organizations_seen_whole().is_empty())
}

fn toolbar(address: &Address, organizations: &[(OrganizationId, String)], all: bool) -> AnyView {
    let segment = |status: Option<&'static str>, label: &'static str| {
        let current = (address.status.as_deref() == status).then_some("true");
        view! { <a href=address.with("status", status) aria-current=current>{label}</a> }
    };
    let hidden = |name: &'static str, value: &Option<String>| {
        value
            .clone()
            .map(|value| view! { <input type="hidden" name=name value=value /> })
    };
    let chooser = (organizations.len() > 1).then(|| {
        let options = organizations
            .iter()
            .map(|(id, name)| {
                let id = id.to_string();
                let selected = address.organization.as_ref() == Some(&id);
                view! { <option value=id selected=selected>{name.clone()}</option> }
            })
            .collect_view();
        view! {
            <label class="visually-hidden" for="organization">"Organization"</label>
            <select class="select" id="organization" name="organization" data-autosubmit="">
                <option value="">"All organizations"</option>
                {options}
            </select>
        }
    });
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Teams">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search teams"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Search teams" value=address.q.clone() />
            </div>
            {all.then(|| view! {
                <nav class="segmented" aria-label="Status">
                    {segment(None, "All")} {segment(Some("active"), "Active")} {segment(Some("inactive"), "Inactive")}
                    {segment(Some("archived"), "Archived")}
                </nav>
            })}
            {chooser}
            {hidden("status", &address.status)}
            {hidden("sort", &address.sort)}
            <button class="button toolbar__submit">"Apply"</button>
            {address.is_filtered().then(|| view! { <a class="link link--muted toolbar__clear" href="/admin/teams">"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn empty(address: &Address, creates: bool) -> AnyView {
    if address.is_filtered() || address.cursor.is_some() {
        return ui::empty(
            "search",
            "No team fits",
            "No team that you may see fits this search and these filters.",
            Some(("Show all teams", "/admin/teams")),
        );
    }
    ui::empty(
        "teams",
        "No teams yet",
        "A team groups people who work together, and says which runners they may have.",
        creates.then_some(("Create Team", "/admin/teams/new")),
    )
}

fn table(list: &Page<Team>, address: &Address, caller: &Caller) -> AnyView {
    let head = |sort: Sort, label: &'static str, class: &'static str| {
        let word = sort.as_str();
        let current = address.sort.as_deref().unwrap_or("name");
        let (aria, target) = if current == word {
            (Some("ascending"), format!("-{word}"))
        } else if current.strip_prefix('-') == Some(word) {
            (Some("descending"), word.to_owned())
        } else if sort == Sort::Name {
            (None, word.to_owned())
        } else {
            // Numbers and dates are asked for largest first.
            (None, format!("-{word}"))
        };
        view! {
            <th scope="col" class=class aria-sort=aria>
                <a class="table__sort" href=address.with("sort", Some(&target))>{label}</a>
            </th>
        }
    };
    let shown = list.items.len();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Teams"</caption>
                <thead>
                    <tr>
                        {head(Sort::Name, "Name", "")}
                        <th scope="col" class="table__optional">"Description"</th>
                        {head(Sort::Members, "Members", "table__number")}
                        {head(Sort::Projects, "Projects", "table__number")}
                        <th scope="col">"Runners"</th>
                        <th scope="col">"Status"</th>
                        {head(Sort::Created, "Created", "")}
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|team| row(team, caller)).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "team",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with("cursor", Some(cursor)),
        )}
    }
    .into_any()
}

/// Whether the viewer may deactivate the team; the server asks again (SPEC P).
fn may_deactivate(team: &Team, caller: &Caller) -> bool {
    let may = matches!(caller, Caller::Person(person, _)
        if person.standing(team.organization_id, team.id).may(Permission::TeamAdminister));
    may && team.status == TeamStatus::Active && !team.is_system
}

fn row(team: &Team, caller: &Caller) -> AnyView {
    let path = format!("/admin/teams/{}", team.id);
    let muted = (team.status != TeamStatus::Active).then_some("table__row--muted");
    view! {
        <tr class=muted>
            <th scope="row" class="table__title">
                <a href=path.clone()>{team.name.clone()}</a>
                <small class="table__sub">{team.organization_name.clone()}</small>
            </th>
            {ui::text_cell("Description", team.description.as_deref(), true)}
            <td class="table__number" data-label="Members">{team.member_count}</td>
            <td class="table__number" data-label="Projects">{team.project_count}</td>
            <td data-label="Runners">{ui::meter(team.runner_count, team.max_runners)}</td>
            <td class="table__state" data-label="Status">{ui::status_badge(team.status)}" "{team.is_system.then(ui::system_badge)}</td>
            <td data-label="Created">{ui::time(team.created_at)}</td>
            <td class="table__actions">
                <details class="menu" name="row-menu">
                    <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", team.name)>
                        {icon("more")}
                    </summary>
                    <div class="menu__list">
                        <a class="menu__item" href=format!("{path}/members")>{if team.is_system { "Members" } else { "Manage Members" }}</a>
                        <a class="menu__item" href=format!("{path}/policy")>"Label policy"</a>
                        <a class="menu__item" href=format!("{path}/settings")>"Settings"</a>
                        {may_deactivate(team, caller)
                            .then(|| {
                                view! {
                                    <hr />
                                    <a class="menu__item menu__item--danger" href=format!("{path}/settings?confirm=deactivate")>
                                        "Deactivate"
                                    </a>
                                }
                            })}
                    </div>
                </details>
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d7_the_whole_state_of_the_list_is_in_the_address() {
        let address = Address {
            q: Some("a&b".into()),
            status: Some("inactive".into()),
            sort: Some("-members".into()),
            organization: None,
            cursor: Some("abc".into()),
        };
        assert_eq!(
            address.with("cursor", Some("x")),
            "/admin/teams?q=a%26b&status=inactive&sort=-members&cursor=x"
        );
        assert_eq!(address.with("status", None), "/admin/teams?q=a%26b&sort=-members");
        let query = address.query().unwrap();
        assert_eq!((query.sort, query.order), (Sort::Members, Order::Descending));
        assert_eq!(query.statuses, [TeamStatus::Inactive]);
        assert!(
            Address {
                sort: Some("colour".into()),
                ..Address::default()
            }
            .query()
            .is_err()
        );
    }
}
