//! Deciding requests, taking them back, and undoing a decision.

use domain::{
    Reason, RequestId, RequestState, RequestValue,
    views::{AccessRequest, RequestPage, TeamPage},
};
use uuid::Uuid;

use super::{
    apply,
    create::asked_already,
    fields, page,
    read::{load, visible},
    record, refusal,
};
use crate::{Code, Ctx, Error, Result, teams};

/// A decision that was undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reverted {
    /// The request, which waits again.
    pub page: RequestPage,
    /// What the approval did that stays, in words; none after a denial.
    pub stays: Option<String>,
}

/// Approves a request: the change is made now, in this transaction.
///
/// # Errors
/// 404 for those who do not see it; 403 without the right to make the change; 409 when it is decided already or the
/// requester's account is deactivated; whatever the change is refused for. The request then stays as it is.
pub async fn approve(ctx: &mut Ctx, id: RequestId, reason: Option<&Reason>) -> Result<RequestPage> {
    visible(ctx, id).await?;
    lock(ctx, &[id.0]).await?;
    let (request, team) = decidable(ctx, id, RequestState::Pending).await?;
    require_active(ctx, &request).await?;
    // Decided first: whoever joins a team settles what waits of theirs there.
    let page = write(ctx, &request, RequestState::Approved, reason).await?;
    apply::apply(ctx, &request, &team).await?;
    Ok(page)
}

/// Denies a request, with a reason that its requester reads.
///
/// # Errors
/// As [`approve`], but for the change.
pub async fn deny(ctx: &mut Ctx, id: RequestId, reason: &Reason) -> Result<RequestPage> {
    visible(ctx, id).await?;
    lock(ctx, &[id.0]).await?;
    let (request, _) = decidable(ctx, id, RequestState::Pending).await?;
    write(ctx, &request, RequestState::Denied, Some(reason)).await
}

/// Lets a decided request wait again. What an approval changed stays as it is, and is told; only a restricted model can
/// no longer be used, since that hangs on the approval itself.
///
/// # Errors
/// As [`approve`]; 409 when it is not decided, or its requester asked for the same again.
pub async fn revert(ctx: &mut Ctx, id: RequestId) -> Result<Reverted> {
    visible(ctx, id).await?;
    lock(ctx, &[id.0]).await?;
    let (request, _) = decidable(ctx, id, RequestState::Approved).await?;
    let stays = (request.state == RequestState::Approved).then(|| what_stays(&request));
    let page = write(ctx, &request, RequestState::Pending, None).await?;
    Ok(Reverted { page, stays })
}

