//! How a team used what it may use, day by day.

use chrono::{Days, NaiveTime};
use domain::{
    Money,
    views::{TeamDay, TeamPage},
};

use crate::{Ctx, Result};

/// How many days there are, today included.
const DAYS: u64 = 30;
/// Runners that were made longer before the first day, and ended since, are not looked for: nobody's live so long.
const LIFE: u64 = 7;

/// The last 30 days (UTC), oldest first: the most runners that were there at a time, and what was spent. Nothing of a team
/// that is not open to the caller.
///
/// # Errors
/// When the database does not answer.
pub async fn history(ctx: &mut Ctx, page: &TeamPage) -> Result<Vec<TeamDay>> {
    if !page.open {
        return Ok(Vec::new());
    }
    let today = ctx.now.date_naive();
    let first = today.checked_sub_days(Days::new(DAYS - 1)).unwrap_or(today);
    let before = first.checked_sub_days(Days::new(LIFE)).unwrap_or(first);
    let (from, before, to) = (
        first.and_time(NaiveTime::MIN).and_utc(),
        before.and_time(NaiveTime::MIN).and_utc(),
        ctx.now,
    );
    let rows = sqlx::query!(
        r#"WITH own AS (
            SELECT created_at, deleted_at FROM runners
            WHERE team_id = $1 AND created_at >= $2 AND created_at <= $4 AND (deleted_at IS NULL OR deleted_at >= $3)
            UNION ALL
            SELECT created_at, NULL FROM runners WHERE team_id = $1 AND status <> 'deleted' AND created_at < $2
        ), steps AS (
            SELECT greatest(created_at, $3) AS at, 1 AS step FROM own
            UNION ALL SELECT deleted_at, -1 FROM own WHERE deleted_at IS NOT NULL
            -- Each day begins with those that were there already.
            UNION ALL SELECT day, 0 FROM generate_series($3::timestamptz, $4::timestamptz, interval '1 day') day
        ), counted AS (
            -- Of what happens at once, ends come last: a quota that is full stays full.
            SELECT at, sum(step) OVER (ORDER BY at, step DESC ROWS UNBOUNDED PRECEDING) AS n FROM steps
        ), peaks AS (
            SELECT (at AT TIME ZONE 'UTC')::date AS day, max(n)::bigint AS n FROM counted GROUP BY 1
        ), spent AS (
            SELECT (at AT TIME ZONE 'UTC')::date AS day, sum(cost) AS cost FROM spend_entries
            WHERE team_id = $1 AND at >= $3 AND at <= $4 GROUP BY 1
        )
        SELECT d.day::date AS "day!", coalesce(peaks.n, 0) AS "runners!", coalesce(spent.cost, 0) AS "spend!"
        FROM generate_series(($3::timestamptz AT TIME ZONE 'UTC')::date, ($4::timestamptz AT TIME ZONE 'UTC')::date,
            interval '1 day') AS d(day)
        LEFT JOIN peaks ON peaks.day = d.day LEFT JOIN spent ON spent.day = d.day
        ORDER BY d.day"#,
        page.team.id.0,
        before,
        from,
        to,
    )
    .fetch_all(ctx.connection())
    .await?;
    let days = rows.into_iter().map(|row| TeamDay {
        day: row.day,
        runners: row.runners,
        spend: Money::trusted(row.spend),
    });
    Ok(days.collect())
}
