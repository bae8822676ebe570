//! What the tests of the API share: the real router over a fresh database and a simulated GitHub.

#[path = "../../../backend/tests/common/database.rs"]
pub mod database;

use std::{net::SocketAddr, sync::LazyLock};

use axum::{Router, body::Body, extract::ConnectInfo};
use backend::{Ctx, tokens};
use database::Database;
use domain::{DEFAULT_ORGANIZATION, TokenName, UserId};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::Value;
use server::{AppState, config::Config};
use simulators::github::GitHubSimulator;
use sqlx::{AssertSqlSafe, PgPool};
use tower::ServiceExt as _;
use uuid::Uuid;

/// Where the tests' requests come from.
pub const CLIENT: &str = "192.0.2.50";
/// What they call themselves.
pub const AGENT: &str = "tests/1";

/// An installation of one test.
pub struct World {
    pub state: AppState,
    pub pool: PgPool,
    pub github: GitHubSimulator,
    router: Router,
    // Last: dropped after what is connected to it.
    _database: Database,
}

/// A person with a token for the API.
#[derive(Debug, Clone)]
pub struct Person {
    pub id: UserId,
    pub email: String,
    pub token: String,
}

impl World {
    pub async fn new() -> Self {
        let github = GitHubSimulator::start_default().await.expect("a free port");
        let env = [
            ("GUILDHALL_GITHUB_API_URL", github.url()),
            ("GUILDHALL_GITHUB_ORG", github.org().to_owned()),
            ("GUILDHALL_GITHUB_TOKEN", "demo-token".to_owned()),
        ];
        Self::with(github, &env, |_| ()).await
    }

    /// An installation that nobody told of GitHub.
    pub async fn without_github() -> Self {
        let github = GitHubSimulator::start_default().await.expect("a free port");
        Self::with(github, &[], |_| ()).await
    }

    /// With GitHub, and further settings.
    pub async fn configured(settings: &[(&str, &str)]) -> Self {
        Self::adjusted(settings, |_| ()).await
    }

