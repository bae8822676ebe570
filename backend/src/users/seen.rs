//! When someone was last seen, to the hour: noted in memory on each request, written now and then.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::UserId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Backend, Result};

/// Nobody is written down more often than this.
const PERIOD: TimeDelta = TimeDelta::hours(1);

/// Who was seen when; and whether that is for [`write_last_seen`] to write.
static SEEN: LazyLock<Mutex<HashMap<Uuid, (DateTime<Utc>, bool)>>> = LazyLock::new(Mutex::default);

/// Notes that someone uses a session or a token. Costs no query, and once an hour a person is written down.
pub fn seen(user: UserId, now: DateTime<Utc>) {
    let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
    let last = seen.get(&user.0).map(|(at, _)| *at);
    if last.is_none_or(|at| now - at >= PERIOD) {
        seen.insert(user.0, (now, true));
    }
}

/// Writes down that someone signs in.
///
/// # Errors
/// When the database does not answer.
pub async fn signed_in(backend: &Backend, user: UserId, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE users SET last_seen_at = greatest(last_seen_at, $2) WHERE id = $1",
        user.0,
        now
    )
    .execute(&backend.pool)
    .await?;
    SEEN.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(user.0, (now, false));
    Ok(())
}

/// Writes down when people were last seen. Called by a job every few seconds and at the end.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_seen(pool: &PgPool) -> Result<()> {
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = {
        let mut seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = seen
            .iter_mut()
            .filter(|(_, (_, unwritten))| *unwritten)
            .map(|(id, (at, unwritten))| {
                *unwritten = false;
                (*id, *at)
            })
            .collect::<Vec<_>>();
        // Whoever has been away for long is noted anew anyway.
        if let Some(latest) = seen.values().map(|(at, _)| *at).max() {
            seen.retain(|_, (at, _)| latest - *at < PERIOD);
        }
        fresh.into_iter().unzip()
    };
    if ids.is_empty() {
        return Ok(());
    }
    // Other processes have seen them, too. Locked in one order, since they do this at the same time.
    sqlx::query!(
        "UPDATE users u SET last_seen_at = seen.at
        FROM (SELECT u.id, seen.at FROM unnest($1::uuid[], $2::timestamptz[]) AS seen(id, at) JOIN users u USING (id)
            WHERE u.last_seen_at IS NULL OR u.last_seen_at <= seen.at - $3::interval
            ORDER BY u.id FOR NO KEY UPDATE OF u) seen
        WHERE u.id = seen.id",
        &ids,
        &times,
        sqlx::postgres::types::PgInterval::try_from(PERIOD).map_err(crate::Error::Internal)?,
    )
    .execute(pool)
    .await?;
    Ok(())
}
