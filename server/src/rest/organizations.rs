//! `/api/v1/admin/organizations`.

use axum::response::Response;
use backend::organizations;
use domain::{Fields, Invalid, OrgRole, OrganizationName, Slug, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_organizations, create_organization))
}

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
struct Organization {
    id: Uuid,
    #[schema(example = "Acme Corporation")]
    name: String,
    #[schema(example = "acme-corporation")]
    slug: String,
    /// The caller's role in it, if any.
    #[schema(value_type = Option<RoleInOrganization>)]
    role: Option<OrgRole>,
    /// Teams that are not archived.
    team_count: i64,
    /// AI models that its teams may choose from; empty means all.
    models: Vec<String>,
    /// The most that one of its teams may have for one period, in US dollars.
    max_budget: Option<f64>,
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
}

/// A role in an organization.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the schema of domain::OrgRole, which knows nothing of OpenAPI")]
pub(super) enum RoleInOrganization {
    /// Manages the organization and all of its teams.
    OrgAdmin,
    /// Belongs to it.
    OrgMember,
    /// Sees everything in it, changes nothing.
    Auditor,
}

impl From<views::Organization> for Organization {
    fn from(organization: views::Organization) -> Self {
        Self {
            id: organization.id.0,
            name: organization.name,
            slug: organization.slug,
            role: organization.role,
            team_count: organization.team_count,
            models: organization.limits.models,
            max_budget: organization.limits.max_budget.map(domain::Money::to_f64),
            budget_duration: organization.limits.budget_duration.map(String::from),
            tpm_limit: organization.limits.tpm_limit,
            rpm_limit: organization.limits.rpm_limit,
        }
    }
}

/// The organizations that the caller belongs to, by name.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationList {
    organizations: Vec<Organization>,
    #[schema(example = 1)]
    total: usize,
}

/// A new organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Corporation"}))]
struct NewOrganization {
    /// 2 to 50 characters on one line.
    #[schema(min_length = 2, max_length = 50)]
    name: String,
    /// Lowercase letters, digits and hyphens; made from the name unless given.
    #[schema(min_length = 2, max_length = 63)]
    slug: Option<String>,
}

/// List organizations
///
/// All of them for super admins and auditors; their own for everyone else.
#[utoipa::path(
    get,
    path = "/admin/organizations",
    tag = "Organizations",
    responses((status = 200, description = "The organizations", body = OrganizationList))
)]
async fn list_organizations(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let organizations: Vec<_> = organizations::list(&mut ctx)
        .await?
        .into_iter()
        .map(Organization::from)
        .collect();
    json(
        StatusCode::OK,
        &OrganizationList {
            total: organizations.len(),
            organizations,
        },
    )
}

/// Create an organization
#[utoipa::path(
    post,
    path = "/admin/organizations",
    tag = "Organizations",
    request_body = NewOrganization,
    responses(
        (status = 201, description = "The organization", body = Organization),
        (status = 403, description = "`FORBIDDEN`: only super admins create organizations"),
        (status = 409, description = "`NAME_TAKEN`: an organization has this slug"),
    )
)]
async fn create_organization(call: Call, Json(body): Json<NewOrganization>) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let name = fields.take(OrganizationName::parse(&body.name));
    let slug = match (&body.slug, &name) {
        (Some(slug), _) => fields.take(Slug::parse(slug)),
        (None, Some(name)) => fields.take(Slug::from_name(name.as_str()).ok_or_else(|| {
            Invalid::new(
                "slug",
                "is required: the name has no letters or digits to make one from",
            )
        })),
        (None, None) => None,
    };
    let (name, slug) = fields.with(name.zip(slug))?;
    let mut ctx = call.write().await?;
    let id = organizations::create(&mut ctx, &name, &slug).await?;
    ctx.commit().await?;
    let created = views::Organization {
        id,
        name: name.into(),
        slug: slug.into(),
        role: None,
        team_count: 0,
        limits: domain::Limits::default(),
    };
    json(StatusCode::CREATED, &Organization::from(created))
}
