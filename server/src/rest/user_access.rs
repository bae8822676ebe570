//! `/api/v1/admin/users/access.csv`: who may do what.

use std::borrow::Cow;

use axum::response::Response;
use backend::{Ctx, users};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::views::{AccessLine, Page};
use serde::Serialize;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    call::Call,
    export::{self, CsvLine, Format, Pages},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export_access))
}

/// One role of a person, as text.
#[derive(Debug, Serialize)]
struct AccessRow {
    cells: Vec<String>,
}

impl CsvLine for AccessRow {
    const NAMES: &'static [&'static str] = &[
        "email",
        "name",
        "account",
        "last_seen",
        "level",
        "organization",
        "team",
        "role",
        "source",
        "since",
        "ends",
        "admin_until",
        "keys",
        "last_key_used",
        "user_id",
    ];

    fn cells(&self) -> Vec<Cow<'_, str>> {
        self.cells.iter().map(Into::into).collect()
    }
}

impl From<AccessLine> for AccessRow {
    fn from(line: AccessLine) -> Self {
        let time = |at: Option<DateTime<Utc>>| {
            at.map(|at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
                .unwrap_or_default()
        };
        let account = if line.deactivated { "deactivated" } else { "active" };
        let level = line.level.map_or("none", domain::views::AccessLevel::as_str);
        let cells = vec![
            line.email,
            line.display_name.unwrap_or_default(),
            account.to_owned(),
            time(line.last_seen_at),
            level.to_owned(),
            line.organization.unwrap_or_default(),
            line.team.unwrap_or_default(),
            line.role.unwrap_or_default(),
            line.source.unwrap_or_default(),
            time(line.since),
            time(line.ends),
            time(line.admin_until),
            line.keys.map(|keys| keys.to_string()).unwrap_or_default(),
            time(line.last_key_used_at),
            line.user_id.to_string(),
        ];
        Self { cells }
    }
}

/// Everybody's roles.
struct Access;

impl Pages for Access {
    type Row = AccessLine;
    type Line = AccessRow;

    async fn page(&self, ctx: &mut Ctx, cursor: Option<String>) -> backend::Result<Page<AccessLine>> {
        users::access(ctx, cursor.as_deref(), export::BATCH).await
    }
}

/// Export who may do what
///
/// Every role of every person whom the caller may see, as a CSV file (RFC 4180): of the installation, of organizations, of
/// teams; where it comes from, until when it holds, when the person was here last, and how many keys of theirs work. A
/// person without any role has one row, whose `level` is `none`.
#[utoipa::path(
    get,
    path = "/admin/users/access.csv",
    tag = "Users",
    responses(
        (status = 200, description = "The roles, one a row", body = String, content_type = "text/csv"),
        (status = 403, description = "`FORBIDDEN`: the caller neither manages people nor audits them"),
    )
)]
async fn export_access(call: Call) -> Result<Response, Problem> {
    export::answer(call, Access, Format::Csv, "access").await
}
