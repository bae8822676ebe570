//! `/api/v1/runners` (SPEC B11–B16, B18, B19).

use axum::response::Response;
use backend::runners::{self, Reach, RunnerQuery};
use chrono::{DateTime, Utc};
use domain::{RunnerId, RunnerStatus, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    call::{At, Call, json, sized_json},
    query::{QueryString, limit, offset},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_runners))
        .routes(routes!(get_runner))
}

/// How many runners a page has unless asked otherwise (SPEC B18).
const DEFAULT_LIMIT: i64 = 50;
/// About what one runner takes in JSON, in bytes.
const RUNNER_SIZE: usize = 750;

/// A runner, without its configuration, which is shown once and never kept.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_field_names, reason = "the names of SPEC B18")]
pub(super) struct Runner {
    runner_id: Uuid,
    #[schema(example = "backend-runner-a1b2c3")]
    runner_name: String,
    #[schema(value_type = RunnerState)]
    status: RunnerStatus,
    /// Whether it runs a job now.
    busy: bool,
    /// GitHub's id, once GitHub has one.
    github_runner_id: Option<i64>,
    runner_group_id: i64,
    #[schema(example = json!(["self-hosted", "linux", "x64", "docker", "backend-api"]))]
    labels: Vec<String>,
    /// Whether it takes one job only.
    ephemeral: bool,
    team_id: Option<Uuid>,
    #[schema(example = "Backend Team")]
    team_name: Option<String>,
    project_id: Option<Uuid>,
    /// Email of who provisioned it, or the machine client's name.
    #[schema(example = "user@example.com")]
    provisioned_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// When GitHub confirmed it.
    registered_at: Option<DateTime<Utc>>,
    /// Since when `status` and `busy` are what they are.
    state_since: DateTime<Utc>,
    /// When GitHub last told of it.
    last_seen_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    /// Why it was deleted: in somebody's words, or `not_found_in_github`, `registration_token_expired`, …
    deletion_reason: Option<String>,
}

/// Where a runner is in its life.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::RunnerStatus, which knows nothing of OpenAPI"
)]
pub(super) enum RunnerState {
    /// Reserved or registered, not yet seen at work.
    Pending,
    /// Connected to GitHub.
    Active,
    /// Known to GitHub, not connected.
    Offline,
    /// Gone.
    Deleted,
}

impl From<views::Runner> for Runner {
    fn from(runner: views::Runner) -> Self {
        Self {
            runner_id: runner.id.0,
            runner_name: runner.name,
            status: runner.status,
            busy: runner.busy,
            github_runner_id: runner.github_runner_id,
            runner_group_id: runner.runner_group_id,
            labels: runner.labels,
            ephemeral: runner.ephemeral,
            team_id: runner.team_id.map(Into::into),
            team_name: runner.team_name,
            project_id: runner.project_id.map(Into::into),
            provisioned_by: runner.provisioned_by,
            created_at: runner.created_at,
            updated_at: runner.updated_at,
            registered_at: runner.registered_at,
            state_since: runner.state_since,
            last_seen_at: runner.last_seen_at,
            deleted_at: runner.deleted_at,
            deletion_reason: runner.deletion_reason,
        }
    }
}

/// One page of runners, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct RunnerList {
    runners: Vec<Runner>,
    /// How many runners all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only runners of this status. Without one, deleted runners are left out.
    #[param(nullable = false, inline, value_type = Option<RunnerState>)]
    status: Option<RunnerStatus>,
    /// Only runners that take one job, or only those that take several.
    #[param(nullable = false)]
    ephemeral: Option<bool>,
    /// Only runners that run a job, or only those that do not.
    #[param(nullable = false)]
    busy: Option<bool>,
    /// Also deleted runners.
    #[param(nullable = false)]
    include_deleted: Option<bool>,
    /// Only runners with this in their name, in a label, or in the name or email of who provisioned them.
    #[param(nullable = false)]
    q: Option<String>,
    /// Only runners of the team with this name or slug.
    #[param(nullable = false)]
    team: Option<String>,
    /// Only runners of this team.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List runners
///
/// The caller's own, those of their active teams and of organizations that they administer; all of
/// them for super admins and auditors; for a machine client those of its team. Newest first.
#[utoipa::path(
    get,
    path = "/runners",
    tag = "Runners",
    params(ListParams),
    responses(
        (status = 200, description = "One page of runners", body = RunnerList),
        (status = 403, description = "`FORBIDDEN`: the caller may not see the team"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_runners(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = RunnerQuery {
        status: params.status,
        ephemeral: params.ephemeral,
        busy: params.busy,
        include_deleted: params.include_deleted.unwrap_or(false),
        search: params.q,
        reach: Reach::All,
        team_name: params.team,
        team_id: params.team_id.map(Into::into),
        cursor: params.cursor,
        offset: offset(params.offset)?,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = runners::list(&mut ctx, &query).await?;
    drop(ctx);
    let runners: Vec<_> = page.items.into_iter().map(Runner::from).collect();
    let size = runners.len() * RUNNER_SIZE + 128;
    sized_json(
        StatusCode::OK,
        &RunnerList {
            runners,
            total: page.total,
            next_cursor: page.next,
        },
        size,
    )
}

/// Show a runner
#[utoipa::path(
    get,
    path = "/runners/{id}",
    tag = "Runners",
    params(("id" = Uuid, Path, description = "The runner's id")),
    responses(
        (status = 200, description = "The runner", body = Runner),
        (status = 404, description = "`NOT_FOUND`: there is no such runner, or the caller may not see it"),
    )
)]
async fn get_runner(call: Call, At(id): At<RunnerId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let runner = runners::get(&mut ctx, id).await?;
    json(StatusCode::OK, &Runner::from(runner))
}
