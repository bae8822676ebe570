//! The tokens by which an organization's directory calls: made by who manages its people, shown once, kept as a hash.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrganizationId, Permission, TokenId, TokenName, check_end};
use serde_json::json;
use uuid::Uuid;

use super::Directory;
use crate::{
    Backend, Code, Ctx, Error, Result, audit,
    organizations::{self, Loaded, Lock, OrganizationKey},
    secret::{Secret, hash},
};

/// What every token begins with, so that scanners find one that leaked.
pub const PREFIX: &str = "ghscim_";

/// How often the last use of a token is written down.
const PERIOD: TimeDelta = TimeDelta::minutes(1);

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: TokenId,
    /// What it is called.
    pub name: String,
    /// The first characters of its secret.
    pub prefix: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Email of who made it.
    pub created_by: Option<String>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// The organization, for someone who manages its people.
async fn managed(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Loaded> {
    let loaded = organizations::load(ctx, key, Lock::None).await?;
    organizations::require(&loaded.standing, Permission::DirectoryManage)?;
    if loaded.is_default() {
        return Err(Error::refused(
            Code::WrongState,
            "The default organization has no people of its own: a directory sends people to another one.",
        ));
    }
    Ok(loaded)
}

/// Creates a token of an organization.
///
/// # Errors
/// 403 without the right to manage its people; 404 when there is no such organization; 409 for the default one; when it
/// would end in the past, or after the year 9999.
pub async fn create(
    ctx: &mut Ctx,
    key: &OrganizationKey,
    name: &TokenName,
    expires_at: Option<DateTime<Utc>>,
) -> Result<(Token, Secret)> {
    let loaded = managed(ctx, key).await?;
    check_end("expires_at", expires_at, ctx.now)?;
    let secret = Secret::generate(PREFIX);
    let prefix = secret.beginning(PREFIX.len() + 4);
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO scim_tokens (id, organization_id, name, prefix, token_hash, created_at, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        id,
        loaded.id().0,
        name.as_str(),
        prefix,
        &secret.hash()[..],
        now,
        by,
        expires_at,
    )
    .execute(ctx.connection())
    .await?;
    let mut entry = audit::Entry::new("scim_token.create", "scim_token", id, name.as_str())
        .change(json!(null), json!({"prefix": prefix, "expires_at": expires_at}));
    entry.organization = Some(loaded.id());
    audit::record(ctx, entry).await?;
    let created_by = ctx.caller.user_id().map(|_| ctx.caller.name().to_owned());
    let token = Token {
        id: TokenId(id),
        name: name.to_string(),
        prefix,
        created_at: now,
        created_by,
        expires_at,
        last_used_at: None,
    };
    Ok((token, secret))
}

/// The tokens of an organization that are not revoked, newest first.
///
/// # Errors
/// 404 when there is no such organization; 403 for those who do not see it whole.
pub async fn list(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Vec<Token>> {
    let loaded = organizations::load(ctx, key, Lock::None).await?;
    organizations::require(&loaded.standing, Permission::TeamView)?;
    of(ctx, loaded.id()).await
}

/// The same, of an organization that is loaded.
pub(super) async fn of(ctx: &mut Ctx, organization: OrganizationId) -> Result<Vec<Token>> {
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, t.prefix, t.created_at, t.expires_at, t.last_used_at, u.email AS "created_by?"
        FROM scim_tokens t LEFT JOIN users u ON u.id = t.created_by
        WHERE t.organization_id = $1 AND t.revoked_at IS NULL ORDER BY t.created_at DESC, t.id DESC LIMIT 200"#,
        organization.0,
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
            created_by: row.created_by,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
        })
        .collect())
}

/// Revokes a token, at once and everywhere.
///
/// # Errors
/// 403 without the right to manage the organization's people; `SCIM token not found: <id>`.
pub async fn revoke(ctx: &mut Ctx, key: &OrganizationKey, id: TokenId) -> Result<()> {
    let loaded = managed(ctx, key).await?;
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let name = sqlx::query_scalar!(
        "UPDATE scim_tokens SET revoked_at = $3, revoked_by = $4
        WHERE id = $1 AND organization_id = $2 AND revoked_at IS NULL RETURNING name",
        id.0,
        loaded.id().0,
        now,
        by,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("SCIM token", id))?;
    let mut entry = audit::Entry::new("scim_token.revoke", "scim_token", id, &name)
        .change(json!({"revoked": false}), json!({"revoked": true}));
    entry.organization = Some(loaded.id());
    audit::record(ctx, entry).await
}

/// The directory behind a token. Asks the database each time: a directory calls seldom enough, and a revoked token is
/// then refused at once.
///
/// # Errors
/// 401 when it is unknown, expired or revoked.
pub async fn authenticate(backend: &Backend, secret: &str, now: DateTime<Utc>) -> Result<Directory> {
    let bad = |why: &str| Error::refused(Code::BadToken, format!("Token validation failed: {why}"));
    let hash = hash(secret);
    let row = sqlx::query!(
        "SELECT id, organization_id, name, expires_at, last_used_at FROM scim_tokens
        WHERE token_hash = $1 AND revoked_at IS NULL",
        &hash[..],
    )
    .fetch_optional(&backend.pool)
    .await?
    .ok_or_else(|| bad("the token is unknown or revoked"))?;
    if row.expires_at.is_some_and(|end| end <= now) {
        return Err(bad("the token has expired"));
    }
    // Provisioning ten thousand people is not ten thousand updates of one row.
    if row.last_used_at.is_none_or(|last| now - last >= PERIOD) {
        sqlx::query!(
            "UPDATE scim_tokens SET last_used_at = $2 WHERE id = $1
                AND (last_used_at IS NULL OR last_used_at <= $2::timestamptz - interval '1 minute')",
            row.id,
            now,
        )
        .execute(&backend.pool)
        .await?;
    }
    Ok(Directory {
        token: row.id,
        name: row.name,
        organization: OrganizationId(row.organization_id),
    })
}
