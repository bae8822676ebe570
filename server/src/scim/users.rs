//! `/scim/v2/Users`.

use axum::response::{IntoResponse as _, Response};
use backend::scim;
use domain::scim::{USERS, operations};
use http::{HeaderMap, StatusCode, header};

use super::{
    answer,
    call::{Body, Call, Id, IfMatch, Params, version},
    error::Problem,
};

pub(super) async fn list(call: Call, params: Params) -> Result<Response, Problem> {
    found(call, params).await
}

pub(super) async fn search(call: Call, Body(body): Body) -> Result<Response, Problem> {
    found(call, Params::of_search(&body)?).await
}

async fn found(call: Call, params: Params) -> Result<Response, Problem> {
    let (query, base) = (params.query()?, call.base.clone());
    let found = call
        .read(async |ctx, directory| scim::list_users(ctx, directory, &query).await)
        .await?;
    Ok(answer::list(&USERS, found, query.start, &base, &params.projection))
}

pub(super) async fn create(call: Call, params: Params, Body(body): Body) -> Result<Response, Problem> {
    let base = call.base.clone();
    let stored = call
        .write(async |ctx, directory| scim::create_user(ctx, directory, &body).await)
        .await?;
    Ok(answer::one(
        StatusCode::CREATED,
        &USERS,
        stored,
        &base,
        &params.projection,
    ))
}

pub(super) async fn show(call: Call, Id(id): Id, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let base = call.base.clone();
    let stored = call
        .read(async |ctx, directory| scim::get_user(ctx, directory, id).await)
        .await?;
    if version(&headers, header::IF_NONE_MATCH) == Some(stored.version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, answer::etag(stored.version))]).into_response());
    }
    Ok(answer::one(StatusCode::OK, &USERS, stored, &base, &params.projection))
}

pub(super) async fn replace(
    call: Call,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let base = call.base.clone();
    let stored = call
        .write(async |ctx, directory| scim::replace_user(ctx, directory, id, &body, expected).await)
        .await?;
    Ok(answer::one(StatusCode::OK, &USERS, stored, &base, &params.projection))
}

pub(super) async fn change(
    call: Call,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let base = call.base.clone();
    let operations = operations(&body)?;
    let stored = call
        .write(async |ctx, directory| scim::change_user(ctx, directory, id, &operations, expected).await)
        .await?;
    Ok(answer::one(StatusCode::OK, &USERS, stored, &base, &params.projection))
}

pub(super) async fn remove(call: Call, Id(id): Id, IfMatch(expected): IfMatch) -> Result<Response, Problem> {
    call.write(async |ctx, directory| scim::delete_user(ctx, directory, id, expected).await)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
