//! `/admin/settings/keys`: defaults and maximums (SPEC C9).

use backend::api_keys;
use domain::{KeyPolicy, Money, UserDefaults};
use leptos::prelude::*;

use crate::{
    forms::{self, FormState},
    layout::{Rendered, page as console_page},
    ssr,
    ui::{self, Field},
};

/// The forms, in the session.
pub const FORM: &str = "key-settings";
/// The form for people's limits.
pub const USERS: &str = "user-settings";

/// `/admin/settings/keys`.
pub fn page() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let policy = api_keys::key_policy(&mut ctx).await?;
        let users = api_keys::user_defaults(&mut ctx).await?;
        drop(ctx);
        // What is in the session is one form's: the other one finds nothing.
        let keys = forms::take(FORM).await;
        let people = forms::take(USERS).await;
        let description = "What new keys for models have, and what none may have more of.".to_owned();
        let body = view! {
            {ui::page_header("Key defaults", None, Some(description), ().into_any())}
            {key_form(&policy, &keys)}
            {user_form(&users, &people)}
        };
        Ok(Rendered::new("Key defaults", body).narrow().at("Key defaults"))
    })
}

fn money(amount: Option<Money>) -> String {
    amount.map(|amount| amount.to_string()).unwrap_or_default()
}

fn number(limit: Option<i64>) -> String {
    limit.map(|limit| limit.to_string()).unwrap_or_default()
}

fn key_form(policy: &KeyPolicy, state: &FormState) -> AnyView {
    let (own, top) = (&policy.defaults, &policy.maximums);
    let field = |name, label, current: String| {
        Field {
            name,
            label,
            kind: "number",
            current: &current,
            ..Field::default()
        }
        .view(state)
    };
    let duration = own.budget_duration.as_ref().map_or("", domain::BudgetDuration::as_str);
    view! {
        <form class="card" method="post" action="/actions/api-keys/settings" data-busy>
            <header class="card__header">
                <div>
                    <h2 class="card__title">"API keys"</h2>
                    <p class="card__description">"Keys that are there stay as they are until they are changed or rotated."</p>
                </div>
            </header>
            <div class="card__body stack">
                {ui::error_summary(state)}
                {ui::refusal(state.refusal())}
                <fieldset class="field-group">
                    <legend>"Defaults"</legend>
                    <p class="field__hint">"For what is not said. Leave empty for the maximum, if there is one."</p>
                    <div class="field-row">
                        {field("defaults.maxBudget", "Budget in US dollars", money(own.max_budget))}
                        {field("defaults.softBudget", "Warn from (US dollars)", money(own.soft_budget))}
                    </div>
                    {Field { name: "defaults.budgetDuration", label: "Budget period", hint: "Like daily, weekly, monthly or 30d.", current: duration, offers: ui::PERIODS, ..Field::default() }.view(state)}
                    <div class="field-row">
                        {field("defaults.tpmLimit", "Tokens per minute", number(own.tpm_limit))}
                        {field("defaults.rpmLimit", "Requests per minute", number(own.rpm_limit))}
                        {field("defaults.expiresInDays", "Expires in days", number(own.expires_in_days))}
                    </div>
                </fieldset>
                <fieldset class="field-group">
                    <legend>"Maximums"</legend>
                    <p class="field__hint">"With a maximum, a key without that limit is refused, too. Leave empty for no maximum."</p>
                    <div class="field-row">
                        {field("maximums.maxBudget", "Largest budget", money(top.max_budget))}
                        {field("maximums.expiresInDays", "Longest life in days", number(top.expires_in_days))}
                    </div>
                    <div class="field-row">
                        {field("maximums.tpmLimit", "Most tokens per minute", number(top.tpm_limit))}
                        {field("maximums.rpmLimit", "Most requests per minute", number(top.rpm_limit))}
                    </div>
                </fieldset>
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}

fn user_form(users: &UserDefaults, state: &FormState) -> AnyView {
    let field = |name, label, current: String| {
        Field {
            name,
            label,
            kind: "number",
            current: &current,
            ..Field::default()
        }
        .view(state)
    };
    view! {
        <form class="card" method="post" action="/actions/api-keys/user-settings" data-busy>
            <header class="card__header">
                <div>
                    <h2 class="card__title">"People"</h2>
                    <p class="card__description">"Limits for each person over all their keys at LiteLLM. They apply to people who are added from now on."</p>
                </div>
            </header>
            <div class="card__body stack">
                {ui::error_summary(state)}
                {ui::refusal(state.refusal())}
                <div class="field-row">
                    {field("maxBudget", "Budget of a person", money(users.max_budget))}
                    {field("tpmLimit", "Tokens per minute of a person", number(users.tpm_limit))}
                    {field("rpmLimit", "Requests per minute of a person", number(users.rpm_limit))}
                </div>
            </div>
            <footer class="card__footer"><button class="button button--primary">"Save Changes"</button></footer>
        </form>
    }
    .into_any()
}
