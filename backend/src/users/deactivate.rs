//! Deactivating accounts, and bringing them back (SPEC B26, D12).

use domain::{
    Comment, DEFAULT_ORGANIZATION, Permission, SecurityEventType, TeamId, UserId, UserRef,
    views::{AccountCounts, AccountPage, DeactivationEffects},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Scope, begin_change, counts, get, key, locked, other_super_admin};
use crate::{Code, Ctx, Error, Result, audit, organizations, security, sessions, tokens};

/// The literal of SPEC B26.
const LAST: &str = "Cannot deactivate the last active admin user. At least one admin must remain active.";

/// What [`deactivate`] would do, in numbers. Changes nothing.
///
/// # Errors
/// As [`deactivate`].
pub async fn preview_deactivation(ctx: &mut Ctx, user: &UserRef) -> Result<DeactivationEffects> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::AccountsManage)?;
    let (id, email) = key(user);
    let row = sqlx::query!(
        "SELECT id, email, is_super_admin, deactivated_at FROM users WHERE id = $1 OR email = $2",
        id,
        email,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("User", user))?;
    require_active(&row.email, row.deactivated_at.is_none())?;
    require_other(ctx, row.id, row.is_super_admin).await?;
    effects(ctx, UserId(row.id), row.email).await
}

/// Deactivates an account: nobody signs in to it, its sessions end and its tokens are revoked at once, its API keys
/// stop working. Memberships, runners and keys stay as they are, for when it comes back. Teams may be left without an
/// admin (SPEC D12).
///
/// # Errors
/// 403 for everyone but super_admins; 400 `Cannot deactivate the last active admin user. …`; 409 `User <email> is
/// already deactivated`.
pub async fn deactivate(
    ctx: &mut Ctx,
    user: &UserRef,
    comment: &Comment,
) -> Result<(AccountPage, DeactivationEffects)> {
    begin_change(ctx).await?;
    let account = locked(ctx, user).await?;
    require_active(&account.email, account.deactivated_at.is_none())?;
    require_other(ctx, account.id.0, account.super_admin).await?;
    let effects = effects(ctx, account.id, account.email).await?;
    end(ctx, &[account.id.0], comment).await?;
    let teams: Vec<&str> = effects
        .teams_without_admin
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    let mut after = ended(comment, &effects.counts);
    after["teams_without_admin"] = json!(teams);
    let mut data = after.clone();
    data["user"] = json!(effects.email);
    data["user_id"] = json!(account.id);
    let event = security::Event::new(SecurityEventType::UserDeactivated, "user_deactivated", data);
    security::record(ctx, event).await?;
    let entry = audit::Entry::new("user_deactivated", "user", account.id, &effects.email)
        .change(json!({"active": true}), after);
    audit::record(ctx, entry).await?;
    let page = get(ctx, &UserRef::Id(account.id)).await?;
    Ok((page, effects))
}

/// Brings an account back. Its tokens stay revoked; its person signs in anew.
///
/// # Errors
/// 403 for everyone but super_admins; 409 `User <email> is already active`.
pub async fn activate(ctx: &mut Ctx, user: &UserRef) -> Result<AccountPage> {
    begin_change(ctx).await?;
    let account = locked(ctx, user).await?;
    if account.deactivated_at.is_none() {
        return Err(Error::refused(
            Code::WrongState,
            format!("User {} is already active", account.email),
        ));
    }
    begin(ctx, &[account.id.0]).await?;
    let entry = audit::Entry::new("user.activate", "user", account.id, &account.email)
        .change(json!({"active": false}), json!({"active": true}));
    audit::record(ctx, entry).await?;
    get(ctx, &UserRef::Id(account.id)).await
}

fn require_active(email: &str, active: bool) -> Result<()> {
    if active {
        return Ok(());
    }
    Err(Error::refused(
        Code::WrongState,
        format!("User {email} is already deactivated"),
    ))
}

async fn require_other(ctx: &mut Ctx, id: Uuid, super_admin: bool) -> Result<()> {
    if !super_admin || other_super_admin(ctx, &[id]).await? {
        return Ok(());
    }
    Err(last_admin())
}

/// The refusal that keeps one super_admin active.
pub(super) fn last_admin() -> Error {
    Error::refused(Code::LastSuperAdmin, LAST)
}

async fn effects(ctx: &mut Ctx, user_id: UserId, email: String) -> Result<DeactivationEffects> {
    let counts = counts(ctx, &[user_id.0], &Scope::Everybody).await?;
    Ok(DeactivationEffects {
        user_id,
        email,
        counts: counts.into_iter().next().unwrap_or_default(),
        teams_without_admin: teams_left_without_admin(ctx, &[user_id.0]).await?,
    })
}

/// Ends accounts; the caller was authorised, holds the lock and audits it.
pub(super) async fn end(ctx: &mut Ctx, users: &[Uuid], comment: &Comment) -> Result<()> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "UPDATE users SET deactivated_at = $2, deactivated_by = $3, deactivation_reason = $4, updated_at = $2
        WHERE id = ANY($1)",
        users,
        now,
        by,
        comment.as_str(),
    )
    .execute(ctx.connection())
    .await?;
    // Those who were active: with them goes what memory knows of them.
    sessions::end_of(ctx, users).await?;
    tokens::revoke_of(ctx, users).await
}

/// Brings accounts back; the caller was authorised, holds the lock and audits it.
pub(super) async fn begin(ctx: &mut Ctx, users: &[Uuid]) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "UPDATE users SET deactivated_at = NULL, deactivated_by = NULL, deactivation_reason = NULL, updated_at = $2
        WHERE id = ANY($1)",
        users,
        now,
    )
    .execute(ctx.connection())
    .await?;
    for user in users {
        ctx.touch(UserId(*user));
    }
    Ok(())
}

/// What the audit log says of an account that ended.
pub(super) fn ended(comment: &Comment, counts: &AccountCounts) -> Value {
    json!({
        "active": false, "comment": comment, "sessions": counts.sessions, "tokens": counts.tokens,
        "keys": counts.keys, "runners": counts.runners,
    })
}

/// The teams, by name, that have no admin any more once these people are gone: one of them is its admin, and nobody
/// else with an active account is. Whether a team has an admin is computed, never stored. The caller was authorised.
///
/// # Errors
/// When the database does not answer.
pub async fn teams_left_without_admin(ctx: &mut Ctx, users: &[Uuid]) -> Result<Vec<(TeamId, String)>> {
    let rows = sqlx::query!(
        "SELECT t.id, t.name FROM teams t
        WHERE t.status <> 'archived'
            AND EXISTS (SELECT FROM current_team_members a
                WHERE a.team_id = t.id AND a.role = 'admin' AND a.user_id = ANY($1))
            AND NOT EXISTS (SELECT FROM current_team_admins a
                WHERE a.team_id = t.id AND a.user_id <> ALL($1))
        ORDER BY lower(t.name), t.id",
        users,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.name)).collect())
}
