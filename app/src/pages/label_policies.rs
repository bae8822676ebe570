//! What people in no team may put on runners: the list, one of them, and the way into teams.

mod edit;
mod list;
mod migrate;

use domain::{UserLabelPolicy, views::PersonPolicy};
pub use edit::{edit, new};
use leptos::prelude::*;
pub use list::list;
pub use migrate::{Kept, MIGRATE, Plan, keep, migrate};

use crate::ui;

/// The form of one policy, in the session.
pub const POLICY: &str = "label-policy";
/// Where the list is.
pub const BASE: &str = "/admin/label-policies";

/// What a policy without labels and patterns comes to.
pub const ONLY_SYSTEM: &str =
    "It allows no label of its own: runners get self-hosted, linux and x64, and any other label is refused.";

/// The labels and patterns of a policy, as chips: at most `most` of each.
fn labels(policy: &UserLabelPolicy, most: usize) -> AnyView {
    let patterns: Vec<String> = policy.patterns.iter().map(ToString::to_string).collect();
    let allowed = if policy.allows_all() {
        view! { <span class="badge badge--warning">"All labels"</span> }.into_any()
    } else if policy.allows_none() {
        view! { <span class="badge badge--warning" title=ONLY_SYSTEM>"System labels only"</span> }.into_any()
    } else {
        some("Allowed labels", "custom", &policy.allowed, most)
    };
    let patterns = (!patterns.is_empty()).then(|| some("Label patterns", "pattern", &patterns, most));
    view! { <div class="label-policy">{allowed} {patterns}</div> }.into_any()
}

fn some(name: &'static str, kind: &str, texts: &[String], most: usize) -> AnyView {
    let shown = texts.get(..most).unwrap_or(texts);
    let more = texts.len() - shown.len();
    view! {
        {ui::chips(name, kind, shown)}
        {(more > 0).then(|| view! { <small class="muted">{format!("and {more} more")}</small> })}
    }
    .into_any()
}

/// What a policy allows, in full: also for the person whose it is.
pub(super) fn facts(policy: &UserLabelPolicy) -> AnyView {
    let patterns: Vec<String> = policy.patterns.iter().map(ToString::to_string).collect();
    let allowed = if policy.allows_all() {
        "all".into_any()
    } else if policy.allowed.is_empty() {
        "none by name".into_any()
    } else {
        ui::chips("Allowed labels", "custom", &policy.allowed)
    };
    let patterns = if patterns.is_empty() {
        "none".into_any()
    } else {
        ui::chips("Label patterns", "pattern", &patterns)
    };
    let max = policy
        .max_runners
        .map_or_else(|| "no limit".to_owned(), |max| max.to_string());
    view! {
        <dl class="facts">
            <div><dt>"Allowed labels"</dt><dd>{allowed}</dd></div>
            <div><dt>"Label patterns"</dt><dd>{patterns}</dd></div>
            <div><dt>"Max runners"</dt><dd>{max}</dd></div>
            {policy.require_approval.then(|| view! { <div><dt>"Approval"</dt><dd>"needed for each runner"</dd></div> })}
        </dl>
    }
    .into_any()
}

/// Whether a policy counts now, or a team's does.
fn state(policy: &PersonPolicy) -> AnyView {
    if policy.deactivated {
        view! { <span class="badge badge--inactive">"Deactivated"</span> }.into_any()
    } else if policy.teams > 0 {
        let title = format!(
            "In {}, whose policies count instead",
            ui::plural(policy.teams, "active team")
        );
        view! { <span class="badge" title=title>"In a team"</span> }.into_any()
    } else {
        view! { <span class="badge badge--active">"In force"</span> }.into_any()
    }
}

/// Live runners against the number that a policy allows.
fn runners(policy: &PersonPolicy) -> AnyView {
    ui::meter(
        i32::try_from(policy.runners).unwrap_or(i32::MAX),
        policy.policy.max_runners,
    )
}
