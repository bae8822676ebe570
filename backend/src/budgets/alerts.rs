//! Budgets that come near their end: told once a period for each threshold, in the transaction that reaches it.

use chrono::{DateTime, Utc};
use domain::{
    DEFAULT_TEAM, Money, OrganizationId, Period, THRESHOLDS, TeamId,
    hierarchy::Level,
    views::{Alert, AlertKind, BudgetAlert},
};
use rust_decimal::Decimal;
use serde_json::json;
use uuid::Uuid;

use crate::{Ctx, Result, audit, measure};

/// A budget that something was just added to.
#[derive(Debug)]
pub(super) struct Reached {
    pub(super) level: Level,
    pub(super) object: Uuid,
    pub(super) part: Uuid,
    pub(super) organization: OrganizationId,
    pub(super) team: Option<TeamId>,
    pub(super) name: String,
    pub(super) period: Period,
    /// What was spent in the period by now.
    pub(super) spend: Decimal,
    pub(super) max: Decimal,
}

impl Reached {
    /// The thresholds that it has reached.
    fn thresholds(&self) -> impl Iterator<Item = i16> {
        let hundredfold = self.spend.checked_mul(Decimal::ONE_HUNDRED).unwrap_or(Decimal::MAX);
        let max = self.max;
        (THRESHOLDS.into_iter()).filter(move |threshold| {
            max.checked_mul((*threshold).into())
                .is_some_and(|limit| hundredfold >= limit)
        })
    }
}

/// Notes which thresholds were reached for the first time in their period; those of organizations and teams in the audit
/// log, too.
pub(super) async fn note(ctx: &mut Ctx, reached: &[Reached]) -> Result<()> {
    let all: Vec<(&Reached, i16)> = (reached.iter())
        .flat_map(|one| one.thresholds().map(move |threshold| (one, threshold)))
        .collect();
    if all.is_empty() {
        return Ok(());
    }
    let levels: Vec<String> = all.iter().map(|(one, _)| one.level.as_str().to_owned()).collect();
    let objects: Vec<Uuid> = all.iter().map(|(one, _)| one.object).collect();
    let parts: Vec<Uuid> = all.iter().map(|(one, _)| one.part).collect();
    let since: Vec<DateTime<Utc>> = all.iter().map(|(one, _)| one.period.start).collect();
    let until: Vec<Option<DateTime<Utc>>> = all.iter().map(|(one, _)| one.period.end).collect();
    let thresholds: Vec<i16> = all.iter().map(|(_, threshold)| *threshold).collect();
    let organizations: Vec<Uuid> = all.iter().map(|(one, _)| one.organization.0).collect();
    let teams: Vec<Option<Uuid>> = all.iter().map(|(one, _)| one.team.map(|id| id.0)).collect();
    let names: Vec<String> = all.iter().map(|(one, _)| one.name.clone()).collect();
    let spends: Vec<Decimal> = all.iter().map(|(one, _)| one.spend).collect();
    let limits: Vec<Decimal> = all.iter().map(|(one, _)| one.max).collect();
    let now = ctx.now;
    let new = sqlx::query!(
        "INSERT INTO budget_alerts (level, object_id, part_id, period_start, period_end, threshold, organization_id, team_id,
            name, spend, max_budget, at)
        SELECT a.*, $12 FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::smallint[],
            $7::uuid[], $8::uuid[], $9::text[], $10::numeric[], $11::numeric[])
            AS a(level, object, part, since, until, threshold, organization, team, name, spend, max)
        ORDER BY a.level, a.object, a.part, a.since, a.threshold
        ON CONFLICT DO NOTHING RETURNING level, object_id, part_id, threshold",
        &levels,
        &objects,
        &parts,
        &since,
        &until as &[Option<DateTime<Utc>>],
        &thresholds,
        &organizations,
        &teams as &[Option<Uuid>],
        &names,
        &spends,
        &limits,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in new {
        measure::budget_alert(&row.level, row.threshold);
        let told = (reached.iter())
            .find(|one| (one.level.as_str(), one.object, one.part) == (row.level.as_str(), row.object_id, row.part_id));
        let Some(one) = told.filter(|one| one.level <= Level::Team) else {
            continue;
        };
        let mut entry = audit::Entry::new("budget.threshold", one.level.as_str(), one.object, &one.name).change(
            json!(null),
            json!({
                "percent": row.threshold,
                "spend": Money::trusted(one.spend),
                "max_budget": Money::trusted(one.max),
                "until": one.period.end,
            }),
        );
        entry.organization = Some(one.organization);
        entry.team = one.team;
        audit::record(ctx, entry).await?;
    }
    Ok(())
}

