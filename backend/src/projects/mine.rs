//! The caller's own projects.

use domain::{ProjectId, TeamId, views::MyProject};

use crate::{Ctx, Result, scope::Scope};

/// How many are told at most.
const SOME: i64 = 200;

/// The projects in which the caller may have keys, by team and name: those that they are assigned to, and all of the
/// active teams that they administer. At most 200.
///
/// # Errors
/// 403 for programs.
pub async fn mine(ctx: &mut Ctx) -> Result<Vec<MyProject>> {
    ctx.person()?;
    let scope = Scope::of(&ctx.caller);
    let rows = sqlx::query!(
        "SELECT p.id, p.name, t.id AS team_id, t.name AS team FROM projects p JOIN teams t ON t.id = p.team_id
        WHERE (p.id = ANY($1) OR p.team_id = ANY($2)) AND t.id = ANY($3)
        ORDER BY lower(t.name), t.id, lower(p.name), p.id LIMIT $4",
        &scope.projects,
        &scope.administered,
        &scope.teams,
        SOME,
    )
    .fetch_all(ctx.connection())
    .await?;
    let projects = rows.into_iter().map(|row| MyProject {
        id: ProjectId(row.id),
        name: row.name,
        team_id: TeamId(row.team_id),
        team: row.team,
    });
    Ok(projects.collect())
}
