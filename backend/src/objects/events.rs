//! What happened to objects, for `kubectl describe`: each time that `Ready` says something else.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{render::Standing, store::Row};
use crate::Result;

/// Notes what `Ready` says now, if it said something else before. What is said again counts on.
pub(super) async fn note(
    connection: &mut PgConnection,
    row: &Row,
    before: Option<&Row>,
    ready: &Standing,
    now: DateTime<Utc>,
) -> Result<()> {
    let said = before.and_then(|before| before.status.get("conditions")?.get(0).cloned());
    let text = |field: &str| said.as_ref().and_then(|said| said.get(field)).and_then(Value::as_str);
    if text("reason") == Some(ready.reason) && text("message") == Some(&ready.message) {
        return Ok(());
    }
    let normal = ready.is || matches!(ready.reason, "Reconciling" | "Deleting" | "WaitsForOwner");
    let severity = if normal { "Normal" } else { "Warning" };
    let again = sqlx::query!(
        "UPDATE object_events SET count = count + 1, last_at = $5
        WHERE id = (SELECT id FROM object_events WHERE uid = $1 AND severity = $2 AND reason = $3 AND message = $4
            ORDER BY last_at DESC LIMIT 1)",
        row.uid,
        severity,
        ready.reason,
        ready.message,
        now,
    )
    .execute(&mut *connection)
    .await?;
    if again.rows_affected() > 0 {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO object_events (id, uid, organization_id, kind, name, team_id, user_id, severity, reason, message, first_at, last_at,
            declared_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)",
        Uuid::now_v7(),
        row.uid,
        row.organization,
        row.kind.name(),
        row.name,
        row.ids.team,
        row.ids.user,
        severity,
        ready.reason,
        ready.message,
        now,
        row.declarer(),
    )
    .execute(connection)
    .await?;
    Ok(())
}
