//! What the sync did and does, and asking for a pass (SPEC B21).

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{
    DEFAULT_ORGANIZATION, Permission, RunnerId, TeamId,
    views::{Page, RunnerFinding, SyncCounts, SyncRun, SyncState, SyncStatus},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    fence::{Fence, Stop},
    leader::{LEASE, hostname},
    pass::Pass,
};
use crate::{Backend, Caller, Code, Ctx, Error, Result, audit, keyset::Keyset, organizations};

/// How long passes are kept.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How many of them the status has.
const LATEST: i64 = 5;

/// Which passes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passes {
    /// All that are kept.
    All,
    /// Those that changed something, failed, are under way, or were asked for.
    Notable,
}

#[derive(Debug)]
struct Row {
    id: Uuid,
    started_at: DateTime<Utc>,
    ended_at: Option<DateTime<Utc>>,
    worker: String,
    requested_by: Option<String>,
    pages: i32,
    updated: i32,
    deleted: i32,
    unchanged: i32,
    errors: i32,
    policy_violations: i32,
    label_drifts: i32,
    total: i32,
    error: Option<String>,
}

impl From<Row> for SyncRun {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            started_at: row.started_at,
            ended_at: row.ended_at,
            worker: row.worker,
            requested_by: row.requested_by,
            pages: row.pages,
            counts: SyncCounts {
                updated: row.updated,
                deleted: row.deleted,
                unchanged: row.unchanged,
                errors: row.errors,
                policy_violations: row.policy_violations,
                label_drifts: row.label_drifts,
                total: row.total,
            },
            error: row.error,
        }
    }
}

/// Sees what the sync does: whoever sees all of the installation.
fn require_view(caller: &Caller) -> Result<()> {
    organizations::require_everywhere(caller, "see the sync with GitHub")
}

/// Whether the caller may ask for a pass.
pub fn may_run(caller: &Caller) -> bool {
    organizations::standing(caller, DEFAULT_ORGANIZATION).may(Permission::InstallationManage)
}

/// How the sync does, with the latest passes.
///
/// # Errors
/// 403 for everyone but super_admins and auditors of the installation.
pub async fn status(ctx: &mut Ctx) -> Result<SyncStatus> {
    require_view(&ctx.caller)?;
    let worker = sqlx::query!(
        r#"SELECT hostname, pid, heartbeat_at, next_run, requested_by,
            heartbeat_at > clock_timestamp() - make_interval(secs => $1) AS "alive?",
            CASE WHEN rate_limited_until > clock_timestamp() THEN rate_limited_until END AS rate_limited_until,
            (SELECT count(*) FROM sync_runs) AS "run_count!"
        FROM sync_worker"#,
        LEASE.as_secs_f64(),
    )
    .fetch_one(ctx.connection())
    .await?;
    let runs = page(ctx, Passes::All, Keyset::read(None, LATEST)?, worker.run_count).await?;
    let runs = runs.items;
    let settings = &ctx.backend.settings;
    let state = match (&ctx.backend.github, settings.sync_interval) {
        (None, _) => SyncState::NotConfigured,
        (_, None) => SyncState::Off,
        _ if worker.heartbeat_at.is_none() => SyncState::Waiting,
        _ if worker.alive == Some(true) => SyncState::Running,
        _ => SyncState::Stale,
    };
    let next = worker.next_run.filter(|_| state == SyncState::Running);
    Ok(SyncStatus {
        state,
        interval_seconds: settings.sync_interval.unwrap_or_default().as_secs(),
        hostname: worker.hostname,
        pid: worker.pid,
        heartbeat: worker.heartbeat_at,
        next_run: next.map(|next| worker.rate_limited_until.map_or(next, |until| until.max(next))),
        rate_limited_until: worker.rate_limited_until,
        requested_by: worker.requested_by,
        runs,
        run_count: worker.run_count,
        now: ctx.now,
    })
}

