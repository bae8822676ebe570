//! Giving what links give, to any number of people by any number of links at once.

use std::collections::{BTreeMap, BTreeSet};

use domain::{OrganizationId, TeamId, UserId, directory::Gives};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Link,
    events::{self, Event, Kind},
};
use crate::{Ctx, Result, audit};

/// Gives people what links give; a pair is a link and a person that is [`missing`]. The caller has locked what `links` give
/// something in.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn give(ctx: &mut Ctx, links: &[Link], pairs: &[(Uuid, Uuid)]) -> Result<()> {
    if pairs.is_empty() {
        return Ok(());
    }
    let (ids, users): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    let links: BTreeMap<Uuid, &Link> = links.iter().map(|link| (link.id, link)).collect();
    let emails = emails(ctx, &users).await?;

    let teams = into_teams(ctx, &ids, &users).await?;
    let organizations = into_organizations(ctx, &ids, &users).await?;
    let roles = into_installation(ctx, &ids, &users).await?;
    sqlx::query!(
        "INSERT INTO identity_link_members AS m (link_id, user_id, since, gave)
        SELECT p.link_id, p.user_id, $3, CASE
            WHEN l.team_id IS NOT NULL THEN EXISTS (SELECT FROM team_members t
                WHERE t.team_id = l.team_id AND t.user_id = p.user_id AND t.source = 'idp')
            WHEN l.organization_id IS NOT NULL THEN EXISTS (SELECT FROM organization_members o
                WHERE o.organization_id = l.organization_id AND o.user_id = p.user_id AND o.source = 'idp')
            ELSE p.user_id = ANY($4) OR EXISTS (SELECT FROM identity_link_members g JOIN identity_links gl ON gl.id = g.link_id
                WHERE g.user_id = p.user_id AND g.gave AND gl.organization_id IS NULL AND gl.role = l.role) END
        FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id) JOIN identity_links l ON l.id = p.link_id
        ORDER BY p.link_id, p.user_id
        ON CONFLICT (link_id, user_id) DO UPDATE SET left_at = NULL,
            since = CASE WHEN m.left_at IS NULL THEN m.since ELSE excluded.since END,
            gave = m.gave OR excluded.gave",
        &ids,
        &users,
        ctx.now,
        &roles.iter().map(|(user, _)| *user).collect::<Vec<_>>(),
    )
    .execute(ctx.connection())
    .await?;

    let mut entries = Vec::new();
    for given in &teams {
        let name = emails.get(&given.user).map_or("", String::as_str);
        let (action, before) = if given.is_new {
            ("member.add", Value::Null)
        } else {
            ("member.role", json!({"role": "member"}))
        };
        entries.push(
            audit::Entry::new(action, "member", given.user, name)
                .team(OrganizationId(given.organization), TeamId(given.team))
                .change(before, json!({"role": given.role, "source": "idp"})),
        );
    }
    for given in &organizations {
        let name = emails.get(&given.user).map_or("", String::as_str);
        let action = if given.is_new {
            "organization.member_add"
        } else {
            "organization.member_role"
        };
        let mut entry = audit::Entry::new(action, "user", given.user, name)
            .change(Value::Null, json!({"role": given.role, "source": "idp"}));
        entry.organization = Some(OrganizationId(given.organization));
        entries.push(entry);
    }
    for (user, role) in &roles {
        let name = emails.get(user).map_or("", String::as_str);
        let entry = audit::Entry::new("user.update", "user", *user, name)
            .change(json!({(*role): false}), json!({(*role): true, "source": "idp"}));
        entries.push(entry);
    }
    audit::record_many(ctx, &entries).await?;

    let got: BTreeSet<(Uuid, Uuid)> = (teams.iter().map(|given| (given.team, given.user)))
        .chain(organizations.iter().map(|given| (given.organization, given.user)))
        .collect();
    let given: Vec<Event> = (pairs.iter())
        .filter_map(|(id, user)| Some((links.get(id)?, *user)))
        .map(|(link, user)| {
            let is_new = match link.gives {
                Gives::Team(_, team, _) => got.contains(&(team.0, user)),
                Gives::Organization(organization, _) => got.contains(&(organization.0, user)),
                Gives::Installation(_) => roles.iter().any(|(known, _)| *known == user),
            };
            let event = Event::to(link.id, Kind::Added, user);
            if is_new { event } else { event.with("had it already") }
        })
        .collect();
    events::note(ctx, &given).await?;
    for user in users {
        ctx.touch(UserId(user));
    }
    Ok(())
}

