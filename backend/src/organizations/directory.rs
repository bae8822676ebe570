//! People who come and go by the word of an organization's directory (SCIM).

use domain::{OrgRole, OrganizationId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Admission, Lock, load};
use crate::{
    Ctx, Result, audit,
    members::organization::{Left, depart_by_directory},
};

/// What someone was in an organization, for when they come back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Belonged {
    role: OrgRole,
    guest: bool,
    source: String,
    pub(crate) teams: Vec<Left>,
}

/// Makes someone a member, if they are none; who was one before is what they were.
///
/// # Errors
/// 400 `User <email> is not in this organization's email domains (<list>)`, unless they were a member before.
pub(crate) async fn join_by_directory(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
    before: Option<&Belonged>,
) -> Result<()> {
    let belongs = sqlx::query_scalar!(
        "SELECT user_id FROM organization_members WHERE organization_id = $1 AND user_id = $2 FOR SHARE",
        organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    if belongs.is_some() {
        return Ok(());
    }
    if before.is_none() {
        Admission::load(ctx, organization).await?.admit(email)?;
    }
    let (mut role, guest, source) = before.map_or((OrgRole::OrgMember, false, "idp"), |before| {
        (before.role, before.guest, before.source.as_str())
    });
    if source == "idp" {
        role = role_by_links(ctx, organization, user).await?;
    }
    let now = ctx.now;
    let added = sqlx::query!(
        "INSERT INTO organization_members (organization_id, user_id, role, is_guest, source, created_at)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        organization.0,
        user.0,
        role.as_str(),
        guest,
        source,
        now,
    )
    .execute(ctx.connection())
    .await?;
    if added.rows_affected() == 0 {
        return Ok(());
    }
    ctx.touch(user);
    let mut entry = audit::Entry::new("organization.member_add", "user", user, email)
        .change(Value::Null, json!({"role": role, "guest": guest, "source": source}));
    entry.organization = Some(organization);
    audit::record(ctx, entry).await
}

/// The role that links give someone in an organization now: what one gave before may be gone since.
async fn role_by_links(ctx: &mut Ctx, organization: OrganizationId, user: UserId) -> Result<OrgRole> {
    let role = sqlx::query_scalar!(
        r#"SELECT CASE WHEN bool_or(l.role = 'org_admin') THEN 'org_admin' WHEN bool_or(l.role = 'auditor') THEN 'auditor'
            ELSE 'org_member' END AS "role!"
        FROM identity_link_members m JOIN identity_links l ON l.id = m.link_id
        WHERE l.organization_id = $1 AND l.team_id IS NULL AND m.user_id = $2
            AND (m.left_at IS NULL OR l.mode = 'additive')"#,
        organization.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(role.parse()?)
}

/// Takes someone out, also the last admin of the organization or of a team (SPEC D12): their memberships of its teams end,
/// with project roles and keys. Says what they were; nothing when they did not belong to it.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn leave_by_directory(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
) -> Result<Option<Belonged>> {
    load(ctx, &organization.into(), Lock::Update).await?;
    // First, so that nobody who sees the membership adds the person to one more team: see `ensure_member`.
    let was = sqlx::query!(
        "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2 RETURNING role, is_guest, source",
        organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let (effects, teams) = depart_by_directory(ctx, organization, user, email).await?;
    let Some(was) = was else { return Ok(None) };
    ctx.touch(user);
    let before = json!({
        "role": was.role, "guest": was.is_guest, "teams": effects.teams, "project_roles": effects.project_roles,
        "keys": effects.keys, "teams_without_admin": effects.last_admin_of,
    });
    let mut entry = audit::Entry::new("organization.member_remove", "user", user, email).change(before, Value::Null);
    entry.organization = Some(organization);
    audit::record(ctx, entry).await?;
    Ok(Some(Belonged {
        role: was.role.parse()?,
        guest: was.is_guest,
        source: was.source,
        teams,
    }))
}
