//! `/api/v1/admin/organizations/{id}/services`: the catalogue (SPEC D2).

use axum::response::{IntoResponse, Response};
use backend::services::{self, NewServiceInput, ServicePatchInput};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, ServiceId, ServiceKind, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
    query::QueryString,
    service_losses::BrokenKeys,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_services, create_service))
        .routes(routes!(get_service, update_service, delete_service))
}

/// What a service is.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(
    dead_code,
    reason = "the schema of domain::ServiceKind, which knows nothing of OpenAPI"
)]
enum Kind {
    /// Something that speaks HTTP.
    Http,
    /// A gateway to AI models, where models and budgets are checked too.
    ModelGateway,
}

/// A service of an organization.
#[derive(Debug, Serialize, ToSchema)]
struct Service {
    id: Uuid,
    organization_id: Uuid,
    /// As it stands in `/authz/{service}`.
    #[schema(example = "llm-service")]
    name: String,
    description: Option<String>,
    #[schema(value_type = Kind)]
    kind: ServiceKind,
    /// The requests that it admits: those below a path, by one method or any. Empty admits all.
    #[schema(example = json!(["/v1", "GET /models"]))]
    path_prefixes: Vec<String>,
    /// Teams that may use it and are not archived.
    team_count: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Email of who created it.
    created_by: Option<String>,
}

impl From<views::Service> for Service {
    fn from(service: views::Service) -> Self {
        Self {
            id: service.id.0,
            organization_id: service.organization_id.0,
            name: service.name,
            description: service.description,
            kind: service.kind,
            path_prefixes: service.path_prefixes,
            team_count: service.team_count,
            created_at: service.created_at,
            updated_at: service.updated_at,
            created_by: service.created_by,
        }
    }
}

/// An organization's services, by name.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceList {
    organization_id: Uuid,
    services: Vec<Service>,
    #[schema(example = 1)]
    total: usize,
}

/// A new service. No team may use it until it is allowed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "llm-service", "description": "Chat and completions", "path_prefixes": ["/v1"]}))]
struct NewService {
    /// Lowercase letters, digits, hyphens, underscores and dots; unique in the organization.
    #[schema(min_length = 1, max_length = 63)]
    name: String,
    #[schema(max_length = 500)]
    description: Option<String>,
    #[schema(value_type = Option<Kind>, default = "http")]
    kind: Option<String>,
    /// At most 50, each `/prefix` or `METHOD /prefix`.
    #[serde(default)]
    #[schema(max_items = 50)]
    path_prefixes: Vec<String>,
}

/// Changes to a service: a field that is left out stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"description": "Chat, completions and embeddings"}))]
struct ServicePatch {
    /// Only while no team may use it: proxies ask for it by name.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 63)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Kind>, nullable = false)]
    kind: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, max_items = 50)]
    path_prefixes: Option<Vec<String>>,
}

/// Whether to only say what would happen.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DryRun {
    /// Whether to only say what would happen.
    pub(super) dry_run: Option<bool>,
}

/// What deleting a service takes away.
#[derive(Debug, Serialize, ToSchema)]
struct ServiceDeletion {
    #[schema(example = "llm-service")]
    service: String,
    /// How many teams lose it.
    teams: i64,
    /// Ten of them, by name.
    team_names: Vec<String>,
    broken: BrokenKeys,
}

