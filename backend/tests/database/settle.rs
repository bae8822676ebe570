//! What happens to a reservation when GitHub, the network or this process fails (B15, B20, DESIGN rule 2).

use std::{sync::Arc, time::Duration};

use backend::{
    Backend, Code, Error,
    runners::{self, JitInput},
};
use domain::{TeamId, TeamRole, UserId};
use simulators::github::{Faults, RateLimit};
use uuid::Uuid;

use crate::common::{JIT, World, refusal, refused, request, within};

const SHORT: Duration = Duration::from_millis(300);
const LIST: &str = "GET /orgs/{org}/actions/runners";

async fn ops(world: &World, quota: i32) -> (TeamId, UserId) {
    let team = world.team("Ops").await;
    world
        .sql(&format!("UPDATE teams SET max_runners = {quota} WHERE id = '{team}'"))
        .await;
    (team, world.member(team, "dev", TeamRole::Member).await)
}

fn input(team: TeamId) -> JitInput {
    JitInput {
        team_id: Some(team),
        ..JitInput::default()
    }
}

/// Runners of the quota, as the table and the counter beside the team have it.
async fn counted(world: &World) -> i64 {
    let counts: (i64, i32) = (
        world
            .one("SELECT count(*) FROM runners WHERE status <> 'deleted'")
            .await,
        world.one("SELECT runner_count FROM teams WHERE NOT is_system").await,
    );
    assert_eq!(counts.0, i64::from(counts.1));
    counts.0
}

/// Waits until a call of this route has arrived: what goes before it has been committed.
async fn github_is_asked(world: &World, route: &str) {
    within(Duration::from_secs(20), async || world.github.calls_of(route) > 0).await;
}

async fn log(world: &World) -> Vec<String> {
    world.all("SELECT action || ' ' || success || coalesce(' ' || (after->>'error'), '') FROM audit_entries ORDER BY txid, position").await
}

/// A reservation whose process is gone.
async fn abandoned(world: &World, team: TeamId, by: UserId, name: &str) -> Uuid {
    let id = Uuid::now_v7();
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, lease_until)
            VALUES ('{id}', '{team}', '{name}', 'pending', '{{}}', 1, '{by}', now() - interval '1 second')"
        ))
        .await;
    id
}

/// B15, B20: when GitHub refuses, or cannot be reached, the place is free at once and its words reach the person.
#[tokio::test]
async fn b20_refusals_free_the_place_at_once() {
    let world = World::new().await;
    let (team, dev) = ops(&world, 1).await;
    let fail = |status| Faults {
        fail_next: 1,
        fail_status: status,
        ..Faults::default()
    };
    let limited = |status, retry_after| Faults {
        rate_limit: Some(RateLimit {
            status,
            retry_after,
            reset_in: 30,
        }),
        ..Faults::default()
    };
    let cases = [
        (
            fail(422),
            "GITHUB_ERROR",
            "GitHub API error: Unprocessable Entity (status 422)",
        ),
        (fail(403), "GITHUB_ERROR", "GitHub API error: Forbidden (status 403)"),
        (fail(404), "GITHUB_ERROR", "GitHub API error: Not Found (status 404)"),
        (fail(401), "GITHUB_ERROR", "GitHub API error: Unauthorized (status 401)"),
        (fail(409), "GITHUB_ERROR", "GitHub API error: Conflict (status 409)"),
        (
            limited(403, Some(7)),
            "GITHUB_RATE_LIMITED",
            "GitHub API rate limit exceeded",
        ),
        (
            limited(429, None),
            "GITHUB_RATE_LIMITED",
            "GitHub API rate limit exceeded",
        ),
    ];
    let count = cases.len();
    for (fault, code, words) in cases {
        world.github.set_faults(fault);
        let result = world.provision(dev, input(team)).await;
        if let Err(Error::Unavailable(_, _, wait)) = &result {
            assert!(
                wait.is_some_and(|wait| (1..=30).contains(&wait.as_secs())),
                "{wait:?}: Retry-After"
            );
        }
        refused(result, code, words);
        assert_eq!((counted(&world).await, world.github.runner_count()), (0, 0), "{words}");
    }
    assert_eq!((Code::GitHub.status(), Code::GitHubRateLimit.status()), (502, 503));
    world.github.set_faults(Faults::default());
    world.github.stop().await;
    refused(
        world.provision(dev, input(team)).await,
        "GITHUB_ERROR",
        "GitHub API error: GitHub cannot be reached",
    );
    assert_eq!(counted(&world).await, 0, "refused connections made nothing");
    let entries = log(&world).await;
    assert_eq!(entries.len(), count + 1);
    assert!(
        entries
            .iter()
            .all(|entry| entry.starts_with("provision_jit_failed false GitHub API ")),
        "{entries:?}"
    );
    let reasons: i64 = world
        .one("SELECT count(*) FROM runners WHERE deletion_reason = 'provisioning_failed' AND lease_until IS NULL")
        .await;
    assert_eq!(usize::try_from(reasons).unwrap(), count + 1);
    world.github.restart().await.unwrap();
    world.provision(dev, input(team)).await.expect("the one place is free");
}

