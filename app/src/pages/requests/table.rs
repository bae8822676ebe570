//! Requests as rows.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use domain::{
    RequestKind, RequestState, TeamId,
    views::{AccessRequest, Page},
};
use leptos::prelude::*;

use super::{Address, PAGE, View};
use crate::{ssr, ui};

/// The quotas that teams have now who ask for another one; none is no limit.
pub(super) type Quotas = BTreeMap<TeamId, Option<i32>>;

/// The table and its pages. What waits for a decision has a box to tick in each row, and no state: that is the same for all.
pub(super) fn table(list: &Page<AccessRequest>, quotas: &Quotas, address: &Address, now: DateTime<Utc>) -> AnyView {
    let (choose, others) = (address.view == View::ToDecide, address.view != View::Mine);
    let chosen = ssr::query_all("id");
    let rows = list
        .items
        .iter()
        .map(|request| {
            let now_has = quotas
                .get(&request.team_id)
                .filter(|_| request.value.kind() == RequestKind::Quota);
            row(request, now_has.copied(), choose, others, &chosen, now)
        })
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Requests"</caption>
                <thead>
                    <tr>
                        {choose.then(ui::select_all)}
                        <th scope="col">"Request"</th>
                        <th scope="col">"Team"</th>
                        {others.then(|| view! { <th scope="col">"Asked by"</th> })}
                        <th scope="col">"Asked"</th>
                        {(!choose).then(|| view! { <th scope="col">"Status"</th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            list.items.len(),
            list.total,
            "request",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with("cursor", Some(cursor)),
        )}
    }
    .into_any()
}

fn row(
    request: &AccessRequest,
    quota: Option<Option<i32>>,
    choose: bool,
    others: bool,
    chosen: &[String],
    now: DateTime<Utc>,
) -> AnyView {
    let id = request.id.to_string();
    let checked = chosen.contains(&id);
    let select = choose.then(|| {
        let label = format!("Select {}", request.what());
        view! { <td class="table__check"><input type="checkbox" name="id" value=id.clone() checked=checked aria-label=label /></td> }
    });
    view! {
        <tr>
            {select}
            <th scope="row" class="table__title">
                <a class="link" href=format!("{PAGE}/{id}")>{request.what()}</a>
                {quota.filter(|_| request.state == RequestState::Pending).map(quota_now)}
                <small class="table__sub">{request.reason.clone()}</small>
                {decision(request)}
            </th>
            <td data-label="Team">{request.team_name.clone()}</td>
            {others.then(|| view! { <td data-label="Asked by">{ui::address(&request.requester)}</td> })}
            <td data-label="Asked">{ui::time_ago(request.created_at, now)}</td>
            {(!choose).then(|| view! { <td class="table__state" data-label="Status">{badge(request.state)}</td> })}
        </tr>
    }
    .into_any()
}

/// What a larger quota is compared with.
pub(super) fn quota_now(quota: Option<i32>) -> AnyView {
    let words = quota.map_or_else(|| "now: no limit".to_owned(), |max| format!("now: {max}"));
    view! { <small class="table__sub">{words}</small> }.into_any()
}

/// Why it was decided so. Below the request: on a narrow screen the state has no room for it.
fn decision(request: &AccessRequest) -> Option<AnyView> {
    let why = request.decision.clone()?;
    let state = request.state.label();
    Some(view! { <small class="table__sub"><b>{state}</b>": "{why}</small> }.into_any())
}

/// Where a request stands.
pub(super) fn badge(state: RequestState) -> AnyView {
    let class = match state {
        RequestState::Pending => "badge badge--warning",
        RequestState::Approved => "badge badge--success",
        RequestState::Denied => "badge badge--danger",
        RequestState::Withdrawn => "badge",
    };
    view! { <span class=class>{state.label()}</span> }.into_any()
}
