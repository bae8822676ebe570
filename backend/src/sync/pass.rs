//! One pass: GitHub's list, page by page, then what it did not name.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use chrono::{DateTime, Utc};
use domain::views::{SyncCounts, SyncRun};
use integrations::github::{self, GitHub, RunnerPages};
use uuid::Uuid;

use super::{
    fence::{Fence, Stop},
    missing, page, runs,
};
use crate::{
    Backend, Error, Result, drift,
    measure::{self, Target},
};

/// A list that changed while it was read is read again, at most so often altogether.
const READINGS: usize = 3;
/// How often one page is asked for when the answer gets lost.
const ATTEMPTS: u32 = 3;
/// The pause before the second time; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// What became of a runner in a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Change {
    Unchanged,
    Updated,
    Error,
    Deleted,
}

/// A pass under way. What it keeps grows with our living runners, by their ids alone.
pub(crate) struct Pass<'a> {
    pub(crate) backend: &'a Backend,
    pub(crate) github: &'a GitHub,
    pub(crate) fence: Fence,
    pub(super) started_at: DateTime<Utc>,
    pub(super) pages: i32,
    changes: HashMap<Uuid, Change>,
    /// Whose labels drifted.
    drifted: HashSet<Uuid>,
    /// Whose labels their team's policy does not admit.
    pub(super) violating: HashSet<Uuid>,
    /// What a team's policy says of a label.
    pub(super) verdicts: HashMap<(Uuid, String), bool>,
}

/// Makes a pass and writes it down; none when another process has the lead. The next one comes after `interval`, or
/// when GitHub allows calls again.
pub(super) async fn run(backend: &Backend, fence: Fence, interval: Duration) -> Result<Option<SyncRun>> {
    let Some(github) = backend.github.clone() else {
        return Err(Error::not_configured_github());
    };
    let Some((id, started_at)) = runs::begin(backend, fence).await? else {
        return Ok(None);
    };
    let mut pass = Pass {
        backend,
        github: &github,
        fence,
        started_at,
        pages: 0,
        changes: HashMap::new(),
        drifted: HashSet::new(),
        violating: HashSet::new(),
        verdicts: HashMap::new(),
    };
    let outcome = pass.go().await;
    let (error, wait) = match outcome {
        Ok(()) => (None, None),
        Err(Stop::RateLimited(wait)) => {
            let words = github::Error::RateLimited { retry_after: wait }.user_message();
            // Without a word of GitHub's the usual interval is the wait.
            (Some(words), Some(wait.unwrap_or(interval).min(Duration::from_hours(1))))
        }
        Err(Stop::GitHub(words)) => (Some(words), None),
        Err(Stop::Lost) => return Ok(None),
        Err(Stop::Database(error)) => {
            tracing::warn!(%error, "runner sync: the database");
            (Some("The database did not answer; the log has more.".to_owned()), None)
        }
    };
    count(&pass.counts(), error.is_none());
    runs::end(backend, fence, id, &pass, error, interval, wait).await
}

fn count(counts: &SyncCounts, completed: bool) {
    let outcome = if completed { "completed" } else { "failed" };
    // A pass that was not completed, and each runner that one could not settle.
    let errors = u64::from(!completed) + u64::from(counts.errors.unsigned_abs());
    measure::sync_errors(Target::GitHub, errors);
    metrics::counter!("guildhall_runner_sync_runs_total", "outcome" => outcome).increment(1);
    for (change, number) in [
        ("updated", counts.updated),
        ("deleted", counts.deleted),
        ("unchanged", counts.unchanged),
        ("error", counts.errors),
    ] {
        metrics::counter!("guildhall_runner_sync_runners_total", "change" => change)
            .increment(number.unsigned_abs().into());
    }
    if completed {
        metrics::gauge!("guildhall_runner_policy_violations").set(counts.policy_violations);
    }
}

impl Pass<'_> {
    async fn go(&mut self) -> Result<(), Stop> {
        for _ in 0..READINGS {
            let mut pages = self.github.runner_pages();
            loop {
                // Before the question: what changes here after it is newer than the answer.
                let asked_at = self.fence.now(self.backend).await?;
                let Some(told) = read(&mut pages).await? else { break };
                self.pages += 1;
                let drifted = page::apply(self, &told, asked_at).await?;
                drop(told);
                drift::settle(self, drifted).await?;
            }
            if pages.steady() {
                break;
            }
        }
        missing::settle(self).await
    }

    /// Notes what became of a runner; what is worth more is kept.
    pub(crate) fn note(&mut self, id: Uuid, change: Change) {
        let known = self.changes.entry(id).or_insert(change);
        *known = change.max(*known);
    }

    /// Notes a runner whose labels drifted.
    pub(crate) fn note_drift(&mut self, id: Uuid) {
        self.drifted.insert(id);
    }

    /// What was done so far.
    pub(super) fn counts(&self) -> SyncCounts {
        let number = |length: usize| i32::try_from(length).unwrap_or(i32::MAX);
        let with = |change| number(self.changes.values().filter(|known| **known == change).count());
        SyncCounts {
            updated: with(Change::Updated),
            deleted: with(Change::Deleted),
            unchanged: with(Change::Unchanged),
            errors: with(Change::Error),
            policy_violations: number(self.violating.len()),
            label_drifts: number(self.drifted.len()),
            total: number(self.changes.len()),
        }
    }
}

/// The next page; a lost answer is asked for again.
async fn read(pages: &mut RunnerPages) -> Result<Option<Vec<github::Runner>>, Stop> {
    let mut pause = PAUSE;
    for _ in 1..ATTEMPTS {
        match pages.next().await {
            Err(error) if error.is_transient() && !matches!(error, github::Error::RateLimited { .. }) => {
                tracing::debug!(%error, "runner sync: a page is asked for again");
                tokio::time::sleep(pause).await;
                pause *= 2;
            }
            outcome => return Ok(outcome?),
        }
    }
    Ok(pages.next().await?)
}
