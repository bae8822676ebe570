//! The waiting list of a team whose quota is full.
//!
//! A JIT configuration is shown once and never stored, so nobody's runner is made while they are away: once there is
//! room, the place of the first one is held for a while, and counts, until they claim it. One that is not claimed in
//! time goes to the next.

mod advance;
mod purge;
mod read;

use domain::{
    Permission, TeamId,
    views::{Provisioned, RunnerWait},
};
use serde_json::json;
use uuid::Uuid;

pub use advance::advance;
pub use purge::purge;
pub use read::{LineQuery, get, mine, of_team};

use super::{
    JitInput,
    provision::{self, prepare},
    quota::{self, Turn},
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, teams};

/// Queues a request, which is checked as if it were a provisioning.
///
/// # Errors
/// Every refusal of a provisioning but a full quota; 409 when the team has no waiting list, when there is room, and for
/// someone who waits already.
pub async fn join(backend: &Backend, caller: Caller, info: RequestInfo, input: JitInput) -> Result<RunnerWait> {
    let stored = serde_json::to_value(&input)?;
    let request = input.parse()?;
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let user = ctx.person()?.id;
    let Some(team) = request.team else {
        return Err(Error::invalid(
            "team_id",
            "is required: only a team's quota has a waiting list",
        ));
    };
    let prepared = prepare(&mut ctx, &request).await?;
    let (Some(page), ceiling) = (prepared.page, prepared.ceiling) else {
        return Err(Error::internal("a team's request without its team"));
    };
    let is_on = sqlx::query_scalar!("SELECT waiting_list FROM teams WHERE id = $1", team.0)
        .fetch_one(ctx.connection())
        .await?;
    if !is_on {
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "Team '{}' has no waiting list. To turn it on in its settings, ask {}.",
                page.team.name,
                Permission::TeamEdit.who()
            ),
        ));
    }
    match quota::require(&mut ctx, &page, ceiling, Turn::Direct).await {
        Err(Error::Quota(_)) => {}
        Err(other) => return Err(other),
        Ok(()) => {
            return Err(Error::refused(
                Code::WrongState,
                "There is room: provision the runner now.",
            ));
        }
    }
    let (id, now) = (Uuid::now_v7(), ctx.now);
    let written = sqlx::query!(
        "INSERT INTO runner_waits (id, team_id, user_id, request, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $5)
        ON CONFLICT (team_id, user_id) WHERE state IN ('waiting', 'ready') DO NOTHING",
        id,
        team.0,
        user.0,
        stored,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if written.rows_affected() == 0 {
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "You wait for a runner of team '{}' already. See /runners/waiting.",
                page.team.name
            ),
        ));
    }
    let entry = audit::Entry::new("runner_wait.join", "runner_wait", id, &page.team.name)
        .team(page.team.organization_id, team)
        .change(json!(null), json!({"state": "waiting"}));
    audit::record(&mut ctx, entry).await?;
    let wait = get(&mut ctx, id).await?;
    ctx.commit().await?;
    Ok(wait)
}

/// Leaves the list, or gives a held place up. Admins of the team may take others off it.
///
/// # Errors
/// 404 for a wait that the caller may not see; 409 when it is over.
pub async fn leave(ctx: &mut Ctx, id: Uuid) -> Result<()> {
    let wait = get(ctx, id).await?;
    // The team before the wait, as everyone who gives places away.
    let organization = lock(ctx, wait.team_id).await?;
    let now = ctx.now;
    let done = sqlx::query!(
        "UPDATE runner_waits SET state = 'left', ready_until = NULL, updated_at = $2
        WHERE id = $1 AND state IN ('waiting', 'ready')",
        id,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Err(over(&wait.state));
    }
    let entry = audit::Entry::new("runner_wait.leave", "runner_wait", id, &wait.team_name)
        .team(organization, wait.team_id)
        .change(
            json!({"state": wait.state}),
            json!({"state": "left", "user": wait.user}),
        );
    audit::record(ctx, entry).await
}

/// Provisions what was asked for, on the place that is held. Everything is checked again.
///
/// # Errors
/// 404 for another's wait; 409 when it is not ready, or not any more; every refusal of a provisioning. When GitHub makes
/// no runner, the place stays held.
pub async fn claim(backend: &Backend, caller: Caller, info: RequestInfo, id: Uuid) -> Result<Provisioned> {
    let mut ctx = Ctx::read(backend, caller.clone(), info.clone()).await?;
    let user = ctx.person()?.id;
    let stored = sqlx::query_scalar!(
        "SELECT request FROM runner_waits WHERE id = $1 AND user_id = $2",
        id,
        user.0
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| not_found(id))?;
    drop(ctx);
    let request = serde_json::from_value::<JitInput>(stored)?.parse()?;
    provision::run(backend, caller, info, request, Some(id)).await
}

