//! A section of `/admin/sync` for each instance.

use chrono::{DateTime, Utc};
use domain::views::{BreakerState, LiteLlmInstance};
use leptos::prelude::*;

use super::address;
use crate::ui;

/// The sections of all instances.
pub(in crate::pages::sync) fn sections(instances: &[LiteLlmInstance], now: DateTime<Utc>) -> AnyView {
    if instances.is_empty() {
        return view! {
            <section class="card" aria-labelledby="litellm-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="litellm-title">
                            "LiteLLM "<span class="badge badge--inactive">"Not configured"</span>
                        </h2>
                        <p class="card__description">
                            "Teams, people and keys for AI models. Set LITELLM_API_URL and LITELLM_MASTER_KEY, then restart."
                        </p>
                    </div>
                </header>
            </section>
        }
        .into_any();
    }
    instances
        .iter()
        .map(|instance| section(instance, now))
        .collect_view()
        .into_any()
}

fn section(instance: &LiteLlmInstance, now: DateTime<Utc>) -> AnyView {
    let id = format!("litellm-{}", instance.name);
    let labelled_by = id.clone();
    let default = instance.is_default.then_some(", for teams that name no instance");
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <header class="card__header">
                <div>
                    <h2 class="card__title" id=id>{format!("LiteLLM: {} ", instance.name)}{breaker_badge(instance.breaker)}</h2>
                    <p class="card__description"><span class="mono">{instance.url.clone()}</span>{default}</p>
                </div>
                <a class="button button--small" href=address(&instance.name, &[])>"Details"</a>
            </header>
            <div class="card__body">{advice(instance)} {facts(instance, now)} {numbers(instance)}</div>
        </section>
    }
    .into_any()
}

pub(super) fn breaker_badge(breaker: BreakerState) -> AnyView {
    let (class, label) = match breaker {
        BreakerState::Closed { failures: 0 } => ("badge badge--active", "Reachable".to_owned()),
        BreakerState::Closed { failures } => {
            let failures = ui::plural(i64::from(failures), "failed call");
            ("badge badge--warning", format!("{failures} in a row"))
        }
        BreakerState::Open { retry_after } => {
            let seconds = i64::try_from(retry_after).unwrap_or(i64::MAX);
            (
                "badge badge--failed",
                format!("Circuit open, tried again in {}", ui::plural(seconds, "second")),
            )
        }
        BreakerState::HalfOpen => ("badge badge--pending", "Trying one call".to_owned()),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

pub(super) fn advice(instance: &LiteLlmInstance) -> Option<AnyView> {
    if matches!(instance.breaker, BreakerState::Open { .. }) {
        let text = "Changes wait here in their order and are delivered when it answers again. New keys say pending, revoked ones revoking.";
        return Some(ui::callout(
            "warning",
            "LiteLLM is out of reach",
            view! { <p>{text}</p> }.into_any(),
        ));
    }
    let parked = instance.parked();
    (parked > 0).then(|| {
        let link = address(&instance.name, &[("state", "parked")]);
        let text = format!(
            "{} so often that nothing more is tried by itself.",
            if parked == 1 {
                "LiteLLM refused 1 change"
            } else {
                "LiteLLM refused changes"
            }
        );
        ui::callout(
            "danger",
            &format!(
                "{} for a decision",
                if parked == 1 {
                    "1 change waits".to_owned()
                } else {
                    format!("{parked} changes wait")
                }
            ),
            view! { <p>{text}" "<a class="link" href=link>"See why"</a></p> }.into_any(),
        )
    })
}

fn facts(instance: &LiteLlmInstance, now: DateTime<Utc>) -> AnyView {
    let moment = |at: Option<DateTime<Utc>>| match at {
        Some(at) => ui::time_ago(at, now),
        None => ui::or_dash(None),
    };
    let orphans = (instance.orphan_keys > 0).then(|| {
        view! {
            <div><dt>"Deleted keys"</dt><dd>{format!("{} deleted here may still work there", ui::plural(instance.orphan_keys, "key"))}</dd></div>
        }
    });
    view! {
        <dl class="facts">
            <div><dt>"Namespace"</dt><dd class="mono">{instance.namespace.clone()}</dd></div>
            <div><dt>"Last delivery"</dt><dd>{moment(instance.last_success)}</dd></div>
            <div><dt>"Oldest waiting change"</dt><dd>{moment(instance.oldest_pending)}</dd></div>
            {orphans}
        </dl>
    }
    .into_any()
}

/// Synced of all, by kind.
fn numbers(instance: &LiteLlmInstance) -> AnyView {
    let stats = instance.counts.iter().map(|counts| {
        let all = counts.synced + counts.pending + counts.failed + counts.parked;
        let note = match all - counts.synced {
            0 => "all there".to_owned(),
            open => format!("{open} not there yet"),
        };
        view! {
            <div class="stat">
                <span class="stat__label">{plural_kind(&counts.kind)}</span>
                <span class="stat__value">{counts.synced}" "<small>{format!("of {all}")}</small></span>
                <span class="stat__note">{note}</span>
            </div>
        }
    });
    view! { <div class="stats" role="group" aria-label="What LiteLLM has">{stats.collect_view()}</div> }.into_any()
}

fn plural_kind(kind: &str) -> &'static str {
    match kind {
        "team" => "Teams",
        "user" => "People",
        "member" => "Memberships",
        _ => "Keys",
    }
}
