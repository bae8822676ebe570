//! The numbers of the dashboard (SPEC B28, B29): a fixed number of queries, each over what the caller may see.

mod events;
mod usage;

use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use domain::{
    OrganizationId, Permission, Refusal, Severity,
    views::{AdminStats, Dashboard, DashboardStats, MinutesDay, ProvisioningDay, RunnerCounts},
};

use crate::{Ctx, Error, Result, scope::Scope};

/// How many days the charts show, today included.
pub const DAYS: u64 = 30;
/// Teams that the dashboard shows against their quotas.
const TEAMS: i64 = 12;
/// Teams that the statistics for admins list.
const ADMIN_TEAMS: i64 = 100;
/// How far back security events count, in days.
const SECURITY_DAYS: u64 = 7;

/// The runners that the caller may see (SPEC B18), counted, and the latest events that they may see (SPEC P).
///
/// # Errors
/// When the database does not answer.
pub async fn stats(ctx: &mut Ctx) -> Result<DashboardStats> {
    let scope = Scope::of(&ctx.caller);
    Ok(DashboardStats {
        runners: runners(ctx, &scope).await?,
        recent: events::recent(ctx, &scope).await?,
    })
}

/// All that the Dashboard page shows: six queries.
///
/// # Errors
/// When the database does not answer.
pub async fn load(ctx: &mut Ctx) -> Result<Dashboard> {
    let scope = Scope::of(&ctx.caller);
    Ok(Dashboard {
        stats: stats(ctx).await?,
        teams: usage::fullest(ctx, &scope, TEAMS).await?,
        provisioning: provisioning(ctx, &scope).await?,
        minutes: minutes(ctx, &scope).await?,
        security: security(ctx, &scope).await?,
    })
}

/// The numbers of the installation for super_admins and auditors; of their organizations for those who administer or
/// audit some.
///
/// # Errors
/// 403 for everybody else.
pub async fn admin_stats(ctx: &mut Ctx) -> Result<AdminStats> {
    let scope = Scope::of(&ctx.caller);
    if !scope.is_administrative() {
        return Err(Error::Forbidden(Refusal {
            literal: "Admin privileges required".to_owned(),
            rule: "see the numbers of all teams".to_owned(),
            who_can: Permission::TeamAdminister.who(),
        }));
    }
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM organizations WHERE $1 OR id = ANY($2)) AS "organizations!",
            coalesce(sum(teams) FILTER (WHERE status = 'active'), 0)::bigint AS "active!",
            coalesce(sum(teams) FILTER (WHERE status = 'inactive'), 0)::bigint AS "inactive!",
            coalesce(sum(teams) FILTER (WHERE status = 'archived'), 0)::bigint AS "archived!",
            (SELECT ARRAY[count(*) FILTER (WHERE u.deactivated_at IS NULL), count(*) FILTER (WHERE u.deactivated_at IS NOT NULL)]
                FROM users u WHERE $1 OR EXISTS (SELECT FROM organization_members m
                    WHERE m.user_id = u.id AND m.organization_id = ANY($2))) AS "users!"
        FROM team_totals WHERE $1 OR organization_id = ANY($2)"#,
        scope.all,
        &scope.organizations,
    )
    .fetch_one(ctx.connection())
    .await?;
    // What an admin is besides, as a member of some team elsewhere, is not part of these numbers.
    let administered = Scope {
        all: scope.all,
        organizations: scope.organizations,
        ..Scope::default()
    };
    Ok(AdminStats {
        scope: (!administered.all).then(|| administered.organizations.iter().copied().map(OrganizationId).collect()),
        organizations: row.organizations,
        teams: [row.active, row.inactive, row.archived],
        users: [
            row.users.first().copied().unwrap_or_default(),
            row.users.get(1).copied().unwrap_or_default(),
        ],
        runners: runners(ctx, &administered).await?,
        usage: usage::fullest(ctx, &administered, ADMIN_TEAMS).await?,
        provisioning: provisioning(ctx, &administered).await?,
        security: security(ctx, &administered).await?,
    })
}

/// Runners that are not deleted: a partial index holds just them, however many there have been.
async fn runners(ctx: &mut Ctx, scope: &Scope) -> Result<RunnerCounts> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "total!",
            count(*) FILTER (WHERE status = 'active') AS "active!",
            count(*) FILTER (WHERE status = 'offline') AS "offline!",
            count(*) FILTER (WHERE status = 'pending') AS "pending!",
            count(*) FILTER (WHERE status = 'active' AND busy) AS "busy!"
        FROM runners
        WHERE status <> 'deleted' AND ($1 OR provisioned_by = $2 OR team_id = ANY($3)
            OR team_id IN (SELECT id FROM teams WHERE organization_id = ANY($4)))"#,
        scope.all,
        scope.actor,
        &scope.teams,
        &scope.organizations,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(RunnerCounts {
        total: row.total,
        active: row.active,
        offline: row.offline,
        pending: row.pending,
        busy: row.busy,
    })
}

