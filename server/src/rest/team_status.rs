//! `POST /api/v1/admin/teams/{id}/deactivate` and its like (SPEC B6, X2).

use axum::response::Response;
use backend::teams;
use domain::{Reason, StatusChange, TeamId};
use http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::OptionalJson,
    call::{At, Call, json},
    team_body::Team,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(deactivate_team))
        .routes(routes!(activate_team))
        .routes(routes!(reactivate_team))
        .routes(routes!(archive_team))
        .routes(routes!(restore_team))
}

/// Why the status changes. The body may be left out.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"reason": "The project has ended"}))]
struct StatusReason {
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

async fn change(call: Call, id: TeamId, body: StatusReason, change: StatusChange) -> Result<Response, Problem> {
    let reason = body.reason.as_deref().map(Reason::parse).transpose()?;
    let mut ctx = call.write().await?;
    let page = teams::change_status(&mut ctx, id, change, reason.as_ref()).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Team::from(page.team))
}

/// Deactivate a team
///
/// Its members lose access and nobody can provision runners for it. Runners that exist stay.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/deactivate",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = Option<StatusReason>,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins deactivate teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: `Team '<name>' is already deactivated`"),
    )
)]
async fn deactivate_team(
    call: Call,
    At(id): At<TeamId>,
    OptionalJson(body): OptionalJson<StatusReason>,
) -> Result<Response, Problem> {
    change(call, id, body, StatusChange::Deactivate).await
}

/// Activate an inactive team
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/activate",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = Option<StatusReason>,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins activate teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: `Team '<name>' is already active`"),
    )
)]
async fn activate_team(
    call: Call,
    At(id): At<TeamId>,
    OptionalJson(body): OptionalJson<StatusReason>,
) -> Result<Response, Problem> {
    change(call, id, body, StatusChange::Activate).await
}

/// Activate an inactive team, by its other name
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/reactivate",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = Option<StatusReason>,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins activate teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: `Team '<name>' is already active`"),
    )
)]
async fn reactivate_team(
    call: Call,
    At(id): At<TeamId>,
    OptionalJson(body): OptionalJson<StatusReason>,
) -> Result<Response, Problem> {
    change(call, id, body, StatusChange::Activate).await
}

/// Archive a team
///
/// It disappears from lists; its data is kept, and its name and slug are free again.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/archive",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = Option<StatusReason>,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins archive teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: `Team '<name>' is already archived`"),
    )
)]
async fn archive_team(
    call: Call,
    At(id): At<TeamId>,
    OptionalJson(body): OptionalJson<StatusReason>,
) -> Result<Response, Problem> {
    change(call, id, body, StatusChange::Archive).await
}

/// Restore an archived team
///
/// It comes back inactive.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/restore",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = Option<StatusReason>,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins restore teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: `Team '<name>' is not archived`; `NAME_TAKEN`: another team has its name now"),
    )
)]
async fn restore_team(
    call: Call,
    At(id): At<TeamId>,
    OptionalJson(body): OptionalJson<StatusReason>,
) -> Result<Response, Problem> {
    change(call, id, body, StatusChange::Restore).await
}
