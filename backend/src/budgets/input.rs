//! What a request says of the limits of a member or a project.

use domain::{BudgetDuration, Fields, Invalid, Limits, Money, parse_count, parse_models};
use rust_decimal::Decimal;

use crate::teams::parse_budget;

/// Changes to limits: outer `None` keeps a field, inner `None` clears it.
#[derive(Debug, Clone, Default)]
pub struct LimitsPatchInput {
    /// AI models; none is all that the team has.
    pub models: Option<Vec<String>>,
    /// Budget for one period, in US dollars.
    pub max_budget: Option<Option<Decimal>>,
    /// The period.
    pub budget_duration: Option<Option<String>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Option<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Option<i64>>,
}

/// Changes to limits, parsed.
#[derive(Debug, Clone, Default)]
pub struct LimitsPatch {
    models: Option<Vec<String>>,
    max_budget: Option<Option<Money>>,
    budget_duration: Option<Option<BudgetDuration>>,
    tpm_limit: Option<Option<i64>>,
    rpm_limit: Option<Option<i64>>,
}

impl LimitsPatchInput {
    /// Parses all fields that are there.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<LimitsPatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let count = |field: &'static str, value: Option<Option<i64>>| {
            value
                .map(|value| value.map(|count| parse_count(field, count)).transpose())
                .transpose()
        };
        let period = self
            .budget_duration
            .map(|period| period.as_deref().map(BudgetDuration::parse).transpose())
            .transpose();
        let models = self.models.map(|models| parse_models(&models)).transpose();
        let patch = LimitsPatch {
            models: fields.take(models).flatten(),
            max_budget: fields.take(self.max_budget.map(parse_budget).transpose()).flatten(),
            budget_duration: fields.take(period).flatten(),
            tpm_limit: fields.take(count("tpm_limit", self.tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpm_limit", self.rpm_limit)).flatten(),
        };
        fields.finish().map(|()| patch)
    }

    /// As [`LimitsPatchInput::parse`], for a member, whose budget is called `max_budget_in_team`.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse_of_member(self) -> Result<LimitsPatch, Vec<Invalid>> {
        self.parse().map_err(of_member)
    }
}

/// The budget of a member under the name that it has there.
pub(crate) fn of_member(broken: Vec<Invalid>) -> Vec<Invalid> {
    (broken.into_iter())
        .map(|invalid| match &*invalid.field {
            "max_budget" => invalid.on("max_budget_in_team"),
            _ => invalid,
        })
        .collect()
}

impl LimitsPatch {
    /// Whether it names anything.
    pub(crate) fn changes(&self) -> bool {
        self.models.is_some()
            || self.max_budget.is_some()
            || self.budget_duration.is_some()
            || self.tpm_limit.is_some()
            || self.rpm_limit.is_some()
    }

    /// The limits after the change.
    pub(crate) fn apply(&self, before: &Limits) -> Limits {
        Limits {
            models: self.models.clone().unwrap_or_else(|| before.models.clone()),
            max_budget: self.max_budget.unwrap_or(before.max_budget),
            budget_duration: self
                .budget_duration
                .clone()
                .unwrap_or_else(|| before.budget_duration.clone()),
            tpm_limit: self.tpm_limit.unwrap_or(before.tpm_limit),
            rpm_limit: self.rpm_limit.unwrap_or(before.rpm_limit),
        }
    }
}
