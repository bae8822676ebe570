//! The audit log and the security events, as lists, pages and APIs show them.

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::FieldChange;
use crate::{OrganizationId, RunnerId, SecurityEventType, Severity, TeamId};

/// One entry of the audit log.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What happened, for example `team.update`.
    pub action: String,
    /// Who: a person or a program; none for a part of the system.
    pub actor_id: Option<Uuid>,
    /// Their email or name, as it was then.
    pub actor: String,
    /// Their subject at the OpenID provider, as it was then.
    pub oidc_sub: Option<String>,
    /// How they proved who they are: `session`, `token`, `jwt`, `command` or `system`.
    pub method: String,
    /// The request's id.
    pub request_id: Option<String>,
    /// The client's address.
    pub ip: Option<String>,
    /// The client's name for itself.
    pub user_agent: Option<String>,
    /// The organization that it happened in.
    pub organization_id: Option<OrganizationId>,
    /// The team that it happened in.
    pub team_id: Option<TeamId>,
    /// That team's name, as it is now.
    pub team_name: Option<String>,
    /// What kind of thing changed.
    pub target_kind: String,
    /// Its id.
    pub target_id: String,
    /// Its name, as it was then.
    pub target: String,
    /// Whether it worked.
    pub success: bool,
    /// Its fields before; null when it was new.
    pub before: Value,
    /// Its fields after; null when it is gone.
    pub after: Value,
    /// The fields that differ.
    pub fields: Vec<FieldChange>,
}

impl AuditEntry {
    /// The runner that it is about.
    pub fn runner_id(&self) -> Option<Uuid> {
        (self.target_kind == "runner")
            .then(|| self.target_id.parse().ok())
            .flatten()
    }

    /// That runner's name.
    pub fn runner_name(&self) -> Option<&str> {
        (self.target_kind == "runner").then_some(self.target.as_str())
    }

    /// Why it did not work, in words.
    pub fn error(&self) -> Option<&str> {
        if self.success {
            return None;
        }
        ["error", "detail", "error_message", "reason"]
            .into_iter()
            .find_map(|field| self.after.get(field)?.as_str())
    }
}

/// One security event (SPEC B24).
#[derive(Debug, Clone, PartialEq)]
pub struct SecurityEvent {
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: SecurityEventType,
    /// How bad it was held to be then.
    pub severity: Severity,
    /// The organization that it happened in.
    pub organization_id: Option<OrganizationId>,
    /// The team that it happened in.
    pub team_id: Option<TeamId>,
    /// That team's name, as it was then.
    pub team_name: Option<String>,
    /// The runner that it is about.
    pub runner_id: Option<RunnerId>,
    /// That runner's name.
    pub runner_name: Option<String>,
    /// GitHub's number of it.
    pub github_runner_id: Option<i64>,
    /// Whose doing it is: the email, or the name of a program or a part of the system.
    pub user_identity: String,
    /// What exactly.
    pub violation_data: Value,
    /// What was done about it.
    pub action_taken: Option<String>,
}

impl SecurityEvent {
    /// What it is about, in a word: a runner, a person, a team.
    pub fn target(&self) -> Option<&str> {
        let named = || self.violation_data.get("user").and_then(Value::as_str);
        self.runner_name.as_deref().or_else(named).or(self.team_name.as_deref())
    }
}

/// How far the audit log is sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditHead {
    /// How many entries are sealed: the place of the last one.
    pub seq: i64,
    /// The hash of the last seal, in hexadecimal; 64 zeros before the first.
    pub hash: String,
    /// How many entries wait for their seal.
    pub waiting: i64,
}
