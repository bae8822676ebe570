//! From a request over HTTP to its answer: counting, faults, authentication, and which route it is.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Query, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::answer::{Answer, Caller, No, Request, answer, auth_error, proxy_error};
use super::state::{Shared, SimulatorState, hashed};
use super::{Version, chat, faults, keys, members, organizations, teams, users};
use crate::listener::Connection;

/// Routes that anybody may call.
const PUBLIC: [&str; 3] = ["/health/liveliness", "/health/liveness", "/health/readiness"];
/// Routes that users' keys may call; the others are for administrators.
const FOR_USERS: [&str; 9] = [
    "/models",
    "/v1/models",
    "/chat/completions",
    "/v1/chat/completions",
    "/key/info",
    "/user/info",
    "/team/info",
    "/model/info",
    "/v1/model/info",
];

/// All calls but those to `/_simulator` come here.
pub(super) async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let call = format!("{method} {}", uri.path());
    *shared.state().calls.entry(call.clone()).or_default() += 1;
    let strike = shared.faults.lock().expect("not poisoned").strike(&call);
    if strike.struck {
        shared.state().struck.push(call);
    }
    if !strike.latency.is_zero() {
        tokio::time::sleep(strike.latency).await;
    }
    if let Some(instead) = strike.instead {
        return instead;
    }
    if strike.hang_before {
        return std::future::pending().await;
    }
    if strike.drop_before {
        connection.cut();
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let result = respond(&shared, &method, uri.path(), query, &headers, &body);
    if strike.drop_after {
        connection.cut();
    }
    if strike.hang_after {
        return std::future::pending().await;
    }
    if strike.error_after {
        return faults::failure(StatusCode::INTERNAL_SERVER_ERROR);
    }
    let mut response = match result {
        Ok(body) => answer(200, body),
        Err(no) => no.into_response(),
    };
    if strike.last {
        if let Some(server) = shared.server.get().and_then(std::sync::Weak::upgrade) {
            server.refuse().await;
        }
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

/// The key that came with a request: in `x-litellm-api-key` with or without `Bearer`, or in `Authorization` with.
fn credential(headers: &HeaderMap) -> Result<&str, No> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(key) = text("x-litellm-api-key") {
        return Ok(key.strip_prefix("Bearer ").unwrap_or(key));
    }
    let Some(value) = text(header::AUTHORIZATION.as_str()) else {
        return Err(auth_error(401, "Authentication Error, No api key passed in."));
    };
    value.strip_prefix("Bearer ").ok_or_else(|| {
        let message = "Authentication Error, Malformed API Key passed in. Ensure Key has `Bearer ` prefix.";
        auth_error(401, message)
    })
}

fn authenticate(shared: &Shared, state: &SimulatorState, headers: &HeaderMap) -> Result<Caller, No> {
    let credential = credential(headers)?;
    if credential == shared.options.master_key {
        return Ok(Caller::Master);
    }
    if !credential.starts_with("sk-") {
        let message = "LiteLLM Virtual Key expected. Received=****, expected to start with 'sk-'.";
        return Err(auth_error(401, message));
    }
    let Some(key) = state.key(credential) else {
        let message = if shared.options.version == Version::V1_108_7 {
            "Authentication Error, Invalid API key provided.".to_owned()
        } else {
            let last: String = credential
                .chars()
                .skip(credential.chars().count().saturating_sub(4))
                .collect();
            let token = hashed(credential);
            format!(
                "Authentication Error, Invalid proxy server token passed. Received API Key = sk-...{last}, Key Hash \
                 (Token) ={token}. Unable to find token in cache or `LiteLLM_VerificationTokenTable`"
            )
        };
        return Err(proxy_error(401, message, "token_not_found_in_db", "key"));
    };
    if key.blocked {
        let message = "Authentication Error, Key is blocked. Update via `/key/unblock` if you're an admin.";
        return Err(auth_error(401, message));
    }
    if let Some(end) = key.expires
        && end <= state.now()
    {
        let python = "%Y-%m-%d %H:%M:%S%.6f+00:00";
        let (end, now) = (end.format(python), state.now().format(python));
        let message = format!("Authentication Error - Expired Key. Key Expiry time {end} and current time {now}");
        let masked = format!("sk-...{}", &key.token[key.token.len() - 4..]);
        return Err(proxy_error(401, message, "expired_key", masked));
    }
    // Not recorded; `common_checks` of the proxy.
    let team = key.team_id.as_ref().and_then(|team| state.team(team));
    if let Some(team) = team.filter(|team| team.blocked) {
        let message = format!(
            "Authentication Error, Team={} is blocked. Update via `/team/unblock` if your admin.",
            team.id
        );
        return Err(auth_error(401, message));
    }
    Ok(Caller::Key(key.token.clone()))
}

fn respond(
    shared: &Shared,
    method: &Method,
    path: &str,
    query: HashMap<String, String>,
    headers: &HeaderMap,
    body: &[u8],
) -> Answer {
    let mut state = shared.state();
    let state = &mut *state;
    let Some(methods) = methods(path) else {
        return Err(No(404, json!({"detail": "Not Found"})));
    };
    if !methods.contains(&method.as_str()) {
        return Err(No(405, json!({"detail": "Method Not Allowed"})));
    }
    let version = shared.options.version;
    if PUBLIC.contains(&path) {
        return Ok(match path {
            "/health/readiness" => json!({"status": "healthy", "db": "connected"}),
            _ => json!("I'm alive!"),
        });
    }
    let caller = authenticate(shared, state, headers)?;
    if let Caller::Key(token) = &caller
        && !FOR_USERS.contains(&path)
    {
        let user = state.key(token).and_then(|key| state.user(key.user_id.as_deref()?));
        let role = user
            .and_then(|user| user.role.clone())
            .unwrap_or_else(|| "internal_user".to_owned());
        let message = format!(
            "Authentication Error, Only proxy admin can be used to generate, delete, update info for new \
             keys/users/teams. Route={path}. Your role={role}. Your user_id=***"
        );
        return Err(auth_error(401, message));
    }
    let request = Request {
        version,
        path: path.to_owned(),
        query,
        body: parse(method, body)?,
        caller,
    };
    route(state, &request, method.as_str(), &shared.options.models)
}

fn parse(method: &Method, body: &[u8]) -> Result<Map<String, Value>, No> {
    if method == Method::GET || body.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_slice(body) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(super::answer::invalid(
            "model_attributes_type",
            &["body"],
            "Input should be a valid dictionary or object to extract fields from",
        )),
        Err(error) => {
            let detail = json!([{"type": "json_invalid", "loc": ["body", error.column()], "msg": "JSON decode error"}]);
            Err(No(422, json!({"detail": detail})))
        }
    }
}

