//! `/keys/new`: the form for a key for models.

use backend::api_keys;
use domain::{
    BudgetDuration, KeyPolicy,
    views::{KeyForm, KeyFormTeam},
};
use leptos::prelude::*;

use crate::{
    forms::{self, FormState},
    layout::{Rendered, page as console_page},
    ssr,
    ui::{self, Field},
};

/// The form, in the session.
pub const FORM: &str = "new-api-key";

/// `/keys/new`.
pub fn new() -> impl IntoView {
    console_page(async {
        // Someone who is in no team at all is added to the Default Team here.
        let mut ctx = ssr::write().await?;
        let form = api_keys::form(&mut ctx).await?;
        let backend = ctx.backend.clone();
        ctx.commit().await?;
        backend.litellm.require(None)?;
        let models = api_keys::offered(&backend).await;
        let state = forms::take(FORM).await;
        let body = view! {
            {ui::page_header("New API key", None, Some("For AI models. LiteLLM makes it, and your team pays.".to_owned()), ().into_any())}
            {ui::refusal(state.refusal())}
            {full(&form)}
            {fields(&form, &models, &state)}
        };
        Ok(Rendered::new("New API key", body)
            .narrow()
            .under("API keys", "/keys")
            .at("New"))
    })
}

fn full(form: &KeyForm) -> Option<AnyView> {
    (form.active >= api_keys::MAX_ACTIVE).then(|| {
        ui::callout(
            "warning",
            "Maximum 10 active API keys allowed per user",
            view! { <p>"Revoke one that is not used first."</p> }.into_any(),
        )
    })
}

fn fields(form: &KeyForm, models: &[String], state: &FormState) -> AnyView {
    let (own, top) = (&form.policy.defaults, &form.policy.maximums);
    let money = |amount: Option<domain::Money>| amount.map(|amount| amount.to_string()).unwrap_or_default();
    let number = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let manages = form.teams.iter().any(|team| team.manages);
    let (budget, warn) = (money(own.max_budget.or(top.max_budget)), money(own.soft_budget));
    let period = own.budget_duration.as_ref().map_or("", BudgetDuration::as_str);
    let (tokens, requests) = (
        number(own.tpm_limit.or(top.tpm_limit)),
        number(own.rpm_limit.or(top.rpm_limit)),
    );
    // A name and a team are enough; what somebody filled in beyond them, or what is wrong with it, is shown.
    let opens = [
        ("modelIds", ""),
        ("maxBudget", &budget),
        ("softBudget", &warn),
        ("budgetDuration", period),
        ("tpmLimit", &tokens),
        ("rpmLimit", &requests),
        ("tags", ""),
    ]
    .into_iter()
    .any(|(name, usual)| state.error(name).is_some() || state.value(name, usual) != usual);
    view! {
        <form class="form" method="post" action="/actions/api-keys/create" data-busy>
            {ui::error_summary(state)}
            {Field { name: "name", label: "Name", hint: "What you use it for.", required: true, placeholder: "CI of the backend", autofocus: true, ..Field::default() }.view(state)}
            {team_select(&form.teams, state)}
            {manages.then(|| Field { name: "owner", label: "For", hint: "Email address of a member of that team. Leave empty for yourself.", ..Field::default() }.view(state))}
            {super::expiry(state, "days", own.expires_in_days, top.expires_in_days)}
            <details class="more" open=opens>
                <summary>"Limits and models"</summary>
                <div class="stack">
                {model_choice(models, &form.teams, state)}
                {restricted(&form.teams)}
                <fieldset class="field-group">
                    <legend>"Limits"</legend>
                    <p class="field__hint">{hint(&form.policy)}</p>
                    <div class="field-row">
                        {Field { name: "maxBudget", label: "Budget in US dollars", kind: "number", current: &budget, ..Field::default() }.view(state)}
                        {Field { name: "softBudget", label: "Warn from (US dollars)", kind: "number", current: &warn, ..Field::default() }.view(state)}
                    </div>
                    {durations(state, period)}
                    <div class="field-row">
                        {Field { name: "tpmLimit", label: "Tokens per minute", kind: "number", current: &tokens, ..Field::default() }.view(state)}
                        {Field { name: "rpmLimit", label: "Requests per minute", kind: "number", current: &requests, ..Field::default() }.view(state)}
                    </div>
                </fieldset>
                {Field { name: "tags", label: "Tags", hint: "Separated by commas. They need a LiteLLM licence.", ..Field::default() }.view(state)}
                </div>
            </details>
            <div class="form-actions">
                <button class="button button--primary">"Create key"</button>
                <a class="button" href="/keys">"Cancel"</a>
            </div>
        </form>
    }
    .into_any()
}

