//! "Compare now": what an instance has beside what it should have, both ways. Looking changes nothing; what is to be done
//! about a difference is decided one click at a time.

mod differences;
mod reading;
mod settle;

use sqlx::{PgPool, Postgres, QueryBuilder};
use uuid::Uuid;

pub use differences::{comparison, differences, latest};
pub use settle::{Decision, settle};

use super::{
    push,
    status::{require_manage, require_view},
};
use crate::{Backend, Code, Ctx, Error, Result, audit};

/// How long a comparison that is not heard of counts as under way, in seconds.
const SILENCE: f64 = 60.0;

/// Begins a comparison; [`run`] makes it.
///
/// # Errors
/// 403 for everyone but super_admins; 404 for an unknown instance; 409 while one is under way.
pub async fn begin(ctx: &mut Ctx, instance: &str) -> Result<Uuid> {
    require_manage(&ctx.caller)?;
    if ctx.backend.litellm.get(Some(instance)).is_none() {
        return Err(Error::not_found("LiteLLM instance", instance));
    }
    let (id, by) = (Uuid::now_v7(), ctx.caller.name().to_owned());
    // One at a time: the row of the instance is the lock.
    sqlx::query!("SELECT FROM litellm_instances WHERE name = $1 FOR UPDATE", instance)
        .execute(ctx.connection())
        .await?;
    let busy = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM litellm_comparisons WHERE instance = $1 AND ended_at IS NULL
            AND heartbeat_at > clock_timestamp() - make_interval(secs => $2)) AS "busy!""#,
        instance,
        SILENCE,
    )
    .fetch_one(ctx.connection())
    .await?;
    if busy {
        return Err(Error::refused(
            Code::WrongState,
            "A comparison with this instance is under way",
        ));
    }
    sqlx::query!(
        "INSERT INTO litellm_comparisons (id, instance, requested_by) VALUES ($1, $2, $3)",
        id,
        instance,
        by,
    )
    .execute(ctx.connection())
    .await?;
    // The last few are enough.
    sqlx::query!(
        "DELETE FROM litellm_comparisons WHERE instance = $1 AND id NOT IN
            (SELECT id FROM litellm_comparisons WHERE instance = $1 ORDER BY started_at DESC LIMIT 5)",
        instance,
    )
    .execute(ctx.connection())
    .await?;
    audit::record(ctx, audit::Entry::new("litellm.compare", "litellm", id, instance)).await?;
    Ok(id)
}

/// Begins to make it beside the request.
pub fn start(backend: Backend, id: Uuid, instance: String) {
    tokio::spawn(run(backend, id, instance));
}

/// Makes a comparison. What goes wrong is written down with it.
pub async fn run(backend: Backend, id: Uuid, instance: String) {
    let Some(instance) = backend.litellm.get(Some(&instance)) else {
        return;
    };
    let error = match reading::compare(&backend.pool, instance, id).await {
        Ok(()) => None,
        Err(push::Failure::Database(error)) => {
            tracing::warn!(%error, "a comparison with LiteLLM was not completed");
            Some("The database did not answer".to_owned())
        }
        Err(failure) => Some(failure.to_string()),
    };
    let ended = sqlx::query!(
        "UPDATE litellm_comparisons SET ended_at = clock_timestamp(), error = $2 WHERE id = $1",
        id,
        error,
    )
    .execute(&backend.pool)
    .await;
    if let Err(error) = ended {
        tracing::warn!(%error, "the end of a comparison with LiteLLM could not be written down");
    }
}

/// A difference that was found.
struct Found {
    kind: &'static str,
    object: String,
    member: Option<String>,
    name: String,
    problem: &'static str,
    detail: String,
}

/// Writes down what a page showed.
async fn note(pool: &PgPool, id: Uuid, compared: usize, found: Vec<Found>) -> Result<()> {
    if !found.is_empty() {
        let mut query = QueryBuilder::<Postgres>::new(
            "INSERT INTO litellm_differences (comparison_id, kind, object, member, name, problem, detail) ",
        );
        query.push_values(found, |mut row, found| {
            row.push_bind(id)
                .push_bind(found.kind)
                .push_bind(found.object)
                .push_bind(found.member)
                .push_bind(found.name)
                .push_bind(found.problem)
                .push_bind(found.detail);
        });
        query.build().execute(pool).await?;
    }
    sqlx::query!(
        "UPDATE litellm_comparisons SET heartbeat_at = clock_timestamp(), compared = compared + $2 WHERE id = $1",
        id,
        i64::try_from(compared).unwrap_or_default(),
    )
    .execute(pool)
    .await?;
    Ok(())
}
