//! The REST API itself.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use axum::body::Bytes;
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Shared, SimulatedRunner};
use super::{faults, jit};

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    let authorised = Router::new()
        .route("/orgs/{org}/actions/runners", get(list_runners))
        .route("/orgs/{org}/actions/runners/generate-jitconfig", post(jit::generate))
        .route(
            "/orgs/{org}/actions/runners/{id}",
            get(get_runner).delete(delete_runner),
        )
        .route("/orgs/{org}/actions/runner-groups", get(list_groups))
        .route("/repos/{owner}/{repo}/actions/runs/{id}/cancel", post(cancel_run))
        .route_layer(middleware::from_fn_with_state(Arc::clone(shared), authorise));
    Router::new()
        .route("/app/installations/{id}/access_tokens", post(create_token))
        .merge(authorised)
        .route_layer(middleware::from_fn(check_version))
        .route_layer(middleware::from_fn_with_state(Arc::clone(shared), faults::apply))
        .with_state(Arc::clone(shared))
}

/// GitHub's error shape.
pub(super) fn error(status: StatusCode, message: &str) -> Response {
    let body = json!({
        "message": message,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_str(),
    });
    (status, Json(body)).into_response()
}

/// 422, in the words of GitHub's schema checks.
pub(super) fn invalid(why: &str) -> Response {
    error(StatusCode::UNPROCESSABLE_ENTITY, &format!("Invalid request.\n\n{why}"))
}

pub(super) async fn no_such_route() -> Response {
    error(StatusCode::NOT_FOUND, "Not Found")
}

/// There is one organization; others look as if they did not exist.
pub(super) fn check_org(shared: &Shared, org: &str) -> Result<(), Response> {
    if shared.options.org.eq_ignore_ascii_case(org) {
        return Ok(());
    }
    Err(error(StatusCode::NOT_FOUND, "Not Found"))
}

pub(super) fn runner_json(runner: &SimulatedRunner) -> Value {
    let labels = runner.labels.iter().enumerate().map(|(index, name)| {
        let given = matches!(name.to_ascii_lowercase().as_str(), "self-hosted" | "linux" | "x64");
        json!({"id": index + 1, "name": name, "type": if given { "read-only" } else { "custom" }})
    });
    json!({
        "id": runner.id,
        "name": runner.name,
        "os": runner.os,
        "status": runner.status,
        "busy": runner.busy,
        "runner_group_id": runner.runner_group_id,
        "ephemeral": true,
        "labels": labels.collect::<Vec<_>>(),
    })
}

/// The one version of the API that is simulated. GitHub takes calls that name none; here they are refused, so that a client
/// which forgets the header is found.
async fn check_version(request: Request, next: Next) -> Response {
    match request.headers().get("x-github-api-version") {
        Some(version) if version == "2022-11-28" => next.run(request).await,
        _ => error(
            StatusCode::BAD_REQUEST,
            "The header X-GitHub-Api-Version must be 2022-11-28",
        ),
    }
}

fn credential(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, credential) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") || scheme.eq_ignore_ascii_case("token")).then_some(credential)
}

async fn authorise(State(shared): State<Arc<Shared>>, request: Request, next: Next) -> Response {
    let known = credential(request.headers()).is_some_and(|token| {
        let state = shared.state();
        shared.options.tokens.iter().any(|known| known == token)
            || state
                .installation_tokens
                .get(token)
                .is_some_and(|end| *end > Instant::now())
    });
    if known {
        next.run(request).await
    } else {
        error(StatusCode::UNAUTHORIZED, "Bad credentials")
    }
}

