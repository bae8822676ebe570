//! Whom to ask: the people who may do what the caller may not.

use domain::{
    OrgRole, Permission, Standing, TeamRole,
    views::{Contact, TeamPage},
};

use crate::{Ctx, Result, organizations};

/// How many are named.
const SOME: i64 = 5;

/// Some of the people who have a permission in a team in full, as [`whom`] finds them.
pub async fn who_may(ctx: &mut Ctx, team: &TeamPage, permission: Permission) -> Result<Vec<Contact>> {
    whom(ctx, team, |standing| standing.may(permission)).await
}

/// Some of those of a team whose role is enough by `may`, but the caller: its admins first, then those of its organization. The
/// super_admins are not named. Nobody, for a caller outside the organization: its people are not theirs to see.
pub(crate) async fn whom(ctx: &mut Ctx, team: &TeamPage, may: impl Fn(&Standing) -> bool) -> Result<Vec<Contact>> {
    let organization = team.team.organization_id;
    let caller = organizations::standing(&ctx.caller, organization);
    if !(caller.super_admin || caller.auditor || caller.org.is_some() || team.standing.team.is_some()) {
        return Ok(Vec::new());
    }
    let by_team = may(&Standing {
        team: Some(TeamRole::Admin),
        ..Standing::default()
    });
    let by_organization = may(&Standing {
        org: Some(OrgRole::OrgAdmin),
        ..Standing::default()
    });
    if !(by_team || by_organization) {
        return Ok(Vec::new());
    }
    let contacts = sqlx::query_as!(
        Contact,
        r#"SELECT u.email, u.display_name FROM (
            SELECT user_id, 0 AS rank FROM current_team_admins WHERE team_id = $1 AND $3
            UNION ALL
            SELECT user_id, 1 FROM organization_members WHERE organization_id = $2 AND role = 'org_admin' AND $4
        ) a JOIN users u ON u.id = a.user_id
        WHERE u.deactivated_at IS NULL AND u.id IS DISTINCT FROM $5
        GROUP BY u.id ORDER BY min(a.rank), u.email LIMIT $6"#,
        team.team.id.0,
        organization.0,
        by_team,
        by_organization,
        ctx.caller.actor_id(),
        SOME,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(contacts)
}
