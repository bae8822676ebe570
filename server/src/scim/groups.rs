//! `/scim/v2/Groups`.

use axum::response::{IntoResponse as _, Response};
use backend::scim;
use domain::scim::{GROUPS, group_changes, operations};
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
    let members = params.projection.shows("members");
    let found = call
        .read(async |ctx, directory| scim::list_groups(ctx, directory, &query, members).await)
        .await?;
    Ok(answer::list(&GROUPS, found, query.start, &base, &params.projection))
}

pub(super) async fn create(call: Call, params: Params, Body(body): Body) -> Result<Response, Problem> {
    let base = call.base.clone();
    let stored = call
        .write(async |ctx, directory| scim::create_group(ctx, directory, &body).await)
        .await?;
    Ok(answer::one(
        StatusCode::CREATED,
        &GROUPS,
        stored,
        &base,
        &params.projection,
    ))
}

pub(super) async fn show(call: Call, Id(id): Id, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let base = call.base.clone();
    let members = params.projection.shows("members");
    let stored = call
        .read(async |ctx, directory| scim::get_group(ctx, directory, id, members).await)
        .await?;
    if version(&headers, header::IF_NONE_MATCH) == Some(stored.version) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, answer::etag(stored.version))]).into_response());
    }
    Ok(answer::one(StatusCode::OK, &GROUPS, stored, &base, &params.projection))
}

pub(super) async fn replace(
    call: Call,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let base = call.base.clone();
    let members = params.projection.shows("members");
    let stored = call
        .write(async |ctx, directory| {
            scim::replace_group(ctx, directory, id, &body, expected).await?;
            scim::get_group(ctx, directory, id, members).await
        })
        .await?;
    Ok(answer::one(StatusCode::OK, &GROUPS, stored, &base, &params.projection))
}

/// Answers 204, as Entra's documentation has it: a group of ten thousand people is not sent back for one of them. Whoever
/// asks for attributes gets them (RFC 7644, section 3.5.2).
pub(super) async fn change(
    call: Call,
    Id(id): Id,
    IfMatch(expected): IfMatch,
    params: Params,
    Body(body): Body,
) -> Result<Response, Problem> {
    let base = call.base.clone();
    let changes = group_changes(&operations(&body)?)?;
    let (asked, members) = (params.projection.is_asked(), params.projection.shows("members"));
    let stored = call
        .write(async |ctx, directory| {
            scim::change_group(ctx, directory, id, &changes, expected).await?;
            if asked {
                return scim::get_group(ctx, directory, id, members).await.map(Some);
            }
            Ok(None)
        })
        .await?;
    Ok(match stored {
        Some(stored) => answer::one(StatusCode::OK, &GROUPS, stored, &base, &params.projection),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

pub(super) async fn remove(call: Call, Id(id): Id, IfMatch(expected): IfMatch) -> Result<Response, Problem> {
    call.write(async |ctx, directory| scim::delete_group(ctx, directory, id, expected).await)
        .await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
