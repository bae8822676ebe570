//! `/api/v1/admin/cost.csv`: the whole report, row by row.

use std::{io, time::Duration};

use axum::{body::Body, response::Response};
use backend::{
    Code, Ctx, Error,
    cost::{self, CostQuery},
};
use bytes::Bytes;
use domain::{
    cost::{csv_cell, minutes},
    views::CostRow,
};
use futures_util::{TryStreamExt as _, stream};
use http::header;
use tokio::sync::mpsc;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::CostParams;
use crate::{
    problem::Problem,
    rest::{call::Call, query::QueryString},
    state::AppState,
};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(get_cost_csv))
}

/// The columns; those that the report is not cut by stay empty.
const HEADER: &str = "day,organization,team_id,team,project_id,project,label,jobs,minutes,cost,currency\r\n";
/// How many bytes are sent at a time.
const CHUNK: usize = 16 * 1024;
/// How long a client may take for one chunk, while a database connection waits.
const SLOWEST: Duration = Duration::from_secs(20);

/// Download what runners cost
///
/// The rows of `GET /admin/cost`, all of them, as CSV (RFC 4180). Cells that a spreadsheet would take for formulas begin
/// with `'`.
#[utoipa::path(
    get,
    path = "/admin/cost.csv",
    tag = "Cost",
    params(CostParams),
    responses(
        (status = 200, description = "All rows", content_type = "text/csv", body = String),
        (status = 403, description = "`FORBIDDEN`: the caller sees no team, not this one, or not this organization\n\n`TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or organization"),
    )
)]
async fn get_cost_csv(call: Call, QueryString(params): QueryString<CostParams>) -> Result<Response, Problem> {
    let query = params.query()?;
    let mut ctx = call.read().await?;
    // What can be refused is refused before the answer begins.
    cost::check(&mut ctx, &query).await?;
    let name = format!("guildhall-cost-by-{}.csv", query.group);
    let (sender, mut receiver) = mpsc::channel::<io::Result<Bytes>>(2);
    tokio::spawn(async move {
        if let Err(error) = write(&mut ctx, query, &sender).await {
            tracing::warn!(%error, "a CSV file ended early");
            // The connection breaks, so that half a file is not taken for a whole one.
            let broken = io::Error::other("the report could not be read to its end");
            let _ = tokio::time::timeout(SLOWEST, sender.send(Err(broken))).await;
        }
    });
    // Unlike an unfolded stream, this may be asked again after its end, which compression does.
    let chunks = stream::poll_fn(move |context| receiver.poll_recv(context));
    Response::builder()
        .header(header::CONTENT_TYPE, "text/csv; charset=utf-8")
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\""))
        .header(header::CACHE_CONTROL, "no-store")
        .body(Body::from_stream(chunks))
        .map_err(|error| Error::internal(error.to_string()).into())
}

async fn write(ctx: &mut Ctx, query: CostQuery, to: &mpsc::Sender<io::Result<Bytes>>) -> Result<(), Error> {
    let currency = ctx.backend.settings.currency.clone();
    let mut buffer = HEADER.to_owned();
    let mut rows = cost::export(ctx, &query).await?;
    while let Some(row) = rows.try_next().await? {
        push(&mut buffer, &row, &currency);
        if buffer.len() >= CHUNK {
            send(to, std::mem::take(&mut buffer)).await?;
        }
    }
    send(to, buffer).await
}

async fn send(to: &mpsc::Sender<io::Result<Bytes>>, text: String) -> Result<(), Error> {
    match tokio::time::timeout(SLOWEST, to.send(Ok(text.into()))).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Error::refused(Code::TimedOut, "the client takes no more")),
    }
}

fn push(buffer: &mut String, row: &CostRow, currency: &str) {
    let team = row.team.as_ref();
    let project = if row.hidden_projects {
        Some("(other projects)")
    } else {
        row.project.as_ref().map(|(_, name)| name.as_str())
    };
    let cells = [
        row.day.map(|day| day.to_string()).unwrap_or_default(),
        csv_cell(team.map_or("", |team| &team.organization)),
        team.map(|team| team.id.to_string()).unwrap_or_default(),
        csv_cell(team.map_or("", |team| &team.name)),
        row.project.as_ref().map(|(id, _)| id.to_string()).unwrap_or_default(),
        csv_cell(project.unwrap_or_default()),
        csv_cell(row.label.as_deref().unwrap_or_default()),
        row.sum.jobs.to_string(),
        minutes(row.sum.seconds).to_string(),
        row.sum.money().to_string(),
        currency.to_owned(),
    ];
    buffer.push_str(&cells.join(","));
    buffer.push_str("\r\n");
}
