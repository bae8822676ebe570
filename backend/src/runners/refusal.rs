//! What is kept of a refused request for a runner: the request's transaction is undone, this is not.

use domain::{OrganizationId, SecurityEventType};
use serde_json::json;

use super::JitRequest;
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, security};

/// Writes a security event and an audit entry when labels or a quota were the reason (SPEC B24, B25). What cannot be
/// written is logged: the caller gets the refusal, whatever happens here.
pub(super) async fn keep(backend: &Backend, caller: Caller, info: RequestInfo, request: &JitRequest, error: &Error) {
    let kind = match error.code() {
        Code::LabelNotPermitted => SecurityEventType::LabelPolicyViolation,
        Code::QuotaExceeded => SecurityEventType::QuotaExceeded,
        _ => return,
    };
    if let Err(failure) = write(backend, caller, info, request, error, kind).await {
        tracing::error!(error = %failure, "a refusal is missing from the security events");
    }
}

async fn write(
    backend: &Backend,
    caller: Caller,
    info: RequestInfo,
    request: &JitRequest,
    error: &Error,
    kind: SecurityEventType,
) -> Result<()> {
    let mut ctx = Ctx::write(backend, caller, info).await?;
    let data = json!({"labels": request.labels, "detail": error.detail()});
    let mut event = security::Event::new(kind, "rejected", data.clone());
    let team = match request.team {
        Some(id) => sqlx::query!("SELECT organization_id, name FROM teams WHERE id = $1", id.0)
            .fetch_optional(ctx.connection())
            .await?
            .map(|row| (OrganizationId(row.organization_id), id, row.name)),
        None => None,
    };
    let name = ctx.caller.name().to_owned();
    let actor = ctx.caller.actor_id().unwrap_or_default();
    let mut entry = audit::Entry::new("provision_jit_failed", "user", actor, &name);
    if let Some((organization, id, name)) = &team {
        event = event.team(*organization, *id);
        entry = audit::Entry::new("provision_jit_failed", "team", *id, name).team(*organization, *id);
    }
    entry = entry.change(json!(null), data);
    entry.success = false;
    security::record(&mut ctx, event).await?;
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await
}
