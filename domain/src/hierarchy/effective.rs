//! What a chain of limits comes to, and what binds.

use super::Level;
use crate::{BudgetDuration, Ceilings, Money};

/// One step of a chain of limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rung {
    /// What it is.
    pub level: Level,
    /// What it is called.
    pub name: String,
    /// Its own limits.
    pub ceilings: Ceilings,
}

/// A limit that is in force, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound<T> {
    /// The limit.
    pub value: T,
    /// What binds: the level.
    pub level: Level,
    /// What binds: its name.
    pub name: String,
}

/// The limits that are in force at the end of a chain; none is no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effective {
    /// Budget, with its own period.
    pub max_budget: Option<Bound<(Money, Option<BudgetDuration>)>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Bound<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Bound<i64>>,
    /// Live runners.
    pub max_runners: Option<Bound<i32>>,
    /// AI models; none is all, an empty list is none at all.
    pub models: Option<Bound<Vec<String>>>,
}

/// What a chain of limits comes to, from the top down: of each kind the lowest. Where several are equal the topmost
/// binds, since raising the others would change nothing.
pub fn effective(chain: &[Rung]) -> Effective {
    let mut result = Effective::default();
    for rung in chain {
        let limits = &rung.ceilings.limits;
        let budget = limits.max_budget.map(|budget| (budget, limits.budget_duration.clone()));
        tighten(&mut result.max_budget, rung, budget, |new, old| new.0 < old.0);
        tighten(&mut result.tpm_limit, rung, limits.tpm_limit, |new, old| new < old);
        tighten(&mut result.rpm_limit, rung, limits.rpm_limit, |new, old| new < old);
        tighten(&mut result.max_runners, rung, rung.ceilings.max_runners, |new, old| {
            new < old
        });
        if limits.inherits_models() {
            continue;
        }
        let models = match &result.models {
            None => limits.models.clone(),
            Some(bound) => {
                let own = |model: &&String| limits.models.contains(*model);
                bound.value.iter().filter(own).cloned().collect()
            }
        };
        tighten(&mut result.models, rung, Some(models), |new, old| new.len() < old.len());
    }
    result
}

fn tighten<T>(current: &mut Option<Bound<T>>, rung: &Rung, value: Option<T>, tighter: impl FnOnce(&T, &T) -> bool) {
    let Some(value) = value else { return };
    if current.as_ref().is_none_or(|bound| tighter(&value, &bound.value)) {
        *current = Some(Bound {
            value,
            level: rung.level,
            name: rung.name.clone(),
        });
    }
}
