//! `/admin/services`: what an organization has, for its teams to be allowed.

mod edit;
mod list;
mod new;

use domain::{ServiceKind, views::BrokenKeys};
pub use edit::edit;
use leptos::prelude::*;
pub use list::{add_button, catalogue_of, list};
pub use new::new;

use crate::{
    forms::FormState,
    ui::{self, Field},
};

/// What a service is, in words.
pub(super) fn kind_label(kind: ServiceKind) -> &'static str {
    match kind {
        ServiceKind::Http => "HTTP",
        ServiceKind::ModelGateway => "Model gateway",
    }
}

/// What a change breaks, in numbers: each with whether it is a loss.
pub(super) fn losses(broken: &BrokenKeys) -> Vec<(String, bool)> {
    if broken.keys == 0 {
        return vec![("No key breaks".to_owned(), false)];
    }
    let verb = if broken.keys == 1 { "loses" } else { "lose" };
    let mut lines = vec![(format!("{} {verb} it", ui::plural(broken.keys, "key")), true)];
    if broken.recently_used > 0 {
        let used = format!("{} of them used in the last 30 days", broken.recently_used);
        lines.push((used, true));
    }
    if broken.projects > 0 {
        lines.push((
            format!("{} with keys that lose it", ui::plural(broken.projects, "project")),
            true,
        ));
    }
    lines
}

/// The keys that a change breaks, by name: ten of them.
pub(super) fn broken_keys(broken: &BrokenKeys, now: chrono::DateTime<chrono::Utc>, with_team: bool) -> Option<AnyView> {
    if broken.examples.is_empty() {
        return None;
    }
    let more = broken.keys - i64::try_from(broken.examples.len()).unwrap_or_default();
    let rows = broken.examples.iter().map(|key| {
        let mut place = Vec::new();
        if with_team {
            place.push(key.team.clone());
        }
        place.extend(key.project.clone());
        place.push(key.owner.clone());
        let used = match key.last_used_at {
            Some(at) => view! { "used "{ui::time_ago(at, now)} }.into_any(),
            None => view! { "never used" }.into_any(),
        };
        view! {
            <li class="row">
                <div class="row__main">
                    <span class="row__title">{key.name.clone()}" "<code>{key.prefix.clone()}"…"</code></span>
                    <span class="row__text">{place.join(", ")}</span>
                </div>
                <span class="muted nowrap">{used}</span>
            </li>
        }
    });
    Some(
        view! {
            <ul class="rows broken-keys" aria-label="Keys that break">
                {rows.collect_view()}
                {(more > 0).then(|| view! { <li class="row muted">{format!("and {more} more")}</li> })}
            </ul>
        }
        .into_any(),
    )
}

/// The fields of a service. `fixed_name` says why the name cannot change.
fn fields(
    state: &FormState,
    name: &str,
    description: &str,
    kind: ServiceKind,
    paths: &str,
    fixed_name: Option<String>,
) -> AnyView {
    let chosen = state.value("kind", kind.as_str());
    let name_field = match fixed_name {
        Some(why) => view! {
            <div class="field">
                <span class="field__label" id="name-label">"Name"</span>
                <p class="field__hint">{why}</p>
                <p aria-labelledby="name-label"><code>{name.to_owned()}</code></p>
                <input type="hidden" name="name" value=name.to_owned() />
            </div>
        }
        .into_any(),
        None => Field {
            name: "name",
            label: "Name",
            hint: "Lowercase letters, digits, hyphens, underscores and dots. Proxies ask for it at /authz/{name}.",
            current: name,
            required: true,
            placeholder: "llm-service",
            ..Field::default()
        }
        .view(state),
    };
    view! {
        {name_field}
        {ui::text_area(state, "description", "Description", "What it is for: team admins read this before they allow it; at most 500 characters.", description)}
        <div class="field field--medium">
            <label class="field__label" for="kind">"Kind"</label>
            <p class="field__hint" id="kind-hint">"Behind a model gateway, models and budgets are checked too."</p>
            <select class="select" id="kind" name="kind" aria-describedby="kind-hint">
                {ServiceKind::ALL
                    .into_iter()
                    .map(|kind| {
                        view! { <option value=kind.as_str() selected=chosen == kind.as_str()>{kind_label(kind)}</option> }
                    })
                    .collect_view()}
            </select>
        </div>
        {ui::text_area(state, "path_prefixes", "Paths", "One a line, like /v1 or GET /v1. Requests below one of them are admitted; with none, all are.", paths)}
    }
    .into_any()
}
