//! When keys were last used.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use chrono::{DateTime, Utc};
use domain::KeyId;
use sqlx::PgPool;
use uuid::Uuid;

use crate::Result;

/// Uses that [`write_last_used`] has not taken to the database yet: a hot key costs one update in a while, not one a
/// request.
static LAST_USED: LazyLock<Mutex<HashMap<Uuid, DateTime<Utc>>>> = LazyLock::new(Mutex::default);

/// Notes that a key was used. Costs no query.
pub fn note_use(id: KeyId, at: DateTime<Utc>) {
    LAST_USED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id.0, at);
}

/// Writes down when keys were last used. Called by a job every few seconds and at the end.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_used(pool: &PgPool) -> Result<()> {
    let used = std::mem::take(&mut *LAST_USED.lock().unwrap_or_else(PoisonError::into_inner));
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
