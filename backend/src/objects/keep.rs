//! Keeping objects at all: only while somebody listens.

use chrono::Duration;
use serde_json::Value;

use super::{realize, settle};
use crate::{Backend, Ctx, Method, Result, principals::clock};

/// For how long after the last listener stopped changes are still noted: restarts lose nothing.
const IN_USE: Duration = Duration::days(1);
/// How long changes are kept for watches that come back, and what happened for `describe`.
const CHANGES: Duration = Duration::hours(1);
const EVENTS: Duration = Duration::days(7);
/// How many of those that wait are tried at a time.
const RETRIES: i64 = 200;
/// The most changes that are kept, however young they are.
const MOST: i64 = 100_000;

/// Says that somebody listens. The first who does makes objects of all that there is; repeated while the listener runs.
///
/// # Errors
/// When the database does not answer.
pub async fn begin(backend: &Backend) -> Result<()> {
    let mut transaction = backend.pool.begin().await?;
    settle::lock(&mut transaction).await?;
    let now = clock();
    let before = sqlx::query_scalar!(
        r#"SELECT coalesce(in_use_until > $1, false) AS "was!" FROM objects_state"#,
        now
    )
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query!("UPDATE objects_state SET in_use_until = $1", now + IN_USE)
        .execute(&mut *transaction)
        .await?;
    if !before {
        note_everything(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Brings objects up to date where nobody listens, and nothing was noted: for work that is done in this transaction. The
/// caller holds the lock.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn catch_up(ctx: &mut Ctx) -> Result<()> {
    let now = ctx.now;
    if !is_in_use(ctx).await? {
        // What this transaction does is noted; afterwards nothing is, as before.
        sqlx::query!("UPDATE objects_state SET in_use_until = now() + interval '1 second'")
            .execute(ctx.connection())
            .await?;
        note_everything(ctx.connection()).await?;
    }
    settle::settle(ctx.connection(), now).await
}

/// Notes all that there is. What ended meanwhile is found by looking at what objects still tell of.
async fn note_everything(connection: &mut sqlx::PgConnection) -> Result<()> {
    sqlx::query!(
        "INSERT INTO object_touches (what, a, b)
        SELECT 'team', id, NULL::uuid FROM teams WHERE status <> 'archived' AND NOT is_system
        UNION ALL SELECT 'belonging', organization_id, user_id FROM organization_members
        UNION ALL SELECT 'membership', m.team_id, m.user_id FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE t.status <> 'archived' AND NOT t.is_system
        UNION ALL SELECT 'belonging', t.organization_id, m.user_id FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE t.status <> 'archived' AND NOT t.is_system AND t.organization_id = $1
        UNION ALL SELECT 'key', id, NULL FROM api_keys WHERE litellm_instance IS NOT NULL AND revoked_at IS NULL
        UNION ALL SELECT 'object', uid, NULL FROM objects WHERE kind IS NOT NULL",
        domain::DEFAULT_ORGANIZATION.0,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether somebody listens, or did within the last day.
///
/// # Errors
/// When the database does not answer.
pub async fn is_in_use(ctx: &mut Ctx) -> Result<bool> {
    let now = ctx.now;
    Ok(sqlx::query_scalar!(
        r#"SELECT coalesce(in_use_until > $1, false) AS "is!" FROM objects_state"#,
        now
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Forgets changes and happenings that are old; watches that want to go on from before get 410. Says how many changes.
///
/// # Errors
/// When the database does not answer.
pub async fn forget_old(ctx: &mut Ctx) -> Result<u64> {
    let (changes, events) = (ctx.now - CHANGES, ctx.now - EVENTS);
    settle::lock(ctx.connection()).await?;
    let newest = sqlx::query_scalar!(
        r#"SELECT max(version) FROM object_changes
        WHERE at < $1 OR version <= objects_version() - $2"#,
        changes,
        MOST,
    )
    .fetch_one(ctx.connection())
    .await?;
    sqlx::query!("DELETE FROM object_events WHERE last_at < $1", events)
        .execute(ctx.connection())
        .await?;
    let Some(newest) = newest else { return Ok(0) };
    sqlx::query!("UPDATE objects_state SET kept_from = $1", newest)
        .execute(ctx.connection())
        .await?;
    let gone = sqlx::query!("DELETE FROM object_changes WHERE version <= $1", newest)
        .execute(ctx.connection())
        .await?;
    Ok(gone.rows_affected())
}

/// Tries what waits once more: a team, a person or an instance may be there by now. Each in its own transaction, as
/// whoever declared it; those first that were not tried for longest. Says how many wait no more.
pub(super) async fn retry_waiting(backend: &Backend) -> Result<u64> {
    let waiting = sqlx::query!(
        "UPDATE objects SET tried_at = clock_timestamp() WHERE uid IN (
            SELECT uid FROM objects WHERE waits IS NOT NULL AND deleting_at IS NULL ORDER BY tried_at NULLS FIRST LIMIT $1)
        RETURNING uid, written_by",
        RETRIES,
    )
    .fetch_all(&backend.pool)
    .await?;
    let mut done = 0;
    for row in waiting {
        let Some(user) = row.written_by else { continue };
        let Ok(person) = backend.principals.get(&backend.pool, domain::UserId(user)).await else {
            continue;
        };
        let caller = crate::Caller::Person(person, Method::System);
        let mut ctx = Ctx::write(backend, caller, crate::RequestInfo::default())
            .await?
            .declared();
        // One that cannot be must not keep the others waiting.
        match realize::again(&mut ctx, row.uid).await {
            Ok(there) => {
                ctx.commit().await?;
                done += u64::from(there);
            }
            Err(error) => tracing::warn!(%error, uid = %row.uid, "an object that waits was tried in vain"),
        }
    }
    Ok(done)
}

/// Looks again at what is being deleted: an instance that is configured no more keeps nothing.
pub(super) async fn look_at_deleting(backend: &Backend) -> Result<()> {
    sqlx::query!(
        "INSERT INTO object_touches (what, a) SELECT 'object', uid FROM objects WHERE deleting_at IS NOT NULL"
    )
    .execute(&backend.pool)
    .await?;
    Ok(())
}

/// Looks again at teams that have spent something, or whose period ended: that is told now and then, and not with each
/// request.
pub(super) async fn look_at_spend(backend: &Backend) -> Result<()> {
    sqlx::query!(
        "INSERT INTO object_touches (what, a)
        SELECT 'team', o.team_id FROM objects o LEFT JOIN LATERAL (
            SELECT round(spend, 6) AS spend FROM budget_spend WHERE level = 'team' AND object_id = o.team_id
                AND part_id = '00000000-0000-0000-0000-000000000000'
                AND period_start <= now() AND (period_end IS NULL OR period_end > now())
            ORDER BY period_start DESC LIMIT 1) b ON true
        WHERE o.kind = 'Team' AND o.team_id IS NOT NULL AND (o.status ->> 'spend')::numeric IS DISTINCT FROM b.spend",
    )
    .execute(&backend.pool)
    .await?;
    Ok(())
}

/// A reason to wait, with the words that the status shows.
pub(super) fn reason(reason: &str, message: &str) -> Value {
    serde_json::json!({ "reason": reason, "message": message })
}
