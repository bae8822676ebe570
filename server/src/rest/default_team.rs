//! `/api/v1/admin/default-team` (SPEC C4, C5): the Default Team in numbers, and from it to teams of people's own.

use axum::response::Response;
use backend::{
    default_team::{self, MoveInput, Movers},
    members::OnInvalid,
};
use domain::{Fields, Invalid, Money, TeamId, TeamRole, views};
use http::StatusCode;
use rust_decimal::prelude::ToPrimitive as _;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{Call, json, sized_json},
    members::{MemberRow, OnBadRow, Role},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(default_team_stats))
        .routes(routes!(move_people))
}

/// The Default Team in numbers.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct DefaultTeamStats {
    #[schema(example = "a0000000-0000-4000-8000-000000000001")]
    team_id: Uuid,
    /// Who belongs to it.
    #[schema(example = 42)]
    member_count: i64,
    /// Those of them whose account is active.
    #[schema(example = 40)]
    active_users: i64,
    /// What its keys have spent, in US dollars.
    #[schema(example = 12.5)]
    total_spend: f64,
    /// Spend in per cent of the budget; null without a budget, or with one of 0.
    #[schema(example = 0.13)]
    budget_utilization: Option<f64>,
}

impl From<views::DefaultTeamStats> for DefaultTeamStats {
    fn from(stats: views::DefaultTeamStats) -> Self {
        Self {
            team_id: stats.team_id.0,
            member_count: stats.member_count,
            active_users: stats.active_users,
            total_spend: Money::to_f64(stats.total_spend),
            budget_utilization: stats.budget_utilization.and_then(|share| share.to_f64()),
        }
    }
}

/// The Default Team in numbers
///
/// Everyone belongs to the Default Team, so these are numbers of the whole installation.
#[utoipa::path(
    get,
    path = "/admin/default-team/stats",
    tag = "Statistics",
    responses(
        (status = 200, description = "The numbers", body = DefaultTeamStats),
        (status = 403, description = "`FORBIDDEN`: only those who see everyone of the installation"),
    )
)]
async fn default_team_stats(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let stats = default_team::stats(&mut ctx).await?;
    drop(ctx);
    json(StatusCode::OK, &DefaultTeamStats::from(stats))
}

/// Whom to move, where to, and as what: either `user_ids`, or `all` with a `scope`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "user_ids": ["ada@example.com"], "team_id": "0192f0c1-2b3c-7d4e-8f50-617283940a1b", "role": "member", "dry_run": true
}))]
struct NewMove {
    /// UUIDs or email addresses, at most 10,000.
    #[schema(min_items = 1, max_items = 10_000)]
    user_ids: Option<Vec<String>>,
    /// Everybody in the `scope` instead of `user_ids`.
    #[serde(default)]
    all: bool,
    /// Who `all` are. There is no default.
    scope: Option<MoveScope>,
    /// An active team that is not the Default Team.
    team_id: Uuid,
    /// `member` unless said otherwise.
    #[schema(value_type = Option<Role>)]
    role: Option<String>,
    /// What a bad row does to the good ones: with `abort` nobody is moved, with `skip` they are.
    #[serde(default)]
    on_invalid: OnBadRow,
    /// Whether to judge only, and write nothing.
    #[serde(default)]
    dry_run: bool,
}

/// Members of the Default Team whose account is active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum MoveScope {
    /// Those who are in no other team.
    Unassigned,
    /// All of them.
    Everyone,
}

/// What became of a move, or would.
#[derive(Debug, Serialize, ToSchema)]
struct MoveAnswer {
    /// Each person: as `user_ids` names them, or by email address.
    rows: Vec<MemberRow>,
    /// How many people were moved; in a dry run, how many would be. 0 when a bad row stopped all of it.
    #[schema(example = 1)]
    moved: usize,
    /// Whether this was a dry run.
    dry_run: bool,
}

impl NewMove {
    fn parse(self) -> Result<(Movers, MoveInput), Vec<Invalid>> {
        let mut fields = Fields::new();
        let movers = match (self.user_ids, self.all, self.scope) {
            (Some(users), false, None) => Ok(Movers::Listed(users)),
            (None, true, Some(MoveScope::Unassigned)) => Ok(Movers::Unassigned),
            (None, true, Some(MoveScope::Everyone)) => Ok(Movers::Everyone),
            (None, true, None) => Err(Invalid::new("scope", "is required with all: unassigned or everyone")),
            (None, false, _) => Err(Invalid::new("user_ids", "is required without all")),
            (Some(_), true, _) => Err(Invalid::new(
                "all",
                "must be left out with user_ids: choose one of the two",
            )),
            (Some(_), false, Some(_)) => Err(Invalid::new("scope", "must be left out without all")),
        };
        let movers = fields.take(movers);
        let role = fields.take(self.role.as_deref().map_or(Ok(TeamRole::Member), str::parse));
        let (movers, role) = fields.with(movers.zip(role))?;
        let input = MoveInput {
            team: TeamId(self.team_id),
            role,
            on_invalid: OnInvalid::from(self.on_invalid),
            dry_run: self.dry_run,
        };
        Ok((movers, input))
    }
}

/// Move people out of the Default Team
///
/// Adds them to a team, by the rules of `POST /admin/teams/{id}/members/bulk`. They stay in the Default Team, which
/// everyone belongs to; the new team is what their keys are made for from then on, unless they have been in another
/// active team for longer: the row then says which.
#[utoipa::path(
    post,
    path = "/admin/default-team/move",
    tag = "Members",
    request_body = NewMove,
    responses(
        (status = 200, description = "What became of each person, and how many were moved", body = MoveAnswer),
        (status = 403, description = "`FORBIDDEN`: only those who manage the Default Team"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`WRONG_STATE`: the team is not active, or is the Default Team"),
    )
)]
async fn move_people(call: Call, Json(body): Json<NewMove>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let (movers, input) = body.parse()?;
    let result = default_team::move_people(&mut ctx, &movers, input).await?;
    ctx.commit().await?;
    let answer = MoveAnswer {
        rows: result.rows.into_iter().map(MemberRow::from).collect(),
        moved: result.added,
        dry_run: result.dry_run,
    };
    let size = 96 * answer.rows.len() + 64;
    sized_json(StatusCode::OK, &answer, size)
}
