//! `/api/v1/admin/teams/{id}/members` (SPEC B7, B8).

use axum::response::{IntoResponse, Response};
use backend::members;
use chrono::{DateTime, Utc};
use domain::{Fields, TeamId, TeamRole, UserRef, views};
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
        .routes(routes!(list_members, add_member))
        .routes(routes!(change_member, remove_member))
}

/// A member of a team.
#[derive(Debug, Serialize, ToSchema)]
struct Member {
    user_id: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    display_name: Option<String>,
    #[schema(value_type = Role)]
    role: TeamRole,
    joined_at: DateTime<Utc>,
    /// Email of who added them.
    added_by: Option<String>,
}

/// A role in a team.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "the schema of domain::TeamRole, which knows nothing of OpenAPI")]
pub(super) enum Role {
    /// Manages members, projects and keys.
    Admin,
    /// Uses what the team may use.
    Member,
}

impl From<views::Member> for Member {
    fn from(member: views::Member) -> Self {
        Self {
            user_id: member.user_id.0,
            email: member.email,
            display_name: member.display_name,
            role: member.role,
            joined_at: member.joined_at,
            added_by: member.added_by,
        }
    }
}

/// One page of a team's members, by the time they joined.
#[derive(Debug, Serialize, ToSchema)]
struct MemberList {
    team_id: Uuid,
    #[schema(example = "Backend Team")]
    team_name: String,
    members: Vec<Member>,
    /// How many members the team has.
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

/// Whom to add, and as what.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_id": "user@example.com", "role": "member"}))]
struct NewMember {
    /// The person's UUID or email address.
    user_id: String,
    /// `admin` or `member`; `member` unless said otherwise.
    role: Option<String>,
}

/// A member's new role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "admin"}))]
struct MemberPatch {
    /// `admin` or `member`.
    role: String,
}

/// List a team's members
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/members",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id"), ListParams),
    responses(
        (status = 200, description = "One page of members", body = MemberList),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_members(
    call: Call,
    At(team): At<TeamId>,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    let limit = limit(params.limit, MAX_LIMIT)?;
    let mut ctx = call.read().await?;
    let (page, members) = members::list(&mut ctx, team, params.cursor.as_deref(), limit).await?;
    let list = MemberList {
        team_id: page.team.id.0,
        team_name: page.team.name,
        members: members.items.into_iter().map(Member::from).collect(),
        total: members.total,
        next_cursor: members.next,
    };
    json(StatusCode::OK, &list)
}

/// Add a member
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/members",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = NewMember,
    responses(
        (status = 201, description = "The member", body = Member),
        (status = 403, description = "`FORBIDDEN`: only admins add members"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or user"),
        (status = 409, description = "`ALREADY_MEMBER`: the user is a member; `WRONG_STATE`: the team is archived"),
    )
)]
async fn add_member(call: Call, At(team): At<TeamId>, Json(body): Json<NewMember>) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let user = fields.take(UserRef::parse("user_id", &body.user_id));
    let role = fields.take(body.role.as_deref().map_or(Ok(TeamRole::Member), str::parse));
    let (user, role) = fields.with(user.zip(role))?;
    let mut ctx = call.write().await?;
    let member = members::add(&mut ctx, team, &user, role).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &Member::from(member))
}

/// Change a member's role
#[utoipa::path(
    patch,
    path = "/admin/teams/{id}/members/{user_id}",
    tag = "Members",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("user_id" = String, Path, description = "The member's UUID or email address"),
    ),
    request_body = MemberPatch,
    responses(
        (status = 200, description = "The member as they are now", body = Member),
        (status = 400, description = "`LAST_TEAM_ADMIN`: the team would have no admin"),
        (status = 403, description = "`FORBIDDEN`: only admins change roles"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or member"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn change_member(
    call: Call,
    At((team, user)): At<(TeamId, UserRef)>,
    Json(body): Json<MemberPatch>,
) -> Result<Response, Problem> {
    let role: TeamRole = body.role.parse()?;
    let mut ctx = call.write().await?;
    let member = members::change_role(&mut ctx, team, &user, role).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Member::from(member))
}

/// Remove a member
///
/// Project roles in the team go too; runners stay. Members may remove themselves.
#[utoipa::path(
    delete,
    path = "/admin/teams/{id}/members/{user_id}",
    tag = "Members",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("user_id" = String, Path, description = "The member's UUID or email address"),
    ),
    responses(
        (status = 204, description = "The person is no member any more"),
        (status = 400, description = "`LAST_TEAM_ADMIN`: the team would have no admin"),
        (status = 403, description = "`FORBIDDEN`: only admins remove others"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or member"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn remove_member(call: Call, At((team, user)): At<(TeamId, UserRef)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    members::remove(&mut ctx, team, &user).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
