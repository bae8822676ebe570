//! Everything that answers HTTP.

use axum::{
    Router,
    extract::State,
    response::{IntoResponse as _, Response},
};
use backend::{Code, Error};
use http::{HeaderMap, Method, Uri};

use crate::{AppState, assets, console, forward_auth, health, layers, page, problem::Problem, rest, scim, sign_in};

/// The whole server over a state: what `serve` listens with, and what tests call.
pub fn router(state: AppState) -> Router {
    let routes = console::router(&state)
        .merge(rest::router())
        .merge(sign_in::router())
        .merge(assets::router())
        .merge(health::router())
        .merge(forward_auth::well_known())
        .merge(scim::router())
        .method_not_allowed_fallback(method_not_allowed);
    let light = forward_auth::router(&state);
    layers::around(routes, &state).with_state(state).merge(light)
}

async fn method_not_allowed(State(state): State<AppState>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    let words = format!("{method} is not possible at {}", uri.path());
    if is_api(&uri) {
        return Problem::new(Code::MethodNotAllowed, words).into_response();
    }
    page::refusal(&state, &headers, Error::refused(Code::MethodNotAllowed, words))
}

/// Whether an address belongs to programs, which read problem details whatever they say they accept.
pub(crate) fn is_api(uri: &Uri) -> bool {
    uri.path() == "/api" || uri.path().starts_with("/api/")
}
