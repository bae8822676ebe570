//! How an instance differed from what is here when it was last compared.

use chrono::{DateTime, Utc};
use domain::views::{LiteLlmComparison, LiteLlmDifference, LiteLlmInstance, Page};
use leptos::prelude::*;

use super::{address, kind_name};
use crate::ui;

/// The latest comparison.
pub(super) fn compared(
    instance: &LiteLlmInstance,
    latest: Option<(&LiteLlmComparison, &Page<LiteLlmDifference>)>,
    manages: bool,
    now: DateTime<Utc>,
) -> AnyView {
    let body = match latest {
        None => ui::empty(
            "search",
            "Never compared",
            "A comparison reads every team, person and key of the proxy and shows what differs, both ways. It changes nothing.",
            None,
        ),
        Some((comparison, page)) => view! {
            {summary(comparison, now)}
            {(!page.items.is_empty()).then(|| differences_table(instance, page, manages))}
        }
        .into_any(),
    };
    view! {
        <section class="section" aria-labelledby="compared-title">
            <h2 class="section__title" id="compared-title">"Comparison"</h2>
            {body}
        </section>
    }
    .into_any()
}

fn summary(comparison: &LiteLlmComparison, now: DateTime<Utc>) -> AnyView {
    let looked = ui::plural(comparison.compared, "thing");
    let who = comparison.requested_by.clone();
    match (&comparison.error, comparison.ended_at) {
        (Some(error), _) => {
            let text = format!("{error}. {looked} looked at; what was found so far is below.");
            ui::callout("danger", "The comparison was not completed", view! { <p>{text}</p> }.into_any())
        }
        (None, None) => {
            let text = format!("Asked for by {who}. {looked} looked at so far: reload to see more.");
            ui::callout("info", "The comparison is under way", view! { <p>{text}</p> }.into_any())
        }
        (None, Some(ended)) if comparison.differences == 0 => view! {
            <p class="muted">{format!("No difference among {looked}. Asked for by {who}, ")}{ui::time_ago(ended, now)}"."</p>
        }
        .into_any(),
        (None, Some(ended)) => view! {
            <p class="muted">
                {format!("{} among {looked}, {} not decided. Asked for by {who}, ", ui::plural(comparison.differences, "difference"), comparison.open)}
                {ui::time_ago(ended, now)}". Nothing is changed until you say so."
            </p>
        }
        .into_any(),
    }
}

fn differences_table(instance: &LiteLlmInstance, page: &Page<LiteLlmDifference>, manages: bool) -> AnyView {
    let rows = page
        .items
        .iter()
        .map(|one| difference_row(instance, one, manages))
        .collect_view();
    view! {
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Differences"</caption>
                <thead>
                    <tr>
                        <th scope="col">"What"</th>
                        <th scope="col">"Difference"</th>
                        <th scope="col">"Detail"</th>
                        <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th>
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            page.items.len(),
            page.total,
            "difference",
            page.previous.clone(),
            page.next.clone(),
            |cursor| address(&instance.name, &[("after", cursor)]),
        )}
    }
    .into_any()
}

fn difference_row(instance: &LiteLlmInstance, one: &LiteLlmDifference, manages: bool) -> AnyView {
    let (class, label) = match one.problem.as_str() {
        "missing" => ("badge badge--failed", "Missing there"),
        "unknown" => ("badge badge--warning", "Only there"),
        _ => ("badge badge--pending", "Different"),
    };
    let action = match (&one.settled, one.problem.as_str()) {
        (Some(done), _) => {
            let by = one.settled_by.clone().unwrap_or_default();
            view! { <span class="muted">{format!("{} by {by}", if done == "removed" { "Removed" } else { "Delivered again" })}</span> }
                .into_any()
        }
        (None, _) if !manages => ().into_any(),
        (None, "unknown") if !one.removable => view! { <span class="muted">"Look into it there"</span> }.into_any(),
        (None, "missing") if one.kind == "key" => view! { <span class="muted">"Rotate or revoke it"</span> }.into_any(),
        (None, problem) => {
            let (word, what) = if problem == "unknown" {
                ("remove", "Remove there")
            } else {
                ("push", "Deliver ours")
            };
            view! {
                <form class="inline-form" method="post" action="/actions/litellm/settle">
                    <input type="hidden" name="id" value=one.id.to_string() />
                    <input type="hidden" name="decision" value=word />
                    <input type="hidden" name="instance" value=instance.name.clone() />
                    <button class="button button--small">{what}<span class="visually-hidden">{format!(" {}", one.name)}</span></button>
                </form>
            }
            .into_any()
        }
    };
    view! {
        <tr>
            <th scope="row" class="table__title">{one.name.clone()}<small class="table__sub">{kind_name(&one.kind)}</small></th>
            <td class="table__state" data-label="Difference"><span class=class>{label}</span></td>
            <td data-label="Detail">{one.detail.clone()}</td>
            <td class="table__actions">{action}</td>
        </tr>
    }
    .into_any()
}