/// One row of alerts.
struct Row {
    level: String,
    threshold: i16,
    name: String,
    spend: Decimal,
    max_budget: Decimal,
    at: DateTime<Utc>,
    period_end: Option<DateTime<Utc>>,
}

impl Row {
    fn into_alert(self) -> BudgetAlert {
        BudgetAlert {
            level: self.level,
            threshold: self.threshold,
            name: self.name,
            spend: Money::trusted(self.spend),
            max_budget: Money::trusted(self.max_budget),
            at: self.at,
            until: self.period_end,
        }
    }
}

/// What an organization and its teams were told in the periods that are not over, the newest first, at most ten; of each
/// budget the highest threshold. The caller was authorised.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn of_organization(ctx: &mut Ctx, id: OrganizationId) -> Result<Vec<BudgetAlert>> {
    let now = ctx.now;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT level AS "level!", threshold AS "threshold!", name AS "name!", spend AS "spend!",
            max_budget AS "max_budget!", at AS "at!", period_end
        FROM (SELECT DISTINCT ON (level, object_id, part_id) * FROM budget_alerts
            WHERE organization_id = $1 AND level IN ('organization', 'team') AND (period_end IS NULL OR period_end > $2)
            ORDER BY level, object_id, part_id, threshold DESC, at DESC) a
        ORDER BY at DESC LIMIT 10"#,
        id.0,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(Row::into_alert).collect())
}

/// The same of a team and what is in it.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn of_team(ctx: &mut Ctx, id: TeamId) -> Result<Vec<BudgetAlert>> {
    let now = ctx.now;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT level AS "level!", threshold AS "threshold!", name AS "name!", spend AS "spend!",
            max_budget AS "max_budget!", at AS "at!", period_end
        FROM (SELECT DISTINCT ON (level, object_id, part_id) * FROM budget_alerts
            WHERE team_id = $1 AND (period_end IS NULL OR period_end > $2)
            ORDER BY level, object_id, part_id, threshold DESC, at DESC) a
        ORDER BY at DESC LIMIT 10"#,
        id.0,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(Row::into_alert).collect())
}

/// For the operator: how many organizations and teams have used up their budget, and how many are close. What was
/// raised meanwhile is left out.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn installation(ctx: &mut Ctx) -> Result<Vec<Alert>> {
    let now = ctx.now;
    let rows = sqlx::query!(
        r#"SELECT n.threshold AS "threshold!", count(*) AS "count!", min(n.at) AS "since!",
            (array_agg(n.name ORDER BY n.at))[1:3] AS "names!: Vec<String>"
        FROM (SELECT DISTINCT ON (a.level, a.object_id) a.threshold, a.at, a.name
            FROM budget_alerts a
                JOIN budget_spend b ON b.level = a.level AND b.object_id = a.object_id AND b.part_id = a.part_id
                    AND b.period_start = a.period_start
                LEFT JOIN organizations o ON a.level = 'organization' AND o.id = a.object_id
                LEFT JOIN teams t ON a.level = 'team' AND t.id = a.object_id
            WHERE a.threshold >= 80 AND a.level IN ('organization', 'team') AND a.object_id <> $2
                AND (a.period_end IS NULL OR a.period_end > $1)
                AND b.spend * 100 >= coalesce(o.max_budget, t.max_budget) * a.threshold
            ORDER BY a.level, a.object_id, a.threshold DESC) n
        GROUP BY n.threshold"#,
        now,
        // It has an alert of its own.
        DEFAULT_TEAM.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let alerts = rows.into_iter().map(|row| {
        let more = row.count - i64::try_from(row.names.len()).unwrap_or(row.count);
        let names = row.names.join(", ");
        Alert {
            kind: if row.threshold == 100 {
                AlertKind::BudgetUsedUp
            } else {
                AlertKind::BudgetNear
            },
            instance: None,
            count: row.count,
            since: Some(row.since),
            detail: Some(if more > 0 {
                format!("{names} and {more} more")
            } else {
                names
            }),
        }
    });
    Ok(alerts.collect())
}
