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
    let admin_count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM current_team_admins WHERE team_id = $1"#,
        id.0
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
