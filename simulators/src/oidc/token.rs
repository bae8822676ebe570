//! Discovery, keys, the token endpoint and userinfo.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Form, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::keys::{Signature, SigningKey};
use super::state::{Person, Shared, TOKEN_LIFETIME};

pub(super) async fn discovery(State(shared): State<Arc<Shared>>) -> Json<Value> {
    shared.count("discovery");
    let issuer = shared.issuer();
    Json(json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{issuer}/authorize"),
        "token_endpoint": format!("{issuer}/token"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
        "jwks_uri": format!("{issuer}/jwks"),
        "end_session_endpoint": format!("{issuer}/logout"),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256", "ES256"],
        "scopes_supported": ["openid", "email", "profile"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": ["sub", "email", "email_verified", "name", "preferred_username", "groups"],
    }))
}

pub(super) async fn jwks(State(shared): State<Arc<Shared>>) -> Response {
    shared.count("jwks");
    match *shared.jwks_failure.lock().expect("not poisoned") {
        Some(status) => StatusCode::from_u16(status)
            .unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
            .into_response(),
        None => Json(shared.keys().jwks()).into_response(),
    }
}

/// RFC 6749, 5.2.
fn refuse(error: &str, description: &str) -> Response {
    let status = if error == "invalid_client" {
        StatusCode::UNAUTHORIZED
    } else {
        StatusCode::BAD_REQUEST
    };
    let mut response = (status, Json(json!({"error": error, "error_description": description}))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
    }
    response
}

#[derive(Deserialize)]
pub(super) struct TokenRequest {
    grant_type: String,
    code: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

pub(super) async fn exchange(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Form(request): Form<TokenRequest>,
) -> Response {
    shared.count("token");
    let (id, secret) = match basic_credentials(&headers) {
        Some((id, secret)) => (Some(id), Some(secret)),
        None => (request.client_id.clone(), request.client_secret.clone()),
    };
    let answer = match request.grant_type.as_str() {
        "authorization_code" => redeem(&shared, &request, id.as_deref(), secret.as_deref()),
        "client_credentials" => for_machine(&shared, id.as_deref(), secret.as_deref()),
        other => Err(refuse("unsupported_grant_type", other)),
    };
    let mut response = answer.map_or_else(|refusal| refusal, |tokens| Json(tokens).into_response());
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn redeem(shared: &Shared, request: &TokenRequest, id: Option<&str>, secret: Option<&str>) -> Result<Value, Response> {
    if id != Some(&shared.options.client_id)
        || secret.unwrap_or("") != shared.options.client_secret.as_deref().unwrap_or("")
    {
        return Err(refuse("invalid_client", "Unknown client, or a wrong secret."));
    }
    let invalid = |why: &str| refuse("invalid_grant", why);
    let code = request.code.as_deref().unwrap_or("");
    let grant = shared
        .redeem_code(code)
        .ok_or_else(|| invalid("The code is unknown, used or expired."))?;
    if request.redirect_uri.as_ref() != Some(&grant.redirect_uri) {
        return Err(invalid("The redirect_uri is not the one the code was made for."));
    }
    if let Some(challenge) = &grant.code_challenge {
        let verifier = request.code_verifier.as_deref().unwrap_or("");
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != *challenge {
            return Err(invalid("The code_verifier does not fit the code_challenge."));
        }
    }
    let mut id_claims = if shared.options.profile_in_id_token {
        Shared::profile(&grant.person)
    } else {
        Map::from_iter([("sub".to_owned(), json!(grant.person.subject))])
    };
    shared.add_protocol_claims(&mut id_claims, TOKEN_LIFETIME);
    if let Some(nonce) = &grant.nonce {
        id_claims.insert("nonce".to_owned(), json!(nonce));
    }
    let access_token = mint(shared, &grant.person, &Value::Null, TOKEN_LIFETIME);
    shared.keep_access_token(access_token.clone(), grant.person);
    Ok(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": TOKEN_LIFETIME,
        "scope": "openid email profile",
        "id_token": shared.keys().sign(&Value::Object(id_claims), &Signature::Current),
    }))
}

