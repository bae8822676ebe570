//! `/api/v1/admin/teams/{id}/projects` (SPEC D8).

use axum::response::{IntoResponse, Response};
use backend::{budgets::LimitsPatchInput, projects};
use chrono::{DateTime, Utc};
use domain::{Description, Fields, ProjectId, ProjectName, TeamId, views};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::{Json, present},
    call::{At, Call, json},
    team_body::Amount,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_projects, create_project))
        .routes(routes!(get_project, update_project, delete_project))
}

/// A project of a team.
#[derive(Debug, Serialize, ToSchema)]
struct Project {
    id: Uuid,
    team_id: Uuid,
    #[schema(example = "Billing API")]
    name: String,
    description: Option<String>,
    /// AI models; empty means all that the team has.
    models: Vec<String>,
    /// Budget for one period, in US dollars; null is no limit of its own.
    max_budget: Option<f64>,
    /// The budget's period.
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    /// Tokens per minute; null is no limit of its own.
    tpm_limit: Option<i64>,
    /// Requests per minute; null is no limit of its own.
    rpm_limit: Option<i64>,
    /// People assigned to it; the team's admins have access without.
    member_count: i64,
    /// Keys that have not ended.
    key_count: i64,
    /// Live runners provisioned for it.
    runner_count: i64,
    created_at: DateTime<Utc>,
    /// Email of who created it.
    created_by: Option<String>,
}

impl From<views::Project> for Project {
    fn from(project: views::Project) -> Self {
        Self {
            id: project.id.0,
            team_id: project.team_id.0,
            name: project.name,
            description: project.description,
            models: project.limits.models,
            max_budget: project.limits.max_budget.map(domain::Money::to_f64),
            budget_duration: project.limits.budget_duration.map(String::from),
            tpm_limit: project.limits.tpm_limit,
            rpm_limit: project.limits.rpm_limit,
            member_count: project.member_count,
            key_count: project.key_count,
            runner_count: project.runner_count,
            created_at: project.created_at,
            created_by: project.created_by,
        }
    }
}

/// A team's projects that the caller may see, by name.
#[derive(Debug, Serialize, ToSchema)]
struct ProjectList {
    team_id: Uuid,
    #[schema(example = "Backend Team")]
    team_name: String,
    projects: Vec<Project>,
    #[schema(example = 1)]
    total: usize,
}

/// A new project.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Billing API", "description": "Invoices and payments"}))]
struct NewProject {
    /// Unique in the team, without regard to case.
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    #[schema(max_length = 500)]
    description: Option<String>,
}

/// Changes to a project: a field that is left out stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Payments API"}))]
struct ProjectPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 1, max_length = 100)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    /// null or empty: all that the team has.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    models: Option<Option<Vec<String>>>,
    /// US dollars for one period, not above the team's; null: no limit of its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Option<Amount>>,
    /// `30s`, `30m`, `30h`, `30d`, `1mo`, `daily`, `weekly`, `monthly` or `yearly`; null: it never starts anew.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    budget_duration: Option<Option<String>>,
    /// null: no limit of its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    /// null: no limit of its own.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
}

/// List a team's projects
///
/// Team admins and those above see all; members see those that they are assigned to.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/projects",
    tag = "Projects",
    params(("id" = Uuid, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The projects", body = ProjectList),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_projects(call: Call, At(team): At<TeamId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let (page, projects) = projects::list(&mut ctx, team).await?;
    let list = ProjectList {
        team_id: page.team.id.0,
        team_name: page.team.name,
        total: projects.len(),
        projects: projects.into_iter().map(Project::from).collect(),
    };
    json(StatusCode::OK, &list)
}

/// Create a project
#[utoipa::path(
    post,
    path = "/admin/teams/{id}/projects",
    tag = "Projects",
    params(("id" = Uuid, Path, description = "The team's id")),
    request_body = NewProject,
    responses(
        (status = 201, description = "The project", body = Project),
        (status = 403, description = "`FORBIDDEN`: only admins create projects"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`NAME_TAKEN`: a project of the team has this name; `WRONG_STATE`: the team is archived or has as many projects as it can"),
    )
)]
async fn create_project(call: Call, At(team): At<TeamId>, Json(body): Json<NewProject>) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let name = fields.take(ProjectName::parse(&body.name));
    let description = fields.take(Description::optional(body.description.as_deref().unwrap_or_default()));
    let (name, description) = fields.with(name.zip(description))?;
    let mut ctx = call.write().await?;
    let project = projects::create(&mut ctx, team, &name, description.as_ref()).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &Project::from(project))
}

/// Read a project
///
/// Members see the projects that they are assigned to; of others they do not learn that they exist.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/projects/{project_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
    ),
    responses(
        (status = 200, description = "The project", body = Project),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member of the team; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project, or the caller is not assigned to it"),
    )
)]
async fn get_project(call: Call, At((team, project)): At<(TeamId, ProjectId)>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = projects::get(&mut ctx, team, project).await?;
    json(StatusCode::OK, &Project::from(page.project))
}

/// Change a project
///
/// Its limits are not above the team's and the organization's, and not below those of its keys.
#[utoipa::path(
    patch,
    path = "/admin/teams/{id}/projects/{project_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
    ),
    request_body = ProjectPatch,
    responses(
        (status = 200, description = "The project as it is now", body = Project),
        (status = 403, description = "`FORBIDDEN`: only admins change projects"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project"),
        (status = 409, description = "`NAME_TAKEN`: another project of the team has this name; `WRONG_STATE`: the team is archived"),
    )
)]
async fn update_project(
    call: Call,
    At((team, project)): At<(TeamId, ProjectId)>,
    Json(body): Json<ProjectPatch>,
) -> Result<Response, Problem> {
    let mut fields = Fields::new();
    let name = fields.take(body.name.as_deref().map(ProjectName::parse).transpose());
    let description = fields.take(
        body.description
            .map(|text| Description::optional(text.as_deref().unwrap_or_default()))
            .transpose(),
    );
    let limits = LimitsPatchInput {
        models: body.models.map(Option::unwrap_or_default),
        max_budget: body.max_budget.map(|amount| amount.map(Decimal::from)),
        budget_duration: body.budget_duration,
        tpm_limit: body.tpm_limit,
        rpm_limit: body.rpm_limit,
    };
    let both = name.zip(description);
    let limits = fields.and(limits.parse())?;
    // Without an error there is a value for each field.
    let (name, description) = both.unwrap_or_default();
    let mut ctx = call.write().await?;
    let description = description.as_ref().map(Option::as_ref);
    let project = projects::change(&mut ctx, team, project, name.as_ref(), description, &limits).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &Project::from(project))
}

/// Delete a project
///
/// With the roles of its members and its keys, for good and at once. Its runners stay with the team.
#[utoipa::path(
    delete,
    path = "/admin/teams/{id}/projects/{project_id}",
    tag = "Projects",
    params(
        ("id" = Uuid, Path, description = "The team's id"),
        ("project_id" = Uuid, Path, description = "The project's id"),
    ),
    responses(
        (status = 204, description = "The project is gone"),
        (status = 403, description = "`FORBIDDEN`: only admins delete projects"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or project"),
        (status = 409, description = "`WRONG_STATE`: the team is archived"),
    )
)]
async fn delete_project(call: Call, At((team, project)): At<(TeamId, ProjectId)>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    projects::delete(&mut ctx, team, project).await?;
    ctx.commit().await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
