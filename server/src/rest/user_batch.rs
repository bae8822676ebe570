//! `/api/v1/admin/batch/{disable-users,restore-users}` (SPEC B26).

use axum::response::Response;
use backend::users::{self, BatchAction, BatchInput};
use domain::views;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, sized_json},
    user_body::{Effects, TeamWithoutAdmin, without_admin},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(disable_users))
        .routes(routes!(restore_users))
}

/// About what one row takes in JSON, in bytes.
const ROW_SIZE: usize = 240;

/// Whom, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_ids": ["user@example.com"], "comment": "Their contract has ended", "dry_run": true}))]
struct UserBatch {
    /// UUIDs or email addresses, at most 1000. Nobody is not everybody: that is `all`.
    #[serde(default)]
    #[schema(max_items = 1000)]
    user_ids: Vec<String>,
    /// Everybody, instead of those named.
    #[serde(default)]
    all: bool,
    #[schema(min_length = 10, max_length = 500)]
    comment: String,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// What a batch did, or would do.
#[derive(Debug, Serialize, ToSchema)]
struct UserBatchResult {
    /// Whether nothing failed.
    success: bool,
    #[schema(example = "disable_users")]
    action: &'static str,
    affected_count: usize,
    failed_count: usize,
    comment: String,
    dry_run: bool,
    /// One row for each person.
    details: Vec<UserBatchRow>,
    /// Teams that have no admin any more.
    teams_without_admin: Vec<TeamWithoutAdmin>,
}

/// What became of one person.
#[derive(Debug, Serialize, ToSchema)]
struct UserBatchRow {
    /// Null when there is no such person.
    user_id: Option<Uuid>,
    /// The email address, or what was sent instead.
    #[schema(example = "user@example.com")]
    email: String,
    success: bool,
    /// Why nothing was done.
    error: Option<String>,
    /// What ends with the account; null unless it is disabled.
    effects: Option<Effects>,
}

async fn run(call: Call, body: UserBatch, action: BatchAction) -> Result<Response, Problem> {
    let (comment, dry_run) = (body.comment.trim().to_owned(), body.dry_run);
    let input = BatchInput {
        user_ids: body.user_ids,
        all: body.all,
        comment: body.comment,
        dry_run,
    };
    let batch = input.parse()?;
    let mut ctx = call.write().await?;
    let result = users::batch(&mut ctx, action, &batch).await?;
    ctx.commit().await?;
    let (affected_count, failed_count) = (result.affected(), result.failed());
    let row = |row: views::BatchRow| UserBatchRow {
        user_id: row.user_id.map(|id| id.0),
        email: row.email,
        success: row.refusal.is_none(),
        effects: (row.refusal.is_none() && action == BatchAction::Disable).then(|| row.counts.into()),
        error: row.refusal,
    };
    let size = result.rows.len() * ROW_SIZE + 256;
    let answer = UserBatchResult {
        success: failed_count == 0,
        action: action.as_str(),
        affected_count,
        failed_count,
        comment,
        dry_run,
        details: result.rows.into_iter().map(row).collect(),
        teams_without_admin: without_admin(result.teams_without_admin),
    };
    sized_json(StatusCode::OK, &answer, size)
}

/// Deactivate several accounts
///
/// Those that cannot be are told one by one, and the others are. The caller and the last active super admin are never
/// among them.
#[utoipa::path(
    post,
    path = "/admin/batch/disable-users",
    tag = "Users",
    request_body = UserBatch,
    responses(
        (status = 200, description = "What happened, or would", body = UserBatchResult),
        (status = 403, description = "`FORBIDDEN`: only super admins deactivate accounts"),
    )
)]
async fn disable_users(call: Call, Json(body): Json<UserBatch>) -> Result<Response, Problem> {
    run(call, body, BatchAction::Disable).await
}

/// Bring several accounts back
#[utoipa::path(
    post,
    path = "/admin/batch/restore-users",
    tag = "Users",
    request_body = UserBatch,
    responses(
        (status = 200, description = "What happened, or would", body = UserBatchResult),
        (status = 403, description = "`FORBIDDEN`: only super admins activate accounts"),
    )
)]
async fn restore_users(call: Call, Json(body): Json<UserBatch>) -> Result<Response, Problem> {
    run(call, body, BatchAction::Restore).await
}
