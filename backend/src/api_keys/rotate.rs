//! A new key in an old one's place: the old one goes on working until LiteLLM has the new one (SPEC C10).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{ApiKeyStatus, KeyId, KeyKind, end_after, views::ApiKey};
use secrecy::SecretString;
use serde_json::{Map, json};

use super::{
    access::{self, Seen},
    create::{self, Place},
    fields,
    limits::{self, KeyLimits},
    make::{self, Outcome, Work},
    record,
    told::{Ended, Making},
};
use crate::{
    Backend, Caller, Code, Ctx, Error, RequestInfo, Result,
    keys::{self, Overlap},
    teams::{self, Lock},
};

/// Makes a key with the settings of another, for the same owner and team. Both work until the overlap is over; without
/// any the old one is revoked at once. Whatever goes wrong leaves the old one as it was.
///
/// # Errors
/// 404 and 403 without the right; 409 when it does not work, or was rotated already; 503 when LiteLLM is away and 502 when
/// it refuses: then there is no new key.
#[tracing::instrument(skip_all, fields(key = %id))]
pub async fn rotate(
    backend: &Backend,
    caller: Caller,
    request: RequestInfo,
    id: KeyId,
    overlap: Overlap,
    expires_at: Option<Option<DateTime<Utc>>>,
) -> Result<(ApiKey, SecretString)> {
    let mut ctx = Ctx::write(backend, caller.clone(), request.clone()).await?;
    let seen = access::seen(&mut ctx, id, Lock::Update).await?;
    if let (KeyKind::Services, Some(project)) = (seen.key.kind, seen.key.project_id) {
        let (new, secret) = keys::rotate(&mut ctx, seen.key.team_id, project, id, overlap, expires_at).await?;
        let new = access::one(&mut ctx, new.id).await?;
        ctx.commit().await?;
        return Ok((new, secret.reveal().into()));
    }
    let work = reserve(&mut ctx, &seen, expires_at).await?;
    ctx.commit().await?;
    let mut making = Making::begin(&work, &request);
    let outcome = make::make(backend, &work, &mut making).await?;
    let mut ctx = Ctx::write(backend, caller, request).await?;
    let made = match outcome {
        Outcome::Key(made) => take_over(&mut ctx, &seen.key, &work, &made, overlap)
            .await?
            .map(|key| (key, made.key)),
        Outcome::Refused(words) => Err(create::discard(&mut ctx, &work, &words).await?),
        Outcome::Away { why, .. } => {
            create::discard(&mut ctx, &work, &why).await?;
            Err(Error::Unavailable(
                Code::LiteLlmUnavailable,
                format!("Key '{}' was not rotated and goes on working: {why}", seen.key.name),
                None,
            ))
        }
    };
    ctx.commit().await?;
    making.ended(made.as_ref().map(|_| Ended::Ready));
    made
}

/// The place of the new key. The old one is not touched.
async fn reserve(ctx: &mut Ctx, seen: &Seen, expires_at: Option<Option<DateTime<Utc>>>) -> Result<Work> {
    ctx.person()?;
    let old = &seen.key;
    seen.require_manage()?;
    access::require_hold(ctx, &seen.team, old.owner_id).await?;
    require_active(&seen.team, old)?;
    let lifetime = old.expires_at.map(|end| end - old.created_at);
    let above = limits::above(ctx, &seen.team, old.owner_id, old.project_id).await?;
    let own = KeyLimits {
        limits: old.limits.clone(),
        soft_budget: old.soft_budget,
        expires_at: expires_at.unwrap_or_else(|| lifetime.map(|lifetime| end_after(ctx.now, lifetime))),
        tags: old.tags.clone(),
    };
    above.check(&own, ctx.now)?;
    let instance = sqlx::query_scalar!(
        r#"SELECT litellm_instance AS "instance!" FROM api_keys WHERE id = $1"#,
        old.id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    ctx.backend.litellm.require(Some(&instance))?;
    let mut details: Map<String, serde_json::Value> = old.details.clone();
    details.remove("notInForce");
    let place = Place {
        name: &old.name,
        team: old.team_id,
        owner: old.owner_id,
        instance: &instance,
        limits: &own,
        details: &details,
    };
    create::insert(ctx, &place).await
}

fn require_active(team: &domain::views::TeamPage, old: &ApiKey) -> Result<()> {
    let wrong = |words: &str| Error::refused(Code::WrongState, format!("Key '{}' {words}", old.name));
    match old.status {
        ApiKeyStatus::Active => Ok(()),
        ApiKeyStatus::Replaced => Err(wrong("has been rotated already")),
        ApiKeyStatus::Expired => Err(wrong("has expired. Create a new one.")),
        ApiKeyStatus::Pending => Err(wrong("is pending: claim it")),
        ApiKeyStatus::Suspended if team.team.status != domain::TeamStatus::Active => Err(teams::inactive()),
        _ => Err(wrong(&format!("is {}", old.status.as_str()))),
    }
}

/// LiteLLM has the new key: only now the old one is given an end.
async fn take_over(
    ctx: &mut Ctx,
    old: &ApiKey,
    work: &Work,
    made: &integrations::litellm::GeneratedKey,
    overlap: Overlap,
) -> Result<Result<ApiKey>> {
    let team = teams::load(ctx, work.team, Lock::Update).await?;
    let by = ctx.caller.user_id().map(|id| id.0);
    let end = ctx.now + overlap.delta();
    let now = ctx.now;
    let at_once = overlap.delta() == TimeDelta::zero();
    let meanwhile = || {
        Error::refused(
            Code::WrongState,
            format!("Key '{}' was rotated or revoked meanwhile", old.name),
        )
    };
    if !make::store(ctx, work, made).await? {
        make::end_stray(ctx, work, made).await?;
        return Ok(Err(meanwhile()));
    }
    let retired = sqlx::query!(
        "UPDATE api_keys SET replaced_by = $2, expires_at = CASE WHEN $4 THEN expires_at ELSE least(expires_at, $3) END,
            revoked_at = CASE WHEN $4 THEN $5::timestamptz END, revoked_by = CASE WHEN $4 THEN $6::uuid END
        WHERE id = $1 AND litellm_state = 'active' AND revoked_at IS NULL AND replaced_by IS NULL",
        old.id.0,
        work.id.0,
        end,
        at_once,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    if retired.rows_affected() == 0 {
        // Nobody sees the new key.
        sqlx::query!(
            "UPDATE api_keys SET revoked_at = $2, revoked_by = $3 WHERE id = $1",
            work.id.0,
            now,
            by
        )
        .execute(ctx.connection())
        .await?;
        let key = access::one(ctx, work.id).await?;
        record(ctx, &team, "key.revoke", &key, fields(&key), serde_json::Value::Null).await?;
        return Ok(Err(meanwhile()));
    }
    let key = access::one(ctx, work.id).await?;
    let mut before = fields(old);
    before["works_until"] = if at_once { json!(now) } else { json!(end) };
    record(ctx, &team, "key.rotate", &key, before, fields(&key)).await?;
    Ok(Ok(key))
}