/// The methods of a route; none when there is no such route.
fn methods(path: &str) -> Option<&'static [&'static str]> {
    Some(match path {
        "/health/liveliness"
        | "/health/liveness"
        | "/health/readiness"
        | "/models"
        | "/v1/models"
        | "/model/info"
        | "/v1/model/info"
        | "/team/info"
        | "/team/list"
        | "/v2/team/list"
        | "/team/available"
        | "/user/info"
        | "/user/list"
        | "/key/info"
        | "/key/list"
        | "/user/daily/activity"
        | "/team/daily/activity"
        | "/organization/list" => &["GET"],
        "/team/new"
        | "/team/update"
        | "/team/delete"
        | "/team/block"
        | "/team/unblock"
        | "/team/member_add"
        | "/team/member_update"
        | "/team/member_delete"
        | "/user/new"
        | "/user/update"
        | "/user/delete"
        | "/key/generate"
        | "/key/update"
        | "/key/delete"
        | "/key/block"
        | "/key/unblock"
        | "/chat/completions"
        | "/v1/chat/completions"
        | "/organization/new"
        | "/organization/member_add" => &["POST"],
        "/organization/info" => &["GET", "POST"],
        "/organization/update" | "/organization/member_update" => &["PATCH"],
        "/organization/delete" | "/organization/member_delete" => &["DELETE"],
        _ if path.starts_with("/key/") && path.ends_with("/regenerate") => &["POST"],
        _ => return None,
    })
}

fn route(state: &mut SimulatorState, request: &Request, method: &str, models: &[String]) -> Answer {
    match request.path.as_str() {
        "/models" | "/v1/models" => Ok(chat::models(state, request, models)),
        "/model/info" | "/v1/model/info" => Ok(chat::model_info(models)),
        "/chat/completions" | "/v1/chat/completions" => chat::completions(state, request, models),
        "/user/daily/activity" | "/team/daily/activity" => chat::activity(state, request),
        "/team/new" => teams::new(state, request),
        "/team/info" => teams::info(state, request),
        "/team/update" => teams::update(state, request),
        "/team/block" | "/team/unblock" => teams::block(state, request),
        "/team/delete" => teams::delete(state, request),
        "/team/list" => Ok(teams::list(state, request)),
        "/v2/team/list" => Ok(teams::pages(state, request)),
        "/team/available" => Ok(json!([])),
        "/team/member_add" => members::add(state, request),
        "/team/member_update" => members::update(state, request),
        "/team/member_delete" => members::delete(state, request),
        "/user/new" => users::new(state, request),
        "/user/info" => users::info(state, request),
        "/user/update" => users::update(state, request),
        "/user/delete" => users::delete(state, request),
        "/user/list" => Ok(users::list(state, request)),
        "/key/generate" => keys::generate(state, request),
        "/key/info" => keys::info(state, request),
        "/key/list" => Ok(keys::list(state, request)),
        "/key/update" => keys::update(state, request),
        "/key/block" | "/key/unblock" => keys::block(state, request),
        "/key/delete" => keys::delete(state, request),
        path if path.starts_with("/organization/") => organizations::route(state, request, method),
        _ => keys::regenerate(request),
    }
}

/// The fallback takes any body; larger ones than a proxy would take are cut off by axum's own limit.
pub(super) fn routes(shared: &Arc<Shared>) -> axum::Router {
    axum::Router::new().fallback(handle).with_state(Arc::clone(shared))
}
