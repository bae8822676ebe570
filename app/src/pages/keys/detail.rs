//! `/keys/{id}`: one key for models.

use backend::api_keys;
use chrono::{DateTime, Utc};
use domain::{
    ApiKeyStatus, KeyId, KeyKind,
    hierarchy::{Bound, Level},
    views::{ApiKey, ApiKeyPage},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{dialogs, parts};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page as console_page},
    ssr::{self, Error},
    ui::{self, Field},
};

/// The form that changes a key, in the session.
pub const EDIT: &str = "edit-key";

/// `/keys/{id}`.
pub fn page() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("key").unwrap_or_default());
    console_page(async move {
        let key: KeyId = id.parse().map_err(|_| Error::not_found("Key", &id))?;
        let mut ctx = ssr::read().await?;
        let now = ctx.now;
        let loaded = api_keys::get(&mut ctx, key).await?;
        drop(ctx);
        let secret = parts::take().await;
        let change = forms::take(super::CHANGE).await;
        let edit = forms::take(EDIT).await;
        let key = &loaded.key;
        let body = view! {
            {ui::page_header(&key.name, Some(parts::status(key)), Some(about(key)), actions(&loaded))}
            {secret.map(parts::shown)}
            {ui::refusal(change.refusal())}
            {explain(&loaded)}
            <div class="split">
                <div class="split__main">
                    <div class="card"><div class="card__body stack">{parts::usage(key, now)} {parts::spending(&loaded.days)}</div></div>
                    {editable(&loaded).then(|| edit_form(key, &edit))}
                </div>
                <aside class="split__aside" aria-label="Details">{facts(key, now)} {limits(&loaded)}</aside>
            </div>
            {dialogs::asked(&loaded, now)}
        };
        Ok(Rendered::new(key.name.clone(), body)
            .under("API keys", "/keys")
            .at(key.name.clone()))
    })
}

fn editable(page: &ApiKeyPage) -> bool {
    page.may_manage && page.key.kind == KeyKind::Models && page.key.status.is_open()
}

fn about(key: &ApiKey) -> String {
    format!("A key for models of {}, paid by {}.", key.owner, key.team_name)
}

fn actions(page: &ApiKeyPage) -> AnyView {
    let key = &page.key;
    let link = |what: &str| format!("/keys/{}?confirm={what}", key.id);
    let models = key.kind == KeyKind::Models;
    let claim = models && page.own && key.status == ApiKeyStatus::Pending && !key.being_made;
    let rotate = models && page.may_hold && key.status == ApiKeyStatus::Active;
    let spent = matches!(
        key.status,
        ApiKeyStatus::Active | ApiKeyStatus::Replaced | ApiKeyStatus::Suspended
    );
    view! {
        {claim.then(|| view! {
            <form method="post" action="/actions/api-keys/claim" data-busy>
                <input type="hidden" name="key" value=key.id.to_string() />
                <button class="button button--primary">"Claim key"</button>
            </form>
        })}
        {rotate.then(|| view! { <a class="button" href=link("rotate")>"Rotate…"</a> })}
        {(page.may_reset && spent).then(|| view! { <a class="button" href=link("reset")>"Reset spending…"</a> })}
        {(page.may_manage && (key.status.is_open() || key.status == ApiKeyStatus::Revoking))
            .then(|| view! { <a class="button button--danger-quiet" href=link("revoke")>
                {if key.status == ApiKeyStatus::Revoking { "Ask LiteLLM again…" } else { "Revoke…" }}
            </a> })}
    }
    .into_any()
}

/// What a state means that is not simply "works" or "does not".
fn explain(page: &ApiKeyPage) -> Option<AnyView> {
    let key = &page.key;
    match key.status {
        ApiKeyStatus::Pending if key.being_made => Some(ui::callout(
            "info",
            "It is being made at this moment",
            view! { <p>"Reload this page in a minute."</p> }.into_any(),
        )),
        ApiKeyStatus::Pending => {
            let words = match (page.own, page.litellm_ready) {
                (true, true) => {
                    "LiteLLM was away when you created it. It seems to be back: claim the key, and it is made and shown to you once."
                }
                (true, false) => {
                    "LiteLLM is away. Once it is back, claim the key here: then it is made and shown to you once."
                }
                (false, _) => {
                    "LiteLLM was away when it was created. Its owner claims it: then it is made and shown to them once."
                }
            };
            let title = if page.litellm_ready {
                "Ready to claim"
            } else {
                "Waiting for LiteLLM"
            };
            Some(ui::callout("warning", title, view! { <p>{words}</p> }.into_any()))
        }
        ApiKeyStatus::Revoking => {
            let error = key.sync_error.clone();
            Some(ui::callout(
                "danger",
                "LiteLLM may still let this key in",
                view! {
                    <p>"Guildhall refuses it already. LiteLLM has not confirmed that it does; that is tried again until it has."</p>
                    {error.map(|error| view! { <p class="muted">{error}</p> })}
                }
                .into_any(),
            ))
        }
        _ => key.sync_error.clone().map(|error| {
            ui::callout(
                "warning",
                "LiteLLM does not know the last change yet",
                view! { <p>{error}</p> }.into_any(),
            )
        }),
    }
}

