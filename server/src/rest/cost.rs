//! `/api/v1/admin/cost` and a team's: runner minutes and what they cost.

mod csv;
mod prices;

use axum::response::Response;
use backend::cost::{self, CostQuery};
use chrono::{DateTime, NaiveDate, Utc};
use domain::{TeamId, cost::CostGroup, views};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    call::{At, Call, sized_json},
    query::{QueryString, limit, offset, time},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_cost))
        .routes(routes!(get_team_cost))
        .merge(csv::router())
        .merge(prices::router())
}

const DEFAULT_LIMIT: i64 = 100;
/// About what one row takes in JSON, in bytes.
const ROW_SIZE: usize = 480;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct CostParams {
    /// The first moment: a time, or a day (UTC). The beginning of this month unless given.
    #[param(nullable = false, example = "2026-03-01")]
    from: Option<String>,
    /// The moment after the last one: a time, or a day (UTC), which is then not part of it. Now unless given; at most
    /// 366 days after `from`.
    #[param(nullable = false, example = "2026-04-01")]
    to: Option<String>,
    /// How to cut it; by team unless said otherwise.
    #[param(nullable = false, inline, value_type = Option<Group>)]
    group_by: Option<String>,
    /// Only teams of this organization.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// Only this team.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TeamCostParams {
    /// The first moment: a time, or a day (UTC). The beginning of this month unless given.
    #[param(nullable = false)]
    from: Option<String>,
    /// The moment after the last one. Now unless given.
    #[param(nullable = false)]
    to: Option<String>,
    /// How to cut it; by project unless said otherwise.
    #[param(nullable = false, inline, value_type = Option<Group>)]
    group_by: Option<String>,
    /// Rows on a page; 100 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// Rows to skip.
    #[param(nullable = false, minimum = 0, maximum = 1_000_000)]
    offset: Option<i64>,
}

/// What rows are cut by.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain's CostGroup, which knows nothing of OpenAPI"
)]
enum Group {
    Team,
    Project,
    Label,
    Day,
}

fn group(text: Option<&str>, default: CostGroup) -> Result<CostGroup, Problem> {
    Ok(text.map_or(Ok(default), str::parse)?)
}

impl CostParams {
    fn query(&self) -> Result<CostQuery, Problem> {
        Ok(CostQuery {
            from: time("from", self.from.as_deref())?,
            to: time("to", self.to.as_deref())?,
            group: group(self.group_by.as_deref(), CostGroup::Team)?,
            organization: self.organization_id.map(Into::into),
            team: self.team_id.map(Into::into),
            offset: offset(self.offset)?,
            limit: limit(self.limit, DEFAULT_LIMIT)?,
        })
    }
}

/// Jobs, minutes and cost. Amounts are decimal texts: exact.
#[derive(Debug, Serialize, ToSchema)]
struct CostSum {
    /// Jobs that completed in the period.
    jobs: i64,
    /// How long they ran, to the second, as minutes with one decimal.
    #[schema(example = "1234.5")]
    minutes: String,
    /// The same, exact.
    #[schema(example = "74070")]
    seconds: String,
    /// What that cost.
    #[schema(example = "9.876")]
    cost: String,
    /// Jobs that run now and started in the period; they cost when they have completed.
    running_jobs: i64,
    /// How long those have run until now.
    #[schema(example = "12.0")]
    running_minutes: String,
}

impl From<views::CostSum> for CostSum {
    fn from(sum: views::CostSum) -> Self {
        Self {
            jobs: sum.jobs,
            minutes: domain::cost::minutes(sum.seconds).to_string(),
            seconds: sum.seconds.normalize().to_string(),
            cost: sum.money().to_string(),
            running_jobs: sum.running_jobs,
            running_minutes: domain::cost::minutes(sum.running_seconds).to_string(),
        }
    }
}

/// One row. What it is not cut by is null.
#[derive(Debug, Serialize, ToSchema)]
struct CostRow {
    /// Null for runners of no team.
    team_id: Option<Uuid>,
    team_name: Option<String>,
    organization_id: Option<Uuid>,
    organization_name: Option<String>,
    /// Null for runners of no project.
    project_id: Option<Uuid>,
    project_name: Option<String>,
    /// Whether this is the sum of projects that the caller does not see.
    hidden_projects: bool,
    /// The label that set the price; null for the default price and for none.
    label: Option<String>,
    day: Option<NaiveDate>,
    #[serde(flatten)]
    sum: CostSum,
}

impl From<views::CostRow> for CostRow {
    fn from(row: views::CostRow) -> Self {
        let (project_id, project_name) = row.project.map(|(id, name)| (id.0, name)).unzip();
        let team = row.team;
        Self {
            team_id: team.as_ref().map(|team| team.id.0),
            organization_id: team.as_ref().map(|team| team.organization_id.0),
            organization_name: team.as_ref().map(|team| team.organization.clone()),
            team_name: team.map(|team| team.name),
            project_id,
            project_name,
            hidden_projects: row.hidden_projects,
            label: row.label,
            day: row.day,
            sum: row.sum.into(),
        }
    }
}

/// A report.
#[derive(Debug, Serialize, ToSchema)]
struct CostReport {
    from: DateTime<Utc>,
    /// The moment after the last one.
    to: DateTime<Utc>,
    /// ISO code.
    #[schema(example = "USD")]
    currency: String,
    #[schema(example = "team")]
    group_by: &'static str,
    /// The dearest first; days in their order.
    rows: Vec<CostRow>,
    /// How many rows all pages hold together.
    total: i64,
    /// All rows together, on this page or not.
    totals: CostSum,
}

async fn answer(call: Call, query: CostQuery) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let report = cost::report(&mut ctx, &query).await?;
    drop(ctx);
    let size = report.rows.len() * ROW_SIZE + 512;
    let body = CostReport {
        from: report.from,
        to: report.to,
        currency: report.currency,
        group_by: query.group.as_str(),
        rows: report.rows.into_iter().map(CostRow::from).collect(),
        total: report.row_count,
        totals: report.total.into(),
    };
    sized_json(StatusCode::OK, &body, size)
}

/// Report what runners cost
///
/// Minutes of the jobs that completed in the period, each at the highest price among its runner's labels when it
/// started. Super admins and auditors see all teams, org_admins those of their organizations, everybody else their own;
/// projects that a member is not assigned to are one row.
#[utoipa::path(
    get,
    path = "/admin/cost",
    tag = "Cost",
    params(CostParams),
    responses(
        (status = 200, description = "One page of rows, and the totals of all", body = CostReport),
        (status = 403, description = "`FORBIDDEN`: the caller sees no team, not this one, or not this organization\n\n`TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or organization"),
    )
)]
async fn get_cost(call: Call, QueryString(params): QueryString<CostParams>) -> Result<Response, Problem> {
    answer(call, params.query()?).await
}

/// Report what a team's runners cost
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/cost",
    tag = "Cost",
    params(("id" = Uuid, Path, description = "The team's id"), TeamCostParams),
    responses(
        (status = 200, description = "One page of rows, and the totals of all", body = CostReport),
        (status = 403, description = "`FORBIDDEN`: the caller may not see the team\n\n`TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn get_team_cost(
    call: Call,
    At(team): At<TeamId>,
    QueryString(params): QueryString<TeamCostParams>,
) -> Result<Response, Problem> {
    let query = CostQuery {
        from: time("from", params.from.as_deref())?,
        to: time("to", params.to.as_deref())?,
        group: group(params.group_by.as_deref(), CostGroup::Project)?,
        organization: None,
        team: Some(team),
        offset: offset(params.offset)?,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    answer(call, query).await
}
