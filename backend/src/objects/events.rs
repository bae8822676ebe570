//! What happened to objects, for `kubectl describe`: each time that `Ready` says something else.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{render::Standing, store::Row};
use crate::Result;

/// What is noted of an object.
#[derive(Debug)]
pub(super) struct Event {
    row: Row,
    severity: &'static str,
    reason: &'static str,
    message: String,
    at: DateTime<Utc>,
}

impl Event {
    /// What `Ready` says now, if it said something else before.
    pub(super) fn of(row: &Row, before: Option<&Row>, ready: &Standing, now: DateTime<Utc>) -> Option<Self> {
        let said = before.and_then(|before| before.status.get("conditions")?.get(0));
        let text = |field: &str| said.and_then(|said| said.get(field)).and_then(Value::as_str);
        if text("reason") == Some(ready.reason) && text("message") == Some(&ready.message) {
            return None;
        }
        let normal = ready.is || matches!(ready.reason, "Reconciling" | "Deleting" | "WaitsForOwner");
        Some(Self {
            row: row.clone(),
            severity: if normal { "Normal" } else { "Warning" },
            reason: ready.reason,
            message: ready.message.clone(),
            at: now,
        })
    }
}

/// Notes events. What is said again of an object counts on.
pub(super) async fn note(connection: &mut PgConnection, events: &[Event]) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let text =
        |of: &dyn Fn(&Event) -> &str| -> Vec<String> { events.iter().map(|event| of(event).to_owned()).collect() };
    let ids: Vec<Uuid> = events.iter().map(|_| Uuid::now_v7()).collect();
    let uids: Vec<Uuid> = events.iter().map(|event| event.row.uid).collect();
    let organizations: Vec<Uuid> = events.iter().map(|event| event.row.organization).collect();
    let teams: Vec<Option<Uuid>> = events.iter().map(|event| event.row.ids.team).collect();
    let users: Vec<Option<Uuid>> = events.iter().map(|event| event.row.ids.user).collect();
    let declarers: Vec<Option<Uuid>> = events.iter().map(|event| event.row.declarer()).collect();
    let times: Vec<DateTime<Utc>> = events.iter().map(|event| event.at).collect();
    sqlx::query!(
        "WITH said AS (
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::uuid[], $7::uuid[], $8::text[],
                $9::text[], $10::text[], $11::timestamptz[], $12::uuid[])
                AS s(id, uid, organization_id, kind, name, team_id, user_id, severity, reason, message, at, declared_by)
        ), again AS (
            UPDATE object_events e SET count = e.count + 1, last_at = s.at FROM said s
            WHERE e.id = (SELECT o.id FROM object_events o
                WHERE o.uid = s.uid AND o.severity = s.severity AND o.reason = s.reason AND o.message = s.message
                ORDER BY o.last_at DESC LIMIT 1)
            RETURNING s.id
        )
        INSERT INTO object_events (id, uid, organization_id, kind, name, team_id, user_id, severity, reason, message, first_at,
            last_at, declared_by)
        SELECT id, uid, organization_id, kind, name, team_id, user_id, severity, reason, message, at, at, declared_by FROM said
        WHERE id NOT IN (SELECT id FROM again)",
        &ids,
        &uids,
        &organizations,
        &text(&|event| event.row.kind.name()),
        &text(&|event| &event.row.name),
        &teams as &[Option<Uuid>],
        &users as &[Option<Uuid>],
        &text(&|event| event.severity),
        &text(&|event| event.reason),
        &text(&|event| &event.message),
        &times,
        &declarers as &[Option<Uuid>],
    )
    .execute(connection)
    .await?;
    Ok(())
}
