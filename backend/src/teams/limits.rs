//! What is in force for a team: its own limits and its organization's.

use domain::{
    BudgetDuration, Ceilings, Limits, Money, TeamId,
    hierarchy::{Effective, Level, Rung, effective},
    views::Team,
};

use super::open;
use crate::{Ctx, Error, Result};

/// The limits that are in force for a team, each with what binds.
///
/// # Errors
/// As [`get`](super::get); 403 `Team is inactive` for members of an inactive team.
pub async fn limits(ctx: &mut Ctx, id: TeamId) -> Result<Effective> {
    let page = open(ctx, id).await?;
    limits_of(ctx, &page.team).await
}

/// As [`limits`], for a page that has loaded the team and so checked the rights.
///
/// # Errors
/// When the database does not answer.
pub async fn limits_of(ctx: &mut Ctx, team: &Team) -> Result<Effective> {
    let organization = team.organization_id;
    let row = sqlx::query!(
        "SELECT models, max_budget, budget_duration, tpm_limit, rpm_limit, max_runners FROM organizations WHERE id = $1",
        organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Organization", organization))?;
    let chain = [
        Rung {
            level: Level::Organization,
            name: team.organization_name.clone(),
            ceilings: Ceilings {
                limits: Limits {
                    models: row.models,
                    max_budget: row.max_budget.map(Money::trusted),
                    budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                    tpm_limit: row.tpm_limit,
                    rpm_limit: row.rpm_limit,
                },
                max_runners: row.max_runners,
            },
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
