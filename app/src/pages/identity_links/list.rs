//! The list of links.

use backend::identity_links::{self, LinkQuery};
use chrono::{DateTime, Utc};
use domain::{
    directory::Provider,
    views::{IdentityLink, Page},
};
use leptos::prelude::*;

use super::{PAGE, SETTINGS, gives, link_page, mode_badge, place, state_badge};
use crate::{
    icon::icon,
    layout::{Rendered, page as console_page},
    ssr::{self, Caller, Error, Result},
    ui,
};

/// `/admin/identity-links`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let query = query()?;
        let list = identity_links::list(&mut ctx, &query).await?;
        let (makes, everywhere) = match &ctx.caller {
            Caller::Person(person, _) => (person.is_admin(), person.super_admin || person.auditor),
            _ => (false, false),
        };
        drop(ctx);
        let actions = view! {
            {everywhere.then(|| view! { <a class="button" href=SETTINGS>{icon("settings")}"Entra settings"</a> })}
            {makes.then(|| view! { <a class="button button--primary" href=format!("{PAGE}/new")>{icon("plus")}"Link a group"</a> })}
        };
        let description = "What being in a group of your directory gives here: a role in a team, an organization, or the installation.";
        let body = view! {
            {ui::page_header("Identity links", None, Some(description.to_owned()), actions.into_any())}
            {toolbar(&query)}
            {table(&list, &query, makes, now)}
        };
        Ok(Rendered::new("Identity links", body))
    })
}

fn query() -> Result<LinkQuery> {
    Ok(LinkQuery {
        organization: id("organization")?,
        team: id("team")?,
        provider: ssr::query("provider").map(|text| text.parse()).transpose()?,
        search: ssr::query("q"),
        cursor: ssr::query("cursor"),
        ..LinkQuery::default()
    })
}

/// An id in the address.
fn id<T: std::str::FromStr>(name: &'static str) -> Result<Option<T>> {
    ssr::query(name)
        .map(|text| text.parse().map_err(|_| Error::invalid(name, "must be a UUID")))
        .transpose()
}

fn toolbar(query: &LinkQuery) -> AnyView {
    let chosen = query.provider;
    let hidden = |name: &'static str, value: Option<String>| {
        value.map(|value| view! { <input type="hidden" name=name value=value /> })
    };
    view! {
        <form class="toolbar" method="get" action=PAGE role="search" aria-label="Filter links">
            {hidden("organization", query.organization.map(|id| id.to_string()))}
            {hidden("team", query.team.map(|id| id.to_string()))}
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Group’s name or id" value=query.search.clone() />
            </div>
            <label class="visually-hidden" for="provider">"Directory"</label>
            <select class="select" id="provider" name="provider" data-submit>
                <option value="">"All directories"</option>
                {Provider::ALL
                    .map(|provider| {
                        view! { <option value=provider.as_str() selected=chosen == Some(provider)>{provider.name()}</option> }
                    })
                    .collect_view()}
            </select>
            <button class="button">"Apply"</button>
        </form>
    }
    .into_any()
}

fn table(list: &Page<IdentityLink>, query: &LinkQuery, makes: bool, now: DateTime<Utc>) -> AnyView {
    if list.items.is_empty() {
        let filtered = query.search.is_some() || query.provider.is_some();
        return if filtered {
            ui::empty(
                "search",
                "No link fits",
                "Try another word, or all directories.",
                Some(("Clear filters", PAGE)),
            )
        } else {
            let href = format!("{PAGE}/new");
            ui::empty(
                "user",
                "No group is linked",
                "People of a linked group get their role here when they sign in, at the next sync, or by SCIM.",
                makes.then_some(("Link a group", href.as_str())),
            )
        };
    }
    let address = |cursor: &str| {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.append_pair("cursor", cursor);
        let filters = [
            ("q", query.search.clone()),
            ("provider", query.provider.map(|provider| provider.to_string())),
            ("organization", query.organization.map(|id| id.to_string())),
            ("team", query.team.map(|id| id.to_string())),
        ];
        for (name, value) in filters {
            if let Some(value) = value {
                text.append_pair(name, &value);
            }
        }
        format!("{PAGE}?{}", text.finish())
    };
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Identity links"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Group"</th>
                        <th scope="col">"Gives"</th>
                        <th scope="col">"Mode"</th>
                        <th scope="col" class="table__number">"People"</th>
                        <th scope="col" class="table__optional">"Last read"</th>
                        <th scope="col">"Status"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|link| row(link, now)).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(list.items.len(), list.total, "link", list.previous.clone(), list.next.clone(), address)}
    }
    .into_any()
}

fn row(link: &IdentityLink, now: DateTime<Utc>) -> AnyView {
    let words = gives(link);
    let given = match place(link) {
        Some(href) => view! { <a class="link" href=href>{words}</a> }.into_any(),
        None => words.into_any(),
    };
    let organization = link
        .gives
        .team()
        .and(link.organization.as_ref())
        .map(|(name, _)| name.clone());
    view! {
        <tr>
            <th scope="row" class="table__title">
                <a href=link_page(&link.id.to_string())>{link.group().to_owned()}</a>
                <small class="table__sub">{link.provider.name()}</small>
            </th>
            <td data-label="Gives">{given}{organization.map(|name| view! { <small class="table__sub">{name}</small> })}</td>
            <td data-label="Mode">{mode_badge(link.mode)}</td>
            <td class="table__number" data-label="People">{link.members}</td>
            <td class="table__optional" data-label="Last read">
                {match link.checked_at {
                    Some(at) => ui::time_ago(at, now),
                    None => view! { <span class="none">"by sign-in"</span> }.into_any(),
                }}
            </td>
            <td class="table__state" data-label="Status">{state_badge(link)}</td>
        </tr>
    }
    .into_any()
}
