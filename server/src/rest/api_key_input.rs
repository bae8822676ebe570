//! What requests for keys for models say in JSON, with the names of SPEC C8.

use backend::api_keys::{ApiKeyPatchInput, LimitsInput, NewApiKeyInput};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{body::present, team_body::Amount};

/// A new key. What is left out is the installation's default; null is no limit.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"name": "ci", "modelIds": ["gpt-4o"], "maxBudget": 10, "budgetDuration": "monthly"}))]
pub(super) struct NewApiKey {
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// Models by name; all of the team's when left out.
    #[schema(nullable = false, min_items = 1)]
    model_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Option<Amount>>,
    /// From here on LiteLLM warns.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    soft_budget: Option<Option<Amount>>,
    /// `daily`, `weekly`, `monthly`, `yearly`, or like `30s`, `30m`, `30h`, `30d`, `1mo`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "monthly")]
    budget_duration: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
    /// The team that pays; the owner's primary team unless said otherwise.
    #[schema(value_type = Option<Uuid>)]
    team_id: Option<String>,
    /// UUID or email address of whose it shall be: someone of the team who has no more rights than the caller.
    owner: Option<String>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    #[serde(default)]
    guardrails: Vec<String>,
    #[serde(default)]
    metadata: Map<String, Value>,
    /// Budgets by model, as LiteLLM writes them.
    #[serde(default)]
    model_max_budget: Map<String, Value>,
    /// Requests per minute by model.
    #[serde(default)]
    model_rpm_limit: Map<String, Value>,
    /// Tokens per minute by model.
    #[serde(default)]
    model_tpm_limit: Map<String, Value>,
}

fn decimal(amount: Option<Option<Amount>>) -> Option<Option<Decimal>> {
    amount.map(|amount| amount.map(Decimal::from))
}

impl NewApiKey {
    pub(super) fn into_input(self) -> NewApiKeyInput {
        NewApiKeyInput {
            name: self.name,
            limits: LimitsInput {
                model_ids: self.model_ids,
                expires_at: self.expires_at,
                max_budget: decimal(self.max_budget),
                soft_budget: decimal(self.soft_budget),
                budget_duration: self.budget_duration,
                tpm_limit: self.tpm_limit,
                rpm_limit: self.rpm_limit,
                tags: self.tags,
            },
            team_id: self.team_id,
            owner: self.owner,
            guardrails: self.guardrails,
            metadata: self.metadata,
            model_max_budget: self.model_max_budget,
            model_rpm_limit: self.model_rpm_limit,
            model_tpm_limit: self.model_tpm_limit,
        }
    }
}

/// Changes: a field that is left out stays, null takes a limit away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schema(example = json!({"maxBudget": 20}))]
pub(super) struct ApiKeyPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 255)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_items = 1)]
    model_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    soft_budget: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "monthly")]
    budget_duration: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    tags: Option<Vec<String>>,
}

impl ApiKeyPatch {
    pub(super) fn into_input(self) -> ApiKeyPatchInput {
        ApiKeyPatchInput {
            name: self.name,
            limits: LimitsInput {
                model_ids: self.model_ids,
                expires_at: self.expires_at,
                max_budget: decimal(self.max_budget),
                soft_budget: decimal(self.soft_budget),
                budget_duration: self.budget_duration,
                tpm_limit: self.tpm_limit,
                rpm_limit: self.rpm_limit,
                tags: self.tags,
            },
        }
    }
}
