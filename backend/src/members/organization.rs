//! Leaving an organization: all its teams at once (SPEC D4, X12).

use chrono::{DateTime, Utc};
use domain::{OrganizationId, TeamId, TeamRole, UserId, views::DepartureEffects};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use crate::{Code, Ctx, Error, Result, audit, keys};

/// What taking someone out of all teams of an organization would do, in numbers.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn preview_departure(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
) -> Result<DepartureEffects> {
    let now = ctx.now;
    let row = sqlx::query!(
        r#"WITH mine AS (
            SELECT t.id, t.name, t.status
            FROM current_team_members m JOIN teams t ON t.id = m.team_id WHERE t.organization_id = $1 AND m.user_id = $2
                AND NOT t.is_system)
        SELECT
            (SELECT count(*) FROM mine) AS "teams!",
            (SELECT count(*) FROM project_members m JOIN projects p ON p.id = m.project_id
                WHERE m.user_id = $2 AND p.team_id IN (SELECT id FROM mine)) AS "project_roles!",
            (SELECT count(*) FROM api_keys k WHERE k.owner_id = $2 AND k.team_id IN (SELECT id FROM mine)
                AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $3)) AS "keys!",
            (SELECT count(*) FROM runners r JOIN teams t ON t.id = r.team_id
                WHERE t.organization_id = $1 AND r.provisioned_by = $2 AND r.status <> 'deleted') AS "runners!",
            -- As the guard of one team has it: see `guard`.
            ARRAY(SELECT mine.name FROM mine JOIN current_team_admins me ON me.team_id = mine.id AND me.user_id = $2
                WHERE mine.status <> 'archived' AND NOT EXISTS (
                    SELECT FROM current_team_admins o WHERE o.team_id = mine.id AND o.user_id <> $2
                        AND (o.without_end OR NOT me.without_end))
                ORDER BY lower(mine.name)) AS "last_admin_of!: Vec<String>""#,
        organization.0,
        user.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(DepartureEffects {
        email: email.to_owned(),
        teams: row.teams,
        project_roles: row.project_roles,
        keys: row.keys,
        runners: row.runners,
        last_admin_of: row.last_admin_of,
    })
}

/// Takes someone out of all teams of an organization, with the project roles and keys there; runners stay. The caller
/// was authorised and has locked the organization.
///
/// # Errors
/// 400 `Cannot remove last team admin`, with the teams' names (SPEC D5).
pub(crate) async fn depart(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
) -> Result<DepartureEffects> {
    lock_teams(ctx, organization, user).await?;
    let effects = preview_departure(ctx, organization, user, email).await?;
    if !effects.last_admin_of.is_empty() {
        // Whoever takes people out of an organization is an admin of all its teams (SPEC X21).
        if !ctx.is_declared() {
            return Err(Error::refused(Code::LastAdmin, last_admin(&effects)));
        }
        ctx.warn(format!("Left without an admin: {}.", effects.last_admin_of.join(", ")));
    }
    leave(ctx, organization, user, email).await?;
    Ok(effects)
}

/// As [`depart`], by the word of the organization's directory: also a last admin goes, and the team is flagged as having
/// none (SPEC D12). Says what there was by people's hands, for [`come_back`]; what links gave, links give again.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn depart_by_directory(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
) -> Result<(DepartureEffects, Vec<Left>)> {
    lock_teams(ctx, organization, user).await?;
    let effects = preview_departure(ctx, organization, user, email).await?;
    let mut left = leave(ctx, organization, user, email).await?;
    left.retain(|membership| membership.source != "idp");
    Ok((effects, left))
}

/// A membership of a team that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Left {
    pub(crate) team: TeamId,
    pub(crate) role: TeamRole,
    pub(crate) source: String,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    pub(crate) admin_until: Option<DateTime<Utc>>,
}