fn for_machine(shared: &Shared, id: Option<&str>, secret: Option<&str>) -> Result<Value, Response> {
    let mut clients = shared.options.machine_clients.iter();
    let client = clients
        .find(|client| Some(client.id.as_str()) == id && Some(client.secret.as_str()) == secret)
        .ok_or_else(|| refuse("invalid_client", "Unknown client, or a wrong secret."))?;
    let mut claims = Map::from_iter([
        ("sub".to_owned(), json!(format!("{}@clients", client.id))),
        ("azp".to_owned(), json!(client.id)),
        ("gty".to_owned(), json!("client-credentials")),
    ]);
    shared.add_protocol_claims(&mut claims, TOKEN_LIFETIME);
    let token = shared.keys().sign(&Value::Object(claims), &Signature::Current);
    Ok(json!({"access_token": token, "token_type": "Bearer", "expires_in": TOKEN_LIFETIME}))
}

/// The id and the secret, which RFC 6749 (2.3.1) wants form-encoded inside the base64.
fn basic_credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Basic ")?;
    let text = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, form_decoded(secret)?))
}

fn form_decoded(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex = [bytes.next()?, bytes.next()?];
                u8::from_str_radix(std::str::from_utf8(&hex).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    String::from_utf8(decoded).ok()
}

fn mint(shared: &Shared, person: &Person, overrides: &Value, ttl_seconds: i64) -> String {
    let claims = shared.bearer_claims(person, overrides, ttl_seconds);
    shared.keys().sign(&claims, &Signature::Current)
}

pub(super) async fn userinfo(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    shared.count("userinfo");
    let token = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    if let Some(person) = token.and_then(|token| shared.by_access_token(token)) {
        Json(Shared::profile(&person)).into_response()
    } else {
        let challenge = [(header::WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")];
        (StatusCode::UNAUTHORIZED, challenge).into_response()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MintRequest {
    email: String,
    #[serde(default)]
    claims: Value,
    #[serde(default = "default_ttl")]
    ttl_seconds: i64,
}

fn default_ttl() -> i64 {
    TOKEN_LIFETIME
}

pub(super) async fn mint_over_http(
    State(shared): State<Arc<Shared>>,
    Json(request): Json<MintRequest>,
) -> Result<Json<Value>, StatusCode> {
    let person = shared.person(&request.email).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(
        json!({"token": mint(&shared, &person, &request.claims, request.ttl_seconds)}),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    email: String,
    name: String,
    #[serde(default)]
    groups: Option<Vec<String>>,
    #[serde(default)]
    claims: Option<Map<String, Value>>,
}

impl NewPerson {
    /// `known` with what is said here, or somebody new.
    fn over(self, known: Option<Person>) -> Person {
        let mut person = known.unwrap_or_else(|| Person::new(&self.email, &self.name, ""));
        person.name = self.name;
        person.groups = self.groups.unwrap_or(person.groups);
        person.claims = self.claims.unwrap_or(person.claims);
        person
    }
}

/// Somebody new at the company: 201, or 409 when somebody has that address.
pub(super) async fn add_person_over_http(State(shared): State<Arc<Shared>>, Json(new): Json<NewPerson>) -> StatusCode {
    if shared.add_person(new.over(None)) {
        StatusCode::CREATED
    } else {
        StatusCode::CONFLICT
    }
}

/// Somebody new, or somebody changed.
pub(super) async fn put_person_over_http(State(shared): State<Arc<Shared>>, Json(new): Json<NewPerson>) -> StatusCode {
    let known = shared.person(&new.email);
    shared.put_person(new.over(known));
    StatusCode::NO_CONTENT
}

pub(super) async fn rotate_over_http(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.keys().replace(SigningKey::generate());
    StatusCode::NO_CONTENT
}