/// DESIGN §2: without a GitHub the setting is named, after the rules have spoken, and no runner is left behind.
#[tokio::test]
async fn provisioning_without_github_names_the_setting() {
    let world = World::new().await;
    let (team, dev) = ops(&world, 1).await;
    let backend = Backend {
        github: None,
        ..world.backend.clone()
    };
    let ask = async |labels: &[&str]| {
        let labels = labels.iter().map(ToString::to_string).collect();
        let request_for = JitInput { labels, ..input(team) }.parse().unwrap();
        runners::provision(&backend, world.caller(dev).await, request(), request_for).await
    };
    let (code, words) = refusal(ask(&[]).await);
    assert!(
        code == "NOT_CONFIGURED" && words.contains("GUILDHALL_GITHUB_ORG"),
        "{words}"
    );
    refused(
        ask(&["gpu"]).await,
        "LABEL_NOT_PERMITTED",
        "Label not permitted by team policy",
    );
    // The refusal of the label is kept (B25); there is no runner.
    assert_eq!((counted(&world).await, log(&world).await.len()), (0, 1));
}

/// B15: an answer that got lost after GitHub made the runner: it still counts; the reaper removes it there, and only
/// then is the place free.
#[tokio::test]
async fn b15_a_lost_answer_is_settled_by_asking_for_the_name() {
    for fault in [
        Faults {
            drop_after_next: 1,
            only: Some("generate-jitconfig".to_owned()),
            ..Faults::default()
        },
        Faults {
            bad_gateway_after_next: 1,
            only: Some("generate-jitconfig".to_owned()),
            ..Faults::default()
        },
    ] {
        let world = World::new().await;
        let (team, dev) = ops(&world, 1).await;
        world.github.set_faults(fault);
        refused(
            world.provision(dev, input(team)).await,
            "GITHUB_ERROR",
            "GitHub API error: no answer from GitHub",
        );
        assert_eq!(
            (counted(&world).await, world.github.runner_count()),
            (1, 1),
            "it counts, and it is there"
        );
        refused(
            world.provision(dev, input(team)).await,
            "QUOTA_EXCEEDED",
            "Team quota exceeded",
        );
        let lease: f64 = world
            .one("SELECT extract(epoch FROM lease_until - clock_timestamp())::float8 FROM runners")
            .await;
        assert!(
            lease > 5.0 && lease < 45.0,
            "{lease} s: within a minute, with the reaper's pace"
        );
        assert_eq!(runners::reap(&world.backend).await.unwrap(), 0, "not before its time");
        world
            .sql("UPDATE runners SET lease_until = now() - interval '1 second'")
            .await;
        assert_eq!(runners::reap(&world.backend).await.unwrap(), 1);
        assert_eq!((counted(&world).await, world.github.runner_count()), (0, 0));
        assert_eq!(log(&world).await.last().unwrap(), "runner.reservation_expired true");
        world.provision(dev, input(team)).await.expect("the place is free");
    }
}

/// B15: an answer that got lost before anything was made is settled the same way.
#[tokio::test]
async fn b15_a_lost_request_is_settled_too() {
    let world = World::with_lease(SHORT).await;
    let (team, dev) = ops(&world, 1).await;
    for fault in [
        Faults {
            drop_before_next: 1,
            ..Faults::default()
        },
        Faults {
            fail_next: 1,
            fail_status: 500,
            ..Faults::default()
        },
    ] {
        world.github.set_faults(fault);
        refused(
            world.provision(dev, input(team)).await,
            "GITHUB_ERROR",
            "GitHub API error: no answer from GitHub",
        );
        assert_eq!(counted(&world).await, 1, "nobody knows yet");
        world
            .sql("UPDATE runners SET lease_until = now() WHERE lease_until IS NOT NULL")
            .await;
        assert_eq!(runners::reap(&world.backend).await.unwrap(), 1);
        assert_eq!(counted(&world).await, 0);
    }
    assert_eq!(world.github.runner_count(), 0);
}

