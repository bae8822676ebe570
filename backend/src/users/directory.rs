//! Accounts as an organization's directory deals with them (SCIM). What hangs on an account beside that organization is
//! not the directory's.

use chrono::{DateTime, Utc};
use domain::{Email, OrganizationId, PersonName, UserId};
use serde_json::json;

use crate::{Ctx, Result, audit, identity};

/// An account, and what it is beside one organization.
pub(crate) struct Known {
    pub(crate) id: UserId,
    pub(crate) email: String,
    pub(crate) display_name: Option<String>,
    pub(crate) deactivated_at: Option<DateTime<Utc>>,
    /// It administers or audits the installation, or belongs to another organization or to a team that stands alone.
    pub(crate) elsewhere: bool,
    /// It belongs to the organization.
    pub(crate) belongs: bool,
    /// Somebody signs in to it whose email nobody verified: a directory gives nothing on the strength of an address alone.
    pub(crate) unverified: bool,
}

/// The account with an address, seen from an organization. Whoever makes an account for the address waits until this
/// transaction ends.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn at_address(ctx: &mut Ctx, organization: OrganizationId, email: &Email) -> Result<Option<Known>> {
    identity::hold(ctx, &[email.to_string()]).await?;
    let id = sqlx::query_scalar!("SELECT id FROM users WHERE email = $1", email.as_str())
        .fetch_optional(ctx.connection())
        .await?;
    match id {
        Some(id) => known(ctx, organization, UserId(id)).await,
        None => Ok(None),
    }
}

/// An account, seen from an organization.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn known(ctx: &mut Ctx, organization: OrganizationId, user: UserId) -> Result<Option<Known>> {
    let row = sqlx::query!(
        r#"SELECT u.id, u.email, u.display_name, u.deactivated_at,
            u.is_super_admin OR u.is_auditor
                OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id <> $1)
                OR EXISTS (SELECT FROM team_members m JOIN teams t ON t.id = m.team_id
                    WHERE m.user_id = u.id AND t.organization_id <> $1 AND NOT t.is_system) AS "elsewhere!",
            EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = $1) AS "belongs!",
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND NOT i.email_verified) AS "unverified!"
        FROM users u WHERE u.id = $2 FOR NO KEY UPDATE"#,
        organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(|row| Known {
        id: UserId(row.id),
        email: row.email,
        display_name: row.display_name,
        deactivated_at: row.deactivated_at,
        elsewhere: row.elsewhere,
        belongs: row.belongs,
        unverified: row.unverified,
    }))
}

/// Gives an account the name that the directory has. The caller decided that it may.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn rename(ctx: &mut Ctx, account: &Known, name: Option<&PersonName>) -> Result<()> {
    let name = name.map(PersonName::as_str);
    if account.display_name.as_deref() == name {
        return Ok(());
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE users SET display_name = $2, updated_at = $3 WHERE id = $1",
        account.id.0,
        name,
        now,
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch(account.id);
    let entry = audit::Entry::new("user.update", "user", account.id, &account.email).change(
        json!({"display_name": account.display_name}),
        json!({"display_name": name}),
    );
    audit::record(ctx, entry).await
}
