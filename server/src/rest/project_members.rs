//! `/api/v1/admin/teams/{id}/projects/{project_id}/members` (SPEC D4, D8).

use axum::response::{IntoResponse, Response};
use backend::projects::members;
use chrono::{DateTime, Utc};
use domain::{ProjectId, ProjectRole, TeamId, UserRef, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json},
    query::{MAX_LIMIT, QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_project_members))
        .routes(routes!(get_project_member, set_project_member, remove_project_member))
}

/// Someone with access to a project.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectMember {
    user_id: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    display_name: Option<String>,
    /// The role that they were given; null of a team admin who was given none.
    #[schema(value_type = Option<Role>)]
    role: Option<ProjectRole>,
    /// Whether they have access to all of the team's projects, as one of its admins.
    implicit: bool,
    added_at: Option<DateTime<Utc>>,
    /// Email of who assigned them.
    added_by: Option<String>,
    /// Their keys in the project that have not ended.
    key_count: i64,
}

/// A role in a project.
#[derive(ToSchema)]
#[schema(as = ProjectRole, rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::ProjectRole, which knows nothing of OpenAPI"
)]
enum Role {
    /// Manages the project's members and keys.
    Admin,
    /// Uses it, with keys of their own.
    Member,
}

impl From<views::ProjectMember> for ProjectMember {
    fn from(member: views::ProjectMember) -> Self {
        Self {
            user_id: member.user_id.0,
            email: member.email,
            display_name: member.display_name,
            role: member.role,
            implicit: member.implicit,
            added_at: member.added_at,
            added_by: member.added_by,
            key_count: member.keys,
        }
    }
}

/// One page of the people with access to a project, by email.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectMemberList {
    project_id: Uuid,
    #[schema(example = "Billing API")]
    project_name: String,
    members: Vec<ProjectMember>,
    /// How many there are on all pages.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Rows on a page; 1000 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A role to give.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "member"}))]
struct ProjectRolePut {
    /// `admin` or `member`.
    role: String,
}

/// List a project's members
///
/// Those who are assigned, and the team's admins, who have access without. Organization admins and super_admins have
/// access too and are not listed.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/projects/{project_id}/members",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ListParams,
    ),
    responses(
        (status = 200, description = "One page of members", body = ProjectMemberList),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member of the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project, or the caller is not assigned to it"),
    )
)]
async fn list_project_members(
    call: Call,
    At((team, project)): At<(TeamId, ProjectId)>,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    let limit = limit(params.limit, MAX_LIMIT)?;
    let mut ctx = call.read().await?;
    let (page, members) = members::list(&mut ctx, team, project, params.cursor.as_deref(), limit).await?;
    let list = ProjectMemberList {
        project_id: page.project.id.0,
        project_name: page.project.name,
        members: members.items.into_iter().map(ProjectMember::from).collect(),
        total: members.total,
        next_cursor: members.next,
    };
    json(StatusCode::OK, &list)
}

/// Read a project member
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/projects/{project_id}/members/{user_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ("user_id" = String, Path, description = "The person's UUID or email address"),
    ),
    responses(
        (status = 200, description = "What the person is in the project", body = ProjectMember),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member of the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team, project or member, or the caller is not assigned to the project"),
    )
)]
async fn get_project_member(
    call: Call,
    At((team, project, user)): At<(TeamId, ProjectId, UserRef)>,
) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let member = members::get(&mut ctx, team, project, &user).await?;
    json(StatusCode::OK, &ProjectMember::from(member))
}

/// Assign someone to a project
///
/// Gives a member of the team a role in the project, or changes it.
#[utoipa::path(
    put,
    path = "/admin/teams/{id}/projects/{project_id}/members/{user_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ("user_id" = String, Path, description = "The person's UUID or email address"),
    ),
    request_body = ProjectRolePut,
    responses(
        (status = 200, description = "The role was changed, or was the same", body = ProjectMember),
        (status = 201, description = "The person was assigned", body = ProjectMember),
        (status = 403, description = "`FORBIDDEN`: only admins of the team or the project assign people; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project; the person is not a member of the team; the caller is not assigned to the project"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn set_project_member(
    call: Call,
    At((team, project, user)): At<(TeamId, ProjectId, UserRef)>,
    Json(body): Json<ProjectRolePut>,
) -> Result<Response, Problem> {
    let role: ProjectRole = body.role.parse()?;
    let mut ctx = call.write().await?;
    let (member, added) = members::set(&mut ctx, team, project, &user, role).await?;
    ctx.commit().await?;
    let status = if added { StatusCode::CREATED } else { StatusCode::OK };
    json(status, &ProjectMember::from(member))
}

/// Take someone out of a project
///
/// Their keys in the project are revoked, unless they keep access as an admin. Members may take themselves out.
#[utoipa::path(
    delete,
    path = "/admin/teams/{id}/projects/{project_id}/members/{user_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
        ("user_id" = String, Path, description = "The person's UUID or email address"),
    ),
    responses(
        (status = 204, description = "The person has no role in the project any more"),
        (status = 403, description = "`FORBIDDEN`: only admins of the team or the project take others out; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team, project or member, or the caller is not assigned to the project"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn remove_project_member(
    call: Call,
    At((team, project, user)): At<(TeamId, ProjectId, UserRef)>,
) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    members::remove(&mut ctx, team, project, &user).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
