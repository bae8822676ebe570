//! `/api/v1/requests`: to join a team, and for what its people may not change themselves (SPEC B31).

use axum::response::Response;
use backend::requests::{self, NewRequestInput, RequestQuery};
use domain::{RequestId, RequestKind, RequestState};
use http::StatusCode;
use serde::Deserialize;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json},
    query::{QueryString, limit},
    request_body::{AccessRequest, NewRequest, RequestDetail, RequestList},
    request_decisions,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list_requests, create_request))
        .routes(routes!(get_request))
        .merge(request_decisions::router())
}

/// How many requests a page has unless asked otherwise.
const DEFAULT_LIMIT: i64 = 50;

#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListParams {
    /// Only those that stand there.
    #[param(nullable = false, value_type = Option<String>, example = "pending")]
    state: Option<RequestState>,
    /// Only this kind.
    #[param(nullable = false, value_type = Option<String>, example = "model")]
    kind: Option<RequestKind>,
    /// Only this team's.
    #[param(nullable = false)]
    team_id: Option<Uuid>,
    /// Only the caller's own.
    #[param(nullable = false)]
    mine: Option<bool>,
    /// Only those that wait for a decision that the caller may make.
    #[param(nullable = false)]
    to_decide: Option<bool>,
    /// Rows on a page; 50 unless said otherwise.
    #[param(nullable = false, minimum = 1, maximum = 1000)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// List requests
///
/// The caller's own, and those of teams and organizations that they administer or audit.
#[utoipa::path(
    get,
    path = "/requests",
    tag = "Requests",
    params(ListParams),
    responses((status = 200, description = "One page of requests", body = RequestList))
)]
async fn list_requests(call: Call, QueryString(params): QueryString<ListParams>) -> Result<Response, Problem> {
    let query = RequestQuery {
        state: params.state,
        kind: params.kind,
        team: params.team_id.map(Into::into),
        own: params.mine.unwrap_or(false),
        to_decide: params.to_decide.unwrap_or(false),
        cursor: params.cursor,
        limit: limit(params.limit, DEFAULT_LIMIT)?,
    };
    let mut ctx = call.read().await?;
    let page = requests::list(&mut ctx, &query).await?;
    let list = RequestList {
        requests: page.items.into_iter().map(AccessRequest::from).collect(),
        total: page.total,
        next_cursor: page.next,
    };
    json(StatusCode::OK, &list)
}

/// Ask for something
///
/// Anyone may ask to join a team; the rest is asked for by people of the team. It waits for somebody who may make the
/// change.
#[utoipa::path(
    post,
    path = "/requests",
    tag = "Requests",
    request_body = NewRequest,
    responses(
        (status = 201, description = "The request", body = RequestDetail),
        (status = 403, description = "`FORBIDDEN`: the caller is not of the team; `TEAM_INACTIVE`"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
        (status = 409, description = "`ALREADY_MEMBER`; `WRONG_STATE`: the team has that, or the same is asked for already"),
    )
)]
async fn create_request(call: Call, Json(body): Json<NewRequest>) -> Result<Response, Problem> {
    let input = NewRequestInput {
        kind: body.kind,
        team: body.team_id,
        value: body.value,
        reason: body.reason,
        reviews: body.reviews,
    };
    let new = input.parse()?;
    let mut ctx = call.write().await?;
    let page = requests::create(&mut ctx, new).await?;
    ctx.commit().await?;
    json(StatusCode::CREATED, &RequestDetail::from(page))
}

/// Get a request
#[utoipa::path(
    get,
    path = "/requests/{id}",
    tag = "Requests",
    params(("id" = Uuid, Path, description = "The request's id")),
    responses(
        (status = 200, description = "The request", body = RequestDetail),
        (status = 404, description = "`NOT_FOUND`: there is no such request, or the caller may not see it"),
    )
)]
async fn get_request(call: Call, At(id): At<RequestId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = requests::get(&mut ctx, id).await?;
    json(StatusCode::OK, &RequestDetail::from(page))
}
