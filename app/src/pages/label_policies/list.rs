//! The list of people's label policies.

use std::collections::HashSet;

use backend::label_policies::{self, PolicyQuery};
use domain::{
    UserId,
    views::{Page, PersonPolicy},
};
use leptos::prelude::*;

use super::{BASE, labels, runners, state};
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr, ui,
};

/// `/admin/label-policies`.
pub fn list() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let query = PolicyQuery {
            search: ssr::query("q"),
            cursor: ssr::query("cursor"),
            ..PolicyQuery::default()
        };
        let list = label_policies::list(&mut ctx, &query).await?;
        let manages = label_policies::may_manage(&ctx.caller);
        let listed: Vec<UserId> = list.items.iter().map(|policy| policy.user_id).collect();
        let writable = label_policies::managed(&mut ctx, &listed).await?;
        let open = ctx.backend.settings.allow_without_label_policy;
        drop(ctx);
        let actions = view! {
            <a class="button" href=format!("{BASE}/migrate")>"Move to teams"</a>
            {manages
                .then(|| {
                    view! { <a class="button button--primary" href=format!("{BASE}/new")>{icon("plus")}"Create policy"</a> }
                })}
        };
        let header = ui::page_header(
            "Label policies",
            None,
            Some("What people in no team may put on runners. In a team, the team's policy counts instead.".to_owned()),
            actions.into_any(),
        );
        let without = open.then(|| {
            ui::callout(
                "warning",
                "People without a policy may use every label",
                view! { <p>"Set "<code>"runner.allow_without_label_policy"</code>" to false to refuse them."</p> }
                    .into_any(),
            )
        });
        let searches = query.search.is_some();
        let body = if list.items.is_empty() && searches {
            ui::empty(
                "search",
                "No policy fits",
                "No person, label or pattern fits this search.",
                Some(("Show all", BASE)),
            )
        } else if list.items.is_empty() {
            let new = format!("{BASE}/new");
            ui::empty(
                "label",
                "No label policies",
                "Without one, somebody in no team cannot provision runners. Create one, or add people to a team.",
                manages.then_some(("Create policy", new.as_str())),
            )
        } else {
            table(&list, query.search.as_deref(), &writable, now)
        };
        let toolbar = (searches || !list.items.is_empty()).then(|| toolbar(query.search.as_deref()));
        Ok(Rendered::new(
            "Label policies",
            view! { {header} {without} {toolbar} {body} },
        ))
    })
}

fn toolbar(search: Option<&str>) -> AnyView {
    let value = search.map(str::to_owned);
    view! {
        <form class="toolbar" method="get" role="search" aria-label="Label policies">
            <div class="search">
                {icon("search")}
                <label class="visually-hidden" for="q">"Search policies"</label>
                <input class="input" id="q" name="q" type="search" placeholder="Person, label or pattern" value=value />
            </div>
            <button class="button toolbar__submit">"Apply"</button>
            {search.is_some().then(|| view! { <a class="link link--muted toolbar__clear" href=BASE>"Clear"</a> })}
        </form>
    }
    .into_any()
}

/// The address of a page of the list.
fn at(search: Option<&str>, cursor: &str) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    if let Some(search) = search {
        query.append_pair("q", search);
    }
    query.append_pair("cursor", cursor);
    format!("{BASE}?{}", query.finish())
}

fn table(
    list: &Page<PersonPolicy>,
    search: Option<&str>,
    managed: &HashSet<UserId>,
    now: chrono::DateTime<chrono::Utc>,
) -> AnyView {
    let row = |policy: &PersonPolicy| row(policy, managed.contains(&policy.user_id), now);
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Label policies"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Person"</th>
                        <th scope="col">"Allowed labels"</th>
                        <th scope="col">"Live runners"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="table__optional">"Updated"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{list.items.iter().map(row).collect_view()}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "label policy",
            list.previous.clone(),
            list.next.clone(),
            |cursor| at(search, cursor),
        )}
    }
    .into_any()
}

fn row(policy: &PersonPolicy, manages: bool, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let shown = policy.shown().to_owned();
    let href = format!("{BASE}/{}", policy.user_id);
    let delete = format!("{href}?confirm=delete");
    let whose = format!(" the policy of {shown}");
    let whose_too = whose.clone();
    view! {
        <tr class=policy.deactivated.then_some("table__row--muted")>
            <th scope="row" class="table__title">
                {ui::person_linked(&policy.email, policy.display_name.as_deref(), Some(href.clone()))}
            </th>
            <td data-label="Allowed labels">
                {labels(&policy.policy, 4)}
                {policy.policy.require_approval.then(|| view! { <small class="table__sub">"needs approval"</small> })}
            </td>
            <td data-label="Live runners">{runners(policy)}</td>
            <td class="table__state" data-label="Status">{state(policy)}</td>
            <td class="table__optional" data-label="Updated">{ui::time_ago(policy.updated_at, now)}</td>
            <td class="table__actions">
                {manages
                    .then(|| {
                        view! {
                            <a class="button button--small" href=href>"Edit"<span class="visually-hidden">{whose}</span></a>
                            " "
                            <a class="button button--small button--danger-quiet" href=delete>
                                "Delete…"<span class="visually-hidden">{whose_too}</span>
                            </a>
                        }
                    })}
            </td>
        </tr>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_search_stays_in_the_address_of_other_pages() {
        assert_eq!(at(Some("a&b"), "x"), "/admin/label-policies?q=a%26b&cursor=x");
        assert_eq!(at(None, "x"), "/admin/label-policies?cursor=x");
    }
}
