//! Leaving an organization: all its teams at once (SPEC D4, X12).

use domain::{OrganizationId, TeamId, UserId, views::DepartureEffects};
use serde_json::json;

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
            FROM team_members m JOIN teams t ON t.id = m.team_id WHERE t.organization_id = $1 AND m.user_id = $2
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
    // In one order, and before anything is read of them: the guard holds when two go at once.
    sqlx::query_scalar!(
        "SELECT t.id FROM teams t WHERE t.organization_id = $1 AND NOT t.is_system
            AND t.id IN (SELECT team_id FROM team_members WHERE user_id = $2)
        ORDER BY t.id FOR UPDATE",
        organization.0,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let effects = preview_departure(ctx, organization, user, email).await?;
    if !effects.last_admin_of.is_empty() {
        return Err(Error::refused(Code::LastAdmin, last_admin(&effects)));
    }
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
        WHERE t.id = m.team_id AND t.organization_id = $1 AND NOT t.is_system AND m.user_id = $2 RETURNING m.team_id, m.role",
        organization.0,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
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
    }
    ctx.touch(user);
    Ok(effects)
}

/// Why someone cannot go yet (SPEC D5).
pub(crate) fn last_admin(effects: &DepartureEffects) -> String {
    format!(
        "Cannot remove last team admin. First promote another member to team_admin in: {}.",
        effects.last_admin_of.join(", ")
    )
}
