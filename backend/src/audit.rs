//! The audit log: one entry for each change, in the transaction that makes it.

use domain::{
    OrganizationId, TeamId,
    views::{Change, FieldChange},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{Caller, Ctx, Result};

/// What happened, to what. Who, how, from where and when come from the [`Ctx`].
pub struct Entry<'a> {
    /// The event, for example `team.update`.
    pub action: &'static str,
    /// The organization that it happened in.
    pub organization: Option<OrganizationId>,
    /// The team that it happened in.
    pub team: Option<TeamId>,
    /// What kind of thing changed: `team`, `member`, `project`, `runner`, `user`, `token`.
    pub kind: &'static str,
    /// Its id.
    pub id: Uuid,
    /// Its name, as it is now.
    pub name: &'a str,
    /// Its fields before the change; null when it is new.
    pub before: Value,
    /// Its fields after; null when it is gone.
    pub after: Value,
    /// Whether it worked: failed attempts at outside systems are kept too.
    pub success: bool,
}

impl<'a> Entry<'a> {
    /// An entry of something that worked.
    pub fn new(action: &'static str, kind: &'static str, id: impl Into<Uuid>, name: &'a str) -> Self {
        Self {
            action,
            organization: None,
            team: None,
            kind,
            id: id.into(),
            name,
            before: Value::Null,
            after: Value::Null,
            success: true,
        }
    }

    /// In a team.
    #[must_use]
    pub fn team(mut self, organization: OrganizationId, team: TeamId) -> Self {
        self.organization = Some(organization);
        self.team = Some(team);
        self
    }

    /// With what was and what is.
    #[must_use]
    pub fn change(mut self, before: Value, after: Value) -> Self {
        self.before = before;
        self.after = after;
        self
    }
}

/// Writes an entry.
///
/// # Errors
/// When the database refuses; the whole change is then undone with it.
pub async fn record(ctx: &mut Ctx, entry: Entry<'_>) -> Result<()> {
    let (method, actor) = (ctx.caller.method().as_str(), ctx.caller.name().to_owned());
    let actor_id = match &ctx.caller {
        Caller::Person(principal, _) => Some(principal.id.0),
        Caller::System(..) => None,
    };
    let (request, now) = (ctx.request.clone(), ctx.now);
    sqlx::query!(
        "INSERT INTO audit_entries (id, at, actor_id, actor, method, request_id, ip, user_agent, action,
            organization_id, team_id, target_kind, target_id, target, success, before, after)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
        Uuid::now_v7(),
        now,
        actor_id,
        actor,
        method,
        request.id,
        request.ip,
        request.user_agent,
        entry.action,
        entry.organization.map(|id| id.0),
        entry.team.map(|id| id.0),
        entry.kind,
        entry.id.to_string(),
        entry.name,
        entry.success,
        entry.before,
        entry.after,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Writes several entries in one statement: what happens to many at once costs as one.
///
/// # Errors
/// As [`record`].
pub(crate) async fn record_all(ctx: &mut Ctx, entries: &[Entry<'_>]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (method, actor) = (ctx.caller.method().as_str(), ctx.caller.name().to_owned());
    let actor_id = ctx.caller.user_id().map(|id| id.0);
    let (request, now) = (ctx.request.clone(), ctx.now);
    let rows: Vec<Value> = entries
        .iter()
        .map(|entry| {
            json!({
                "id": Uuid::now_v7(),
                "action": entry.action,
                "organization_id": entry.organization,
                "team_id": entry.team,
                "target_kind": entry.kind,
                "target_id": entry.id,
                "target": entry.name,
                "success": entry.success,
                "before": entry.before,
                "after": entry.after,
            })
        })
        .collect();
    sqlx::query!(
        r#"INSERT INTO audit_entries (id, at, actor_id, actor, method, request_id, ip, user_agent, action,
            organization_id, team_id, target_kind, target_id, target, success, before, after)
        SELECT e.id, $1, $2, $3, $4, $5, $6, $7, e.action, e.organization_id, e.team_id, e.target_kind, e.target_id,
            e.target, e.success, e.before, e.after
        FROM jsonb_to_recordset($8) AS e(id uuid, action text, organization_id uuid, team_id uuid, target_kind text,
            target_id text, target text, success boolean, before jsonb, after jsonb)"#,
        now,
        actor_id,
        actor,
        method,
        request.id,
        request.ip,
        request.user_agent,
        Value::Array(rows),
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The latest changes in a team, newest first. The caller was authorised by the page.
pub(crate) async fn latest_of_team(ctx: &mut Ctx, team: TeamId, limit: i64) -> Result<Vec<Change>> {
    let rows = sqlx::query!(
        "SELECT at, actor, action, target, before, after FROM audit_entries
        WHERE team_id = $1 ORDER BY at DESC, id DESC LIMIT $2",
        team.0,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Change {
            at: row.at,
            actor: row.actor,
            action: row.action,
            target: row.target,
            fields: differences(row.before.as_ref(), row.after.as_ref()),
        })
        .collect())
}

/// The fields that differ between two objects.
fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<FieldChange> {
    let empty = Map::new();
    let before = before.and_then(Value::as_object).unwrap_or(&empty);
    let after = after.and_then(Value::as_object).unwrap_or(&empty);
    let mut fields: Vec<&String> = before.keys().chain(after.keys()).collect();
    fields.sort();
    fields.dedup();
    fields
        .into_iter()
        .filter(|field| before.get(*field) != after.get(*field))
        .map(|field| FieldChange {
            field: field.clone(),
            before: before.get(field).and_then(text),
            after: after.get(field).and_then(text),
        })
        .filter(|change| change.before != change.after)
        .collect()
}

/// A value as people read it; null and empty lists are none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().filter_map(text).collect();
            (!texts.is_empty()).then(|| texts.join(", "))
        }
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let changes = differences(
            Some(&json!({"name": "a", "labels": ["x"], "max": null, "same": 1})),
            Some(&json!({"name": "b", "labels": [], "max": 3, "same": 1})),
        );
        let texts: Vec<_> = changes
            .iter()
            .map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref()))
            .collect();
        assert_eq!(
            texts,
            [
                ("labels", Some("x"), None),
                ("max", None, Some("3")),
                ("name", Some("a"), Some("b"))
            ]
        );
    }
}
