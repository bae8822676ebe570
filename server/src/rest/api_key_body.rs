//! Keys for models in JSON, with the names of SPEC C8.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{ApiKeyStatus, KeyKind, Money, hierarchy::Bound, views};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

/// An API key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKey {
    id: Uuid,
    /// `models`: LiteLLM made it. `services`: a project's.
    #[schema(value_type = Kind)]
    kind: KeyKind,
    #[schema(example = "ci")]
    name: String,
    /// The first characters of the secret; empty as long as there is none.
    #[schema(example = "sk-Ab3xY9_q")]
    key_prefix: String,
    /// What it is worth now. `pending`: LiteLLM was away; its owner claims it. `replaced`: rotated, and works until
    /// `expiresAt`. `suspended`: its owner has no access, or the team is not active. `revoking`: Guildhall refuses it, LiteLLM
    /// has not confirmed that it does.
    #[schema(value_type = Status)]
    status: ApiKeyStatus,
    /// Whether it works.
    is_active: bool,
    team_id: Uuid,
    team_name: String,
    project_id: Option<Uuid>,
    owner_id: Uuid,
    #[schema(example = "user@example.com")]
    owner: String,
    /// Its name at LiteLLM.
    key_alias: Option<String>,
    /// Models by name; empty means all of the team's.
    model_ids: Vec<String>,
    max_budget: Option<f64>,
    soft_budget: Option<f64>,
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    tags: Vec<String>,
    guardrails: Value,
    metadata: Value,
    model_max_budget: Value,
    model_rpm_limit: Value,
    model_tpm_limit: Value,
    /// What LiteLLM's licence kept from it.
    not_in_force: Value,
    /// What it has spent in its period, as LiteLLM said at `spendAt`.
    current_spend: f64,
    /// In percent; null without a budget.
    budget_utilization: Option<f64>,
    spend_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    created_by: Option<String>,
    /// Null is never.
    expires_at: Option<DateTime<Utc>>,
    /// Last use at Guildhall's own doors, about.
    last_used_at: Option<DateTime<Utc>>,
    revoked_at: Option<DateTime<Utc>>,
    /// The key that has taken its place.
    replaced_by: Option<Uuid>,
    /// Why LiteLLM does not know yet what changed last.
    sync_error: Option<String>,
}

#[derive(ToSchema)]
#[schema(as = ApiKeyKind, rename_all = "lowercase")]
#[expect(dead_code, reason = "the schema of domain::KeyKind, which knows nothing of OpenAPI")]
enum Kind {
    Models,
    Services,
}

#[derive(ToSchema)]
#[schema(as = ApiKeyStatus, rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::ApiKeyStatus, which knows nothing of OpenAPI"
)]
enum Status {
    Pending,
    Active,
    Replaced,
    Suspended,
    Revoking,
    Revoked,
    Expired,
}

impl From<views::ApiKey> for ApiKey {
    fn from(mut key: views::ApiKey) -> Self {
        let budget_utilization = key.budget_utilization();
        let details = &mut key.details;
        let mut list = |name: &str| details.remove(name).unwrap_or_else(|| Value::Array(Vec::new()));
        let (guardrails, not_in_force) = (list("guardrails"), list("notInForce"));
        let mut map = |name: &str| details.remove(name).unwrap_or_else(|| Value::Object(Map::new()));
        Self {
            metadata: map("metadata"),
            model_max_budget: map("modelMaxBudget"),
            model_rpm_limit: map("modelRpmLimit"),
            model_tpm_limit: map("modelTpmLimit"),
            guardrails,
            not_in_force,
            id: key.id.0,
            kind: key.kind,
            name: key.name,
            key_prefix: key.prefix,
            status: key.status,
            is_active: key.status.works(),
            team_id: key.team_id.0,
            team_name: key.team_name,
            project_id: key.project_id.map(Uuid::from),
            owner_id: key.owner_id.0,
            owner: key.owner,
            key_alias: key.alias,
            model_ids: key.limits.models,
            max_budget: key.limits.max_budget.map(Money::to_f64),
            soft_budget: key.soft_budget.map(Money::to_f64),
            budget_duration: key.limits.budget_duration.map(String::from),
            tpm_limit: key.limits.tpm_limit,
            rpm_limit: key.limits.rpm_limit,
            tags: key.tags,
            current_spend: key.spend.to_f64(),
            budget_utilization,
            spend_at: key.spend_at,
            created_at: key.created_at,
            created_by: key.created_by,
            expires_at: key.expires_at,
            last_used_at: key.last_used_at,
            revoked_at: key.revoked_at,
            replaced_by: key.replaced_by.map(Uuid::from),
            sync_error: key.sync_error,
        }
    }
}

