//! `/api/v1/admin/organizations/{id}/members`.

use axum::{
    extract::RawPathParams,
    response::{IntoResponse, Response},
};
use backend::{
    Code,
    organizations::{
        OrganizationKey,
        people::{self, PeopleQuery},
    },
};
use chrono::{DateTime, Utc};
use domain::{Fields, OrgRole, UserRef, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::body::RoleInOrganization;
use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{At, Call, PathPart, json, text},
        query::{MAX_LIMIT, QueryString, limit},
    },
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_people, add_person))
        .routes(routes!(change_person, remove_person))
}

/// A person in a path, as a member of an organization.
struct Person(UserRef);

impl PathPart for Person {
    fn read(params: &RawPathParams) -> Result<Self, Problem> {
        UserRef::parse("user_id", text(params, "user_id"))
            .map(Self)
            .map_err(|_| Problem::new(Code::NotFound, "User is not a member of this organization"))
    }
}

/// Someone who belongs to an organization.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationMember {
    user_id: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    display_name: Option<String>,
    #[schema(value_type = RoleInOrganization)]
    role: OrgRole,
    /// Invited from outside the organization's email domains.
    guest: bool,
    joined_at: DateTime<Utc>,
    /// Email of who added them.
    added_by: Option<String>,
    /// Whether the account is deactivated.
    deactivated: bool,
    /// Teams of the organization that they belong to.
    team_count: i64,
}

impl From<views::OrganizationPerson> for OrganizationMember {
    fn from(person: views::OrganizationPerson) -> Self {
        Self {
            user_id: person.user_id.0,
            email: person.email,
            display_name: person.display_name,
            role: person.role,
            guest: person.guest,
            joined_at: person.joined_at,
            added_by: person.added_by,
            deactivated: person.deactivated,
            team_count: person.team_count,
        }
    }
}

/// One page of an organization's people, by the time they joined.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationMemberList {
    members: Vec<OrganizationMember>,
    /// How many people all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PeopleParams {
    /// Part of a name or email address.
    #[param(nullable = false)]
    search: Option<String>,
    /// Only people with this role.
    #[param(nullable = false, inline, value_type = Option<RoleInOrganization>)]
    role: Option<OrgRole>,
    /// Only guests, or only people who are none.
    #[param(nullable = false)]
    guest: Option<bool>,
    /// Rows on a page; 1000 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// Whom to add to an organization, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "user@example.com", "role": "org_member"}))]
struct NewOrganizationMember {
    /// The person's UUID or email address.
    user_id: String,
    /// `org_admin`, `org_member` or `auditor`; `org_member` unless said otherwise.
    role: Option<String>,
    /// Whether someone from outside the organization's email domains is invited as a guest; false unless said
    /// otherwise. Who is from inside is never a guest.
    guest: Option<bool>,
}

/// A person's new role in an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "org_admin"}))]
struct OrganizationMemberPatch {
    /// `org_admin`, `org_member` or `auditor`.
    role: String,
}

/// List an organization's people
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/members",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug"), PeopleParams),
    responses(
        (status = 200, description = "One page of people", body = OrganizationMemberList),
        (status = 403, description = "`FORBIDDEN`: the caller neither administers nor audits the organization"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn list_people(
    call: Call,
    At(key): At<OrganizationKey>,
    QueryString(params): QueryString<PeopleParams>,
) -> Result<Response, Problem> {
    let query = PeopleQuery {
        limit: limit(params.limit, MAX_LIMIT)?,
        search: params.search,
        role: params.role,
        guest: params.guest,
        cursor: params.cursor,
    };
    let mut ctx = call.read().await?;
    let page = people::list(&mut ctx, &key, &query).await?;
    let list = OrganizationMemberList {
        members: page.items.into_iter().map(OrganizationMember::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Add a person to an organization
#[utoipa::path(
    post,
    path = "/admin/organizations/{id}/members",
    tag = "Organizations",
    params(("id" = String, Path, description = "The organization's id or slug")),
    request_body = NewOrganizationMember,
    responses(
        (status = 201, description = "The person", body = OrganizationMember),
        (status = 400, description = "`FOREIGN_EMAIL_DOMAIN`: the person is from outside, and not invited as a guest"),
        (status = 403, description = "`FORBIDDEN`: only admins add people"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization or user"),
        (status = 409, description = "`ALREADY_MEMBER`: the person belongs to it; `WRONG_STATE`: their address was never verified"),
    )
)]
async fn add_person(
    call: Call,
    At(key): At<OrganizationKey>,
    Json(body): Json<NewOrganizationMember>,
) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let user = fields.take(UserRef::parse("user_id", &body.user_id));
    let role = fields.take(body.role.as_deref().map_or(Ok(OrgRole::OrgMember), str::parse));
    let (user, role) = fields.with(user.zip(role))?;
    let mut ctx = call.write().await?;
    let person = people::add(&mut ctx, &key, &user, role, body.guest.unwrap_or(false)).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &OrganizationMember::from(person))
}

/// Change a person's role in an organization
#[utoipa::path(
    patch,
    path = "/admin/organizations/{id}/members/{user_id}",
    tag = "Organizations",
    params(
        ("id" = String, Path, description = "The organization's id or slug"),
        ("user_id" = String, Path, description = "The person's UUID or email address"),
    ),
    request_body = OrganizationMemberPatch,
    responses(
        (status = 200, description = "The person as they are now", body = OrganizationMember),
        (status = 400, description = "`LAST_ORGANIZATION_ADMIN`: the organization would have no admin"),
        (status = 403, description = "`FORBIDDEN`: only admins change roles"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization, or the person does not belong to it"),
    )
)]
async fn change_person(
    call: Call,
    At((key, user)): At<(OrganizationKey, Person)>,
    Json(body): Json<OrganizationMemberPatch>,
) -> Result<Response, Problem> {
    let role: OrgRole = body.role.parse()?;
    let mut ctx = call.write().await?;
    let person = people::change_role(&mut ctx, &key, &user.0, role).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &OrganizationMember::from(person))
}

/// Remove a person from an organization
///
/// Their memberships of its teams end, with the project roles and keys there; runners stay.
#[utoipa::path(
    delete,
    path = "/admin/organizations/{id}/members/{user_id}",
    tag = "Organizations",
    params(
        ("id" = String, Path, description = "The organization's id or slug"),
        ("user_id" = String, Path, description = "The person's UUID or email address"),
    ),
    responses(
        (status = 204, description = "The person does not belong to it any more"),
        (status = 400, description = "`LAST_ORGANIZATION_ADMIN`: the organization would have no admin; `LAST_TEAM_ADMIN`: a team would have none"),
        (status = 403, description = "`FORBIDDEN`: only admins remove people"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization, or the person does not belong to it"),
    )
)]
async fn remove_person(call: Call, At((key, user)): At<(OrganizationKey, Person)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    people::remove(&mut ctx, &key, &user.0).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
