//! What the Overview tab shows: four queries, whatever the team's size.

use domain::{
    Permission, TeamId,
    views::{TeamOverview, TeamPage},
};

use crate::{Ctx, Result, audit, runners};

/// The team's facts, its newest runners and its latest changes. `page` is the team as the page has
/// loaded it, so that the rights were checked once.
///
/// # Errors
/// When the database does not answer.
pub async fn overview(ctx: &mut Ctx, page: TeamPage) -> Result<TeamOverview> {
    let id: TeamId = page.team.id;
    if !page.open {
        return Ok(TeamOverview {
            page,
            admin_count: 0,
            runners: Vec::new(),
            changes: Vec::new(),
        });
    }
    // Who is deactivated, or admin no more, manages nothing: such a team is shown as one without an admin (SPEC D12).
    let now = ctx.now;
    let admin_count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM team_members m JOIN users u ON u.id = m.user_id
        WHERE m.team_id = $1 AND m.role = 'admin' AND u.deactivated_at IS NULL
            AND (m.expires_at IS NULL OR m.expires_at > $2) AND (m.admin_until IS NULL OR m.admin_until > $2)"#,
        id.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    let runners = runners::newest_of_team(ctx, id, 10).await?;
    let changes = if page.standing.may(Permission::AuditView) {
        audit::latest_of_team(ctx, id, 10).await?
    } else {
        Vec::new()
    };
    Ok(TeamOverview {
        page,
        admin_count,
        runners,
        changes,
    })
}
