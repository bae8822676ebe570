//! Changing a key; LiteLLM is told by the outbox.

use domain::{ApiKeyStatus, KeyId, KeyKind, Money, Permission, views::ApiKey};
use integrations::litellm::KeyChange;
use serde_json::{Value, json};

use super::{
    access::{self, Seen},
    fields,
    input::ApiKeyPatch,
    limits::{self, KeyLimits},
    record,
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, teams::Lock};

/// Changes a key's name and limits, which are checked as those of a new one.
///
/// # Errors
/// 404 and 403 without the right; 409 when it is over, or is a key for services; as [`create`](super::create) for limits.
pub async fn update(ctx: &mut Ctx, id: KeyId, patch: &ApiKeyPatch) -> Result<ApiKey> {
    let seen = access::seen(ctx, id, Lock::Update).await?;
    seen.require_manage()?;
    let key = &seen.key;
    require_models(key)?;
    if !key.status.is_open() {
        return Err(Error::refused(
            Code::WrongState,
            format!("Key '{}' is {}", key.name, key.status.as_str()),
        ));
    }
    let own = changed(key, patch);
    let name = patch.name.as_ref().map_or(key.name.as_str(), domain::KeyName::as_str);
    let before = KeyLimits {
        limits: key.limits.clone(),
        soft_budget: key.soft_budget,
        expires_at: key.expires_at,
        tags: key.tags.clone(),
    };
    if own == before && name == key.name {
        return Ok(seen.key);
    }
    if own != before {
        let above = limits::above(ctx, &seen.team, key.owner_id, key.project_id).await?;
        above.check(&own, ctx.now)?;
    }
    let limits = &own.limits;
    sqlx::query!(
        "UPDATE api_keys SET name = $2, models = $3, max_budget = $4, soft_budget = $5, budget_duration = $6,
            tpm_limit = $7, rpm_limit = $8, tags = $9, expires_at = $10 WHERE id = $1",
        id.0,
        name,
        &limits.models,
        limits.max_budget.map(Money::decimal),
        own.soft_budget.map(Money::decimal),
        limits.budget_duration.as_ref().map(domain::BudgetDuration::as_str),
        limits.tpm_limit,
        limits.rpm_limit,
        &own.tags,
        own.expires_at,
    )
    .execute(ctx.connection())
    .await?;
    let after = access::one(ctx, id).await?;
    record(ctx, &seen.team, "key.update", &after, with_name(key), with_name(&after)).await?;
    Ok(after)
}

fn with_name(key: &ApiKey) -> Value {
    let mut fields = fields(key);
    fields["name"] = json!(key.name);
    fields
}

fn changed(key: &ApiKey, patch: &ApiKeyPatch) -> KeyLimits {
    let (wanted, own) = (&patch.wanted, &key.limits);
    KeyLimits {
        limits: domain::Limits {
            models: wanted.models.clone().unwrap_or_else(|| own.models.clone()),
            max_budget: wanted.max_budget.unwrap_or(own.max_budget),
            budget_duration: wanted
                .budget_duration
                .clone()
                .unwrap_or_else(|| own.budget_duration.clone()),
            tpm_limit: wanted.tpm_limit.unwrap_or(own.tpm_limit),
            rpm_limit: wanted.rpm_limit.unwrap_or(own.rpm_limit),
        },
        soft_budget: wanted.soft_budget.unwrap_or(key.soft_budget),
        expires_at: wanted.expires_at.unwrap_or(key.expires_at),
        tags: wanted.tags.clone().unwrap_or_else(|| key.tags.clone()),
    }
}

fn require_models(key: &ApiKey) -> Result<()> {
    if key.kind == KeyKind::Models {
        return Ok(());
    }
    Err(Error::refused(
        Code::WrongState,
        format!(
            "Key '{}' is for services: it has no limits, and nothing is spent with it",
            key.name
        ),
    ))
}

/// Lets a key's spending start anew, at LiteLLM first.
///
/// # Errors
/// 404 and 403 without the right, which members of the team have not, not even for their own keys; 409 when LiteLLM has
/// no such key; 503 when LiteLLM is away, and 502 when it refuses.
#[tracing::instrument(skip_all, fields(key = %id))]
pub async fn reset_spend(backend: &Backend, caller: Caller, request: RequestInfo, id: KeyId) -> Result<ApiKey> {
    let mut ctx = Ctx::read(backend, caller.clone(), request.clone()).await?;
    let seen = resettable(&mut ctx, id, Lock::None).await?;
    let row = sqlx::query!(
        r#"SELECT litellm_instance AS "instance!", litellm_token AS "token!" FROM api_keys WHERE id = $1"#,
        id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    drop((ctx, seen));
    let instance = backend.litellm.require(Some(&row.instance))?;
    let change = KeyChange {
        spend: Some(Money::trusted(rust_decimal::Decimal::ZERO)),
        ..KeyChange::default()
    };
    instance.client.update_key(&row.token, &change).await.map_err(|error| {
        if error.is_transient() {
            Error::Unavailable(Code::LiteLlmUnavailable, error.user_message(), error.retry_after())
        } else {
            Error::refused(Code::LiteLlm, error.user_message())
        }
    })?;
    let mut ctx = Ctx::write(backend, caller, request).await?;
    let seen = resettable(&mut ctx, id, Lock::Update).await?;
    let now = ctx.now;
    // What a reading that began earlier saw does not count any more.
    sqlx::query!("UPDATE api_keys SET spend = 0, spend_at = $2 WHERE id = $1", id.0, now)
        .execute(ctx.connection())
        .await?;
    let after = access::one(&mut ctx, id).await?;
    let (before, spend) = (json!({"spend": seen.key.spend}), json!({"spend": after.spend}));
    record(&mut ctx, &seen.team, "key.reset_spend", &after, before, spend).await?;
    ctx.commit().await?;
    Ok(after)
}

async fn resettable(ctx: &mut Ctx, id: KeyId, lock: Lock) -> Result<Seen> {
    let seen = access::seen(ctx, id, lock).await?;
    seen.team.standing.require(Permission::KeysManage)?;
    require_models(&seen.key)?;
    match seen.key.status {
        ApiKeyStatus::Active | ApiKeyStatus::Replaced | ApiKeyStatus::Suspended => Ok(seen),
        status => Err(Error::refused(
            Code::WrongState,
            format!("Key '{}' is {}", seen.key.name, status.as_str()),
        )),
    }
}
