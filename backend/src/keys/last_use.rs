//! When keys were last used: a hot key costs one update in a while, not one a request.

use std::{
    collections::HashMap,
    sync::{LazyLock, Mutex, PoisonError},
};

use chrono::{DateTime, Utc};
use domain::KeyId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Result;

/// One lock for a sixteenth of the keys, so that processors do not wait for each other.
const SHARDS: usize = 16;

type Times = HashMap<Uuid, DateTime<Utc>>;

static LAST_USED: LazyLock<[Mutex<Times>; SHARDS]> = LazyLock::new(|| std::array::from_fn(|_| Mutex::default()));

/// Notes that a key was used. In memory: [`write_last_used`] takes it to the database.
pub fn note_use(key: KeyId, now: DateTime<Utc>) {
    let shard = usize::from(key.0.as_bytes()[15]) % SHARDS;
    LAST_USED[shard]
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(key.0, now);
}

/// Writes down when keys were last used. Called by a job every few seconds and at the end: so there are never more of
/// them in memory than keys were used in that time.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_used(pool: &PgPool) -> Result<()> {
    let mut used = Times::default();
    for shard in LAST_USED.iter() {
        used.extend(std::mem::take(
            &mut *shard.lock().unwrap_or_else(PoisonError::into_inner),
        ));
    }
    if used.is_empty() {
        return Ok(());
    }
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = used.into_iter().unzip();
    sqlx::query!(
        "UPDATE api_keys k SET last_used_at = greatest(k.last_used_at, used.at)
        FROM unnest($1::uuid[], $2::timestamptz[]) AS used(id, at) WHERE k.id = used.id",
        &ids,
        &times,
    )
    .execute(pool)
    .await?;
    Ok(())
}
