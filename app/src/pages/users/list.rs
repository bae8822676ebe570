//! The list of people: search, filter, order and page are all in the address.

use backend::{
    teams::Order,
    users::{self, AccountQuery},
};
use domain::views::{ListedAccount, Page};
use leptos::prelude::*;

use super::{last_seen, role_badges, status_badge};
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Error, Result},
    ui,
};

/// What the list shows, by the word in the address.
const FILTERS: [(&str, &str); 5] = [
    ("", "All"),
    ("active", "Active"),
    ("deactivated", "Deactivated"),
    ("super_admin", "Super admins"),
    ("auditor", "Auditors"),
];

/// What the address says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Address {
    q: Option<String>,
    show: Option<String>,
    sort: Option<String>,
    cursor: Option<String>,
}

impl Address {
    fn read() -> Self {
        Self {
            q: ssr::query("q"),
            show: ssr::query("show"),
            sort: ssr::query("sort"),
            cursor: ssr::query("cursor"),
        }
    }

    fn query(&self) -> Result<AccountQuery> {
        let mut query = AccountQuery {
            search: self.q.clone(),
            cursor: self.cursor.clone(),
            ..AccountQuery::default()
        };
        query.order = match self.sort.as_deref() {
            None | Some("email") => Order::Ascending,
            Some("-email") => Order::Descending,
            Some(_) => return Err(Error::invalid("sort", "must be email or -email")),
        };
        match self.show.as_deref() {
            None => {}
            Some("active") => query.active = Some(true),
            Some("deactivated") => query.active = Some(false),
            Some("super_admin") => query.super_admin = Some(true),
            Some("auditor") => query.auditor = Some(true),
            Some(_) => {
                return Err(Error::invalid(
                    "show",
                    "must be active, deactivated, super_admin or auditor",
                ));
            }
        }
        Ok(query)
    }

    /// The address with one part changed; any change but of the page starts at the first page.
    fn with(&self, name: &str, value: Option<&str>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (part, kept) in [("q", &self.q), ("show", &self.show), ("sort", &self.sort)] {
            let value = if part == name { value } else { kept.as_deref() };
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                query.append_pair(part, value);
            }
        }
        if let ("cursor", Some(cursor)) = (name, value) {
            query.append_pair("cursor", cursor);
        }
        let query = query.finish();
        if query.is_empty() {
            "/admin/users".to_owned()
        } else {
            format!("/admin/users?{query}")
        }
    }
}

/// `/admin/users`.
pub fn list() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let (address, now) = (Address::read(), ctx.now);
        let list = users::list(&mut ctx, &address.query()?).await?;
        let creates = users::may_change(&ctx.caller);
        drop(ctx);
        let action = creates.then(
            || view! { <a class="button button--primary" href="/admin/users/new">{icon("plus")}"Create user"</a> },
        );
        let header = ui::page_header(
            "Users",
            None,
            Some("People with an account, and where they belong.".to_owned()),
            view! {
                <a class="button" href="/api/v1/admin/users/access.csv" download="">{icon("download")}"Export permissions"</a>
                {action}
            }
            .into_any(),
        );
        let table = if list.items.is_empty() {
            // There is always somebody: the viewer, at least.
            ui::empty(
                "search",
                "Nobody fits",
                "Nobody whom you may see fits this search and this filter.",
                Some(("Show everybody", "/admin/users")),
            )
        } else {
            table(&list, &address, now)
        };
        Ok(Rendered::new("Users", view! { {header} {toolbar(&address)} {table} }))
    })
}

fn toolbar(address: &Address) -> AnyView {
    let segments = FILTERS.map(|(word, label)| {
        let current = (address.show.as_deref().unwrap_or_default() == word).then_some("true");
        view! { <a href=address.with("show", Some(word)) aria-current=current>{label}</a> }
    });
    let hidden = |name: &'static str, value: &Option<String>| {
        value
            .clone()
            .map(|value| view! { <input type="hidden" name=name value=value /> })
    };
    let filtered = address.q.is_some() || address.show.is_some();
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Users">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search people"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Name or email" value=address.q.clone() />
            </div>
            <nav class="segmented" aria-label="Show">{segments.collect_view()}</nav>
            {hidden("show", &address.show)}
            {hidden("sort", &address.sort)}
            <button class="button toolbar__submit">"Apply"</button>
            {filtered.then(|| view! { <a class="link link--muted toolbar__clear" href="/admin/users">"Clear"</a> })}
        </form>
    }
    .into_any()
}

fn table(list: &Page<ListedAccount>, address: &Address, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let (order, other) = if address.sort.as_deref() == Some("-email") {
        ("descending", None)
    } else {
        ("ascending", Some("-email"))
    };
    let shown = list.items.len();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Users"</caption>
                <thead>
                    <tr>
                        <th scope="col" aria-sort=order>
                            <a class="table__sort" href=address.with("sort", other)>"Person"</a>
                        </th>
                        <th scope="col">"Organizations"</th>
                        <th scope="col" class="table__number">"Teams"</th>
                        <th scope="col">"Last seen"</th>
                        <th scope="col">"Status"</th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(|listed| row(listed, now)).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "user",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with("cursor", Some(cursor)),
        )}
    }
    .into_any()
}

fn row(listed: &ListedAccount, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let account = &listed.account;
    let organizations = (!listed.organizations.is_empty()).then(|| listed.organizations.join(", "));
    view! {
        <tr class=account.deactivated_at.is_some().then_some("table__row--muted")>
            <th scope="row" class="table__title">
                {ui::person_linked(
                    &account.email,
                    account.display_name.as_deref(),
                    Some(format!("/admin/users/{}", account.id)),
                )}
            </th>
            {ui::text_cell("Organizations", organizations.as_deref(), false)}
            <td class="table__number" data-label="Teams">{listed.team_count}</td>
            <td data-label="Last seen">{last_seen(account, now)}</td>
            <td class="table__state" data-label="Status">{status_badge(account)}" "{role_badges(account)}</td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b26_the_whole_state_of_the_list_is_in_the_address() {
        let address = Address {
            q: Some("a&b".into()),
            show: Some("deactivated".into()),
            sort: Some("-email".into()),
            cursor: Some("abc".into()),
        };
        assert_eq!(
            address.with("cursor", Some("x")),
            "/admin/users?q=a%26b&show=deactivated&sort=-email&cursor=x"
        );
        assert_eq!(address.with("show", Some("")), "/admin/users?q=a%26b&sort=-email");
        assert_eq!(Address::default().with("sort", None), "/admin/users");
        let query = address.query().unwrap();
        assert_eq!((query.active, query.order), (Some(false), Order::Descending));
        for (show, sort) in [("gone", "email"), ("active", "colour")] {
            let wrong = Address {
                show: Some(show.into()),
                sort: Some(sort.into()),
                ..Address::default()
            };
            assert!(wrong.query().is_err(), "{show} {sort}");
        }
    }
}
