//! What is counted of LiteLLM and the syncs (SPEC C16). `server::telemetry::METRICS` describes each of these, with the
//! values that its labels may have.

use std::{sync::Arc, time::Duration};

use integrations::litellm::{Breaker, Observe};

use crate::{Backend, litellm};

/// How long a scrape waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// With whom a sync did not work.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    LiteLlm,
    GitHub,
    Directory,
}

/// Counts what a sync could not do.
pub(crate) fn sync_errors(target: Target, errors: u64) {
    let target = match target {
        Target::LiteLlm => "litellm",
        Target::GitHub => "github",
        Target::Directory => "directory",
    };
    metrics::counter!("guildhall_sync_errors_total", "target" => target).increment(errors);
}

/// Counts a person who came to be at LiteLLM, or did not: `created`, `existed`, `failed`.
pub(crate) fn user_creation(outcome: &'static str) {
    metrics::counter!("guildhall_user_creation_total", "outcome" => outcome).increment(1);
}

/// Counts a delivery of a membership: `created`, `existed`, `updated`, `removed`, `failed`.
pub(crate) fn team_assignment(outcome: &'static str) {
    metrics::counter!("guildhall_team_assignment_total", "outcome" => outcome).increment(1);
}

/// Counts a try at making a key: `ready`, `pending`, `refused`, `failed`.
pub(crate) fn key_creation(outcome: &'static str) {
    metrics::counter!("guildhall_key_creation_total", "outcome" => outcome).increment(1);
}

/// Counts what was told of money that was spent: `litellm`, `ingest`.
pub(crate) fn spend_entries(source: &'static str, entries: u64) {
    metrics::counter!("guildhall_spend_entries_total", "source" => source).increment(entries);
}

/// Counts a budget that reached a threshold in its period.
pub(crate) fn budget_alert(level: &str, threshold: i16) {
    metrics::counter!("guildhall_budget_alerts_total", "level" => level.to_owned(), "threshold" => threshold.to_string())
        .increment(1);
}

/// Counts a reminder of an access review: `person`, `clock`.
pub(crate) fn review_reminder(by: &'static str) {
    metrics::counter!("guildhall_access_review_reminders_total", "by" => by).increment(1);
}

/// What the client of an instance is to tell of its calls. Routes are templates: no id becomes a label.
pub fn litellm_calls(instance: &str) -> Observe {
    let instance = instance.to_owned();
    Arc::new(move |route, outcome, took| {
        metrics::counter!("guildhall_litellm_requests_total", "route" => route, "outcome" => outcome).increment(1);
        // What was not sent took no time, which would make the others look faster.
        if outcome != "circuit_open" {
            metrics::histogram!("guildhall_litellm_request_duration_seconds", "instance" => instance.clone(), "route" => route)
                .record(took);
        }
    })
}

/// Sets the gauges of the breakers of this process, and of what waits for LiteLLM: for whoever scrapes. One query, whose
/// cost grows with what waits and not with what there is. Without the database what waits is unknown, and says so.
pub async fn refresh(backend: &Backend) {
    if backend.litellm.is_empty() {
        return;
    }
    for instance in backend.litellm.iter() {
        let state = match instance.client.breaker() {
            Breaker::Closed { .. } => 0.0,
            Breaker::HalfOpen => 1.0,
            Breaker::Open { .. } => 2.0,
        };
        metrics::gauge!("guildhall_litellm_breaker_state", "instance" => instance.name().to_owned()).set(state);
    }
    let asked = async {
        let mut connection = backend.pool.acquire().await?;
        litellm::waiting(&mut connection).await
    };
    let waiting = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(waiting)) => Some(waiting),
        Ok(Err(error)) => {
            tracing::warn!(%error, "what waits for LiteLLM is unknown");
            None
        }
        Err(_) => {
            tracing::warn!("what waits for LiteLLM is unknown: the database does not answer");
            None
        }
    };
    for instance in backend.litellm.iter() {
        let of = |state: &'static str| {
            let waiting = waiting.as_deref()?;
            let one = waiting
                .iter()
                .find(|one| one.instance == instance.name() && one.state == state);
            Some(one.map_or((0.0, 0.0), |one| (whole(one.count), one.age.as_secs_f64())))
        };
        let unknown = (f64::NAN, f64::NAN);
        let name = instance.name().to_owned();
        let mut oldest = 0.0_f64;
        for state in ["pending", "failed", "parked"] {
            let (count, age) = of(state).unwrap_or(unknown);
            metrics::gauge!("guildhall_litellm_objects", "instance" => name.clone(), "state" => state).set(count);
            if state != "parked" {
                // `max` would prefer any number to none.
                oldest = if age.is_nan() { age } else { oldest.max(age) };
            }
        }
        let (revoking, revoking_age) = of(litellm::REVOKING).unwrap_or(unknown);
        metrics::gauge!("guildhall_litellm_oldest_pending_seconds", "instance" => name.clone()).set(oldest);
        metrics::gauge!("guildhall_litellm_revoking_keys", "instance" => name.clone()).set(revoking);
        metrics::gauge!("guildhall_litellm_oldest_revoking_seconds", "instance" => name).set(revoking_age);
    }
}

/// A count as a gauge takes it.
fn whole(count: i64) -> f64 {
    f64::from(u32::try_from(count.max(0)).unwrap_or(u32::MAX))
}
