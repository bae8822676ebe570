//! Projects of a team: find, list, create, edit, delete.

pub(crate) mod access;
pub mod members;
mod mine;

use domain::{
    BudgetDuration, Description, Limits, Money, Permission, ProjectId, ProjectName, ProjectStanding, TeamId,
    hierarchy::Level,
    views::{Project, ProjectPage, TeamPage},
};
pub use mine::mine;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Code, Ctx, Error, Result,
    api_keys::{self, KeysOf},
    audit,
    budgets::{self, LimitsPatch},
    keys, organizations, teams,
};

/// How many projects one team may have: lists show them all.
const MAX_PROJECTS: i32 = 1000;

/// The team's projects by name: all of them for its admins and the organization's, else those that
/// the caller is assigned to (SPEC P).
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team.
pub async fn list(ctx: &mut Ctx, team: TeamId) -> Result<(TeamPage, Vec<Project>)> {
    let page = teams::open(ctx, team).await?;
    let all = ProjectStanding::sees_all(&page.standing);
    let (viewer, now) = (ctx.caller.user_id().map(|id| id.0), ctx.now);
    let rows = sqlx::query!(
        r#"SELECT p.id, p.name, p.description, p.models, p.max_budget, p.budget_duration, p.tpm_limit, p.rpm_limit, p.created_at,
            c.email AS "created_by?",
            (SELECT count(*) FROM project_members m WHERE m.project_id = p.id) AS "members!",
            (SELECT count(*) FROM api_keys k WHERE k.project_id = p.id AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $4)) AS "keys!",
            (SELECT count(*) FROM runners r WHERE r.project_id = p.id AND r.status <> 'deleted') AS "runners!"
        FROM projects p LEFT JOIN users c ON c.id = p.created_by
        WHERE p.team_id = $1
            AND ($2 OR EXISTS (SELECT FROM project_members m WHERE m.project_id = p.id AND m.user_id = $3))
        ORDER BY lower(p.name), p.id LIMIT 1000"#,
        team.0,
        all,
        viewer,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    let projects = rows
        .into_iter()
        .map(|row| Project {
            id: ProjectId(row.id),
            team_id: team,
            name: row.name,
            description: row.description,
            limits: Limits {
                models: row.models,
                max_budget: row.max_budget.map(Money::trusted),
                budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: row.tpm_limit,
                rpm_limit: row.rpm_limit,
            },
            member_count: row.members,
            key_count: row.keys,
            runner_count: row.runners,
            created_at: row.created_at,
            created_by: row.created_by,
        })
        .collect();
    Ok((page, projects))
}

/// A project that the caller sees, with their standing in it.
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team; 404 `Project not found: <id>`, also for
/// those who are not assigned to it: they do not learn which projects there are.
pub async fn get(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<ProjectPage> {
    access::open(ctx, team, id).await
}

/// Creates a project.
///
/// # Errors
/// 403 without the right; 409 when the name is taken in the team.
pub async fn create(
    ctx: &mut Ctx,
    team: TeamId,
    name: &ProjectName,
    description: Option<&Description>,
) -> Result<Project> {
    let page = manage(ctx, team).await?;
    crate::default_team::require_other(&page.team, " and has no projects")?;
    if page.team.project_count >= MAX_PROJECTS {
        return Err(Error::refused(
            Code::WrongState,
            format!("A team may have at most {MAX_PROJECTS} projects"),
        ));
    }
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO projects (id, team_id, name, description, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $5, $6)",
        id,
        team.0,
        name.as_str(),
        description.map(Description::as_str),
        now,
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, name))?;
    let project = one(ctx, team, ProjectId(id)).await?;
    let entry = audit::Entry::new("project.create", "project", id, name.as_str())
        .team(page.team.organization_id, team)
        .change(Value::Null, fields(&project));
    audit::record(ctx, entry).await?;
    Ok(project)
}

/// Renames or describes a project: `None` keeps, an inner `None` clears.
///
/// # Errors
/// 404 `Project not found: <id>`; 409 when the name is taken.
pub async fn update(
    ctx: &mut Ctx,
    team: TeamId,
    id: ProjectId,
    name: Option<&ProjectName>,
    description: Option<Option<&Description>>,
) -> Result<Project> {
    change(ctx, team, id, name, description, &LimitsPatch::default()).await
}

