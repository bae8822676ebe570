//! What was spent of the budgets on the way from the organization down (SPEC E7).

use uuid::Uuid;

use super::Level;
use crate::{BudgetDuration, Money, Period, Permission, Zone};

/// One budget of a chain in its current period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Whose it is: the level.
    pub level: Level,
    /// Whose it is: the id; of a member the person's.
    pub id: Uuid,
    /// What it is called.
    pub name: String,
    /// The limit of its own; none is none.
    pub max: Option<Money>,
    /// How often it starts anew; none is never.
    pub duration: Option<BudgetDuration>,
    /// The period that it is in.
    pub period: Period,
    /// Where its days and months begin.
    pub zone: Zone,
    /// What was spent in the period.
    pub spend: Money,
}

impl Budget {
    /// Whether nothing more may be used: what was spent has reached the limit.
    pub fn is_used_up(&self) -> bool {
        self.max.is_some_and(|max| self.spend >= max)
    }

    /// What was spent in percent of the limit; none without a limit or with one of nothing (SPEC C5).
    pub fn percent(&self) -> Option<f64> {
        self.max.and_then(|max| self.spend.percent_of(max))
    }

    /// The words of a refusal by this budget, as LiteLLM has them.
    pub fn refusal(&self) -> String {
        let max = self.max.map_or_else(|| "none".to_owned(), |max| max.to_string());
        format!(
            "Budget has been exceeded! {}={} Current cost: {}, Max budget: {max}",
            self.level.subject(),
            self.id,
            self.spend
        )
    }

    /// Who can raise the limit, in words that begin a sentence.
    pub fn who_can_raise(&self) -> String {
        match self.level {
            Level::Organization => Permission::InstallationManage,
            Level::Team => Permission::PolicyEdit,
            Level::Member => Permission::MembersManage,
            Level::Project => Permission::ProjectsManage,
            Level::Key => Permission::KeysManage,
        }
        .who()
    }
}

/// When a budget starts anew, in words that go on a sentence.
pub fn period_words(budget: &Budget) -> String {
    match (&budget.duration, budget.period.end) {
        (Some(duration), Some(end)) => format!(
            " this {}, until {}",
            duration.in_words(),
            end.format("%Y-%m-%d %H:%M UTC")
        ),
        _ => ", for good".to_owned(),
    }
}

/// The budget that refuses a use, if one does: the topmost that is used up, whatever those below it have left.
pub fn used_up(chain: &[Budget]) -> Option<&Budget> {
    chain.iter().find(|budget| budget.is_used_up())
}
