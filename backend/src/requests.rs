//! Requests: to join a team, and for what its people may not change themselves (SPEC B31, C15, P).
//!
//! There is no second rule: who may make a change decides requests for it, and an approval makes it by the function that
//! makes it anyway, in the same transaction.

mod apply;
mod batch;
mod create;
mod decide;
mod list;
mod read;
mod settle;

pub use batch::{BatchInput, Verdict, decide_many};
pub use create::{NewRequest, NewRequestInput, create};
pub use decide::{Reverted, approve, deny, revert, withdraw};
use domain::{
    Invalid, Reason, Refusal, RequestKind, RequestState, RequestValue, Standing,
    views::{AccessRequest, RequestPage, TeamPage},
};
pub use list::{RequestQuery, list, own_waiting, quotas_now};
pub use read::{get, waiting_join};
use serde_json::{Value, json};
pub(crate) use settle::settle_joins;

use crate::{Ctx, Result, audit, restricted_models, teams};

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

/// What decides who may decide a request.
#[derive(Debug, Clone, Copy)]
struct Terms {
    /// Whether it only lowers what the team may use.
    lowers: bool,
    /// Whether it is about a model that the team's organization restricts.
    restricted: bool,
}

impl Terms {
    /// Of a request of a team. One that waits is measured by what the team has now. A decided one by what it had then: after
    /// an approval nothing is a raise any more, and a team admin would undo what they could not decide.
    async fn of(ctx: &mut Ctx, team: &TeamPage, request: &AccessRequest) -> Result<Self> {
        let now = (request.value).lowers(&team.team.policy, team.team.max_runners, &team.team.limits);
        Ok(Self {
            lowers: now && (request.state == RequestState::Pending || !request.raises),
            restricted: is_restricted(ctx, team, &request.value).await?,
        })
    }

    /// Why somebody may not decide the request, or undo its decision; none when they may.
    fn refusal(self, request: &AccessRequest, standing: &Standing) -> Option<Refusal> {
        (request.value)
            .require_decider(standing, self.lowers, self.restricted)
            .err()
    }
}

/// Why the caller may not decide a request of a team, or undo its decision; none when they may.
async fn refusal(ctx: &mut Ctx, team: &TeamPage, request: &AccessRequest) -> Result<Option<Refusal>> {
    let terms = Terms::of(ctx, team, request).await?;
    Ok(terms.refusal(request, &team.standing))
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
    let terms = Terms::of(ctx, team, &request).await?;
    let refusal = terms.refusal(&request, &team.standing);
    let deciders = if request.state == RequestState::Pending && refusal.is_some() {
        teams::whom(ctx, team, |standing| terms.refusal(&request, standing).is_none()).await?
    } else {
        Vec::new()
    };
    Ok(RequestPage {
        decides: refusal.is_none(),
        own: ctx.caller.user_id() == Some(request.requester_id),
        who_can: refusal.map(|refusal| refusal.who_can),
        deciders,
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
    match kind {
        RequestKind::Join => format!("a place in {team} {value}"),
        RequestKind::Quota => format!("a quota for {team}: {value}"),
        RequestKind::Budget => format!("a budget for {team}: {value}"),
        RequestKind::Labels => format!("labels for {team}: {value}"),
        RequestKind::Service => format!("a service for {team}: {value}"),
        RequestKind::Model => format!("a model for {team}: {value}"),
    }
}
