//! The Default Team in numbers.

use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use crate::{Money, TeamId};

/// The Default Team in numbers (SPEC C5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DefaultTeamStats {
    /// Its id.
    pub team_id: TeamId,
    /// Who belongs to it.
    pub member_count: i64,
    /// Those of them whose account is active.
    pub active_users: i64,
    /// What its keys have spent, in US dollars.
    pub total_spend: Money,
    /// Its budget, in US dollars.
    pub max_budget: Option<Money>,
    /// Spend in per cent of the budget; none without a budget, or with one of nothing.
    pub budget_utilization: Option<Decimal>,
}

impl DefaultTeamStats {
    /// The utilization as whole per cents for a bar, at most 100, and in words.
    pub fn bar(&self) -> Option<(u8, String)> {
        let share = self.budget_utilization?;
        let whole = share.clamp(Decimal::ZERO, Decimal::ONE_HUNDRED).trunc();
        Some((whole.to_u8().unwrap_or(100), format!("{share} %")))
    }
}
