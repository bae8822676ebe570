//! Ending a review: by hand, by the clock, or without doing anything; and reminding of it.

use domain::{
    ReviewId,
    views::{AccessReview, ReviewPage},
};
use serde_json::json;

use super::{
    changed, fields,
    read::{load, locked, visible},
    record, require_open, rights,
};
use crate::{Ctx, Result, measure};

/// Closes a review: nobody decides any more, what nobody decided becomes what silence means, and the removals begin. They
/// are made by [`super::settle`] or a job, one by one; when the last one is done the report is signed.
///
/// # Errors
/// 404 for those who do not see it; 403 for those who could not start it; 409 when it is not open.
pub async fn close(ctx: &mut Ctx, id: ReviewId) -> Result<ReviewPage> {
    let review = managed(ctx, id).await?;
    let by = ctx.caller.name().to_owned();
    end(ctx, &review, &by).await?;
    changed(ctx, &review).await
}

/// Gives a review up: nothing is removed, and there is no report.
///
/// # Errors
/// As [`close`].
pub async fn cancel(ctx: &mut Ctx, id: ReviewId) -> Result<ReviewPage> {
    let review = managed(ctx, id).await?;
    let (by, now) = (ctx.caller.name().to_owned(), ctx.now);
    sqlx::query!(
        "UPDATE access_reviews SET state = 'cancelled', ended_at = $2, ended_by = $3 WHERE id = $1",
        id.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    let after = load(ctx, id).await?;
    record(ctx, "access_review.cancel", &review, fields(&review), fields(&after)).await?;
    changed(ctx, &review).await
}

/// Reminds the reviewers: their home page and the review say so, as nothing is mailed.
///
/// # Errors
/// As [`close`].
pub async fn remind(ctx: &mut Ctx, id: ReviewId) -> Result<ReviewPage> {
    let review = managed(ctx, id).await?;
    let (by, now) = (ctx.caller.name().to_owned(), ctx.now);
    sqlx::query!(
        "UPDATE access_reviews SET reminded_at = $2, reminded_by = $3 WHERE id = $1",
        id.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    record(
        ctx,
        "access_review.remind",
        &review,
        json!({"reminded_at": review.reminded_at}),
        json!({"reminded_at": now, "undecided": review.undecided()}),
    )
    .await?;
    measure::review_reminder("person");
    changed(ctx, &review).await
}

/// An open review, locked, for someone who may start and so end it.
async fn managed(ctx: &mut Ctx, id: ReviewId) -> Result<AccessReview> {
    let (review, _) = visible(ctx, id).await?;
    rights::require_manager(ctx, &review).await?;
    let review = locked(ctx, id).await?;
    require_open(&review)?;
    Ok(review)
}

/// Ends deciding in an open review that is locked: one statement for all lines, as it is at the start.
pub(super) async fn end(ctx: &mut Ctx, review: &AccessReview, by: &str) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "UPDATE access_review_lines SET decision = coalesce(decision, $2), by_silence = decision IS NULL,
            decided_at = coalesce(decided_at, $3),
            outcome = CASE WHEN coalesce(decision, $2) = 'keep' THEN 'kept' END,
            outcome_at = CASE WHEN coalesce(decision, $2) = 'keep' THEN $3 END
        WHERE review_id = $1",
        review.id.0,
        review.silence.as_str(),
        now,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "UPDATE access_reviews SET state = 'closing', ended_at = $2, ended_by = $3,
            keep_count = CASE silence WHEN 'keep' THEN line_count - remove_count ELSE keep_count END,
            remove_count = CASE silence WHEN 'remove' THEN line_count - keep_count ELSE remove_count END
        WHERE id = $1",
        review.id.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    let after = load(ctx, review.id).await?;
    let mut told = fields(&after);
    told["by_silence"] = json!(review.undecided());
    record(ctx, "access_review.close", review, fields(review), told).await
}
