//! `/api/v1/requests`: to join a team, and for what its people may not change themselves (SPEC B31, C15).

use axum::response::Response;
use backend::requests::{self, BatchInput, NewRequestInput, RequestQuery, Verdict};
use chrono::{DateTime, Utc};
use domain::{RequestId, RequestKind, RequestState, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, OptionalJson},
    call::{At, Call, json, sized_json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_requests, create_request))
        .routes(routes!(approve_requests))
        .routes(routes!(deny_requests))
        .routes(routes!(get_request))
        .routes(routes!(approve_request))
        .routes(routes!(deny_request))
        .routes(routes!(withdraw_request))
        .routes(routes!(revert_request))
}

/// How many requests a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;
/// About what one row takes in JSON, in bytes.
const ROW_SIZE: usize = 200;

/// A request.
#[derive(Debug, Serialize, ToSchema)]
struct AccessRequest {
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
struct RequestDetail {
    #[serde(flatten)]
    request: AccessRequest,
    /// Whether the caller may decide it, or undo a decision.
    can_decide: bool,
    /// What an approval that was undone did, and nobody undid; null otherwise.
    stays: Option<String>,
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
struct RequestList {
    requests: Vec<AccessRequest>,
    /// How many all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those that stand there.
    #[param(nullable = false, value_type = Option<String>, example = "pending")]
    state: Option<RequestState>,
    /// Only this kind.
    #[param(nullable = false, value_type = Option<String>, example = "model")]
    kind: Option<RequestKind>,
    /// Only this team's.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Only the caller's own.
    #[param(nullable = false)]
    mine: Option<bool>,
    /// Only those that wait for a decision that the caller may make.
    #[param(nullable = false)]
    to_decide: Option<bool>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Something to ask for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"kind": "quota", "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "value": 20, "reason": "The nightly builds wait for hours"}))]
struct NewRequest {
    /// `join`, `quota`, `budget`, `labels`, `service` or `model`.
    kind: String,
    #[schema(value_type = Uuid)]
    team_id: String,
    /// `join`: `member` (unless given) or `admin`. `quota`: runners at a time. `budget`: an amount, or an object with
    /// `max_budget`, `budget_duration`, `tpm_limit`, `rpm_limit`. `labels`: patterns, or an object with
    /// `required_labels` and `optional_label_patterns`. `service`, `model`: its name.
    #[serde(default)]
    #[schema(value_type = Object)]
    value: Value,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
    /// The denied request to look at again.
    #[schema(value_type = Option<Uuid>)]
    reviews: Option<String>,
}

/// Why it is decided so.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "Within this year's budget"}))]
struct Decision {
    /// A denial needs one: the requester reads it.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Which requests, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"], "reason": "Within this year's budget", "dry_run": true}))]
struct Decisions {
    #[schema(min_items = 1, max_items = 200, value_type = Vec<Uuid>)]
    ids: Vec<String>,
    /// A denial needs one.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// What became of many requests, or would.
#[derive(Debug, Serialize, ToSchema)]
struct DecisionResult {
    /// Whether nothing failed.
    success: bool,
    affected_count: usize,
    failed_count: usize,
    dry_run: bool,
    details: Vec<DecisionRow>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
struct DecisionRow {
    id: String,
    name: Option<String>,
    /// Why it stays as it was; null when it was decided, or would be.
    error: Option<String>,
}

/// List requests
///
/// The caller's own, and those of teams and organizations that they administer or audit.
#[utoipa::path(
    get,
    path = "/requests",
    tag = "Requests",
    params(ListParams),
    responses((status = 200, description = "One page of requests", body = RequestList))
)]
async fn list_requests(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = RequestQuery {
        state: params.state,
        kind: params.kind,
        team: params.team_id.map(Into::into),
        own: params.mine.unwrap_or(false),
        to_decide: params.to_decide.unwrap_or(false),
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = requests::list(&mut ctx, &query).await?;
    let list = RequestList {
        requests: page.items.into_iter().map(AccessRequest::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Ask for something
///
/// Anyone may ask to join a team; the rest is asked for by people of the team. It waits for somebody who may make the
/// change.
#[utoipa::path(
    post,
    path = "/requests",
    tag = "Requests",
    request_body = NewRequest,
    responses(
        (status = 201, description = "The request", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: the caller is not of the team; `TEAM_INACTIVE`"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`ALREADY_MEMBER`; `WRONG_STATE`: the team has that, or the same is asked for already"),
    )
)]
async fn create_request(call: Call, Json(body): Json<NewRequest>) -> Result<Response, Problem> {
    let input = NewRequestInput {
        kind: body.kind,
        team: body.team_id,
        value: body.value,
        reason: body.reason,
        reviews: body.reviews,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let page = requests::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &RequestDetail::from(page))
}

/// Get a request
#[utoipa::path(
    get,
    path = "/requests/{id}",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request", body = RequestDetail),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
    )
)]
async fn get_request(call: Call, At(id): At<RequestId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = requests::get(&mut ctx, id).await?;
    json(StatusCode::OK, &RequestDetail::from(page))
}

/// Approve a request
///
/// The change is made at once. When a rule refuses it, the approval is refused in its words and the request still waits.
#[utoipa::path(
    post,
    path = "/requests/{id}/approve",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    request_body(content = Decision, description = "May be left out"),
    responses(
        (status = 200, description = "The request, approved", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: the caller may not make the change"),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: it is decided already, its requester is deactivated, or the team is archived"),
    )
)]
async fn approve_request(
    call: Call,
    At(id): At<RequestId>,
    OptionalJson(body): OptionalJson<Decision>,
) -> Result<Response, Problem> {
    let reason = requests::parse_decision(Verdict::Approve, body.reason.as_deref())?;
    let mut ctx = call.write().await?;
    let page = requests::approve(&mut ctx, id, reason.as_ref()).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &RequestDetail::from(page))
}

