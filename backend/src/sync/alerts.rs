//! What of the sync with GitHub needs an operator.

use domain::views::{Alert, AlertKind};

use super::leader::LEASE;
use crate::{Ctx, Result};

/// Whether anybody syncs, whether the last pass was completed, and whether it found something wrong. One query. Without
/// GitHub, or with the sync off, nobody expects any of it.
pub(crate) async fn alerts(ctx: &mut Ctx) -> Result<Vec<Alert>> {
    if ctx.backend.github.is_none() || ctx.backend.settings.sync_interval.is_none() {
        return Ok(Vec::new());
    }
    let row = sqlx::query!(
        r#"WITH failed AS (SELECT count(*) AS passes, min(started_at) AS since,
                (array_agg(error ORDER BY started_at DESC, id DESC))[1] AS words
            FROM sync_runs WHERE ended_at IS NOT NULL AND error IS NOT NULL
                AND started_at > coalesce((SELECT ok.started_at FROM sync_runs ok WHERE ok.ended_at IS NOT NULL AND ok.error IS NULL
                    ORDER BY ok.started_at DESC, ok.id DESC LIMIT 1), '-infinity')),
        found AS (SELECT count(DISTINCT f.runner_id) AS runners, min(f.detected_at) AS since
            FROM runner_findings f JOIN runners r ON r.id = f.runner_id AND r.status <> 'deleted')
        SELECT w.heartbeat_at, w.heartbeat_at <= clock_timestamp() - make_interval(secs => $1) AS "stale?",
            failed.passes AS "passes!", failed.since AS failing_since, failed.words,
            found.runners AS "runners!", found.since AS found_since
        FROM sync_worker w, failed, found"#,
        LEASE.as_secs_f64(),
    )
    .fetch_one(ctx.connection())
    .await?;
    let mut alerts = Vec::new();
    let mut push = |kind, count, since, detail| {
        alerts.push(Alert {
            kind,
            instance: None,
            count,
            since,
            detail,
        });
    };
    if row.stale == Some(true) {
        push(AlertKind::GitHubSyncStale, 1, row.heartbeat_at, None);
    }
    if row.passes > 0 {
        push(AlertKind::GitHubSyncFailing, row.passes, row.failing_since, row.words);
    }
    if row.runners > 0 {
        push(AlertKind::RunnerFindings, row.runners, row.found_since, None);
    }
    Ok(alerts)
}