/// The ceilings in a sentence.
fn hint(policy: &KeyPolicy) -> String {
    let top = &policy.maximums;
    let parts: Vec<String> = [
        top.max_budget
            .map(|budget| format!("a budget of {}", ui::dollars(budget))),
        top.tpm_limit.map(|limit| format!("{limit} tokens per minute")),
        top.rpm_limit.map(|limit| format!("{limit} requests per minute")),
        top.expires_in_days.map(|days| format!("{days} days")),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        "Leave empty for no limit of its own; the team's limits hold all the same.".to_owned()
    } else {
        format!("At most {}. The team's limits hold all the same.", parts.join(", "))
    }
}

fn team_select(teams: &[KeyFormTeam], state: &FormState) -> AnyView {
    let wanted = ssr::query("team").unwrap_or_default();
    let chosen = state.value("teamId", &wanted);
    let options = teams
        .iter()
        .map(|team| {
            let id = team.id.to_string();
            let budget = team
                .limits
                .max_budget
                .map(|budget| format!(" (budget {})", ui::dollars(budget)));
            let label = format!("{}{}", team.name, budget.unwrap_or_default());
            view! { <option value=id.clone() selected=chosen == id>{label}</option> }
        })
        .collect_view();
    let error = state.error("teamId");
    view! {
        <div class="field">
            <label class="field__label" for="teamId">"Team"</label>
            <p class="field__hint" id="teamId-hint">"It pays, and its models and limits hold."</p>
            <select class="select" id="teamId" name="teamId" aria-describedby="teamId-hint" aria-invalid=error.is_some().then_some("true")>
                {options}
            </select>
            {ui::error_line("teamId", error)}
        </div>
    }
    .into_any()
}

/// The models to choose from; without LiteLLM's word their names are typed.
fn model_choice(models: &[String], teams: &[KeyFormTeam], state: &FormState) -> AnyView {
    if models.is_empty() {
        return ui::text_area(
            state,
            "modelIds",
            "Models",
            "LiteLLM does not say which there are: write their names, separated by commas. Leave empty for all of the team's.",
            "",
        );
    }
    let chosen = domain::split_list(&state.value("modelIds", ""));
    let error = state.error("modelIds");
    let boxes = models
        .iter()
        .enumerate()
        .map(|(index, model)| {
            let id = format!("model-{index}");
            view! {
                <li class="check">
                    <input type="checkbox" id=id.clone() name="model[]" value=model.clone() checked=chosen.contains(model) />
                    <label for=id>{model.clone()}</label>
                    {needs_request(model, teams).map(|words| view! { <span class="badge badge--warning">{words}</span> })}
                </li>
            }
        })
        .collect_view();
    view! {
        <fieldset class="field-group" id="modelIds">
            <legend>"Models"</legend>
            <p class="field__hint">"None chosen: all of the team's that need no request."</p>
            <ul class="check-list">{boxes}</ul>
            {ui::error_line("modelIds", error)}
        </fieldset>
    }
    .into_any()
}

