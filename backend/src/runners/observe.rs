//! What GitHub says of one runner, in our books.

use chrono::{DateTime, Utc};
use domain::{RunnerId, RunnerStatus};
use integrations::github;
use sqlx::PgConnection;

use crate::Result;

/// Writes what GitHub said at `at` of a runner; false when it is deleted, when a reservation still waits for GitHub's
/// answer, or when we know of something later. `at` is the time before GitHub was asked: a webhook may have told us more
/// while the answer was on its way.
///
/// # Errors
/// When the database refuses.
pub(crate) async fn observe(
    connection: &mut PgConnection,
    id: RunnerId,
    seen: &github::Runner,
    at: DateTime<Utc>,
) -> Result<bool> {
    let row = sqlx::query!(
        "SELECT status, busy FROM runners
        WHERE id = $1 AND status <> 'deleted' AND lease_until IS NULL AND coalesce(last_seen_at, $2) <= $2 FOR UPDATE",
        id.0,
        at,
    )
    .fetch_optional(&mut *connection)
    .await?;
    let Some(row) = row else { return Ok(false) };
    let before: RunnerStatus = row.status.parse()?;
    let status = before.seen(&seen.status);
    let changed = status != before || seen.busy != row.busy;
    sqlx::query!(
        "UPDATE runners SET status = $2, busy = $3, github_runner_id = $4, last_seen_at = $5,
            registered_at = coalesce(registered_at, $5),
            updated_at = CASE WHEN $6 THEN greatest(updated_at, $5) ELSE updated_at END
        WHERE id = $1",
        id.0,
        status.as_str(),
        seen.busy,
        seen.id,
        at,
        changed,
    )
    .execute(connection)
    .await?;
    Ok(true)
}
