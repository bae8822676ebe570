//! What a comparison found, to be read.

use domain::views::{LiteLlmComparison, LiteLlmDifference, Page};
use uuid::Uuid;

use super::{SILENCE, require_view};
use crate::{Code, Ctx, Error, Result, keyset::Keyset};

/// The latest comparison with an instance.
///
/// # Errors
/// 403 for everyone but super_admins and auditors of the installation.
pub async fn latest(ctx: &mut Ctx, instance: &str) -> Result<Option<LiteLlmComparison>> {
    require_view(&ctx.caller)?;
    Ok(sqlx::query_as!(
        LiteLlmComparison,
        r#"SELECT c.id, c.instance, c.requested_by, c.started_at, c.compared,
            CASE WHEN c.ended_at IS NULL AND c.heartbeat_at < clock_timestamp() - make_interval(secs => $2)
                THEN c.heartbeat_at ELSE c.ended_at END AS ended_at,
            CASE WHEN c.ended_at IS NULL AND c.heartbeat_at < clock_timestamp() - make_interval(secs => $2)
                THEN 'The process ended before the comparison did' ELSE c.error END AS error,
            (SELECT count(*) FROM litellm_differences d WHERE d.comparison_id = c.id) AS "differences!",
            (SELECT count(*) FROM litellm_differences d WHERE d.comparison_id = c.id AND d.settled IS NULL) AS "open!"
        FROM litellm_comparisons c WHERE c.instance = $1 ORDER BY c.started_at DESC LIMIT 1"#,
        instance,
        SILENCE,
    )
    .fetch_optional(ctx.connection())
    .await?)
}

/// The latest comparison with an instance, the default one unless it is named, and a page of what it found.
///
/// # Errors
/// 403 as [`latest`]; 404 when there was none; 503 when the instance is not configured.
pub async fn comparison(
    ctx: &mut Ctx,
    instance: Option<&str>,
    cursor: Option<&str>,
    limit: i64,
) -> Result<(LiteLlmComparison, Page<LiteLlmDifference>)> {
    require_view(&ctx.caller)?;
    let name = ctx.backend.litellm.require(instance)?.name().to_owned();
    let latest = latest(ctx, &name).await?;
    let latest = latest.ok_or_else(|| Error::refused(Code::NotFound, format!("'{name}' was never compared")))?;
    let page = differences(ctx, latest.id, cursor, limit).await?;
    Ok((latest, page))
}

/// What a comparison found, in the order of problem, kind and name.
///
/// # Errors
/// 403 as [`latest`]; when the cursor is not one of this list.
pub async fn differences(
    ctx: &mut Ctx,
    comparison: Uuid,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Page<LiteLlmDifference>> {
    require_view(&ctx.caller)?;
    let place = Keyset::<String>::read(cursor, limit)?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM litellm_differences WHERE comparison_id = $1"#,
        comparison,
    )
    .fetch_one(ctx.connection())
    .await?;
    macro_rules! rows {
        ($order:literal) => {
            sqlx::query_as!(
                LiteLlmDifference,
                r#"SELECT id, kind, name, problem, detail, settled, settled_by,
                    (problem = 'unknown' AND kind IN ('member', 'key')) AS "removable!"
                FROM litellm_differences WHERE comparison_id = $1 AND "#
                    + $order,
                comparison,
                place.key,
                place.id,
                place.rows(),
            )
            .fetch_all(ctx.connection())
            .await?
        };
    }
    let rows = if place.before {
        rows!(
            "(problem || ' ' || kind || ' ' || name, id) < ($2, $3)
            ORDER BY problem || ' ' || kind || ' ' || name DESC, id DESC LIMIT $4"
        )
    } else {
        rows!(
            "($2::text IS NULL OR (problem || ' ' || kind || ' ' || name, id) > ($2, $3))
            ORDER BY problem || ' ' || kind || ' ' || name, id LIMIT $4"
        )
    };
    Ok(place.page(rows, total, |row| {
        (format!("{} {} {}", row.problem, row.kind, row.name), row.id)
    }))
}
