//! The list of organizations.

use backend::organizations::{self, OrganizationQuery};
use domain::views::{Organization, Page};
use leptos::prelude::*;

use super::role_badge;
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Caller},
    ui,
};

const PATH: &str = "/admin/organizations";

/// `/admin/organizations`.
pub fn list() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let search = ssr::query("q");
        let query = OrganizationQuery {
            search: search.clone(),
            cursor: ssr::query("cursor"),
            ..OrganizationQuery::default()
        };
        let list = organizations::page(&mut ctx, &query).await?;
        let creates = matches!(&ctx.caller, Caller::Person(person, _) if person.super_admin);
        let action = if creates {
            let href = format!("{PATH}/new");
            view! { <a class="button button--primary" href=href>{icon("plus")}"Create organization"</a> }.into_any()
        } else {
            ().into_any()
        };
        let header = ui::page_header(
            "Organizations",
            None,
            Some("Teams and people belong to an organization, which sets the ceilings for all its teams.".to_owned()),
            action,
        );
        let body = if list.items.is_empty() {
            empty(search.is_some() || query.cursor.is_some())
        } else {
            table(&list, search.as_deref())
        };
        Ok(Rendered::new(
            "Organizations",
            view! { {header} {toolbar(search.as_deref())} {body} },
        ))
    })
}

fn toolbar(search: Option<&str>) -> AnyView {
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Organizations">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search organizations"</label>
                <input
                    class="input"
                    id="q"
                    name="q"
                    type="search"
                    placeholder="Search organizations"
                    value=search.map(str::to_owned)
                />
            </div>
            <button class="button toolbar__submit">"Apply"</button>
            {search.is_some().then(|| view! { <a class="link link--muted toolbar__clear" href=PATH>"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn empty(filtered: bool) -> AnyView {
    if filtered {
        return ui::empty(
            "search",
            "No organization fits",
            "No organization that you may see fits this search.",
            Some(("Show all organizations", PATH)),
        );
    }
    ui::empty(
        "building",
        "You are in no organization",
        "Whoever adds you to a team or an organization brings you in.",
        None,
    )
}

fn table(list: &Page<Organization>, search: Option<&str>) -> AnyView {
    let shown = list.items.len();
    let link = |cursor: &str| {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(search) = search {
            query.append_pair("q", search);
        }
        query.append_pair("cursor", cursor);
        format!("{PATH}?{}", query.finish())
    };
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Organizations"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Name"</th>
                        <th scope="col" class="table__number">"Teams"</th>
                        <th scope="col" class="table__number">"People"</th>
                        <th scope="col">"Your role"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(shown, list.total, "organization", list.previous.clone(), list.next.clone(), link)}
    }
    .into_any()
}

fn row(organization: &Organization) -> AnyView {
    let people = organization.people_count.map(|count| count.to_string());
    view! {
        <tr>
            <th scope="row" class="table__title">
                <a href=format!("{PATH}/{}", organization.slug)>{organization.name.clone()}</a>
                <small class="table__sub">{organization.slug.clone()}</small>
            </th>
            <td class="table__number" data-label="Teams">{organization.team_count}</td>
            <td class="table__number" data-label="People">{ui::or_dash(people.as_deref())}</td>
            <td class="table__state" data-label="Your role">
                {organization.role.map_or_else(|| ui::or_dash(None), role_badge)}
            </td>
        </tr>
    }
    .into_any()
}
