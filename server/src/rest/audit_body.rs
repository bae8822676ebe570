//! Entries of the audit log, as JSON and as lines of a CSV file.

use std::borrow::Cow;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::views::AuditEntry;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::export::CsvLine;

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditLog {
    id: Uuid,
    /// What happened.
    #[schema(example = "team.update")]
    event_type: String,
    /// The runner that it is about.
    runner_id: Option<Uuid>,
    runner_name: Option<String>,
    /// The team that it happened in.
    team_id: Option<Uuid>,
    #[schema(example = "Backend Team")]
    team_name: Option<String>,
    /// Email of the person, or the name of a program or a part of the system, as it was then.
    #[schema(example = "user@example.com")]
    user_identity: String,
    /// The person's subject at the OpenID provider, as it was then.
    oidc_sub: Option<String>,
    /// The client's address; behind a trusted proxy, what the proxy says it is.
    #[schema(example = "192.0.2.7")]
    request_ip: Option<String>,
    user_agent: Option<String>,
    /// What is now; of what is gone, what was.
    #[schema(value_type = Object)]
    event_data: Map<String, Value>,
    success: bool,
    /// Why it did not work.
    error_message: Option<String>,
    timestamp: DateTime<Utc>,
    /// Id of the person or program.
    user_id: Option<Uuid>,
    organization_id: Option<Uuid>,
    target: Target,
    /// The fields before; null when it was new.
    #[schema(value_type = Option<Object>)]
    before: Value,
    /// The fields after; null when it is gone.
    #[schema(value_type = Option<Object>)]
    after: Value,
    /// How the caller proved who they are.
    #[schema(example = "session")]
    method: String,
    /// The request, as its answer and the server's log name it.
    request_id: Option<String>,
}

impl CsvLine for AuditLog {
    const NAMES: &'static [&'static str] = &[
        "timestamp",
        "event_type",
        "user_identity",
        "method",
        "target_kind",
        "target",
        "team",
        "success",
        "error",
        "request_ip",
        "user_agent",
        "request_id",
        "before",
        "after",
        "id",
    ];

    fn cells(&self) -> Vec<Cow<'_, str>> {
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default().into();
        let fields = |value: &Value| {
            if value.is_null() {
                "".into()
            } else {
                value.to_string().into()
            }
        };
        vec![
            self.timestamp.to_rfc3339_opts(SecondsFormat::Secs, true).into(),
            self.event_type.as_str().into(),
            self.user_identity.as_str().into(),
            self.method.as_str().into(),
            self.target.kind.as_str().into(),
            self.target.name.as_str().into(),
            text(&self.team_name),
            if self.success { "yes" } else { "no" }.into(),
            text(&self.error_message),
            text(&self.request_ip),
            text(&self.user_agent),
            text(&self.request_id),
            fields(&self.before),
            fields(&self.after),
            self.id.to_string().into(),
        ]
    }
}

/// What changed.
#[derive(Debug, Serialize, ToSchema)]
struct Target {
    #[schema(example = "team")]
    kind: String,
    id: String,
    /// Its name, as it was then.
    name: String,
}

impl From<AuditEntry> for AuditLog {
    fn from(entry: AuditEntry) -> Self {
        let event_data = match (&entry.after, &entry.before) {
            (Value::Object(fields), _) | (_, Value::Object(fields)) => fields.clone(),
            _ => Map::new(),
        };
        Self {
            runner_id: entry.runner_id(),
            runner_name: entry.runner_name().map(str::to_owned),
            error_message: entry.error().map(str::to_owned),
            id: entry.id,
            event_type: entry.action,
            team_id: entry.team_id.map(Into::into),
            team_name: entry.team_name,
            user_identity: entry.actor,
            oidc_sub: entry.oidc_sub,
            request_ip: entry.ip,
            user_agent: entry.user_agent,
            event_data,
            success: entry.success,
            timestamp: entry.at,
            user_id: entry.actor_id,
            organization_id: entry.organization_id.map(Into::into),
            target: Target {
                kind: entry.target_kind,
                id: entry.target_id,
                name: entry.target,
            },
            before: entry.before,
            after: entry.after,
            method: entry.method,
            request_id: entry.request_id,
        }
    }
}