async fn create_token(
    State(shared): State<Arc<Shared>>,
    Path(_installation): Path<u64>,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let unauthorised = |message: &str| error(StatusCode::UNAUTHORIZED, message);
    let jwt = credential(&headers).ok_or_else(|| unauthorised("A JSON web token could not be decoded"))?;
    if let Some((app_id, public_key)) = &shared.options.app {
        check_app_jwt(jwt, *app_id, public_key).map_err(unauthorised)?;
    }
    let token = format!("ghs_{}", crate::random_text());
    let lifetime = shared.options.token_lifetime;
    let mut state = shared.state();
    state.installation_tokens.retain(|_, end| *end > Instant::now());
    state
        .installation_tokens
        .insert(token.clone(), Instant::now() + lifetime);
    let expires_at = chrono::DateTime::<chrono::Utc>::from(SystemTime::now() + lifetime)
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let answer = json!({
        "token": token,
        "expires_at": expires_at,
        "permissions": {"organization_self_hosted_runners": "write"},
        "repository_selection": "all",
    });
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

/// As GitHub: RS256 of the App's key, issued by the App, not from the future, ending within 10 minutes.
fn check_app_jwt(jwt: &str, app_id: u64, public_key: &str) -> Result<(), &'static str> {
    let key = DecodingKey::from_rsa_pem(public_key.as_bytes()).expect("the configured public key is RSA in PEM");
    let mut validation = Validation::new(Algorithm::RS256);
    validation.set_required_spec_claims(&["exp"]);
    validation.leeway = 0;
    let claims = jsonwebtoken::decode::<Value>(jwt, &key, &validation)
        .map_err(|_| "A JSON web token could not be decoded")?
        .claims;
    let now = crate::now();
    let number = |name: &str| claims[name].as_i64().unwrap_or(i64::MAX);
    if number("exp") > now + 600 {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    if number("iat") > now {
        return Err("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    }
    if claims["iss"] != app_id && claims["iss"] != *app_id.to_string() {
        return Err("'Issuer' claim ('iss') must be an Integer or String");
    }
    Ok(())
}

#[derive(Deserialize)]
struct Paging {
    name: Option<String>,
    per_page: Option<usize>,
    page: Option<usize>,
}

impl Paging {
    /// As GitHub: 30 unless asked, 100 at most, pages from 1.
    fn bounds(&self) -> (usize, usize) {
        (self.per_page.unwrap_or(30).clamp(1, 100), self.page.unwrap_or(1).max(1))
    }

    fn link(&self, url: &str, total: usize) -> Option<HeaderValue> {
        let (per_page, page) = self.bounds();
        let last = total.div_ceil(per_page).max(1);
        let link = |page: usize, rel: &str| format!("<{url}?per_page={per_page}&page={page}>; rel=\"{rel}\"");
        let mut links = Vec::new();
        if page > 1 {
            links.extend([link(page - 1, "prev"), link(1, "first")]);
        }
        if page < last {
            links.extend([link(page + 1, "next"), link(last, "last")]);
        }
        (!links.is_empty()).then(|| links.join(", ").parse().expect("a header value"))
    }

    fn answer(&self, url: &str, total: usize, body: Value) -> Response {
        let mut response = Json(body).into_response();
        if let Some(link) = self.link(url, total) {
            response.headers_mut().insert(header::LINK, link);
        }
        response
    }
}

async fn list_runners(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    check_org(&shared, &org)?;
    let url = format!(
        "{}/orgs/{org}/actions/runners",
        shared.url.lock().expect("not poisoned")
    );
    let (per_page, page) = paging.bounds();
    let state = shared.state();
    let (total, runners): (usize, Vec<Value>) = if let Some(name) = &paging.name {
        let found = state.by_name(name);
        (found.iter().count(), found.into_iter().map(runner_json).collect())
    } else {
        let skipped = state.runners.values().skip((page - 1) * per_page);
        (state.runners.len(), skipped.take(per_page).map(runner_json).collect())
    };
    Ok(paging.answer(&url, total, json!({"total_count": total, "runners": runners})))
}

async fn list_groups(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    Query(paging): Query<Paging>,
) -> Result<Response, Response> {
    check_org(&shared, &org)?;
    let url = format!(
        "{}/orgs/{org}/actions/runner-groups",
        shared.url.lock().expect("not poisoned")
    );
    let (per_page, page) = paging.bounds();
    let groups = &shared.options.groups;
    let shown: Vec<_> = groups.iter().skip((page - 1) * per_page).take(per_page).collect();
    Ok(paging.answer(
        &url,
        groups.len(),
        json!({"total_count": groups.len(), "runner_groups": shown}),
    ))
}

async fn get_runner(
    State(shared): State<Arc<Shared>>,
    Path((org, id)): Path<(String, i64)>,
) -> Result<Json<Value>, Response> {
    check_org(&shared, &org)?;
    let state = shared.state();
    let runner = state.runners.get(&id);
    runner
        .map(|runner| Json(runner_json(runner)))
        .ok_or_else(|| error(StatusCode::NOT_FOUND, "Not Found"))
}

async fn delete_runner(
    State(shared): State<Arc<Shared>>,
    Path((org, id)): Path<(String, i64)>,
) -> Result<StatusCode, Response> {
    check_org(&shared, &org)?;
    let mut state = shared.state();
    if let Some(runner) = state.runners.get(&id).filter(|runner| runner.busy) {
        let message = format!("Bad request - Runner \"{}\" is still running a job\"", runner.name);
        return Err(error(StatusCode::UNPROCESSABLE_ENTITY, &message));
    }
    let removed = state.remove(id).map(|_| StatusCode::NO_CONTENT);
    removed.ok_or_else(|| error(StatusCode::NOT_FOUND, "Not Found"))
}

async fn cancel_run(
    State(shared): State<Arc<Shared>>,
    Path((owner, repo, id)): Path<(String, String, i64)>,
    _body: Bytes,
) -> Result<Response, Response> {
    check_org(&shared, &owner)?;
    shared.state().cancelled_runs.push(format!("{owner}/{repo}/{id}"));
    shared.cancel_jobs(&format!("{owner}/{repo}"), id);
    Ok((StatusCode::ACCEPTED, Json(json!({}))).into_response())
}
