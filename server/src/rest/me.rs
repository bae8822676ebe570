//! `GET /api/v1/auth/me` and `GET /api/v1/teams/my-teams` (SPEC B10).

use axum::response::Response;
use backend::{Caller, Error, identity, teams};
use domain::{TeamRole, TeamStatus, views};
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    call::{Call, json},
    members::Role,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_me))
        .routes(routes!(list_my_teams))
}

/// The caller.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    user_id: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    display_name: Option<String>,
    /// The subject at the OpenID provider; null for someone who never signed in by it.
    oidc_sub: Option<String>,
    /// Administers the installation.
    is_admin: bool,
    /// Administers an organization, or the installation.
    is_org_admin: bool,
    /// May provision runners.
    can_use_jit: bool,
    /// `admin` for those who administer the installation, else `user`.
    #[schema(example = json!(["user"]))]
    roles: Vec<&'static str>,
    /// Active teams.
    teams: Vec<TeamOfMe>,
}

/// A team of the caller.
#[derive(Debug, Serialize, ToSchema)]
struct TeamOfMe {
    id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
    #[schema(value_type = Role)]
    role: TeamRole,
}

impl From<views::Me> for Me {
    fn from(me: views::Me) -> Self {
        Self {
            user_id: me.id.0,
            email: me.email,
            display_name: me.display_name,
            oidc_sub: me.oidc_sub,
            is_admin: me.super_admin,
            is_org_admin: me.org_admin,
            can_use_jit: me.can_use_jit,
            roles: vec![if me.super_admin { "admin" } else { "user" }],
            teams: me
                .teams
                .into_iter()
                .map(|(id, name, role)| TeamOfMe { id: id.0, name, role })
                .collect(),
        }
    }
}

/// An active team of the caller, with what they may ask of it.
#[derive(Debug, Serialize, ToSchema)]
struct MyTeam {
    id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
    description: Option<String>,
    #[schema(value_type = Role)]
    role: TeamRole,
    #[schema(example = json!(["linux", "docker"]))]
    required_labels: Vec<String>,
    #[schema(example = json!(["backend-.*", "service-.*"]))]
    optional_label_patterns: Vec<String>,
    /// Most runners at a time; null is no limit.
    #[schema(example = 10)]
    max_runners: Option<i32>,
}

impl From<views::MyTeam> for MyTeam {
    fn from(team: views::MyTeam) -> Self {
        Self {
            id: team.id.0,
            name: team.name,
            description: team.description,
            role: team.role,
            required_labels: team.policy.required.into_iter().map(String::from).collect(),
            optional_label_patterns: team.policy.optional.into_iter().map(String::from).collect(),
            max_runners: team.max_runners,
        }
    }
}

/// The caller's active teams, by name.
#[derive(Debug, Serialize, ToSchema)]
struct MyTeams {
    teams: Vec<MyTeam>,
    #[schema(example = 1)]
    total: usize,
}

/// Show who I am
#[utoipa::path(
    get,
    path = "/auth/me",
    tag = "Me",
    responses((status = 200, description = "The caller", body = Me))
)]
async fn get_me(call: Call) -> Result<Response, Problem> {
    let Caller::Person(person, _) = &call.caller else {
        return Err(Error::internal("a request came from no person").into());
    };
    json(StatusCode::OK, &Me::from(identity::me(person)))
}

/// List my teams
#[utoipa::path(
    get,
    path = "/teams/my-teams",
    tag = "Me",
    responses((status = 200, description = "The caller's active teams", body = MyTeams))
)]
async fn list_my_teams(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let mine = teams::mine(&mut ctx).await?;
    let teams: Vec<_> = mine
        .into_iter()
        .filter(|team| team.status == TeamStatus::Active)
        .map(MyTeam::from)
        .collect();
    json(
        StatusCode::OK,
        &MyTeams {
            total: teams.len(),
            teams,
        },
    )
}
