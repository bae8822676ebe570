//! One runner with all that happened to it: a fixed number of queries, however long its life was.

use chrono::{DateTime, Utc};
use domain::{
    Permission, RunnerId, RunnerStatus,
    views::{Runner, RunnerDetail, RunnerEvent, RunnerEventKind, RunnerState},
};
use uuid::Uuid;

use super::{get, refresh, scope};
use crate::{Ctx, Result, audit, organizations, security, teams};

/// The most events that are told of each kind, and of all together.
const EVENTS: i64 = 100;

/// A runner that the caller may see, with its history.
///
/// # Errors
/// 404 `Runner with ID '<id>' not found or not owned by you`.
pub async fn detail(ctx: &mut Ctx, id: RunnerId) -> Result<RunnerDetail> {
    let runner = get(ctx, id).await?;
    let alive = runner.status != RunnerStatus::Deleted;
    let may_delete = alive && scope::may_delete(&ctx.caller, &runner);
    let may_refresh = alive && refresh::may_refresh(ctx, &runner).await?;
    let actor = only_of(ctx, &runner).await?;
    let (states, project_name) = states(ctx, &runner).await?;
    let mut events = states;
    events.extend(jobs(ctx, id).await?);
    events.extend(audit::of_runner(ctx, id, actor, EVENTS + 1).await?);
    events.extend(security::of_runner(ctx, id, actor, EVENTS + 1).await?);
    // The sort is stable: of what happened at once, states come first, then what brought them about.
    events.sort_by_key(|event| std::cmp::Reverse(event.at));
    let shown = usize::try_from(EVENTS).unwrap_or(usize::MAX);
    let more = events.len() > shown;
    events.truncate(shown);
    Ok(RunnerDetail {
        runner,
        project_name,
        may_delete,
        may_refresh,
        events,
        more,
    })
}

/// Whose entries of the audit log the caller may read: everybody's, or the own alone (SPEC P).
async fn only_of(ctx: &mut Ctx, runner: &Runner) -> Result<Option<Uuid>> {
    let standing = match runner.team_id {
        Some(team) => teams::load(ctx, team, teams::Lock::None).await?.standing,
        None => organizations::standing(&ctx.caller, domain::DEFAULT_ORGANIZATION),
    };
    if standing.may(Permission::AuditView) {
        return Ok(None);
    }
    Ok(Some(ctx.caller.actor_id().unwrap_or_default()))
}

/// The states that it was in, and the name of its project.
async fn states(ctx: &mut Ctx, runner: &Runner) -> Result<(Vec<RunnerEvent>, Option<String>)> {
    let project = match runner.project_id {
        Some(id) => {
            sqlx::query_scalar!("SELECT name FROM projects WHERE id = $1", id.0)
                .fetch_optional(ctx.connection())
                .await?
        }
        None => None,
    };
    let rows = sqlx::query!(
        "SELECT at, status, busy, reason FROM runner_history WHERE runner_id = $1 ORDER BY id DESC LIMIT $2",
        runner.id.0,
        EVENTS + 1,
    )
    .fetch_all(ctx.connection())
    .await?;
    let events = rows
        .into_iter()
        .map(|row| {
            let state = RunnerState::of(row.status.parse()?, row.busy);
            Ok(RunnerEvent {
                at: row.at,
                kind: RunnerEventKind::State {
                    state,
                    reason: row.reason.filter(|_| state == RunnerState::Deleted),
                },
            })
        })
        .collect::<Result<_>>()?;
    Ok((events, project))
}

/// The jobs that ran on it.
async fn jobs(ctx: &mut Ctx, id: RunnerId) -> Result<Vec<RunnerEvent>> {
    let rows = sqlx::query!(
        r#"SELECT coalesce(started_at, received_at) AS "at!: DateTime<Utc>", repository, name, status, conclusion,
            started_at, completed_at, sender
        FROM workflow_jobs WHERE runner_id = $1 ORDER BY started_at DESC NULLS FIRST LIMIT $2"#,
        id.0,
        EVENTS + 1,
    )
    .fetch_all(ctx.connection())
    .await?;
    let events = rows.into_iter().map(|row| RunnerEvent {
        at: row.at,
        kind: RunnerEventKind::Job {
            repository: row.repository,
            name: row.name,
            status: row.status,
            conclusion: row.conclusion,
            seconds: (row.started_at.zip(row.completed_at)).map(|(start, end)| (end - start).num_seconds()),
            sender: row.sender,
        },
    });
    Ok(events.collect())
}
