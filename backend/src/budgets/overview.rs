//! Budgets as pages and the API show them.

use domain::{
    BudgetDuration, DEFAULT_ORGANIZATION, Money, OrganizationId, TeamId, Zone, budget_period,
    hierarchy::{Budget, Level},
    views::{BudgetSplit, OrganizationPage, Team, TeamBudget, TeamShare},
};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    Spender, alerts, chain,
    chain::{Slot, spends},
};
use crate::{Ctx, Error, Result};

/// An organization's budget, split over its teams; none for those who do not see it whole, and for the organization of
/// teams that stand alone. `page` is the organization as the page has loaded it, so that the rights were checked once.
///
/// # Errors
/// When the database does not answer.
pub async fn of_organization(ctx: &mut Ctx, page: &OrganizationPage) -> Result<Option<BudgetSplit>> {
    let id = page.organization.id;
    if page.numbers.is_none() || id == DEFAULT_ORGANIZATION {
        return Ok(None);
    }
    let (budget, time_zone) = whole(ctx, id).await?;
    let rows = sqlx::query!(
        r#"SELECT s.id AS "id!", s.name AS "name!", s.max_budget, s.spend AS "spend!", count(*) OVER () AS "teams!",
            coalesce(sum(s.max_budget) FILTER (WHERE s.status <> 'archived') OVER (), 0) AS "allotted!",
            count(s.max_budget) FILTER (WHERE s.status <> 'archived') OVER () AS "limited!"
        FROM (SELECT t.id, t.name, t.max_budget, t.status,
                coalesce(b.spend, budget_sum('share', t.organization_id, t.id, $2, $3)) AS spend
            FROM teams t LEFT JOIN budget_spend b ON b.level = 'share' AND b.object_id = t.organization_id
                AND b.part_id = t.id AND b.period_start = $2
            WHERE t.organization_id = $1) s
        WHERE s.status <> 'archived' OR s.spend > 0
        ORDER BY s.spend DESC, s.max_budget DESC NULLS LAST, lower(s.name), s.id LIMIT $4"#,
        id.0,
        budget.period.start,
        budget.period.end,
        BudgetSplit::SHOWN,
    )
    .fetch_all(ctx.connection())
    .await?;
    let first = rows.first();
    let (total, allotted) = first.map_or((0, (Decimal::ZERO, 0)), |row| (row.teams, (row.allotted, row.limited)));
    let shown: Decimal = rows.iter().map(|row| row.spend).sum();
    let teams: Vec<TeamShare> = (rows.into_iter())
        .map(|row| TeamShare {
            team: TeamId(row.id),
            name: row.name,
            max_budget: row.max_budget.map(Money::trusted),
            spend: Money::trusted(row.spend),
        })
        .collect();
    Ok(Some(BudgetSplit {
        more_teams: total - i64::try_from(teams.len()).unwrap_or(total),
        // Also what teams spent that have moved away since.
        more_spend: Money::trusted((budget.spend.decimal() - shown).max(Decimal::ZERO)),
        allotted: (Money::trusted(allotted.0), allotted.1),
        alerts: alerts::of_organization(ctx, id).await?,
        budget,
        time_zone,
        teams,
    }))
}

/// The organization's own budget, and its time zone.
async fn whole(ctx: &mut Ctx, id: OrganizationId) -> Result<(Budget, String)> {
    let row = sqlx::query!(
        r#"SELECT name, time_zone, max_budget, budget_duration, coalesce(budget_anchor, created_at) AS "anchor!"
        FROM organizations WHERE id = $1"#,
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Organization", id))?;
    let duration = row.budget_duration.map(BudgetDuration::trusted);
    let zone = Zone::trusted(&row.time_zone);
    let period = budget_period(duration.as_ref(), row.anchor, zone, ctx.now);
    let slot = Slot {
        level: Level::Organization.as_str(),
        object: id.0,
        part: Uuid::nil(),
        period,
    };
    let spend = spends(ctx.connection(), &[slot]).await?.pop().unwrap_or_default();
    let budget = Budget {
        level: Level::Organization,
        id: id.0,
        name: row.name,
        max: row.max_budget.map(Money::trusted),
        duration,
        period,
        zone,
        spend: Money::trusted(spend),
    };
    Ok((budget, row.time_zone))
}

/// What binds a team. `team` is as the page has loaded it, so that the rights were checked once.
///
/// # Errors
/// When the database does not answer.
pub async fn of_team(ctx: &mut Ctx, team: &Team) -> Result<TeamBudget> {
    let now = ctx.now;
    let found = chain(ctx.connection(), Spender::team(team.id), now).await?;
    Ok(TeamBudget {
        chain: found.map(|(_, chain)| chain).unwrap_or_default(),
        alerts: alerts::of_team(ctx, team.id).await?,
    })
}
