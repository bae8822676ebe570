//! Whom to ask: the people who decide a request.

use domain::{
    OrgRole, Standing, TeamRole,
    views::{AccessRequest, OrganizationAdmin, TeamPage},
};

use super::is_restricted;
use crate::{Ctx, Result, organizations};

/// How many are named.
const SOME: i64 = 5;

/// Some of the people who may decide a request, but the caller: admins of the team first, then of its organization. The
/// super_admins are not named. Nobody, for a caller outside the organization: its people are not theirs to see.
pub(super) async fn deciders(
    ctx: &mut Ctx,
    team: &TeamPage,
    request: &AccessRequest,
) -> Result<Vec<OrganizationAdmin>> {
    let organization = team.team.organization_id;
    let caller = organizations::standing(&ctx.caller, organization);
    if !(caller.super_admin || caller.auditor || caller.org.is_some() || team.standing.team.is_some()) {
        return Ok(Vec::new());
    }
    let restricted = is_restricted(ctx, team, &request.value).await?;
    let value = &request.value;
    let lowers = value.lowers(&team.team.policy, team.team.max_runners, &team.team.limits);
    let may = |standing: Standing| value.require_decider(&standing, lowers, restricted).is_ok();
    let by_team = may(Standing {
        team: Some(TeamRole::Admin),
        ..Standing::default()
    });
    let by_organization = may(Standing {
        org: Some(OrgRole::OrgAdmin),
        ..Standing::default()
    });
    let rows = sqlx::query!(
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
    let admins = rows.into_iter().map(|row| OrganizationAdmin {
        email: row.email,
        display_name: row.display_name,
    });
    Ok(admins.collect())
}