/// B15: a process that dies between reserving and confirming: the reservation counts until its lease runs out.
#[tokio::test]
async fn b15_a_crash_between_reserve_and_confirm_is_settled() {
    let world = World::with_lease(Duration::from_secs(2)).await;
    let (team, dev) = ops(&world, 1).await;
    world.github.set_faults(Faults {
        latency_ms: 1000,
        only: Some("generate-jitconfig".to_owned()),
        ..Faults::default()
    });
    tokio::select! {
        result = world.provision(dev, input(team)) => panic!("cut off while GitHub thinks: {result:?}"),
        () = github_is_asked(&world, JIT) => {}
    }
    assert_eq!(counted(&world).await, 1);
    // The simulator may carry out what its client no longer waits for, or not: either way nothing is left.
    within(Duration::from_secs(10), async || {
        runners::reap(&world.backend).await.unwrap();
        counted(&world).await == 0
    })
    .await;
    assert_eq!(world.github.runner_count(), 0);
    world.github.set_faults(Faults::default());
    world.provision(dev, input(team)).await.expect("the place is free");
}

/// B15: a crash after GitHub's answer leaves a runner that nobody has the configuration of; the reaper removes it.
#[tokio::test]
async fn b15_a_crash_after_the_answer_is_settled() {
    let world = World::new().await;
    let (team, dev) = ops(&world, 5).await;
    abandoned(&world, team, dev, "Orphan").await;
    let bystander = world.github.add_runner("by-hand", &["self-hosted"]);
    world.github.add_runner("orphan", &["self-hosted"]);
    let live = world.provision(dev, input(team)).await.unwrap();
    assert_eq!(runners::reap(&world.backend).await.unwrap(), 1);
    let left: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    assert_eq!(
        left,
        ["by-hand", live.runner_name.as_str()],
        "{bystander} and the confirmed one stay"
    );
    assert_eq!(counted(&world).await, 1);
    assert_eq!(runners::reap(&world.backend).await.unwrap(), 0, "nothing more to do");
}

/// B15: while GitHub does not answer, the reservation stays and counts; nothing is believed gone.
#[tokio::test]
async fn b15_the_reaper_keeps_what_it_cannot_ask_about() {
    let world = World::with_lease(SHORT).await;
    let (team, dev) = ops(&world, 1).await;
    abandoned(&world, team, dev, "orphan").await;
    world.github.add_runner("orphan", &[]);
    let down = [
        Faults {
            fail_next: 100,
            fail_status: 500,
            ..Faults::default()
        },
        Faults {
            rate_limit: Some(RateLimit::default()),
            ..Faults::default()
        },
        Faults {
            fail_next: 100,
            fail_status: 401,
            ..Faults::default()
        },
        Faults {
            fail_next: 100,
            fail_status: 503,
            only: Some("DELETE".to_owned()),
            ..Faults::default()
        },
    ];
    for fault in down {
        world.github.set_faults(fault);
        assert_eq!(runners::reap(&world.backend).await.unwrap(), 0);
        assert_eq!((counted(&world).await, world.github.runner_count()), (1, 1));
        world
            .sql("UPDATE runners SET lease_until = now() - interval '1 second'")
            .await;
    }
    world.github.set_faults(Faults::default());
    world.github.stop().await;
    assert_eq!(runners::reap(&world.backend).await.unwrap(), 0);
    assert_eq!(counted(&world).await, 1);
    world.github.restart().await.unwrap();
    tokio::time::sleep(SHORT).await;
    assert_eq!(runners::reap(&world.backend).await.unwrap(), 1, "at the next lease");
    assert_eq!((counted(&world).await, world.github.runner_count()), (0, 0));
}

