//! `/api/v1/access-reviews`: starting and reading reviews of memberships, roles and allowed services (SPEC D9, P).

use axum::response::Response;
use backend::access_reviews::{self, LineQuery, NewReviewInput, ReviewQuery};
use domain::{LineKind, ReviewDecision, ReviewId, ReviewState};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    access_review_body::{
        AccessReview, AccessReviewDetail, AccessReviewLine, AccessReviewLines, AccessReviewList, Covers,
        NewAccessReview,
    },
    access_review_changes, access_review_report,
    body::Json,
    call::{At, Call, json, sized_json},
    query::{QueryString, limit},
};
use crate::{problem::Problem, state::AppState};

/// How many rows a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;
/// About what one line takes in JSON, in bytes.
const LINE_SIZE: usize = 900;

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_access_reviews, start_access_review))
        .routes(routes!(get_access_review))
        .routes(routes!(list_access_review_lines))
        .merge(access_review_changes::router())
        .merge(access_review_report::router())
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those that stand there.
    #[param(nullable = false, value_type = Option<String>, example = "open")]
    state: Option<ReviewState>,
    /// Only this organization's, with its teams'.
    #[param(nullable = false)]
    organization_id: Option<Uuid>,
    /// Only this team's own.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List access reviews
///
/// Of teams and organizations that the caller administers or audits, and of organizations with lines of a team that they
/// administer. Newest first.
#[utoipa::path(
    get,
    path = "/access-reviews",
    tag = "Access reviews",
    params(ListParams),
    responses((status = 200, description = "One page of reviews", body = AccessReviewList))
)]
async fn list_access_reviews(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = ReviewQuery {
        state: params.state,
        organization: params.organization_id.map(Into::into),
        team: params.team_id.map(Into::into),
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = access_reviews::list(&mut ctx, &query).await?;
    let list = AccessReviewList {
        reviews: page.items.into_iter().map(AccessReview::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Start an access review
///
/// Memberships, roles and allowed services are written down as they are now, each with when it was used last.
#[utoipa::path(
    post,
    path = "/access-reviews",
    tag = "Access reviews",
    request_body = NewAccessReview,
    responses(
        (status = 201, description = "The review", body = AccessReviewDetail),
        (status = 403, description = "`FORBIDDEN`: the caller does not administer the team or organization; `TEAM_INACTIVE`"),
        (status = 404, description = "`NOT_FOUND`: there is no such team or organization"),
        (status = 409, description = "`WRONG_STATE`: there is nothing to review, more than 50000 lines, or the team is archived"),
    )
)]
async fn start_access_review(call: Call, Json(body): Json<NewAccessReview>) -> Result<Response, Problem> {
    let covers = |what| body.covers.as_ref().is_none_or(|list| list.contains(&what));
    let input = NewReviewInput {
        covers_people: covers(Covers::People),
        covers_services: covers(Covers::Services),
        organization: body.organization_id,
        team: body.team_id,
        name: body.name,
        due_in_days: Some(body.due_in_days),
        silence: body.silence,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let page = access_reviews::start(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &AccessReviewDetail::from(page))
}

/// Get an access review
#[utoipa::path(
    get,
    path = "/access-reviews/{id}",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id")),
    responses(
        (status = 200, description = "The review", body = AccessReviewDetail),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
    )
)]
async fn get_access_review(call: Call, At(id): At<ReviewId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = access_reviews::get(&mut ctx, id).await?;
    json(StatusCode::OK, &AccessReviewDetail::from(page))
}

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct LineParams {
    /// Only those that nobody has decided.
    #[param(nullable = false)]
    undecided: Option<bool>,
    /// Only those that were decided so.
    #[param(nullable = false, value_type = Option<String>, example = "remove")]
    decision: Option<ReviewDecision>,
    /// Only those that wait for a decision that the caller may make.
    #[param(nullable = false)]
    to_decide: Option<bool>,
    /// Only this kind.
    #[param(nullable = false, value_type = Option<String>, example = "membership")]
    kind: Option<LineKind>,
    /// Only this team's.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Part of a name, an email, a service or a team's name.
    #[param(nullable = false)]
    search: Option<String>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List the lines of an access review
///
/// All, or those of teams that the caller administers.
#[utoipa::path(
    get,
    path = "/access-reviews/{id}/lines",
    tag = "Access reviews",
    params(("id" = Uuid, Path, description = "The review's id"), LineParams),
    responses(
        (status = 200, description = "One page of lines", body = AccessReviewLines),
        (status = 404, description = "`NOT_FOUND`: there is no such review, or the caller may not see it"),
    )
)]
async fn list_access_review_lines(
    call: Call,
    At(id): At<ReviewId>,
    QueryString(params): QueryString<LineParams>,
) -> Result<Response, Problem> {
    let query = LineQuery {
        undecided: params.undecided.unwrap_or(false),
        decision: params.decision,
        mine: params.to_decide.unwrap_or(false),
        kind: params.kind,
        team: params.team_id.map(Into::into),
        search: params.search,
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let (_, page) = access_reviews::lines(&mut ctx, id, &query).await?;
    let list = AccessReviewLines {
        lines: page.items.into_iter().map(AccessReviewLine::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    let size = list.lines.len() * LINE_SIZE;
    sized_json(StatusCode::OK, &list, size)
}
