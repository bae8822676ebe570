//! Security events: what broke a rule, and what was done about it (SPEC B24).

use domain::{
    OrganizationId, RunnerId, SecurityEventType, TeamId,
    views::{RunnerEvent, RunnerEventKind},
};
use serde_json::Value;
use uuid::Uuid;

use crate::{Ctx, Result};

/// What happened. Who and when come from the [`Ctx`], unless `identity` names another person.
pub struct Event<'a> {
    /// What; its severity goes with it.
    pub kind: SecurityEventType,
    /// The team that it happened in, with its organization.
    pub team: Option<(OrganizationId, TeamId)>,
    /// The organization, where there is no team.
    pub organization: Option<OrganizationId>,
    /// Our id of the runner, its name, and GitHub's number of it.
    pub runner: Option<(RunnerId, &'a str, Option<i64>)>,
    /// Whose doing it is, when it is not the caller's: id and email.
    pub identity: Option<(Option<Uuid>, &'a str)>,
    /// What exactly.
    pub data: Value,
    /// What was done about it: `rejected`, `runner_deleted`, `logged_only`, `workflow_cancelled`, …
    pub action: &'a str,
}

impl<'a> Event<'a> {
    /// An event of the caller's.
    pub fn new(kind: SecurityEventType, action: &'a str, data: Value) -> Self {
        Self {
            kind,
            team: None,
            organization: None,
            runner: None,
            identity: None,
            data,
            action,
        }
    }

    /// In a team.
    #[must_use]
    pub fn team(mut self, organization: OrganizationId, team: TeamId) -> Self {
        self.team = Some((organization, team));
        self
    }

    /// About a runner.
    #[must_use]
    pub fn runner(mut self, id: RunnerId, name: &'a str, github_id: Option<i64>) -> Self {
        self.runner = Some((id, name, github_id));
        self
    }
}

/// Writes an event in the transaction of `ctx`.
///
/// # Errors
/// When the database refuses.
pub async fn record(ctx: &mut Ctx, event: Event<'_>) -> Result<()> {
    let (user, identity) = match event.identity {
        Some((user, identity)) => (user, identity.to_owned()),
        None => (ctx.caller.user_id().map(|id| id.0), ctx.caller.name().to_owned()),
    };
    let organization = event.team.map(|(organization, _)| organization).or(event.organization);
    let now = ctx.now;
    metrics::counter!("guildhall_security_events_total", "type" => event.kind.as_str()).increment(1);
    sqlx::query!(
        "INSERT INTO security_events (id, at, event_type, severity, organization_id, team_id, team_name, runner_id,
            runner_name, github_runner_id, user_id, user_identity, violation_data, action_taken)
        VALUES ($1, $2, $3, $4, $5, $6, (SELECT name FROM teams WHERE id = $6), $7, $8, $9, $10, $11, $12, $13)",
        Uuid::now_v7(),
        now,
        event.kind.as_str(),
        event.kind.severity().as_str(),
        organization.map(|id| id.0),
        event.team.map(|(_, team)| team.0),
        event.runner.map(|(id, ..)| id.0),
        event.runner.map(|(_, name, _)| name),
        event.runner.and_then(|(.., github)| github),
        user,
        identity,
        event.data,
        event.action,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// What was suspicious about a runner, newest first, of anyone's or of one's alone. The caller was authorised by the page.
pub(crate) async fn of_runner(ctx: &mut Ctx, id: RunnerId, user: Option<Uuid>, limit: i64) -> Result<Vec<RunnerEvent>> {
    let rows = sqlx::query!(
        "SELECT at, event_type, severity, action_taken FROM security_events
        WHERE runner_id = $1 AND ($2::uuid IS NULL OR user_id = $2) ORDER BY at DESC, id DESC LIMIT $3",
        id.0,
        user,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let events = rows.into_iter().map(|row| RunnerEvent {
        at: row.at,
        kind: RunnerEventKind::Security {
            event_type: row.event_type,
            severity: row.severity,
            action_taken: row.action_taken,
        },
    });
    Ok(events.collect())
}
