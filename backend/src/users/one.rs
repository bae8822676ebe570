//! One account, with its memberships and what hangs on it: four queries.

use domain::{
    OrganizationId, TeamId, UserId, UserRef,
    views::{Account, AccountOrganization, AccountPage, AccountTeam, LiteLlmStanding},
};

use super::{Scope, counts, key, may_change, scope};
use crate::{Ctx, Error, Result};

/// An account. An org_admin sees of it what is in their organizations.
///
/// # Errors
/// 403 for someone who may see no accounts; `User not found: <id>`, also of people in other organizations.
pub async fn get(ctx: &mut Ctx, user: &UserRef) -> Result<AccountPage> {
    let scope = scope(&ctx.caller)?;
    let missing = || Error::not_found("User", user);
    let (id, email) = key(user);
    let row = sqlx::query!(
        r#"SELECT u.id, u.email, u.display_name, u.is_super_admin, u.is_auditor, u.can_use_jit, u.created_at,
            u.updated_at, u.last_seen_at, u.deactivated_at, u.deactivation_reason, d.email AS "deactivated_by?",
            o.state AS "sync_state?", o.last_error AS "sync_error?",
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND NOT i.email_verified) AS "unverified!",
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND i.email_denied) AS "denied!"
        FROM users u LEFT JOIN users d ON d.id = u.deactivated_by
            LEFT JOIN LATERAL (SELECT state, last_error FROM litellm_objects WHERE kind = 'user' AND object_id = u.id
                ORDER BY array_position(ARRAY['parked', 'failed', 'pending', 'synced'], state) LIMIT 1) o ON true
        WHERE u.id = $1 OR u.email = $2"#,
        id,
        email,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(missing)?;
    let id = UserId(row.id);
    let organizations = organizations(ctx, id, &scope).await?;
    if organizations.is_empty() && !scope.is_whole() {
        return Err(missing());
    }
    let teams = teams(ctx, id, &scope).await?;
    let counts = counts(ctx, &[id.0], &scope)
        .await?
        .into_iter()
        .next()
        .unwrap_or_default();
    let whole = scope.is_whole();
    Ok(AccountPage {
        account: Account {
            id,
            email: row.email,
            display_name: row.display_name,
            super_admin: row.is_super_admin,
            auditor: row.is_auditor,
            can_use_jit: row.can_use_jit,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_seen_at: row.last_seen_at,
            deactivated_at: row.deactivated_at,
        },
        deactivated_by: row.deactivated_by.filter(|_| whole),
        deactivation_reason: row.deactivation_reason.filter(|_| whole),
        email_verified: !row.unverified,
        email_denied: row.denied,
        organizations,
        teams,
        counts,
        sync_status: row.sync_state.map(|state| match state.as_str() {
            "synced" => LiteLlmStanding::Synced,
            "pending" => LiteLlmStanding::Pending,
            _ => LiteLlmStanding::Error,
        }),
        sync_error: row.sync_error.filter(|_| whole),
        whole,
        manages: may_change(&ctx.caller),
    })
}

async fn organizations(ctx: &mut Ctx, user: UserId, scope: &Scope) -> Result<Vec<AccountOrganization>> {
    let rows = sqlx::query!(
        "SELECT o.id, o.name, o.slug, m.role, m.is_guest
        FROM organization_members m JOIN organizations o ON o.id = m.organization_id
        WHERE m.user_id = $1 AND ($2 OR o.id = ANY($3)) ORDER BY lower(o.name), o.id",
        user.0,
        scope.is_whole(),
        scope.organizations(),
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AccountOrganization {
                id: OrganizationId(row.id),
                name: row.name,
                slug: row.slug,
                role: row.role.parse()?,
                guest: row.is_guest,
            })
        })
        .collect()
}

async fn teams(ctx: &mut Ctx, user: UserId, scope: &Scope) -> Result<Vec<AccountTeam>> {
    let now = ctx.now;
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, t.status, o.name AS organization_name, m.joined_at, m.expires_at,
            CASE WHEN m.admin_until <= $4 THEN 'member' ELSE m.role END AS "role!",
            (SELECT count(*) FROM project_members r JOIN projects p ON p.id = r.project_id
                WHERE r.user_id = m.user_id AND p.team_id = t.id) AS "project_roles!"
        FROM team_members m JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
        WHERE m.user_id = $1 AND ($2 OR t.organization_id = ANY($3)) AND t.status <> 'archived' AND NOT t.is_system
            AND (m.expires_at IS NULL OR m.expires_at > $4)
        ORDER BY lower(t.name), t.id"#,
        user.0,
        scope.is_whole(),
        scope.organizations(),
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(AccountTeam {
                id: TeamId(row.id),
                name: row.name,
                organization_name: row.organization_name,
                status: row.status.parse()?,
                role: row.role.parse()?,
                project_roles: row.project_roles,
                joined_at: row.joined_at,
                expires_at: row.expires_at,
            })
        })
        .collect()
}
