//! What pages and APIs show of budgets.

use chrono::{DateTime, Utc};

use crate::{Invalid, Money, TeamId, hierarchy::Budget};

/// A budget that came near its end, or has reached it.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetAlert {
    /// Whose: `organization`, `team`, `member`, `project` or `key`.
    pub level: String,
    /// Percent of the budget: 50, 80 or 100.
    pub threshold: i16,
    /// What it is called.
    pub name: String,
    /// What was spent by then.
    pub spend: Money,
    /// The budget by then.
    pub max_budget: Money,
    /// When.
    pub at: DateTime<Utc>,
    /// When the budget starts anew; none is never.
    pub until: Option<DateTime<Utc>>,
}

/// What a team has of its organization's budget.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamShare {
    /// The team.
    pub team: TeamId,
    /// Its name.
    pub name: String,
    /// Its own limit for each of its periods; none is the organization's.
    pub max_budget: Option<Money>,
    /// What it spent in the organization's period.
    pub spend: Money,
}

/// An organization's budget, split over its teams.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetSplit {
    /// The organization's own.
    pub budget: Budget,
    /// The name of its time zone.
    pub time_zone: String,
    /// Its teams, those that spent the most first, at most [`Self::SHOWN`]; without archived ones that spent nothing.
    pub teams: Vec<TeamShare>,
    /// How many more teams there are.
    pub more_teams: i64,
    /// What those spent.
    pub more_spend: Money,
    /// The sum of the limits of all teams that have one, and how many those are.
    pub allotted: (Money, i64),
    /// What was told in the periods that are not over.
    pub alerts: Vec<BudgetAlert>,
}

impl BudgetSplit {
    /// How many teams are shown.
    pub const SHOWN: i64 = 25;
}

/// What binds a team, with what was told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamBudget {
    /// The organization's budget, unless the team stands alone, and its own.
    pub chain: Vec<Budget>,
    /// What was told in the periods that are not over.
    pub alerts: Vec<BudgetAlert>,
}

impl TeamBudget {
    /// The budget that binds: of those with a limit the one with the least left.
    pub fn binding(&self) -> Option<&Budget> {
        let left = |budget: &Budget| budget.max.map(|max| max.decimal() - budget.spend.decimal());
        (self.chain.iter())
            .filter(|budget| budget.max.is_some())
            .min_by_key(|budget| left(budget))
    }

    /// The team's own.
    pub fn own(&self) -> Option<&Budget> {
        self.chain.last()
    }
}

/// What moving a team to another organization does, or why it cannot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TeamMove {
    /// The new organization's name.
    pub organization: String,
    /// What does not fit: the field or thing, and why.
    pub obstacles: Vec<Invalid>,
    /// People who become members of the organization.
    pub joining: Vec<String>,
    /// Services of the old organization that the team may not use any more.
    pub services: Vec<String>,
    /// Its keys, projects, runners and members, which move with it.
    pub keys: i64,
    /// Its projects.
    pub projects: i64,
    /// Its members.
    pub members: i64,
    /// Its live runners.
    pub runners: i64,
}
