//! The sign-in page: who one wants to be, and the way back.

use std::sync::Arc;

use axum::extract::{Form, Query, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::page;
use super::state::{Person, Shared};

/// An authorization request, and on the way back from the page who was picked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct AuthorizationRequest {
    pub client_id: String,
    pub redirect_uri: String,
    pub response_type: String,
    pub scope: String,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    login_hint: Option<String>,
    #[serde(rename = "as")]
    as_email: Option<String>,
    /// `cancel` on the page's other button.
    action: Option<String>,
}

/// `GET /authorize`: the page, or straight back for `as=` and `login_hint=` with the address of somebody we know.
pub(super) async fn show(
    State(shared): State<Arc<Shared>>,
    Query(request): Query<AuthorizationRequest>,
) -> Result<Response, Response> {
    check(&shared, &request)?;
    let named = request.as_email.as_ref().or(request.login_hint.as_ref());
    if let Some(person) = named.and_then(|email| shared.person(email)) {
        return Ok(send_back(&shared, &request, &person));
    }
    let origin = origin(&request.redirect_uri).unwrap_or_default();
    Ok(page::show(&page::sign_in(&shared.people(), &request), &origin))
}

/// `POST /authorize`: what the page's buttons send.
pub(super) async fn choose(
    State(shared): State<Arc<Shared>>,
    Form(request): Form<AuthorizationRequest>,
) -> Result<Response, Response> {
    check(&shared, &request)?;
    if request.action.as_deref() == Some("cancel") {
        return Ok(send_error(&request, "access_denied", "You chose not to sign in."));
    }
    let email = request.as_email.as_deref().unwrap_or("");
    let person = shared.person(email);
    let person = person.ok_or_else(|| bad_request("Nobody here has that address."))?;
    Ok(send_back(&shared, &request, &person))
}

#[derive(Deserialize)]
pub(super) struct LogoutRequest {
    post_logout_redirect_uri: Option<String>,
    state: Option<String>,
}

/// `GET /logout`: there is no session here, so there is nothing to end.
pub(super) async fn log_out(Query(request): Query<LogoutRequest>) -> Response {
    match request.post_logout_redirect_uri.filter(|uri| origin(uri).is_some()) {
        Some(uri) => redirect(&uri, &[("state", request.state.as_deref())]),
        None => page::show(page::SIGNED_OUT, ""),
    }
}

/// Errors that must not be sent to `redirect_uri`, because it may not be our client's, are pages; the rest go back.
fn check(shared: &Shared, request: &AuthorizationRequest) -> Result<(), Response> {
    if request.client_id != shared.options.client_id {
        return Err(bad_request("No such client_id is registered here."));
    }
    let registered = &shared.options.redirect_urls;
    let allowed = registered.is_empty() || registered.contains(&request.redirect_uri);
    if !allowed || origin(&request.redirect_uri).is_none() {
        return Err(bad_request("This redirect_uri is not registered here."));
    }
    if request.response_type != "code" {
        return Err(send_error(
            request,
            "unsupported_response_type",
            "Only `code` is supported.",
        ));
    }
    if !request.scope.split(' ').any(|scope| scope == "openid") {
        return Err(send_error(request, "invalid_scope", "The scope `openid` is missing."));
    }
    if request.code_challenge.is_some() && request.code_challenge_method.as_deref() != Some("S256") {
        return Err(send_error(
            request,
            "invalid_request",
            "code_challenge_method must be S256.",
        ));
    }
    Ok(())
}

fn send_back(shared: &Shared, request: &AuthorizationRequest, person: &Person) -> Response {
    let (nonce, challenge) = (request.nonce.clone(), request.code_challenge.clone());
    let code = shared.issue_code(person, &request.redirect_uri, nonce, challenge);
    let issuer = shared.issuer();
    let pairs = [
        ("code", Some(code.as_str())),
        ("state", request.state.as_deref()),
        ("iss", Some(&issuer)),
    ];
    redirect(&request.redirect_uri, &pairs)
}

fn send_error(request: &AuthorizationRequest, error: &str, description: &str) -> Response {
    let pairs = [
        ("error", Some(error)),
        ("error_description", Some(description)),
        ("state", request.state.as_deref()),
    ];
    redirect(&request.redirect_uri, &pairs)
}

fn bad_request(why: &str) -> Response {
    let mut response = page::show(&page::problem(why), "");
    *response.status_mut() = StatusCode::BAD_REQUEST;
    response
}

/// 303, with `pairs` added to the query.
fn redirect(uri: &str, pairs: &[(&str, Option<&str>)]) -> Response {
    let mut target = uri.to_owned();
    for (name, value) in pairs {
        if let Some(value) = value {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(name);
            target.push('=');
            target.push_str(&percent_encoded(value));
        }
    }
    let mut response = Redirect::to(&target).into_response();
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn percent_encoded(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(encode).collect()
}

/// `scheme://host:port` of an absolute http(s) URL.
fn origin(uri: &str) -> Option<String> {
    let uri: Uri = uri.parse().ok()?;
    let scheme = uri.scheme_str().filter(|scheme| matches!(*scheme, "http" | "https"))?;
    Some(format!("{scheme}://{}", uri.authority()?))
}
