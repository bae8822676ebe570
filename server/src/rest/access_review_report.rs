//! The report of a closed access review, and the keys that it is signed with.

use axum::response::{IntoResponse, Response};
use backend::access_reviews;
use domain::ReviewId;
use http::{StatusCode, header};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::call::{At, Call, json};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(get_access_review_csv))
        .routes(routes!(get_access_review_jws))
        .routes(routes!(get_access_review_keys))
}

/// Download the report of an access review
///
/// Every line, as CSV (RFC 4180): what was so, when it was used last, who decided what and why, and what became of it. The
/// file was made when the review closed and never changes: its SHA-256 is in `report.jws`. Cells that a spreadsheet would
/// take for formulas begin with `'`.
#[utoipa::path(
    get,
    path = "/access-reviews/{id}/report.csv",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The report", content_type = "text/csv", body = String),
        (status = 403, description = "`FORBIDDEN`: the caller sees only the lines of their teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not closed"),
    )
)]
async fn get_access_review_csv(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let report = access_reviews::report(&mut ctx, id).await?;
    Ok(file(
        report.csv,
        "text/csv; charset=utf-8",
        &format!("access-review-{id}.csv"),
    ))
}

/// Download the signature of an access review's report
///
/// A compact JWS (RFC 7515, EdDSA, `typ` `guildhall-access-review+jws`) over the review's id and name, who started and
/// ended it and when, its numbers, and the SHA-256 of `report.csv`. Verify it with the key of its `kid` from
/// `/api/v1/access-reviews/report-keys`.
#[utoipa::path(
    get,
    path = "/access-reviews/{id}/report.jws",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The signed statement", content_type = "application/jose", body = String),
        (status = 403, description = "`FORBIDDEN`: the caller sees only the lines of their teams"),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
        (status = 409, description = "`WRONG_STATE`: the review is not closed"),
    )
)]
async fn get_access_review_jws(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let report = access_reviews::report(&mut ctx, id).await?;
    Ok(file(
        report.jws.into_bytes(),
        "application/jose",
        &format!("access-review-{id}.jws"),
    ))
}

/// A JSON Web Key Set (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
struct ReportKeys {
    #[schema(value_type = Vec<Object>)]
    keys: Value,
}

/// Get the keys that reports are signed with
///
/// Every public key that has signed a report, as a JSON Web Key Set. The keys sign for a month each; these are kept, so
/// that a report can be verified at any time.
#[utoipa::path(
    get,
    path = "/access-reviews/report-keys",
    tag = "Access reviews",
    responses((status = 200, description = "The keys", body = ReportKeys))
)]
async fn get_access_review_keys(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let keys = access_reviews::public_keys(&mut ctx).await?;
    json(StatusCode::OK, &ReportKeys { keys })
}

fn file(bytes: Vec<u8>, media_type: &'static str, name: &str) -> Response {
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}
