//! Reading the audit log (SPEC B25).

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::{
    Invalid, OrganizationId, TeamId,
    views::{AuditEntry, Page},
};
use serde::Deserialize;
use serde_json::Value;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    differences,
    scope::{self, Filter, Log, Scope, Window},
};
use crate::{Ctx, Error, Result, paging, teams};

/// The table.
const LOG: Log = Log {
    table: "audit_entries",
    own: "actor_id",
    columns: COLUMNS,
};

const COLUMNS: &str = "SELECT e.id, e.at, e.action, e.actor_id, e.actor, e.oidc_sub, e.method, e.request_id, e.ip,
    e.user_agent, e.organization_id, e.team_id, t.name AS team_name, e.target_kind, e.target_id, e.target, e.success,
    e.before, e.after
    FROM audit_entries e LEFT JOIN teams t ON t.id = e.team_id";

/// Whose doing an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doers {
    /// People: at the console, with a token, at the command line.
    People,
    /// Everything else: jobs, directories, programs.
    System,
}

impl FromStr for Doers {
    type Err = Invalid;

    fn from_str(text: &str) -> std::result::Result<Self, Invalid> {
        match text {
            "people" => Ok(Self::People),
            "system" => Ok(Self::System),
            _ => Err(Invalid::new("by", "must be people or system")),
        }
    }
}

/// Entries by people: in words of its own, so that the partial index is found. A JWT is a program's as well.
const BY_PEOPLE: &str = "e.method IN ('session', 'token', 'jwt', 'command')
    AND (e.method <> 'jwt' OR EXISTS (SELECT FROM users u WHERE u.id = e.actor_id))";

/// What to list.
#[derive(Debug, Clone)]
pub struct AuditQuery {
    /// Only this event.
    pub action: Option<String>,
    /// Only of this person, program or part of the system: an id, or the email or name as it was then.
    pub identity: Option<String>,
    /// Only in this team: an id, name or short name.
    pub team: Option<String>,
    /// Only in this organization.
    pub organization: Option<OrganizationId>,
    /// Only about the thing with this id.
    pub target: Option<String>,
    /// Only about this kind of thing.
    pub target_kind: Option<&'static str>,
    /// Only what worked, or only what did not.
    pub success: Option<bool>,
    /// Only what these did.
    pub by: Option<Doers>,
    /// Not before this.
    pub since: Option<DateTime<Utc>>,
    /// Before this.
    pub until: Option<DateTime<Utc>>,
    /// Part of the name of what changed.
    pub search: Option<String>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip, where there is no cursor.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for AuditQuery {
    fn default() -> Self {
        Self {
            action: None,
            identity: None,
            team: None,
            organization: None,
            target: None,
            target_kind: None,
            success: None,
            by: None,
            since: None,
            until: None,
            search: None,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: DateTime<Utc>,
    action: String,
    actor_id: Option<Uuid>,
    actor: String,
    oidc_sub: Option<String>,
    method: String,
    request_id: Option<String>,
    ip: Option<String>,
    user_agent: Option<String>,
    organization_id: Option<Uuid>,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    target_kind: String,
    target_id: String,
    target: String,
    success: bool,
    before: Option<Value>,
    after: Option<Value>,
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: row.at,
            action: row.action,
            actor_id: row.actor_id,
            actor: row.actor,
            oidc_sub: row.oidc_sub,
            method: row.method,
            request_id: row.request_id,
            ip: row.ip,
            user_agent: row.user_agent,
            organization_id: row.organization_id.map(OrganizationId),
            team_id: row.team_id.map(TeamId),
            team_name: row.team_name,
            target_kind: row.target_kind,
            target_id: row.target_id,
            target: row.target,
            success: row.success,
            fields: differences(row.before.as_ref(), row.after.as_ref()),
            before: row.before.unwrap_or_default(),
            after: row.after.unwrap_or_default(),
        }
    }
}

/// The entries that the caller may see, newest first: all for super_admins and auditors; else those of the organizations
/// that they administer or audit, those of the teams that they administer, and what they did themselves.
///
/// # Errors
/// When the cursor is not one of this list, or the period ends before it begins.
pub async fn list(ctx: &mut Ctx, query: &AuditQuery) -> Result<Page<AuditEntry>> {
    read(ctx, query, true).await
}

/// As [`list`], without counting: for reading all of it, page after page.
///
/// # Errors
/// As [`list`].
pub async fn export(ctx: &mut Ctx, query: &AuditQuery) -> Result<Page<AuditEntry>> {
    read(ctx, query, false).await
}

async fn read(ctx: &mut Ctx, query: &AuditQuery, count: bool) -> Result<Page<AuditEntry>> {
    scope::check_period(query.since, query.until)?;
    let teams = match &query.team {
        Some(team) => Some(teams::named(ctx, team).await?),
        None => None,
    };
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
    scope::page(
        ctx,
        &LOG,
        &filter,
        &window,
        |row: Row| Ok(AuditEntry::from(row)),
        |entry| (entry.at, entry.id),
    )
    .await
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &AuditQuery) {
    if let Some(action) = &query.action {
        sql.push(" AND e.action = ").push_bind(scope::clean(action));
    }
    if let Some(identity) = query.identity.as_deref().map(scope::clean) {
        match identity.parse::<Uuid>() {
            Ok(id) => sql.push(" AND e.actor_id = ").push_bind(id),
            Err(_) => sql.push(" AND lower(e.actor) = lower(").push_bind(identity).push(")"),
        };
    }
    if let Some(organization) = query.organization {
        sql.push(" AND e.organization_id = ").push_bind(organization.0);
    }
    if let Some(target) = &query.target {
        sql.push(" AND e.target_id = ").push_bind(scope::clean(target));
    }
    if let Some(kind) = query.target_kind {
        sql.push(" AND e.target_kind = ").push_bind(kind);
    }
    // In words of our own, so that the partial index is found.
    sql.push(match query.success {
        Some(true) => " AND e.success",
        Some(false) => " AND NOT e.success",
        None => "",
    });
    match query.by {
        Some(Doers::People) => {
            sql.push(" AND ").push(BY_PEOPLE);
        }
        Some(Doers::System) => {
            sql.push(" AND NOT (").push(BY_PEOPLE).push(")");
        }
        None => {}
    }
    scope::push_period(sql, query.since, query.until);
    if let Some(pattern) = paging::search(query.search.as_deref()) {
        // Lowered where the column is: Rust and PostgreSQL disagree on a few letters.
        sql.push(" AND lower(e.target) LIKE lower(")
            .push_bind(pattern)
            .push(")");
    }
}

/// One entry that the caller may see.
///
/// # Errors
/// 404 `Audit entry not found: <id>`, also for one that is not the caller's to see.
pub async fn get(ctx: &mut Ctx, id: Uuid) -> Result<AuditEntry> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push(" WHERE e.id = ").push_bind(id);
    Scope::of(&ctx.caller).push(&mut sql, &LOG);
    let row: Option<Row> = sql.build_query_as().fetch_optional(ctx.connection()).await?;
    row.map(AuditEntry::from)
        .ok_or_else(|| Error::not_found("Audit entry", id))
}
