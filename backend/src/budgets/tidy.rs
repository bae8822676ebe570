//! What becomes of old entries.

use crate::{
    Backend, Result,
    purge::{BATCH, in_batches},
};

/// How long single entries are kept as they were told: telling one again changes nothing for so long.
pub(super) const DAYS_OF_ENTRIES: i32 = 35;
/// How long LiteLLM's figures of each minute are kept.
const DAYS_OF_FIGURES: i32 = 2;
/// How long sums of an hour and ended periods are kept: longer than the longest usual period, a year.
const DAYS_OF_SUMS: i32 = 400;

/// Makes one entry for each hour of those that are old, and removes what is too old to count; returns how many entries
/// that were.
///
/// # Errors
/// When the database does not answer.
pub async fn tidy(backend: &Backend) -> Result<u64> {
    let mut done = 0;
    for (source, days) in [("litellm", DAYS_OF_FIGURES), ("ingest", DAYS_OF_ENTRIES)] {
        done += in_batches(|| gather(backend, source, days)).await?;
    }
    done += in_batches(|| remove(backend)).await?;
    sqlx::query!(
        "DELETE FROM budget_spend WHERE period_end < now() - make_interval(days => $1)",
        DAYS_OF_SUMS,
    )
    .execute(&backend.pool)
    .await?;
    sqlx::query!(
        "DELETE FROM budget_alerts WHERE at < now() - make_interval(days => $1) AND period_end < now()",
        DAYS_OF_SUMS,
    )
    .execute(&backend.pool)
    .await?;
    Ok(done)
}

/// One batch of old entries becomes sums of an hour, each at the time of its first entry, so that it stays in its period.
async fn gather(backend: &Backend, source: &str, days: i32) -> Result<u64> {
    let row = sqlx::query!(
        r#"WITH old AS (
            DELETE FROM spend_entries WHERE id IN (
                SELECT id FROM spend_entries WHERE source = $1 AND at < now() - make_interval(days => $2)
                ORDER BY at LIMIT $3 FOR UPDATE SKIP LOCKED)
            RETURNING *),
        summed AS (
            INSERT INTO spend_entries (organization_id, team_id, user_id, project_id, key_id, model, cost, at, source)
            SELECT organization_id, team_id, user_id, project_id, key_id, model, sum(cost), min(at), 'sum'
            FROM old GROUP BY organization_id, team_id, user_id, project_id, key_id, model, date_trunc('hour', at))
        SELECT count(*) AS "n!" FROM old"#,
        source,
        days,
        BATCH,
    )
    .fetch_one(&backend.pool)
    .await?;
    Ok(row.n.unsigned_abs())
}

async fn remove(backend: &Backend) -> Result<u64> {
    let gone = sqlx::query!(
        "DELETE FROM spend_entries WHERE id IN (
            SELECT id FROM spend_entries WHERE source = 'sum' AND at < now() - make_interval(days => $1)
            ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        DAYS_OF_SUMS,
        BATCH,
    )
    .execute(&backend.pool)
    .await?;
    Ok(gone.rows_affected())
}
