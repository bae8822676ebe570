//! What an organization sets for all that belongs to it (SPEC E7).

use std::collections::BTreeMap;

use domain::{BudgetDuration, Ceilings, Limits, Money, OrganizationId, TeamId};
use uuid::Uuid;

use crate::{Ctx, Error, Result};

/// Locks the organization of a team: always before the team itself, as everything does that locks both. So nobody lowers
/// what an organization sets while something below it is written.
pub(crate) async fn hold_ceilings(ctx: &mut Ctx, team: TeamId) -> Result<()> {
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = (SELECT organization_id FROM teams WHERE id = $1) FOR SHARE",
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(())
}

/// Locks an organization against others who do.
pub(crate) async fn lock(ctx: &mut Ctx, id: OrganizationId) -> Result<()> {
    sqlx::query_scalar!("SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    Ok(())
}

/// The same for a team that is yet to be made.
pub(crate) async fn hold(ctx: &mut Ctx, id: OrganizationId) -> Result<()> {
    sqlx::query_scalar!("SELECT id FROM organizations WHERE id = $1 FOR SHARE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    Ok(())
}

/// The limits that organizations set, held: nobody lowers them while something below them is written.
pub(crate) async fn held_limits(ctx: &mut Ctx, ids: &[Uuid]) -> Result<BTreeMap<Uuid, Limits>> {
    let rows = sqlx::query!(
        "SELECT id, models, max_budget, budget_duration, tpm_limit, rpm_limit FROM organizations
        WHERE id = ANY($1) ORDER BY id FOR SHARE",
        ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let limits = rows.into_iter().map(|row| {
        let limits = Limits {
            models: row.models,
            max_budget: row.max_budget.map(Money::trusted),
            budget_duration: row.budget_duration.map(BudgetDuration::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
        };
        (row.id, limits)
    });
    Ok(limits.collect())
}

/// The limits that an organization sets. To write something below them, hold them first.
///
/// # Errors
/// 404 without such an organization.
pub(crate) async fn ceilings(ctx: &mut Ctx, id: OrganizationId) -> Result<Ceilings> {
    let row = sqlx::query!(
        "SELECT models, max_budget, budget_duration, tpm_limit, rpm_limit, max_runners FROM organizations WHERE id = $1",
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Organization", id))?;
    Ok(Ceilings {
        limits: Limits {
            models: row.models,
            max_budget: row.max_budget.map(Money::trusted),
            budget_duration: row.budget_duration.map(BudgetDuration::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
        },
        max_runners: row.max_runners,
    })
}
