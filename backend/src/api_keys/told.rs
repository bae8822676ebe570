//! How the making of a key went: one line in the log and one step of a counter for each time LiteLLM is asked for one
//! (SPEC C16). Nothing of the key but its id is in either.

use std::time::Instant;

use super::{Made, make::Work};
use crate::{Code, Error, RequestInfo, measure};

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// LiteLLM has it, and its owner sees it.
    Ready,
    /// LiteLLM is away; its owner claims it later.
    Pending,
    /// LiteLLM will not make it.
    Refused,
    /// Anything else, such as a process that stopped or somebody who hung up.
    Failed,
}

impl Ended {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Pending => "pending",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }
}

impl From<&Made> for Ended {
    fn from(made: &Made) -> Self {
        match made {
            Made::Ready(..) => Self::Ready,
            Made::Pending(..) => Self::Pending,
        }
    }
}

/// A key that is being made. Dropped without a word of how it ended, it failed.
pub(super) struct Making<'a> {
    work: &'a Work,
    request_id: Option<String>,
    began: Instant,
    attempts: u32,
    ended: Ended,
}

impl<'a> Making<'a> {
    pub(super) fn begin(work: &'a Work, request: &RequestInfo) -> Self {
        Self {
            work,
            request_id: request.id.clone(),
            began: Instant::now(),
            attempts: 0,
            ended: Ended::Failed,
        }
    }

    /// LiteLLM is asked, once more.
    pub(super) fn attempt(&mut self) {
        self.attempts += 1;
    }

    /// Says how it ended.
    pub(super) fn ended(mut self, outcome: Result<Ended, &Error>) {
        self.ended = outcome.unwrap_or_else(|error| match error.code() {
            Code::LiteLlm => Ended::Refused,
            _ => Ended::Failed,
        });
    }
}

impl Drop for Making<'_> {
    fn drop(&mut self) {
        let (work, outcome) = (self.work, self.ended.as_str());
        measure::key_creation(outcome);
        let (instance, kind, attempt) = (work.instance.as_str(), "key", self.attempts);
        let duration_ms = self.began.elapsed().as_secs_f64() * 1000.0;
        let request_id = self.request_id.as_deref();
        match self.ended {
            Ended::Ready | Ended::Pending => {
                tracing::info!(instance, kind, object = %work.id, attempt, outcome, duration_ms, request_id, "key creation");
            }
            Ended::Refused | Ended::Failed => {
                tracing::warn!(instance, kind, object = %work.id, attempt, outcome, duration_ms, request_id, "key creation");
            }
        }
    }
}
