//! Which project, and what someone is in it.

use chrono::{DateTime, Utc};
use domain::{
    BudgetDuration, Limits, Money, OrgRole, Permission, ProjectId, ProjectRole, ProjectStanding, Standing, TeamId,
    TeamRole, UserId,
    views::{Project, ProjectPage, TeamPage},
};

use crate::{Ctx, Error, Result, teams};

/// A project that the caller sees.
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team; 404 `Project not found: <id>` when there
/// is none, and for those who are not assigned to it: they do not learn which projects there are.
pub(crate) async fn open(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<ProjectPage> {
    let page = teams::open(ctx, team).await?;
    of_team(ctx, page, id).await
}

/// The same, with the team's row locked, for a change: the team's changes happen one after another.
///
/// # Errors
/// As [`open`]; 409 when the team is archived.
pub(crate) async fn locked(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<ProjectPage> {
    let page = teams::locked_for(ctx, team, Permission::TeamView)
        .await
        .map_err(|error| match error {
            Error::Forbidden(_) => Standing::default().refusal(Permission::ProjectsManage).into(),
            other => other,
        })?;
    let page = of_team(ctx, page, id).await?;
    teams::require_not_archived(&page.team)?;
    Ok(page)
}

/// A project with its team's row locked, whatever the caller may do in it: for what needs no right.
///
/// # Errors
/// 404 when there is none.
pub(crate) async fn loaded(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<ProjectPage> {
    let team = teams::load(ctx, team, teams::Lock::Update).await?;
    let found = row(ctx, team.team.id, id).await?;
    let (project, role) = found.ok_or_else(|| Error::not_found("Project", id))?;
    let standing = ProjectStanding {
        team: team.standing,
        role,
    };
    Ok(ProjectPage {
        team,
        project,
        standing,
    })
}

async fn of_team(ctx: &mut Ctx, team: TeamPage, id: ProjectId) -> Result<ProjectPage> {
    let missing = || Error::not_found("Project", id);
    let (project, role) = row(ctx, team.team.id, id).await?.ok_or_else(missing)?;
    let standing = ProjectStanding {
        team: team.standing,
        role,
    };
    if !standing.may(domain::ProjectRight::See) {
        return Err(missing());
    }
    Ok(ProjectPage {
        team,
        project,
        standing,
    })
}

/// A project of a team as it is now, and the caller's role in it. The caller was authorised, or is next.
pub(super) async fn row(ctx: &mut Ctx, team: TeamId, id: ProjectId) -> Result<Option<(Project, Option<ProjectRole>)>> {
    let (viewer, now) = (ctx.caller.user_id().map(|id| id.0), ctx.now);
    let row = sqlx::query!(
        r#"SELECT p.name, p.description, p.models, p.max_budget, p.budget_duration, p.tpm_limit, p.rpm_limit, p.created_at,
            c.email AS "created_by?",
            (SELECT count(*) FROM project_members m WHERE m.project_id = p.id) AS "members!",
            (SELECT count(*) FROM api_keys k WHERE k.project_id = p.id AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $4)) AS "keys!",
            (SELECT count(*) FROM runners r WHERE r.project_id = p.id AND r.status <> 'deleted') AS "runners!",
            (SELECT m.role FROM project_members m WHERE m.project_id = p.id AND m.user_id = $3) AS role
        FROM projects p LEFT JOIN users c ON c.id = p.created_by WHERE p.id = $1 AND p.team_id = $2"#,
        id.0,
        team.0,
        viewer,
        now,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let project = Project {
        id,
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
    };
    let role = row.role.as_deref().map(str::parse).transpose()?;
    Ok(Some((project, role)))
}

/// What anyone is with regard to a project: for those who are acted upon.
pub(crate) async fn standing_of(ctx: &mut Ctx, page: &ProjectPage, user: UserId) -> Result<ProjectStanding> {
    let now: DateTime<Utc> = ctx.now;
    let row = sqlx::query!(
        r#"SELECT u.is_super_admin, u.is_auditor, om.role AS "org?", pm.role AS "project?",
            CASE WHEN tm.admin_until <= $5 THEN 'member' ELSE tm.role END AS team
        FROM users u
            LEFT JOIN organization_members om ON om.organization_id = $2 AND om.user_id = u.id
            LEFT JOIN team_members tm ON tm.team_id = $3 AND tm.user_id = u.id
                AND (tm.expires_at IS NULL OR tm.expires_at > $5)
            LEFT JOIN project_members pm ON pm.project_id = $4 AND pm.user_id = u.id
        WHERE u.id = $1"#,
        user.0,
        page.team.team.organization_id.0,
        page.team.team.id.0,
        page.project.id.0,
        now,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("User", user))?;
    Ok(ProjectStanding {
        team: Standing {
            super_admin: row.is_super_admin,
            auditor: row.is_auditor,
            org: row.org.as_deref().map(str::parse::<OrgRole>).transpose()?,
            team: row.team.as_deref().map(str::parse::<TeamRole>).transpose()?,
        },
        role: row.project.as_deref().map(str::parse).transpose()?,
    })
}
