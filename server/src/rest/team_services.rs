//! `/api/v1/admin/teams/{id}/services`: what a team may use, and why (SPEC D2, D9).

use axum::response::Response;
use backend::services::{self, AllowInput, Saved};
use chrono::{DateTime, Utc};
use domain::{TeamId, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json},
    query::QueryString,
    service_losses::BrokenKeys,
    services::DryRun,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_team_services, put_team_services))
}

/// A service that a team may use.
#[derive(Debug, Serialize, ToSchema)]
struct AllowedService {
    #[schema(example = "llm-service")]
    service: String,
    #[schema(example = "The support assistant answers with it")]
    reason: String,
    service_id: Uuid,
    /// Since when, for this reason.
    allowed_at: DateTime<Utc>,
    /// Email of who allowed it.
    allowed_by: Option<String>,
}

/// What a team may use, by name. What is not listed is not allowed.
#[derive(Debug, Serialize, ToSchema)]
struct TeamServices {
    team_id: Uuid,
    #[schema(example = "Engineering")]
    team_name: String,
    allowed_services: Vec<AllowedService>,
    #[schema(example = 1)]
    total: usize,
    /// Whether this is what would be, and nothing was saved.
    dry_run: bool,
    /// What the request changes; null when it only asks.
    change: Option<ServiceChange>,
}

/// What a change of a team's services does.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceChange {
    /// Services that the team may use from now on.
    gained: Vec<String>,
    /// Services that it may no longer use.
    lost: Vec<String>,
    /// Services that stay, with another reason.
    reasoned: Vec<String>,
    /// What the losses break.
    broken: BrokenKeys,
}

impl TeamServices {
    fn new(team: &views::Team, allowed: Vec<views::AllowedService>) -> Self {
        Self {
            team_id: team.id.0,
            team_name: team.name.clone(),
            total: allowed.len(),
            allowed_services: allowed
                .into_iter()
                .map(|allowed| AllowedService {
                    service: allowed.service,
                    reason: allowed.reason,
                    service_id: allowed.service_id.0,
                    allowed_at: allowed.allowed_at,
                    allowed_by: allowed.allowed_by,
                })
                .collect(),
            dry_run: false,
            change: None,
        }
    }

    fn changed(saved: Saved, dry_run: bool) -> Self {
        let change = ServiceChange {
            gained: saved.change.gained,
            lost: saved.change.lost,
            reasoned: saved.change.reasoned,
            broken: saved.change.broken.into(),
        };
        Self {
            dry_run,
            change: Some(change),
            ..Self::new(&saved.page.team, saved.allowed)
        }
    }
}

/// All that a team shall be allowed; what is not listed is taken away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"allowed_services": [{"service": "llm-service", "reason": "The support assistant answers with it"}]}))]
struct TeamServicesBody {
    #[schema(max_items = 500)]
    allowed_services: Vec<Allow>,
    /// Whether to only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// A service to allow.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Allow {
    /// Its name in the organization's catalogue.
    #[schema(min_length = 1, max_length = 63)]
    service: String,
    /// Why the team may use it.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// List the services that a team may use
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/services",
    tag = "Services",
    params(("id" = Uuid, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The services, each with the reason why", body = TeamServices),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn get_team_services(call: Call, At(team): At<TeamId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let (page, choices) = services::of_team(&mut ctx, team).await?;
    let allowed = choices.into_iter().filter_map(|choice| choice.allowed).collect();
    json(StatusCode::OK, &TeamServices::new(&page.team, allowed))
}

/// Set the services that a team may use
///
/// The list is the whole policy: what it does not name is taken away, and an empty one leaves nothing. What stays for
/// the same reason keeps who allowed it and when. With `dry_run`, in the body or the query, nothing is saved: the answer
/// says what would be, and which keys would break.
#[utoipa::path(
    put,
    path = "/admin/teams/{id}/services",
    tag = "Services",
    params(("id" = Uuid, Path, description = "The team's id"), DryRun),
    request_body = TeamServicesBody,
    responses(
        (status = 200, description = "The services as they are now, and what changed", body = TeamServices),
        (status = 403, description = "`FORBIDDEN`: only admins allow services; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: the team is archived, or a service was deleted meanwhile"),
    )
)]
async fn put_team_services(
    call: Call,
    At(team): At<TeamId>,
    QueryString(query): QueryString<DryRun>,
    Json(body): Json<TeamServicesBody>,
) -> Result<Response, Problem> {
    let rows: Vec<AllowInput> = body
        .allowed_services
        .into_iter()
        .map(|row| AllowInput {
            service: row.service,
            reason: row.reason,
        })
        .collect();
    let dry_run = body.dry_run || query.dry_run == Some(true);
    let mut ctx = call.write().await?;
    if dry_run {
        let saved = services::preview(&mut ctx, team, &rows).await?;
        return json(StatusCode::OK, &TeamServices::changed(saved, true));
    }
    let saved = services::set(&mut ctx, team, &rows).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &TeamServices::changed(saved, false))
}
