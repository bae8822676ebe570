//! What nobody waits for: keys whose time is over, and what lost answers may have left at LiteLLM.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{OrganizationId, TeamId};
use serde_json::json;
use uuid::Uuid;

use super::make;
use crate::{
    Backend, Ctx, Method, Result, audit,
    measure::{self, Target},
};

/// How long after a lost answer its effect may still come.
const LATE: Duration = Duration::from_secs(10);
/// How many are taken at once.
const BATCH: i64 = 100;

/// Ends keys whose time is over, and removes what LiteLLM may have of keys that nobody knows the secret of; says how many
/// there were. Several processes may do it at once.
///
/// # Errors
/// When the database does not answer.
pub async fn tidy(backend: &Backend) -> Result<u64> {
    Ok(end_expired(backend).await? + clean_lost(backend).await?)
}

/// Keys whose time is over: LiteLLM is told by the outbox, as of every key that is revoked.
async fn end_expired(backend: &Backend) -> Result<u64> {
    let mut ended = 0;
    loop {
        let mut ctx = Ctx::system(backend, "keys that end", Method::System).await?;
        let now = ctx.now;
        let rows = sqlx::query!(
            r#"UPDATE api_keys k SET revoked_at = $1
            FROM (SELECT k.id, u.email, t.organization_id FROM api_keys k JOIN users u ON u.id = k.owner_id
                    JOIN teams t ON t.id = k.team_id
                WHERE k.litellm_state IN ('pending', 'active') AND k.revoked_at IS NULL AND k.expires_at <= $1
                ORDER BY k.expires_at LIMIT $2 FOR NO KEY UPDATE OF k SKIP LOCKED) due
            WHERE k.id = due.id
            RETURNING k.id, k.name, k.prefix, k.team_id, k.expires_at, due.email, due.organization_id"#,
            now,
            BATCH,
        )
        .fetch_all(ctx.connection())
        .await?;
        let entries: Vec<audit::Entry<'_>> = rows
            .iter()
            .map(|row| {
                let before = json!({"owner": row.email, "prefix": row.prefix, "expires_at": row.expires_at});
                audit::Entry::new("key.expired", "key", row.id, &row.name)
                    .team(OrganizationId(row.organization_id), TeamId(row.team_id))
                    .change(before, serde_json::Value::Null)
            })
            .collect();
        audit::record_many(&mut ctx, &entries).await?;
        ctx.commit().await?;
        ended += u64::try_from(rows.len()).unwrap_or_default();
        if rows.len() < usize::try_from(BATCH).unwrap_or(usize::MAX) {
            return Ok(ended);
        }
    }
}

/// Keys whose maker is gone. Each is taken, so that its owner does not make it meanwhile.
async fn clean_lost(backend: &Backend) -> Result<u64> {
    let mut cleaned = 0;
    for instance in backend.litellm.iter() {
        let rows = sqlx::query!(
            r#"UPDATE api_keys k SET making_until = clock_timestamp() + make_interval(secs => $2)
            FROM (SELECT id FROM api_keys WHERE litellm_instance = $1 AND litellm_state = 'pending'
                    AND making_until <= clock_timestamp() - make_interval(secs => $3)
                ORDER BY making_until LIMIT 20 FOR NO KEY UPDATE SKIP LOCKED) lost
            WHERE k.id = lost.id
            RETURNING k.id, k.litellm_alias AS "alias!", k.making_until AS "lease!: DateTime<Utc>""#,
            instance.name(),
            make::LEASE.as_secs_f64(),
            LATE.as_secs_f64(),
        )
        .fetch_all(&backend.pool)
        .await?;
        // Together: one after another might take longer than the leases.
        let settled = rows.into_iter().map(async |row| {
            let outcome = make::clean(&instance.client, &row.alias).await;
            if let Err(error) = &outcome {
                measure::sync_errors(Target::LiteLlm, 1);
                tracing::warn!(key = %row.id, %error, "LiteLLM may have a key that nobody has the secret of");
            }
            release(backend, row.id, row.lease, outcome.is_ok()).await?;
            Ok::<_, crate::Error>(u64::from(outcome.is_ok()))
        });
        for outcome in futures_util::future::join_all(settled).await {
            cleaned += outcome?;
        }
    }
    Ok(cleaned)
}

async fn release(backend: &Backend, id: Uuid, lease: DateTime<Utc>, clean: bool) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET making_until = CASE WHEN NOT $3 THEN clock_timestamp() END
        WHERE id = $1 AND making_until = $2 AND litellm_state IN ('pending', 'revoking')",
        id,
        lease,
        clean,
    )
    .execute(&backend.pool)
    .await?;
    Ok(())
}
