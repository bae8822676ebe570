//! A link's role in an organization, taken.

use std::collections::BTreeMap;

use domain::{OrganizationId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fate, Link};
use crate::{Ctx, Result, audit, members, organizations};

/// Takes the role in an organization from people who left a link's group, and with the last one their teams there.
pub(super) async fn take(
    ctx: &mut Ctx,
    link: &Link,
    organization: OrganizationId,
    people: &[Uuid],
    emails: &BTreeMap<Uuid, String>,
) -> Result<BTreeMap<Uuid, Fate>> {
    let rows = sqlx::query!(
        r#"SELECT p.user_id AS "user_id!", m.role AS "role?", m.source AS "source?",
            -- Whom its directory has as a person belongs to it without any group.
            (SELECT CASE WHEN bool_or(l.role = 'org_admin') THEN 'org_admin' WHEN bool_or(l.role = 'auditor') THEN 'auditor'
                    WHEN count(*) > 0 OR EXISTS (SELECT FROM scim_users s
                        WHERE s.organization_id = $2 AND s.user_id = p.user_id AND s.active) THEN 'org_member' END
                FROM identity_link_members x JOIN identity_links l ON l.id = x.link_id
                WHERE l.organization_id = $2 AND x.user_id = p.user_id AND l.id <> $3
                    AND (x.left_at IS NULL OR l.mode = 'additive')) AS remains
        FROM unnest($1::uuid[]) AS p(user_id)
            LEFT JOIN organization_members m ON m.organization_id = $2 AND m.user_id = p.user_id"#,
        people,
        organization.0,
        link.id,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut fates = BTreeMap::new();
    for row in rows {
        let user = row.user_id;
        let email = emails.get(&user).map_or("", String::as_str);
        let fate = match (row.source.as_deref(), row.role, row.remains) {
            (None, ..) | (_, None, _) => Fate::Lost,
            (Some("idp"), Some(role), remains) if remains.as_deref() != Some(&role) => {
                if role == "org_admin" && !organizations::people::other_admin(ctx, organization, UserId(user)).await? {
                    Fate::LastAdmin
                } else {
                    lower(ctx, link, organization, user, email, &role, remains.as_deref()).await?
                }
            }
            (Some("idp"), ..) => Fate::ByAnother,
            _ => Fate::ByHand,
        };
        fates.insert(user, fate);
    }
    Ok(fates)
}

/// To the role that another link gives, or out of the organization; who is the last admin of a team of it stays.
async fn lower(
    ctx: &mut Ctx,
    link: &Link,
    organization: OrganizationId,
    user: Uuid,
    email: &str,
    role: &str,
    remains: Option<&str>,
) -> Result<Fate> {
    let why = format!("left the group {}", link.group());
    let (action, before, after, fate) = if let Some(remains) = remains {
        sqlx::query!(
            "UPDATE organization_members SET role = $3 WHERE organization_id = $1 AND user_id = $2",
            organization.0,
            user,
            remains,
        )
        .execute(ctx.connection())
        .await?;
        let after = json!({"role": remains, "source": "idp"});
        (
            "organization.member_role",
            json!({"role": role, "why": why}),
            after,
            Fate::Lowered,
        )
    } else if has_team_by_hand(ctx, organization, user).await? {
        // Whoever put them into a team put them into its organization, too.
        sqlx::query!(
            "UPDATE organization_members SET role = 'org_member', source = 'manual'
            WHERE organization_id = $1 AND user_id = $2",
            organization.0,
            user,
        )
        .execute(ctx.connection())
        .await?;
        if role == "org_member" {
            return Ok(Fate::ByHand);
        }
        let after = json!({"role": "org_member", "source": "manual"});
        (
            "organization.member_role",
            json!({"role": role, "why": why}),
            after,
            Fate::Lowered,
        )
    } else {
        let effects = members::organization::preview_departure(ctx, organization, UserId(user), email).await?;
        if !effects.last_admin_of.is_empty() {
            return Ok(Fate::LastAdmin);
        }
        sqlx::query!(
            "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2",
            organization.0,
            user,
        )
        .execute(ctx.connection())
        .await?;
        let effects = members::organization::depart(ctx, organization, UserId(user), email).await?;
        let before = json!({
            "role": role, "teams": effects.teams, "project_roles": effects.project_roles, "keys": effects.keys,
            "source": "idp", "why": why,
        });
        ("organization.member_remove", before, Value::Null, Fate::Lost)
    };
    ctx.touch(UserId(user));
    let mut entry = audit::Entry::new(action, "user", user, email).change(before, after);
    entry.organization = Some(organization);
    audit::record(ctx, entry).await?;
    Ok(fate)
}

async fn has_team_by_hand(ctx: &mut Ctx, organization: OrganizationId, user: Uuid) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE t.organization_id = $1 AND m.user_id = $2 AND m.source <> 'idp' AND NOT t.is_system) AS "has!""#,
        organization.0,
        user,
    )
    .fetch_one(ctx.connection())
    .await?)
}
