//! `/scim/v2`: SCIM 2.0 for an organization's directory (RFC 7643, RFC 7644).
//!
//! The doors read the protocol's words and write them; every rule is in `backend::scim` and `domain::scim`. Errors are the
//! protocol's own, also those of the layers around everything: see [`refusal`].

mod answer;
mod call;
mod discovery;
mod error;
mod groups;
mod users;

use axum::{
    Router,
    response::{IntoResponse as _, Response},
    routing::{any, get, post},
};
use call::Call;
use error::Problem;
pub(crate) use error::refusal;
use http::{Method, Uri};

use crate::AppState;

/// Whether an address belongs to directories, which read the protocol's errors.
pub(crate) fn is_scim(uri: &Uri) -> bool {
    uri.path() == "/scim" || uri.path().starts_with("/scim/")
}

/// Everything below `/scim/v2`.
pub(crate) fn router() -> Router<AppState> {
    Router::new()
        .route("/scim/v2/Users", get(users::list).post(users::create))
        .route("/scim/v2/Users/.search", post(users::search))
        .route(
            "/scim/v2/Users/{id}",
            get(users::show)
                .put(users::replace)
                .patch(users::change)
                .delete(users::remove),
        )
        .route("/scim/v2/Groups", get(groups::list).post(groups::create))
        .route("/scim/v2/Groups/.search", post(groups::search))
        .route(
            "/scim/v2/Groups/{id}",
            get(groups::show)
                .put(groups::replace)
                .patch(groups::change)
                .delete(groups::remove),
        )
        .route("/scim/v2/ServiceProviderConfig", get(discovery::config))
        .route("/scim/v2/ResourceTypes", get(discovery::resource_types))
        .route("/scim/v2/ResourceTypes/{id}", get(discovery::resource_type))
        .route("/scim/v2/Schemas", get(discovery::schemas))
        .route("/scim/v2/Schemas/{id}", get(discovery::schema))
        .route("/scim/v2/.search", any(not_implemented))
        .route("/scim/v2/Bulk", any(not_implemented))
        .route("/scim/v2/Me", any(not_implemented))
        .route("/scim/v2/{*path}", any(not_found))
        .route("/scim/v2", any(not_found))
        .method_not_allowed_fallback(method_not_allowed)
}

async fn not_found(uri: Uri) -> Response {
    Problem::of(404, format!("There is nothing at {}", uri.path())).into_response()
}

async fn not_implemented(_: Call, uri: Uri) -> Response {
    Problem::of(
        501,
        format!("{} is not implemented; see /ServiceProviderConfig", uri.path()),
    )
    .into_response()
}

async fn method_not_allowed(method: Method, uri: Uri) -> Response {
    Problem::of(405, format!("{method} is not possible at {}", uri.path())).into_response()
}
