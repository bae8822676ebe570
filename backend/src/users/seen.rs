//! When someone was last seen, to the hour: noted in memory on each request, written now and then.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use domain::UserId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Backend, Result};

/// Nobody is written down more often than this.
const PERIOD: TimeDelta = TimeDelta::hours(1);

/// When someone was noted, and whether that is for [`write_last_seen`] to write.
#[derive(Debug, Clone, Copy)]
struct Note {
    at: DateTime<Utc>,
    unwritten: bool,
}

static SEEN: LazyLock<Mutex<HashMap<Uuid, Note>>> = LazyLock::new(Mutex::default);

fn notes() -> MutexGuard<'static, HashMap<Uuid, Note>> {
    SEEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Notes that someone uses a session or a token. Costs no query, and once an hour a person is written down.
pub fn seen(user: UserId, now: DateTime<Utc>) {
    let mut notes = notes();
    if notes.get(&user.0).is_none_or(|note| now - note.at >= PERIOD) {
        let note = Note {
            at: now,
            unwritten: true,
        };
        notes.insert(user.0, note);
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
    let note = Note {
        at: now,
        unwritten: false,
    };
    notes().insert(user.0, note);
    Ok(())
}

/// Writes down when people were last seen. Called by a job every few seconds and at the end.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_seen(pool: &PgPool) -> Result<()> {
    let (ids, times) = unwritten();
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

/// Takes what is to be written, and forgets whoever has been away for long: they are noted anew anyway.
fn unwritten() -> (Vec<Uuid>, Vec<DateTime<Utc>>) {
    let mut notes = notes();
    let mut taken = (Vec::new(), Vec::new());
    for (id, note) in notes.iter_mut().filter(|(_, note)| note.unwritten) {
        note.unwritten = false;
        taken.0.push(*id);
        taken.1.push(note.at);
    }
    if let Some(latest) = notes.values().map(|note| note.at).max() {
        notes.retain(|_, note| latest - note.at < PERIOD);
    }
    taken
}
