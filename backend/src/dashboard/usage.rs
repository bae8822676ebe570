//! Teams' runners against their quotas.

use domain::{
    TeamId,
    views::{TeamUse, TeamUses},
};

use crate::{Ctx, Result, scope::Scope};

/// The fullest active teams of a scope; after those with a quota, those without one by their runners.
pub(super) async fn fullest(ctx: &mut Ctx, scope: &Scope, limit: i64) -> Result<TeamUses> {
    let rows = sqlx::query!(
        r#"WITH seen AS (
            SELECT t.id, t.name, t.runner_count, t.max_runners, t.organization_id FROM teams t
            WHERE t.status = 'active' AND t.runners_enabled
                AND ($1 OR t.id = ANY($2) OR t.organization_id = ANY($3))
        )
        SELECT total.n AS "total!", f.id AS "id?", f.name AS "name?", f.organization AS "organization?",
            f.runner_count AS "used?", f.max_runners AS "max?"
        FROM (SELECT count(*) AS n FROM seen) total LEFT JOIN (
            SELECT s.*, o.name AS organization FROM seen s JOIN organizations o ON o.id = s.organization_id
            ORDER BY s.max_runners IS NULL, s.runner_count::numeric / greatest(s.max_runners, 1) DESC, s.runner_count DESC,
                lower(s.name), s.id
            LIMIT $4
        ) f ON true
        ORDER BY f.max_runners IS NULL, f.runner_count::numeric / greatest(f.max_runners, 1) DESC, f.runner_count DESC,
            lower(f.name), f.id"#,
        scope.all,
        &scope.teams,
        &scope.organizations,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let teams = rows
        .into_iter()
        .filter_map(|row| {
            Some(TeamUse {
                id: TeamId(row.id?),
                name: row.name?,
                organization: row.organization?,
                used: row.used?,
                max: row.max,
            })
        })
        .collect();
    Ok(TeamUses { teams, total })
}
