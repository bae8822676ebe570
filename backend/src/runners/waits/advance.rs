//! Giving free places to those who wait, in their order.

use domain::{OrganizationId, TeamId};
use serde_json::json;
use uuid::Uuid;

use super::hold;
use crate::{
    Backend, Ctx, Error, Method, Result, audit,
    runners::quota::{self, Turn},
    teams::{self, Lock},
};

/// Ends holds that ran out and waits of people who left their team, and holds the free places for those whose turn it
/// is; returns for how many. All processes do this: the lock of the team's row makes it one at a time.
///
/// # Errors
/// When the database does not answer.
pub async fn advance(backend: &Backend) -> Result<usize> {
    // By the earliest: under one ceiling, whoever waits the longest is first, in whatever team.
    let teams = sqlx::query_scalar!(
        "SELECT w.team_id FROM runner_waits w JOIN teams t ON t.id = w.team_id
        WHERE w.state = 'waiting' AND t.status = 'active' AND t.runners_enabled
            OR w.state = 'ready' AND w.ready_until <= clock_timestamp()
        GROUP BY w.team_id ORDER BY min(w.place)",
    )
    .fetch_all(&backend.pool)
    .await?;
    let mut held = 0;
    for team in teams {
        while next(backend, TeamId(team)).await? {
            held += 1;
        }
    }
    Ok(held)
}

/// Holds one place of the team; false when there is nobody, or no room.
async fn next(backend: &Backend, team: TeamId) -> Result<bool> {
    let mut ctx = Ctx::system(backend, "waiting list", Method::System).await?;
    // The organization before the team, and only with a ceiling, as provisioning does.
    let locked = sqlx::query!(
        r#"WITH ceiling AS MATERIALIZED (
            SELECT max_runners FROM organizations
            WHERE id = (SELECT organization_id FROM teams WHERE id = $1) AND max_runners IS NOT NULL FOR NO KEY UPDATE)
        SELECT t.organization_id, t.status = 'active' AND t.runners_enabled AS "open!", c.max_runners AS "ceiling?"
        FROM teams t LEFT JOIN ceiling c ON true WHERE t.id = $1 FOR UPDATE OF t"#,
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(locked) = locked else { return Ok(false) };
    let now = ctx.now;
    sqlx::query!(
        "UPDATE runner_waits SET state = 'expired', ready_until = NULL, updated_at = $2
        WHERE team_id = $1 AND state = 'ready' AND ready_until <= clock_timestamp()",
        team.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE runner_waits w SET state = 'left', ready_until = NULL, updated_at = $2
        WHERE w.team_id = $1 AND w.state IN ('waiting', 'ready') AND NOT EXISTS (
            SELECT FROM current_team_members m JOIN users u ON u.id = m.user_id
            WHERE m.team_id = w.team_id AND m.user_id = w.user_id AND u.deactivated_at IS NULL AND u.can_use_jit)",
        team.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    let is_held =
        locked.open && hold_one(&mut ctx, OrganizationId(locked.organization_id), team, locked.ceiling).await?;
    ctx.commit().await?;
    Ok(is_held)
}

async fn hold_one(ctx: &mut Ctx, organization: OrganizationId, team: TeamId, ceiling: Option<i32>) -> Result<bool> {
    let first = sqlx::query_scalar!(
        "SELECT id FROM runner_waits WHERE team_id = $1 AND state = 'waiting' ORDER BY place LIMIT 1 FOR UPDATE",
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(first) = first else { return Ok(false) };
    let page = teams::load(ctx, team, Lock::None).await?;
    match quota::require(ctx, &page, ceiling, Turn::Next(None)).await {
        Ok(()) => {}
        Err(Error::Quota(_)) => return Ok(false),
        Err(other) => return Err(other),
    }
    mark(ctx, first).await?;
    let entry = audit::Entry::new("runner_wait.ready", "runner_wait", first, &page.team.name)
        .team(organization, team)
        .change(json!({"state": "waiting"}), json!({"state": "ready"}));
    audit::record(ctx, entry).await?;
    Ok(true)
}

async fn mark(ctx: &mut Ctx, id: Uuid) -> Result<()> {
    let (now, hold) = (ctx.now, hold(&ctx.backend));
    sqlx::query!(
        "UPDATE runner_waits SET state = 'ready', updated_at = $2,
            ready_until = clock_timestamp() + make_interval(secs => $3) WHERE id = $1",
        id,
        now,
        hold,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