/// The passes of the last 30 days, newest first.
///
/// # Errors
/// As [`status`], or when the cursor is not one of this list.
pub async fn list(ctx: &mut Ctx, which: Passes, cursor: Option<&str>, limit: i64) -> Result<Page<SyncRun>> {
    require_view(&ctx.caller)?;
    let all = which == Passes::All;
    let total = sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM sync_runs WHERE notable OR $1"#, all)
        .fetch_one(ctx.connection())
        .await?;
    page(ctx, which, Keyset::read(cursor, limit)?, total).await
}

async fn page(ctx: &mut Ctx, which: Passes, place: Keyset<DateTime<Utc>>, total: i64) -> Result<Page<SyncRun>> {
    let all = which == Passes::All;
    let rows = if place.before {
        sqlx::query_as!(
            Row,
            "SELECT id, started_at, ended_at, worker, requested_by, pages, updated, deleted, unchanged, errors,
                policy_violations, label_drifts, total, error
            FROM sync_runs WHERE (started_at, id) > ($1, $2) AND (notable OR $4) ORDER BY started_at, id LIMIT $3",
            place.key,
            place.id,
            place.rows(),
            all,
        )
        .fetch_all(ctx.connection())
        .await?
    } else {
        sqlx::query_as!(
            Row,
            "SELECT id, started_at, ended_at, worker, requested_by, pages, updated, deleted, unchanged, errors,
                policy_violations, label_drifts, total, error
            FROM sync_runs WHERE ($1::timestamptz IS NULL OR (started_at, id) < ($1, $2)) AND (notable OR $4)
            ORDER BY started_at DESC, id DESC LIMIT $3",
            place.key,
            place.id,
            place.rows(),
            all,
        )
        .fetch_all(ctx.connection())
        .await?
    };
    let runs = rows.into_iter().map(SyncRun::from).collect();
    Ok(place.page(runs, total, |run| {
        (run.started_at.to_rfc3339_opts(SecondsFormat::Micros, true), run.id)
    }))
}

/// What is wrong with living runners, newest first, and how many such findings there are.
///
/// # Errors
/// As [`status`].
pub async fn findings(ctx: &mut Ctx, limit: i64) -> Result<(Vec<RunnerFinding>, i64)> {
    require_view(&ctx.caller)?;
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, r.team_id, t.name AS "team_name?", f.kind, f.labels, f.action, f.detected_at,
            count(*) OVER () AS "total!"
        FROM runner_findings f JOIN runners r ON r.id = f.runner_id AND r.status <> 'deleted'
        LEFT JOIN teams t ON t.id = r.team_id
        ORDER BY f.detected_at DESC, r.id, f.kind LIMIT $1"#,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = rows.first().map_or(0, |row| row.total);
    let findings = rows.into_iter().map(|row| RunnerFinding {
        runner_id: RunnerId(row.id),
        runner_name: row.name,
        team: row.team_id.map(TeamId).zip(row.team_name),
        drift: row.kind == "label_drift",
        labels: row.labels,
        action: row.action,
        since: row.detected_at,
    });
    Ok((findings.collect(), total))
}

/// Asks for a pass now. The leader looks every second; while GitHub allows no calls it waits until it does.
///
/// # Errors
/// 403 for everyone but super_admins; 503 when GitHub is not configured; 409 when the sync is off, or no process does it.
pub async fn request(ctx: &mut Ctx) -> Result<SyncStatus> {
    organizations::require(
        &organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION),
        Permission::InstallationManage,
    )?;
    let before = status(ctx).await?;
    match before.state {
        SyncState::NotConfigured => return Err(Error::not_configured_github()),
        SyncState::Off => {
            return Err(Error::refused(
                Code::WrongState,
                "The sync with GitHub is off. Set GUILDHALL_RUNNER_SYNC_SECONDS to more than 0, then restart.",
            ));
        }
        SyncState::Waiting | SyncState::Running | SyncState::Stale => {}
    }
    let (name, now) = (ctx.caller.name().to_owned(), ctx.now);
    sqlx::query!(
        "UPDATE sync_worker SET requested_at = clock_timestamp(), requested_by = $1",
        name
    )
    .execute(ctx.connection())
    .await?;
    let entry = audit::Entry::new("sync.request", "sync", Uuid::nil(), "GitHub")
        .change(json!(null), json!({"requested_at": now}));
    audit::record(ctx, entry).await?;
    status(ctx).await
}

