//! Deleting a runner: at GitHub first, then here (SPEC B19). Until GitHub has agreed, it counts against its quota.

use domain::{OrganizationId, Permission, RunnerId, RunnerStatus, views::Runner, views::RunnerOwner};
use integrations::github;
use serde_json::json;

use super::{get, retire};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, teams};

/// Deletes a runner that the caller may delete, and returns it as it was.
///
/// # Errors
/// 404 for a runner that the caller may not see, 403 for one that is another's; 400 when it is deleted already; 409
/// while it runs a job or is being provisioned; 502 and 503 when GitHub refuses or is out of reach, and then the runner
/// stays.
pub async fn delete(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    id: RunnerId,
    reason: Option<&str>,
) -> Result<Runner> {
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    let runner = get(&mut ctx, id).await?;
    require(&mut ctx, &runner).await?;
    if runner.status == RunnerStatus::Deleted {
        return Err(already_deleted(id));
    }
    drop(ctx);
    let answer = match runner.github_runner_id {
        Some(number) => remove_at_github(backend, number, &runner.name).await,
        None => Err(Error::refused(
            Code::RunnerBusy,
            format!("Runner '{}' is being provisioned. Try again in a minute.", runner.name),
        )),
    };
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
    let mut entry =
        audit::Entry::new(action, "runner", id, &runner.name).change(json!({"status": runner.status.as_str()}), after);
    entry.success = outcome.is_ok();
    if let Some((organization, team)) = organization(&mut ctx, &runner).await?.zip(runner.team_id) {
        entry = entry.team(organization, team);
    }
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await?;
    outcome.map(|()| runner)
}

fn already_deleted(id: RunnerId) -> Error {
    Error::refused(Code::RunnerDeleted, format!("Runner with ID '{id}' is already deleted"))
}

/// By the permission table: all, those of the organization or team, or the own ones.
async fn require(ctx: &mut Ctx, runner: &Runner) -> Result<()> {
    let own = match &ctx.caller {
        Caller::System(..) => return Ok(()),
        Caller::Person(person, _) => runner.owner == RunnerOwner::Person(person.id),
        Caller::Machine(machine) => runner.owner == RunnerOwner::Machine(machine.id),
    };
    if own {
        return Ok(());
    }
    let standing = match runner.team_id {
        Some(team) => teams::load(ctx, team, teams::Lock::None).await?.standing,
        None => crate::organizations::standing(&ctx.caller, domain::DEFAULT_ORGANIZATION),
    };
    if standing.may(Permission::RunnerDelete) {
        return Ok(());
    }
    let mut refusal = standing.refusal(Permission::RunnerDelete);
    refusal.literal = format!("Runner with ID '{}' not found or not owned by you", runner.id);
    Err(refusal.into())
}

/// Removes a runner at GitHub; one that is not there is done, too.
///
/// # Errors
/// 409 while it runs a job; else as GitHub says.
pub(crate) async fn remove_at_github(backend: &Backend, number: i64, name: &str) -> Result<()> {
    let Some(github) = &backend.github else {
        return Err(Error::not_configured_github());
    };
    match github.delete_runner(number).await {
        Ok(()) => Ok(()),
        Err(github::Error::Rejected { status: 422, .. }) => Err(Error::refused(
            Code::RunnerBusy,
            format!("Runner '{name}' runs a job. Cancel the job at GitHub, or wait for its end."),
        )),
        Err(github::Error::RateLimited { retry_after }) => Err(Error::Unavailable(
            Code::GitHubRateLimit,
            github::Error::RateLimited { retry_after }.user_message(),
            retry_after,
        )),
        Err(error) => Err(Error::refused(Code::GitHub, error.user_message())),
    }
}

async fn organization(ctx: &mut Ctx, runner: &Runner) -> Result<Option<OrganizationId>> {
    let Some(team) = runner.team_id else { return Ok(None) };
    let id = sqlx::query_scalar!("SELECT organization_id FROM teams WHERE id = $1", team.0)
        .fetch_optional(ctx.connection())
        .await?;
    Ok(id.map(OrganizationId))
}
