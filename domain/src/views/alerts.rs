//! What needs an operator now (SPEC C16), in the words that every door shows.

use chrono::{DateTime, TimeDelta, Utc};

use crate::DEFAULT_TEAM;

/// How long a change may wait for LiteLLM, and an ended key for its word, before somebody should look.
pub const TOO_LONG: TimeDelta = TimeDelta::minutes(10);

/// What is watched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertKind {
    /// The circuit breaker lets no call through.
    LiteLlmUnreachable,
    /// Keys that are ended here and may still work at LiteLLM.
    KeysRevoking,
    /// LiteLLM refused changes so often that nothing more is tried.
    LiteLlmParked,
    /// Changes wait for longer than they should.
    LiteLlmDelayed,
    /// No process does the sync with GitHub.
    GitHubSyncStale,
    /// The last pass with GitHub was not completed.
    GitHubSyncFailing,
    /// Living runners have labels that they should not have.
    RunnerFindings,
    /// The Default Team has spent its budget.
    DefaultTeamBudget,
    /// Organizations or teams have spent their budget.
    BudgetUsedUp,
    /// Organizations or teams have spent most of their budget.
    BudgetNear,
}

/// How soon somebody should look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlertLevel {
    /// People cannot work, or a key works that should not.
    Critical,
    /// It will become worse by itself, or somebody has to decide.
    Warning,
}

impl AlertLevel {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

impl AlertKind {
    /// All of them, the worst first.
    pub const ALL: [Self; 10] = [
        Self::LiteLlmUnreachable,
        Self::KeysRevoking,
        Self::GitHubSyncStale,
        Self::LiteLlmParked,
        Self::LiteLlmDelayed,
        Self::GitHubSyncFailing,
        Self::RunnerFindings,
        Self::DefaultTeamBudget,
        Self::BudgetUsedUp,
        Self::BudgetNear,
    ];

    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LiteLlmUnreachable => "litellm_unreachable",
            Self::KeysRevoking => "keys_revoking",
            Self::LiteLlmParked => "litellm_parked",
            Self::LiteLlmDelayed => "litellm_delayed",
            Self::GitHubSyncStale => "github_sync_stale",
            Self::GitHubSyncFailing => "github_sync_failing",
            Self::RunnerFindings => "runner_findings",
            Self::DefaultTeamBudget => "default_team_budget",
            Self::BudgetUsedUp => "budget_used_up",
            Self::BudgetNear => "budget_near",
        }
    }

    /// How soon somebody should look.
    pub fn level(self) -> AlertLevel {
        match self {
            Self::LiteLlmUnreachable | Self::KeysRevoking | Self::GitHubSyncStale => AlertLevel::Critical,
            _ => AlertLevel::Warning,
        }
    }

    /// When it shows, in a few words.
    pub fn condition(self) -> &'static str {
        match self {
            Self::LiteLlmUnreachable => "five calls to LiteLLM in a row failed, and none has worked since",
            Self::KeysRevoking => "a revoked or deleted key is not confirmed by LiteLLM for 10 minutes",
            Self::LiteLlmParked => "LiteLLM has refused a change eight times",
            Self::LiteLlmDelayed => "a change is not at LiteLLM after 10 minutes",
            Self::GitHubSyncStale => "no process does the sync with GitHub",
            Self::GitHubSyncFailing => "the last pass with GitHub was not completed",
            Self::RunnerFindings => "a living runner has labels that it should not have",
            Self::DefaultTeamBudget => "the keys of the Default Team have spent its budget",
            Self::BudgetUsedUp => "an organization or a team has spent its budget",
            Self::BudgetNear => "an organization or a team has spent 80% of its budget",
        }
    }

    /// What it means for people.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::LiteLlmUnreachable => {
                "New keys stay pending and changes wait. Keys that exist work if LiteLLM itself runs. Delivery goes on by itself once it answers."
            }
            Self::KeysRevoking => {
                "Guildhall refuses what was ended, but LiteLLM has not said that it does: it may still spend money there."
            }
            Self::LiteLlmParked => {
                "LiteLLM does not have these changes, and nothing more is tried until somebody says so."
            }
            Self::LiteLlmDelayed => {
                "LiteLLM works with what it had before: new members, limits and keys are not in force there."
            }
            Self::GitHubSyncStale => "Runners that end stay in their quotas, and label drift is not seen.",
            Self::GitHubSyncFailing => "What the pass could not see was left as it was. The next pass tries again.",
            Self::RunnerFindings => "Such a runner takes jobs that its team may have no right to.",
            Self::DefaultTeamBudget => {
                "LiteLLM refuses the keys of everybody in no other team until the budget's next period or a higher budget."
            }
            Self::BudgetUsedUp => {
                "Models and their gateways are refused until the budget's next period or a higher budget."
            }
            Self::BudgetNear => "At this rate its people are refused before the budget's next period.",
        }
    }

    /// What the link to where it is mended says.
    pub fn action(self) -> &'static str {
        match self {
            Self::LiteLlmUnreachable | Self::LiteLlmDelayed => "Open the instance",
            Self::KeysRevoking | Self::LiteLlmParked => "See which, and try again",
            Self::GitHubSyncStale | Self::GitHubSyncFailing | Self::RunnerFindings => "Open the sync",
            Self::DefaultTeamBudget => "Open the Default Team",
            Self::BudgetUsedUp | Self::BudgetNear => "See the organizations",
        }
    }
}

