//! Deciding many requests at a time.

use chrono::{DateTime, Utc};
use domain::views::{AccessRequest, Page};
use leptos::prelude::*;

use super::{
    Address, PAGE,
    table::{Quotas, table},
};
use crate::{
    forms, ssr,
    ui::{self, Confirm},
};

/// The requests that wait for the viewer, with what is done with those that they tick.
pub(super) fn to_decide(list: &Page<AccessRequest>, quotas: &Quotas, address: &Address, now: DateTime<Utc>) -> AnyView {
    view! {
        <form class="stack" method="get" action=PAGE>
            {address.hidden()}
            {table(list, quotas, address, now)}
            <div class="form-actions">
                <button class="button button--primary button--ticked" name="confirm" value="approve">"Approve selected…"</button>
                <button class="button button--danger-quiet button--ticked" name="confirm" value="deny">"Deny selected…"</button>
            </div>
        </form>
    }
    .into_any()
}

/// The question before many are decided.
pub(super) fn question(list: &Page<AccessRequest>, address: &Address, state: &forms::FormState) -> Option<AnyView> {
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
            "Those who asked read why, and may ask for a review.",
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
        cancel: address.with("confirm", None),
    }))
}
