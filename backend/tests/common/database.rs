//! A fresh, migrated PostgreSQL database for each test.
//!
//! The migrations run once: into a template whose name carries their hash. A test's database is a copy of it, and is
//! dropped when [`Database`] goes out of scope; what a killed run left behind is swept by a later one.
//!
//! Stands alone, so that other crates' tests can take it by `#[path = "…"] mod database;`.

use std::{
    str::FromStr,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

/// An administrator's URL: tests make databases of their own with it.
const ADMIN_URL: &str = "GUILDHALL_TEST_DATABASE_URL";
/// The development server, when the variable is not set.
const DEVELOPMENT: &str = "postgres://guildhall@localhost/postgres?host=/tmp/devpg";
/// Databases of tests begin with this and the second they were made in.
const PREFIX: &str = "guildhall_test_";
/// No test runs as long as this: an older database has lost its owner.
const STALE: Duration = Duration::from_mins(15);
/// "guild" in ASCII: the advisory lock around building the template.
const BUILDING: i64 = 0x0067_7569_6c64;

/// A database of one test. Dropped with everything in it at the end of the scope, also after a panic.
pub struct Database {
    /// Connections to it.
    pub pool: PgPool,
    name: String,
}

impl Database {
    /// With all migrations applied.
    pub async fn migrated() -> Self {
        let mut admin = admin().await;
        sweep(&mut admin).await;
        let template = template(&mut admin).await;
        Self::create(&mut admin, &template).await
    }

    /// With nothing in it.
    pub async fn empty() -> Self {
        Self::create(&mut admin().await, "template0").await
    }

    async fn create(admin: &mut PgConnection, template: &str) -> Self {
        let name = format!("{PREFIX}{}_{}", seconds(), uuid::Uuid::new_v4().simple());
        run(admin, &format!("CREATE DATABASE {name} TEMPLATE {template}")).await;
        let pool = PgPoolOptions::new()
            .max_connections(12)
            .acquire_timeout(Duration::from_mins(1))
            .connect_lazy_with(options().database(&name));
        Self { pool, name }
    }

    /// A second pool on the same database, as another process has it.
    pub fn another_pool(&self) -> PgPool {
        PgPoolOptions::new()
            .max_connections(4)
            .connect_lazy_with(options().database(&self.name))
    }

    /// Makes the database take no connections, and ends those there are; or takes that back.
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "not every crate's tests take their database away"
    )]
    pub async fn refuse_connections(&self, refuse: bool) {
        let mut admin = admin().await;
        let name = &self.name;
        run(
            &mut admin,
            &format!("ALTER DATABASE {name} ALLOW_CONNECTIONS {}", !refuse),
        )
        .await;
        if refuse {
            let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'");
            run(&mut admin, &end).await;
        }
    }

    /// The database's URL, for programs.
    #[allow(
        dead_code,
        clippy::allow_attributes,
        reason = "not every crate's tests start programs"
    )]
    pub fn url(&self) -> String {
        let admin = admin_url();
        let (address, query) = admin
            .split_once('?')
            .map_or((admin.as_str(), None), |(a, q)| (a, Some(q)));
        let server = address.rsplit_once('/').expect("postgres://…/database").0;
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        format!("{server}/{}{query}", self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        // A runtime of its own: this may run inside one, and inside a panic.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let mut admin = admin().await;
                run(&mut admin, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
            });
        });
        if dropping.join().is_err() {
            eprintln!("the test's database stays until it is swept");
        }
    }
}

fn admin_url() -> String {
    std::env::var(ADMIN_URL).unwrap_or_else(|_| DEVELOPMENT.to_owned())
}

fn options() -> PgConnectOptions {
    PgConnectOptions::from_str(&admin_url()).expect("GUILDHALL_TEST_DATABASE_URL is a PostgreSQL URL")
}

async fn admin() -> PgConnection {
    PgConnection::connect_with(&options())
        .await
        .expect("the PostgreSQL of the tests answers")
}

async fn run(admin: &mut PgConnection, sql: &str) {
    admin
        .execute(AssertSqlSafe(sql))
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

fn seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("the clock is sane")
        .as_secs()
}

/// The template with the migrations of this build, made when it is missing.
async fn template(admin: &mut PgConnection) -> String {
    let mut hash = Sha256::new();
    for migration in backend::MIGRATOR.iter() {
        hash.update(&*migration.checksum);
    }
    let template = format!("guildhall_template_{}", &hex::encode(hash.finalize())[..16]);
    if exists(admin, &template).await {
        return template;
    }
    sqlx::query("SELECT pg_advisory_lock($1)")
        .bind(BUILDING)
        .execute(&mut *admin)
        .await
        .expect("the lock");
    if !exists(admin, &template).await {
        // It gets its name once it is whole, so that a run that dies here leaves no half of one.
        let draft = format!("{template}_draft");
        run(admin, &format!("DROP DATABASE IF EXISTS {draft} WITH (FORCE)")).await;
        run(admin, &format!("CREATE DATABASE {draft} TEMPLATE template0")).await;
        let mut connection = PgConnection::connect_with(&options().database(&draft))
            .await
            .expect("the draft");
        backend::MIGRATOR
            .run(&mut connection)
            .await
            .expect("the migrations apply");
        connection.close().await.expect("a clean end");
        run(admin, &format!("ALTER DATABASE {draft} RENAME TO {template}")).await;
    }
    sqlx::query("SELECT pg_advisory_unlock($1)")
        .bind(BUILDING)
        .execute(&mut *admin)
        .await
        .expect("the lock");
    template
}

async fn exists(admin: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name)
        .fetch_one(admin)
        .await
        .expect("an answer")
}

/// Drops what runs that were killed left behind.
async fn sweep(admin: &mut PgConnection) {
    let names: Vec<String> = sqlx::query_scalar("SELECT datname FROM pg_database WHERE starts_with(datname, $1)")
        .bind(PREFIX)
        .fetch_all(&mut *admin)
        .await
        .expect("an answer");
    for name in names {
        let made = name
            .trim_start_matches(PREFIX)
            .split('_')
            .next()
            .and_then(|text| text.parse::<u64>().ok());
        if made.is_some_and(|made| seconds().saturating_sub(made) > STALE.as_secs()) {
            // Another run may sweep the same one just now.
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = admin.execute(AssertSqlSafe(sql)).await;
        }
    }
}
