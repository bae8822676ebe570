//! What a change of services breaks.

use chrono::TimeDelta;
use domain::{
    TeamId,
    views::{BrokenKey, BrokenKeys},
};
use uuid::Uuid;

use crate::{Ctx, Result};

/// What counts as used recently.
const RECENT: TimeDelta = TimeDelta::days(30);

/// The keys of some teams that work now: these break when the teams lose a service. One query, which only reads; keys
/// are made and ended by [`keys`](crate::keys).
pub(super) async fn keys_of(ctx: &mut Ctx, teams: &[TeamId]) -> Result<BrokenKeys> {
    let teams: Vec<Uuid> = teams.iter().map(|team| team.0).collect();
    let (now, recent) = (ctx.now, ctx.now - RECENT);
    let rows = sqlx::query!(
        r#"WITH live AS (
            SELECT k.id, k.name, k.prefix, k.team_id, k.project_id, u.email, k.last_used_at
            FROM api_keys k JOIN users u ON u.id = k.owner_id AND u.deactivated_at IS NULL
            WHERE k.team_id = ANY($1) AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2))
        SELECT k.name, k.prefix, t.name AS team, p.name AS "project?", k.email, k.last_used_at,
            (SELECT count(*) FROM live) AS "keys!",
            (SELECT count(*) FROM live WHERE last_used_at > $3) AS "recently_used!",
            (SELECT count(DISTINCT project_id) FROM live) AS "projects!"
        FROM live k JOIN teams t ON t.id = k.team_id LEFT JOIN projects p ON p.id = k.project_id
        ORDER BY k.last_used_at DESC NULLS LAST, k.id LIMIT 10"#,
        &teams,
        now,
        recent,
    )
    .fetch_all(ctx.connection())
    .await?;
    let Some(first) = rows.first() else {
        return Ok(BrokenKeys::default());
    };
    Ok(BrokenKeys {
        keys: first.keys,
        recently_used: first.recently_used,
        projects: first.projects,
        examples: rows
            .into_iter()
            .map(|row| BrokenKey {
                name: row.name,
                prefix: row.prefix,
                team: row.team,
                project: row.project,
                owner: row.email,
                last_used_at: row.last_used_at,
            })
            .collect(),
    })
}
