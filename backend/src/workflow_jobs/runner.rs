//! Which of our runners a job is about, and what that makes of it.

use domain::{OrganizationId, ProjectId, RunnerId, RunnerStatus, TeamId, UserId};
use serde_json::json;

use super::Event;
use crate::{Ctx, Result, audit};

/// A runner of ours, locked while it is alive.
pub(super) struct Matched {
    pub(super) id: RunnerId,
    pub(super) name: String,
    pub(super) github_id: Option<i64>,
    pub(super) labels: Vec<String>,
    pub(super) team: Option<(OrganizationId, TeamId)>,
    pub(super) project: Option<ProjectId>,
    pub(super) owner: Option<UserId>,
    status: RunnerStatus,
    busy: bool,
    /// Its provisioning waits for GitHub's answer, and settles what it is.
    reserved: bool,
}

/// The runner of an event: by GitHub's number, or by its name where we have no number yet. One that is gone here is
/// found by its number only: its name may be another's by now.
pub(super) async fn find(ctx: &mut Ctx, event: &Event) -> Result<Option<Matched>> {
    if event.runner_id.is_none() && event.runner_name.is_none() {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT r.id AS "id!", r.name AS "name!", r.github_runner_id, r.labels AS "labels!", r.team_id, r.project_id,
            r.provisioned_by, r.status AS "status!", r.busy AS "busy!", r.lease_until IS NOT NULL AS "reserved!",
            (SELECT organization_id FROM teams t WHERE t.id = r.team_id) AS organization_id
        FROM runners r WHERE r.id = coalesce(
            (SELECT id FROM runners WHERE github_runner_id = $1 AND status <> 'deleted' LIMIT 1),
            (SELECT id FROM runners WHERE lower(name) = lower($2) AND status <> 'deleted'
                AND ($1::bigint IS NULL OR github_runner_id IS NULL)),
            (SELECT id FROM runners WHERE github_runner_id = $1 AND status = 'deleted'
                ORDER BY deleted_at DESC LIMIT 1))
        FOR UPDATE"#,
        event.runner_id,
        event.runner_name,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Matched {
        id: RunnerId(row.id),
        name: row.name,
        github_id: row.github_runner_id.or(event.runner_id),
        labels: row.labels,
        team: row.organization_id.map(OrganizationId).zip(row.team_id.map(TeamId)),
        project: row.project_id.map(ProjectId),
        owner: row.provisioned_by.map(UserId),
        status: row.status.parse()?,
        busy: row.busy,
        reserved: row.reserved,
    }))
}

/// Whether the runner runs another job than this one.
pub(super) async fn has_another_job(ctx: &mut Ctx, runner: &Matched, job: i64) -> Result<bool> {
    let other = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM workflow_jobs WHERE runner_id = $1 AND id <> $2 AND status = 'in_progress')
            AS "other!""#,
        runner.id.0,
        job,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(other)
}

/// Writes what a job makes of its runner, with an audit entry when that is something else than before. A deleted one
/// stays deleted, and one whose provisioning is not settled is left to that. From now on an older answer of GitHub's
/// changes nothing.
pub(super) async fn observe(
    ctx: &mut Ctx,
    runner: &Matched,
    event: &Event,
    (status, busy): (RunnerStatus, bool),
) -> Result<()> {
    if runner.status == RunnerStatus::Deleted || runner.reserved {
        return Ok(());
    }
    let changed = (runner.status, runner.busy) != (status, busy);
    let now = ctx.now;
    sqlx::query!(
        "UPDATE runners SET status = $2, busy = $3, github_runner_id = coalesce(github_runner_id, $4),
            last_seen_at = greatest(last_seen_at, $5), registered_at = coalesce(registered_at, $5),
            updated_at = CASE WHEN $6 THEN greatest(updated_at, $5) ELSE updated_at END
        WHERE id = $1 AND status <> 'deleted'",
        runner.id.0,
        status.as_str(),
        busy,
        event.runner_id,
        now,
        changed,
    )
    .execute(ctx.connection())
    .await?;
    if !changed {
        return Ok(());
    }
    let mut entry = audit::Entry::new("runner.update_status", "runner", runner.id, &runner.name).change(
        json!({"status": runner.status.as_str(), "busy": runner.busy}),
        json!({"status": status.as_str(), "busy": busy, "job_id": event.id, "repository": event.repository()}),
    );
    if let Some((organization, team)) = runner.team {
        entry = entry.team(organization, team);
    }
    audit::record(ctx, entry).await
}
