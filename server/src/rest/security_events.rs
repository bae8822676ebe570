//! `/api/v1/admin/security-events` and `/api/v1/admin/teams/{id}/security-events` (SPEC B24).

use std::borrow::Cow;

use axum::response::Response;
use backend::{
    Ctx,
    security::{self, SecurityQuery},
};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    Fields, TeamId,
    views::{self, Page},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::invalid,
    call::{At, Call, sized_json},
    export::{self, CsvLine, Format, Pages},
    query::{QueryString, limit, offset, time},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_security_events))
        .routes(routes!(export_security_events))
        .routes(routes!(export_security_events_csv))
        .routes(routes!(list_team_security_events))
}

/// How many events a page has unless asked otherwise (SPEC B24).
const DEFAULT_LIMIT: i64 = 100;
/// About what one event takes in JSON, in bytes.
const EVENT_SIZE: usize = 600;

/// Something that broke a rule.
#[derive(Debug, Serialize, ToSchema)]
struct SecurityEvent {
    id: Uuid,
    #[schema(example = "label_policy_violation")]
    event_type: &'static str,
    /// `low`, `medium`, `high` or `critical`.
    #[schema(example = "medium")]
    severity: &'static str,
    /// The runner that it is about.
    runner_id: Option<Uuid>,
    runner_name: Option<String>,
    github_runner_id: Option<i64>,
    team_id: Option<Uuid>,
    /// The team's name, as it was then.
    #[schema(example = "Backend Team")]
    team_name: Option<String>,
    /// Email of the person, or the name of a program or a part of the system, as it was then.
    #[schema(example = "user@example.com")]
    user_identity: String,
    /// What exactly.
    #[schema(value_type = Object)]
    violation_data: Value,
    /// What was done about it.
    #[schema(example = "rejected")]
    action_taken: Option<String>,
    timestamp: DateTime<Utc>,
    organization_id: Option<Uuid>,
}

impl From<views::SecurityEvent> for SecurityEvent {
    fn from(event: views::SecurityEvent) -> Self {
        Self {
            id: event.id,
            event_type: event.kind.as_str(),
            severity: event.severity.as_str(),
            runner_id: event.runner_id.map(|id| id.0),
            runner_name: event.runner_name,
            github_runner_id: event.github_runner_id,
            team_id: event.team_id.map(Into::into),
            team_name: event.team_name,
            user_identity: event.user_identity,
            violation_data: event.violation_data,
            action_taken: event.action_taken,
            timestamp: event.at,
            organization_id: event.organization_id.map(Into::into),
        }
    }
}

impl CsvLine for SecurityEvent {
    const NAMES: &'static [&'static str] = &[
        "timestamp",
        "event_type",
        "severity",
        "user_identity",
        "team",
        "runner",
        "action_taken",
        "violation_data",
        "id",
    ];

    fn cells(&self) -> Vec<Cow<'_, str>> {
        let text = |text: &'_ Option<String>| text.clone().unwrap_or_default().into();
        vec![
            self.timestamp.to_rfc3339_opts(SecondsFormat::Secs, true).into(),
            self.event_type.into(),
            self.severity.into(),
            self.user_identity.as_str().into(),
            text(&self.team_name),
            text(&self.runner_name),
            text(&self.action_taken),
            self.violation_data.to_string().into(),
            self.id.to_string().into(),
        ]
    }
}

