//! `POST /api/v1/admin/teams/{id}/move` (SPEC E9).

use axum::response::Response;
use backend::teams;
use domain::{OrganizationId, TeamId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json},
};
use crate::{
    problem::{FieldProblem, Problem},
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(move_team))
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"organization_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "dry_run": true}))]
struct TeamMoveBody {
    organization_id: Uuid,
    /// Only say what would happen, and what stands in the way.
    #[serde(default)]
    dry_run: bool,
}

/// What a move did, or would do.
#[derive(Debug, Serialize, ToSchema)]
struct TeamMove {
    dry_run: bool,
    /// Whether nothing stands in the way.
    fits: bool,
    /// The organization's name.
    #[schema(example = "Acme")]
    organization: String,
    /// What stands in the way; only in a dry run, as the move itself is refused with it.
    obstacles: Vec<FieldProblem>,
    /// Emails of members who become members of the organization.
    joining: Vec<String>,
    /// Services that the team may not use any more: each organization has its own.
    lost_services: Vec<String>,
    member_count: i64,
    project_count: i64,
    key_count: i64,
    runner_count: i64,
}

impl TeamMove {
    fn new(done: views::TeamMove, dry_run: bool) -> Self {
        Self {
            dry_run,
            fits: done.obstacles.is_empty(),
            organization: done.organization,
            obstacles: done.obstacles.iter().map(FieldProblem::from).collect(),
            joining: done.joining,
            lost_services: done.services,
            member_count: done.members,
            project_count: done.projects,
            key_count: done.keys,
            runner_count: done.runners,
        }
    }
}

/// Move a team to an organization
///
/// A team that stands alone, with its members, projects, keys and runners. Limits, models, names, runners and email
/// domains are checked first, and the refusal lists everything that does not fit.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/move",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = TeamMoveBody,
    responses(
        (status = 200, description = "What was done, or would be", body = TeamMove),
        (status = 403, description = "`FORBIDDEN`: only super admins move teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or organization"),
        (status = 409, description = "`TEAM_DOES_NOT_FIT`: `fields` lists what stands in the way; `WRONG_STATE`: the team does not stand alone, or is archived; `NAME_TAKEN`: another team of the organization took its name just now"),
    )
)]
async fn move_team(call: Call, At(team): At<TeamId>, Json(body): Json<TeamMoveBody>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let done = teams::move_to(&mut ctx, team, OrganizationId(body.organization_id), body.dry_run).await?;
    if !body.dry_run {
        ctx.commit().await?;
    }
    json(StatusCode::OK, &TeamMove::new(done, body.dry_run))
}
