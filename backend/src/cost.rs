//! What runners cost: minutes of completed jobs, priced by the label that costs most.
//!
//! A job counts on the day that it completed on (UTC), for as long as it ran, to the second: not rounded up to minutes
//! as GitHub bills its own runners, since these are our own machines, and a report of many short jobs would be
//! dominated by what was never used. Its price is the one that was in effect when it started.

mod prices;
mod report;

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};
use domain::{
    OrganizationId, Permission, Refusal, TeamId,
    cost::CostGroup,
    is_storable,
    views::{CostOverview, CostReport, CostRow},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
pub use prices::{NewPrices, list_prices, may_set_prices, set_prices};
use report::Cut;

use crate::{Caller, Code, Ctx, Error, Result, organizations, scope::Scope, teams};

/// The longest period of a report.
const MAX_DAYS: i64 = 366;
/// Rows on the page.
const PAGE_ROWS: i64 = 200;
/// Teams that the chart tells apart.
pub const CHART_TEAMS: usize = 5;

/// What to report.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CostQuery {
    /// The first moment; the beginning of this month unless given.
    pub from: Option<DateTime<Utc>>,
    /// The moment after the last one; now unless given.
    pub to: Option<DateTime<Utc>>,
    /// How to cut it.
    pub group: CostGroup,
    /// Only teams of this organization.
    pub organization: Option<OrganizationId>,
    /// Only this team.
    pub team: Option<TeamId>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows on a page.
    pub limit: i64,
}

/// Whether someone sees what any team costs: then there is a report to show.
pub fn may_see(caller: &Caller) -> bool {
    !Scope::of(caller).is_empty()
}

/// Minutes and cost of the teams that the caller sees (SPEC P): all; those of organizations seen whole; the own ones.
/// Projects that a member is not assigned to are one row.
///
/// # Errors
/// 403 for someone in no team, and for a team or an organization that the caller may not see; 422 for a period that
/// ends before it begins or is longer than a year.
pub async fn report(ctx: &mut Ctx, query: &CostQuery) -> Result<CostReport> {
    let scope = authorise(ctx, query).await?;
    let (from, to) = period(ctx.now, query)?;
    let cut = Cut::of(query.group);
    let currency = ctx.backend.settings.currency.clone();
    report::page(ctx, &scope, query, (from, to), &cut, currency).await
}

/// The report of the Cost page: three queries.
///
/// # Errors
/// As [`report`].
pub async fn overview(ctx: &mut Ctx, query: &CostQuery) -> Result<CostOverview> {
    let scope = authorise(ctx, query).await?;
    let (from, to) = period(ctx.now, query)?;
    let currency = ctx.backend.settings.currency.clone();
    let query = CostQuery {
        offset: 0,
        limit: PAGE_ROWS,
        ..*query
    };
    let projects = Cut::of(CostGroup::Project);
    let report = report::page(ctx, &scope, &query, (from, to), &projects, currency.clone()).await?;
    let teams = report::page(ctx, &scope, &query, (from, to), &Cut::of(CostGroup::Team), currency).await?;
    let top = (teams.rows.iter())
        .filter_map(|row| row.team.as_ref().map(|team| team.id.0))
        .take(CHART_TEAMS)
        .collect();
    let days: Vec<_> = report::rows(ctx, &scope, &query, (from, to), &Cut::days_of(top), i64::MAX)
        .try_collect()
        .await?;
    let days = days.into_iter().filter_map(report::Row::into_row).collect();
    Ok(CostOverview { report, teams, days })
}

/// All rows of a report, one after another, without keeping them: for a file.
///
/// # Errors
/// As [`report`].
pub async fn export<'c>(ctx: &'c mut Ctx, query: &CostQuery) -> Result<BoxStream<'c, Result<CostRow>>> {
    let scope = authorise(ctx, query).await?;
    let period = period(ctx.now, query)?;
    let query = CostQuery { offset: 0, ..*query };
    let rows = report::rows(ctx, &scope, &query, period, &Cut::of(query.group), i64::MAX);
    Ok(rows
        .try_filter_map(|row| std::future::ready(Ok(row.into_row())))
        .boxed())
}

