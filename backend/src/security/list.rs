//! Reading the security events (SPEC B24).

use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, RunnerId, SecurityEventType, Severity, TeamId,
    views::{Page, SecurityEvent},
};
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    Ctx, Result,
    audit::scope::{self, Filter, Log, Window},
    teams,
};

/// The table.
const LOG: Log = Log {
    table: "security_events",
    own: "user_id",
    columns: "SELECT e.id, e.at, e.event_type, e.severity, e.organization_id, e.team_id, e.team_name, e.runner_id,
        e.runner_name, e.github_runner_id, e.user_identity, e.violation_data, e.action_taken FROM security_events e",
};

/// What to list.
#[derive(Debug, Clone)]
pub struct SecurityQuery {
    /// Only of this type.
    pub kind: Option<SecurityEventType>,
    /// Only this bad.
    pub severity: Option<Severity>,
    /// Only of this person or program: an id, or the email or name as it was then.
    pub identity: Option<String>,
    /// Only in this team: an id, name or short name.
    pub team: Option<String>,
    /// Not before this.
    pub since: Option<DateTime<Utc>>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip, where there is no cursor.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for SecurityQuery {
    fn default() -> Self {
        Self {
            kind: None,
            severity: None,
            identity: None,
            team: None,
            since: None,
            until: None,
            cursor: None,
            offset: 0,
            limit: 100,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    event_type: String,
    severity: String,
    organization_id: Option<Uuid>,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    runner_id: Option<Uuid>,
    runner_name: Option<String>,
    github_runner_id: Option<i64>,
    user_identity: String,
    violation_data: Value,
    action_taken: Option<String>,
}

fn event(row: Row) -> Result<SecurityEvent> {
    Ok(SecurityEvent {
        id: row.id,
        at: row.at,
        kind: row.event_type.parse()?,
        severity: row.severity.parse()?,
        organization_id: row.organization_id.map(OrganizationId),
        team_id: row.team_id.map(TeamId),
        team_name: row.team_name,
        runner_id: row.runner_id.map(RunnerId),
        runner_name: row.runner_name,
        github_runner_id: row.github_runner_id,
        user_identity: row.user_identity,
        violation_data: row.violation_data,
        action_taken: row.action_taken,
    })
}

/// The events that the caller may see, newest first: all for super_admins and auditors; else those of the organizations
/// that they administer or audit, those of the teams that they administer, and their own.
///
/// # Errors
/// When the cursor is not one of this list, or the period ends before it begins.
pub async fn list(ctx: &mut Ctx, query: &SecurityQuery) -> Result<Page<SecurityEvent>> {
    let teams = match &query.team {
        Some(team) => Some(teams::named(ctx, team).await?),
        None => None,
    };
    read(ctx, query, teams, true).await
}

/// As [`list`], without counting: for reading all of it, page after page.
///
/// # Errors
/// As [`list`].
pub async fn export(ctx: &mut Ctx, query: &SecurityQuery) -> Result<Page<SecurityEvent>> {
    let teams = match &query.team {
        Some(team) => Some(teams::named(ctx, team).await?),
        None => None,
    };
    read(ctx, query, teams, false).await
}

/// The events of one team: all of them for those who may see the team's audit log, else the own ones.
///
/// # Errors
/// As [`list`]; 403 and 404 for a team that the caller may not see.
pub async fn list_of_team(ctx: &mut Ctx, team: TeamId, query: &SecurityQuery) -> Result<Page<SecurityEvent>> {
    teams::open(ctx, team).await?;
    read(ctx, query, Some(vec![team.0]), true).await
}

async fn read(
    ctx: &mut Ctx,
    query: &SecurityQuery,
    teams: Option<Vec<Uuid>>,
    count: bool,
) -> Result<Page<SecurityEvent>> {
    scope::check_period(query.since, query.until)?;
    let filter = Filter {
        teams,
        push: &|sql| push_filters(sql, query),
    };
    let window = Window {
        cursor: query.cursor.as_deref(),
        offset: query.offset,
        limit: query.limit.clamp(1, 1000),
        count,
    };
    scope::page(ctx, &LOG, &filter, &window, event, |event| (event.at, event.id)).await
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &SecurityQuery) {
    if let Some(kind) = query.kind {
        sql.push(" AND e.event_type = ").push_bind(kind.as_str());
    }
    if let Some(severity) = query.severity {
        sql.push(" AND e.severity = ").push_bind(severity.as_str());
    }
    if let Some(identity) = query.identity.as_deref().map(scope::clean) {
        match identity.parse::<Uuid>() {
            Ok(id) => sql.push(" AND e.user_id = ").push_bind(id),
            Err(_) => sql
                .push(" AND lower(e.user_identity) = lower(")
                .push_bind(identity)
                .push(")"),
        };
    }
    scope::push_period(sql, query.since, query.until);
}
