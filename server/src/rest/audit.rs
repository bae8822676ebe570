//! `/api/v1/audit-logs` (SPEC B25).

use std::borrow::Cow;

use axum::response::Response;
use backend::{
    Ctx,
    audit::{self, AuditQuery, Doers},
};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    Fields,
    views::{AuditEntry, Page},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::invalid,
    call::{At, Call, EntryId, json, sized_json},
    export::{self, CsvLine, Format, Pages},
    query::{QueryString, offset, time},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_audit_logs))
        .routes(routes!(export_audit_logs))
        .routes(routes!(export_audit_logs_csv))
        .routes(routes!(get_audit_head))
        .routes(routes!(get_audit_log))
}

/// How many entries a page has unless asked otherwise, and at most (SPEC B25).
const DEFAULT_LIMIT: i64 = 50;
const MAX_LIMIT: i64 = 200;
/// About what one entry takes in JSON, in bytes.
const ENTRY_SIZE: usize = 900;

/// One entry of the audit log.
#[derive(Debug, Serialize, ToSchema)]
struct AuditLog {
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

/// One page of the audit log, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct AuditLogList {
    logs: Vec<AuditLog>,
    /// How many entries all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// What the list and its export are limited to.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ExportParams {
    /// Only this event. One that this version does not write finds nothing: the log keeps those of earlier ones.
    #[param(nullable = false, example = "team.update")]
    event_type: Option<String>,
    /// Only of this person or program: email, name or id.
    #[param(nullable = false)]
    user_identity: Option<String>,
    /// Only in this team: id, name or short name.
    #[param(nullable = false)]
    team: Option<String>,
    /// Only in this organization.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// Only about the thing with this id.
    #[param(nullable = false)]
    target: Option<String>,
    /// Only about this runner.
    #[param(nullable = false)]
    runner_id: Option<Uuid>,
    /// Only what worked, or only what did not.
    #[param(nullable = false)]
    success: Option<bool>,
    /// Only what people did, or only what Guildhall and its directories and programs did.
    #[param(nullable = false, value_type = Option<String>, example = "people")]
    by: Option<Doers>,
    /// Part of the name of what changed.
    #[param(nullable = false)]
    search: Option<String>,
    /// From this time on.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    since: Option<String>,
    /// Before this time.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
}

/// As [`ExportParams`], with the page.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only this event. One that this version does not write finds nothing: the log keeps those of earlier ones.
    #[param(nullable = false, example = "team.update")]
    event_type: Option<String>,
    /// Only of this person or program: email, name or id.
    #[param(nullable = false)]
    user_identity: Option<String>,
    /// Only in this team: id, name or short name.
    #[param(nullable = false)]
    team: Option<String>,
    /// Only in this organization.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// Only about the thing with this id.
    #[param(nullable = false)]
    target: Option<String>,
    /// Only about this runner.
    #[param(nullable = false)]
    runner_id: Option<Uuid>,
    /// Only what worked, or only what did not.
    #[param(nullable = false)]
    success: Option<bool>,
    /// Only what people did, or only what Guildhall and its directories and programs did.
    #[param(nullable = false, value_type = Option<String>, example = "people")]
    by: Option<Doers>,
    /// Part of the name of what changed.
    #[param(nullable = false)]
    search: Option<String>,
    /// From this time on.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    since: Option<String>,
    /// Before this time.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 200)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

impl ExportParams {
    fn query(self) -> Result<AuditQuery, Problem> {
        let runner = self.runner_id.map(|id| id.to_string());
        if runner.is_some() && self.target.is_some() {
            return Err(invalid("runner_id", "cannot stand beside target"));
        }
        let mut fields = Fields::default();
        let since = fields.take(time("since", self.since.as_deref()));
        let until = fields.take(time("until", self.until.as_deref()));
        fields.finish()?;
        Ok(AuditQuery {
            action: self.event_type,
            identity: self.user_identity,
            team: self.team,
            organization: self.organization_id.map(Into::into),
            target_kind: runner.is_some().then_some("runner"),
            target: runner.or(self.target),
            success: self.success,
            by: self.by,
            since: since.flatten(),
            until: until.flatten(),
            search: self.search,
            ..AuditQuery::default()
        })
    }
}

