//! What the instances do not have yet, in numbers: for the metrics and the alerts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::views::TOO_LONG;
use sqlx::PgConnection;

use crate::Result;

/// The state of keys that are ended here and may still work there, deleted ones among them.
pub(crate) const REVOKING: &str = "revoking";

/// What of an instance waits in one state.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) instance: String,
    /// `pending`, `failed`, `parked`, or [`REVOKING`].
    pub(crate) state: String,
    pub(crate) count: i64,
    /// Those of them that wait for longer than [`TOO_LONG`].
    pub(crate) late: i64,
    /// Since when the oldest waits, and how long that is.
    pub(crate) since: DateTime<Utc>,
    pub(crate) age: Duration,
    /// Why the oldest that was tried is not there.
    pub(crate) last_error: Option<String>,
}

/// What waits, by instance and state. Partial indexes lead to it: what is there is not looked at.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn waiting(connection: &mut PgConnection) -> Result<Vec<Waiting>> {
    let too_long = TOO_LONG.num_seconds();
    let rows = sqlx::query!(
        r#"SELECT instance AS "instance!", state AS "state!", count(*) AS "count!",
            count(*) FILTER (WHERE since < clock_timestamp() - make_interval(secs => $1)) AS "late!", min(since) AS "since!",
            greatest(extract(epoch FROM clock_timestamp() - min(since)), 0)::float8 AS "age!",
            (array_agg(last_error ORDER BY since) FILTER (WHERE last_error IS NOT NULL))[1] AS last_error
        FROM (
            SELECT instance, state, changed_at AS since, last_error FROM litellm_objects
            WHERE state IN ('pending', 'failed', 'parked')
            UNION ALL
            SELECT litellm_instance, 'revoking', coalesce(revoked_at, created_at), NULL FROM api_keys
            WHERE litellm_state = 'revoking'
            UNION ALL
            SELECT instance, 'revoking', created_at, last_error FROM litellm_orphan_keys
        ) waits
        GROUP BY 1, 2"#,
        f64::from(i32::try_from(too_long).unwrap_or(i32::MAX)),
    )
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Waiting {
            instance: row.instance,
            state: row.state,
            count: row.count,
            late: row.late,
            since: row.since,
            age: Duration::from_secs_f64(row.age),
            last_error: row.last_error,
        })
        .collect())
}
