//! Requests in JSON.

use chrono::{DateTime, Utc};
use domain::views;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

/// A request.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessRequest {
    id: Uuid,
    /// `join`, `quota`, `budget`, `labels`, `service` or `model`.
    #[schema(example = "model")]
    kind: &'static str,
    team_id: Uuid,
    #[schema(example = "Engineering")]
    team_name: String,
    /// Email of who asks.
    #[schema(example = "max@example.com")]
    requester: String,
    requester_id: Uuid,
    /// What is asked for: a role, a number, limits, lists of labels, or a name, by kind.
    #[schema(value_type = Object, example = json!("gpt-4o"))]
    value: Value,
    /// Why.
    #[schema(example = "The support assistant needs it")]
    reason: String,
    /// `pending`, `approved`, `denied` or `withdrawn`.
    #[schema(example = "approved")]
    state: &'static str,
    /// The same in the words of a model's approval: `active` is approved.
    #[schema(example = "active")]
    status: &'static str,
    /// The denied request that this asks to look at again.
    reviews: Option<Uuid>,
    /// Email of who decided it.
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    /// Why it was decided so; a denial always says.
    decision_reason: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<views::AccessRequest> for AccessRequest {
    fn from(request: views::AccessRequest) -> Self {
        Self {
            id: request.id.0,
            kind: request.value.kind().as_str(),
            team_id: request.team_id.0,
            team_name: request.team_name,
            requester: request.requester,
            requester_id: request.requester_id.0,
            value: request.value.to_json(),
            reason: request.reason,
            state: request.state.as_str(),
            status: request.state.status(),
            reviews: request.reviews.map(|id| id.0),
            decided_by: request.decided_by,
            decided_at: request.decided_at,
            decision_reason: request.decision,
            created_at: request.created_at,
        }
    }
}

/// A request, with what the caller may do with it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestDetail {
    #[serde(flatten)]
    request: AccessRequest,
    /// Whether the caller may decide it, or undo a decision.
    can_decide: bool,
    /// What an approval that was undone did, and nobody undid; null otherwise.
    pub(super) stays: Option<String>,
}

impl From<views::RequestPage> for RequestDetail {
    fn from(page: views::RequestPage) -> Self {
        Self {
            request: page.request.into(),
            can_decide: page.decides,
            stays: None,
        }
    }
}

/// One page of requests, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RequestList {
    pub(super) requests: Vec<AccessRequest>,
    /// How many all pages hold together.
    #[schema(example = 1)]
    pub(super) total: i64,
    /// `cursor` of the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

/// Something to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "quota", "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "value": 20, "reason": "The nightly builds wait for hours"}))]
pub(super) struct NewRequest {
    /// `join`, `quota`, `budget`, `labels`, `service` or `model`.
    pub(super) kind: String,
    #[schema(value_type = Uuid)]
    pub(super) team_id: String,
    /// `join`: `member` (unless given) or `admin`. `quota`: runners at a time. `budget`: an amount, or an object with
    /// `max_budget`, `budget_duration`, `tpm_limit`, `rpm_limit`. `labels`: patterns, or an object with
    /// `required_labels` and `optional_label_patterns`. `service`, `model`: its name.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(super) value: Value,
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
    /// The denied request to look at again.
    #[schema(value_type = Option<Uuid>)]
    pub(super) reviews: Option<String>,
}

/// Why it is decided so.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Within this year's budget"}))]
pub(super) struct Decision {
    /// A denial needs one: the requester reads it.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: Option<String>,
}

/// Which requests, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"], "reason": "Within this year's budget", "dry_run": true}))]
pub(super) struct Decisions {
    #[schema(min_items = 1, max_items = 200, value_type = Vec<Uuid>)]
    pub(super) ids: Vec<String>,
    /// A denial needs one.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: Option<String>,
    /// Only say what would happen.
    #[serde(default)]
    pub(super) dry_run: bool,
}

/// What became of many requests, or would.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecisionResult {
    /// Whether nothing failed.
    pub(super) success: bool,
    pub(super) affected_count: usize,
    pub(super) failed_count: usize,
    pub(super) dry_run: bool,
    pub(super) details: Vec<DecisionRow>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DecisionRow {
    pub(super) id: String,
    pub(super) name: Option<String>,
    /// Why it stays as it was; null when it was decided, or would be.
    pub(super) error: Option<String>,
}
