//! Every metric of `/metrics`. What is not listed here has no description, and a test says so; alerts and dashboards in
//! `docs/monitoring` are checked against this list.

use metrics::Unit;

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Grows while the process lives.
    Counter,
    /// As it is now.
    Gauge,
    /// Observations in buckets: `…_bucket`, `…_sum` and `…_count`.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its unit, where it has one.
    pub unit: Option<Unit>,
    /// The names of its labels, each with its values where those are few and known.
    pub labels: &'static [(&'static str, &'static [&'static str])],
    /// What it says.
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    labels: &'static [(&'static str, &'static [&'static str])],
    help: &'static str,
) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        unit: None,
        labels,
        help,
    }
}

const fn gauge(
    name: &'static str,
    labels: &'static [(&'static str, &'static [&'static str])],
    help: &'static str,
) -> Metric {
    Metric {
        kind: Kind::Gauge,
        ..counter(name, labels, help)
    }
}

/// In seconds, which the name says.
const fn seconds(metric: Metric) -> Metric {
    Metric {
        unit: Some(Unit::Seconds),
        ..metric
    }
}

const fn histogram(
    name: &'static str,
    labels: &'static [(&'static str, &'static [&'static str])],
    help: &'static str,
) -> Metric {
    seconds(Metric {
        kind: Kind::Histogram,
        ..counter(name, labels, help)
    })
}

/// Values that are many, or not ours to list.
const ANY: &[&str] = &[];

