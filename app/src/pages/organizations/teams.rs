//! The teams of one organization.

use backend::teams::{self as rules, TeamQuery};
use domain::{
    Permission, TeamStatus,
    views::{Page, Team},
};
use leptos::prelude::*;

use super::{Place, Tab, tab_page};
use crate::{icon::icon, layout::page, ssr, ui};

/// `/admin/organizations/{organization}/teams`.
pub fn teams() -> impl IntoView {
    page(tab_page(Tab::Teams, async |ctx, place| {
        let (search, cursor) = (ssr::query("q"), ssr::query("cursor"));
        let query = TeamQuery {
            search: search.clone(),
            organization: Some(place.page.organization.id),
            cursor: cursor.clone(),
            ..TeamQuery::default()
        };
        let list = rules::list(ctx, &query).await?;
        let body = if list.items.is_empty() {
            empty(place, search.is_some() || cursor.is_some())
        } else {
            table(place, &list, search.as_deref())
        };
        Ok(view! { {toolbar(place, search.as_deref())} {body} }.into_any())
    }))
}

fn toolbar(place: &Place, search: Option<&str>) -> AnyView {
    let all = format!("/admin/teams?organization={}", place.page.organization.id);
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Teams">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search teams"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Search teams" value=search.map(str::to_owned) />
            </div>
            <button class="button toolbar__submit">"Apply"</button>
            {search.is_some().then(|| view! { <a class="link link--muted toolbar__clear" href=place.tab(Tab::Teams)>"Clear"</a> })}
            <span class="toolbar__end"><a class="link" href=all>"Sort and filter"</a></span>
        </form>
    }
    .into_any()
}

fn empty(place: &Place, filtered: bool) -> AnyView {
    if filtered {
        let all = place.tab(Tab::Teams);
        return ui::empty(
            "search",
            "No team fits",
            "No team of this organization fits the search.",
            Some(("Show all teams", &all)),
        );
    }
    let new = format!("/admin/teams/new?organization={}", place.page.organization.id);
    ui::empty(
        "teams",
        "No teams yet",
        "A team groups people who work together, and says what they may use.",
        place
            .may(Permission::TeamAdminister)
            .then_some(("Create Team", new.as_str())),
    )
}

fn table(place: &Place, list: &Page<Team>, search: Option<&str>) -> AnyView {
    let shown = list.items.len();
    let base = place.tab(Tab::Teams);
    let link = |cursor: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(search) = search {
            query.append_pair("q", search);
        }
        query.append_pair("cursor", cursor);
        format!("{base}?{}", query.finish())
    };
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Teams"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="table__optional">"Description"</th>
                        <th scope="col" class="table__number">"Members"</th>
                        <th scope="col" class="table__number">"Projects"</th>
                        <th scope="col">"Runners"</th>
                        <th scope="col">"Status"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(shown, list.total, "team", list.previous.clone(), list.next.clone(), link)}
    }
    .into_any()
}

fn row(team: &Team) -> AnyView {
    view! {
        <tr class=(team.status != TeamStatus::Active).then_some("table__row--muted")>
            <th scope="row" class="table__title">
                <a href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                <small class="table__sub">{team.slug.clone()}</small>
            </th>
            {ui::text_cell("Description", team.description.as_deref(), true)}
            <td class="table__number" data-label="Members">{team.member_count}</td>
            <td class="table__number" data-label="Projects">{team.project_count}</td>
            <td data-label="Runners">{ui::meter(team.runner_count, team.max_runners)}</td>
            <td class="table__state" data-label="Status">{ui::status_badge(team.status)}</td>
        </tr>
    }
    .into_any()
}
