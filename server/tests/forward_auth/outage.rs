//! The listening connection, and the database behind it, are lost.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use cluster::Cluster;
use sqlx::{AssertSqlSafe, PgPool, postgres::PgPoolOptions};

use crate::office::{Office, Process, within};

/// Within this a cached allow has to end.
const SOON: Duration = Duration::from_secs(1);

/// A PostgreSQL of one test, which it may stop, with the office's data in it.
struct Lonely {
    cluster: Option<Cluster>,
    pool: PgPool,
    process: Process,
    secret: String,
    _dir: tempfile::TempDir,
}

impl Lonely {
    async fn start(office: &Office) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).expect("open to its server");
        let cluster = Cluster::start_throwaway(dir.path()).await.expect("a cluster");
        let url = cluster.database_url("guildhall").await.expect("a database");
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .acquire_timeout(Duration::from_secs(1))
            .connect(&url)
            .await
            .expect("a connection");
        backend::MIGRATOR.run(&pool).await.expect("migrated");
        let secret = "sk-lonely".to_owned();
        let hash = crate::office::hex(&<sha2::Sha256 as sha2::Digest>::digest(secret.as_bytes()));
        let id = "00000000-0000-4000-8000-000000000002";
        for sql in [
            format!("INSERT INTO users (id, email) VALUES ('{id}', 'a@example.com')"),
            format!("INSERT INTO organizations (id, name, slug) VALUES ('{id}', 'Acme', 'acme')"),
            format!("INSERT INTO teams (id, organization_id, name, slug) VALUES ('{id}', '{id}', 'Ops', 'ops')"),
            format!("INSERT INTO team_members (team_id, user_id, role) VALUES ('{id}', '{id}', 'member')"),
            format!("INSERT INTO services (id, organization_id, name) VALUES ('{id}', '{id}', 'llm-service')"),
            format!("INSERT INTO team_services (team_id, service_id, reason) VALUES ('{id}', '{id}', 'tests')"),
            format!(
                "INSERT INTO api_keys (id, team_id, owner_id, name, prefix, key_hash)
                VALUES ('{id}', '{id}', '{id}', 'k', 'sk-lonel', '\\x{hash}')"
            ),
        ] {
            sqlx::query(AssertSqlSafe(sql)).execute(&pool).await.expect("written");
        }
        let process = Process::over(pool.clone(), &office.world.state);
        let lonely = Self {
            cluster: Some(cluster),
            pool,
            process,
            secret,
            _dir: dir,
        };
        lonely.warm().await;
        lonely
    }

    async fn ask(&self) -> u16 {
        self.process.ask(&self.secret, "llm-service").await.status
    }

    /// Waits until answers come from memory: while a transaction holds the table they would have to wait.
    async fn warm(&self) {
        within(Duration::from_secs(10), async || {
            assert_eq!(self.ask().await, 200);
            let mut transaction = self.pool.begin().await.expect("a transaction");
            sqlx::query("LOCK TABLE api_keys IN ACCESS EXCLUSIVE MODE")
                .execute(&mut *transaction)
                .await
                .expect("locked");
            self.ask().await == 200
        })
        .await;
    }

    /// The process of PostgreSQL behind the listening connection.
    async fn listening(&self) -> String {
        let pid: i32 = sqlx::query_scalar(
            "SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN%' AND datname = current_database()",
        )
        .fetch_one(&self.pool)
        .await
        .expect("one listens");
        pid.to_string()
    }
}

fn signal(name: &str, pid: &str) {
    let done = Command::new("kill").args([name, pid]).status().expect("kill is there");
    assert!(done.success(), "kill {name} {pid}");
}

/// With PostgreSQL stopped no cached allow outlives the listening connection: then 503.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_postgresql_stopped_cached_allows_end_and_then_503() {
    let office = Office::new().await;
    let mut lonely = Lonely::start(&office).await;
    let cluster = lonely.cluster.take().expect("it runs");
    let stopping = tokio::spawn(cluster.stop());
    let took = within(Duration::from_secs(10), async || {
        // The server ends sessions that are in use first, and takes no new ones.
        let asked = Instant::now();
        let status = lonely.ask().await;
        assert!(status == 200 || status == 503, "{status}");
        assert!(
            asked.elapsed() < Duration::from_millis(2500),
            "an answer has to come in time"
        );
        status == 503
    })
    .await;
    println!("503 after {took:?}");
    stopping.await.expect("no panic").expect("stopped");
    for _ in 0..3 {
        let answer = lonely.process.ask(&lonely.secret, "llm-service").await;
        answer.refused(503, "The database does not answer. Try again in a moment.");
        assert_eq!(answer.header("retry-after"), "2");
    }
}

/// A connection that is there and silent is noticed too: a stopped server process says nothing and closes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silently_dead_listener_is_noticed() {
    let office = Office::new().await;
    let lonely = Lonely::start(&office).await;
    let pid = lonely.listening().await;
    signal("-STOP", &pid);
    // Nobody is told of this.
    sqlx::query("UPDATE api_keys SET revoked_at = now()")
        .execute(&lonely.pool)
        .await
        .expect("revoked");
    let begun = Instant::now();
    let noticed = tokio::time::timeout(SOON * 4, async {
        while lonely.ask().await == 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    println!("refused after {:?}", begun.elapsed());
    // Before anything that can fail: a stopped process would keep the cluster from stopping.
    signal("-CONT", &pid);
    noticed.expect("the revoked key is refused soon, though nobody said so");
    assert_eq!(lonely.ask().await, 401);
    // And it listens again, on another connection, and believes nothing of before.
    sqlx::query("UPDATE api_keys SET revoked_at = NULL")
        .execute(&lonely.pool)
        .await
        .expect("given back");
    lonely.warm().await;
}

/// The same when the connection is cut.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_listener_ends_what_is_cached() {
    let office = Office::new().await;
    let lonely = Lonely::start(&office).await;
    let pid = lonely.listening().await;
    sqlx::query("ALTER TABLE api_keys DISABLE TRIGGER USER")
        .execute(&lonely.pool)
        .await
        .expect("asleep");
    sqlx::query("UPDATE api_keys SET revoked_at = now()")
        .execute(&lonely.pool)
        .await
        .expect("revoked");
    assert_eq!(lonely.ask().await, 200, "nobody has heard");
    signal("-TERM", &pid);
    within(SOON, async || lonely.ask().await == 401).await;
}