/// Deny a request
#[utoipa::path(
    post,
    path = "/requests/{id}/deny",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    request_body = Decision,
    responses(
        (status = 200, description = "The request, denied", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: the caller may not decide it"),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: it is decided already"),
    )
)]
async fn deny_request(
    call: Call,
    At(id): At<RequestId>,
    OptionalJson(body): OptionalJson<Decision>,
) -> Result<Response, Problem> {
    let Some(reason) = requests::parse_decision(Verdict::Deny, body.reason.as_deref())? else {
        return Err(super::body::invalid("reason", "must be 1 to 500 characters"));
    };
    let mut ctx = call.write().await?;
    let page = requests::deny(&mut ctx, id, &reason).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &RequestDetail::from(page))
}

/// Withdraw one's own request
#[utoipa::path(
    post,
    path = "/requests/{id}/withdraw",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request, withdrawn", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: it is another's"),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: it is decided already"),
    )
)]
async fn withdraw_request(call: Call, At(id): At<RequestId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let page = requests::withdraw(&mut ctx, id).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &RequestDetail::from(page))
}

/// Undo a decision
///
/// The request waits again. What an approval changed stays, and `stays` says what.
#[utoipa::path(
    post,
    path = "/requests/{id}/revert",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request, which waits again", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: the caller may not decide it"),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: it is not decided, or the same is asked for again"),
    )
)]
async fn revert_request(call: Call, At(id): At<RequestId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let reverted = requests::revert(&mut ctx, id).await?;
    ctx.commit().await?;
    let detail = RequestDetail {
        stays: reverted.stays,
        ..RequestDetail::from(reverted.page)
    };
    json(StatusCode::OK, &detail)
}

/// Approve many requests
///
/// Each by itself: one that a rule refuses stays as it was and says why.
#[utoipa::path(
    post,
    path = "/requests/approve-batch",
    tag = "Requests",
    request_body = Decisions,
    responses(
        (status = 200, description = "What became of each", body = DecisionResult),
        (status = 403, description = "`FORBIDDEN`: the caller decides no requests"),
    )
)]
async fn approve_requests(call: Call, Json(body): Json<Decisions>) -> Result<Response, Problem> {
    decide(call, Verdict::Approve, body).await
}

/// Deny many requests
#[utoipa::path(
    post,
    path = "/requests/deny-batch",
    tag = "Requests",
    request_body = Decisions,
    responses(
        (status = 200, description = "What became of each", body = DecisionResult),
        (status = 403, description = "`FORBIDDEN`: the caller decides no requests"),
    )
)]
async fn deny_requests(call: Call, Json(body): Json<Decisions>) -> Result<Response, Problem> {
    decide(call, Verdict::Deny, body).await
}

async fn decide(call: Call, verdict: Verdict, body: Decisions) -> Result<Response, Problem> {
    let dry_run = body.dry_run;
    let input = BatchInput {
        verdict,
        ids: body.ids,
        reason: body.reason,
        dry_run,
    };
    let mut ctx = call.write().await?;
    let outcome = requests::decide_many(&mut ctx, input).await?;
    if !dry_run {
        ctx.commit().await?;
    }
    let result = DecisionResult {
        success: outcome.failed() == 0,
        affected_count: outcome.affected(),
        failed_count: outcome.failed(),
        dry_run,
        details: (outcome.rows.into_iter())
            .map(|row| DecisionRow {
                id: row.id,
                name: row.name,
                error: row.error,
            })
            .collect(),
    };
    let size = result.details.len() * ROW_SIZE;
    sized_json(StatusCode::OK, &result, size)
}
