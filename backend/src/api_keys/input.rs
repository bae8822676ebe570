//! What a request for a key says, parsed field by field. Fields are called as SPEC C8 calls them.

use chrono::{DateTime, Utc};
use domain::{BudgetDuration, Fields, Invalid, KeyName, Money, TeamId, UserRef, parse_count, parse_models, parse_tags};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// The most bytes of JSON that a key may carry beside its limits.
const MAX_DETAILS: usize = 16 * 1024;

/// A key to be made, as a form or a JSON body gives it. Of a limit an outer none is "not said", an inner one "no limit".
#[derive(Debug, Clone, Default)]
pub struct NewApiKeyInput {
    /// Name.
    pub name: String,
    /// The limits.
    pub limits: LimitsInput,
    /// The team; the person's primary one unless said otherwise.
    pub team_id: Option<String>,
    /// Id or email of whose it shall be; the caller's own unless said otherwise.
    pub owner: Option<String>,
    /// Guardrails that its requests pass.
    pub guardrails: Vec<String>,
    /// What to store with it.
    pub metadata: Map<String, Value>,
    /// Budgets by model.
    pub model_max_budget: Map<String, Value>,
    /// Requests per minute by model.
    pub model_rpm_limit: Map<String, Value>,
    /// Tokens per minute by model.
    pub model_tpm_limit: Map<String, Value>,
}

/// What of a key can also be changed later.
#[derive(Debug, Clone, Default)]
pub struct LimitsInput {
    /// Models, at least one.
    pub model_ids: Option<Vec<String>>,
    /// When it ends.
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// Budget for one period.
    pub max_budget: Option<Option<Decimal>>,
    /// From here on LiteLLM warns.
    pub soft_budget: Option<Option<Decimal>>,
    /// The period.
    pub budget_duration: Option<Option<String>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Option<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Option<i64>>,
    /// Tags of its spending.
    pub tags: Option<Vec<String>>,
}

/// Changes of a key.
#[derive(Debug, Clone, Default)]
pub struct ApiKeyPatchInput {
    /// Name.
    pub name: Option<String>,
    /// The rest.
    pub limits: LimitsInput,
}

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewApiKey {
    pub(super) name: KeyName,
    pub(super) wanted: Wanted,
    pub(super) team: Option<TeamId>,
    pub(super) owner: Option<UserRef>,
    pub(super) details: Map<String, Value>,
}

/// Changes of a key, parsed.
#[derive(Debug, Clone)]
pub struct ApiKeyPatch {
    pub(super) name: Option<KeyName>,
    pub(super) wanted: Wanted,
}

/// Limits that were said.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    pub(super) models: Option<Vec<String>>,
    pub(super) expires_at: Option<Option<DateTime<Utc>>>,
    pub(super) max_budget: Option<Option<Money>>,
    pub(super) soft_budget: Option<Option<Money>>,
    pub(super) budget_duration: Option<Option<BudgetDuration>>,
    pub(super) tpm_limit: Option<Option<i64>>,
    pub(super) rpm_limit: Option<Option<i64>>,
    pub(super) tags: Option<Vec<String>>,
}

impl NewApiKeyInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewApiKey, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(KeyName::parse_long(&self.name));
        let wanted = self.limits.parse(&mut fields);
        let team = (self.team_id.as_deref().map(str::trim).filter(|id| !id.is_empty()))
            .map(|id| id.parse().map_err(|_| Invalid::new("teamId", "must be a UUID")));
        let team = fields.take(team.transpose());
        let owner = (self.owner.as_deref().map(str::trim).filter(|owner| !owner.is_empty()))
            .map(|owner| UserRef::parse("owner", owner));
        let owner = fields.take(owner.transpose());
        let details = details(&mut fields, &self);
        let new = (|| {
            Some(NewApiKey {
                name: name?,
                wanted,
                team: team?,
                owner: owner?,
                details,
            })
        })();
        fields.with(new)
    }
}

