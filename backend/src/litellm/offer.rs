//! Which models the instances offer. Only that tells what "all but the restricted ones" is (SPEC C15).

use integrations::litellm::LiteLlm;
use sqlx::PgPool;

use super::push::Failure;
use crate::{Backend, Error, Result};

/// Asks an instance for its models, and writes them down; where they are others than before, teams are told anew (by a
/// trigger).
pub(super) async fn read(pool: &PgPool, client: &LiteLlm) -> Result<Vec<String>, Failure> {
    let models: Vec<String> = client.models().await?.into_iter().map(|model| model.name).collect();
    sqlx::query!(
        "UPDATE litellm_instances SET models = $2 WHERE name = $1 AND models IS DISTINCT FROM $2",
        client.name(),
        &models,
    )
    .execute(pool)
    .await
    .map_err(Error::from)?;
    Ok(models)
}

/// Asks each instance while some model is restricted: a team that may use all but some has a list at LiteLLM, and a new
/// model is to come into it.
///
/// # Errors
/// When the database does not answer. An instance that does not answer is asked again later.
pub async fn refresh_models(backend: &Backend) -> Result<()> {
    let any = sqlx::query_scalar!(r#"SELECT EXISTS (SELECT FROM restricted_models) AS "any!""#)
        .fetch_one(&backend.pool)
        .await?;
    if !any {
        return Ok(());
    }
    for instance in backend.litellm.iter() {
        match read(&backend.pool, &instance.client).await {
            Ok(_) => {}
            Err(Failure::Database(error)) => return Err(error),
            Err(failure) => {
                tracing::warn!(instance = instance.name(), error = %failure, "the models on offer are not known anew");
            }
        }
    }
    Ok(())
}
