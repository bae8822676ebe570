//! Two processes over one database: one of them syncs with GitHub, and the other one when that is killed (SPEC B21).

use std::time::{Duration, Instant};

use simulators::github::{Faults, GitHubSimulator};

use super::command_line::{Serving, guildhall};
use crate::common::database::Database;

/// The most that an installation may be without a leader.
const LEASE: Duration = Duration::from_secs(15);

async fn number(database: &Database, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql)
        .fetch_one(&database.pool)
        .await
        .expect("a number")
}

/// Waits until so many passes are over that were made by process `pid`; says how long it took.
async fn passes(database: &Database, pid: u32, count: i64) -> Duration {
    let start = Instant::now();
    loop {
        let made: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM sync_runs WHERE worker LIKE '%:' || $1 AND ended_at IS NOT NULL AND error IS NULL",
        )
        .bind(pid.to_string())
        .fetch_one(&database.pool)
        .await
        .expect("a number");
        if made >= count {
            return start.elapsed();
        }
        assert!(start.elapsed() < LEASE, "{made} of {count} passes");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b21_one_of_two_processes_syncs_and_the_other_takes_over_when_it_is_killed() {
    let database = Database::migrated().await;
    let github = GitHubSimulator::start_default().await.expect("a free port");
    for index in 0..150 {
        github.add_runner(&format!("foreign-{index}"), &["self-hosted"]);
    }
    let serve = || {
        let mut command = guildhall(&database, &["serve", "--listen", "127.0.0.1:0"]);
        command
            .env("GUILDHALL_GITHUB_API_URL", github.url())
            .env("GUILDHALL_GITHUB_ORG", github.org())
            .env("GUILDHALL_GITHUB_TOKEN", "demo-token")
            .env("GUILDHALL_RUNNER_SYNC_SECONDS", "1")
            // Nobody reads its log, and a full pipe would stop it.
            .env("GUILDHALL_LOG_LEVEL", "off");
        Serving::start(command)
    };
    // Slow enough that the kill strikes in the middle of a pass.
    let slow = |slow_page_ms| Faults {
        slow_page_ms,
        ..Faults::default()
    };
    github.set_faults(slow(300));
    let leader = serve();
    passes(&database, leader.pid(), 1).await;
    let second = serve();
    passes(&database, leader.pid(), 3).await;
    assert_eq!(
        number(&database, "SELECT count(DISTINCT worker) FROM sync_runs").await,
        1,
        "one process syncs"
    );
    github.set_faults(slow(3_000));
    let deadline = Instant::now() + LEASE;
    // One of the slow ones, which does not end just now.
    let open =
        "SELECT count(*) FROM sync_runs WHERE ended_at IS NULL AND started_at < clock_timestamp() - interval '1 s'";
    while number(&database, open).await == 0 {
        assert!(Instant::now() < deadline, "no pass is under way");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    leader.kill_now();
    github.set_faults(slow(300));
    let took = passes(&database, second.pid(), 2).await;
    assert!(took < LEASE, "{took:?}");
    let broken = "SELECT count(*) FROM sync_runs WHERE error = 'The process ended before the pass did'";
    assert_eq!(number(&database, broken).await, 1);
    let together = "SELECT count(*) FROM sync_runs a JOIN sync_runs b ON a.id < b.id
        AND (a.started_at, coalesce(a.ended_at, 'infinity')) OVERLAPS (b.started_at, coalesce(b.ended_at, 'infinity'))";
    assert_eq!(number(&database, together).await, 0, "never two at once");
    let beating = "SELECT count(*) FROM sync_worker WHERE heartbeat_at > clock_timestamp() - interval '15 s'";
    assert_eq!(number(&database, beating).await, 1);
}
