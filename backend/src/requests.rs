//! Requests: to join a team, and for what its people may not change themselves (SPEC B31, C15, P).
//!
//! There is no second rule: who may make a change decides requests for it, and an approval makes it by the function that
//! makes it anyway, in the same transaction.

mod apply;
mod batch;
mod create;
mod decide;
mod deciders;
mod list;
mod read;
mod settle;

pub use batch::{BatchInput, Verdict, decide_many};
pub use create::{NewRequest, NewRequestInput, create};
pub use decide::{Reverted, approve, deny, revert, withdraw};
use domain::{
    Invalid, Reason, Refusal, RequestKind, RequestState, RequestValue,
    views::{AccessRequest, RequestPage, TeamPage},
};
pub use list::{RequestQuery, list, quotas_now};
pub use read::{get, waiting_join};
use serde_json::{Value, json};
pub(crate) use settle::settle_joins;

use crate::{Ctx, Result, audit, restricted_models};

/// The reason of a decision, for the field `reason`; blank is none.
///
/// # Errors
/// When it is longer than 500 characters, has control characters, or is missing from a denial.
pub fn parse_decision(verdict: Verdict, text: Option<&str>) -> std::result::Result<Option<Reason>, Invalid> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Reason::parse(text).map(Some),
        None if verdict == Verdict::Deny => Err(Invalid::new(
            "reason",
            "must be 1 to 500 characters: the requester reads why",
        )),
        None => Ok(None),
    }
}

/// Why the caller may not decide a request of a team, or undo its decision; none when they may.
async fn refusal(ctx: &mut Ctx, team: &TeamPage, request: &AccessRequest) -> Result<Option<Refusal>> {
    let value = &request.value;
    let restricted = is_restricted(ctx, team, value).await?;
    // One that waits is measured by what the team has now. A decided one by what it had then: after an approval nothing
    // is a raise any more, and a team admin would undo what they could not decide.
    let now = value.lowers(&team.team.policy, team.team.max_runners, &team.team.limits);
    let lowers = now && (request.state == RequestState::Pending || !request.raises);
    Ok(value.require_decider(&team.standing, lowers, restricted).err())
}

/// Whether it is about a model that the team's organization restricts.
async fn is_restricted(ctx: &mut Ctx, team: &TeamPage, value: &RequestValue) -> Result<bool> {
    let RequestValue::Model(model) = value else {
        return Ok(false);
    };
    let names = restricted_models::binding(ctx, team.team.organization_id).await?;
    Ok(names.contains(model))
}

/// A request with what the caller may do with it; `team` is its team, as the caller stands in it.
async fn page(ctx: &mut Ctx, request: AccessRequest, team: &TeamPage) -> Result<RequestPage> {
    let refusal = refusal(ctx, team, &request).await?;
    Ok(RequestPage {
        decides: refusal.is_none(),
        own: ctx.caller.user_id() == Some(request.requester_id),
        who_can: refusal.map(|refusal| refusal.who_can),
        deciders: Vec::new(),
        request,
    })
}

/// A request's fields as the audit log keeps them.
fn fields(request: &AccessRequest) -> Value {
    json!({
        "kind": request.value.kind(),
        "value": request.value.to_json(),
        "requester": request.requester,
        "reason": request.reason,
        "state": request.state,
        "decision": request.decision,
    })
}

async fn record(ctx: &mut Ctx, action: &'static str, request: &AccessRequest, before: Value) -> Result<()> {
    let name = name(request.value.kind(), &request.team_name, &request.value);
    let entry = audit::Entry::new(action, "request", request.id, &name)
        .team(request.organization_id, request.team_id)
        .change(before, fields(request));
    audit::record(ctx, entry).await
}

/// What a request is called in the audit log.
fn name(kind: RequestKind, team: &str, value: &RequestValue) -> String {
    format!("{} of {team}: {value}", kind.as_str())
}