impl Left {
    /// The role, and its end, that someone who comes back now gets.
    fn now(&self, now: DateTime<Utc>) -> (TeamRole, Option<DateTime<Utc>>) {
        match self.admin_until {
            Some(end) if end <= now => (TeamRole::Member, None),
            end => (self.role, end),
        }
    }
}

/// Gives back memberships that [`depart_by_directory`] took, of teams that are still there. The caller was authorised.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn come_back(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &str,
    left: &[Left],
) -> Result<()> {
    let now = ctx.now;
    let left: Vec<&Left> = (left.iter())
        .filter(|membership| membership.expires_at.is_none_or(|end| end > now))
        .collect();
    let teams: Vec<Uuid> = left.iter().map(|membership| membership.team.0).collect();
    let there = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE id = ANY($1) AND organization_id = $2 AND status <> 'archived' ORDER BY id FOR UPDATE",
        &teams,
        organization.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    for membership in left.into_iter().filter(|membership| there.contains(&membership.team.0)) {
        let (role, admin_until) = membership.now(now);
        let added = sqlx::query!(
            "INSERT INTO team_members (team_id, user_id, role, source, joined_at, expires_at, admin_until)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            membership.team.0,
            user.0,
            role.as_str(),
            membership.source,
            now,
            membership.expires_at,
            admin_until,
        )
        .execute(ctx.connection())
        .await?;
        if added.rows_affected() == 1 {
            let entry = audit::Entry::new("member.add", "member", user, email)
                .team(organization, membership.team)
                .change(
                    json!(null),
                    json!({"role": role, "why": "came back to the organization"}),
                );
            audit::record(ctx, entry).await?;
        }
    }
    ctx.touch(user);
    Ok(())
}

/// Locks someone's teams in an organization, in one order and before anything is read of them: the guard of the last
/// admin holds when two go at once.
async fn lock_teams(ctx: &mut Ctx, organization: OrganizationId, user: UserId) -> Result<()> {
    sqlx::query_scalar!(
        "SELECT t.id FROM teams t WHERE t.organization_id = $1 AND NOT t.is_system
            AND t.id IN (SELECT team_id FROM team_members WHERE user_id = $2)
        ORDER BY t.id FOR UPDATE",
        organization.0,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(())
}

/// Ends all memberships, with the project roles and keys. The teams are locked.
async fn leave(ctx: &mut Ctx, organization: OrganizationId, user: UserId, email: &str) -> Result<Vec<Left>> {
    sqlx::query!(
        "DELETE FROM project_members m USING projects p, teams t
        WHERE p.id = m.project_id AND t.id = p.team_id AND t.organization_id = $1 AND m.user_id = $2",
        organization.0,
        user.0,
    )
    .execute(ctx.connection())
    .await?;
    let left = sqlx::query!(
        "DELETE FROM team_members m USING teams t
        WHERE t.id = m.team_id AND t.organization_id = $1 AND NOT t.is_system AND m.user_id = $2 RETURNING m.team_id, m.role,
            m.source, m.expires_at, m.admin_until",
        organization.0,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut ended = Vec::with_capacity(left.len());
    for membership in left {
        let team = TeamId(membership.team_id);
        let keys = keys::revoke_of_member(ctx, team, user).await?;
        let entry = audit::Entry::new("member.remove", "member", user, email)
            .team(organization, team)
            .change(
                json!({"role": membership.role, "keys": keys, "why": "left the organization"}),
                json!(null),
            );
        audit::record(ctx, entry).await?;
        ended.push(Left {
            team,
            role: membership.role.parse()?,
            source: membership.source,
            expires_at: membership.expires_at,
            admin_until: membership.admin_until,
        });
    }
    ctx.touch(user);
    Ok(ended)
}

/// Why someone cannot go yet (SPEC D5).
pub(crate) fn last_admin(effects: &DepartureEffects) -> String {
    format!(
        "Cannot remove last team admin. First promote another member to team_admin in: {}.",
        effects.last_admin_of.join(", ")
    )
}
