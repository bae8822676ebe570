//! Deciding lines of an access review, and ending it.

use axum::response::Response;
use backend::access_reviews::{self, DecideInput};
use domain::ReviewId;
use http::StatusCode;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    access_review_body::{AccessReviewDetail, LineDecided, LineDecision, LineDecisions},
    body::Json,
    call::{At, Call, json},
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(decide_access_review))
        .routes(routes!(remind_access_review))
        .routes(routes!(close_access_review))
        .routes(routes!(cancel_access_review))
}

/// Decide lines of an access review
///
/// Each by itself: one that the caller may not decide stays as it was and says why. Nobody decides on their own line. A
/// decision may be changed until the review closes, and nothing is removed before.
#[utoipa::path(
    post,
    path = "/access-reviews/{id}/decide",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    request_body = LineDecision,
    responses(
        (status = 200, description = "What became of each", body = LineDecisions),
        (status = 403, description = "`FORBIDDEN`: the caller decides nothing"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not open"),
    )
)]
async fn decide_access_review(
    call: Call,
    At(id): At<ReviewId>,
    Json(body): Json<LineDecision>,
) -> Result<Response, Problem> {
    let input = DecideInput {
        ids: body.ids,
        decision: body.decision,
        reason: body.reason,
    };
    let mut ctx = call.write().await?;
    let outcome = access_reviews::decide(&mut ctx, id, input).await?;
    ctx.commit().await?;
    let result = LineDecisions {
        success: outcome.failed() == 0,
        affected_count: outcome.affected(),
        failed_count: outcome.failed(),
        details: (outcome.rows.into_iter())
            .map(|row| LineDecided {
                id: row.id,
                name: row.name,
                error: row.error,
            })
            .collect(),
    };
    json(StatusCode::OK, &result)
}

/// Remind the reviewers of an access review
///
/// Their home page and the review say so; nothing is mailed.
#[utoipa::path(
    post,
    path = "/access-reviews/{id}/remind",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The review", body = AccessReviewDetail),
        (status = 403, description = "`FORBIDDEN`: the caller could not have started it"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not open"),
    )
)]
async fn remind_access_review(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let page = access_reviews::remind(&mut ctx, id).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &AccessReviewDetail::from(page))
}

/// Close an access review
///
/// Lines that nobody decided become what silence means. Removals are made at once, up to 50; of larger reviews the rest
/// follows in the background, and the state is `closing` until the report is signed. What a rule refuses (a team's last
/// admin) stays, and the line says why.
#[utoipa::path(
    post,
    path = "/access-reviews/{id}/close",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The review, `closed` or `closing`", body = AccessReviewDetail),
        (status = 403, description = "`FORBIDDEN`: the caller could not have started it"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not open"),
    )
)]
async fn close_access_review(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let (backend, caller, info) = (call.backend.clone(), call.caller.clone(), call.info.clone());
    let mut ctx = call.write().await?;
    let closing = access_reviews::close(&mut ctx, id).await?;
    ctx.commit().await?;
    // It is closed, whatever becomes of this: a job does what is left.
    if let Err(error) = access_reviews::settle(&backend, id).await {
        tracing::warn!(%error, review = %id, "the removals of an access review go on in the background");
    }
    let mut ctx = Call { backend, caller, info }.read().await?;
    // Their own removal may have been among them.
    let page = access_reviews::get(&mut ctx, id).await.unwrap_or(closing);
    json(StatusCode::OK, &AccessReviewDetail::from(page))
}

/// Cancel an access review
///
/// Nothing is removed, and there is no report.
#[utoipa::path(
    post,
    path = "/access-reviews/{id}/cancel",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The review, cancelled", body = AccessReviewDetail),
        (status = 403, description = "`FORBIDDEN`: the caller could not have started it"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not open"),
    )
)]
async fn cancel_access_review(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let mut ctx = call.write().await?;
    let page = access_reviews::cancel(&mut ctx, id).await?;
    ctx.commit().await?;
    json(StatusCode::OK, &AccessReviewDetail::from(page))
}
