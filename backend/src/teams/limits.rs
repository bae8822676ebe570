//! What is in force for a team: its own limits and its organization's.

use std::collections::BTreeMap;

use domain::{
    Ceilings, TeamId,
    hierarchy::{Effective, Level, Rung, effective},
    views::{Team, TeamBudget},
};

use super::open;
use crate::{Ctx, Result, budgets, organizations};

/// The limits that are in force for a team, each with what binds.
///
/// # Errors
/// As [`get`](super::get); 403 `Team is inactive` for members of an inactive team.
pub async fn limits(ctx: &mut Ctx, id: TeamId) -> Result<Effective> {
    let page = open(ctx, id).await?;
    limits_of(ctx, &page.team).await
}

/// The budgets that bind a team, with what was spent of them.
///
/// # Errors
/// As [`limits`].
pub async fn budget(ctx: &mut Ctx, id: TeamId) -> Result<TeamBudget> {
    let page = open(ctx, id).await?;
    budgets::bar(ctx, &page.team).await
}

/// As [`limits`], for a page that has loaded the team and so checked the rights.
///
/// # Errors
/// When the database does not answer.
pub async fn limits_of(ctx: &mut Ctx, team: &Team) -> Result<Effective> {
    let ceilings = organizations::ceilings(ctx, team.organization_id).await?;
    let chain = [
        Rung {
            level: Level::Organization,
            name: team.organization_name.clone(),
            ceilings,
        },
        Rung {
            level: Level::Team,
            name: team.name.clone(),
            ceilings: Ceilings {
                limits: team.limits.clone(),
                max_runners: team.max_runners,
            },
        },
    ];
    Ok(effective(&chain))
}

/// The runner quotas of teams; none is no limit. Who may ask is for the caller of this to decide.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn quotas(ctx: &mut Ctx, teams: &[TeamId]) -> Result<BTreeMap<TeamId, Option<i32>>> {
    let ids: Vec<uuid::Uuid> = teams.iter().map(|team| team.0).collect();
    let rows = sqlx::query!("SELECT id, max_runners FROM teams WHERE id = ANY($1)", &ids)
        .fetch_all(ctx.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (TeamId(row.id), row.max_runners)).collect())
}
