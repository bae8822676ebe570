//! What binds a team (SPEC E7, E8), and which models need an approval (SPEC C15).

use axum::response::Response;
use backend::{
    organizations::OrganizationKey,
    restricted_models::{self, Restricted, RestrictedInput},
    teams,
};
use domain::{
    OrganizationId, TeamId,
    hierarchy::{Bound, Effective},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_team_limits))
        .routes(routes!(get_restricted_models, put_restricted_models))
}

/// The limits that are in force for a team.
#[derive(Debug, Serialize, ToSchema)]
struct TeamLimits {
    team_id: Uuid,
    /// One for each kind, in a fixed order.
    limits: Vec<TeamLimit>,
}

/// A limit that is in force.
#[derive(Debug, Serialize, ToSchema)]
struct TeamLimit {
    /// `max_budget`, `budget_duration`, `tpm_limit`, `rpm_limit`, `max_runners` or `models`.
    #[schema(example = "rpm_limit")]
    limit: &'static str,
    /// Null is no limit; `models` null is all.
    #[schema(value_type = Object, example = json!(600))]
    value: Value,
    /// What binds; null when nothing does.
    bound_by: Option<BoundBy>,
}

/// What a limit comes from.
#[derive(Debug, Serialize, ToSchema)]
struct BoundBy {
    /// `organization` or `team`.
    #[schema(example = "organization")]
    level: &'static str,
    #[schema(example = "Acme")]
    name: String,
}

fn limit<T>(name: &'static str, bound: Option<&Bound<T>>, shown: impl FnOnce(&T) -> Value) -> TeamLimit {
    TeamLimit {
        limit: name,
        value: bound.map_or(Value::Null, |bound| shown(&bound.value)),
        bound_by: bound.map(|bound| BoundBy {
            level: bound.level.as_str(),
            name: bound.name.clone(),
        }),
    }
}

impl TeamLimits {
    fn new(team: TeamId, effective: &Effective) -> Self {
        let budget = effective.max_budget.as_ref();
        Self {
            team_id: team.0,
            limits: vec![
                limit("max_budget", budget, |(amount, _)| value!(amount.to_f64())),
                limit("budget_duration", budget, |(_, period)| value!(period)),
                limit("tpm_limit", effective.tpm_limit.as_ref(), |count| value!(count)),
                limit("rpm_limit", effective.rpm_limit.as_ref(), |count| value!(count)),
                limit("max_runners", effective.max_runners.as_ref(), |count| value!(count)),
                limit("models", effective.models.as_ref(), |models| value!(models)),
            ],
        }
    }
}

/// Restricted models.
#[derive(Debug, Serialize, ToSchema)]
struct RestrictedModels {
    /// Those that the organization restricts.
    #[schema(example = json!(["gpt-4o"]))]
    models: Vec<String>,
    /// Those that are restricted in the whole installation.
    installation_wide: Vec<String>,
}

impl From<Restricted> for RestrictedModels {
    fn from(restricted: Restricted) -> Self {
        Self {
            models: restricted.models,
            installation_wide: restricted.installation_wide,
        }
    }
}

/// What shall be restricted: a list that is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"models": ["gpt-4o"]}))]
struct RestrictedModelsBody {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, max_items = 200)]
    models: Option<Vec<String>>,
    /// Only super_admins send this.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, max_items = 200)]
    installation_wide: Option<Vec<String>>,
}

/// Get the limits in force for a team
///
/// Of each kind the lowest of the team's own and its organization's, and whose it is.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/limits",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The limits", body = TeamLimits),
        (status = 403, description = "`FORBIDDEN`: the caller may not see the team; `TEAM_INACTIVE`"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn get_team_limits(call: Call, At(id): At<TeamId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let effective = teams::limits(&mut ctx, id).await?;
    json(StatusCode::OK, &TeamLimits::new(id, &effective))
}

/// Get the restricted models that bind an organization's teams
///
/// A team uses one of them only with an approved request.
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/restricted-models",
    tag = "Organizations",
    params(("id" = Uuid, Path, description = "The organization's id")),
    responses(
        (status = 200, description = "The restricted models", body = RestrictedModels),
        (status = 403, description = "`FORBIDDEN`: the caller is not of the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn get_restricted_models(call: Call, At(id): At<OrganizationId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let restricted = restricted_models::get(&mut ctx, &OrganizationKey::Id(id)).await?;
    json(StatusCode::OK, &RestrictedModels::from(restricted))
}

/// Restrict models
///
/// What is not listed is free again. Approvals that were given stay.
#[utoipa::path(
    put,
    path = "/admin/organizations/{id}/restricted-models",
    tag = "Organizations",
    params(("id" = Uuid, Path, description = "The organization's id")),
    request_body = RestrictedModelsBody,
    responses(
        (status = 200, description = "The restricted models", body = RestrictedModels),
        (status = 403, description = "`FORBIDDEN`: the caller does not administer the organization, or the installation"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn put_restricted_models(
    call: Call,
    At(id): At<OrganizationId>,
    Json(body): Json<RestrictedModelsBody>,
) -> Result<Response, Problem> {
    let input = RestrictedInput {
        models: body.models,
        installation_wide: body.installation_wide,
    };
    let mut ctx = call.write().await?;
    let restricted = restricted_models::set(&mut ctx, &OrganizationKey::Id(id), input).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &RestrictedModels::from(restricted))
}
