//! Making and showing a key that LiteLLM was away for (SPEC C17).

use chrono::{DateTime, Utc};
use domain::{ApiKeyStatus, KeyId, KeyKind};

use super::{
    Made, access,
    make::{self, Work},
    told::{Ended, Making},
};
use crate::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result, teams::Lock};

/// Makes a pending key and shows it, once. Whose it is, and nobody else.
///
/// # Errors
/// 404 and 403 for keys of others; 409 when it is not pending, or somebody makes it at this moment; 502 when LiteLLM
/// refuses, and then it stays pending.
#[tracing::instrument(skip_all, fields(key = %id))]
pub async fn claim(backend: &Backend, caller: Caller, request: RequestInfo, id: KeyId) -> Result<Made> {
    let mut ctx = Ctx::write(backend, caller.clone(), request.clone()).await?;
    let work = take(&mut ctx, id).await?;
    ctx.commit().await?;
    let mut making = Making::begin(&work, &request);
    let outcome = make::make(backend, &work, &mut making).await?;
    let mut ctx = Ctx::write(backend, caller, request).await?;
    let made = make::settle(&mut ctx, &work, outcome).await?;
    ctx.commit().await?;
    making.ended(made.as_ref().map(Ended::from));
    made
}

/// Takes the lease.
async fn take(ctx: &mut Ctx, id: KeyId) -> Result<Work> {
    ctx.person()?;
    let seen = access::seen(ctx, id, Lock::Update).await?;
    if !seen.own {
        return Err(Error::Forbidden(domain::Refusal {
            literal: "Insufficient permissions".to_owned(),
            rule: "claim a key of somebody else".to_owned(),
            who_can: "its owner".to_owned(),
        }));
    }
    let key = &seen.key;
    if key.kind != KeyKind::Models || key.status != ApiKeyStatus::Pending {
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "Key '{}' is {}; only a pending one can be claimed",
                key.name,
                key.status.as_str()
            ),
        ));
    }
    access::require_hold(ctx, &seen.team, key.owner_id).await?;
    let row = sqlx::query!(
        r#"UPDATE api_keys k SET making_until = clock_timestamp() + make_interval(secs => $2)
        FROM (SELECT id, making_until FROM api_keys WHERE id = $1) before
        WHERE k.id = before.id AND k.litellm_state = 'pending'
            AND (k.making_until IS NULL OR k.making_until <= clock_timestamp())
        RETURNING k.making_until AS "lease!: DateTime<Utc>", before.making_until IS NOT NULL AS "tried!",
            k.litellm_instance AS "instance!", k.litellm_alias AS "alias!""#,
        id.0,
        make::LEASE.as_secs_f64(),
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| {
        Error::refused(
            Code::WrongState,
            format!("Key '{}' is being made at this moment; try again in a minute", key.name),
        )
    })?;
    Ok(Work {
        id,
        team: key.team_id,
        owner: key.owner_id,
        instance: row.instance,
        alias: row.alias,
        lease: row.lease,
        clean_first: row.tried,
    })
}
