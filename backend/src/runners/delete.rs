//! Deleting runners: at GitHub first, then here (SPEC B19). Until GitHub has agreed, they count against their quota.

use std::{
    collections::HashSet,
    sync::OnceLock,
    time::{Duration, Instant},
};

use domain::{Permission, RunnerId, RunnerStatus, views::Runner};
use futures_util::{StreamExt as _, stream};
use integrations::github;
use serde_json::json;

use super::{get, not_found, retire, scope::owns};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, teams};

/// How many runners are deleted at a time: GitHub counts calls that come at once.
const AT_ONCE: usize = 4;

/// Deletes a runner that the caller may delete, and returns it as it was.
///
/// # Errors
/// 404 for a runner that the caller may not see, or that is another's to delete; 400 when it is deleted already; 409
/// while it runs a job or is being provisioned; 502 and 503 when GitHub refuses or is out of reach, and then the runner
/// stays.
pub async fn delete(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    id: RunnerId,
    reason: Option<&str>,
) -> Result<Runner> {
    one(backend, caller, info, id, reason, &Limit::default()).await
}

/// Deletes each of these runners as [`delete`] does, a few at a time; the outcomes in the order of the ids, one for
/// each. Once GitHub says that its rate limit is used up, it is not asked about the rest.
pub async fn delete_many(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    ids: &[RunnerId],
    reason: Option<&str>,
) -> Vec<(RunnerId, Result<Runner>)> {
    let mut known = HashSet::with_capacity(ids.len());
    let distinct: Vec<RunnerId> = ids.iter().copied().filter(|id| known.insert(*id)).collect();
    let limit = Limit::default();
    let limit = &limit;
    stream::iter(distinct)
        .map(|id| {
            let (caller, info) = (caller.clone(), info.clone());
            async move { (id, one(backend, caller, info, id, reason, limit).await) }
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// GitHub's rate limit, once several deletions have met it: until when.
#[derive(Default)]
struct Limit(OnceLock<(Instant, Option<Duration>)>);

impl Limit {
    /// The refusal of what comes after it.
    fn check(&self) -> Result<()> {
        let Some((met, wait)) = self.0.get() else { return Ok(()) };
        Err(limited(wait.map(|wait| wait.saturating_sub(met.elapsed()))))
    }

    fn note(&self, error: &Error) {
        if let Error::Unavailable(Code::GitHubRateLimit, _, wait) = error {
            // Who notes it first does; the others met the same limit.
            let _ = self.0.set((Instant::now(), *wait));
        }
    }
}

fn limited(retry_after: Option<Duration>) -> Error {
    let words = github::Error::RateLimited { retry_after }.user_message();
    Error::Unavailable(Code::GitHubRateLimit, words, retry_after)
}

async fn one(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    id: RunnerId,
    reason: Option<&str>,
    limit: &Limit,
) -> Result<Runner> {
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    let runner = get(&mut ctx, id).await?;
    require(&mut ctx, &runner).await?;
    if runner.status == RunnerStatus::Deleted {
        return Err(already_deleted(id));
    }
    // The connection is given back before GitHub is asked.
    drop(ctx);
    let answer = at_github(backend, &runner, limit).await;
    if let Err(error) = &answer {
        limit.note(error);
    }
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let outcome = match answer {
        Ok(()) => {
            let now = ctx.now;
            let gone = retire(ctx.connection(), id, reason.unwrap_or("deleted"), now, None).await?;
            gone.then_some(()).ok_or_else(|| already_deleted(id))
        }
        Err(error) => Err(error),
    };
    let (action, after) = match &outcome {
        Ok(()) => ("deprovision", json!({"status": "deleted", "reason": reason})),
        Err(error) => ("deprovision_failed", json!({"error": error.detail(), "reason": reason})),
    };
    let mut entry = audit::Entry::new(action, "runner", id, &runner.name)
        .change(json!({"status": runner.status.as_str(), "busy": runner.busy}), after);
    entry.success = outcome.is_ok();
    if let Some((organization, team)) = runner.organization_id.zip(runner.team_id) {
        entry = entry.team(organization, team);
    }
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await?;
    outcome.map(|()| runner)
}

pub(super) fn already_deleted(id: RunnerId) -> Error {
    Error::refused(Code::RunnerDeleted, format!("Runner with ID '{id}' is already deleted"))
}

/// By the permission table: all, those of the organization or team, or the own ones, these also of a team that is not
/// active any more (SPEC P, B35).
async fn require(ctx: &mut Ctx, runner: &Runner) -> Result<()> {
    if matches!(ctx.caller, Caller::System(..)) || owns(&ctx.caller, runner) {
        return Ok(());
    }
    let standing = match runner.team_id {
        Some(team) => teams::load(ctx, team, teams::Lock::None).await?.standing,
        None => crate::organizations::standing(&ctx.caller, domain::DEFAULT_ORGANIZATION),
    };
    if standing.may(Permission::RunnerDelete) {
        return Ok(());
    }
    Err(Error::refused(
        Code::NotFound,
        format!(
            "{}. To delete another's runner, ask {}.",
            not_found(runner.id).detail(),
            Permission::RunnerDelete.who()
        ),
    ))
}

/// Sees to it that GitHub does not have the runner any more.
async fn at_github(backend: &Backend, runner: &Runner, limit: &Limit) -> Result<()> {
    let number = match runner.github_runner_id {
        Some(number) => number,
        None if runner.status == RunnerStatus::Pending => {
            return Err(Error::refused(
                Code::RunnerBusy,
                format!("Runner '{}' is being provisioned. Try again in a minute.", runner.name),
            ));
        }
        None => {
            limit.check()?;
            let Some(github) = &backend.github else {
                return Err(Error::not_configured_github());
            };
            match github
                .find_runner(&runner.name)
                .await
                .map_err(|error| refused(&error, &runner.name))?
            {
                Some(found) => found.id,
                None => return Ok(()),
            }
        }
    };
    limit.check()?;
    remove_at_github(backend, number, &runner.name).await
}

/// Removes a runner at GitHub; one that is not there is done, too.
///
/// # Errors
/// 409 while it runs a job; else as GitHub says.
pub(crate) async fn remove_at_github(backend: &Backend, number: i64, name: &str) -> Result<()> {
    let Some(github) = &backend.github else {
        return Err(Error::not_configured_github());
    };
    github
        .delete_runner(number)
        .await
        .map_err(|error| refused(&error, name))
}

/// GitHub's refusal in the caller's words.
pub(super) fn refused(error: &github::Error, name: &str) -> Error {
    match error {
        github::Error::Rejected { status: 422, .. } => Error::refused(
            Code::RunnerBusy,
            format!("Runner '{name}' runs a job. Cancel the job at GitHub, or wait for its end."),
        ),
        github::Error::RateLimited { retry_after } => limited(*retry_after),
        other => Error::refused(Code::GitHub, other.user_message()),
    }
}
