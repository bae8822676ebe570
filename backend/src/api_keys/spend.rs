//! What keys have spent, as LiteLLM says: read every minute by one process.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{KeyId, ProjectId, TeamId, UserId};
use integrations::litellm::KeyFilter;
use rust_decimal::Decimal;

use crate::{
    Backend, Ctx, Method, Result, budgets,
    litellm::Instance,
    measure::{self, Target},
};

/// How long one process reads an instance before another may begin.
const LEASE: Duration = Duration::from_mins(10);

/// Reads what keys have spent at every instance that no other process reads, and has not been read for `period`; says how
/// many keys had spent something. What LiteLLM does not tell now it tells the next time.
///
/// # Errors
/// When the database does not answer.
pub async fn read_spending(backend: &Backend, period: Duration) -> Result<u64> {
    let mut changed = 0;
    for instance in backend.litellm.iter() {
        if !take(backend, instance, period).await? {
            continue;
        }
        changed += read(backend, instance).await?;
        sqlx::query!(
            "UPDATE key_spend_reads SET taken_until = clock_timestamp(), read_at = clock_timestamp() WHERE instance = $1",
            instance.name(),
        )
        .execute(&backend.pool)
        .await?;
    }
    Ok(changed)
}

/// Takes the reading of an instance. A process that dies leaves a lease that ends.
async fn take(backend: &Backend, instance: &Instance, period: Duration) -> Result<bool> {
    let taken = sqlx::query!(
        "INSERT INTO key_spend_reads AS r (instance, taken_until)
        SELECT name, clock_timestamp() + make_interval(secs => $2) FROM litellm_instances
        WHERE name = $1 AND removed_at IS NULL
        ON CONFLICT (instance) DO UPDATE SET taken_until = excluded.taken_until
        WHERE r.taken_until <= clock_timestamp()
            AND (r.read_at IS NULL OR r.read_at <= clock_timestamp() - make_interval(secs => $3))",
        instance.name(),
        LEASE.as_secs_f64(),
        period.as_secs_f64(),
    )
    .execute(&backend.pool)
    .await?;
    Ok(taken.rows_affected() == 1)
}

async fn read(backend: &Backend, instance: &Instance) -> Result<u64> {
    let mut pages = instance.client.key_pages(&KeyFilter::default());
    let mut changed = 0;
    loop {
        #[expect(clippy::disallowed_methods, reason = "a job: no request has taken the time")]
        let asked = Utc::now();
        match pages.next().await {
            Ok(Some(keys)) => {
                let (tokens, spend): (Vec<String>, Vec<Decimal>) =
                    keys.into_iter().map(|key| (key.token, key.spend.decimal())).unzip();
                changed += write(backend, instance, &tokens, &spend, asked).await?;
            }
            Ok(None) => return Ok(changed),
            Err(error) => {
                measure::sync_errors(Target::LiteLlm, 1);
                tracing::warn!(instance = instance.name(), %error, "what keys have spent was not read to its end");
                return Ok(changed);
            }
        }
    }
}

/// Keeps the sums, and what they grew by on this day; that counts against every budget above the key, too. A sum that
/// shrank began anew: it is what was spent since.
async fn write(
    backend: &Backend,
    instance: &Instance,
    tokens: &[String],
    spend: &[Decimal],
    asked: DateTime<Utc>,
) -> Result<u64> {
    let mut ctx = Ctx::system(backend, "what keys spend", Method::System).await?;
    // What is above the keys is locked before them, as everything does that locks both.
    budgets::hold_above_keys(&mut ctx, instance.name(), tokens).await?;
    let rows = sqlx::query!(
        r#"WITH seen AS (SELECT DISTINCT ON (token) token, greatest(spend, 0) AS spend
            FROM unnest($2::text[], $3::numeric[]) AS s(token, spend) ORDER BY token),
        known AS (SELECT k.id, k.team_id, k.project_id, k.owner_id, k.spend AS before, seen.spend AS after
            FROM api_keys k JOIN seen ON seen.token = k.litellm_token
            WHERE k.litellm_instance = $1 AND (k.spend_at IS NULL OR k.spend_at <= $4)
                AND (k.spend <> seen.spend OR k.spend_at IS NULL OR k.spend_at < $4 - interval '10 minutes')
            ORDER BY k.id FOR NO KEY UPDATE OF k),
        written AS (UPDATE api_keys k SET spend = known.after, spend_at = $4 FROM known WHERE k.id = known.id),
        grown AS (SELECT id, team_id, project_id, owner_id,
                CASE WHEN after >= before THEN after - before ELSE after END AS cost
            FROM known WHERE after <> before AND after > 0),
        days AS (INSERT INTO key_spend_daily AS d (key_id, day, spend)
            SELECT id, ($4 AT TIME ZONE 'UTC')::date, cost FROM grown
            ON CONFLICT (key_id, day) DO UPDATE SET spend = d.spend + excluded.spend)
        SELECT id AS "id!", team_id AS "team_id!", project_id, owner_id AS "owner_id!", cost AS "cost!" FROM grown"#,
        instance.name(),
        tokens,
        spend,
        asked,
    )
    .fetch_all(ctx.connection())
    .await?;
    let grown: Vec<budgets::Spent> = (rows.into_iter())
        .map(|row| budgets::Spent {
            request_id: None,
            team: TeamId(row.team_id),
            user: Some(UserId(row.owner_id)),
            project: row.project_id.map(ProjectId),
            key: Some(KeyId(row.id)),
            model: None,
            cost: row.cost,
            at: asked,
        })
        .collect();
    let changed = budgets::count(&mut ctx, budgets::Source::LiteLlm, &grown).await?;
    ctx.commit().await?;
    Ok(changed)
}