/// B15 as a race: several reapers at once settle each reservation once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b15_reapers_at_once_settle_each_once() {
    let world = Arc::new(World::new().await);
    let (team, dev) = ops(&world, 100).await;
    for n in 0..40 {
        abandoned(&world, team, dev, &format!("orphan-{n}")).await;
        if n % 2 == 0 {
            world.github.add_runner(&format!("orphan-{n}"), &[]);
        }
    }
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { runners::reap(&world.backend).await.unwrap() })
        })
        .collect();
    let mut settled = 0;
    for task in tasks {
        settled += task.await.unwrap();
    }
    assert_eq!(settled, 40);
    assert_eq!(
        world
            .one::<i64>("SELECT count(*) FROM audit_entries WHERE action = 'runner.reservation_expired'")
            .await,
        40
    );
    assert_eq!((counted(&world).await, world.github.runner_count()), (0, 0));
    assert_eq!(world.github.calls_of(LIST), 40, "each name was asked for once");
}

/// B15: an answer that comes when the reaper has given the place away: the runner is removed at GitHub, and the person
/// is told to try again.
#[tokio::test]
async fn b15_an_answer_after_the_lease_is_too_late() {
    let world = World::with_lease(Duration::from_millis(50)).await;
    let (team, dev) = ops(&world, 1).await;
    let slow = Faults {
        latency_ms: 1_000,
        only: Some("generate-jitconfig".to_owned()),
        ..Faults::default()
    };
    world.github.set_faults(slow);
    let reaping = async {
        github_is_asked(&world, JIT).await;
        within(Duration::from_millis(900), async || {
            runners::reap(&world.backend).await.unwrap() == 1
        })
        .await;
    };
    let (result, ()) = tokio::join!(world.provision(dev, input(team)), reaping);
    refused(
        result,
        "GITHUB_ERROR",
        "GitHub API error: it answered too late; the runner was removed.",
    );
    assert_eq!(
        (
            counted(&world).await,
            world.github.runner_count(),
            world.github.calls_of(JIT)
        ),
        (0, 0, 1)
    );
    assert_eq!(log(&world).await, ["runner.reservation_expired true"]);
}

/// B15: an answer that comes while a reaper is at work on the reservation must not hand out a runner that the reaper is
/// about to remove.
#[tokio::test]
async fn b15_an_answer_while_the_reaper_works_is_too_late() {
    let world = World::with_lease(Duration::from_millis(250)).await;
    let (team, dev) = ops(&world, 1).await;
    // GitHub thinks for 600 ms. The lease ends before, a reaper takes it over and begins to ask; then the answer comes.
    let slow = |only: &str| Faults {
        latency_ms: 600,
        only: Some(only.to_owned()),
        ..Faults::default()
    };
    world.github.set_faults(slow("generate-jitconfig"));
    let reaping = async {
        github_is_asked(&world, JIT).await;
        tokio::time::sleep(Duration::from_millis(260)).await;
        world.github.set_faults(slow(""));
        runners::reap(&world.backend).await.unwrap()
    };
    let (result, settled) = tokio::join!(world.provision(dev, input(team)), reaping);
    let handed_out = i64::from(result.is_ok());
    assert_eq!(counted(&world).await, handed_out, "settled {settled}: {result:?}");
    assert_eq!(
        i64::try_from(world.github.runner_count()).unwrap(),
        handed_out,
        "what was handed out exists: {result:?}"
    );
    if let Err(error) = result {
        assert_eq!(error.code(), Code::GitHub);
    }
}

/// B15: a reaper that was slow does not touch a runner that took the name afterwards.
#[tokio::test]
async fn b15_a_slow_reaper_leaves_a_reused_name_alone() {
    let world = Arc::new(World::with_lease(SHORT).await);
    let (team, dev) = ops(&world, 5).await;
    for name in ["first", "the-one"] {
        abandoned(&world, team, dev, name).await;
    }
    world
        .sql("UPDATE runners SET lease_until = lease_until - interval '1 minute' WHERE name = 'first'")
        .await;
    world.github.set_faults(Faults {
        latency_ms: 1800,
        only: Some("GET ".to_owned()),
        ..Faults::default()
    });
    let slow = {
        let world = Arc::clone(&world);
        tokio::spawn(async move { runners::reap(&world.backend).await.unwrap() })
    };
    github_is_asked(&world, LIST).await;
    world.github.set_faults(Faults::default());
    // The slow one still asks about its first. Meanwhile its leases run out, and another settles both.
    let mut settled = 0;
    within(Duration::from_millis(1600), async || {
        settled += runners::reap(&world.backend).await.unwrap();
        settled == 2
    })
    .await;
    let named = JitInput {
        runner_name: Some("the-one".to_owned()),
        ..input(team)
    };
    world.provision(dev, named).await.expect("the name is free");
    slow.await.unwrap();
    let left: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    assert_eq!((left, counted(&world).await), (vec!["the-one".to_owned()], 1));
}

