//! A link's membership of a team, taken.

use std::collections::{BTreeMap, BTreeSet};

use domain::{DEFAULT_ORGANIZATION, OrganizationId, TeamId, UserId};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Fate, Link};
use crate::{Ctx, Result, audit, members};

/// Takes the membership of a team from people who left a link's group. The team is locked.
pub(super) async fn take(
    ctx: &mut Ctx,
    link: &Link,
    organization: OrganizationId,
    team: TeamId,
    people: &[Uuid],
    emails: &BTreeMap<Uuid, String>,
) -> Result<BTreeMap<Uuid, Fate>> {
    let rows = sqlx::query!(
        r#"SELECT p.user_id AS "user_id!", m.role AS "role?", m.source AS "source?",
            a.user_id IS NOT NULL AS "acts!",
            (SELECT CASE WHEN bool_or(l.role = 'admin') THEN 'admin' WHEN count(*) > 0 THEN 'member' END
                FROM identity_link_members x JOIN identity_links l ON l.id = x.link_id
                WHERE l.team_id = $2 AND x.user_id = p.user_id AND l.id <> $3
                    AND (x.left_at IS NULL OR l.mode = 'additive')) AS remains
        FROM unnest($1::uuid[]) WITH ORDINALITY AS p(user_id, place)
            LEFT JOIN team_members m ON m.team_id = $2 AND m.user_id = p.user_id
            LEFT JOIN current_team_admins a ON a.team_id = $2 AND a.user_id = p.user_id
        ORDER BY m.joined_at, p.place"#,
        people,
        team.0,
        link.id,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut fates = BTreeMap::new();
    let mut admins = Vec::new();
    for row in &rows {
        let fate = match (row.source.as_deref(), row.role.as_deref(), row.remains.as_deref()) {
            (Some("idp"), Some("admin"), Some("member")) => Fate::Lowered,
            (None, ..) | (Some("idp"), _, None) => Fate::Lost,
            (Some("idp"), ..) => Fate::ByAnother,
            _ => Fate::ByHand,
        };
        if row.acts && matches!(fate, Fate::Lost | Fate::Lowered) {
            admins.push(row.user_id);
        }
        fates.insert(row.user_id, fate);
    }
    if let Some(first) = admins.first()
        && !other_admin(ctx, team, &admins).await?
    {
        fates.insert(*first, Fate::LastAdmin);
    }

    let with = |fate: Fate| {
        fates
            .iter()
            .filter(move |(_, known)| **known == fate)
            .map(|(user, _)| *user)
    };
    let lowered: Vec<Uuid> = with(Fate::Lowered).collect();
    sqlx::query!(
        "UPDATE team_members SET role = 'member', admin_until = NULL WHERE team_id = $1 AND user_id = ANY($2)",
        team.0,
        &lowered,
    )
    .execute(ctx.connection())
    .await?;
    let members: BTreeSet<Uuid> = rows
        .iter()
        .filter(|row| row.role.is_some())
        .map(|row| row.user_id)
        .collect();
    let lost: Vec<UserId> = with(Fate::Lost)
        .filter(|user| members.contains(user))
        .map(UserId)
        .collect();
    let taken = members::take_everything(ctx, team, &lost).await?;

    let name = |user: &Uuid| emails.get(user).map_or("", String::as_str);
    let roles: BTreeMap<Uuid, &str> = (rows.iter())
        .filter_map(|row| Some((row.user_id, row.role.as_deref()?)))
        .collect();
    let mut entries = Vec::new();
    for (user, taken) in lost.iter().zip(&taken) {
        let before = json!({
            "role": roles.get(&user.0), "project_roles": taken.project_roles, "keys": taken.keys, "source": "idp",
            "why": format!("left the group {}", link.group()),
        });
        entries.push(
            audit::Entry::new("member.remove", "member", *user, name(&user.0))
                .team(organization, team)
                .change(before, Value::Null),
        );
    }
    for user in &lowered {
        ctx.touch(UserId(*user));
        entries.push(
            audit::Entry::new("member.role", "member", *user, name(user))
                .team(organization, team)
                .change(json!({"role": "admin"}), json!({"role": "member", "source": "idp"})),
        );
    }
    audit::record_many(ctx, &entries).await?;
    let lost: Vec<Uuid> = lost.iter().map(|user| user.0).collect();
    leave_organization(ctx, link, organization, &lost, emails).await?;
    Ok(fates)
}

/// Whether the team has an admin without end beside these.
async fn other_admin(ctx: &mut Ctx, team: TeamId, leaving: &[Uuid]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM current_team_admins
            WHERE team_id = $1 AND without_end AND NOT user_id = ANY($2)) AS "other!""#,
        team.0,
        leaving,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Who was in the organization by links only, and is in none of its teams any more, is not in it any more.
async fn leave_organization(
    ctx: &mut Ctx,
    link: &Link,
    organization: OrganizationId,
    people: &[Uuid],
    emails: &BTreeMap<Uuid, String>,
) -> Result<()> {
    if organization == DEFAULT_ORGANIZATION || people.is_empty() {
        return Ok(());
    }
    let gone = sqlx::query!(
        "DELETE FROM organization_members o WHERE o.organization_id = $1 AND o.user_id = ANY($2) AND o.source = 'idp'
            AND NOT EXISTS (SELECT FROM team_members m JOIN teams t ON t.id = m.team_id
                WHERE t.organization_id = $1 AND m.user_id = o.user_id)
            AND NOT EXISTS (SELECT FROM identity_link_members x JOIN identity_links l ON l.id = x.link_id
                WHERE l.organization_id = $1 AND x.user_id = o.user_id AND l.id <> $3
                    AND (x.left_at IS NULL OR l.mode = 'additive'))
            -- Whom its directory has as a person belongs to it without any group.
            AND NOT EXISTS (SELECT FROM scim_users s
                WHERE s.organization_id = $1 AND s.user_id = o.user_id AND s.active)
        RETURNING o.user_id, o.role",
        organization.0,
        people,
        link.id,
    )
    .fetch_all(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = (gone.iter())
        .map(|row| {
            let name = emails.get(&row.user_id).map_or("", String::as_str);
            let before = json!({"role": row.role, "source": "idp", "why": format!("left the group {}", link.group())});
            let mut entry =
                audit::Entry::new("organization.member_remove", "user", row.user_id, name).change(before, Value::Null);
            entry.organization = Some(organization);
            entry
        })
        .collect();
    audit::record_many(ctx, &entries).await
}