/// The pairs that something is to be written for: people who are new in the group or came back, and those who were taken
/// out of the team by hand and are in the group still.
pub(super) async fn missing(ctx: &mut Ctx, pairs: &[(Uuid, Uuid)]) -> Result<Vec<(Uuid, Uuid)>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let (ids, users): (Vec<Uuid>, Vec<Uuid>) = pairs.iter().copied().unzip();
    let rows = sqlx::query!(
        r#"SELECT DISTINCT p.link_id AS "link_id!", p.user_id AS "user_id!"
        FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id)
            JOIN identity_links l ON l.id = p.link_id
            JOIN users u ON u.id = p.user_id
            LEFT JOIN identity_link_members m ON m.link_id = p.link_id AND m.user_id = p.user_id
            LEFT JOIN teams t ON t.id = l.team_id
        WHERE (m.link_id IS NULL OR m.left_at IS NOT NULL
                OR (t.status <> 'archived'
                    AND NOT EXISTS (SELECT FROM team_members x WHERE x.team_id = t.id AND x.user_id = p.user_id)))
            -- Whom the organization's directory put out comes back by its word alone.
            AND NOT EXISTS (SELECT FROM scim_people s WHERE s.organization_id = l.organization_id
                AND s.user_id = p.user_id AND s.ended IS NOT NULL)
        ORDER BY 1, 2"#,
        &ids,
        &users,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.link_id, row.user_id)).collect())
}

/// Locks what links give something in, organizations before teams and each in one order, as everything does that locks
/// both.
pub(super) async fn lock<'a>(ctx: &mut Ctx, links: impl Iterator<Item = &'a Link>) -> Result<()> {
    let (mut organizations, mut teams) = (Vec::new(), Vec::new());
    for link in links {
        organizations.extend(link.gives.organization().map(|id| id.0));
        teams.extend(link.gives.team().map(|id| id.0));
    }
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        &organizations,
    )
    .fetch_all(ctx.connection())
    .await?;
    sqlx::query_scalar!("SELECT id FROM teams WHERE id = ANY($1) ORDER BY id FOR UPDATE", &teams)
        .fetch_all(ctx.connection())
        .await?;
    Ok(())
}

/// The addresses of people, for the audit log.
pub(super) async fn emails(ctx: &mut Ctx, users: &[Uuid]) -> Result<BTreeMap<Uuid, String>> {
    let rows = sqlx::query!("SELECT id, email FROM users WHERE id = ANY($1)", users)
        .fetch_all(ctx.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.email)).collect())
}

struct InTeam {
    organization: Uuid,
    team: Uuid,
    user: Uuid,
    role: String,
    is_new: bool,
}

