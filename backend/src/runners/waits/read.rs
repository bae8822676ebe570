//! Who waits, and where in the line.

use domain::{Permission, TeamId, views::RunnerWait};
use uuid::Uuid;

use super::not_found;
use crate::{Ctx, Error, Result, runners::JitInput, teams};

/// The most waits of a team that are shown.
const MOST: i64 = 500;

/// The caller's open waits: at most one for each team.
///
/// # Errors
/// 403 for a program.
pub async fn mine(ctx: &mut Ctx) -> Result<Vec<RunnerWait>> {
    let user = ctx.person()?.id.0;
    read(ctx, None, None, Some(user)).await
}

/// A team's open waits, in their order; its first 500.
///
/// # Errors
/// 403 and 404 for those who do not manage its members.
pub async fn of_team(ctx: &mut Ctx, team: TeamId) -> Result<Vec<RunnerWait>> {
    teams::open(ctx, team)
        .await?
        .standing
        .require(Permission::MembersManage)?;
    read(ctx, None, Some(team.0), None).await
}

/// One wait: one's own, or of a team whose members the caller manages; also one that is over.
///
/// # Errors
/// 404 for any other.
pub async fn get(ctx: &mut Ctx, id: Uuid) -> Result<RunnerWait> {
    let user = ctx.caller.user_id().map(|id| id.0);
    let wait = read(ctx, Some(id), None, None)
        .await?
        .pop()
        .ok_or_else(|| not_found(id))?;
    let owner = sqlx::query_scalar!("SELECT user_id FROM runner_waits WHERE id = $1", id)
        .fetch_one(ctx.connection())
        .await?;
    if Some(owner) == user {
        return Ok(wait);
    }
    match teams::open(ctx, wait.team_id).await {
        Ok(page) if page.standing.may(Permission::MembersManage) => Ok(wait),
        Err(error @ (Error::Internal(_) | Error::Unavailable(..))) => Err(error),
        Ok(_) | Err(_) => Err(not_found(id)),
    }
}

async fn read(ctx: &mut Ctx, id: Option<Uuid>, team: Option<Uuid>, user: Option<Uuid>) -> Result<Vec<RunnerWait>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, w.team_id, t.name AS team_name, u.email, w.request, w.created_at,
            CASE WHEN w.ready_until <= clock_timestamp() THEN 'expired' ELSE w.state END AS "state!",
            CASE WHEN w.ready_until > clock_timestamp() THEN w.ready_until END AS ready_until,
            CASE WHEN w.state = 'waiting' THEN (SELECT count(*) FROM runner_waits before
                WHERE before.team_id = w.team_id AND before.state = 'waiting' AND before.place <= w.place) END AS position
        FROM runner_waits w JOIN teams t ON t.id = w.team_id JOIN users u ON u.id = w.user_id
        WHERE ($1::uuid IS NULL OR w.id = $1) AND ($2::uuid IS NULL OR w.team_id = $2)
            AND ($3::uuid IS NULL OR w.user_id = $3) AND (w.id = $1 OR w.state IN ('waiting', 'ready'))
        ORDER BY w.place LIMIT $4"#,
        id,
        team,
        user,
        MOST,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunnerWait {
                id: row.id,
                team_id: TeamId(row.team_id),
                team_name: row.team_name,
                user: row.email,
                state: row.state,
                position: row.position,
                created_at: row.created_at,
                ready_until: row.ready_until,
                labels: serde_json::from_value::<JitInput>(row.request)?.labels,
            })
        })
        .collect()
}
