//! `POST /api/v1/runners/jit` (SPEC B11–B16).

use axum::response::Response;
use backend::runners::{self, JitInput};
use chrono::{DateTime, Utc};
use domain::views;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, secret_json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(provision_runner))
}

/// A request for a runner.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(example = json!({
    "runner_name_prefix": "backend-runner",
    "labels": ["backend-api", "service-auth"],
    "team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"
}))]
pub(super) struct JitRequest {
    /// The whole name: letters, digits, `-` and `_`. Not together with `runner_name_prefix`.
    #[schema(min_length = 1, max_length = 64)]
    runner_name: Option<String>,
    /// What the name starts with; six random digits follow. Without it and `runner_name`: the
    /// team's slug.
    #[schema(min_length = 1, max_length = 50)]
    runner_name_prefix: Option<String>,
    /// Custom labels; each has to match one of the policy's patterns. Required and system labels
    /// are added and may be named.
    #[schema(nullable = false)]
    labels: Option<Vec<String>>,
    /// Required for people who belong to an active team.
    team_id: Option<Uuid>,
    /// A project of the team, for cost.
    project_id: Option<Uuid>,
    /// One of the team's GitHub runner groups; without it the first.
    runner_group_id: Option<i64>,
    /// `_work` unless said otherwise.
    work_folder: Option<String>,
}

impl From<JitRequest> for JitInput {
    fn from(body: JitRequest) -> Self {
        Self {
            runner_name: body.runner_name,
            runner_name_prefix: body.runner_name_prefix,
            labels: body.labels.unwrap_or_default(),
            team_id: body.team_id.map(Into::into),
            project_id: body.project_id.map(Into::into),
            runner_group_id: body.runner_group_id,
            work_folder: body.work_folder,
        }
    }
}

/// A new runner's configuration: a secret, shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct ProvisionedRunner {
    runner_id: Uuid,
    #[schema(example = "backend-runner-a1b2c3")]
    runner_name: String,
    /// GitHub's just-in-time configuration, in base64.
    encoded_jit_config: String,
    /// System labels, required labels and custom labels, in this order.
    #[schema(example = json!(["self-hosted", "linux", "x64", "docker", "backend-api"]))]
    labels: Vec<String>,
    /// Until when the configuration can be used.
    expires_at: DateTime<Utc>,
    /// The command that starts the runner.
    #[schema(example = "./run.sh --jitconfig <base64>")]
    run_command: String,
}

impl From<views::Provisioned> for ProvisionedRunner {
    fn from(runner: views::Provisioned) -> Self {
        Self {
            runner_id: runner.runner_id.0,
            run_command: runner.run_command(),
            runner_name: runner.runner_name,
            encoded_jit_config: runner.encoded_jit_config,
            labels: runner.labels.into_iter().map(String::from).collect(),
            expires_at: runner.expires_at,
        }
    }
}

/// Provision a just-in-time runner
#[utoipa::path(
    post,
    path = "/runners/jit",
    tag = "Runners",
    request_body = JitRequest,
    responses(
        (
            status = 201,
            description = "The runner's configuration, shown this once",
            body = ProvisionedRunner,
            headers(("cache-control" = String, description = "`no-store`")),
        ),
        (status = 400, description = "`TEAM_REQUIRED`: the caller has teams and must name one"),
        (status = 403, description = "`NOT_TEAM_MEMBER`, `TEAM_INACTIVE`, `LABEL_NOT_PERMITTED`, `QUOTA_EXCEEDED`, `APPROVAL_REQUIRED`, `JIT_NOT_PERMITTED`; `FORBIDDEN`: the team may not have runners"),
        (status = 404, description = "`NOT_FOUND`: the team has no such project"),
        (status = 409, description = "`RUNNER_NAME_TAKEN`: a live runner has this name"),
        (status = 502, description = "`GITHUB_ERROR`: GitHub refused or failed"),
        (status = 503, description = "`GITHUB_RATE_LIMITED`; `GITHUB_ERROR`: GitHub answered too late; `NOT_CONFIGURED`: GitHub is not set up; `DATABASE_UNAVAILABLE`"),
    )
)]
async fn provision_runner(call: Call, Json(body): Json<JitRequest>) -> Result<Response, Problem> {
    let request = JitInput::from(body).parse()?;
    let runner = runners::provision(&call.backend, call.caller, call.info, request).await?;
    secret_json(StatusCode::CREATED, &ProvisionedRunner::from(runner))
}
