//! `/api/v1/admin/teams/{id}/members` (SPEC B7, B8), also with an end, and for whole lists.

mod bulk;
mod invitations;

pub(super) use bulk::{MemberRow, OnBadRow};

use axum::response::{IntoResponse, Response};
use backend::{
    budgets::LimitsPatchInput,
    members::{self, MemberQuery},
};
use chrono::{DateTime, Utc};
use domain::{Fields, TeamId, TeamRole, TermsPatch, UserRef, views};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
    query::{MAX_LIMIT, QueryString, limit},
    team_body::Amount,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_members, add_member))
        .routes(routes!(change_member, remove_member))
        .merge(bulk::router())
        .merge(invitations::router())
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
    /// Where the membership comes from: `manual`, `idp`, `declared`, `bulk` or `invitation`.
    #[schema(example = "manual")]
    source: &'static str,
    /// When the membership ends by itself; null is never.
    expires_at: Option<DateTime<Utc>>,
    /// When the admin becomes a member by itself; null is never.
    admin_until: Option<DateTime<Utc>>,
    /// What they may spend in the team in one of its budget's periods, in US dollars; null is no limit of their own.
    max_budget_in_team: Option<f64>,
    /// Tokens per minute; null is no limit of their own.
    tpm_limit: Option<i64>,
    /// Requests per minute; null is no limit of their own.
    rpm_limit: Option<i64>,
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
            source: member.source.as_str(),
            expires_at: member.expires_at,
            admin_until: member.admin_until,
            max_budget_in_team: member.limits.max_budget.map(domain::Money::to_f64),
            tpm_limit: member.limits.tpm_limit,
            rpm_limit: member.limits.rpm_limit,
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
    /// How many members all pages hold together, under the same filters.
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
    /// `next_cursor` of the page before, with the same filters.
    #[param(nullable = false)]
    cursor: Option<String>,
    /// Part of a name or email address.
    #[param(nullable = false)]
    search: Option<String>,
    /// Only this role: `admin` or `member`.
    #[param(nullable = false, value_type = Role)]
    role: Option<String>,
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
    /// When the membership ends by itself; never unless said otherwise.
    expires_at: Option<DateTime<Utc>>,
    /// When the admin becomes a member by itself; never unless said otherwise. Only with the role `admin`.
    admin_until: Option<DateTime<Utc>>,
}

/// A member's new role, when it and the membership end, and what they may spend in the team. What is left out stays; null is never.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"role": "admin"}))]
struct MemberPatch {
    /// `admin` or `member`.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    role: Option<String>,
    /// When the membership ends by itself.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    expires_at: Option<Option<DateTime<Utc>>>,
    /// When the admin becomes a member by itself. Only for the role `admin`.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<DateTime<Utc>>)]
    admin_until: Option<Option<DateTime<Utc>>>,
    /// US dollars for one period of the team's budget, not above the team's; null: no limit of their own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget_in_team: Option<Option<Amount>>,
    /// Tokens per minute, not above the team's; null: no limit of their own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    /// Requests per minute, not above the team's; null: no limit of their own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
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
    let query = MemberQuery {
        limit: limit(params.limit, MAX_LIMIT)?,
        cursor: params.cursor,
        search: params.search,
        role: params.role.as_deref().map(str::parse).transpose()?,
        stale: false,
    };
    let mut ctx = call.read().await?;
    let (page, members) = members::list(&mut ctx, team, &query).await?;
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
///
/// With `expires_at` the membership ends by itself, with `admin_until` the role of an admin: from that second on it
/// gives nothing. An admin with an end needs another one without, so that the team never loses its last one.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/members",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = NewMember,
    responses(
        (status = 201, description = "The member", body = Member),
        (status = 400, description = "`FOREIGN_EMAIL_DOMAIN`: the person is not in the organization's email domains; `LAST_TEAM_ADMIN`: the admin would have an end, and the team no other admin without one"),
        (status = 403, description = "`FORBIDDEN`: only admins add members"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or user"),
        (status = 409, description = "`ALREADY_MEMBER`: the user is a member; `WRONG_STATE`: the team is archived, the user deactivated, or their address never verified"),
    )
)]
async fn add_member(call: Call, At(team): At<TeamId>, Json(body): Json<NewMember>) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let user = fields.take(UserRef::parse("user_id", &body.user_id));
    let role = fields.take(body.role.as_deref().map_or(Ok(TeamRole::Member), str::parse));
    let (user, role) = fields.with(user.zip(role))?;
    let terms = TermsPatch {
        role: Some(role),
        expires_at: Some(body.expires_at),
        admin_until: Some(body.admin_until),
    };
    let mut ctx = call.write().await?;
    let member = members::add_until(&mut ctx, team, &user, terms).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &Member::from(member))
}

/// Change a member's role, its end, or their limits
///
/// Limits are not above the team's and the organization's, and not below those of the member's keys. A team keeps an admin without an end: setting one for the last of them is refused as removing them is.
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
    let patch = TermsPatch {
        role: body.role.as_deref().map(str::parse).transpose()?,
        expires_at: body.expires_at,
        admin_until: body.admin_until,
    };
    let limits = LimitsPatchInput {
        max_budget: body.max_budget_in_team.map(|amount| amount.map(Decimal::from)),
        tpm_limit: body.tpm_limit,
        rpm_limit: body.rpm_limit,
        ..LimitsPatchInput::default()
    };
    let limits = limits.parse_of_member()?;
    let mut ctx = call.write().await?;
    let member = members::change(&mut ctx, team, &user, patch, &limits).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Member::from(member))
}

/// Remove a member
///
/// Project roles in the team go too, and keys in it are revoked; runners stay. Members may remove themselves.
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
