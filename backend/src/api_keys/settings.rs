//! The installation's defaults and ceilings (SPEC C9).

use domain::{KeyPolicy, Permission, Standing, UserDefaults};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;
use uuid::Uuid;

use crate::{Caller, Ctx, Result, audit};

/// Defaults and ceilings of keys. Everyone who makes keys may know them.
///
/// # Errors
/// 403 for those who do not administer the installation.
pub async fn key_policy(ctx: &mut Ctx) -> Result<KeyPolicy> {
    require(ctx)?;
    load_keys(ctx).await
}

/// The same, for whoever makes a key.
pub(super) async fn load_keys(ctx: &mut Ctx) -> Result<KeyPolicy> {
    load(ctx, "api_keys").await
}

/// Sets them. Keys that are there stay as they are until they are changed.
///
/// # Errors
/// 403 for others than super_admins; fields that break a rule.
pub async fn set_key_policy(ctx: &mut Ctx, policy: &KeyPolicy) -> Result<KeyPolicy> {
    require(ctx)?;
    policy.check()?;
    store(ctx, "api_keys", "settings.api_key_defaults", "API keys", policy).await?;
    load_keys(ctx).await
}

/// What people are made with at LiteLLM.
///
/// # Errors
/// 403 for those who do not administer the installation.
pub async fn user_defaults(ctx: &mut Ctx) -> Result<UserDefaults> {
    require(ctx)?;
    load(ctx, "users").await
}

/// Sets it. It counts for people whom LiteLLM is told of from now on.
///
/// # Errors
/// 403 for others than super_admins; fields that break a rule.
pub async fn set_user_defaults(ctx: &mut Ctx, defaults: &UserDefaults) -> Result<UserDefaults> {
    require(ctx)?;
    defaults.check()?;
    store(ctx, "users", "settings.user_defaults", "LiteLLM users", defaults).await?;
    load(ctx, "users").await
}

fn require(ctx: &Ctx) -> Result<()> {
    let standing = Standing {
        super_admin: match &ctx.caller {
            Caller::Person(person, _) => person.super_admin,
            Caller::System(..) => true,
            Caller::Machine(_) => false,
        },
        ..Standing::default()
    };
    Ok(standing.require(Permission::InstallationManage)?)
}

async fn load<T: DeserializeOwned + Default>(ctx: &mut Ctx, name: &str) -> Result<T> {
    let value = sqlx::query_scalar!("SELECT value FROM key_policies WHERE name = $1", name)
        .fetch_optional(ctx.connection())
        .await?;
    Ok(value.map(serde_json::from_value).transpose()?.unwrap_or_default())
}

async fn store<T: Serialize + DeserializeOwned + Default>(
    ctx: &mut Ctx,
    name: &'static str,
    action: &'static str,
    words: &str,
    value: &T,
) -> Result<()> {
    let before: T = load(ctx, name).await?;
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO key_policies (name, value, updated_at, updated_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at,
            updated_by = excluded.updated_by",
        name,
        json!(value),
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    let entry = audit::Entry::new(action, "settings", Uuid::nil(), words).change(json!(before), json!(value));
    audit::record(ctx, entry).await
}