/// Memberships of teams. One that was given by hand stays as it is; one of a link's gets the highest role of all links.
async fn into_teams(ctx: &mut Ctx, links: &[Uuid], users: &[Uuid]) -> Result<Vec<InTeam>> {
    let now = ctx.now;
    Ok(sqlx::query_as!(
        InTeam,
        r#"WITH given AS (
            INSERT INTO team_members AS m (team_id, user_id, role, source, joined_at)
            SELECT l.team_id, p.user_id, CASE WHEN bool_or(l.role = 'admin') THEN 'admin' ELSE 'member' END, 'idp', $3
            FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id) JOIN identity_links l ON l.id = p.link_id
                JOIN teams t ON t.id = l.team_id AND t.status <> 'archived'
            GROUP BY l.team_id, p.user_id ORDER BY l.team_id, p.user_id
            ON CONFLICT (team_id, user_id) DO UPDATE SET role = 'admin'
                WHERE m.source = 'idp' AND m.role = 'member' AND excluded.role = 'admin'
            RETURNING team_id, user_id, role, xmax = 0 AS is_new)
        SELECT t.organization_id AS organization, given.team_id AS team, given.user_id AS "user", given.role,
            given.is_new AS "is_new!"
        FROM given JOIN teams t ON t.id = given.team_id"#,
        links,
        users,
        now,
    )
    .fetch_all(ctx.connection())
    .await?)
}

struct InOrganization {
    organization: Uuid,
    user: Uuid,
    role: String,
    is_new: bool,
}

/// Memberships of organizations, also by the links to their teams. Who is in a linked group is taken in whatever the
/// domain of their address (SPEC X10).
async fn into_organizations(ctx: &mut Ctx, links: &[Uuid], users: &[Uuid]) -> Result<Vec<InOrganization>> {
    let now = ctx.now;
    Ok(sqlx::query_as!(
        InOrganization,
        r#"INSERT INTO organization_members AS m (organization_id, user_id, role, source, created_at)
        SELECT l.organization_id, p.user_id,
            CASE WHEN bool_or(l.role = 'org_admin') THEN 'org_admin' WHEN bool_or(l.role = 'auditor') THEN 'auditor'
                ELSE 'org_member' END, 'idp', $3
        FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id) JOIN identity_links l ON l.id = p.link_id
        WHERE l.organization_id <> '00000000-0000-4000-8000-000000000001'
        GROUP BY l.organization_id, p.user_id ORDER BY l.organization_id, p.user_id
        ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role
            WHERE m.source = 'idp' AND m.role <> excluded.role
                AND (excluded.role = 'org_admin' OR m.role = 'org_member')
        RETURNING organization_id AS "organization!", user_id AS "user!", role AS "role!", xmax = 0 AS "is_new!""#,
        links,
        users,
        now,
    )
    .fetch_all(ctx.connection())
    .await?)
}

/// Roles in the installation: who got one that they did not have, and which.
async fn into_installation(ctx: &mut Ctx, links: &[Uuid], users: &[Uuid]) -> Result<Vec<(Uuid, &'static str)>> {
    let rows = sqlx::query!(
        r#"WITH given AS (
            SELECT p.user_id, bool_or(l.role = 'super_admin') AS super_admin, bool_or(l.role = 'auditor') AS auditor
            FROM unnest($1::uuid[], $2::uuid[]) AS p(link_id, user_id) JOIN identity_links l ON l.id = p.link_id
            WHERE l.organization_id IS NULL GROUP BY p.user_id),
        before AS (SELECT u.id, u.is_super_admin, u.is_auditor FROM users u JOIN given ON given.user_id = u.id
            ORDER BY u.id FOR NO KEY UPDATE OF u)
        UPDATE users u SET is_super_admin = u.is_super_admin OR given.super_admin,
            is_auditor = u.is_auditor OR given.auditor, updated_at = now()
        FROM given JOIN before ON before.id = given.user_id
        WHERE u.id = given.user_id AND ((given.super_admin AND NOT before.is_super_admin)
            OR (given.auditor AND NOT before.is_auditor))
        RETURNING u.id, given.super_admin AND NOT before.is_super_admin AS "super_admin!",
            given.auditor AND NOT before.is_auditor AS "auditor!""#,
        links,
        users,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut given = Vec::new();
    for row in rows {
        if row.super_admin {
            given.push((row.id, "super_admin"));
        }
        if row.auditor {
            given.push((row.id, "auditor"));
        }
    }
    Ok(given)
}