/// As [`update`], and changes limits.
///
/// # Errors
/// As [`update`]; limits above the team's or the organization's, or below those of one of its keys.
pub async fn change(
    ctx: &mut Ctx,
    team: TeamId,
    id: ProjectId,
    name: Option<&ProjectName>,
    description: Option<Option<&Description>>,
    limits: &LimitsPatch,
) -> Result<Project> {
    if limits.changes() {
        organizations::hold_ceilings(ctx, team).await?;
    }
    let page = manage(ctx, team).await?;
    let project = one(ctx, team, id).await?;
    let new_name = name.map_or(project.name.as_str(), ProjectName::as_str);
    let new_description = match description {
        Some(text) => text.map(Description::as_str),
        None => project.description.as_deref(),
    };
    let new_limits = limits.apply(&project.limits);
    if new_name == project.name && new_description == project.description.as_deref() && new_limits == project.limits {
        return Ok(project);
    }
    if new_limits != project.limits {
        budgets::require_within_team(ctx, &page.team, Level::Project, &new_limits).await?;
        api_keys::require_within(ctx, KeysOf::Project(id), Level::Project, &new_limits).await?;
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE projects SET name = $3, description = $4, updated_at = $5, models = $6, max_budget = $7,
            budget_duration = $8, tpm_limit = $9, rpm_limit = $10
        WHERE id = $1 AND team_id = $2",
        id.0,
        team.0,
        new_name,
        new_description,
        now,
        &new_limits.models,
        new_limits.max_budget.map(Money::decimal),
        new_limits.budget_duration.as_ref().map(BudgetDuration::as_str),
        new_limits.tpm_limit,
        new_limits.rpm_limit,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, new_name))?;
    if new_name != project.name {
        keys::project_renamed(ctx, id).await?;
    }
    let changed = one(ctx, team, id).await?;
    let entry = audit::Entry::new("project.update", "project", id, &changed.name)
        .team(page.team.organization_id, team)
        .change(fields(&project), fields(&changed));
    audit::record(ctx, entry).await?;
    Ok(changed)
}

/// Deletes a project with all its data (SPEC X15): the roles of its members and its keys. Its runners stay with the
/// team. Returns the project as it was, with what it had.
///
/// # Errors
/// 404 `Project not found: <id>`.
pub async fn delete(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<Project> {
    let page = manage(ctx, team).await?;
    let project = one(ctx, team, id).await?;
    sqlx::query!("DELETE FROM projects WHERE id = $1 AND team_id = $2", id.0, team.0)
        .execute(ctx.connection())
        .await?;
    let mut before = fields(&project);
    before["members"] = json!(project.member_count);
    before["keys"] = json!(project.key_count);
    let entry = audit::Entry::new("project.delete", "project", id, &project.name)
        .team(page.team.organization_id, team)
        .change(before, Value::Null);
    audit::record(ctx, entry).await?;
    Ok(project)
}

async fn manage(ctx: &mut Ctx, team: TeamId) -> Result<TeamPage> {
    let page = teams::locked_for(ctx, team, Permission::ProjectsManage).await?;
    teams::require_not_archived(&page)?;
    Ok(page)
}

/// A project of a team; the caller was authorised.
async fn one(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<Project> {
    let row = access::row(ctx, team, id).await?;
    row.map(|(project, _)| project)
        .ok_or_else(|| Error::not_found("Project", id))
}

/// Checks that the caller, who belongs to the team, may use one of its projects; for runners that name one.
///
/// # Errors
/// As [`get`].
pub(crate) async fn require_use(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<()> {
    access::open(ctx, team, id).await.map(drop)
}

fn taken(error: sqlx::Error, name: impl std::fmt::Display) -> Error {
    Error::from(error).on_constraint("projects_name_key", || {
        Error::refused(Code::NameTaken, format!("Project '{name}' already exists in this team"))
    })
}

fn fields(project: &Project) -> Value {
    let mut fields = json!({"name": project.name, "description": project.description});
    let limits = &project.limits;
    if *limits != Limits::default() {
        fields["models"] = json!(limits.models);
        fields["max_budget"] = json!(limits.max_budget);
        fields["budget_duration"] = json!(limits.budget_duration);
        fields["tpm_limit"] = json!(limits.tpm_limit);
        fields["rpm_limit"] = json!(limits.rpm_limit);
    }
    fields
}