/// All of them.
pub const METRICS: &[Metric] = &[
    // LiteLLM (SPEC C16).
    counter(
        "guildhall_user_creation_total",
        &[("outcome", &["created", "existed", "failed"])],
        "People who came to be at LiteLLM, and tries at it that failed",
    ),
    counter(
        "guildhall_team_assignment_total",
        &[("outcome", &["created", "existed", "updated", "removed", "failed"])],
        "Deliveries of memberships to LiteLLM",
    ),
    counter(
        "guildhall_key_creation_total",
        &[("outcome", &["ready", "pending", "refused", "failed"])],
        "Keys that LiteLLM was asked for; pending ones wait for their owner",
    ),
    counter(
        "guildhall_spend_entries_total",
        &[("source", &["litellm", "ingest"])],
        "New entries of money that was spent",
    ),
    counter(
        "guildhall_budget_alerts_total",
        &[
            ("level", &["organization", "team", "member", "project", "key"]),
            ("threshold", &["50", "80", "100"]),
        ],
        "Budgets that reached a part of their limit, in percent, for the first time in their period",
    ),
    counter(
        "guildhall_access_review_reminders_total",
        &[("by", &["clock", "person"])],
        "Reminders of access reviews with lines that nobody has decided",
    ),
    counter(
        "guildhall_sync_errors_total",
        &[("target", &["litellm", "github"])],
        "Deliveries to LiteLLM that failed; passes with GitHub that were not completed, and runners that one could not settle",
    ),
    counter(
        "guildhall_litellm_requests_total",
        &[
            ("route", ANY),
            (
                "outcome",
                &[
                    "ok",
                    "not_found",
                    "conflict",
                    "licence",
                    "denied",
                    "rejected",
                    "rate_limited",
                    "unreachable",
                    "no_answer",
                    "invalid_answer",
                    "circuit_open",
                ],
            ),
        ],
        "HTTP requests to LiteLLM, retries included, and calls that the circuit breaker refused",
    ),
    histogram(
        "guildhall_litellm_request_duration_seconds",
        &[("instance", ANY), ("route", ANY)],
        "Time that an HTTP request to LiteLLM took",
    ),
    gauge(
        "guildhall_litellm_breaker_state",
        &[("instance", ANY)],
        "The circuit breaker of this process: 0 closed, 1 half-open, 2 open",
    ),
    gauge(
        "guildhall_litellm_objects",
        &[("instance", ANY), ("state", &["pending", "failed", "parked"])],
        "Teams, people, memberships and keys that the instance does not have as they are here",
    ),
    seconds(gauge(
        "guildhall_litellm_oldest_pending_seconds",
        &[("instance", ANY)],
        "Age of the oldest change that is still tried; parked ones are not",
    )),
    gauge(
        "guildhall_litellm_revoking_keys",
        &[("instance", ANY)],
        "Keys that are ended here and may still work there",
    ),
    seconds(gauge(
        "guildhall_litellm_oldest_revoking_seconds",
        &[("instance", ANY)],
        "How long ago the oldest of them was ended",
    )),
    // Runners.
    counter(
        "guildhall_runner_provisioning_total",
        &[("outcome", ANY)],
        "Requests for a runner, by outcome: created, or the error's code",
    ),
    counter(
        "guildhall_runner_sync_runs_total",
        &[("outcome", &["completed", "failed"])],
        "Passes of the sync with GitHub, by outcome",
    ),
    counter(
        "guildhall_runner_sync_runners_total",
        &[("change", &["updated", "deleted", "unchanged", "error"])],
        "Runners that passes looked at, by what became of them",
    ),
    histogram("guildhall_runner_sync_duration_seconds", &[], "Time that a pass took"),
    gauge(
        "guildhall_runner_sync_leader",
        &[],
        "Whether this process does the sync with GitHub",
    ),
    gauge(
        "guildhall_runner_policy_violations",
        &[],
        "Living runners that their team's present policy does not admit, at the last pass of this process",
    ),
    counter(
        "guildhall_workflow_jobs_total",
        &[("status", ANY)],
        "Jobs that GitHub told of, by their status",
    ),
    // Everything else.
    counter(
        "guildhall_security_events_total",
        &[("type", ANY)],
        "Security events, by type",
    ),
    counter(
        "guildhall_authz_decisions_total",
        &[("outcome", &["allowed", "refused", "unauthenticated", "unavailable"])],
        "Answers of forward auth, by outcome",
    ),
    histogram(
        "guildhall_authz_decision_duration_seconds",
        &[],
        "Time that an answer of forward auth took",
    ),
    gauge(
        "guildhall_audit_sealed",
        &[],
        "Place of the newest sealed entry of the audit log, of the process that sealed it",
    ),
    histogram(
        "guildhall_http_request_duration_seconds",
        &[("method", ANY), ("route", ANY), ("status", ANY)],
        "Time to the head of the answer, by method, route and status",
    ),
    counter(
        "guildhall_kubernetes_requests_total",
        &[("verb", ANY), ("resource", ANY), ("code", ANY)],
        "Requests to the Kubernetes API, by verb, resource and status",
    ),
    histogram(
        "guildhall_kubernetes_request_duration_seconds",
        &[("verb", ANY), ("resource", ANY)],
        "Time to the head of an answer of the Kubernetes API; of a watch, until it begins",
    ),
    gauge(
        "guildhall_kubernetes_watches",
        &[],
        "Open watches of the Kubernetes API",
    ),
    counter(
        "guildhall_job_panics_total",
        &[("job", ANY)],
        "Jobs beside requests that panicked, by job; each is tried again",
    ),
    gauge(
        "guildhall_database_connections",
        &[("state", &["idle", "used"])],
        "Open connections of this process, by state",
    ),
];

/// Describes all of them. Counters whose labels have few values begin at zero, so that the first failure is a step and
/// not a new series, which `increase()` does not see.
pub(super) fn describe() {
    for metric in METRICS {
        let (name, help) = (metric.name, metric.help);
        let unit = metric.unit.unwrap_or(Unit::Count);
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(name, unit, help),
            Kind::Gauge => metrics::describe_gauge!(name, unit, help),
            Kind::Histogram => metrics::describe_histogram!(name, unit, help),
        }
        if let (Kind::Counter, [(label, values)]) = (metric.kind, metric.labels) {
            for &value in *values {
                metrics::counter!(name, *label => value).increment(0);
            }
        }
    }
}