/// That a model needs a request, and for which of the teams where it is not all of them.
fn needs_request(model: &str, teams: &[KeyFormTeam]) -> Option<String> {
    let asked = ssr::query("team").unwrap_or_default();
    let asked_for: Vec<&KeyFormTeam> = teams.iter().filter(|team| team.id.to_string() == asked).collect();
    let of = if asked_for.is_empty() {
        teams.iter().collect()
    } else {
        asked_for
    };
    let needing: Vec<&str> = (of.iter())
        .filter(|team| team.restricted.iter().any(|restricted| restricted == model))
        .map(|team| team.name.as_str())
        .collect();
    match needing.len() {
        0 => None,
        some if some == of.len() => Some("needs a request".to_owned()),
        1 => Some(format!("needs a request for {}", needing[0])),
        some => Some(format!("needs a request for {some} of your teams")),
    }
}

/// A period that the list does not have, in words if it is one.
fn every(text: &str) -> String {
    let words = BudgetDuration::parse(text).map(|period| period.in_words());
    format!("every {}", words.as_deref().unwrap_or(text))
}

/// Which models the teams have to ask for first, and the way to ask.
fn restricted(teams: &[KeyFormTeam]) -> Option<AnyView> {
    let asked = ssr::query("team").unwrap_or_default();
    let rows = teams
        .iter()
        .filter(|team| !team.restricted.is_empty() && (asked.is_empty() || team.id.to_string() == asked))
        .flat_map(|team| team.restricted.iter().map(move |model| (team, model)))
        .map(|(team, model)| {
            view! {
                <li>
                    <code>{model.clone()}</code>
                    {format!(" for {}: ", team.name)}
                    <a class="link" href=request_link(&team.id.to_string(), model)>
                        "Request it"<span class="visually-hidden">{format!(": {model} for {}", team.name)}</span>
                    </a>
                </li>
            }
        })
        .collect::<Vec<_>>();
    (!rows.is_empty()).then(|| {
        ui::callout(
            "info",
            "Restricted models",
            view! { <p>"A key gets these once a request of its team is approved. Until then it does without them."</p> <ul>{rows}</ul> }
                .into_any(),
        )
    })
}

/// After a refusal of restricted models, where to ask for them.
pub(super) fn ask_for_model(state: &FormState, team: &str) -> Option<AnyView> {
    let words = state.error("modelIds")?;
    let (models, _) = words
        .split_once(" is restricted")
        .or_else(|| words.split_once(" are restricted"))?;
    let links = models
        .rsplit(": ")
        .next()?
        .split(", ")
        .map(|model| {
            let label = format!("Request {model}");
            view! { <a class="button button--small" href=request_link(team, model)>{label}</a> }
        })
        .collect_view();
    Some(view! { <p class="button-row">{links}</p> }.into_any())
}

/// Where a model is asked for.
fn request_link(team: &str, model: &str) -> String {
    let model: String = form_urlencoded::byte_serialize(model.as_bytes()).collect();
    format!(
        "{}/new?kind=model&team={team}&value={model}",
        crate::pages::requests::PAGE
    )
}

/// The choice of a budget's period.
pub(super) fn durations(state: &FormState, current: &str) -> AnyView {
    let chosen = state.value("budgetDuration", current);
    let known = [
        ("", "never"),
        ("1d", "every day"),
        ("7d", "every week"),
        ("1mo", "every month"),
        ("12mo", "every year"),
    ];
    let other = (!known.iter().any(|(value, _)| *value == chosen)).then(|| chosen.clone());
    let options = known
        .map(|(value, label)| view! { <option value=value selected=chosen == value>{label}</option> })
        .collect_view();
    let error = state.error("budgetDuration");
    view! {
        <div class="field field--medium">
            <label class="field__label" for="budgetDuration">"Budget period"</label>
            <select class="select" id="budgetDuration" name="budgetDuration" aria-invalid=error.is_some().then_some("true")>
                {options}
                {other.map(|other| view! { <option value=other.clone() selected>{every(&other)}</option> })}
            </select>
            {ui::error_line("budgetDuration", error)}
        </div>
    }
    .into_any()
}
