//! Requests as rows.

use chrono::{DateTime, Utc};
use domain::{
    RequestState,
    views::{AccessRequest, Page},
};
use leptos::prelude::*;

use super::{Address, PAGE, View};
use crate::{ssr, ui};

/// The table and its pages. `choose`: with a box to tick in each row.
pub(super) fn table(list: &Page<AccessRequest>, address: &Address, now: DateTime<Utc>) -> AnyView {
    let (choose, others) = (address.view == View::ToDecide, address.view != View::Mine);
    let chosen = ssr::query_all("id");
    let rows = list
        .items
        .iter()
        .map(|request| row(request, choose, others, &chosen, now))
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Requests"</caption>
                <thead>
                    <tr>
                        {choose.then(|| view! { <th scope="col"><span class="visually-hidden">"Select"</span></th> })}
                        <th scope="col">"Request"</th>
                        <th scope="col">"Team"</th>
                        {others.then(|| view! { <th scope="col">"Asked by"</th> })}
                        <th scope="col">"Asked"</th>
                        <th scope="col">"State"</th>
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

fn row(request: &AccessRequest, choose: bool, others: bool, chosen: &[String], now: DateTime<Utc>) -> AnyView {
    let id = request.id.to_string();
    let checked = chosen.contains(&id);
    let select = choose.then(|| {
        let label = format!("Select {}", request.what());
        view! { <td><input type="checkbox" name="id" value=id.clone() checked=checked aria-label=label /></td> }
    });
    view! {
        <tr>
            {select}
            <th scope="row" class="table__title">
                <a class="link" href=format!("{PAGE}/{id}")>{request.what()}</a>
                <small class="table__sub">{request.reason.clone()}</small>
                {decision(request)}
            </th>
            <td data-label="Team">{request.team_name.clone()}</td>
            {others.then(|| view! { <td data-label="Asked by">{request.requester.clone()}</td> })}
            <td data-label="Asked">{ui::time_ago(request.created_at, now)}</td>
            <td class="table__state" data-label="State">{badge(request.state)}</td>
        </tr>
    }
    .into_any()
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
