//! `/api/v1/admin/sync` (SPEC B21).

use axum::response::Response;
use backend::sync::{self, Passes};
use chrono::{DateTime, Utc};
use domain::views;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    call::{Call, json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_sync_status))
        .routes(routes!(list_sync_runs))
        .routes(routes!(run_sync))
}

/// How many passes a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

/// What a pass did, in runners. Updated, deleted, unchanged and errors together are the total.
#[derive(Debug, Serialize, ToSchema)]
struct SyncResult {
    updated: i32,
    deleted: i32,
    unchanged: i32,
    /// Could not be settled: the next pass tries again.
    errors: i32,
    /// Living runners whose labels their team's present policy does not admit.
    policy_violations: i32,
    /// Runners whose labels at GitHub are not those that were provisioned.
    label_drifts: i32,
    total: i32,
}

impl From<views::SyncCounts> for SyncResult {
    fn from(counts: views::SyncCounts) -> Self {
        Self {
            updated: counts.updated,
            deleted: counts.deleted,
            unchanged: counts.unchanged,
            errors: counts.errors,
            policy_violations: counts.policy_violations,
            label_drifts: counts.label_drifts,
            total: counts.total,
        }
    }
}

/// One pass.
#[derive(Debug, Serialize, ToSchema)]
struct SyncRun {
    id: Uuid,
    started_at: DateTime<Utc>,
    /// Null while it is under way.
    ended_at: Option<DateTime<Utc>>,
    /// Host name and process id.
    #[schema(example = "guildhall-7d9f:1")]
    worker: String,
    /// Who asked for it; null when its time had come.
    requested_by: Option<String>,
    /// Pages of GitHub's list that were read.
    pages: i32,
    result: SyncResult,
    /// Why it was not completed.
    #[schema(example = "GitHub API rate limit exceeded")]
    error: Option<String>,
}

impl From<views::SyncRun> for SyncRun {
    fn from(run: views::SyncRun) -> Self {
        Self {
            id: run.id,
            started_at: run.started_at,
            ended_at: run.ended_at,
            worker: run.worker,
            requested_by: run.requested_by,
            pages: run.pages,
            result: run.counts.into(),
            error: run.error,
        }
    }
}

/// How the sync does.
#[derive(Debug, Serialize, ToSchema)]
struct SyncStatus {
    /// Whether passes are made: GitHub is configured and the interval is more than 0.
    enabled: bool,
    /// `running`; `stale`: the worker has not been heard of for 15 seconds; `waiting`: there was none yet; `off`;
    /// `not_configured`.
    #[schema(example = "running")]
    state: &'static str,
    #[schema(example = 120)]
    interval_seconds: u64,
    worker_hostname: Option<String>,
    /// When the worker was last heard of.
    worker_heartbeat: Option<DateTime<Utc>>,
    /// When the last pass was over.
    last_sync_time: Option<DateTime<Utc>>,
    last_sync_result: Option<SyncResult>,
    /// Why the last pass was not completed.
    last_sync_error: Option<String>,
    /// When the next pass begins; null while there is no worker.
    next_run: Option<DateTime<Utc>>,
    /// Until when GitHub allows no calls.
    rate_limited_until: Option<DateTime<Utc>>,
    /// The latest five passes, newest first.
    runs: Vec<SyncRun>,
}

impl From<views::SyncStatus> for SyncStatus {
    fn from(status: views::SyncStatus) -> Self {
        let last = status.last().cloned();
        Self {
            enabled: status.state.is_enabled(),
            state: status.state.as_str(),
            interval_seconds: status.interval_seconds,
            worker_hostname: status.hostname,
            worker_heartbeat: status.heartbeat,
            last_sync_time: last.as_ref().and_then(|run| run.ended_at),
            last_sync_result: last.as_ref().map(|run| run.counts.into()),
            last_sync_error: last.and_then(|run| run.error),
            next_run: status.next_run,
            rate_limited_until: status.rate_limited_until,
            runs: status.runs.into_iter().map(SyncRun::from).collect(),
        }
    }
}

/// One page of passes, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct SyncRunList {
    runs: Vec<SyncRun>,
    /// How many passes all pages hold together; passes are kept for 30 days.
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only passes that changed something, failed, are under way, or were asked for.
    #[param(nullable = false)]
    notable: Option<bool>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Show how the sync with GitHub does
#[utoipa::path(
    get,
    path = "/admin/sync/status",
    tag = "Sync",
    responses(
        (status = 200, description = "The worker, and the last passes", body = SyncStatus),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see it"),
    )
)]
async fn get_sync_status(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    json(StatusCode::OK, &SyncStatus::from(sync::status(&mut ctx).await?))
}

/// List passes of the sync
#[utoipa::path(
    get,
    path = "/admin/sync/runs",
    tag = "Sync",
    params(ListParams),
    responses(
        (status = 200, description = "One page of passes", body = SyncRunList),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see them"),
    )
)]
async fn list_sync_runs(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let limit = limit(params.limit, DEFAULT_LIMIT)?;
    let mut ctx = call.read().await?;
    let which = match params.notable {
        Some(true) => Passes::Notable,
        _ => Passes::All,
    };
    let page = sync::list(&mut ctx, which, params.cursor.as_deref(), limit).await?;
    json(
        StatusCode::OK,
        &SyncRunList {
            runs: page.items.into_iter().map(SyncRun::from).collect(),
            total: page.total,
            next_cursor: page.next,
        },
    )
}

/// Ask for a pass now
///
/// The worker begins it within a second, or, while GitHub allows no calls, as soon as it does.
#[utoipa::path(
    post,
    path = "/admin/sync/run",
    tag = "Sync",
    responses(
        (status = 202, description = "The pass was asked for; the status as it is", body = SyncStatus),
        (status = 403, description = "`FORBIDDEN`: only super admins ask for a pass"),
        (status = 409, description = "`WRONG_STATE`: the sync is off"),
        (status = 503, description = "`NOT_CONFIGURED`: GitHub is not configured"),
    )
)]
async fn run_sync(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let status = sync::request(&mut ctx).await?;
    ctx.commit().await?;
    json(StatusCode::ACCEPTED, &SyncStatus::from(status))
}
