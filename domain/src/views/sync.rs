//! What is shown of the sync with GitHub (SPEC B21, B22).

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use crate::{RunnerId, TeamId};

/// What a pass found and did, in runners of ours. `updated + deleted + unchanged + errors = total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SyncCounts {
    /// Whose state changed.
    pub updated: i32,
    /// That are gone.
    pub deleted: i32,
    /// That are as they were.
    pub unchanged: i32,
    /// That could not be settled: the next pass tries again.
    pub errors: i32,
    /// Living ones with labels that their team's present policy does not admit.
    pub policy_violations: i32,
    /// Whose labels at GitHub are not those that were provisioned.
    pub label_drifts: i32,
    /// All that the pass looked at.
    pub total: i32,
}

/// One pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncRun {
    /// Id.
    pub id: Uuid,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was over; none while it is under way.
    pub ended_at: Option<DateTime<Utc>>,
    /// The process: host name and process id.
    pub worker: String,
    /// Who asked for it; none when its time had come.
    pub requested_by: Option<String>,
    /// Pages of GitHub's list that were read.
    pub pages: i32,
    /// What it did.
    pub counts: SyncCounts,
    /// Why it was not completed.
    pub error: Option<String>,
}

/// How the worker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SyncState {
    /// There is no GitHub to ask.
    NotConfigured,
    /// The interval is 0.
    Off,
    /// No process has taken the work yet.
    Waiting,
    /// A process is at it.
    Running,
    /// The process has not been heard of for too long.
    Stale,
}

impl SyncState {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Off => "off",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Stale => "stale",
        }
    }

    /// Whether passes are made at all.
    pub fn is_enabled(self) -> bool {
        !matches!(self, Self::NotConfigured | Self::Off)
    }
}

/// The sync as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncStatus {
    /// How it does.
    pub state: SyncState,
    /// Seconds between two passes; 0 when it is off.
    pub interval_seconds: u64,
    /// The host that the worker runs on.
    pub hostname: Option<String>,
    /// Its process id there.
    pub pid: Option<i32>,
    /// When it was last heard of.
    pub heartbeat: Option<DateTime<Utc>>,
    /// When the next pass begins.
    pub next_run: Option<DateTime<Utc>>,
    /// Until when GitHub allows no calls.
    pub rate_limited_until: Option<DateTime<Utc>>,
    /// Who asked for a pass that has not begun.
    pub requested_by: Option<String>,
    /// The latest passes, newest first; one without an end is under way.
    pub runs: Vec<SyncRun>,
    /// How many there are altogether.
    pub run_count: i64,
    /// The time of all this.
    pub now: DateTime<Utc>,
}

impl SyncStatus {
    /// The latest pass that is over.
    pub fn last(&self) -> Option<&SyncRun> {
        self.runs.iter().find(|run| run.ended_at.is_some())
    }
}

/// Something wrong with a living runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunnerFinding {
    /// The runner.
    pub runner_id: RunnerId,
    /// Its name.
    pub runner_name: String,
    /// Its team.
    pub team: Option<(TeamId, String)>,
    /// Whether its labels drifted; if not, they break the policy.
    pub drift: bool,
    /// The labels in question.
    pub labels: Vec<String>,
    /// What was done about it: `logged_only`, `workflow_cancelled`, `delete_failed`, …
    pub action: String,
    /// Since when it is known.
    pub since: DateTime<Utc>,
}
