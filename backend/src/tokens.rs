//! Personal access tokens: made by their owner, shown once, kept as a hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{TokenId, TokenName, UserId, check_end, views::Token};
use serde_json::json;
use sqlx::PgPool;
use uuid::Uuid;

pub use crate::secret::Secret;
use crate::{Backend, Code, Ctx, Error, Method, Result, audit, principals::KnownToken, secret::hash};

/// What every token begins with, so that scanners find one that leaked.
pub const PREFIX: &str = "guildhall_pat_";

/// How long a token lives when its owner says nothing of it.
pub const DEFAULT_LIFETIME: TimeDelta = TimeDelta::days(90);

/// When a token ends whose owner says nothing of it: after [`DEFAULT_LIFETIME`], or with the token that asks.
pub fn default_end(ctx: &Ctx) -> DateTime<Utc> {
    let end = ctx.now + DEFAULT_LIFETIME;
    end_of_asking(ctx).map_or(end, |own| own.min(end))
}

/// When the token ends that asks, if it is one that asks.
fn end_of_asking(ctx: &Ctx) -> Option<DateTime<Utc>> {
    match ctx.caller.method() {
        Method::Token(end) => end,
        _ => None,
    }
}

/// The end of a new token: no token makes one that outlives it, so that one that leaked ends with what it made.
fn bounded(ctx: &Ctx, expires_at: Option<DateTime<Utc>>) -> Result<Option<DateTime<Utc>>> {
    check_end("expires_at", expires_at, ctx.now)?;
    match (end_of_asking(ctx), expires_at) {
        (Some(own), Some(end)) if end > own => {
            let own = own.to_rfc3339_opts(SecondsFormat::Secs, true);
            let rule = format!("must not be later than the end of the token that asks, {own}");
            Err(Error::invalid("expires_at", rule))
        }
        (own, end) => Ok(end.or(own)),
    }
}

