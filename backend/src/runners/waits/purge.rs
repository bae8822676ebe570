//! Forgetting waits that have long been over.

use crate::{
    Backend, Result,
    purge::{BATCH, in_batches},
};

/// How long a wait that is over is kept, for whoever asks what became of it.
const KEPT_DAYS: i32 = 30;

/// Deletes waits that were claimed, left or given up more than 30 days ago; returns how many. Who waited when stays in
/// the audit log. Processes that do it at once skip what another one has taken.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(backend: &Backend) -> Result<u64> {
    in_batches(|| async {
        let done = sqlx::query!(
            "DELETE FROM runner_waits WHERE id IN (
                SELECT id FROM runner_waits
                WHERE state NOT IN ('waiting', 'ready') AND updated_at < now() - make_interval(days => $1)
                LIMIT $2 FOR UPDATE SKIP LOCKED)",
            KEPT_DAYS,
            BATCH,
        )
        .execute(&backend.pool)
        .await?;
        Ok(done.rows_affected())
    })
    .await
}
