//! Graph itself, and the token endpoint.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Form, OriginalUri, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::faults;
use super::lists::{self, Paging};
use super::state::Shared;

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    let authorised = Router::new()
        .route("/v1.0/me/memberOf", get(mine))
        .route("/v1.0/me/transitiveMemberOf", get(mine))
        .route("/v1.0/users/{id}/memberOf", get(of_user))
        .route("/v1.0/users/{id}/transitiveMemberOf", get(of_user))
        .route("/v1.0/servicePrincipals/{id}/appRoleAssignedTo", get(assigned))
        .route("/v1.0/groups/{id}", get(group))
        .route("/v1.0/groups/{id}/members", get(members))
        .route("/v1.0/groups/{id}/transitiveMembers", get(members))
        .route_layer(middleware::from_fn_with_state(Arc::clone(shared), authorise));
    Router::new()
        .route("/{tenant}/oauth2/v2.0/token", post(token))
        .merge(authorised)
        .route_layer(middleware::from_fn_with_state(Arc::clone(shared), faults::apply))
        .with_state(Arc::clone(shared))
}

/// Graph's error shape.
pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    (status, Json(json!({"error": {"code": code, "message": message}}))).into_response()
}

pub(super) async fn no_such_route() -> Response {
    error(
        StatusCode::BAD_REQUEST,
        "BadRequest",
        "Resource not found for the segment.",
    )
}

fn gone(id: &str) -> Response {
    let message =
        format!("Resource '{id}' does not exist or one of its queried reference-property objects are not present.");
    error(StatusCode::NOT_FOUND, "Request_ResourceNotFound", &message)
}

fn denied() -> Response {
    let message = "Insufficient privileges to complete the operation.";
    error(StatusCode::FORBIDDEN, "Authorization_RequestDenied", message)
}

/// Whose token a call came with.
#[derive(Clone)]
enum Bearer {
    Person(String),
    App,
}

async fn authorise(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let token = request.headers().get(header::AUTHORIZATION);
    let token = token.and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let bearer = token.and_then(|token| {
        let end = shared.state().app_tokens.get(token).copied();
        match end {
            Some(end) => (end > Instant::now()).then_some(Bearer::App),
            None => shared.person_of(token).map(Bearer::Person),
        }
    });
    let Some(bearer) = bearer else {
        let message = "Access token validation failure.";
        return error(StatusCode::UNAUTHORIZED, "InvalidAuthenticationToken", message);
    };
    request.extensions_mut().insert(bearer);
    next.run(request).await
}

/// Whether a list's address asks for what is reached by groups in between.
fn is_transitive(path: &str) -> bool {
    path.rsplit('/')
        .next()
        .is_some_and(|list| list.starts_with("transitive"))
}

async fn mine(
    State(shared): State<Arc<Shared>>,
    Extension(bearer): Extension<Bearer>,
    OriginalUri(uri): OriginalUri,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    let Bearer::Person(id) = bearer else {
        let message = "/me request is only valid with delegated authentication flow.";
        return Err(error(StatusCode::BAD_REQUEST, "BadRequest", message));
    };
    list_of_person(&shared, &id, uri.path(), &paging)
}

async fn of_user(
    State(shared): State<Arc<Shared>>,
    Extension(bearer): Extension<Bearer>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    if !matches!(bearer, Bearer::App) {
        return Err(denied());
    }
    list_of_person(&shared, &id, uri.path(), &paging)
}

fn list_of_person(shared: &Shared, id: &str, path: &str, paging: &Paging) -> Result<Response, Response> {
    let items = {
        let state = shared.state();
        let id = state.id_of(id).ok_or_else(|| gone(id))?;
        lists::member_of(&state, &state.people[&id], is_transitive(path))
    };
    Ok(paging.answer(shared, path, items))
}

async fn assigned(
    State(shared): State<Arc<Shared>>,
    Extension(bearer): Extension<Bearer>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    let items = {
        let state = shared.state();
        if matches!(bearer, Bearer::Person(_)) && !state.people_read_assignments {
            return Err(denied());
        }
        if id != shared.options.service_principal_id {
            return Err(gone(&id));
        }
        lists::assigned(&state, &id)
    };
    Ok(paging.answer(&shared, uri.path(), items))
}

async fn group(
    State(shared): State<Arc<Shared>>,
    Extension(bearer): Extension<Bearer>,
    Path(id): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    if !matches!(bearer, Bearer::App) {
        return Err(denied());
    }
    let state = shared.state();
    let group = state.groups.get(&id).ok_or_else(|| gone(&id))?;
    Ok(Json(paging.selected(lists::group_json(group))).into_response())
}

async fn members(
    State(shared): State<Arc<Shared>>,
    Extension(bearer): Extension<Bearer>,
    Path(id): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    if !matches!(bearer, Bearer::App) {
        return Err(denied());
    }
    let items = {
        let state = shared.state();
        let group = state.groups.get(&id).ok_or_else(|| gone(&id))?;
        lists::members(&state, group, is_transitive(uri.path()))
    };
    Ok(paging.answer(&shared, uri.path(), items))
}

#[derive(Deserialize)]
struct TokenRequest {
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
    #[serde(default)]
    scope: String,
}

async fn token(
    State(shared): State<Arc<Shared>>,
    Path(tenant): Path<String>,
    Form(request): Form<TokenRequest>,
) -> Response {
    let refuse = |status: u16, error: &str, words: &str| {
        let status = StatusCode::from_u16(status).expect("a status");
        (status, Json(json!({"error": error, "error_description": words}))).into_response()
    };
    let options = &shared.options;
    if tenant != options.tenant {
        return refuse(400, "invalid_request", "AADSTS90002: Tenant not found.");
    }
    if request.grant_type != "client_credentials" {
        return refuse(
            400,
            "unsupported_grant_type",
            "AADSTS70003: The grant type is not supported.",
        );
    }
    if request.client_id != options.client_id {
        return refuse(
            400,
            "unauthorized_client",
            "AADSTS700016: The application was not found.",
        );
    }
    if request.client_secret != options.client_secret {
        let words = "AADSTS7000215: Invalid client secret provided.";
        return refuse(401, "invalid_client", words);
    }
    let url = shared.url.lock().expect("not poisoned").clone();
    if request.scope != format!("{url}/.default") {
        return refuse(
            400,
            "invalid_scope",
            "AADSTS70011: The provided value for the scope is not valid.",
        );
    }
    let token = format!("app-{}", crate::random_text());
    let mut state = shared.state();
    state.app_tokens.retain(|_, end| *end > Instant::now());
    state
        .app_tokens
        .insert(token.clone(), Instant::now() + options.token_lifetime);
    Json(json!({
        "token_type": "Bearer",
        "expires_in": options.token_lifetime.as_secs(),
        "access_token": token,
    }))
    .into_response()
}
