//! Keys whose row was deleted with its project or team before LiteLLM had let go of them.

use super::{Instance, push};
use crate::{
    Backend, Result,
    measure::{self, Target},
};

/// Ends those that are due.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn remove_due(backend: &Backend, instance: &Instance) -> Result<()> {
    let rows = sqlx::query!(
        "UPDATE litellm_orphan_keys k SET attempts = attempts + 1,
            due_at = clock_timestamp() + make_interval(secs => least(60, power(2, least(k.attempts, 6))))
        FROM (SELECT instance, alias FROM litellm_orphan_keys WHERE instance = $1 AND due_at <= clock_timestamp()
            ORDER BY due_at LIMIT 20 FOR UPDATE SKIP LOCKED) due
        WHERE k.instance = due.instance AND k.alias = due.alias
        RETURNING k.alias, k.token",
        instance.name(),
    )
    .fetch_all(&backend.pool)
    .await?;
    for row in rows {
        let outcome = push::revoke(&instance.client, row.token.as_deref(), &row.alias).await;
        match outcome {
            Ok(()) => {
                sqlx::query!(
                    "DELETE FROM litellm_orphan_keys WHERE instance = $1 AND alias = $2",
                    instance.name(),
                    row.alias,
                )
                .execute(&backend.pool)
                .await?;
            }
            Err(failure) => {
                let message = failure.to_string();
                measure::sync_errors(Target::LiteLlm, 1);
                tracing::warn!(
                    instance = instance.name(),
                    key = row.alias,
                    error = message,
                    "a deleted key may still work"
                );
                sqlx::query!(
                    "UPDATE litellm_orphan_keys SET last_error = $3 WHERE instance = $1 AND alias = $2",
                    instance.name(),
                    row.alias,
                    message,
                )
                .execute(&backend.pool)
                .await?;
            }
        }
    }
    Ok(())
}
