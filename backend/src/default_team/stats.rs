//! The Default Team in numbers (SPEC C5).

use domain::{
    Money, Permission,
    cost::{cents, grouped},
    views::{Alert, AlertKind, DefaultTeamStats},
};
use rust_decimal::{Decimal, RoundingStrategy};

use super::ID;
use crate::{Ctx, Result, teams};

/// Members, those whose account is active, what the keys have spent, and how much of the budget that is.
///
/// # Errors
/// 403 for those who do not see all people of the installation.
pub async fn stats(ctx: &mut Ctx) -> Result<DefaultTeamStats> {
    teams::open(ctx, ID).await?.standing.require(Permission::TeamView)?;
    let row = sqlx::query!(
        r#"SELECT t.max_budget, m.members AS "members!", m.active AS "active!",
            coalesce((SELECT sum(k.spend) FROM api_keys k WHERE k.team_id = t.id), 0) AS "spend!"
        FROM teams t, (SELECT count(*) AS members, count(*) FILTER (WHERE u.deactivated_at IS NULL) AS active
            FROM current_team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1) m
        WHERE t.id = $1"#,
        ID.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(DefaultTeamStats {
        team_id: ID,
        member_count: row.members,
        active_users: row.active,
        total_spend: Money::trusted(row.spend),
        max_budget: row.max_budget.map(Money::trusted),
        budget_utilization: utilization(row.spend, row.max_budget),
    })
}

/// Whether the keys have spent the budget, for the alerts; none without a budget. Who asks may see all of the installation.
pub(crate) async fn over_budget(ctx: &mut Ctx) -> Result<Option<Alert>> {
    let row = sqlx::query!(
        r#"SELECT t.max_budget AS "budget!", k.spend AS "spend!"
        FROM teams t, (SELECT coalesce(sum(spend), 0) AS spend FROM api_keys WHERE team_id = $1) k
        WHERE t.id = $1 AND t.max_budget > 0 AND k.spend >= t.max_budget"#,
        ID.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let dollars = |amount| grouped(cents(Money::trusted(amount)));
    Ok(row.map(|row| Alert {
        kind: AlertKind::DefaultTeamBudget,
        instance: None,
        count: 1,
        // LiteLLM tells sums, not when they grew.
        since: None,
        detail: Some(format!("${} of ${}", dollars(row.spend), dollars(row.budget))),
    }))
}

/// Spend in per cent of the budget, to two places; none where there is no budget, or one of nothing.
fn utilization(spend: Decimal, budget: Option<Decimal>) -> Option<Decimal> {
    let budget = budget.filter(|budget| !budget.is_zero())?;
    let share = spend.checked_div(budget)?.checked_mul(Decimal::ONE_HUNDRED)?;
    Some(
        share
            .round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero)
            .normalize(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c5_no_budget_and_a_budget_of_nothing_have_no_utilization() {
        let dec = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(utilization(dec("5"), None), None);
        assert_eq!(utilization(dec("5"), Some(dec("0.00"))), None);
        assert_eq!(utilization(dec("0"), Some(dec("10"))), Some(dec("0")));
        assert_eq!(utilization(dec("2500.5"), Some(dec("10000"))), Some(dec("25.01")));
        assert_eq!(utilization(dec("15000"), Some(dec("10000"))), Some(dec("150")));
    }
}