/// Takes the held place in the transaction that makes the runner; the team is locked.
pub(super) async fn take(ctx: &mut Ctx, id: Uuid) -> Result<()> {
    let row = sqlx::query!(
        r#"SELECT state, coalesce(ready_until <= clock_timestamp(), false) AS "late!" FROM runner_waits
        WHERE id = $1 FOR UPDATE"#,
        id,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| not_found(id))?;
    match (row.state.as_str(), row.late) {
        ("ready", false) => Ok(()),
        ("ready", true) => Err(over("expired")),
        ("waiting", _) => Err(Error::refused(
            Code::WrongState,
            "It is not your turn yet. See your position.",
        )),
        (state, _) => Err(over(state)),
    }
}

/// Notes what the place became.
pub(super) async fn claimed(ctx: &mut Ctx, id: Uuid, runner: domain::RunnerId) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "UPDATE runner_waits SET state = 'claimed', ready_until = NULL, runner_id = $2, updated_at = $3 WHERE id = $1",
        id,
        runner.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// GitHub made no runner: the place is held again, in the transaction that frees the runner's. Where nobody knows, it
/// still counts as the runner's: then the person is the first of the line again.
pub(super) async fn give_back(ctx: &mut Ctx, id: Uuid, is_free: bool) -> Result<()> {
    // The person may be joining again at this moment.
    sqlx::query!(
        "SELECT id FROM teams WHERE id = (SELECT team_id FROM runner_waits WHERE id = $1) FOR UPDATE",
        id
    )
    .fetch_optional(ctx.connection())
    .await?;
    let (now, hold) = (ctx.now, hold(&ctx.backend));
    let state = if is_free { "ready" } else { "waiting" };
    sqlx::query!(
        "UPDATE runner_waits w SET state = $2, runner_id = NULL, updated_at = $3,
            ready_until = CASE WHEN $2 = 'ready' THEN clock_timestamp() + make_interval(secs => $4) END
        WHERE id = $1 AND state = 'claimed' AND NOT EXISTS (SELECT FROM runner_waits other
            WHERE other.team_id = w.team_id AND other.user_id = w.user_id AND other.state IN ('waiting', 'ready'))",
        id,
        state,
        now,
        hold,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Turns a team's waiting list on or off. Whoever waits keeps the place in the line; nobody new can join.
///
/// # Errors
/// 403 for those who may not edit the team; 409 while it is archived.
pub async fn set_enabled(ctx: &mut Ctx, team: TeamId, enabled: bool) -> Result<()> {
    let page = teams::locked_for(ctx, team, Permission::TeamEdit)
        .await
        .map_err(|error| match error {
            Error::Forbidden(refusal) => refusal.of("turn a team's waiting list on or off").into(),
            other => other,
        })?;
    teams::require_not_archived(&page)?;
    let now = ctx.now;
    let done = sqlx::query!(
        "UPDATE teams SET waiting_list = $2, updated_at = $3 WHERE id = $1 AND waiting_list <> $2",
        team.0,
        enabled,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(());
    }
    let entry = audit::Entry::new("team.update", "team", team, &page.team.name)
        .team(page.team.organization_id, team)
        .change(json!({"waiting_list": !enabled}), json!({"waiting_list": enabled}));
    audit::record(ctx, entry).await
}

/// Whether a team that the caller may see has a waiting list.
///
/// # Errors
/// 403 and 404 as for the team.
pub async fn is_enabled(ctx: &mut Ctx, team: TeamId) -> Result<bool> {
    teams::open(ctx, team).await?;
    let is_on = sqlx::query_scalar!("SELECT waiting_list FROM teams WHERE id = $1", team.0)
        .fetch_one(ctx.connection())
        .await?;
    Ok(is_on)
}

/// A wait's id from a form.
///
/// # Errors
/// 404 for a text that is none.
pub fn parse_id(text: &str) -> Result<Uuid> {
    text.parse()
        .map_err(|_| Error::not_found("Wait", text.chars().take(40).collect::<String>()))
}

async fn lock(ctx: &mut Ctx, team: TeamId) -> Result<domain::OrganizationId> {
    let organization = sqlx::query_scalar!("SELECT organization_id FROM teams WHERE id = $1 FOR UPDATE", team.0)
        .fetch_one(ctx.connection())
        .await?;
    Ok(domain::OrganizationId(organization))
}

fn hold(backend: &Backend) -> f64 {
    backend.settings.wait_hold.as_secs_f64()
}

fn not_found(id: Uuid) -> Error {
    Error::not_found("Wait", id)
}

fn over(state: &str) -> Error {
    let words = match state {
        "claimed" => "This place was claimed already.",
        "left" => "You left this waiting list. Join it again.",
        _ => "The place was held for you, and is not any more. Join the waiting list again.",
    };
    Error::refused(Code::WrongState, words)
}