/// Takes one's own request back.
///
/// # Errors
/// 404 for those who do not see it; 403 for another's; 409 when it is decided already.
pub async fn withdraw(ctx: &mut Ctx, id: RequestId) -> Result<RequestPage> {
    let request = visible(ctx, id).await?;
    if ctx.caller.user_id() != Some(request.requester_id) {
        return Err(Error::Forbidden(domain::Refusal {
            literal: "Insufficient permissions".to_owned(),
            rule: "withdraw another's request".to_owned(),
            who_can: request.requester,
        }));
    }
    sqlx::query_scalar!("SELECT id FROM access_requests WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    let request = load(ctx, id).await?;
    require_state(&request, RequestState::Pending)?;
    write(ctx, &request, RequestState::Withdrawn, None).await
}

/// What an approval did that undoing the decision does not undo.
fn what_stays(request: &AccessRequest) -> String {
    let team = &request.team_name;
    match &request.value {
        RequestValue::Join(_) => format!(
            "{} stays a member of {team}, if nobody removed them since. Remove them under Members.",
            request.requester
        ),
        RequestValue::Service(name) => format!("{team} may still use {name}. Take it away under Policy."),
        RequestValue::Model(name) => format!(
            "{name} stays in the models of {team}. Where it is restricted, the team may not use it until it is approved again."
        ),
        value => format!("{team} keeps what it got: {value}. Change it under Policy or Settings."),
    }
}

/// Locks everything that deciding these requests may touch, in one order: people, organizations, teams, requests.
/// So two who decide at once never wait for each other, nor for one who changes an organization or a team.
pub(super) async fn lock(ctx: &mut Ctx, ids: &[Uuid]) -> Result<()> {
    let rows = sqlx::query!(
        "SELECT r.requester, r.team_id, t.organization_id FROM access_requests r JOIN teams t ON t.id = r.team_id
        WHERE r.id = ANY($1)",
        ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let people: Vec<Uuid> = rows.iter().map(|row| row.requester).collect();
    let organizations: Vec<Uuid> = rows.iter().map(|row| row.organization_id).collect();
    let teams: Vec<Uuid> = rows.iter().map(|row| row.team_id).collect();
    sqlx::query_scalar!("SELECT id FROM users WHERE id = ANY($1) ORDER BY id FOR SHARE", &people)
        .fetch_all(ctx.connection())
        .await?;
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = ANY($1) ORDER BY id FOR SHARE",
        &organizations
    )
    .fetch_all(ctx.connection())
    .await?;
    sqlx::query_scalar!("SELECT id FROM teams WHERE id = ANY($1) ORDER BY id FOR UPDATE", &teams)
        .fetch_all(ctx.connection())
        .await?;
    sqlx::query_scalar!(
        "SELECT id FROM access_requests WHERE id = ANY($1) ORDER BY id FOR UPDATE",
        ids
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(())
}

/// The request under its locks, when the caller may decide it and it stands where `wanted` says; `Approved` stands for
/// any decision.
async fn decidable(ctx: &mut Ctx, id: RequestId, wanted: RequestState) -> Result<(AccessRequest, TeamPage)> {
    let request = load(ctx, id).await?;
    let team = teams::load(ctx, request.team_id, teams::Lock::None).await?;
    if let Some(refusal) = refusal(ctx, &team, &request).await? {
        return Err(refusal.into());
    }
    require_state(&request, wanted)?;
    Ok((request, team))
}

fn require_state(request: &AccessRequest, wanted: RequestState) -> Result<()> {
    let decided = matches!(request.state, RequestState::Approved | RequestState::Denied);
    let fits = if wanted == RequestState::Approved {
        decided
    } else {
        request.state == wanted
    };
    if fits {
        return Ok(());
    }
    let words = match &request.decided_by {
        Some(by) => format!("The request is {} already, by {by}", request.state.as_str()),
        None if wanted == RequestState::Approved => {
            format!("The request is {}: there is no decision", request.state.as_str())
        }
        None => format!("The request is {} already", request.state.as_str()),
    };
    Err(Error::refused(Code::WrongState, words))
}

/// A request of somebody whose account is deactivated waits until they are back.
async fn require_active(ctx: &mut Ctx, request: &AccessRequest) -> Result<()> {
    let gone = sqlx::query_scalar!(
        r#"SELECT deactivated_at IS NOT NULL AS "gone!" FROM users WHERE id = $1"#,
        request.requester_id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if gone {
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "User {} is deactivated: deny the request, or activate the account first",
                request.requester
            ),
        ));
    }
    Ok(())
}

async fn write(
    ctx: &mut Ctx,
    request: &AccessRequest,
    state: RequestState,
    reason: Option<&Reason>,
) -> Result<RequestPage> {
    let decided = matches!(state, RequestState::Approved | RequestState::Denied);
    let by = ctx.caller.user_id().filter(|_| decided).map(|id| id.0);
    let at = decided.then_some(ctx.now);
    sqlx::query!(
        "UPDATE access_requests SET state = $2, decided_by = $3, decided_at = $4, decision = $5 WHERE id = $1",
        request.id.0,
        state.as_str(),
        by,
        at,
        reason.map(Reason::as_str),
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| Error::from(error).on_constraint("access_requests_pending_key", asked_already))?;
    let changed = load(ctx, request.id).await?;
    let action = match state {
        RequestState::Approved => "request.approve",
        RequestState::Denied => "request.deny",
        RequestState::Withdrawn => "request.withdraw",
        RequestState::Pending => "request.revert",
    };
    record(ctx, action, &changed, fields(request)).await?;
    let team = teams::load(ctx, request.team_id, teams::Lock::None).await?;
    page(ctx, changed, &team).await
}