fn facts(key: &ApiKey, now: DateTime<Utc>) -> AnyView {
    let never = || view! { <span class="none">"never"</span> }.into_any();
    let dropped = parts::not_in_force(key);
    let mut rows: Vec<(&'static str, AnyView)> = vec![
        ("Kind", parts::kind(key.kind)),
        (
            "Key",
            if key.prefix.is_empty() {
                view! { <span class="none">"no secret yet"</span> }.into_any()
            } else {
                view! { <code>{format!("{}…", key.prefix)}</code> }.into_any()
            },
        ),
        ("Owner", view! { {key.owner.clone()} }.into_any()),
        (
            "Team",
            view! { <a href=format!("/admin/teams/{}", key.team_id)>{key.team_name.clone()}</a> }.into_any(),
        ),
        (
            "Name at LiteLLM",
            view! { <code>{key.alias.clone().unwrap_or_default()}</code> }.into_any(),
        ),
        ("Created", ui::time_ago(key.created_at, now)),
        ("Expires", key.expires_at.map_or_else(never, ui::time)),
    ];
    if let Some(at) = key.revoked_at {
        rows.push(("Revoked", ui::time_ago(at, now)));
    }
    if let Some(new) = key.replaced_by {
        rows.push((
            "Replaced by",
            view! { <a href=format!("/keys/{new}")>"the new key"</a> }.into_any(),
        ));
    }
    if !key.tags.is_empty() {
        rows.push(("Tags", view! { {key.tags.join(", ")} }.into_any()));
    }
    if !dropped.is_empty() {
        rows.push((
            "Not in force",
            view! { {format!("{}: needs a LiteLLM licence", dropped.join(", "))} }.into_any(),
        ));
    }
    let rows = rows
        .into_iter()
        .map(|(name, value)| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="key-facts">
            <header class="card__header"><h2 class="card__title" id="key-facts">"Details"</h2></header>
            <div class="card__body"><dl class="facts facts--stacked">{rows}</dl></div>
        </section>
    }
    .into_any()
}

/// What is in force, with whoever sets it.
fn limits(page: &ApiKeyPage) -> AnyView {
    fn line<T>(label: &'static str, bound: Option<&Bound<T>>, words: impl Fn(&T) -> String) -> AnyView {
        let value = bound.map_or_else(
            || view! { <span class="none">"no limit"</span> }.into_any(),
            |bound| {
                let from =
                    (bound.level != Level::Key).then(|| format!(", bound by {} {}", bound.level.as_str(), bound.name));
                view! { {words(&bound.value)}<span class="muted">{from}</span> }.into_any()
            },
        );
        view! { <div><dt>{label}</dt><dd>{value}</dd></div> }.into_any()
    }
    let effective = &page.effective;
    view! {
        <section class="card" aria-labelledby="key-limits">
            <header class="card__header"><h2 class="card__title" id="key-limits">"Limits in force"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    {line("Budget", effective.max_budget.as_ref(), |(budget, period)| {
                        let dollars = ui::dollars(*budget);
                        period.as_ref().map_or_else(|| dollars.clone(), |period| format!("{dollars} per {}", period.in_words()))
                    })}
                    {line("Tokens per minute", effective.tpm_limit.as_ref(), ToString::to_string)}
                    {line("Requests per minute", effective.rpm_limit.as_ref(), ToString::to_string)}
                    {line("Models", effective.models.as_ref(), |models| {
                        if models.is_empty() { "none".to_owned() } else { models.join(", ") }
                    })}
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn edit_form(key: &ApiKey, state: &FormState) -> AnyView {
    let limits = &key.limits;
    let number = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let money = |amount: Option<domain::Money>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    view! {
        <form class="card" method="post" action="/actions/api-keys/update" data-busy>
            <header class="card__header"><h2 class="card__title">"Change"</h2></header>
            <div class="card__body stack">
                {ui::error_summary(state)}
                {ui::refusal(state.refusal())}
                <input type="hidden" name="key" value=key.id.to_string() />
                {Field { name: "name", label: "Name", current: &key.name, required: true, ..Field::default() }.view(state)}
                {ui::text_area(state, "modelIds", "Models", "One per line or separated by commas. Leave empty for all of the team's.", &limits.models.join(", "))}
                {super::new::ask_for_model(state, &key.team_id.to_string())}
                <div class="field-row">
                    {Field { name: "maxBudget", label: "Budget in US dollars", kind: "number", current: &money(limits.max_budget), ..Field::default() }.view(state)}
                    {Field { name: "softBudget", label: "Warn from (US dollars)", kind: "number", current: &money(key.soft_budget), ..Field::default() }.view(state)}
                </div>
                {super::new::durations(state, limits.budget_duration.as_ref().map_or("", domain::BudgetDuration::as_str))}
                <div class="field-row">
                    {Field { name: "tpmLimit", label: "Tokens per minute", kind: "number", current: &number(limits.tpm_limit), ..Field::default() }.view(state)}
                    {Field { name: "rpmLimit", label: "Requests per minute", kind: "number", current: &number(limits.rpm_limit), ..Field::default() }.view(state)}
                </div>
                {Field { name: "tags", label: "Tags", hint: "Separated by commas.", current: &key.tags.join(", "), ..Field::default() }.view(state)}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}
