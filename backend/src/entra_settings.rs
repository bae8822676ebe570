//! Whether groups of Microsoft Entra ID also become organizations, and what new ones may have (SPEC E1): configured, and
//! changed at runtime by super_admins. What was set at runtime beats the environment, which beats the file.

use domain::{
    DEFAULT_ORGANIZATION, Permission,
    directory::{EntraOverrides, EntraSettings, SettingSource},
};
use serde_json::json;
use uuid::Uuid;

use crate::{Ctx, Result, audit, identity_links::NewGroups, organizations};

const NAME: &str = "entra";

/// The settings that are in force.
///
/// # Errors
/// 403 for those who neither administer nor audit the installation.
pub async fn get(ctx: &mut Ctx) -> Result<EntraSettings> {
    organizations::require_everywhere(&ctx.caller, "see the settings of groups")?;
    load(ctx).await
}

/// Sets what wins over the configuration; what is none goes back to it. New groups from now on: what was made stays.
///
/// # Errors
/// 403 for all but super_admins.
pub async fn set(ctx: &mut Ctx, overrides: &EntraOverrides) -> Result<EntraSettings> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::InstallationManage)?;
    let before = load(ctx).await?.overrides;
    if before != *overrides {
        let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
        sqlx::query!(
            "INSERT INTO runtime_settings (name, value, updated_at, updated_by) VALUES ($1, $2, $3, $4)
            ON CONFLICT (name) DO UPDATE SET value = excluded.value, updated_at = excluded.updated_at,
                updated_by = excluded.updated_by",
            NAME,
            json!(overrides),
            now,
            by,
        )
        .execute(ctx.connection())
        .await?;
        let entry = audit::Entry::new("settings.entra", "settings", Uuid::nil(), "Entra groups")
            .change(json!(before), json!(overrides));
        audit::record(ctx, entry).await?;
    }
    load(ctx).await
}

/// What a new group gets now.
pub(crate) async fn new_groups(ctx: &mut Ctx) -> Result<NewGroups> {
    let settings = load(ctx).await?;
    Ok(NewGroups {
        also_organizations: settings.also_create_orgs,
        params: settings.default_team_params,
    })
}

async fn load(ctx: &mut Ctx) -> Result<EntraSettings> {
    let value = sqlx::query_scalar!("SELECT value FROM runtime_settings WHERE name = $1", NAME)
        .fetch_optional(ctx.connection())
        .await?;
    let overrides: EntraOverrides = value.map(serde_json::from_value).transpose()?.unwrap_or_default();
    let configured = &ctx.backend.settings.entra;
    let below = configured
        .configured_flag
        .map_or((false, SettingSource::Default), |flag| (flag, configured.flag_source));
    let (also_create_orgs, flag_source) = overrides
        .also_create_orgs
        .map_or(below, |flag| (flag, SettingSource::Runtime));
    let (default_team_params, params_source) = match (&overrides.default_team_params, &configured.default_team_params) {
        (Some(params), _) => (params.clone(), SettingSource::Runtime),
        (None, Some(params)) => (params.clone(), SettingSource::File),
        (None, None) => (domain::Limits::default(), SettingSource::Default),
    };
    Ok(EntraSettings {
        also_create_orgs,
        flag_source,
        flag_below: below,
        default_team_params,
        params_source,
        overrides,
    })
}