/// The first moment of the charts' days.
fn start(now: DateTime<Utc>, days: u64) -> DateTime<Utc> {
    let today = now.date_naive();
    let first = today
        .checked_sub_days(Days::new(days.saturating_sub(1)))
        .unwrap_or(today);
    first.and_time(NaiveTime::MIN).and_utc()
}

/// Runners by the day they were provisioned on, and requests that came to nothing. Both read the index of their
/// period, not the table.
async fn provisioning(ctx: &mut Ctx, scope: &Scope) -> Result<Vec<ProvisioningDay>> {
    let (from, to) = (start(ctx.now, DAYS), ctx.now);
    let rows = sqlx::query!(
        r#"WITH made AS (
            SELECT (created_at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM runners
            WHERE created_at >= $1 AND created_at <= $2
                AND (deletion_reason IS NULL OR deletion_reason NOT IN ('provisioning_failed', 'reservation_expired'))
                AND ($3 OR provisioned_by = $4 OR team_id = ANY($5)
                    OR team_id IN (SELECT id FROM teams WHERE organization_id = ANY($6)))
            GROUP BY 1
        ), failed AS (
            SELECT (at AT TIME ZONE 'UTC')::date AS day, count(*) AS n FROM audit_entries
            WHERE action = 'provision_jit_failed' AND at >= $1 AND at <= $2
                AND ($3 OR actor_id = $4 OR team_id = ANY($5) OR organization_id = ANY($6))
            GROUP BY 1
        )
        SELECT d.day::date AS "day!", coalesce(made.n, 0) AS "created!", coalesce(failed.n, 0) AS "failed!"
        FROM generate_series(($1::timestamptz AT TIME ZONE 'UTC')::date, ($2::timestamptz AT TIME ZONE 'UTC')::date,
            interval '1 day') AS d(day)
        LEFT JOIN made ON made.day = d.day LEFT JOIN failed ON failed.day = d.day
        ORDER BY d.day"#,
        from,
        to,
        scope.all,
        scope.actor,
        &scope.teams,
        &scope.organizations,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ProvisioningDay {
            day: row.day,
            created: row.created,
            failed: row.failed,
        })
        .collect())
}

/// How long jobs ran, by the day they completed on.
async fn minutes(ctx: &mut Ctx, scope: &Scope) -> Result<Vec<MinutesDay>> {
    let (from, to) = (start(ctx.now, DAYS), ctx.now);
    let rows = sqlx::query!(
        r#"WITH done AS (
            SELECT (completed_at AT TIME ZONE 'UTC')::date AS day, sum(extract(epoch FROM completed_at - started_at)) AS seconds
            FROM workflow_jobs
            WHERE completed_at >= $1 AND completed_at <= $2 AND started_at IS NOT NULL
                AND ($3 OR team_id = ANY($4) OR team_id IN (SELECT id FROM teams WHERE organization_id = ANY($5)))
            GROUP BY 1
        )
        SELECT d.day::date AS "day!: NaiveDate", coalesce(done.seconds, 0) AS "seconds!"
        FROM generate_series(($1::timestamptz AT TIME ZONE 'UTC')::date, ($2::timestamptz AT TIME ZONE 'UTC')::date,
            interval '1 day') AS d(day)
        LEFT JOIN done ON done.day = d.day
        ORDER BY d.day"#,
        from,
        to,
        scope.all,
        &scope.teams,
        &scope.organizations,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| MinutesDay {
            day: row.day,
            seconds: row.seconds,
        })
        .collect())
}

/// Security events of the last days that the caller may see, the worst first: every severity, also without any.
async fn security(ctx: &mut Ctx, scope: &Scope) -> Result<Vec<(Severity, i64)>> {
    let (from, to) = (start(ctx.now, SECURITY_DAYS), ctx.now);
    let rows = sqlx::query!(
        r#"SELECT severity, count(*) AS "n!" FROM security_events
        WHERE at >= $1 AND at <= $2 AND ($3 OR user_id = $4 OR team_id = ANY($5) OR organization_id = ANY($6))
        GROUP BY severity"#,
        from,
        to,
        scope.all,
        scope.actor,
        &scope.administered,
        &scope.organizations,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(Severity::ALL
        .into_iter()
        .rev()
        .map(|severity| {
            let row = rows.iter().find(|row| row.severity == severity.as_str());
            (severity, row.map_or(0, |row| row.n))
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_charts_begin_at_midnight_utc_thirty_days_back() {
        let now: DateTime<Utc> = "2026-03-03T23:59:59Z".parse().unwrap();
        assert_eq!(start(now, DAYS).to_rfc3339(), "2026-02-02T00:00:00+00:00");
        assert_eq!(start(now, 1).to_rfc3339(), "2026-03-03T00:00:00+00:00");
    }
}
