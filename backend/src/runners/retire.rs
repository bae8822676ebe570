//! The end of a runner in our books.

use chrono::{DateTime, Utc};
use domain::RunnerId;
use sqlx::PgConnection;

use crate::Result;

/// Marks a runner as deleted, which frees its place in every quota; false when it was deleted before. With a `lease`,
/// only while the reservation still has it. The caller audits.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn retire(
    connection: &mut PgConnection,
    id: RunnerId,
    reason: &str,
    now: DateTime<Utc>,
    lease: Option<DateTime<Utc>>,
) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE runners SET status = 'deleted', busy = false, deleted_at = $2, updated_at = $2, lease_until = NULL,
            deletion_reason = $3
        WHERE id = $1 AND status <> 'deleted' AND ($4::timestamptz IS NULL OR lease_until = $4)",
        id.0,
        now,
        reason,
        lease,
    )
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}