/// List an organization's services
///
/// For everyone of the organization: to know what a team may ask for.
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/services",
    tag = "Services",
    params(("id" = Uuid, Path, description = "The organization's id")),
    responses(
        (status = 200, description = "The services", body = ServiceList),
        (status = 403, description = "`FORBIDDEN`: the caller is not of the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn list_services(call: Call, At(organization): At<OrganizationId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let services = services::list(&mut ctx, organization).await?;
    let list = ServiceList {
        organization_id: organization.0,
        total: services.len(),
        services: services.into_iter().map(Service::from).collect(),
    };
    json(StatusCode::OK, &list)
}

/// Add a service
#[utoipa::path(
    post,
    path = "/admin/organizations/{id}/services",
    tag = "Services",
    params(("id" = Uuid, Path, description = "The organization's id")),
    request_body = NewService,
    responses(
        (status = 201, description = "The service", body = Service),
        (status = 403, description = "`FORBIDDEN`: only admins of the organization change its services"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: a service of the organization has this name; `WRONG_STATE`: it has as many services as it can"),
    )
)]
async fn create_service(
    call: Call,
    At(organization): At<OrganizationId>,
    Json(body): Json<NewService>,
) -> Result<Response, Problem> {
    let input = NewServiceInput {
        name: body.name,
        description: body.description,
        kind: body.kind,
        path_prefixes: body.path_prefixes,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let service = services::create(&mut ctx, organization, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &Service::from(service))
}

/// Get a service
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/services/{service_id}",
    tag = "Services",
    params(
        ("id" = Uuid, Path, description = "The organization's id"),
        ("service_id" = Uuid, Path, description = "The service's id"),
    ),
    responses(
        (status = 200, description = "The service", body = Service),
        (status = 403, description = "`FORBIDDEN`: the caller is not of the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or service"),
    )
)]
async fn get_service(
    call: Call,
    At((organization, service)): At<(OrganizationId, ServiceId)>,
) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let service = services::get(&mut ctx, organization, service).await?;
    json(StatusCode::OK, &Service::from(service))
}

/// Change a service
#[utoipa::path(
    patch,
    path = "/admin/organizations/{id}/services/{service_id}",
    tag = "Services",
    params(
        ("id" = Uuid, Path, description = "The organization's id"),
        ("service_id" = Uuid, Path, description = "The service's id"),
    ),
    request_body = ServicePatch,
    responses(
        (status = 200, description = "The service as it is now", body = Service),
        (status = 403, description = "`FORBIDDEN`: only admins of the organization change its services"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or service"),
        (status = 409, description = "`NAME_TAKEN`: another service of the organization has this name; `WRONG_STATE`: the name must stay, because teams may use the service"),
    )
)]
async fn update_service(
    call: Call,
    At((organization, service)): At<(OrganizationId, ServiceId)>,
    Json(body): Json<ServicePatch>,
) -> Result<Response, Problem> {
    let input = ServicePatchInput {
        name: body.name,
        description: body.description,
        kind: body.kind,
        path_prefixes: body.path_prefixes,
    };
    let patch = input.parse()?;
    let mut ctx = call.write().await?;
    let service = services::update(&mut ctx, organization, service, patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Service::from(service))
}

/// Delete a service
///
/// Every team loses it, at once. With `dry_run=true`, only says what would be lost.
#[utoipa::path(
    delete,
    path = "/admin/organizations/{id}/services/{service_id}",
    tag = "Services",
    params(
        ("id" = Uuid, Path, description = "The organization's id"),
        ("service_id" = Uuid, Path, description = "The service's id"),
        DryRun,
    ),
    responses(
        (status = 200, description = "What would be lost: the answer to `dry_run=true`", body = ServiceDeletion),
        (status = 204, description = "The service is gone"),
        (status = 403, description = "`FORBIDDEN`: only admins of the organization change its services"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or service"),
    )
)]
async fn delete_service(
    call: Call,
    At((organization, service)): At<(OrganizationId, ServiceId)>,
    QueryString(query): QueryString<DryRun>,
) -> Result<Response, Problem> {
    if query.dry_run == Some(true) {
        let mut ctx = call.read().await?;
        let deletion = services::preview_delete(&mut ctx, organization, service).await?;
        return json(
            StatusCode::OK,
            &ServiceDeletion {
                service: deletion.service,
                teams: deletion.teams,
                team_names: deletion.team_names,
                broken: deletion.broken.into(),
            },
        );
    }
    let mut ctx = call.write().await?;
    services::delete(&mut ctx, organization, service).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
