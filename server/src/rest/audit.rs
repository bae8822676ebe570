//! `/api/v1/audit-logs` (SPEC B25).

use axum::response::Response;
use backend::{
    Ctx,
    audit::{self, AuditQuery, Doers},
};
use domain::{
    Fields,
    views::{AuditEntry, Page},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    audit_body::AuditLog,
    body::invalid,
    call::{At, Call, EntryId, json, sized_json},
    export::{self, Format, Pages},
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
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
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