/// One page of security events, newest first.
#[derive(Debug, Serialize, ToSchema)]
struct SecurityEventList {
    events: Vec<SecurityEvent>,
    /// How many events all pages hold together.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

/// What a list is limited to, and its page.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only of this type.
    #[param(nullable = false, example = "label_policy_violation")]
    event_type: Option<String>,
    /// Only this bad: `low`, `medium`, `high` or `critical`.
    #[param(nullable = false)]
    severity: Option<String>,
    /// Only of this person or program: email, name or id.
    #[param(nullable = false)]
    user_identity: Option<String>,
    /// Only in this team: id, name or short name.
    #[param(nullable = false)]
    team: Option<String>,
    /// From this time on.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    since: Option<String>,
    /// Before this time.
    #[param(nullable = false, value_type = Option<DateTime<Utc>>)]
    until: Option<String>,
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip. `cursor` costs the same on every page; this does not.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

impl ListParams {
    fn query(self) -> Result<SecurityQuery, Problem> {
        let mut fields = Fields::default();
        let kind = fields.take(self.event_type.as_deref().map(str::parse).transpose());
        let severity = fields.take(self.severity.as_deref().map(str::parse).transpose());
        let since = fields.take(time("since", self.since.as_deref()));
        let until = fields.take(time("until", self.until.as_deref()));
        fields.finish()?;
        Ok(SecurityQuery {
            kind: kind.flatten(),
            severity: severity.flatten(),
            identity: self.user_identity,
            team: self.team,
            since: since.flatten(),
            until: until.flatten(),
            cursor: self.cursor,
            offset: offset(self.offset)?,
            limit: limit(self.limit, DEFAULT_LIMIT)?,
        })
    }
}

fn answer(page: Page<views::SecurityEvent>) -> Result<Response, Problem> {
    let size = page.items.len() * EVENT_SIZE + 128;
    let list = SecurityEventList {
        events: page.items.into_iter().map(SecurityEvent::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    sized_json(StatusCode::OK, &list, size)
}

/// List security events
///
/// All of them for super admins and auditors; else those of the organizations and teams that the caller administers, and
/// their own.
#[utoipa::path(
    get,
    path = "/admin/security-events",
    tag = "Audit",
    params(ListParams),
    responses((status = 200, description = "One page of events, newest first", body = SecurityEventList))
)]
async fn list_security_events(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = params.query()?;
    let mut ctx = call.read().await?;
    let page = security::list(&mut ctx, &query).await?;
    drop(ctx);
    answer(page)
}

/// The events as lines.
struct Export(SecurityQuery);

impl Pages for Export {
    type Row = views::SecurityEvent;
    type Line = SecurityEvent;

    async fn page(&self, ctx: &mut Ctx, cursor: Option<String>) -> backend::Result<Page<views::SecurityEvent>> {
        let query = SecurityQuery {
            cursor,
            limit: export::BATCH,
            ..self.0.clone()
        };
        security::export(ctx, &query).await
    }
}

/// Export security events
///
/// Everything that the list holds, newest first, one JSON object a line; `limit`, `offset` and `cursor` say nothing here.
#[utoipa::path(
    get,
    path = "/admin/security-events/export",
    tag = "Audit",
    params(ListParams),
    responses((status = 200, description = "The events, one a line", body = SecurityEvent, content_type = "application/x-ndjson"))
)]
async fn export_security_events(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    export::answer(call, whole(params)?, Format::Ndjson, "security-events").await
}

/// Export security events for a spreadsheet
///
/// The same, as a CSV file (RFC 4180).
#[utoipa::path(
    get,
    path = "/admin/security-events/export.csv",
    tag = "Audit",
    params(ListParams),
    responses((status = 200, description = "The events, one a row", body = String, content_type = "text/csv"))
)]
async fn export_security_events_csv(
    call: Call,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    export::answer(call, whole(params)?, Format::Csv, "security-events").await
}

/// All that a list holds, from its beginning.
fn whole(params: ListParams) -> Result<Export, Problem> {
    Ok(Export(SecurityQuery {
        cursor: None,
        offset: 0,
        ..params.query()?
    }))
}

/// List a team's security events
///
/// All of them for those who may see the team's audit log; for its members their own.
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/security-events",
    tag = "Audit",
    params(("id" = Uuid, Path, description = "The team's id"), ListParams),
    responses(
        (status = 200, description = "One page of events, newest first", body = SecurityEventList),
        (status = 403, description = "`FORBIDDEN`: the caller may not see the team"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn list_team_security_events(
    call: Call,
    At(id): At<TeamId>,
    QueryString(params): QueryString<ListParams>,
) -> Result<Response, Problem> {
    if params.team.is_some() {
        return Err(invalid("team", "is not a field here: the address names the team"));
    }
    let query = params.query()?;
    let mut ctx = call.read().await?;
    let page = security::list_of_team(&mut ctx, id, &query).await?;
    drop(ctx);
    answer(page)
}