    /// The same, with what no setting changes.
    pub async fn adjusted(settings: &[(&str, &str)], adjust: impl FnOnce(&mut Config)) -> Self {
        let github = GitHubSimulator::start_default().await.expect("a free port");
        let mut env = vec![
            ("GUILDHALL_GITHUB_API_URL", github.url()),
            ("GUILDHALL_GITHUB_ORG", github.org().to_owned()),
            ("GUILDHALL_GITHUB_TOKEN", "demo-token".to_owned()),
        ];
        env.extend(settings.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self::with(github, &env, adjust).await
    }

    async fn with(github: GitHubSimulator, env: &[(&str, String)], adjust: impl FnOnce(&mut Config)) -> Self {
        let database = Database::migrated().await;
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let mut config = Config::load(None, env).expect("a good configuration");
        adjust(&mut config);
        let state = AppState::new(database.pool.clone(), config).expect("a good configuration");
        Self {
            router: server::router(state.clone()),
            pool: database.pool.clone(),
            state,
            github,
            _database: database,
        }
    }

    /// A person without any role.
    pub async fn person(&self, name: &str) -> Person {
        let id = Uuid::now_v7();
        let email = format!("{name}@example.com");
        self.sql(&format!("INSERT INTO users (id, email) VALUES ('{id}', '{email}')"))
            .await;
        let id = UserId(id);
        Person {
            id,
            email,
            token: self.token(id).await.1,
        }
    }

    pub async fn super_admin(&self) -> Person {
        let person = self.person("root").await;
        self.sql(&format!(
            "UPDATE users SET is_super_admin = true WHERE id = '{}'",
            person.id
        ))
        .await;
        person
    }

    /// A new token of a person: its id and its secret.
    pub async fn token(&self, owner: UserId) -> (Uuid, String) {
        let mut ctx = Ctx::system(&self.state.backend, "tests", backend::Method::Command)
            .await
            .expect("a transaction");
        let name = TokenName::parse("test").expect("a name");
        let (token, secret) = tokens::create(&mut ctx, owner, &name, None).await.expect("a token");
        ctx.commit().await.expect("a commit");
        (token.id.0, secret.reveal().to_owned())
    }

    /// An active team of the default organization.
    pub async fn team(&self, name: &str) -> Uuid {
        self.team_in(DEFAULT_ORGANIZATION.0, name).await
    }

    pub async fn team_in(&self, organization: Uuid, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        let slug = domain::Slug::from_name(name).expect("a name that gives a slug");
        self.sql(&format!(
            "INSERT INTO teams (id, organization_id, name, slug) VALUES ('{id}', '{organization}', '{name}', '{slug}')"
        ))
        .await;
        id
    }

    pub async fn organization(&self, slug: &str) -> Uuid {
        let id = Uuid::now_v7();
        self.sql(&format!(
            "INSERT INTO organizations (id, name, slug) VALUES ('{id}', '{slug}', '{slug}')"
        ))
        .await;
        id
    }

    pub async fn join(&self, team: Uuid, person: &Person, role: &str) {
        let user = person.id;
        self.sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ('{team}', '{user}', '{role}')"
        ))
        .await;
    }

    /// Runs a statement that must work.
    pub async fn sql(&self, sql: &str) {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// The number that a query gives.
    pub async fn count(&self, sql: &str) -> i64 {
        let value = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await;
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub async fn get(&self, by: &Person, path: &str) -> Answer {
        self.call(Some(&by.token), "GET", path, None).await
    }

    pub async fn delete(&self, by: &Person, path: &str) -> Answer {
        self.call(Some(&by.token), "DELETE", path, None).await
    }

    pub async fn post(&self, by: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(&by.token), "POST", path, Some(body)).await
    }

    pub async fn put(&self, by: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(&by.token), "PUT", path, Some(body)).await
    }

    pub async fn patch(&self, by: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(&by.token), "PATCH", path, Some(body)).await
    }

    /// A request; `path` is below `/api/v1` unless it begins with `/api`.
    pub async fn call(&self, token: Option<&str>, method: &str, path: &str, body: Option<Value>) -> Answer {
        let mut request = Request::builder().method(method).uri(full(path));
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let request = match body {
            Some(body) => request
                .header(header::CONTENT_TYPE, "application/json")
                .body(Body::from(body.to_string()))
                .expect("a request"),
            None => request.body(Body::empty()).expect("a request"),
        };
        self.send(request).await
    }

    /// A request with a body that need not be JSON.
    pub async fn raw(
        &self,
        by: &Person,
        method: &str,
        path: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(full(path))
            .header(header::AUTHORIZATION, format!("Bearer {}", by.token));
        if let Some(content_type) = content_type {
            request = request.header(header::CONTENT_TYPE, content_type);
        }
        self.send(request.body(Body::from(body)).expect("a request")).await
    }

    /// The head of an answer, with a body that nobody has read yet.
    pub async fn begin(&self, mut request: Request<Body>) -> Response<Body> {
        let peer = SocketAddr::new(CLIENT.parse().expect("an address"), 4711);
        request.extensions_mut().insert(ConnectInfo(peer));
        let headers = request.headers_mut();
        headers
            .entry(header::USER_AGENT)
            .or_insert(HeaderValue::from_static(AGENT));
        self.router.clone().oneshot(request).await.expect("an answer")
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let response = self.begin(request).await;
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        let answer = Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        };
        documented(&method, &path, &answer);
        answer
    }
}

fn full(path: &str) -> String {
    if path.starts_with("/api/") {
        path.to_owned()
    } else {
        format!("/api/v1{path}")
    }
}

