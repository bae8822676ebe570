//! What GitHub's `workflow_job` webhook tells of the jobs that our runners run (SPEC B23).
//!
//! Deliveries come twice, late and in any order: a job's state only ever goes forwards, and what a delivery does to a
//! runner it does once, in the transaction that moved the job.

mod delivery;
mod labels;
mod purge;
mod runner;
mod signature;

use domain::RunnerStatus;

pub use delivery::{Event, JobStatus, parse};
pub use labels::{Cancellation, cancel};
pub use purge::purge;
use runner::Matched;
pub use signature::verify;

use crate::{Backend, Caller, Ctx, Method, RequestInfo, Result};

/// What came of a delivery.
#[derive(Debug)]
pub enum Received {
    /// The job is where GitHub says it is; it may have been before.
    Recorded {
        /// A workflow run that has to be cancelled at GitHub now: see [`cancel`].
        cancel: Option<Cancellation>,
    },
    /// The job is not one of ours, or we know of something later.
    Ignored,
}

/// Takes one event of a job's life. GitHub is not called here: whoever gets a [`Cancellation`] calls [`cancel`] with it.
///
/// # Errors
/// When the database refuses: then nothing was done, and the delivery can be sent again.
pub async fn receive(backend: &Backend, info: RequestInfo, event: &Event) -> Result<Received> {
    let mut ctx = Ctx::write(backend, Caller::System("github".into(), Method::System), info).await?;
    let matched = runner::find(&mut ctx, event).await?;
    let Some(moved) = upsert(&mut ctx, event, matched.as_ref()).await? else {
        return Ok(Received::Ignored);
    };
    let mut cancel = None;
    if let (true, Some(matched)) = (moved, &matched) {
        match event.status {
            JobStatus::Queued => {}
            JobStatus::InProgress => {
                runner::observe(&mut ctx, matched, event, (RunnerStatus::Active, true)).await?;
                cancel = labels::check(&mut ctx, matched, event).await?;
            }
            JobStatus::Completed => {
                if !runner::has_another_job(&mut ctx, matched, event.id).await? {
                    runner::observe(&mut ctx, matched, event, (RunnerStatus::Offline, false)).await?;
                }
            }
        }
    }
    ctx.commit().await?;
    metrics::counter!("guildhall_workflow_jobs_total", "status" => event.status.as_str()).increment(1);
    Ok(Received::Recorded { cancel })
}

/// Writes the job. True when this delivery moved it, false when it was there already; none when it is not kept: it ran
/// on no runner of ours, or is further already.
async fn upsert(ctx: &mut Ctx, event: &Event, matched: Option<&Matched>) -> Result<Option<bool>> {
    // One delivery of a job at a time, also of one that has no row yet.
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('workflow_job', $1))",
        event.id
    )
    .execute(ctx.connection())
    .await?;
    let known = sqlx::query!("SELECT status FROM workflow_jobs WHERE id = $1 FOR UPDATE", event.id)
        .fetch_optional(ctx.connection())
        .await?;
    let before = match known {
        Some(row) => Some(row.status.parse::<JobStatus>()?),
        None if matched.is_some() || event.may_become_ours() => None,
        None => return Ok(None),
    };
    if before.is_some_and(|before| before > event.status) {
        return Ok(None);
    }
    let ours = matched.map(|runner| {
        (
            runner.id.0,
            runner.team.map(|(_, team)| team.0),
            runner.project.map(|id| id.0),
        )
    });
    let labels = matched.map_or(&event.labels, |runner| &runner.labels);
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO workflow_jobs (id, run_id, run_attempt, repository, workflow_name, name, sender, runner_id,
            runner_name, github_runner_id, team_id, project_id, labels, status, conclusion, started_at, completed_at,
            received_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (id) DO UPDATE SET status = excluded.status,
            runner_id = coalesce(excluded.runner_id, workflow_jobs.runner_id),
            runner_name = coalesce(excluded.runner_name, workflow_jobs.runner_name),
            github_runner_id = coalesce(excluded.github_runner_id, workflow_jobs.github_runner_id),
            team_id = coalesce(workflow_jobs.team_id, excluded.team_id),
            project_id = coalesce(workflow_jobs.project_id, excluded.project_id),
            labels = CASE WHEN workflow_jobs.runner_id IS NULL THEN excluded.labels ELSE workflow_jobs.labels END,
            conclusion = coalesce(excluded.conclusion, workflow_jobs.conclusion),
            started_at = least(coalesce(workflow_jobs.started_at, excluded.started_at), excluded.completed_at),
            completed_at = coalesce(workflow_jobs.completed_at, excluded.completed_at)",
        event.id,
        event.run_id,
        event.run_attempt,
        event.repository(),
        event.workflow_name,
        event.name,
        event.sender,
        ours.map(|(runner, ..)| runner),
        event.runner_name,
        event.runner_id,
        ours.and_then(|(_, team, _)| team),
        ours.and_then(|(.., project)| project),
        labels,
        event.status.as_str(),
        event.conclusion,
        event.started_at,
        event.completed_at,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(Some(before != Some(event.status)))
}
