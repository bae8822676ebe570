//! The waiting list of a team whose quota is full.

use axum::extract::RawPathParams;
use axum::response::{IntoResponse as _, Response};
use backend::{
    Error,
    runners::{JitInput, waits},
};
use chrono::{DateTime, Utc};
use domain::{TeamId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, PathPart, json, secret_json, shown, text},
    jit::{JitRequest, ProvisionedRunner},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(join_waiting_list, list_waits))
        .routes(routes!(get_wait, leave_waiting_list))
        .routes(routes!(claim_wait))
        .routes(routes!(set_waiting_list))
}

/// A wait, by its id in the path.
struct WaitId(Uuid);

impl PathPart for WaitId {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        let id = text(params, "wait_id");
        id.parse()
            .map(Self)
            .map_err(|_| Error::not_found("Wait", shown(id)).into())
    }
}

/// Someone's wait for a runner.
#[derive(Debug, Serialize, ToSchema)]
struct RunnerWait {
    id: Uuid,
    team_id: Uuid,
    #[schema(example = "Backend")]
    team_name: String,
    /// Email of who waits.
    #[schema(example = "user@example.com")]
    user: String,
    /// `waiting`; `ready`: a place is held until `ready_until`, claim it; `claimed`, `left` or `expired`.
    #[schema(example = "waiting")]
    state: String,
    /// How many of this team wait up to here, from 1; null for one who does not wait any more.
    #[schema(example = 2)]
    position: Option<i64>,
    created_at: DateTime<Utc>,
    ready_until: Option<DateTime<Utc>>,
    /// The custom labels that were asked for.
    labels: Vec<String>,
}

impl From<views::RunnerWait> for RunnerWait {
    fn from(wait: views::RunnerWait) -> Self {
        Self {
            id: wait.id,
            team_id: wait.team_id.0,
            team_name: wait.team_name,
            user: wait.user,
            state: wait.state,
            position: wait.position,
            created_at: wait.created_at,
            ready_until: wait.ready_until,
            labels: wait.labels,
        }
    }
}