/// B15 as a race, with everything going wrong at once: afterwards the table and GitHub tell the same, and no more than
/// the quota was ever handed out.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b15_chaos_ends_in_the_same_truth_on_both_sides() {
    let world = Arc::new(World::with_lease(Duration::from_secs(2)).await);
    let (team, dev) = ops(&world, 10).await;
    world.github.set_faults(Faults {
        drop_before_next: 3,
        drop_after_next: 3,
        fail_next: 5,
        fail_status: 422,
        bad_gateway_after_next: 2,
        latency_ms: 5,
        ..Faults::default()
    });
    let reaper = {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            loop {
                // As if two seconds were over: what is ambiguous is settled while others go on asking.
                world.sql("UPDATE runners SET lease_until = lease_until - interval '8 seconds' WHERE lease_until > now() + interval '3 seconds'").await;
                runners::reap(&world.backend).await.unwrap();
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
    };
    let mut tasks = Vec::new();
    for n in 0..60_u64 {
        let world = Arc::clone(&world);
        tasks.push(tokio::spawn(async move {
            for _ in 0..12 {
                let call = world.provision(dev, input(team));
                // Some clients hang up.
                let limit = Duration::from_millis(if n % 8 == 0 { 5 + n } else { 60_000 });
                if let Ok(Ok(made)) = tokio::time::timeout(limit, call).await {
                    return Some(made.runner_name);
                }
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
            None
        }));
    }
    let mut handed_out = Vec::new();
    for task in tasks {
        handed_out.extend(task.await.expect("no panic"));
    }
    reaper.abort();
    assert!((1..=10).contains(&handed_out.len()), "{handed_out:?}");
    world.github.set_faults(Faults::default());
    within(Duration::from_secs(40), async || {
        runners::reap(&world.backend).await.unwrap();
        world
            .one::<i64>("SELECT count(*) FROM runners WHERE lease_until IS NOT NULL")
            .await
            == 0
    })
    .await;
    let mut stored: Vec<String> = world.all("SELECT name FROM runners WHERE status <> 'deleted'").await;
    let mut at_github: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    stored.sort();
    at_github.sort();
    assert_eq!(stored, at_github);
    assert!(
        handed_out.iter().all(|name| stored.contains(name)),
        "what was handed out exists"
    );
    assert_eq!(counted(&world).await, i64::try_from(stored.len()).unwrap());
    let free = 10 - stored.len();
    for _ in 0..free {
        world.provision(dev, input(team)).await.expect("a free place");
    }
    refused(
        world.provision(dev, input(team)).await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded",
    );
}

/// D13, DESIGN rule 4: a PostgreSQL that is stopped under a request is 503 with a time to wait, and nobody's fault.
#[tokio::test]
async fn a_database_that_goes_away_is_unavailable() {
    let world = World::new().await;
    let (team, dev) = ops(&world, 1).await;
    let mut ctx = world.write(dev).await;
    backend::teams::get(&mut ctx, team).await.unwrap();
    world
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    let result = backend::teams::get(&mut ctx, team).await;
    assert!(
        matches!(&result, Err(Error::Unavailable(Code::DatabaseUnavailable, _, Some(_)))),
        "{result:?}"
    );
    drop(ctx);
    world
        .provision(dev, input(team))
        .await
        .expect("the pool takes a new connection");
}

/// B15: unless it is set otherwise, a reservation that nobody confirms is kept for 45 seconds.
#[tokio::test]
async fn b15_a_lease_lasts_45_seconds() {
    let world = World::new().await;
    let (team, dev) = ops(&world, 1).await;
    world.github.set_faults(Faults {
        latency_ms: 5000,
        only: Some("generate-jitconfig".to_owned()),
        ..Faults::default()
    });
    tokio::select! {
        result = world.provision(dev, input(team)) => panic!("cut off while GitHub thinks: {result:?}"),
        () = github_is_asked(&world, JIT) => {}
    }
    let seconds: f64 = world
        .one("SELECT extract(epoch FROM lease_until - created_at)::float8 FROM runners WHERE status = 'pending'")
        .await;
    assert!((45.0..50.0).contains(&seconds), "{seconds}");
}
