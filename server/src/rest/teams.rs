//! `/api/v1/admin/teams` and `/api/v1/admin/teams/{id}` (SPEC B3–B5).

use axum::response::Response;
use backend::teams::{self, NewTeamInput, Order, Sort, TeamPatchInput, TeamQuery};
use domain::{TeamId, TeamStatus};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json, sized_json},
    query::{QueryString, limit, offset},
    team_body::{NewTeam, Status, Team, TeamList, TeamPatch},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_teams, create_team))
        .routes(routes!(get_team, update_team))
}

/// How many teams a page has unless asked otherwise (SPEC B3).
const DEFAULT_LIMIT: i64 = 100;
/// About what one team takes in JSON, in bytes.
const TEAM_SIZE: usize = 900;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Show inactive teams too.
    #[param(nullable = false)]
    include_inactive: Option<bool>,
    /// Show archived teams too.
    #[param(nullable = false)]
    include_archived: Option<bool>,
    /// Show teams of this status only, whatever the two above say.
    #[param(nullable = false, inline, value_type = Option<Status>)]
    status: Option<TeamStatus>,
    /// Part of a name or description.
    #[param(nullable = false)]
    search: Option<String>,
    /// Only teams of this organization.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// What to sort by; the name unless said otherwise.
    #[param(nullable = false, inline)]
    sort: Option<SortBy>,
    /// Which end comes first; the smallest unless said otherwise.
    #[param(nullable = false, inline)]
    order: Option<SortOrder>,
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum SortBy {
    Name,
    Created,
    Members,
    Projects,
}

#[derive(Debug, Clone, Copy, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
enum SortOrder {
    Asc,
    Desc,
}

impl ListParams {
    fn query(self) -> Result<TeamQuery, Problem> {
        let statuses = match self.status {
            Some(only) => vec![only],
            None => [
                (TeamStatus::Active, true),
                (TeamStatus::Inactive, self.include_inactive.unwrap_or(false)),
                (TeamStatus::Archived, self.include_archived.unwrap_or(false)),
            ]
            .into_iter()
            .filter_map(|(status, shown)| shown.then_some(status))
            .collect(),
        };
        Ok(TeamQuery {
            search: self.search,
            statuses,
            organization: self.organization_id.map(Into::into),
            sort: match self.sort {
                None | Some(SortBy::Name) => Sort::Name,
                Some(SortBy::Created) => Sort::Created,
                Some(SortBy::Members) => Sort::Members,
                Some(SortBy::Projects) => Sort::Projects,
            },
            order: match self.order {
                None | Some(SortOrder::Asc) => Order::Ascending,
                Some(SortOrder::Desc) => Order::Descending,
            },
            cursor: self.cursor,
            offset: offset(self.offset)?,
            limit: limit(self.limit, DEFAULT_LIMIT)?,
        })
    }
}

/// List teams
///
/// All of them for super admins and auditors; those of their organizations for organization admins;
/// their own for everyone else.
#[utoipa::path(
    get,
    path = "/admin/teams",
    tag = "Teams",
    params(ListParams),
    responses(
        (status = 200, description = "One page of teams", body = TeamList),
        (status = 403, description = "`FORBIDDEN`: the caller belongs to no team, or asks for inactive teams only"),
    )
)]
async fn list_teams(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = params.query()?;
    let mut ctx = call.read().await?;
    let page = teams::list(&mut ctx, &query).await?;
    // The connection goes back before the JSON is written.
    drop(ctx);
    let list = TeamList::from(page);
    sized_json(StatusCode::OK, &list, list.teams.len() * TEAM_SIZE + 128)
}

/// Create a team
///
/// Nobody is added to it: add members next.
#[utoipa::path(
    post,
    path = "/admin/teams",
    tag = "Teams",
    request_body = NewTeam,
    responses(
        (status = 201, description = "The team", body = Team),
        (status = 403, description = "`FORBIDDEN`: only admins create teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
        (status = 409, description = "`NAME_TAKEN`: a team has this name"),
    )
)]
async fn create_team(call: Call, Json(body): Json<NewTeam>) -> Result<Response, Problem> {
    let new = NewTeamInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let page = teams::create(&mut ctx, new).await?;
    ctx.commit().await?;
    sized_json(StatusCode::CREATED, &Team::from(page.team), TEAM_SIZE)
}

/// Show a team
#[utoipa::path(
    get,
    path = "/admin/teams/{id}",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The team", body = Team),
        (status = 403, description = "`FORBIDDEN`: the caller may not see this team"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn get_team(call: Call, At(id): At<TeamId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = teams::get(&mut ctx, id).await?;
    json(StatusCode::OK, &Team::from(page.team))
}

/// Change a team
///
/// Team admins change name and description, choose models, and may lower policy, quota and limits.
#[utoipa::path(
    patch,
    path = "/admin/teams/{id}",
    tag = "Teams",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = TeamPatch,
    responses(
        (status = 200, description = "The team as it is now", body = Team),
        (status = 403, description = "`FORBIDDEN`: the caller may not change one of these fields, or may only lower it"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`NAME_TAKEN`: another team has this name; `WRONG_STATE`: the team is archived"),
    )
)]
async fn update_team(call: Call, At(id): At<TeamId>, Json(body): Json<TeamPatch>) -> Result<Response, Problem> {
    let patch = TeamPatchInput::from(body).parse()?;
    let mut ctx = call.write().await?;
    let page = teams::update(&mut ctx, id, patch).await?;
    ctx.commit().await?;
    sized_json(StatusCode::OK, &Team::from(page.team), TEAM_SIZE)
}
