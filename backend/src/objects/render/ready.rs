//! Conditions (SPEC A7): how it stands at LiteLLM, in Kubernetes' words.

use chrono::{DateTime, Utc};
use kubernetes::status::Condition;
use serde_json::{Map, Value};

use crate::litellm::OUT_OF_REACH;

/// One condition without its times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Standing {
    pub(in super::super) kind: &'static str,
    pub(in super::super) is: bool,
    pub(in super::super) reason: &'static str,
    pub(in super::super) message: String,
}

impl Standing {
    pub(in super::super) fn new(
        kind: &'static str,
        is: bool,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            kind,
            is,
            reason,
            message: message.into(),
        }
    }
}

/// What the outbox says of a thing.
pub(super) struct Outbox<'a> {
    /// The instance that it belongs to, if that is configured.
    pub(super) instance: Option<&'a str>,
    /// The instance that it names, if it names one.
    pub(super) named: Option<&'a str>,
    pub(super) state: Option<&'a str>,
    pub(super) error: Option<&'a str>,
}

/// `Ready`, of something that LiteLLM should have; `done` is what is said when it has.
pub(super) fn ready(outbox: &Outbox<'_>, done: &str) -> Standing {
    let not = |reason, message: String| Standing::new("Ready", false, reason, message);
    if outbox.instance.is_none() {
        return not("ConfigError", unconfigured(outbox.named));
    }
    match (outbox.state, outbox.error) {
        (Some("synced"), _) => Standing::new("Ready", true, "Ready", done),
        (Some("failed" | "parked"), Some(error)) if error.starts_with(OUT_OF_REACH) => {
            not("ConnectionError", error.to_owned())
        }
        (Some("failed" | "parked"), Some(error)) => not("LitellmError", error.to_owned()),
        _ => not("Reconciling", "LiteLLM is being told".to_owned()),
    }
}

/// Whether the instance answers, as far as the last delivery shows.
pub(super) fn reachable(outbox: &Outbox<'_>) -> Standing {
    match (outbox.instance, outbox.error) {
        (None, _) => Standing::new("InstanceReachable", false, "ConfigError", unconfigured(outbox.named)),
        (Some(_), Some(error)) if error.starts_with(OUT_OF_REACH) && outbox.state != Some("synced") => {
            Standing::new("InstanceReachable", false, "ConnectionError", error)
        }
        (Some(name), _) => Standing::new(
            "InstanceReachable",
            true,
            "Reachable",
            format!("LiteLLM instance '{name}'"),
        ),
    }
}

fn unconfigured(named: Option<&str>) -> String {
    match named {
        Some(name) => format!("The LiteLLM instance '{name}' is not configured in Guildhall"),
        None => "No LiteLLM instance is configured in Guildhall".to_owned(),
    }
}

/// The standing of something that was deleted, while LiteLLM has not confirmed.
pub(in super::super) fn deleting(state: &str, error: Option<&str>) -> Standing {
    match (state, error) {
        ("failed" | "parked", Some(error)) => Standing::new("Ready", false, "DeleteFailed", error),
        _ => Standing::new("Ready", false, "Deleting", "LiteLLM is being told that it is gone"),
    }
}

/// The conditions of a status: the time of one that is as it was stays.
pub(in super::super) fn conditions(
    standings: &[Standing],
    before: &Map<String, Value>,
    generation: i64,
    now: DateTime<Utc>,
) -> Vec<Condition> {
    let known: Vec<Condition> = before
        .get("conditions")
        .and_then(|conditions| serde_json::from_value(conditions.clone()).ok())
        .unwrap_or_default();
    let condition = |standing: &Standing| {
        let mut fresh = Condition::new(
            standing.kind,
            standing.is,
            standing.reason,
            &standing.message,
            generation,
            now,
        );
        let same = known
            .iter()
            .find(|one| one.kind == fresh.kind && one.status == fresh.status);
        if let Some(same) = same {
            fresh.last_transition_time.clone_from(&same.last_transition_time);
        }
        fresh
    };
    standings.iter().map(condition).collect()
}

/// The standings of what waits.
pub(in super::super) fn waits(waits: &Value) -> Vec<Standing> {
    let text = |field: &str| waits.get(field).and_then(Value::as_str).unwrap_or_default();
    let reason = match text("reason") {
        "ConfigError" => "ConfigError",
        "InvalidSpec" => "InvalidSpec",
        "Forbidden" => "Forbidden",
        _ => "ReconcileError",
    };
    let mut standings = vec![Standing::new("Ready", false, reason, text("message"))];
    for (field, kind, there, missing) in [
        (
            "teamExists",
            "TeamExists",
            "There is such a team",
            "referenced Team is not ready",
        ),
        (
            "userExists",
            "UserExists",
            "There is such a person",
            "referenced User is not ready",
        ),
        (
            "instanceReachable",
            "InstanceReachable",
            "The LiteLLM instance is configured",
            "The LiteLLM instance is not configured in Guildhall",
        ),
    ] {
        if let Some(is) = waits.get(field).and_then(Value::as_bool) {
            let reason = if is { "Found" } else { "NotFound" };
            standings.push(Standing::new(kind, is, reason, if is { there } else { missing }));
        }
    }
    standings
}
