//! What the database tests share: a world with a backend over a fresh database, and ways to fill it.

pub mod database;

use std::{sync::Arc, time::Duration};

use backend::{Backend, Caller, Ctx, Error, Method, Principal, RequestInfo, Result, Settings};
use database::Database;
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, OrganizationId, ProjectId, TeamId, TeamRole, TeamStatus, UserId, views::Provisioned,
};
use integrations::github::{Config, Credentials, GitHub};
use simulators::github::{GitHubOptions, GitHubSimulator, SimulatedGroup};
use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

/// The route whose calls make runners.
pub const JIT: &str = "POST /orgs/{org}/actions/runners/generate-jitconfig";

/// A backend over a database of its own, and a GitHub to go with it.
pub struct World {
    pub backend: Backend,
    pub pool: PgPool,
    pub github: GitHubSimulator,
    // Last: dropped after what is connected to it.
    pub database: Database,
}

impl World {
    pub async fn new() -> Self {
        Self::with(Settings::default()).await
    }

    /// With leases that end after `lease`, so that a test can wait for it.
    pub async fn with_lease(lease: Duration) -> Self {
        Self::with(Settings {
            reservation_lease: lease,
            ..Settings::default()
        })
        .await
    }

    pub async fn with(settings: Settings) -> Self {
        let database = Database::migrated().await;
        let groups = vec![
            SimulatedGroup::new(1, "Default", true),
            SimulatedGroup::new(7, "gpu", false),
        ];
        let options = GitHubOptions {
            groups,
            ..GitHubOptions::default()
        };
        let address = "127.0.0.1:0".parse().expect("an address");
        let github = GitHubSimulator::start(address, options).await.expect("a free port");
        let backend = Backend::new(database.pool.clone(), Some(client(&github)), settings);
        Self {
            pool: database.pool.clone(),
            backend,
            github,
            database,
        }
    }

    /// A person, without any role.
    pub async fn user(&self, name: &str) -> UserId {
        let id = Uuid::now_v7();
        sqlx::query("INSERT INTO users (id, email) VALUES ($1, $2)")
            .bind(id)
            .bind(format!("{name}@example.com"))
            .execute(&self.pool)
            .await
            .expect("a new person");
        UserId(id)
    }

    pub async fn super_admin(&self) -> UserId {
        let id = self.user("root").await;
        self.sql(&format!("UPDATE users SET is_super_admin = true WHERE id = '{id}'"))
            .await;
        id
    }

    pub async fn organization(&self, slug: &str) -> OrganizationId {
        let id = Uuid::now_v7();
        sqlx::query("INSERT INTO organizations (id, name, slug) VALUES ($1, $2, $2)")
            .bind(id)
            .bind(slug)
            .execute(&self.pool)
            .await
            .expect("a new organization");
        OrganizationId(id)
    }

    pub async fn give(&self, organization: OrganizationId, user: UserId, role: OrgRole) {
        let role = role.as_str();
        self.sql(&format!(
            "INSERT INTO organization_members (organization_id, user_id, role) VALUES ('{organization}', '{user}', '{role}')"
        ))
        .await;
    }

    /// An active team of the default organization.
    pub async fn team(&self, name: &str) -> TeamId {
        self.team_in(DEFAULT_ORGANIZATION, name).await
    }

    pub async fn team_in(&self, organization: OrganizationId, name: &str) -> TeamId {
        let id = Uuid::now_v7();
        sqlx::query("INSERT INTO teams (id, organization_id, name, slug) VALUES ($1, $2, $3, $4)")
            .bind(id)
            .bind(organization.0)
            .bind(name)
            .bind(domain::Slug::from_name(name).map_or_else(|| format!("team-{}", id.simple()), String::from))
            .execute(&self.pool)
            .await
            .expect("a new team");
        TeamId(id)
    }

