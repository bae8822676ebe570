//! The quota soak (B15): two processes provision, delete, wait and hear of jobs at once while GitHub fails in every way.
//! At no observation is there a runner too many, and once the faults are over the books and GitHub agree.
//!
//! 12 seconds, and longer where a busy machine has not come to everything; `GUILDHALL_SOAK_SECONDS=120` for two minutes.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use backend::{
    Backend, Caller, Settings,
    runners::{self, JitInput, waits},
    sync, workflow_jobs,
};
use domain::{RunnerId, TeamId, TeamRole};
use simulators::github::{Faults, GitHubSimulator, webhook_payload};
use sqlx::PgPool;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::common::{World, client, request, within};

/// Of each team, and of both together.
const TEAM: i64 = 4;
const ORGANIZATION: i64 = 6;
/// The most that it goes on for what has not happened yet: less than nextest gives it.
const MOST: Duration = Duration::from_mins(8);

/// What happened, so that a soak in which nothing happens fails.
#[derive(Default)]
struct Tally {
    made: AtomicU64,
    refused: AtomicU64,
    claimed: AtomicU64,
    deleted: AtomicU64,
    heard: AtomicU64,
    synced: AtomicU64,
    observed: AtomicU64,
}

impl Tally {
    fn all(&self) -> [u64; 7] {
        [
            &self.made,
            &self.refused,
            &self.claimed,
            &self.deleted,
            &self.heard,
            &self.synced,
            &self.observed,
        ]
        .map(|of| of.load(Ordering::Relaxed))
    }

    /// Whether each thing has happened.
    fn has_all(&self) -> bool {
        self.all().iter().all(|n| *n > 0)
    }
}

fn count(of: &AtomicU64) {
    of.fetch_add(1, Ordering::Relaxed);
}

