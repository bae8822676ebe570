//! What can be done to a runner: refresh, delete, clean up (SPEC B19).

use axum::response::Response;
use backend::runners::{self, CleanupInput};
use domain::{
    Reason, RunnerId, RunnerStatus,
    views::{self, CleanupOutcome},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{self, Json, OptionalJson},
    call::{At, Call, json, sized_json},
    query::QueryString,
    runners::{Runner, RunnerState},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(refresh_runner))
        .routes(routes!(delete_runner))
        .routes(routes!(cleanup_runners))
}

/// About what one runner of a clean-up takes in JSON, in bytes.
const ROW_SIZE: usize = 350;

/// Refresh a runner
///
/// Asks GitHub about this one runner now. One that GitHub does not know any more is deleted, with the reason
/// `not_found_in_github`. When GitHub refuses or does not answer, nothing is changed.
#[utoipa::path(
    post,
    path = "/runners/{id}/refresh",
    tag = "Runners",
    params(("id" = Uuid, Path, description = "The runner's id")),
    responses(
        (status = 200, description = "The runner as it is now", body = Runner),
        (status = 400, description = "`RUNNER_ALREADY_DELETED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such runner, or the caller has nothing to do with it"),
        (status = 502, description = "`GITHUB_ERROR`: GitHub refused or failed"),
        (status = 503, description = "`GITHUB_RATE_LIMITED`; `NOT_CONFIGURED`: GitHub is not set up; `DATABASE_UNAVAILABLE`"),
    )
)]
async fn refresh_runner(call: Call, At(id): At<RunnerId>) -> Result<Response, Problem> {
    let runner = runners::refresh(&call.backend, call.caller, call.info, id).await?;
    json(StatusCode::OK, &Runner::from(runner))
}

/// Why a runner is deleted.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct DeleteRunner {
    /// Kept with the runner and in the audit log.
    #[schema(min_length = 1, max_length = 500, example = "not needed any more")]
    reason: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeleteParams {
    /// The same, for clients that send no body with DELETE.
    #[param(nullable = false, min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// A runner that is gone.
#[derive(Debug, Serialize, ToSchema)]
struct DeletedRunner {
    runner_id: Uuid,
    #[schema(example = "backend-runner-a1b2c3")]
    runner_name: String,
    #[schema(example = true)]
    success: bool,
    #[schema(example = "Runner 'backend-runner-a1b2c3' successfully deprovisioned")]
    message: String,
}

/// Delete a runner
///
/// At GitHub first, then here: until GitHub has agreed, the runner counts against its quota. Own runners, those of teams
/// that the caller administers, and those of administered organizations can be deleted.
#[utoipa::path(
    delete,
    path = "/runners/{id}",
    tag = "Runners",
    params(("id" = Uuid, Path, description = "The runner's id"), DeleteParams),
    request_body = Option<DeleteRunner>,
    responses(
        (status = 200, description = "The runner is gone", body = DeletedRunner),
        (status = 400, description = "`RUNNER_ALREADY_DELETED`"),
        (status = 404, description = "`NOT_FOUND`: there is no such runner, or it is another's"),
        (status = 409, description = "`RUNNER_BUSY`: it runs a job, or is being provisioned"),
        (status = 502, description = "`GITHUB_ERROR`: GitHub refused or failed; the runner stays"),
        (status = 503, description = "`GITHUB_RATE_LIMITED`; `NOT_CONFIGURED`: GitHub is not set up; `DATABASE_UNAVAILABLE`"),
    )
)]
async fn delete_runner(
    call: Call,
    At(id): At<RunnerId>,
    QueryString(params): QueryString<DeleteParams>,
    OptionalJson(body): OptionalJson<DeleteRunner>,
) -> Result<Response, Problem> {
    let reason = match (body.reason, params.reason) {
        (Some(_), Some(_)) => return Err(body::invalid("reason", "is given in the body and in the address")),
        (Some(text), None) | (None, Some(text)) => Some(Reason::parse(&text)?),
        (None, None) => None,
    };
    let reason = reason.as_ref().map(Reason::as_str);
    let runner = runners::delete(&call.backend, call.caller, call.info, id, reason).await?;
    json(
        StatusCode::OK,
        &DeletedRunner {
            runner_id: runner.id.0,
            message: format!("Runner '{}' successfully deprovisioned", runner.name),
            runner_name: runner.name,
            success: true,
        },
    )
}