impl ApiKeyPatchInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<ApiKeyPatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(self.name.as_deref().map(KeyName::parse_long).transpose());
        let wanted = self.limits.parse(&mut fields);
        fields.with(name.map(|name| ApiKeyPatch { name, wanted }))
    }
}

impl LimitsInput {
    fn parse(&self, fields: &mut Fields) -> Wanted {
        let models = self.model_ids.as_ref().map(|models| {
            if models.is_empty() {
                return Err(Invalid::new(
                    "modelIds",
                    "must name at least one model; leave it out for all of the team's",
                ));
            }
            let models = parse_models(models).map_err(|invalid| invalid.on("modelIds"))?;
            // LiteLLM's words for no list at all.
            let all = models.iter().any(|model| model == "all-team-models");
            Ok(if all { Vec::new() } else { models })
        });
        let mut money = |field: &'static str, amount: Option<Option<Decimal>>| {
            let amount = amount.map(|amount| amount.map(|amount| Money::parse(field, amount)).transpose());
            fields.take(amount.transpose()).flatten()
        };
        let (max_budget, soft_budget) = (
            money("maxBudget", self.max_budget),
            money("softBudget", self.soft_budget),
        );
        let mut count = |field: &'static str, count: Option<Option<i64>>| {
            let count = count.map(|count| count.map(|count| parse_count(field, count)).transpose());
            fields.take(count.transpose()).flatten()
        };
        let (tpm_limit, rpm_limit) = (count("tpmLimit", self.tpm_limit), count("rpmLimit", self.rpm_limit));
        let duration = self.budget_duration.as_ref().map(|duration| {
            let duration = duration.as_deref().map(BudgetDuration::parse).transpose();
            duration.map_err(|invalid| invalid.on("budgetDuration"))
        });
        Wanted {
            models: fields.take(models.transpose()).flatten(),
            expires_at: self.expires_at,
            max_budget,
            soft_budget,
            budget_duration: fields.take(duration.transpose()).flatten(),
            tpm_limit,
            rpm_limit,
            tags: fields
                .take(self.tags.as_ref().map(|tags| parse_tags(tags)).transpose())
                .flatten(),
        }
    }
}

/// What else LiteLLM is told, under the names of SPEC C8.
fn details(fields: &mut Fields, input: &NewApiKeyInput) -> Map<String, Value> {
    let mut details = Map::new();
    if !input.guardrails.is_empty() {
        let guardrails = parse_tags(&input.guardrails).map_err(|invalid| invalid.on("guardrails"));
        if let Some(guardrails) = fields.take(guardrails) {
            details.insert("guardrails".to_owned(), json!(guardrails));
        }
    }
    let is_count = |value: &Value| value.as_u64().is_some_and(|count| count <= 1_000_000_000);
    let is_budget = |value: &Value| value.is_object() || value.as_f64().is_some_and(|amount| amount >= 0.0);
    for (field, map, fits, rule) in [
        ("metadata", &input.metadata, None, ""),
        (
            "modelMaxBudget",
            &input.model_max_budget,
            Some(&is_budget as &dyn Fn(&Value) -> bool),
            "must be a budget for each model",
        ),
        (
            "modelRpmLimit",
            &input.model_rpm_limit,
            Some(&is_count as &dyn Fn(&Value) -> bool),
            "must be a whole number for each model",
        ),
        (
            "modelTpmLimit",
            &input.model_tpm_limit,
            Some(&is_count as &dyn Fn(&Value) -> bool),
            "must be a whole number for each model",
        ),
    ] {
        if map.is_empty() {
            continue;
        }
        if fits.is_some_and(|fits| !map.values().all(fits)) {
            fields.push(Invalid::new(field, rule));
        }
        let text = Value::Object(map.clone()).to_string();
        if text.len() > MAX_DETAILS || text.contains("\\u0000") {
            fields.push(Invalid::new(
                field,
                "must be at most 16 KiB of JSON without NUL characters",
            ));
        }
        details.insert(field.to_owned(), Value::Object(map.clone()));
    }
    details
}