/// Creates a token of `owner`, who is the caller unless the operator calls. Asked for by a token that ends, a token without
/// an end has the end of that one.
///
/// # Errors
/// 404 for anybody else's token; an end that [`check_end`] refuses, or that is later than the end of the token that asks.
pub async fn create(
    ctx: &mut Ctx,
    owner: UserId,
    name: &TokenName,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(Token, Secret)> {
    if ctx.caller.user_id().is_some_and(|caller| caller != owner) {
        return Err(Error::not_found("User", owner));
    }
    let expires_at = bounded(ctx, expires_at)?;
    let secret = Secret::generate(PREFIX);
    let prefix = secret.beginning(PREFIX.len() + 4);
    let (id, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "INSERT INTO personal_access_tokens (id, user_id, name, prefix, token_hash, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        owner.0,
        name.as_str(),
        prefix,
        &secret.hash()[..],
        now,
        expires_at,
    )
    .execute(ctx.connection())
    .await?;
    let entry = audit::Entry::new("token.create", "token", id, name.as_str()).change(
        json!(null),
        json!({"owner": owner, "prefix": prefix, "expires_at": expires_at}),
    );
    audit::record(ctx, entry).await?;
    let token = Token {
        id: TokenId(id),
        name: name.to_string(),
        prefix,
        created_at: now,
        expires_at,
        last_used_at: None,
    };
    Ok((token, secret))
}

/// The caller's tokens that are not revoked, newest first.
///
/// # Errors
/// When the database does not answer.
pub async fn list(ctx: &mut Ctx) -> Result<Vec<Token>> {
    let owner = ctx.person()?.id;
    let rows = sqlx::query!(
        "SELECT id, name, prefix, created_at, expires_at, last_used_at FROM personal_access_tokens
        WHERE user_id = $1 AND revoked_at IS NULL ORDER BY created_at DESC, id DESC LIMIT 200",
        owner.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Token {
            id: TokenId(row.id),
            name: row.name,
            prefix: row.prefix,
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
        .collect())
}

/// Revokes one of the caller's tokens, at once and everywhere.
///
/// # Errors
/// `Token not found: <id>`.
pub async fn revoke(ctx: &mut Ctx, id: TokenId) -> Result<()> {
    let (owner, now) = (ctx.person()?.id, ctx.now);
    let name = sqlx::query_scalar!(
        "UPDATE personal_access_tokens SET revoked_at = $3
        WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL RETURNING name",
        id.0,
        owner.0,
        now,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Token", id))?;
    ctx.touch_tokens();
    let entry = audit::Entry::new("token.revoke", "token", id, &name).change(json!({"owner": owner}), json!(null));
    audit::record(ctx, entry).await
}

/// Revokes all tokens of some people; the caller was authorised, and audits it with what it is part of.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn revoke_of(ctx: &mut Ctx, owners: &[Uuid]) -> Result<()> {
    let now = ctx.now;
    // In the order in which `write_last_used` locks them.
    sqlx::query!(
        "WITH theirs AS (SELECT id FROM personal_access_tokens WHERE user_id = ANY($1) AND revoked_at IS NULL
            ORDER BY id FOR NO KEY UPDATE)
        UPDATE personal_access_tokens t SET revoked_at = $2 FROM theirs WHERE t.id = theirs.id",
        owners,
        now,
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch_tokens();
    Ok(())
}

/// The owner of a token, from memory where changes are heard.
///
/// # Errors
/// 401 when it is unknown, expired or revoked.
pub async fn authenticate(backend: &Backend, secret: &str, now: DateTime<Utc>) -> Result<UserId> {
    Ok(authenticate_with_end(backend, secret, now).await?.0)
}

/// As [`authenticate`], with when the token ends; none is never.
///
/// # Errors
/// As [`authenticate`].
pub async fn authenticate_with_end(
    backend: &Backend,
    secret: &str,
    now: DateTime<Utc>,
) -> Result<(UserId, Option<DateTime<Utc>>)> {
    let hash = hash(secret);
    let known = match backend.principals.token(&hash) {
        Some(known) => known,
        None => {
            let epoch = backend.principals.epoch();
            let row = sqlx::query!(
                "SELECT id, user_id, expires_at FROM personal_access_tokens
                WHERE token_hash = $1 AND revoked_at IS NULL",
                &hash[..],
            )
            .fetch_optional(&backend.pool)
            .await?
            .ok_or_else(|| {
                Error::refused(
                    Code::BadToken,
                    "Token validation failed: the token is unknown or revoked",
                )
            })?;
            let known = KnownToken {
                id: TokenId(row.id),
                user: UserId(row.user_id),
                expires_at: row.expires_at,
            };
            backend.principals.keep_token(hash, known, epoch);
            known
        }
    };
    if known.expires_at.is_some_and(|end| end <= now) {
        return Err(Error::refused(
            Code::BadToken,
            "Token validation failed: the token has expired",
        ));
    }
    LAST_USED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(known.id.0, now);
    Ok((known.user, known.expires_at))
}

/// When tokens were last used, until [`write_last_used`] takes it to the database: a hot token
/// costs one update in a while, not one a request.
static LAST_USED: std::sync::LazyLock<Mutex<HashMap<Uuid, DateTime<Utc>>>> = std::sync::LazyLock::new(Mutex::default);

/// Writes down when tokens were last used. Called by a job every few seconds and at the end.
///
/// # Errors
/// When the database does not answer; the times are then lost, which harms nothing.
pub async fn write_last_used(pool: &PgPool) -> Result<()> {
    let used = std::mem::take(&mut *LAST_USED.lock().unwrap_or_else(PoisonError::into_inner));
    if used.is_empty() {
        return Ok(());
    }
    let (ids, times): (Vec<Uuid>, Vec<DateTime<Utc>>) = used.into_iter().unzip();
    // Locked in one order: several processes do this at a time.
    sqlx::query!(
        "UPDATE personal_access_tokens t SET last_used_at = greatest(t.last_used_at, used.at)
        FROM (SELECT t.id, used.at FROM unnest($1::uuid[], $2::timestamptz[]) AS used(id, at)
            JOIN personal_access_tokens t USING (id) ORDER BY t.id FOR NO KEY UPDATE OF t) used
        WHERE t.id = used.id",
        &ids,
        &times,
    )
    .execute(pool)
    .await?;
    Ok(())
}