/// Open waits, in their order.
#[derive(Debug, Serialize, ToSchema)]
struct RunnerWaits {
    waits: Vec<RunnerWait>,
    /// Of all pages.
    #[schema(example = 1)]
    total: i64,
    /// For the next page.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct WaitsOf {
    /// All of this team's, for those who manage its members; without it the caller's own, which are one page.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Waits on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Wait for a runner
///
/// The body is that of `POST /runners/jit` and is checked in the same way. Once there is room, the place of the first one
/// is held: `state` is `ready`, and `claim` provisions. While people wait, nobody overtakes them with a direct request.
#[utoipa::path(
    post,
    path = "/runners/waits",
    tag = "Runners",
    request_body = JitRequest,
    responses(
        (status = 201, description = "Where the caller is in the line", body = RunnerWait),
        (status = 403, description = "`NOT_TEAM_MEMBER`, `TEAM_INACTIVE`, `LABEL_NOT_PERMITTED`, `JIT_NOT_PERMITTED`; `FORBIDDEN`: the team may not have runners"),
        (status = 404, description = "`NOT_FOUND`: the team has no such project"),
        (status = 409, description = "`WRONG_STATE`: the team has no waiting list, there is room, or the caller waits already"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn join_waiting_list(call: Call, Json(body): Json<JitRequest>) -> Result<Response, Problem> {
    let wait = waits::join(&call.backend, call.caller, call.info, JitInput::from(body)).await?;
    json(StatusCode::CREATED, &RunnerWait::from(wait))
}

/// List who waits for a runner
#[utoipa::path(
    get,
    path = "/runners/waits",
    tag = "Runners",
    params(WaitsOf),
    responses(
        (status = 200, description = "Open waits", body = RunnerWaits),
        (status = 403, description = "`FORBIDDEN`: only those who manage the team's members see who waits"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn list_waits(call: Call, QueryString(of): QueryString<WaitsOf>) -> Result<Response, Problem> {
    let query = waits::LineQuery {
        cursor: of.cursor,
        limit: limit(of.limit, waits::LineQuery::default().limit)?,
    };
    let mut ctx = call.read().await?;
    let (waits, total, next_cursor) = match of.team_id {
        Some(team) => {
            let page = waits::of_team(&mut ctx, TeamId(team), &query).await?;
            (page.items, page.total, page.next)
        }
        None => {
            let own = waits::mine(&mut ctx).await?;
            let total = i64::try_from(own.len()).unwrap_or(i64::MAX);
            (own, total, None)
        }
    };
    let answer = RunnerWaits {
        waits: waits.into_iter().map(RunnerWait::from).collect(),
        total,
        next_cursor,
    };
    json(StatusCode::OK, &answer)
}

/// Get a wait
#[utoipa::path(
    get,
    path = "/runners/waits/{wait_id}",
    tag = "Runners",
    params(("wait_id" = Uuid, Path, description = "The wait's id")),
    responses(
        (status = 200, description = "Where it is", body = RunnerWait),
        (status = 404, description = "`NOT_FOUND`: there is no such wait, or it is another's"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn get_wait(call: Call, At(WaitId(id)): At<WaitId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    json(StatusCode::OK, &RunnerWait::from(waits::get(&mut ctx, id).await?))
}

/// Leave the waiting list
///
/// Or give a held place up. Those who manage the team's members may take others off the list.
#[utoipa::path(
    delete,
    path = "/runners/waits/{wait_id}",
    tag = "Runners",
    params(("wait_id" = Uuid, Path, description = "The wait's id")),
    responses(
        (status = 204, description = "It is over"),
        (status = 404, description = "`NOT_FOUND`: there is no such wait, or it is another's"),
        (status = 409, description = "`WRONG_STATE`: it was over"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn leave_waiting_list(call: Call, At(WaitId(id)): At<WaitId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    waits::leave(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Provision the runner that was waited for
///
/// Everything is checked again, with the rules of now. When GitHub makes no runner, the place stays held.
#[utoipa::path(
    post,
    path = "/runners/waits/{wait_id}/claim",
    tag = "Runners",
    params(("wait_id" = Uuid, Path, description = "The wait's id")),
    responses(
        (
            status = 201,
            description = "The runner's configuration, shown this once",
            body = ProvisionedRunner,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 403, description = "`NOT_TEAM_MEMBER`, `TEAM_INACTIVE`, `LABEL_NOT_PERMITTED`, `QUOTA_EXCEEDED`, `JIT_NOT_PERMITTED`; `FORBIDDEN`: the team may not have runners"),
        (status = 404, description = "`NOT_FOUND`: there is no such wait, or it is another's"),
        (status = 409, description = "`WRONG_STATE`: it is not ready, or not any more; `RUNNER_NAME_TAKEN`"),
        (status = 502, description = "`GITHUB_ERROR`: GitHub refused or failed"),
        (status = 503, description = "`GITHUB_RATE_LIMITED`; `NOT_CONFIGURED`: GitHub is not set up; `DATABASE_UNAVAILABLE`"),
    )
)]
async fn claim_wait(call: Call, At(WaitId(id)): At<WaitId>) -> Result<Response, Problem> {
    let runner = waits::claim(&call.backend, call.caller, call.info, id).await?;
    secret_json(StatusCode::CREATED, &ProvisionedRunner::from(runner))
}

/// Whether a team has a waiting list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct WaitingList {
    enabled: bool,
}

/// Turn a team's waiting list on or off
///
/// Whoever waits when it is turned off keeps the place; nobody new can join.
#[utoipa::path(
    put,
    path = "/admin/teams/{id}/waiting-list",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = WaitingList,
    responses(
        (status = 200, description = "As it is now", body = WaitingList),
        (status = 403, description = "`FORBIDDEN`: the caller may not edit the team"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`"),
    )
)]
async fn set_waiting_list(
    call: Call,
    At(team): At<TeamId>,
    Json(body): Json<WaitingList>,
) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    waits::set_enabled(&mut ctx, team, body.enabled).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &body)
}
