//! Forgetting jobs that never began.

use crate::{
    Backend, Result,
    purge::{BATCH, in_batches},
};

/// How long a queued job is kept: GitHub itself gives one up after a day.
const KEPT_DAYS: i32 = 30;

/// Deletes jobs that have been queued for more than 30 days, and so will never run; returns how many. Jobs that ran stay:
/// cost is counted from them. Processes that do it at once skip what another one has taken.
///
/// # Errors
/// When the database does not answer.
pub async fn purge(backend: &Backend) -> Result<u64> {
    in_batches(|| async {
        let done = sqlx::query!(
            "DELETE FROM workflow_jobs WHERE id IN (
                SELECT id FROM workflow_jobs
                WHERE status = 'queued' AND received_at < now() - make_interval(days => $1)
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
