//! Asking GitHub about one runner, now (SPEC B19).

use chrono::{DateTime, Utc};
use domain::{DEFAULT_ORGANIZATION, Permission, RunnerId, RunnerStatus, views::Runner};
use integrations::github::{self, GitHub};
use serde_json::json;

use super::{
    delete::{already_deleted, refused},
    get, not_found, observe, retire,
    scope::owns,
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, organizations, teams};

/// Why a runner is deleted that GitHub does not know any more (SPEC B21).
const GONE: &str = "not_found_in_github";

/// Asks GitHub about a runner and returns it as it is now. One that is not there any more is deleted. Nothing is marked
/// when GitHub refuses or does not answer.
///
/// # Errors
/// 404 for a runner that the caller may not see or has nothing to do with; 400 when it is deleted already; 502 and 503
/// when GitHub refuses or is out of reach.
pub async fn refresh(backend: &Backend, caller: Caller, info: RequestInfo, id: RunnerId) -> Result<Runner> {
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    let runner = get(&mut ctx, id).await?;
    if !may_refresh(&mut ctx, &runner).await? {
        return Err(Error::refused(
            Code::NotFound,
            format!(
                "{}. To refresh another's runner, ask a member of its team.",
                not_found(id).detail()
            ),
        ));
    }
    let at = ctx.now;
    // The connection is given back before GitHub is asked.
    drop(ctx);
    if runner.status == RunnerStatus::Deleted {
        return Err(already_deleted(id));
    }
    if runner.status == RunnerStatus::Pending && runner.github_runner_id.is_none() {
        // Its reservation waits for GitHub's answer, and is settled by who made it.
        return Ok(runner);
    }
    let Some(github) = &backend.github else {
        return Err(Error::not_configured_github());
    };
    let seen = match ask(github, &runner).await {
        Ok(seen) => seen,
        Err(error) => {
            let error = refused(&error, &runner.name);
            if let Err(failure) = keep_failure(backend, caller, info, &runner, &error).await {
                tracing::error!(error = %failure, "a failed refresh is missing from the audit log");
            }
            return Err(error);
        }
    };
    let mut ctx = Ctx::write(backend, caller, info).await?;
    write(&mut ctx, &runner, seen, at).await?;
    let after = get(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(after)
}

/// Whoever owns the runner, belongs to its team or may delete it; an auditor only looks.
pub(super) async fn may_refresh(ctx: &mut Ctx, runner: &Runner) -> Result<bool> {
    if matches!(ctx.caller, Caller::System(..)) || owns(&ctx.caller, runner) {
        return Ok(true);
    }
    let standing = match runner.team_id {
        Some(team) => teams::load(ctx, team, teams::Lock::None).await?.standing,
        None => organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION),
    };
    Ok(standing.team.is_some() || standing.may(Permission::RunnerDelete))
}

/// What GitHub knows of the runner: by its number, or by its name where we have no number. None is sure: GitHub also
/// answers 404 for an organization that it hides from us, so it has to list the name's runners, too.
async fn ask(github: &GitHub, runner: &Runner) -> Result<Option<github::Runner>, github::Error> {
    if let Some(number) = runner.github_runner_id
        && let Some(seen) = github.get_runner(number).await?
    {
        return Ok(Some(seen));
    }
    let namesake = github.find_runner(&runner.name).await?;
    // Another number is another runner.
    Ok(namesake.filter(|seen| runner.github_runner_id.is_none_or(|number| number == seen.id)))
}

/// Writes down that GitHub did not tell (SPEC B25): nothing else is changed.
async fn keep_failure(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    runner: &Runner,
    error: &Error,
) -> Result<()> {
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let mut entry = audit::Entry::new("update_status_failed", "runner", runner.id, &runner.name).change(
        json!({"status": runner.status.as_str(), "busy": runner.busy}),
        json!({"error": error.detail(), "error_code": error.code().as_str()}),
    );
    entry.success = false;
    if let Some((organization, team)) = runner.organization_id.zip(runner.team_id) {
        entry = entry.team(organization, team);
    }
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await
}

async fn write(ctx: &mut Ctx, runner: &Runner, seen: Option<github::Runner>, at: DateTime<Utc>) -> Result<()> {
    if let Some(seen) = seen {
        observe(ctx.connection(), runner.id, &seen, at).await?;
        return Ok(());
    }
    let now = ctx.now;
    if !retire(ctx.connection(), runner.id, GONE, now, None).await? {
        return Ok(());
    }
    let mut entry = audit::Entry::new("runner.not_found", "runner", runner.id, &runner.name).change(
        json!({"status": runner.status.as_str()}),
        json!({"status": "deleted", "reason": GONE}),
    );
    if let Some((organization, team)) = runner.organization_id.zip(runner.team_id) {
        entry = entry.team(organization, team);
    }
    audit::record(ctx, entry).await
}
