//! What is told about runners: who holds a quota, what happened to one, what a clean-up did.

use chrono::{DateTime, Utc};

use super::Runner;
use crate::{OrganizationId, RunnerStatus, TeamId};

/// Which quota is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QuotaScope {
    /// A team's.
    Team(TeamId),
    /// That of all teams of an organization.
    Organization(OrganizationId),
    /// That of a person in no team.
    Own,
}

impl QuotaScope {
    /// The word that the API uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Team(_) => "team",
            Self::Organization(_) => "organization",
            Self::Own => "user",
        }
    }
}

/// Who holds a quota, and for how long (SPEC B14): only runners that the viewer may see.
#[derive(Debug, Clone, PartialEq)]
pub struct QuotaHolders {
    /// Which quota.
    pub scope: QuotaScope,
    /// The runners: those that do nothing first, the longest first; at most [`QuotaHolders::SHOWN`].
    pub runners: Vec<Runner>,
    /// How many count against the quota, those included that the viewer may not see.
    pub total: i64,
    /// How many of them are idle or offline and may be deleted by the viewer.
    pub removable: i64,
    /// How many of them run a job.
    pub busy: i64,
    /// How many of them were not started yet.
    pub pending: i64,
    /// The time that all this was true at.
    pub at: DateTime<Utc>,
}

impl QuotaHolders {
    /// The most runners that are named.
    pub const SHOWN: i64 = 20;
}

/// What a runner does, in one word: busy and idle are both active.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerState {
    /// Not connected yet.
    Pending,
    /// Connected, waiting for a job.
    Idle,
    /// Runs a job.
    Busy,
    /// Not connected.
    Offline,
    /// Gone.
    Deleted,
}

impl RunnerState {
    /// What status and busy make together.
    pub fn of(status: RunnerStatus, busy: bool) -> Self {
        match status {
            RunnerStatus::Deleted => Self::Deleted,
            _ if busy => Self::Busy,
            RunnerStatus::Pending => Self::Pending,
            RunnerStatus::Active => Self::Idle,
            RunnerStatus::Offline => Self::Offline,
        }
    }

    /// The word, as people read it in a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Idle => "idle",
            Self::Busy => "busy",
            Self::Offline => "offline",
            Self::Deleted => "deleted",
        }
    }

    /// Whether a clean-up may take it.
    pub fn is_removable(self) -> bool {
        matches!(self, Self::Idle | Self::Offline)
    }
}

impl Runner {
    /// What it does, in one word.
    pub fn state(&self) -> RunnerState {
        RunnerState::of(self.status, self.busy)
    }
}

/// A runner with all that happened to it.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerDetail {
    /// The runner.
    pub runner: Runner,
    /// The name of its project.
    pub project_name: Option<String>,
    /// Whether the viewer may delete it.
    pub may_delete: bool,
    /// Whether the viewer may have GitHub asked about it.
    pub may_refresh: bool,
    /// What happened, newest first.
    pub events: Vec<RunnerEvent>,
    /// Whether more happened than is told.
    pub more: bool,
}

/// Something that happened to a runner.
#[derive(Debug, Clone, PartialEq)]
pub struct RunnerEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: RunnerEventKind,
}

/// What can happen to a runner.
#[derive(Debug, Clone, PartialEq)]
pub enum RunnerEventKind {
    /// It came into a state.
    State {
        /// Which.
        state: RunnerState,
        /// Why it was deleted.
        reason: Option<String>,
    },
    /// Somebody did something to it, or tried to.
    Action {
        /// The event's name in the audit log.
        action: String,
        /// Who.
        actor: String,
        /// Whether it worked.
        success: bool,
        /// The words of who did it, or why it failed.
        detail: Option<String>,
    },
    /// It broke a rule.
    Security {
        /// The event's type.
        event_type: String,
        /// How bad it is.
        severity: String,
        /// What was done about it.
        action_taken: Option<String>,
    },
    /// A job ran on it.
    Job {
        /// Where.
        repository: String,
        /// The job's name.
        name: String,
        /// `queued`, `in_progress`, `completed`.
        status: String,
        /// `success`, `failure`, …
        conclusion: Option<String>,
        /// How long it ran, in seconds.
        seconds: Option<i64>,
        /// Who started it at GitHub.
        sender: Option<String>,
    },
}

/// What a clean-up did, or would do.
#[derive(Debug, Clone, PartialEq)]
pub struct Cleanup {
    /// Whether nothing was done.
    pub dry_run: bool,
    /// How many runners fit; more than there are rows when there are more than one call takes.
    pub matched: i64,
    /// The runners with their outcomes, those longest in their state first.
    pub rows: Vec<CleanupRow>,
}

impl Cleanup {
    /// How many are gone.
    pub fn removed(&self) -> usize {
        self.rows
            .iter()
            .filter(|row| row.outcome == CleanupOutcome::Removed)
            .count()
    }

    /// How many should be and are not.
    pub fn failed(&self) -> usize {
        (self.rows.iter())
            .filter(|row| matches!(row.outcome, CleanupOutcome::Failed(..)))
            .count()
    }
}

/// One runner of a clean-up.
#[derive(Debug, Clone, PartialEq)]
pub struct CleanupRow {
    /// The runner, as it was.
    pub runner: Runner,
    /// What became of it.
    pub outcome: CleanupOutcome,
}

/// What became of a runner in a clean-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CleanupOutcome {
    /// It would be removed.
    WouldRemove,
    /// It is gone.
    Removed,
    /// It stays: an error code and the words.
    Failed(&'static str, String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b18_one_word_says_what_a_runner_does() {
        use RunnerStatus::{Active, Deleted, Offline, Pending};
        let word = |status, busy| RunnerState::of(status, busy).as_str();
        assert_eq!(word(Active, false), "idle");
        assert_eq!(word(Active, true), "busy");
        assert_eq!(word(Offline, false), "offline");
        assert_eq!(
            word(Offline, true),
            "busy",
            "GitHub says so while a connection comes back"
        );
        assert_eq!(word(Pending, false), "pending");
        assert_eq!(word(Deleted, false), "deleted");
        let removable = [Pending, Active, Offline, Deleted].map(|status| RunnerState::of(status, false).is_removable());
        assert_eq!(removable, [false, true, true, false]);
        assert!(!RunnerState::of(Active, true).is_removable());
    }
}