fn seconds() -> Duration {
    let asked = std::env::var("GUILDHALL_SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    Duration::from_secs(asked.unwrap_or(12))
}

/// One person of one process: provisions, waits, claims, deletes.
async fn person(backend: Backend, caller: Caller, team: TeamId, stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    let input = || JitInput {
        team_id: Some(team),
        ..JitInput::default()
    };
    let mut wait: Option<Uuid> = None;
    while !stop.load(Ordering::Relaxed) {
        match runners::provision(&backend, caller.clone(), request(), input().parse().unwrap()).await {
            Ok(_) => count(&tally.made),
            Err(error) => {
                assert_ne!(error.code().status(), 500, "{error}");
                count(&tally.refused);
            }
        }
        if let Some(id) = wait
            && waits::claim(&backend, caller.clone(), request(), id).await.is_ok()
        {
            count(&tally.claimed);
            wait = None;
        }
        if let Ok(joined) = waits::join(&backend, caller.clone(), request(), input()).await {
            wait = Some(joined.id);
        }
        let any: Option<Uuid> = sqlx::query_scalar(
            "SELECT id FROM runners WHERE team_id = $1 AND status <> 'deleted' AND lease_until IS NULL ORDER BY random() LIMIT 1",
        )
        .bind(team.0)
        .fetch_optional(&backend.pool)
        .await
        .unwrap();
        if let Some(id) = any
            && runners::delete(&backend, caller.clone(), request(), RunnerId(id), None)
                .await
                .is_ok()
        {
            count(&tally.deleted);
        }
        let pause = rand::random_range(1..20);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
}

/// Jobs on random runners; each event is delivered to both processes, in whatever order.
async fn jobs(github: GitHubSimulator, backends: [Backend; 2], stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    let mut events = github.job_events();
    while !stop.load(Ordering::Relaxed) {
        for runner in github.runners() {
            github.connect_runner(runner.id);
            if runner.busy {
                github.end_job(runner.id);
            } else if rand::random_bool(0.2) {
                github.begin_job(runner.id, "acme/shop", "build");
            }
        }
        let mut heard = Vec::new();
        while let Ok(event) = events.try_recv() {
            let body = webhook_payload(&event).to_string();
            heard.push(workflow_jobs::parse(body.as_bytes()).unwrap().unwrap());
        }
        if rand::random() {
            heard.reverse();
        }
        for event in &heard {
            for backend in &backends {
                workflow_jobs::receive(backend, request(), event).await.unwrap();
                count(&tally.heard);
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Looks without pause: one statement sees the books as they are at one moment.
async fn observe(pool: PgPool, stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    while !stop.load(Ordering::Relaxed) {
        let counts: Vec<i64> = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM runners r WHERE r.team_id = t.id AND r.status <> 'deleted')
                + (SELECT count(*) FROM runner_waits w WHERE w.team_id = t.id AND w.state = 'ready' AND w.ready_until > clock_timestamp())
            FROM teams t ORDER BY t.id",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        assert!(counts.iter().all(|n| *n <= TEAM), "a team has {counts:?} of {TEAM}");
        assert!(
            counts.iter().sum::<i64>() <= ORGANIZATION,
            "the organization has {counts:?} of {ORGANIZATION}"
        );
        count(&tally.observed);
    }
}

/// GitHub fails in another way every half second, and not at all every fourth time.
async fn weather(github: GitHubSimulator, stop: Arc<AtomicBool>) {
    for turn in 0.. {
        let fault = match turn % 4 {
            0 => Faults {
                fail_next: 5,
                ..Faults::default()
            },
            1 => Faults {
                drop_after_next: 3,
                ..Faults::default()
            },
            2 => Faults {
                latency_ms: 30,
                bad_gateway_after_next: 2,
                drop_before_next: 2,
                ..Faults::default()
            },
            _ => Faults::default(),
        };
        github.set_faults(fault);
        tokio::time::sleep(Duration::from_millis(500)).await;
        if stop.load(Ordering::Relaxed) {
            break;
        }
    }
    github.set_faults(Faults::default());
}

/// What the servers' jobs do.
async fn upkeep(backend: Backend, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        runners::reap(&backend).await.unwrap();
        waits::advance(&backend).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn b15_no_quota_is_exceeded_at_any_moment_whatever_github_does() {
    let settings = Settings {
        reservation_lease: Duration::from_secs(3),
        wait_hold: Duration::from_millis(700),
        ..Settings::default()
    };
    let world = World::with(settings.clone()).await;
    let other = Backend::new(world.database.another_pool(), Some(client(&world.github)), settings);
    let backends = [world.backend.clone(), other];
    let teams = [world.team("Ops").await, world.team("Web").await];
    world
        .sql(&format!("UPDATE teams SET max_runners = {TEAM}, waiting_list = true"))
        .await;
    world
        .sql(&format!("UPDATE organizations SET max_runners = {ORGANIZATION}"))
        .await;
    let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
    let mut tasks = JoinSet::new();
    for (index, team) in (0..12).zip(teams.iter().cycle()) {
        let user = world.member(*team, &format!("dev{index}"), TeamRole::Admin).await;
        let caller = world.caller(user).await;
        let backend = backends[index / 2 % 2].clone();
        tasks.spawn(person(backend, caller, *team, stop.clone(), tally.clone()));
    }
    for backend in &backends {
        tasks.spawn(observe(backend.pool.clone(), stop.clone(), tally.clone()));
        tasks.spawn(upkeep(backend.clone(), stop.clone()));
        tasks.spawn(compare(backend.clone(), stop.clone(), tally.clone()));
    }
    tasks.spawn(jobs(
        world.github.clone(),
        backends.clone(),
        stop.clone(),
        tally.clone(),
    ));
    tasks.spawn(weather(world.github.clone(), stop.clone()));

    let begin = tokio::time::Instant::now();
    // A busy machine gets as far in more time.
    while begin.elapsed() < seconds() || (begin.elapsed() < (seconds() * 12).min(MOST) && !tally.has_all()) {
        tokio::time::sleep(Duration::from_millis(100)).await;
        if let Some(ended) = tasks.try_join_next() {
            stop.store(true, Ordering::Relaxed);
            ended.expect("nobody gives up");
        }
    }
    stop.store(true, Ordering::Relaxed);
    while let Some(ended) = tasks.join_next().await {
        ended.expect("nobody fails");
    }
    let all = tally.all();
    println!("made, refused, claimed, deleted, heard, synced, observed: {all:?}");
    assert!(tally.has_all(), "something never happened: {all:?}");

    within(Duration::from_mins(1), async || {
        runners::reap(&world.backend).await.unwrap();
        // A runner whose life nobody saw is given an hour.
        world
            .sql("UPDATE runners SET created_at = created_at - interval '2 hours' WHERE status = 'pending' AND lease_until IS NULL")
            .await;
        sync::run(&world.backend).await.unwrap();
        books(&world).await == githubs(&world)
    })
    .await;
}

/// Our living runners, by name.
async fn books(world: &World) -> Vec<String> {
    world
        .all("SELECT name FROM runners WHERE status <> 'deleted' ORDER BY name")
        .await
}

fn githubs(world: &World) -> Vec<String> {
    let mut names: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    names.sort();
    names
}

/// The sync, as often as it can: of two processes one at a time.
async fn compare(backend: Backend, stop: Arc<AtomicBool>, tally: Arc<Tally>) {
    while !stop.load(Ordering::Relaxed) {
        if sync::run(&backend)
            .await
            .unwrap()
            .is_some_and(|run| run.error.is_none())
        {
            count(&tally.synced);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
