//! `/api/v1/admin/organizations`.

mod body;
mod domains;
mod people;
mod scim_tokens;

use axum::{extract::RawPathParams, response::Response};
use backend::organizations::{self, OrganizationKey, OrganizationQuery};
pub(in crate::rest) use body::RoleInOrganization;
use body::{NewOrganization, Organization, OrganizationDetail, OrganizationPatch};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    body::Json,
    call::{At, Call, PathPart, json},
    query::{MAX_LIMIT, QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_organizations, create_organization))
        .routes(routes!(get_organization, change_organization))
        .merge(people::router())
        .merge(domains::router())
        .merge(scim_tokens::router())
}

impl PathPart for OrganizationKey {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        Ok(Self::parse(super::call::text(params, "id")))
    }
}

/// One page of the organizations that the caller belongs to, by name.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationList {
    organizations: Vec<Organization>,
    /// How many organizations all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Part of a name or slug.
    #[param(nullable = false)]
    search: Option<String>,
    /// Rows on a page; 1000 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List organizations
///
/// All of them for super admins and auditors; their own for everyone else.
#[utoipa::path(
    get,
    path = "/admin/organizations",
    tag = "Organizations",
    params(ListParams),
    responses((status = 200, description = "One page of organizations", body = OrganizationList))
)]
async fn list_organizations(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = OrganizationQuery {
        limit: limit(params.limit, MAX_LIMIT)?,
        search: params.search,
        cursor: params.cursor,
    };
    let mut ctx = call.read().await?;
    let page = organizations::page(&mut ctx, &query).await?;
    let list = OrganizationList {
        organizations: page.items.into_iter().map(Organization::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Create an organization
///
/// Its domains count as verified by the word of the super admin who creates it. Nobody is added to it.
#[utoipa::path(
    post,
    path = "/admin/organizations",
    tag = "Organizations",
    request_body = NewOrganization,
    responses(
        (status = 201, description = "The organization", body = OrganizationDetail),
        (status = 403, description = "`FORBIDDEN`: only super admins create organizations"),
        (status = 409, description = "`NAME_TAKEN`: an organization has this slug"),
    )
)]
async fn create_organization(call: Call, Json(body): Json<NewOrganization>) -> Result<Response, Problem> {
    let new = organizations::NewOrganizationInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let created = organizations::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &OrganizationDetail::from(created))
}

/// Get an organization
///
/// Who belongs to it without administering or auditing it sees what it is called, its verified domains and who
/// administers it; the counts of people, guests, admins, runners and teams without admin are null then.
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    responses(
        (status = 200, description = "The organization", body = OrganizationDetail),
        (status = 403, description = "`FORBIDDEN`: the caller does not belong to it"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn get_organization(call: Call, At(key): At<OrganizationKey>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = organizations::get(&mut ctx, &key).await?;
    json(StatusCode::OK, &OrganizationDetail::from(page))
}

/// Change an organization
///
/// Its org_admins may rename it, lower its ceilings and add domains, which they then verify. Raising or removing a
/// ceiling, the slug, and giving up a verified domain are for super admins. A limit below what a team already has is
/// refused, and the message names the teams. `domains` is the whole list.
#[utoipa::path(
    patch,
    path = "/admin/organizations/{id}",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    request_body = OrganizationPatch,
    responses(
        (status = 200, description = "The organization as it is now", body = OrganizationDetail),
        (status = 403, description = "`FORBIDDEN`: the caller may not change this"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: an organization has this slug; `WRONG_STATE`: the default organization has no limits and no domains"),
    )
)]
async fn change_organization(
    call: Call,
    At(key): At<OrganizationKey>,
    Json(body): Json<OrganizationPatch>,
) -> Result<Response, Problem> {
    let patch = organizations::OrganizationPatchInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let changed = organizations::update(&mut ctx, &key, patch).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &OrganizationDetail::from(changed))
}