impl ListParams {
    fn query(self) -> Result<AuditQuery, Problem> {
        let limit = self.limit.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(invalid("limit", "must be from 1 to 200"));
        }
        let filters = ExportParams {
            event_type: self.event_type,
            user_identity: self.user_identity,
            team: self.team,
            organization_id: self.organization_id,
            target: self.target,
            runner_id: self.runner_id,
            success: self.success,
            by: self.by,
            search: self.search,
            since: self.since,
            until: self.until,
        };
        Ok(AuditQuery {
            cursor: self.cursor,
            offset: offset(self.offset)?,
            limit,
            ..filters.query()?
        })
    }
}

/// List the audit log
///
/// All of it for super admins and auditors; else what happened in the organizations and teams that the caller
/// administers, and what they did themselves.
#[utoipa::path(
    get,
    path = "/audit-logs",
    tag = "Audit",
    params(ListParams),
    responses((status = 200, description = "One page of the log, newest first", body = AuditLogList))
)]
async fn list_audit_logs(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = params.query()?;
    let mut ctx = call.read().await?;
    let page = audit::list(&mut ctx, &query).await?;
    drop(ctx);
    let size = page.items.len() * ENTRY_SIZE + 128;
    let list = AuditLogList {
        logs: page.items.into_iter().map(AuditLog::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    sized_json(StatusCode::OK, &list, size)
}

/// The log as lines.
struct Export(AuditQuery);

impl Pages for Export {
    type Row = AuditEntry;
    type Line = AuditLog;

    async fn page(&self, ctx: &mut Ctx, cursor: Option<String>) -> backend::Result<Page<AuditEntry>> {
        let query = AuditQuery {
            cursor,
            limit: export::BATCH,
            ..self.0.clone()
        };
        audit::export(ctx, &query).await
    }
}

/// Export the audit log
///
/// Everything that the list holds, newest first, one JSON object a line.
#[utoipa::path(
    get,
    path = "/audit-logs/export",
    tag = "Audit",
    params(ExportParams),
    responses((status = 200, description = "The entries, one a line", body = AuditLog, content_type = "application/x-ndjson"))
)]
async fn export_audit_logs(call: Call, QueryString(params): QueryString<ExportParams>) -> Result<Response, Problem> {
    export::answer(call, Export(params.query()?), Format::Ndjson, "audit-log").await
}

/// Export the audit log for a spreadsheet
///
/// The same, as a CSV file (RFC 4180).
#[utoipa::path(
    get,
    path = "/audit-logs/export.csv",
    tag = "Audit",
    params(ExportParams),
    responses((status = 200, description = "The entries, one a row", body = String, content_type = "text/csv"))
)]
async fn export_audit_logs_csv(
    call: Call,
    QueryString(params): QueryString<ExportParams>,
) -> Result<Response, Problem> {
    export::answer(call, Export(params.query()?), Format::Csv, "audit-log").await
}

/// How far the audit log is sealed.
#[derive(Debug, Serialize, ToSchema)]
struct AuditHead {
    /// How many entries are sealed.
    seq: i64,
    /// SHA-256 of the last seal, which covers all before it. Note `seq:hash` elsewhere: `guildhall audit verify
    /// --expect-head` compares.
    hash: String,
    /// How many entries wait for their seal.
    waiting: i64,
}

/// Show how far the audit log is sealed
#[utoipa::path(
    get,
    path = "/audit-logs/head",
    tag = "Audit",
    responses(
        (status = 200, description = "The head of the chain", body = AuditHead),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see this"),
    )
)]
async fn get_audit_head(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let head = audit::head(&mut ctx).await?;
    let head = AuditHead {
        seq: head.seq,
        hash: head.hash,
        waiting: head.waiting,
    };
    json(StatusCode::OK, &head)
}

/// Show an entry of the audit log
#[utoipa::path(
    get,
    path = "/audit-logs/{id}",
    tag = "Audit",
    params(("id" = Uuid, Path, description = "The entry's id")),
    responses(
        (status = 200, description = "The entry", body = AuditLog),
        (status = 404, description = "`NOT_FOUND`: there is no such entry that the caller may see"),
    )
)]
async fn get_audit_log(call: Call, At(EntryId(id)): At<EntryId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let entry = audit::get(&mut ctx, id).await?;
    drop(ctx);
    json(StatusCode::OK, &AuditLog::from(entry))
}
