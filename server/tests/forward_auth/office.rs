//! An organization with the seed's teams, to ask about.

use axum::{Router, body::Body};
use http::{HeaderMap, Request, header};
use serde_json::Value;
use server::AppState;
use sha2::{Digest, Sha256};
use tower::ServiceExt as _;
use uuid::Uuid;

use crate::api::{Person, World};

/// Acme with Engineering, which may use `llm-service`, and `analytics` in the catalogue beside it.
pub struct Office {
    pub world: World,
    pub router: Router,
    pub organization: Uuid,
    pub team: Uuid,
    pub member: Person,
    pub admin: Person,
}

/// What `/authz` answered.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("(none)", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {}", self.text))
    }

    /// Checks a refusal: the status, the literal in the header and the body, and that no header says who it was.
    #[track_caller]
    pub fn refused(&self, status: u16, literal: &str) {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.header("x-guildhall-reason"), literal);
        for name in [
            "x-guildhall-user",
            "x-guildhall-team",
            "x-guildhall-assertion",
            "set-cookie",
        ] {
            assert_eq!(self.header(name), "(none)", "{name}");
        }
        assert_eq!(self.header("cache-control"), "no-store");
        let body = self.json();
        assert_eq!(body["status"], status);
        let detail = body["detail"].as_str().expect("a detail");
        assert!(detail.starts_with(literal), "{detail}");
        if status == 403 {
            assert!(body["rule"].is_string() && body["who_can"].is_string(), "{body:#}");
        }
    }

    #[track_caller]
    pub fn allowed(&self) -> &Self {
        assert_eq!(self.status, 200, "{} {}", self.header("x-guildhall-reason"), self.text);
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("set-cookie"), "(none)");
        self
    }
}

impl Office {
    pub async fn new() -> Self {
        let world = World::new().await;
        let organization = world.organization("acme").await;
        let team = world.team_in(organization, "Engineering").await;
        let (member, admin) = (world.person("member").await, world.person("admin").await);
        world.join(team, &member, "member").await;
        world.join(team, &admin, "admin").await;
        let office = Self {
            router: server::router(world.state.clone()),
            world,
            organization,
            team,
            member,
            admin,
        };
        office.service("llm-service", &[]).await;
        office.service("analytics", &[]).await;
        office.allow(office.team, "llm-service").await;
        office
    }

    /// Adds a service to the catalogue.
    pub async fn service(&self, name: &str, rules: &[&str]) {
        let rules = rules
            .iter()
            .map(|rule| format!("\"{rule}\""))
            .collect::<Vec<_>>()
            .join(",");
        self.world
            .sql(&format!(
                "INSERT INTO services (id, organization_id, name, path_prefixes)
                VALUES ('{}', '{}', '{name}', '{{{rules}}}')",
                Uuid::now_v7(),
                self.organization
            ))
            .await;
    }

    /// Adds a service to a team's policy.
    pub async fn allow(&self, team: Uuid, name: &str) {
        self.world
            .sql(&format!(
                "INSERT INTO team_services (team_id, service_id, reason) SELECT '{team}', id, 'tests'
                FROM services WHERE name = '{name}' AND organization_id = '{}'",
                self.organization
            ))
            .await;
    }

    /// A key of someone: its id and its secret.
    pub async fn key(&self, owner: &Person, team: Uuid, project: Option<Uuid>) -> (Uuid, String) {
        let id = Uuid::now_v7();
        let secret = format!("sk-{}", Uuid::new_v4().simple());
        let hash = hex(&Sha256::digest(secret.as_bytes()));
        let project = project.map_or("NULL".to_owned(), |id| format!("'{id}'"));
        self.world
            .sql(&format!(
                "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash)
                VALUES ('{id}', '{team}', {project}, '{}', '{id}', '{}', '\\x{hash}')",
                owner.id,
                &secret[..9]
            ))
            .await;
        (id, secret)
    }

    /// A project, with a member.
    pub async fn project(&self, team: Uuid, name: &str, member: Option<&Person>) -> Uuid {
        let id = Uuid::now_v7();
        self.world
            .sql(&format!(
                "INSERT INTO projects (id, team_id, name) VALUES ('{id}', '{team}', '{name}')"
            ))
            .await;
        if let Some(member) = member {
            self.world
                .sql(&format!(
                    "INSERT INTO project_members (project_id, user_id, role) VALUES ('{id}', '{}', 'member')",
                    member.id
                ))
                .await;
        }
        id
    }

    pub async fn belong(&self, organization: Uuid, person: &Person, role: &str) {
        self.world
            .sql(&format!(
                "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{}', '{role}')",
                person.id
            ))
            .await;
    }

    /// Asks with a bearer credential.
    pub async fn ask(&self, credential: &str, service: &str) -> Answer {
        self.ask_with(credential, service, &[]).await
    }

    /// Asks with a bearer credential and further headers.
    pub async fn ask_with(&self, credential: &str, service: &str, headers: &[(&str, &str)]) -> Answer {
        let mut all = vec![("authorization", format!("Bearer {credential}"))];
        all.extend(headers.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let all: Vec<(&str, &str)> = all.iter().map(|(name, value)| (*name, value.as_str())).collect();
        send(&self.router, "GET", &format!("/authz/{service}"), &all).await
    }
}

/// Asks a router.
pub async fn send(router: &Router, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = router
        .clone()
        .oneshot(request.body(Body::empty()).expect("a request"))
        .await
        .expect("an answer");
    let (parts, body) = response.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.expect("a body");
    assert!(
        [200, 401, 403, 503].contains(&parts.status.as_u16()) || !path.starts_with("/authz"),
        "D13: {}",
        parts.status
    );
    if parts.status == 401 {
        assert_eq!(parts.headers[header::WWW_AUTHENTICATE], "Bearer");
    }
    Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
    }
}

/// A second process on the same database, with memory of its own. Its listener ends with the handle.
pub struct Process {
    pub state: AppState,
    pub router: Router,
    listener: tokio::task::JoinHandle<()>,
}

impl Process {
    pub fn start(state: &AppState) -> Self {
        let options = (*state.backend.pool.connect_options()).clone();
        let pool = sqlx::postgres::PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(std::time::Duration::from_secs(1))
            .connect_lazy_with(options);
        Self::over(pool, state)
    }

    pub fn over(pool: sqlx::PgPool, like: &AppState) -> Self {
        let state = AppState::new(pool, (*like.config).clone()).expect("a good configuration");
        let listener = tokio::spawn(backend::listen::run(
            state.backend.pool.clone(),
            state.backend.principals.clone(),
        ));
        Self {
            router: server::router(state.clone()),
            state,
            listener,
        }
    }

    pub async fn ask(&self, credential: &str, service: &str) -> Answer {
        let authorization = format!("Bearer {credential}");
        send(
            &self.router,
            "GET",
            &format!("/authz/{service}"),
            &[("authorization", &authorization)],
        )
        .await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

pub fn hex(bytes: &[u8]) -> String {
    hex::encode(bytes)
}

/// Waits until something holds; says how long it took.
pub async fn within(limit: std::time::Duration, mut holds: impl AsyncFnMut() -> bool) -> std::time::Duration {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "it does not hold after {limit:?}");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    start.elapsed()
}