    pub async fn join(&self, team: TeamId, user: UserId, role: TeamRole) {
        self.sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role) VALUES ('{team}', '{user}', '{role}')"
        ))
        .await;
    }

    /// A new person who belongs to the team.
    pub async fn member(&self, team: TeamId, name: &str, role: TeamRole) -> UserId {
        let user = self.user(name).await;
        self.join(team, user, role).await;
        user
    }

    pub async fn project(&self, team: TeamId, name: &str) -> ProjectId {
        let id = Uuid::now_v7();
        self.sql(&format!(
            "INSERT INTO projects (id, team_id, name) VALUES ('{id}', '{team}', '{name}')"
        ))
        .await;
        ProjectId(id)
    }

    pub async fn assign(&self, project: ProjectId, user: UserId) {
        self.sql(&format!(
            "INSERT INTO project_members (project_id, user_id, role) VALUES ('{project}', '{user}', 'member')"
        ))
        .await;
    }

    /// A runner in our books only.
    pub async fn runner(&self, team: Option<TeamId>, by: UserId, status: &str) -> Uuid {
        let id = Uuid::now_v7();
        sqlx::query(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
            VALUES ($1, $2, $3, $4, '{}', 1, $5)",
        )
        .bind(id)
        .bind(team.map(|team| team.0))
        .bind(format!("r-{}", id.simple()))
        .bind(status)
        .bind(by.0)
        .execute(&self.pool)
        .await
        .expect("a new runner");
        id
    }

    pub async fn set_status(&self, team: TeamId, status: TeamStatus) {
        self.sql(&format!("UPDATE teams SET status = '{status}' WHERE id = '{team}'"))
            .await;
    }

    /// Runs a statement that must work; returns how many rows it changed.
    pub async fn sql(&self, sql: &str) -> u64 {
        let done = sqlx::query(AssertSqlSafe(sql)).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}")).rows_affected()
    }

    /// The one value that a query gives.
    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let value = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_one(&self.pool).await;
        value.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The first column of a query's rows.
    pub async fn all<T>(&self, sql: &str) -> Vec<T>
    where
        T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
    {
        let values = sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&self.pool).await;
        values.unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The person as they sign in now.
    pub async fn caller(&self, user: UserId) -> Caller {
        Caller::Person(
            Arc::new(Principal::load(&self.pool, user).await.expect("a person")),
            Method::Session,
        )
    }

    /// A transaction of the person's.
    pub async fn write(&self, user: UserId) -> Ctx {
        Ctx::write(&self.backend, self.caller(user).await, request())
            .await
            .expect("a transaction")
    }

    /// Does something as a person: committed when it works, undone when it does not.
    pub async fn act<T>(&self, user: UserId, what: impl AsyncFnOnce(&mut Ctx) -> Result<T>) -> Result<T> {
        let mut ctx = self.write(user).await;
        let done = what(&mut ctx).await?;
        ctx.commit().await?;
        Ok(done)
    }

    /// Asks something as a person; whatever was changed on the way is undone.
    pub async fn ask<T>(&self, user: UserId, what: impl AsyncFnOnce(&mut Ctx) -> Result<T>) -> Result<T> {
        let mut ctx = self.write(user).await;
        what(&mut ctx).await
    }

    /// Provisions a runner as a person.
    pub async fn provision(&self, user: UserId, input: backend::runners::JitInput) -> Result<Provisioned> {
        let parsed = input.parse().map_err(Error::Invalid)?;
        backend::runners::provision(&self.backend, self.caller(user).await, request(), parsed).await
    }
}

/// A client of the simulator that gives up after two seconds.
pub fn client(github: &GitHubSimulator) -> GitHub {
    let mut config = Config::new(github.org(), Credentials::Token("demo-token".into()));
    config.api_url = github.url();
    config.timeout = Duration::from_secs(2);
    GitHub::new(config).expect("a good configuration")
}

/// Where the tests' requests come from.
pub fn request() -> RequestInfo {
    RequestInfo {
        id: Some("req-1".to_owned()),
        ip: Some("192.0.2.7".to_owned()),
        user_agent: Some("tests/1".to_owned()),
    }
}

/// A refusal in words: the code and the text that the caller reads.
pub fn refusal<T>(result: Result<T>) -> (&'static str, String) {
    match result {
        Ok(_) => panic!("this should have been refused"),
        Err(error @ Error::Internal(_)) => panic!("{error}"),
        Err(Error::Invalid(fields)) => {
            let texts: Vec<String> = fields.iter().map(ToString::to_string).collect();
            (backend::Code::Validation.as_str(), texts.join("; "))
        }
        Err(error) => (error.code().as_str(), error.detail()),
    }
}

/// Checks a refusal's code and how its words begin.
#[track_caller]
pub fn refused<T>(result: Result<T>, code: &str, literal: &str) {
    let (found, detail) = refusal(result);
    assert!(
        found == code && detail.starts_with(literal),
        "wanted {code} {literal:?}, got {found} {detail:?}"
    );
}

/// Waits until something holds, for at most `limit`; says how long it took.
pub async fn within(limit: Duration, mut holds: impl AsyncFnMut() -> bool) -> Duration {
    let start = std::time::Instant::now();
    while !holds().await {
        assert!(start.elapsed() < limit, "it does not hold after {limit:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    start.elapsed()
}