/// Checks what an export will need, before its answer begins.
///
/// # Errors
/// As [`report`].
pub async fn check(ctx: &mut Ctx, query: &CostQuery) -> Result<()> {
    authorise(ctx, query).await?;
    period(ctx.now, query).map(drop)
}

async fn authorise(ctx: &mut Ctx, query: &CostQuery) -> Result<Scope> {
    let scope = Scope::of(&ctx.caller);
    if let Some(team) = query.team {
        teams::open(ctx, team).await?;
    }
    if let Some(organization) = query.organization {
        let exists = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM organizations WHERE id = $1) AS "exists!""#,
            organization.0
        )
        .fetch_one(ctx.connection())
        .await?;
        let belongs = match &ctx.caller {
            Caller::Person(person, _) => person.teams.iter().any(|team| team.organization_id == organization),
            Caller::Machine(_) | Caller::System(..) => false,
        };
        if !belongs {
            organizations::require(
                &organizations::standing(&ctx.caller, organization),
                Permission::TeamView,
            )?;
        }
        if !exists {
            return Err(Error::not_found("Organization", organization));
        }
    }
    if scope.is_empty() {
        return Err(Error::Forbidden(Refusal {
            literal: "Access denied: not a team member".to_owned(),
            rule: "see what a team's runners cost".to_owned(),
            who_can: Permission::TeamView.who(),
        }));
    }
    Ok(scope)
}

/// The period of a report: this month until now, unless the query says otherwise.
fn period(now: DateTime<Utc>, query: &CostQuery) -> Result<(DateTime<Utc>, DateTime<Utc>)> {
    let to = query.to.unwrap_or(now);
    let from = query.from.unwrap_or_else(|| month(to));
    for (field, at) in [("from", from), ("to", to)] {
        if !is_storable(at) {
            return Err(Error::invalid(field, "must be in the years 0 to 9999"));
        }
    }
    if from >= to {
        return Err(Error::invalid("to", "must be after from"));
    }
    if to - from > TimeDelta::days(MAX_DAYS) {
        return Err(Error::invalid(
            "from",
            format!("must be at most {MAX_DAYS} days before to"),
        ));
    }
    Ok((from, to))
}

/// The beginning of the month that a moment is in (UTC).
pub fn month(at: DateTime<Utc>) -> DateTime<Utc> {
    use chrono::Datelike as _;
    let day = at.date_naive();
    day.with_day(1).unwrap_or(day).and_time(NaiveTime::MIN).and_utc()
}

/// Only super_admins set prices.
fn require_prices(caller: &Caller) -> Result<()> {
    if may_set_prices(caller) {
        return Ok(());
    }
    if let Caller::Machine(_) = caller {
        return Err(Error::refused(
            Code::NotAuthorized,
            "User not authorized. Contact administrator to request access.",
        ));
    }
    Err(Error::Forbidden(Refusal {
        literal: "Admin privileges required".to_owned(),
        rule: "set the prices of runner labels".to_owned(),
        who_can: Permission::InstallationManage.who(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn cost_a_report_is_of_this_month_unless_told_otherwise() {
        let now = at("2026-03-15T10:00:00Z");
        let query = CostQuery::default();
        assert_eq!(period(now, &query).unwrap(), (at("2026-03-01T00:00:00Z"), now));
        let of = |from: &str, to: &str| {
            let query = CostQuery {
                from: Some(at(from)),
                to: Some(at(to)),
                ..query
            };
            period(now, &query).is_ok()
        };
        assert!(of("2025-03-01T00:00:00Z", "2026-03-01T00:00:00Z"));
        assert!(!of("2026-03-01T00:00:00Z", "2026-03-01T00:00:00Z"), "empty");
        assert!(!of("2026-03-02T00:00:00Z", "2026-03-01T00:00:00Z"), "backwards");
        assert!(!of("2024-03-01T00:00:00Z", "2026-03-01T00:00:00Z"), "too long");
        for far in ["-262142-01-01", "-0001-06-01", "+10000-01-01", "+262142-01-01"] {
            let (from, to) = (format!("{far}T00:00:00Z"), format!("{far}T01:00:00Z"));
            assert!(!of(&from, &to), "{far}");
        }
    }
}
