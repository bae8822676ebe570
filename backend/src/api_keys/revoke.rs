//! Ending a key: we refuse it at once, and it is called revoked when LiteLLM refuses it, too (SPEC C12).

use std::time::Duration;

use domain::{ApiKeyStatus, KeyId, KeyKind, views::ApiKey};
use serde_json::Value;

use super::{
    access::{self, Seen},
    fields, record,
};
use crate::{
    Backend, Caller, Ctx, RequestInfo, Result, keys,
    litellm::{self, Object},
    teams::Lock,
};

/// How long somebody waits for LiteLLM's word.
const PATIENCE: Duration = Duration::from_secs(5);

/// Ends a key here; LiteLLM hears of it from the outbox.
///
/// # Errors
/// As [`revoke`].
pub(crate) async fn end(ctx: &mut Ctx, id: KeyId) -> Result<()> {
    let seen = access::seen(ctx, id, Lock::Update).await?;
    end_seen(ctx, &seen).await
}

async fn end_seen(ctx: &mut Ctx, seen: &Seen) -> Result<()> {
    seen.require_manage()?;
    let (now, by, id) = (ctx.now, ctx.caller.user_id().map(|id| id.0), seen.key.id);
    let revoked = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL",
        id.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    if revoked.rows_affected() == 1 {
        let key = &seen.key;
        record(ctx, &seen.team, "key.revoke", key, fields(key), Value::Null).await?;
    }
    Ok(())
}

/// Revokes a key; its status says whether LiteLLM has confirmed it. Owners may always; asking again asks LiteLLM again.
///
/// # Errors
/// 404 and 403 without the right.
#[tracing::instrument(skip_all, fields(key = %id))]
pub async fn revoke(backend: &Backend, caller: Caller, request: RequestInfo, id: KeyId) -> Result<ApiKey> {
    let mut ctx = Ctx::write(backend, caller.clone(), request.clone()).await?;
    let seen = access::seen(&mut ctx, id, Lock::Update).await?;
    if let (KeyKind::Services, Some(project)) = (seen.key.kind, seen.key.project_id) {
        if seen.key.revoked_at.is_none() {
            keys::revoke(&mut ctx, seen.key.team_id, project, id).await?;
        }
        let key = access::one(&mut ctx, id).await?;
        ctx.commit().await?;
        return Ok(key);
    }
    end_seen(&mut ctx, &seen).await?;
    let instance = sqlx::query_scalar!("SELECT litellm_instance FROM api_keys WHERE id = $1", id.0)
        .fetch_one(ctx.connection())
        .await?;
    let key = access::one(&mut ctx, id).await?;
    ctx.commit().await?;
    if key.status != ApiKeyStatus::Revoking {
        return Ok(key);
    }
    if let Some(instance) = backend.litellm.get(instance.as_deref()) {
        // What does not work now is tried again until it does; the row says how it stands.
        let _ = litellm::deliver_now(backend, instance, &[Object::Key(id)], PATIENCE).await?;
    }
    let mut ctx = Ctx::read(backend, caller, request).await?;
    access::one(&mut ctx, id).await
}
