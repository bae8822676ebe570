//! What is kept of a refused request for a runner: the request's transaction is undone, this is not.

use domain::{Label, LabelPattern, LabelPolicy, OrganizationId, SecurityEventType, TeamId};
use serde_json::{Value, json};

use super::JitRequest;
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, security, teams};

/// Writes an audit entry for every attempt that was not permitted (SPEC B25), with a security event when labels or a
/// quota were the reason (SPEC B24). What cannot be written is logged: the caller gets the refusal, whatever happens here.
pub(super) async fn keep(backend: &Backend, caller: Caller, info: RequestInfo, request: &JitRequest, error: &Error) {
    let kind = match error.code() {
        Code::LabelNotPermitted => Some(SecurityEventType::LabelPolicyViolation),
        Code::QuotaExceeded => Some(SecurityEventType::QuotaExceeded),
        // Another's team, one that is not active, an account that may not, a runner that needs an approval.
        code if code.status() == 403 => None,
        // Mistakes in the request are no attempts at what is not permitted.
        _ => return,
    };
    if let Err(failure) = write(backend, caller, info, request, error, kind).await {
        tracing::error!(error = %failure, "a refusal is missing from the logs");
    }
}

async fn write(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    request: &JitRequest,
    error: &Error,
    kind: Option<SecurityEventType>,
) -> Result<()> {
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let mut data = json!({"labels": request.labels, "detail": error.detail(), "error_code": error.code().as_str()});
    // The rules are told where they were the reason: whoever has nothing to do with a team does not read its policy.
    let by_rules = kind.is_some();
    let name = ctx.caller.name().to_owned();
    let actor = ctx.caller.actor_id().unwrap_or_default();
    let place = match request.team {
        Some(id) => team(&mut ctx, id, by_rules.then_some(request), &mut data).await?,
        None => {
            if by_rules {
                own(&mut ctx, request, &mut data).await?;
            }
            None
        }
    };
    let mut entry = audit::Entry::new("provision_jit_failed", "user", actor, &name);
    if let Some((organization, id, name)) = &place {
        entry = audit::Entry::new("provision_jit_failed", "team", *id, name).team(*organization, *id);
    } else {
        // Those who administer the person's organization are to see it; of several, no one is more concerned.
        let only = match &ctx.caller {
            Caller::Person(person, _) => match person.organizations.as_slice() {
                [(only, _)] => Some(*only),
                _ => None,
            },
            Caller::Machine(_) | Caller::System(..) => None,
        };
        entry.organization = only;
    }
    if let Some(kind) = kind {
        let mut event = security::Event::new(kind, "rejected", data.clone());
        event.organization = entry.organization;
        event.team = place.as_ref().map(|(organization, id, _)| (*organization, *id));
        security::record(&mut ctx, event).await?;
    }
    entry = entry.change(json!(null), data);
    entry.success = false;
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await
}

/// The team that was asked for; where the request broke its rules, they go to the event's data.
async fn team(
    ctx: &mut Ctx,
    id: TeamId,
    request: Option<&JitRequest>,
    data: &mut Value,
) -> Result<Option<(OrganizationId, TeamId, String)>> {
    let row = sqlx::query!(
        "SELECT organization_id, name, required_labels, optional_label_patterns, max_runners, runner_count
        FROM teams WHERE id = $1",
        id.0
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(|row| {
        let place = (OrganizationId(row.organization_id), id, row.name);
        let Some(request) = request else { return place };
        let policy = LabelPolicy {
            required: row.required_labels.into_iter().map(Label::trusted).collect(),
            optional: row
                .optional_label_patterns
                .into_iter()
                .map(LabelPattern::trusted)
                .collect(),
        };
        data["policy"] = json!("team");
        data["refused_labels"] = json!(policy.refused(&request.labels));
        data["required_labels"] = json!(policy.required);
        data["allowed_patterns"] = json!(policy.optional);
        data["max_runners"] = json!(row.max_runners);
        data["runner_count"] = json!(row.runner_count);
        place
    }))
}

/// The rules of someone in no team go to the event's data.
async fn own(ctx: &mut Ctx, request: &JitRequest, data: &mut Value) -> Result<()> {
    if ctx.caller.user_id().is_none() {
        return Ok(());
    }
    // Without a policy, nothing is allowed.
    let policy = teams::own_label_policy(ctx).await?.map(|own| own.policy);
    data["policy"] = json!(if policy.is_some() { "user" } else { "none" });
    let policy = policy.unwrap_or_default();
    data["refused_labels"] = json!(policy.refused(&request.labels));
    data["allowed_labels"] = json!(policy.allowed);
    data["allowed_patterns"] = json!(policy.patterns);
    data["max_runners"] = json!(policy.max_runners);
    data["runner_count"] = json!(teams::own_runners(ctx).await?);
    Ok(())
}