/// Checks that the OpenAPI document has the answer: its status, its content type, and the fields of its body.
#[track_caller]
fn documented(method: &Method, path: &str, answer: &Answer) {
    static DOCUMENT: LazyLock<Value> =
        LazyLock::new(|| serde_json::to_value(server::rest::openapi()).expect("the document"));
    let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    let fits = |template: &str| {
        let (template, path) = (segments(template), segments(path));
        let same = |(a, b): (&String, &String)| a == b || a.starts_with('{');
        template.len() == path.len() && template.iter().zip(&path).all(same)
    };
    // The template with the fewest parameters is the one that the router takes.
    let items = DOCUMENT["paths"].as_object().expect("paths");
    let item = items
        .iter()
        .filter(|(template, _)| fits(template))
        .min_by_key(|(template, _)| template.matches('{').count());
    let Some(operation) = item.and_then(|(_, item)| item.get(method.as_str().to_lowercase())) else {
        return;
    };
    let status = answer.status.as_str();
    let response = operation["responses"].get(status);
    let response = response.unwrap_or_else(|| panic!("{method} {path} answers {status}, which its document has not"));
    let Some(content) = response["content"].as_object() else {
        assert_eq!(answer.body, "", "{method} {path} {status} has a body");
        return;
    };
    let content_type = answer.headers[header::CONTENT_TYPE].to_str().expect("text");
    if !content_type.contains("json") {
        let essence = content_type.split(';').next().unwrap_or_default();
        assert!(content.contains_key(essence), "{method} {path} answers {content_type}");
        return;
    }
    if let Some(essence) = content_type.strip_suffix("; charset=utf-8") {
        assert!(content.contains_key(essence), "{method} {path} answers {content_type}");
        return;
    }
    let content = content
        .get(content_type)
        .unwrap_or_else(|| panic!("{method} {path} answers {content_type}"));
    // What may be null is one of two.
    let choices = content["schema"]["oneOf"].as_array();
    if choices.is_some() && answer.body.is_null() {
        return;
    }
    let schema = choices.into_iter().flatten().find(|choice| choice["$ref"].is_string());
    let schema = schema.unwrap_or(&content["schema"])["$ref"]
        .as_str()
        .expect("a schema with a name");
    let schema = DOCUMENT.pointer(&schema[1..]).expect("the schema");
    let known = properties(&DOCUMENT, schema);
    // One object a line: each of them is what the document describes.
    let lines = (content_type == "application/x-ndjson").then(|| answer.lines());
    let bodies = lines.unwrap_or_else(|| vec![answer.body.clone()]);
    let names = |body: &Value| body.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    for name in bodies.iter().flat_map(names) {
        assert!(
            known.contains(&name),
            "{method} {path} answers {name}, which its schema has not: {known:?}"
        );
    }
}

/// The names of a schema's properties, with those of the schemas that it is made of.
fn properties(document: &Value, schema: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return properties(document, document.pointer(&reference[1..]).expect("the schema"));
    }
    let own = schema["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone());
    let parts = schema["allOf"]
        .as_array()
        .into_iter()
        .flatten()
        .flat_map(|part| properties(document, part));
    own.chain(parts).collect()
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    /// The lines of an answer that has a JSON object in each.
    pub fn lines(&self) -> Vec<Value> {
        match &self.body {
            Value::String(text) => text
                .lines()
                .map(|line| serde_json::from_str(line).expect("JSON"))
                .collect(),
            // A single line is read as what it is.
            one => vec![one.clone()],
        }
    }

    /// Checks the status; gives the body.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{:#}", self.body);
        self.body
    }

    /// Checks a refusal: a whole problem with this code, and a detail that begins so.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str, literal: &str) -> Value {
        assert_eq!(
            self.headers[header::CONTENT_TYPE],
            "application/problem+json",
            "{:#}",
            self.body
        );
        let body = self.is(status);
        assert_eq!(body["status"], status, "{body:#}");
        assert_eq!(body["error_code"], code, "{body:#}");
        assert_eq!(body["type"], format!("/api/docs/errors#{code}"), "{body:#}");
        assert!(
            body["detail"]
                .as_str()
                .is_some_and(|detail| detail.starts_with(literal)),
            "{body:#}"
        );
        assert!(body["request_id"].is_string(), "{body:#}");
        assert!(body["fields"].is_array() && body["title"].is_string(), "{body:#}");
        body
    }

    /// Checks that exactly these fields are invalid.
    #[track_caller]
    pub fn invalid(self, fields: &[&str]) -> Value {
        let body = self.refused(422, "VALIDATION_ERROR", "Validation error");
        let named: Vec<_> = body["fields"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|field| &field["field"])
            .collect();
        assert_eq!(named, fields, "{body:#}");
        body
    }
}

/// A body for a snapshot: what is a UUID reads `[id]`, and what is a time in UTC `[time]`.
pub fn masked(value: &Value) -> Value {
    match value {
        Value::String(text) if Uuid::try_parse(text).is_ok() => "[id]".into(),
        Value::String(text) if text.ends_with('Z') && text.parse::<chrono::DateTime<chrono::Utc>>().is_ok() => {
            "[time]".into()
        }
        Value::Array(items) => items.iter().map(masked).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), masked(value)))
            .collect(),
        other => other.clone(),
    }
}
