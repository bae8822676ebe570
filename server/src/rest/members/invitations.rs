//! `/api/v1/admin/teams/{id}/invitations`: memberships that wait for an account.

use axum::response::{IntoResponse, Response};
use backend::members::invitations::{self, InvitationInput, InvitationQuery};
use chrono::{DateTime, Utc};
use domain::{InvitationId, TeamId, TeamRole, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use crate::{
    problem::Problem,
    rest::{
        body::Json,
        call::{At, Call, json},
        query::{QueryString, limit},
    },
    state::AppState,
};

/// How many invitations a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_invitations, create_invitation))
        .routes(routes!(withdraw_invitation))
}

/// An address to invite.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "nora@example.com", "role": "member"}))]
struct NewInvitation {
    /// The address; nobody may have it yet.
    email: String,
    /// `admin` or `member`; `member` unless said otherwise.
    role: Option<String>,
}

/// A membership that waits for an account.
#[derive(Debug, Serialize, ToSchema)]
struct Invitation {
    id: Uuid,
    #[schema(example = "nora@example.com")]
    email: String,
    #[schema(value_type = super::Role)]
    role: TeamRole,
    /// Email of who made it.
    invited_by: Option<String>,
    invited_at: DateTime<Utc>,
    /// When it ends by itself, thirty days after it was made.
    expires_at: DateTime<Utc>,
}

impl From<views::Invitation> for Invitation {
    fn from(invitation: views::Invitation) -> Self {
        Self {
            id: invitation.id.0,
            email: invitation.email,
            role: invitation.role,
            invited_by: invitation.invited_by,
            invited_at: invitation.invited_at,
            expires_at: invitation.expires_at,
        }
    }
}

/// A page of a team's invitations.
#[derive(Debug, Serialize, ToSchema)]
struct InvitationList {
    invitations: Vec<Invitation>,
    /// How many there are in all.
    total: i64,
    /// Where the next page begins; null on the last one.
    next_cursor: Option<String>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List a team's invitations
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/invitations",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id"), ListParams),
    responses(
        (status = 200, description = "One page of invitations", body = InvitationList),
        (status = 403, description = "`FORBIDDEN`: only those who manage members see them"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_invitations(
    call: Call,
    At(team): At<TeamId>,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    let query = InvitationQuery {
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = invitations::list(&mut ctx, team, &query).await?;
    let list = InvitationList {
        invitations: page.items.into_iter().map(Invitation::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Invite somebody without an account
///
/// The person is a member from the moment on in which there is an account with this address: by a first sign-in with a
/// verified email, from the directory, or made by a super_admin. Inviting again changes the role and begins the thirty days
/// anew.
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/invitations",
    tag = "Members",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = NewInvitation,
    responses(
        (status = 201, description = "The invitation", body = Invitation),
        (status = 400, description = "`FOREIGN_EMAIL_DOMAIN`: the address is not in the organization's email domains"),
        (status = 403, description = "`FORBIDDEN`: only those who manage members invite"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: somebody has the address, or the team is archived"),
    )
)]
async fn create_invitation(
    call: Call,
    At(team): At<TeamId>,
    Json(body): Json<NewInvitation>,
) -> Result<Response, Problem> {
    let input = InvitationInput {
        email: body.email,
        role: body.role,
    };
    let (email, role) = input.parse()?;
    let mut ctx = call.write().await?;
    let invitation = invitations::invite(&mut ctx, team, &email, role).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &Invitation::from(invitation))
}

/// Withdraw an invitation
#[utoipa::path(
    delete,
    path = "/admin/teams/{id}/invitations/{invitation_id}",
    tag = "Members",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("invitation_id" = Uuid, Path, description = "The invitation's id"),
    ),
    responses(
        (status = 204, description = "It is withdrawn"),
        (status = 403, description = "`FORBIDDEN`: only those who manage members withdraw"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or invitation; the person may have joined"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn withdraw_invitation(call: Call, At((team, id)): At<(TeamId, InvitationId)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    invitations::withdraw(&mut ctx, team, id).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
