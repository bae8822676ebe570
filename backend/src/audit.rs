//! The audit log: one entry for each change, in the transaction that makes it; sealed soon after.

mod chain;
mod list;
pub(crate) mod scope;
mod seal;
mod verify;

pub use chain::Expected;
use domain::{
    OrganizationId, RunnerId, TeamId,
    views::{Change, FieldChange, RunnerEvent, RunnerEventKind},
};
pub use list::{AuditQuery, Doers, export, get, list};
pub use scope::{Reach, reach};
pub use seal::{head, seal};
use serde_json::{Map, Value};
use uuid::Uuid;
pub use verify::{Finding, Report, verify};

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

/// The caller's subject at the OpenID provider; a program's is looked up where the entry is written.
fn subject(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Person(person, _) => person.oidc_sub.clone(),
        Caller::Machine(_) | Caller::System(..) => None,
    }
}

/// Writes an entry.
///
/// # Errors
/// When the database refuses; the whole change is then undone with it.
pub async fn record(ctx: &mut Ctx, entry: Entry<'_>) -> Result<()> {
    let (method, actor) = (ctx.caller.method().as_str(), ctx.caller.name().to_owned());
    let (actor_id, subject) = (ctx.caller.actor_id(), subject(&ctx.caller));
    let (request, now) = (ctx.request.clone(), ctx.now);
    sqlx::query!(
        "INSERT INTO audit_entries (id, at, actor_id, actor, method, request_id, ip, user_agent, action,
            organization_id, team_id, target_kind, target_id, target, success, before, after, oidc_sub)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17,
            coalesce($18, (SELECT subject FROM machine_clients WHERE id = $3)))",
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
        subject,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Writes many entries at once, in their order.
///
/// # Errors
/// As [`record`].
pub async fn record_many(ctx: &mut Ctx, entries: &[Entry<'_>]) -> Result<()> {
    if entries.is_empty() {
        return Ok(());
    }
    let (method, actor) = (ctx.caller.method().as_str(), ctx.caller.name().to_owned());
    let (actor_id, subject) = (ctx.caller.actor_id(), subject(&ctx.caller));
    let (request, now) = (ctx.request.clone(), ctx.now);
    let ids: Vec<Uuid> = entries.iter().map(|_| Uuid::now_v7()).collect();
    let actions: Vec<String> = entries.iter().map(|entry| entry.action.to_owned()).collect();
    let organizations: Vec<Option<Uuid>> = entries.iter().map(|entry| entry.organization.map(|id| id.0)).collect();
    let teams: Vec<Option<Uuid>> = entries.iter().map(|entry| entry.team.map(|id| id.0)).collect();
    let kinds: Vec<String> = entries.iter().map(|entry| entry.kind.to_owned()).collect();
    let targets: Vec<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    let names: Vec<String> = entries.iter().map(|entry| entry.name.to_owned()).collect();
    let successes: Vec<bool> = entries.iter().map(|entry| entry.success).collect();
    let before: Vec<Value> = entries.iter().map(|entry| entry.before.clone()).collect();
    let after: Vec<Value> = entries.iter().map(|entry| entry.after.clone()).collect();
    sqlx::query!(
        "INSERT INTO audit_entries (id, at, actor_id, actor, method, request_id, ip, user_agent, action,
            organization_id, team_id, target_kind, target_id, target, success, before, after, oidc_sub)
        SELECT n.id, $1, $2, $3, $4, $5, $6, $7, n.action, n.organization_id, n.team_id, n.target_kind, n.target_id,
            n.target, n.success, n.before, n.after,
            coalesce($18, (SELECT subject FROM machine_clients WHERE id = $2))
        FROM unnest($8::uuid[], $9::text[], $10::uuid[], $11::uuid[], $12::text[], $13::text[], $14::text[],
            $15::boolean[], $16::jsonb[], $17::jsonb[]) WITH ORDINALITY AS n(id, action, organization_id, team_id,
            target_kind, target_id, target, success, before, after, place)
        ORDER BY n.place",
        now,
        actor_id,
        actor,
        method,
        request.id,
        request.ip,
        request.user_agent,
        &ids,
        &actions,
        &organizations as &[Option<Uuid>],
        &teams as &[Option<Uuid>],
        &kinds,
        &targets,
        &names,
        &successes,
        &before,
        &after,
        subject,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The latest changes in a team, newest first, without what jobs saw of its runners. The caller was authorised by the page.
pub(crate) async fn latest_of_team(ctx: &mut Ctx, team: TeamId, limit: i64) -> Result<Vec<Change>> {
    let rows = sqlx::query!(
        "SELECT at, actor, action, target, before, after FROM audit_entries
        WHERE team_id = $1 AND (method <> 'system' OR target_kind <> 'runner') ORDER BY at DESC, id DESC LIMIT $2",
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

/// What was done to a runner, newest first, by anyone or by one alone. The caller was authorised by the page.
pub(crate) async fn of_runner(
    ctx: &mut Ctx,
    id: RunnerId,
    actor: Option<Uuid>,
    limit: i64,
) -> Result<Vec<RunnerEvent>> {
    let rows = sqlx::query!(
        r#"SELECT at, actor, action, success, coalesce(after->>'error', after->>'reason') AS detail FROM audit_entries
        WHERE target_kind = 'runner' AND target_id = $1 AND ($2::uuid IS NULL OR actor_id = $2)
        ORDER BY at DESC, id DESC LIMIT $3"#,
        id.to_string(),
        actor,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let events = rows.into_iter().map(|row| RunnerEvent {
        at: row.at,
        kind: RunnerEventKind::Action {
            action: row.action,
            actor: row.actor,
            success: row.success,
            detail: row.detail,
        },
    });
    Ok(events.collect())
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
