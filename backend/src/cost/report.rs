//! The one query behind every report.

use chrono::{DateTime, NaiveDate, Utc};
use domain::{
    OrganizationId, ProjectId, TeamId,
    cost::CostGroup,
    views::{CostReport, CostRow, CostSum, CostTeam},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::CostQuery;
use crate::{Ctx, Error, Result, scope::Scope};

/// What rows are cut by.
#[derive(Debug, Clone, Default)]
pub(super) struct Cut {
    team: bool,
    project: bool,
    label: bool,
    day: bool,
    /// Only these teams have rows of their own.
    top: Option<Vec<Uuid>>,
}

impl Cut {
    pub(super) fn of(group: CostGroup) -> Self {
        Self {
            team: matches!(group, CostGroup::Team | CostGroup::Project),
            project: group == CostGroup::Project,
            label: group == CostGroup::Label,
            day: group == CostGroup::Day,
            top: None,
        }
    }

    pub(super) fn days_of(top: Vec<Uuid>) -> Self {
        Self {
            team: true,
            day: true,
            top: Some(top),
            ..Self::default()
        }
    }
}

/// A row of the query, with the sums of all of them.
pub(super) struct Row {
    found: bool,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    organization_id: Option<Uuid>,
    organization_name: Option<String>,
    project_id: Option<Uuid>,
    project_name: Option<String>,
    hidden: Option<bool>,
    label: Option<String>,
    day: Option<NaiveDate>,
    jobs: Option<i64>,
    seconds: Option<Decimal>,
    amount: Option<Decimal>,
    running_jobs: Option<i64>,
    running_seconds: Option<Decimal>,
    line_count: i64,
    total_jobs: i64,
    total_seconds: Decimal,
    total_amount: Decimal,
    total_running_jobs: i64,
    total_running_seconds: Decimal,
}

impl Row {
    /// The row, unless this only carries the sums of an empty page.
    pub(super) fn into_row(self) -> Option<CostRow> {
        self.found.then(|| CostRow {
            team: self.team(),
            project: self.project_id.map(ProjectId).zip(self.project_name),
            hidden_projects: self.hidden.unwrap_or_default(),
            label: self.label,
            day: self.day,
            sum: CostSum {
                jobs: self.jobs.unwrap_or_default(),
                seconds: self.seconds.unwrap_or_default(),
                amount: self.amount.unwrap_or_default(),
                running_jobs: self.running_jobs.unwrap_or_default(),
                running_seconds: self.running_seconds.unwrap_or_default(),
            },
        })
    }

    fn team(&self) -> Option<CostTeam> {
        Some(CostTeam {
            id: TeamId(self.team_id?),
            name: self.team_name.clone()?,
            organization_id: OrganizationId(self.organization_id?),
            organization: self.organization_name.clone()?,
        })
    }

    fn total(&self) -> CostSum {
        CostSum {
            jobs: self.total_jobs,
            seconds: self.total_seconds,
            amount: self.total_amount,
            running_jobs: self.total_running_jobs,
            running_seconds: self.total_running_seconds,
        }
    }
}

/// One page of a report.
pub(super) async fn page(
    ctx: &mut Ctx,
    scope: &Scope,
    query: &CostQuery,
    period: (DateTime<Utc>, DateTime<Utc>),
    cut: &Cut,
    currency: String,
) -> Result<CostReport> {
    let rows: Vec<Row> = rows(ctx, scope, query, period, cut, query.limit).try_collect().await?;
    let (total, row_count) = rows
        .first()
        .map_or((CostSum::default(), 0), |row| (row.total(), row.line_count));
    Ok(CostReport {
        from: period.0,
        to: period.1,
        currency,
        rows: rows.into_iter().filter_map(Row::into_row).collect(),
        row_count,
        total,
    })
}

/// The rows of a report as the database finds them; at least one, which carries the sums.
///
/// Jobs are first summed up by team, project, labels and by which list of prices was in effect, so that a price is
/// looked for once for each of these and not once for each job. A job that says it runs counts as long as GitHub lets
/// one run on a self-hosted runner (five days) and its runner is there: a lost webhook must not let it run forever.
pub(super) fn rows<'c>(
    ctx: &'c mut Ctx,
    scope: &Scope,
    query: &CostQuery,
    (from, to): (DateTime<Utc>, DateTime<Utc>),
    cut: &Cut,
    limit: i64,
) -> BoxStream<'c, Result<Row>> {
    let now = ctx.now;
    sqlx::query_as!(
        Row,
        r#"WITH change AS (
            SELECT coalesce(array_agg(DISTINCT valid_from ORDER BY valid_from), '{}') AS at FROM runner_label_prices
        ), job AS (
            SELECT j.team_id, j.project_id, j.labels, j.started_at, j.completed_at,
                extract(epoch FROM j.completed_at - j.started_at) AS seconds, 0::numeric AS running
            FROM workflow_jobs j
            WHERE j.completed_at >= $1 AND j.completed_at < $2 AND j.started_at IS NOT NULL
                AND ($3::uuid IS NULL OR j.team_id = $3)
            UNION ALL
            SELECT j.team_id, j.project_id, j.labels, j.started_at, NULL, NULL,
                greatest(extract(epoch FROM $5::timestamptz - j.started_at), 0)
            FROM workflow_jobs j LEFT JOIN runners r ON r.id = j.runner_id
            WHERE j.status = 'in_progress' AND j.completed_at IS NULL AND j.started_at >= $1 AND j.started_at < $2
                AND j.started_at > $5::timestamptz - interval '5 days' AND r.status IS DISTINCT FROM 'deleted'
                AND ($3::uuid IS NULL OR j.team_id = $3)
        ), used AS (
            SELECT
                CASE WHEN $10 AND ($14::uuid[] IS NULL OR j.team_id = ANY($14)) THEN j.team_id END AS team_id,
                CASE WHEN $11 AND v.visible THEN j.project_id END AS project_id,
                $11 AND NOT v.visible AND j.project_id IS NOT NULL AS hidden,
                CASE WHEN $13 THEN (coalesce(j.completed_at, $5) AT TIME ZONE 'UTC')::date END AS day,
                j.labels, width_bucket(j.started_at, change.at) AS epoch,
                count(j.completed_at) AS jobs, coalesce(sum(j.seconds), 0) AS seconds,
                count(*) - count(j.completed_at) AS running_jobs, sum(j.running) AS running_seconds
            FROM change CROSS JOIN job j LEFT JOIN teams t ON t.id = j.team_id
                CROSS JOIN LATERAL (SELECT $6 OR t.organization_id = ANY($7) OR j.team_id = ANY($9)
                    OR j.project_id = ANY($15) AS visible) v
            WHERE ($6 OR t.organization_id = ANY($7) OR j.team_id = ANY($8))
                AND ($4::uuid IS NULL OR t.organization_id = $4)
            GROUP BY 1, 2, 3, 4, 5, 6
        ), line AS (
            SELECT u.team_id, u.project_id, u.hidden, CASE WHEN $12 THEN nullif(p.label, '') END AS label, u.day,
                sum(u.jobs)::bigint AS jobs, sum(u.seconds) AS seconds, sum(u.seconds * coalesce(p.price, 0)) AS price_seconds,
                sum(u.running_jobs)::bigint AS running_jobs, sum(u.running_seconds) AS running_seconds
            FROM used u CROSS JOIN change LEFT JOIN LATERAL (
                SELECT c.label, c.price FROM (
                    SELECT DISTINCT ON (label) label, price FROM runner_label_prices
                    WHERE valid_from <= change.at[u.epoch]
                        AND (label = '' OR label = ANY (lower(u.labels::text)::text[]))
                    ORDER BY label, valid_from DESC
                ) c
                WHERE c.price IS NOT NULL ORDER BY c.label = '', c.price DESC, c.label LIMIT 1
            ) p ON true
            GROUP BY 1, 2, 3, 4, 5
        ), total AS (
            SELECT count(*) AS rows, coalesce(sum(jobs), 0)::bigint AS jobs, coalesce(sum(seconds), 0) AS seconds,
                coalesce(sum(price_seconds), 0) AS price_seconds, coalesce(sum(running_jobs), 0)::bigint AS running_jobs,
                coalesce(sum(running_seconds), 0) AS running_seconds
            FROM line
        ), shown AS (
            SELECT l.*, t.name AS team_name, t.organization_id, o.name AS organization_name, p.name AS project_name,
                row_number() OVER (ORDER BY l.day, l.price_seconds DESC, l.seconds DESC, lower(t.name), l.team_id,
                    l.hidden, lower(p.name), l.project_id, l.label) AS place
            FROM line l LEFT JOIN teams t ON t.id = l.team_id LEFT JOIN organizations o ON o.id = t.organization_id
                LEFT JOIN projects p ON p.id = l.project_id
            ORDER BY place LIMIT $16 OFFSET $17
        )
        SELECT s.place IS NOT NULL AS "found!", s.team_id AS "team_id?", s.team_name AS "team_name?",
            s.organization_id AS "organization_id?", s.organization_name AS "organization_name?",
            s.project_id AS "project_id?", s.project_name AS "project_name?", s.hidden AS "hidden?", s.label AS "label?",
            s.day AS "day?", s.jobs AS "jobs?", s.seconds AS "seconds?", round(s.price_seconds / 60, 6) AS "amount?",
            s.running_jobs AS "running_jobs?", s.running_seconds AS "running_seconds?",
            total.rows AS "line_count!", total.jobs AS "total_jobs!", total.seconds AS "total_seconds!",
            round(total.price_seconds / 60, 6) AS "total_amount!", total.running_jobs AS "total_running_jobs!",
            total.running_seconds AS "total_running_seconds!"
        FROM total LEFT JOIN shown s ON true ORDER BY s.place"#,
        from,
        to,
        query.team.map(|id| id.0),
        query.organization.map(|id| id.0),
        now,
        scope.all,
        &scope.organizations,
        &scope.teams,
        &scope.administered,
        cut.team,
        cut.project,
        cut.label,
        cut.day,
        cut.top.as_deref(),
        &scope.projects,
        limit,
        query.offset.max(0),
    )
    .fetch(ctx.connection())
    .map_err(Error::from)
    .boxed()
}
