//! The fields of models, budget and rates, in the form of whatever has them.

use domain::Limits;
use leptos::prelude::*;

use crate::{
    forms::FormState,
    ui::{self, Field},
};

/// What stands above the fields.
pub struct Hints {
    /// Of the models.
    pub models: &'static str,
    /// Of the budget.
    pub budget: &'static str,
    /// Of each rate.
    pub rate: &'static str,
}

/// The fields, with what was sent or what is in force.
pub fn limit_fields(state: &FormState, limits: &Limits, hints: &Hints) -> AnyView {
    let number = |limit: Option<i64>| limit.map(|limit| limit.to_string()).unwrap_or_default();
    let budget = limits.max_budget.map(|amount| amount.to_string()).unwrap_or_default();
    let period = limits
        .budget_duration
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default();
    let field = |name: &'static str, label: &'static str, hint: &'static str, current: &str| {
        Field {
            name,
            label,
            hint,
            current,
            ..Field::default()
        }
        .view(state)
    };
    view! {
        {ui::text_area(state, "models", "Models", hints.models, &limits.models.join("\n"))}
        <div class="field-row">
            {field("max_budget", "Budget in US dollars", hints.budget, &budget)}
            {Field {
                name: "budget_duration",
                label: "Budget period",
                hint: "Like daily, weekly, monthly or 30d.",
                current: &period,
                offers: ui::PERIODS,
                ..Field::default()
            }
                .view(state)}
        </div>
        <div class="field-row">
            {field("tpm_limit", "Tokens per minute", hints.rate, &number(limits.tpm_limit))}
            {field("rpm_limit", "Requests per minute", hints.rate, &number(limits.rpm_limit))}
        </div>
    }
    .into_any()
}