/// What a runner does that can be cleaned up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Removable {
    /// Connected to GitHub, with no job.
    Idle,
    /// Not connected.
    Offline,
}

/// Which runners to remove. One of `team_id`, `organization_id` and `all`, or `own`, has to be given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({"team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "minutes": 10, "dry_run": true}))]
struct CleanupRunners {
    /// Only runners of this team.
    team_id: Option<Uuid>,
    /// Only runners of this organization's teams.
    organization_id: Option<Uuid>,
    /// All that the caller may delete.
    all: bool,
    /// Only the caller's own.
    own: bool,
    /// Which ones; both unless said otherwise.
    states: Option<Vec<Removable>>,
    /// Only those that have been so for at least so many minutes; 0 unless said otherwise.
    #[schema(minimum = 0, maximum = 10080, nullable = false)]
    minutes: Option<i64>,
    /// Only tell what would be removed.
    dry_run: bool,
    /// Kept with the runners and in the audit log.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

impl From<CleanupRunners> for CleanupInput {
    fn from(body: CleanupRunners) -> Self {
        let takes = |state| body.states.as_ref().is_none_or(|states| states.contains(&state));
        Self {
            team_id: body.team_id.map(Into::into),
            organization_id: body.organization_id.map(Into::into),
            own: body.own,
            all: body.all,
            idle: takes(Removable::Idle),
            offline: takes(Removable::Offline),
            minutes: body.minutes.unwrap_or(0),
            before: None,
            reason: body.reason,
            dry_run: body.dry_run,
        }
    }
}

/// What a clean-up did, or would do.
#[derive(Debug, Serialize, ToSchema)]
struct CleanupResult {
    dry_run: bool,
    /// How many runners fit; one call removes at most 500 of them, those first that have done nothing the longest.
    matched: i64,
    /// How many are gone.
    removed: usize,
    /// How many should be and are not.
    failed: usize,
    runners: Vec<CleanedRunner>,
}

/// One runner of a clean-up.
#[derive(Debug, Serialize, ToSchema)]
struct CleanedRunner {
    runner_id: Uuid,
    runner_name: String,
    provisioned_by: String,
    /// What it was.
    #[schema(value_type = RunnerState)]
    status: RunnerStatus,
    /// Since when.
    since: chrono::DateTime<chrono::Utc>,
    /// `removed`, `would_remove` or `failed`.
    #[schema(example = "removed")]
    outcome: &'static str,
    /// Why it failed, for programs.
    error_code: Option<&'static str>,
    /// Why it failed, for people.
    detail: Option<String>,
}

impl From<views::CleanupRow> for CleanedRunner {
    fn from(row: views::CleanupRow) -> Self {
        let (outcome, error_code, detail) = match row.outcome {
            CleanupOutcome::WouldRemove => ("would_remove", None, None),
            CleanupOutcome::Removed => ("removed", None, None),
            CleanupOutcome::Failed(code, detail) => ("failed", Some(code), Some(detail)),
        };
        Self {
            runner_id: row.runner.id.0,
            runner_name: row.runner.name,
            provisioned_by: row.runner.provisioned_by,
            status: row.runner.status,
            since: row.runner.state_since,
            outcome,
            error_code,
            detail,
        }
    }
}

/// Remove idle or offline runners
///
/// Of those that the caller may delete. Each is deleted by itself and has its own outcome; one that takes a job
/// meanwhile stays. Pending and busy runners are never taken.
#[utoipa::path(
    post,
    path = "/runners/cleanup",
    tag = "Runners",
    request_body = CleanupRunners,
    responses(
        (status = 200, description = "What became of each runner", body = CleanupResult),
        (status = 403, description = "`FORBIDDEN`: the caller may not see the team, or does not administer the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn cleanup_runners(call: Call, Json(body): Json<CleanupRunners>) -> Result<Response, Problem> {
    let request = CleanupInput::from(body).parse()?;
    let cleanup = runners::cleanup(&call.backend, call.caller, call.info, request).await?;
    let result = CleanupResult {
        dry_run: cleanup.dry_run,
        matched: cleanup.matched,
        removed: cleanup.removed(),
        failed: cleanup.failed(),
        runners: cleanup.rows.into_iter().map(CleanedRunner::from).collect(),
    };
    let size = result.runners.len() * ROW_SIZE + 128;
    sized_json(StatusCode::OK, &result, size)
}
