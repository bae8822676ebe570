//! Deciding requests over REST, one or many (SPEC B31, C15).

use axum::response::Response;
use backend::requests::{self, BatchInput, Verdict};
use domain::RequestId;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::{Json, OptionalJson},
    call::{At, Call, json, sized_json},
    request_body::{Decision, DecisionResult, DecisionRow, Decisions, RequestDetail},
};
use crate::{problem::Problem, state::AppState};

/// About what one row takes in JSON, in bytes.
const ROW_SIZE: usize = 200;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(approve_requests))
        .routes(routes!(deny_requests))
        .routes(routes!(approve_request))
        .routes(routes!(deny_request))
        .routes(routes!(withdraw_request))
        .routes(routes!(revert_request))
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
    let mut detail = RequestDetail::from(reverted.page);
    detail.stays = reverted.stays;
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