/// Whether a pass is to begin: its time has come, or somebody asked; never while GitHub allows no calls. A shorter
/// interval than the last leader's counts at once.
pub(super) async fn is_due(backend: &Backend, fence: Fence, interval: Duration) -> Result<bool> {
    let due = sqlx::query_scalar!(
        r#"SELECT (requested_at IS NOT NULL OR next_run IS NULL OR next_run <= clock_timestamp()
            OR next_run > clock_timestamp() + make_interval(secs => $2))
            AND (rate_limited_until IS NULL OR rate_limited_until <= clock_timestamp()) AS "due!"
        FROM sync_worker WHERE leader = $1"#,
        fence.0,
        interval.as_secs_f64(),
    )
    .fetch_optional(&backend.pool)
    .await?;
    Ok(due.unwrap_or_default())
}

/// Writes down that a pass begins; none when another process has the lead. Passes of processes that died end here.
pub(super) async fn begin(backend: &Backend, fence: Fence) -> Result<Option<(Uuid, DateTime<Utc>)>> {
    let mut ctx = match fence.begin(backend).await {
        Ok(ctx) => ctx,
        Err(Stop::Database(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let (id, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "UPDATE sync_runs SET ended_at = greatest(started_at, $1), error = 'The process ended before the pass did'
        WHERE ended_at IS NULL",
        now
    )
    .execute(ctx.connection())
    .await?;
    let worker = format!("{}:{}", hostname(), std::process::id());
    sqlx::query!(
        "WITH asked AS (SELECT requested_by FROM sync_worker),
        taken AS (UPDATE sync_worker SET requested_at = NULL, requested_by = NULL WHERE requested_at IS NOT NULL)
        INSERT INTO sync_runs (id, started_at, worker, requested_by) SELECT $1, $2, $3, requested_by FROM asked",
        id,
        now,
        worker,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!("DELETE FROM sync_runs WHERE started_at < $1", now - KEPT)
        .execute(ctx.connection())
        .await?;
    ctx.commit().await?;
    Ok(Some((id, now)))
}

/// Writes down what a pass did, and when the next one is; none when another process has the lead by now.
pub(super) async fn end(
    backend: &Backend,
    fence: Fence,
    id: Uuid,
    pass: &Pass<'_>,
    error: Option<String>,
    interval: Duration,
    wait: Option<Duration>,
) -> Result<Option<SyncRun>> {
    let mut ctx = match fence.begin(backend).await {
        Ok(ctx) => ctx,
        Err(Stop::Database(error)) => return Err(error),
        Err(_) => return Ok(None),
    };
    let (now, counts) = (ctx.now, pass.counts());
    let row = sqlx::query_as!(
        Row,
        "UPDATE sync_runs SET ended_at = greatest(started_at, $2), pages = $3, updated = $4, deleted = $5,
            unchanged = $6, errors = $7, policy_violations = $8, label_drifts = $9, total = $10, error = $11
        WHERE id = $1
        RETURNING id, started_at, ended_at, worker, requested_by, pages, updated, deleted, unchanged, errors,
            policy_violations, label_drifts, total, error",
        id,
        now,
        pass.pages,
        counts.updated,
        counts.deleted,
        counts.unchanged,
        counts.errors,
        counts.policy_violations,
        counts.label_drifts,
        counts.total,
        error,
    )
    .fetch_one(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE sync_worker SET next_run = clock_timestamp() + make_interval(secs => $1),
            rate_limited_until = clock_timestamp() + make_interval(secs => $2)",
        interval.as_secs_f64(),
        wait.map(|wait| wait.as_secs_f64()),
    )
    .execute(ctx.connection())
    .await?;
    ctx.commit().await?;
    let seconds = (now - row.started_at).to_std().unwrap_or_default().as_secs_f64();
    metrics::histogram!("guildhall_runner_sync_duration_seconds").record(seconds);
    Ok(Some(row.into()))
}