/// Something that needs an operator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What it is.
    pub kind: AlertKind,
    /// The LiteLLM instance that it is about.
    pub instance: Option<String>,
    /// How many changes, keys, passes or runners; 1 where there is nothing to count.
    pub count: i64,
    /// Since when, where that is known.
    pub since: Option<DateTime<Utc>>,
    /// What was said last about it: LiteLLM's or GitHub's words, or a number.
    pub detail: Option<String>,
}

impl Alert {
    /// The alert in a sentence without its full stop.
    pub fn title(&self) -> String {
        let count = self.count;
        let many = |one: &str, more: &str| format!("{count} {}", if count == 1 { one } else { more });
        let instance = match &self.instance {
            Some(name) => format!("LiteLLM {name}"),
            None => "LiteLLM".to_owned(),
        };
        match self.kind {
            AlertKind::LiteLlmUnreachable => format!("{instance} is out of reach"),
            AlertKind::KeysRevoking => format!("{} may still work at {instance}", many("ended key", "ended keys")),
            AlertKind::LiteLlmParked => format!("{instance} refuses {}", many("change", "changes")),
            AlertKind::LiteLlmDelayed => format!("{} for {instance}", many("late change", "late changes")),
            AlertKind::GitHubSyncStale => "The sync with GitHub has not been heard of".to_owned(),
            AlertKind::GitHubSyncFailing => match count {
                1 => "The last sync with GitHub was not completed".to_owned(),
                _ => format!("The last {count} syncs with GitHub were not completed"),
            },
            AlertKind::RunnerFindings => format!("{} wrong labels", many("runner has", "runners have")),
            AlertKind::DefaultTeamBudget => "The Default Team has spent its budget".to_owned(),
            AlertKind::BudgetUsedUp => format!("{} used up", many("budget is", "budgets are")),
            AlertKind::BudgetNear => format!("{} nearly used up", many("budget is", "budgets are")),
        }
    }

    /// The page of the console where it is mended.
    pub fn href(&self) -> String {
        // Names of instances are lower-case letters, digits and hyphens.
        let instance = self.instance.as_deref().unwrap_or_default();
        let details = |rest: &str| format!("/admin/sync/litellm?instance={instance}{rest}");
        match self.kind {
            AlertKind::LiteLlmUnreachable | AlertKind::LiteLlmDelayed => details(""),
            AlertKind::LiteLlmParked => details("&state=parked"),
            AlertKind::KeysRevoking => details("&kind=key"),
            AlertKind::GitHubSyncStale | AlertKind::GitHubSyncFailing | AlertKind::RunnerFindings => {
                "/admin/sync".to_owned()
            }
            AlertKind::DefaultTeamBudget => format!("/admin/teams/{DEFAULT_TEAM}"),
            AlertKind::BudgetUsedUp | AlertKind::BudgetNear => "/admin/organizations".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn c16_each_kind_of_alert_says_what_it_means_and_where_to_go() {
        let words: BTreeSet<&str> = AlertKind::ALL.into_iter().map(AlertKind::as_str).collect();
        assert_eq!(words.len(), AlertKind::ALL.len());
        for kind in AlertKind::ALL {
            let alert = |count| Alert {
                kind,
                instance: Some("main".to_owned()),
                count,
                since: None,
                detail: None,
            };
            assert!(alert(1).href().starts_with("/admin/"), "{kind:?}");
            assert!(
                !alert(1).title().ends_with('.') && kind.meaning().ends_with('.'),
                "{kind:?}"
            );
            let counted = alert(2).title();
            assert!(counted == alert(1).title() || counted.contains('2'), "{counted}");
        }
        // The list is in the order in which somebody should look.
        assert!(AlertKind::ALL.is_sorted_by_key(|kind| kind.level()));
    }
}
