//! What is shown of LiteLLM's instances and of what they know (SPEC C6, X14).

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// How the client's circuit breaker stands (SPEC C6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go out; so many in a row have failed.
    Closed {
        /// Failed calls in a row.
        failures: u32,
    },
    /// No call goes out for so many seconds.
    Open {
        /// Seconds until one is tried.
        retry_after: u64,
    },
    /// One call is out, to see.
    HalfOpen,
}

impl BreakerState {
    /// The word in the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen => "half_open",
        }
    }
}

/// How many things of a kind an instance has, and has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteLlmCounts {
    /// `team`, `user`, `member` or `key`.
    pub kind: String,
    /// Due, or under way.
    pub pending: i64,
    /// Tried, to be tried again.
    pub failed: i64,
    /// Waiting for a person.
    pub parked: i64,
    /// There as they are here.
    pub synced: i64,
}

/// An instance, and how it does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteLlmInstance {
    /// Its name.
    pub name: String,
    /// Its namespace in manifests.
    pub namespace: String,
    /// Its address.
    pub url: String,
    /// Whether teams that name none are on this one.
    pub is_default: bool,
    /// How this process gets on with it.
    pub breaker: BreakerState,
    /// What it has and has not, by kind.
    pub counts: Vec<LiteLlmCounts>,
    /// Since when the oldest change waits.
    pub oldest_pending: Option<DateTime<Utc>>,
    /// When something was delivered last.
    pub last_success: Option<DateTime<Utc>>,
    /// Keys that are deleted here and may still work there.
    pub orphan_keys: i64,
}

impl LiteLlmInstance {
    /// How many things are not there, or not as they are here.
    pub fn open(&self) -> i64 {
        let open = |counts: &LiteLlmCounts| counts.pending + counts.failed + counts.parked;
        self.counts.iter().map(open).sum()
    }

    /// How many things wait for a person.
    pub fn parked(&self) -> i64 {
        self.counts.iter().map(|counts| counts.parked).sum()
    }
}

/// Something that an instance must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteLlmObject {
    /// Id of the row.
    pub id: Uuid,
    /// The instance.
    pub instance: String,
    /// `team`, `user`, `member` or `key`.
    pub kind: String,
    /// The team, person or key; of a membership the team.
    pub object_id: Uuid,
    /// The member of a membership.
    pub user_id: Option<Uuid>,
    /// What people call it; none when it is gone here.
    pub name: Option<String>,
    /// `pending`, `failed`, `parked` or `synced`.
    pub state: String,
    /// Tries since the last change or success.
    pub attempts: i32,
    /// Since when it waits.
    pub changed_at: DateTime<Utc>,
    /// When it is tried next.
    pub due_at: DateTime<Utc>,
    /// When the instance had it last.
    pub synced_at: Option<DateTime<Utc>>,
    /// Why the last try did not work.
    pub last_error: Option<String>,
    /// What the instance could not take as it is.
    pub note: Option<String>,
}

/// A comparison of what is here with what an instance has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteLlmComparison {
    /// Id.
    pub id: Uuid,
    /// The instance.
    pub instance: String,
    /// Who asked for it.
    pub requested_by: String,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was over; none while it goes on.
    pub ended_at: Option<DateTime<Utc>>,
    /// How many things were looked at so far.
    pub compared: i64,
    /// Why it was not completed.
    pub error: Option<String>,
    /// How many differences it found.
    pub differences: i64,
    /// How many of them nobody has decided about.
    pub open: i64,
}

/// A difference between here and there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiteLlmDifference {
    /// Id.
    pub id: Uuid,
    /// `team`, `user`, `member` or `key`.
    pub kind: String,
    /// What it is called.
    pub name: String,
    /// `missing`: only here. `unknown`: only there. `different`.
    pub problem: String,
    /// What differs.
    pub detail: String,
    /// What was decided: `pushed` or `removed`.
    pub settled: Option<String>,
    /// By whom.
    pub settled_by: Option<String>,
    /// Whether what only the instance has can be removed there from here.
    pub removable: bool,
}
