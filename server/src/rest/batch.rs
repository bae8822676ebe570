//! `/api/v1/admin/batch/{delete-runners,deactivate-teams,reactivate-teams}` (SPEC B26).

use axum::response::Response;
use backend::batch::{self, Outcome, RunnerBatchInput, TeamBatchInput};
use domain::StatusChange;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, sized_json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(delete_runners))
        .routes(routes!(deactivate_teams))
        .routes(routes!(reactivate_teams))
}

/// About what one row takes in JSON, in bytes.
const ROW_SIZE: usize = 200;

/// Which runners, and why. Exactly one scope.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_identity": "user@example.com", "comment": "Their contract has ended", "dry_run": true}))]
struct RunnerBatch {
    /// These, at most 1000.
    #[serde(default)]
    #[schema(max_items = 1000)]
    runner_ids: Vec<String>,
    /// Those of a team.
    team_id: Option<Uuid>,
    /// Those of a person: UUID or email address.
    user_identity: Option<String>,
    /// All that the caller administers. No scope at all is refused.
    #[serde(default)]
    all: bool,
    #[schema(min_length = 10, max_length = 500)]
    comment: String,
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Which teams, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"team_ids": ["0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"], "comment": "The department is closed", "dry_run": true}))]
struct TeamBatch {
    /// At most 1000. None is not all: that is `all`.
    #[serde(default)]
    #[schema(max_items = 1000)]
    team_ids: Vec<String>,
    /// All that the caller administers, instead.
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
struct BatchResult {
    /// Whether nothing failed.
    success: bool,
    #[schema(example = "delete_runners")]
    action: &'static str,
    affected_count: usize,
    failed_count: usize,
    comment: String,
    dry_run: bool,
    /// One row for each object.
    details: Vec<BatchRow>,
}

/// What became of one object.
#[derive(Debug, Serialize, ToSchema)]
struct BatchRow {
    /// Its id, or what was sent instead.
    id: String,
    name: Option<String>,
    success: bool,
    /// Why nothing was done.
    error: Option<String>,
}

fn answer(action: &'static str, comment: String, dry_run: bool, outcome: Outcome) -> Result<Response, Problem> {
    let (affected_count, failed_count) = (outcome.affected(), outcome.failed());
    let size = outcome.rows.len() * ROW_SIZE + 256;
    let row = |row: batch::Row| BatchRow {
        id: row.id,
        name: row.name,
        success: row.error.is_none(),
        error: row.error,
    };
    let result = BatchResult {
        success: failed_count == 0,
        action,
        affected_count,
        failed_count,
        comment,
        dry_run,
        details: outcome.rows.into_iter().map(row).collect(),
    };
    sized_json(StatusCode::OK, &result, size)
}

/// Delete several runners
///
/// At GitHub first, a few at a time. Those that cannot be deleted are told one by one, and the others are.
#[utoipa::path(
    post,
    path = "/admin/batch/delete-runners",
    tag = "Runners",
    request_body = RunnerBatch,
    responses(
        (status = 200, description = "What happened, or would", body = BatchResult),
        (status = 403, description = "`FORBIDDEN`: only admins of an organization, and super admins"),
        (status = 404, description = "`NOT_FOUND`: no such person that you may see"),
        (status = 409, description = "`WRONG_STATE`: the scope has more than 1000 runners"),
    )
)]
async fn delete_runners(call: Call, Json(body): Json<RunnerBatch>) -> Result<Response, Problem> {
    let (comment, dry_run) = (body.comment.trim().to_owned(), body.dry_run);
    let input = RunnerBatchInput {
        runner_ids: body.runner_ids,
        team_id: body.team_id.map(Into::into),
        user_identity: body.user_identity,
        all: body.all,
        comment: body.comment,
        dry_run,
    };
    let batch = input.parse()?;
    let outcome = batch::delete_runners(&call.backend, call.caller, call.info, &batch).await?;
    answer("delete_runners", comment, dry_run, outcome)
}

async fn change(call: Call, body: TeamBatch, change: StatusChange, action: &'static str) -> Result<Response, Problem> {
    let comment = body.comment.trim().to_owned();
    let input = TeamBatchInput {
        team_ids: body.team_ids,
        all: body.all,
        comment: body.comment,
        dry_run: body.dry_run,
    };
    let batch = input.parse()?;
    let mut ctx = call.write().await?;
    let outcome = batch::change_teams(&mut ctx, change, &batch).await?;
    if !batch.dry_run {
        ctx.commit().await?;
    }
    answer(action, comment, batch.dry_run, outcome)
}

/// Deactivate several teams
///
/// Their runners stay. Teams that cannot be deactivated are told one by one, and the others are.
#[utoipa::path(
    post,
    path = "/admin/batch/deactivate-teams",
    tag = "Teams",
    request_body = TeamBatch,
    responses(
        (status = 200, description = "What happened, or would", body = BatchResult),
        (status = 403, description = "`FORBIDDEN`: only admins of an organization, and super admins"),
        (status = 409, description = "`WRONG_STATE`: `all` is more than 1000 teams"),
    )
)]
async fn deactivate_teams(call: Call, Json(body): Json<TeamBatch>) -> Result<Response, Problem> {
    change(call, body, StatusChange::Deactivate, "deactivate_teams").await
}

/// Activate several teams again
#[utoipa::path(
    post,
    path = "/admin/batch/reactivate-teams",
    tag = "Teams",
    request_body = TeamBatch,
    responses(
        (status = 200, description = "What happened, or would", body = BatchResult),
        (status = 403, description = "`FORBIDDEN`: only admins of an organization, and super admins"),
        (status = 409, description = "`WRONG_STATE`: `all` is more than 1000 teams"),
    )
)]
async fn reactivate_teams(call: Call, Json(body): Json<TeamBatch>) -> Result<Response, Problem> {
    change(call, body, StatusChange::Activate, "reactivate_teams").await
}
