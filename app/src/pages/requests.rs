//! `/requests`: what somebody asked for, and what waits for their decision.

mod new;
mod one;

use backend::requests::{self, RequestQuery};
use chrono::{DateTime, Utc};
use domain::{
    RequestState,
    views::{AccessRequest, Page},
};
use leptos::prelude::*;
pub use new::new;
pub use one::one;

use crate::{
    forms,
    layout::{Rendered, page},
    ssr::{self, Result},
    ui::{self, Confirm},
};

/// The list's address.
pub const PAGE: &str = "/requests";
/// The form that asks, in the session.
pub const FORM: &str = "request-new";
/// The forms that decide, in the session.
pub const DECIDE: &str = "request-decide";

/// `/requests`: one's own, and, at `?view=decide`, those that wait for the viewer.
pub fn list() -> impl IntoView {
    page(async {
        let deciding = ssr::query("view").as_deref() == Some("decide");
        let query = RequestQuery {
            own: !deciding,
            to_decide: deciding,
            cursor: ssr::query("cursor"),
            ..RequestQuery::default()
        };
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let decides = requests::decides_somewhere(&ctx.caller);
        let waiting = if decides {
            requests::count_to_decide(&mut ctx).await?
        } else {
            0
        };
        let list = requests::list(&mut ctx, &query).await?;
        drop(ctx);
        let state = forms::take(DECIDE).await;
        let ask = view! { <a class="button button--primary" href=format!("{PAGE}/new")>"New request"</a> }.into_any();
        let words = "What you asked for, and what became of it.".to_owned();
        let body = view! {
            {ui::page_header("Requests", None, Some(words), ask)}
            {decides.then(|| tabs(deciding, waiting))}
            {ui::error_summary(&state)}
            {ui::refusal(state.refusal())}
            {if deciding { to_decide(&list, now) } else { own(&list, now) }}
            {deciding.then(|| question(&list, &state)).flatten()}
        };
        Ok(Rendered::new("Requests", body))
    })
}

fn tabs(deciding: bool, waiting: i64) -> AnyView {
    view! {
        <nav class="tabs" aria-label="Requests">
            <a class="tabs__link" href=PAGE aria-current=(!deciding).then_some("page")>"Mine"</a>
            <a class="tabs__link" href=format!("{PAGE}?view=decide") aria-current=deciding.then_some("page")>
                "To decide "<span class="count">{waiting}</span>
            </a>
        </nav>
    }
    .into_any()
}

fn own(list: &Page<AccessRequest>, now: DateTime<Utc>) -> AnyView {
    if list.items.is_empty() {
        return ui::empty(
            "info",
            "You have asked for nothing",
            "Ask to join a team, or for a larger quota, a service or a model of one of yours.",
            Some(("New request", "/requests/new")),
        );
    }
    table(list, false, now, "")
}

fn to_decide(list: &Page<AccessRequest>, now: DateTime<Utc>) -> AnyView {
    if list.items.is_empty() {
        return ui::empty(
            "check",
            "Nothing waits for you",
            "Requests of your teams that you may decide come here.",
            None,
        );
    }
    view! {
        <form method="get" action=PAGE>
            <input type="hidden" name="view" value="decide" />
            {table(list, true, now, "&view=decide")}
            <div class="form-actions">
                <button class="button button--primary" name="confirm" value="approve">"Approve selected…"</button>
                <button class="button button--danger-quiet" name="confirm" value="deny">"Deny selected…"</button>
            </div>
        </form>
    }
    .into_any()
}

fn table(list: &Page<AccessRequest>, choose: bool, now: DateTime<Utc>, more: &'static str) -> AnyView {
    let chosen = ssr::query_all("id");
    let rows = list
        .items
        .iter()
        .map(|request| row(request, choose, &chosen, now))
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
                        {choose.then(|| view! { <th scope="col">"Asked by"</th> })}
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
            |cursor| format!("{PAGE}?cursor={cursor}{more}"),
        )}
    }
    .into_any()
}

fn row(request: &AccessRequest, choose: bool, chosen: &[String], now: DateTime<Utc>) -> AnyView {
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
            </th>
            <td data-label="Team">{request.team_name.clone()}</td>
            {choose.then(|| view! { <td data-label="Asked by">{request.requester.clone()}</td> })}
            <td data-label="Asked">{ui::time_ago(request.created_at, now)}</td>
            <td class="table__state" data-label="State">
                {badge(request.state)}
                {request.decision.clone().map(|why| view! { <small class="table__sub">{why}</small> })}
            </td>
        </tr>
    }
    .into_any()
}

/// Where a request stands.
fn badge(state: RequestState) -> AnyView {
    let (class, words) = match state {
        RequestState::Pending => ("badge badge--warning", "Pending"),
        RequestState::Approved => ("badge badge--success", "Approved"),
        RequestState::Denied => ("badge badge--danger", "Denied"),
        RequestState::Withdrawn => ("badge", "Withdrawn"),
    };
    view! { <span class=class>{words}</span> }.into_any()
}

/// The question before many are decided.
fn question(list: &Page<AccessRequest>, state: &forms::FormState) -> Option<AnyView> {
    let approve = match ssr::query("confirm")?.as_str() {
        "approve" => true,
        "deny" => false,
        _ => return None,
    };
    let chosen = ssr::query_all("id");
    let selected: Vec<&AccessRequest> = (list.items.iter())
        .filter(|request| chosen.contains(&request.id.to_string()))
        .collect();
    if selected.is_empty() {
        return Some(ui::callout(
            "warning",
            "Nothing is selected",
            view! { <p>"Tick the requests to decide first."</p> }.into_any(),
        ));
    }
    let count = ui::plural(i64::try_from(selected.len()).unwrap_or(i64::MAX), "request");
    let ids: Vec<String> = selected.iter().map(|request| request.id.to_string()).collect();
    let (title, text, button, hint) = if approve {
        (
            format!("Approve {count}?"),
            "The changes are made at once. One that a rule refuses stays pending, and says why.",
            "Approve",
            "Shown to those who asked; may be empty.",
        )
    } else {
        (
            format!("Deny {count}?"),
            "Those who asked read the reason.",
            "Deny",
            "Shown to those who asked.",
        )
    };
    Some(ui::confirm(Confirm {
        id: "decide-requests",
        title,
        text: text.to_owned(),
        consequences: selected
            .iter()
            .map(|request| (format!("{}, asked by {}", request.what(), request.requester), false))
            .collect(),
        action: "/actions/requests/batch",
        fields: vec![
            ("ids", ids.join(",")),
            ("verdict", if approve { "approve" } else { "deny" }.to_owned()),
        ],
        input: Some(ui::text_area(state, "reason", "Reason", hint, "")),
        button,
        danger: !approve,
        cancel: format!("{PAGE}?view=decide"),
    }))
}

/// How many requests wait for a decision of the viewer, for the navigation; none costs no query.
pub async fn waiting_for_me() -> i64 {
    let visit = ssr::visit();
    if !visit.caller.as_ref().is_some_and(requests::decides_somewhere) {
        return 0;
    }
    let counted: Result<i64> = async {
        let mut ctx = ssr::read().await?;
        requests::count_to_decide(&mut ctx).await
    }
    .await;
    // A page is worth showing without it.
    counted
        .inspect_err(|error| tracing::warn!(%error, "the requests to decide could not be counted"))
        .unwrap_or_default()
}