/// A key with its secret, which is shown this once.
#[derive(Serialize, ToSchema)]
#[schema(as = CreatedApiKey)]
pub(super) struct ReadyKey<'a> {
    /// The secret: what goes after `Authorization: Bearer`.
    #[schema(example = "sk-Ab3xY9_q…")]
    pub(super) key: &'a str,
    #[serde(flatten)]
    pub(super) about: ApiKey,
}

/// A key that LiteLLM was away for.
#[derive(Serialize, ToSchema)]
#[schema(as = PendingApiKey)]
pub(super) struct WaitingKey {
    /// Why, and what to do.
    pub(super) message: String,
    #[serde(flatten)]
    pub(super) about: ApiKey,
}

/// How a revocation stands.
#[derive(Serialize, ToSchema)]
#[schema(as = RevokedApiKey)]
pub(super) struct RevokedKey {
    pub(super) id: Uuid,
    #[schema(value_type = Status)]
    pub(super) status: ApiKeyStatus,
    /// What is still to happen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

/// One page of keys.
#[derive(Serialize, ToSchema)]
pub(super) struct ApiKeyList {
    pub(super) data: Vec<ApiKey>,
    pub(super) pagination: Pagination,
}

/// Which page it is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Pagination {
    page: i64,
    limit: i64,
    /// How many keys all pages hold.
    total: i64,
    total_pages: i64,
}

impl Pagination {
    pub(super) fn new(page: i64, limit: i64, total: i64) -> Self {
        Self {
            page,
            limit,
            total,
            total_pages: total.div_euclid(limit) + i64::from(total.rem_euclid(limit) > 0),
        }
    }
}

/// One key, what is in force for it, and what it spends.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ApiKeyDetail {
    #[serde(flatten)]
    about: ApiKey,
    effective_limits: EffectiveLimits,
    /// The last 30 days.
    daily_spend: Vec<DaySpend>,
}

/// What is in force, and who sets it; null is no limit.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct EffectiveLimits {
    max_budget: Option<Effective<f64>>,
    tpm_limit: Option<Effective<i64>>,
    rpm_limit: Option<Effective<i64>>,
    model_ids: Option<Effective<Vec<String>>>,
}

/// A limit and who sets it: `key`, `team` or `organization`.
#[derive(Serialize, ToSchema)]
struct Effective<T> {
    limit: T,
    #[schema(example = "team")]
    from: &'static str,
}

impl<T> Effective<T> {
    fn new<U>(bound: Bound<U>, written: impl FnOnce(U) -> T) -> Self {
        Self {
            limit: written(bound.value),
            from: bound.level.as_str(),
        }
    }
}

/// What was spent on a day, in UTC.
#[derive(Serialize, ToSchema)]
struct DaySpend {
    date: NaiveDate,
    spend: f64,
}

impl From<views::DaySpend> for DaySpend {
    fn from(day: views::DaySpend) -> Self {
        Self {
            date: day.day,
            spend: day.spend.to_f64(),
        }
    }
}

impl From<views::ApiKeyPage> for ApiKeyDetail {
    fn from(page: views::ApiKeyPage) -> Self {
        let effective = page.effective;
        Self {
            about: page.key.into(),
            effective_limits: EffectiveLimits {
                max_budget: (effective.max_budget).map(|bound| Effective::new(bound, |(budget, _)| budget.to_f64())),
                tpm_limit: (effective.tpm_limit).map(|bound| Effective::new(bound, |own| own)),
                rpm_limit: (effective.rpm_limit).map(|bound| Effective::new(bound, |own| own)),
                model_ids: (effective.models).map(|bound| Effective::new(bound, |own| own)),
            },
            daily_spend: page.days.into_iter().map(DaySpend::from).collect(),
        }
    }
}

/// Keys in numbers.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ApiKeyStats)]
pub(super) struct KeyStats {
    total: i64,
    /// How many there are with each status.
    #[schema(example = json!({"active": 3, "revoked": 1}))]
    by_status: std::collections::BTreeMap<&'static str, i64>,
    /// What they have spent in their periods together.
    total_spend: f64,
    daily_spend: Vec<DaySpend>,
}

impl From<views::KeyStats> for KeyStats {
    fn from(stats: views::KeyStats) -> Self {
        Self {
            total: stats.counts.iter().map(|(_, count)| count).sum(),
            by_status: stats
                .counts
                .iter()
                .map(|(status, count)| (status.as_str(), *count))
                .collect(),
            total_spend: stats.total_spend.to_f64(),
            daily_spend: stats.days.into_iter().map(DaySpend::from).collect(),
        }
    }
}
