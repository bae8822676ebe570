//! The sync with GitHub: what a pass makes of what GitHub says (B15, B20, B21).

use std::time::Duration;

use backend::{runners::JitInput, sync};
use domain::{
    TeamId, TeamRole, UserId,
    views::{SyncCounts, SyncRun},
};
use simulators::github::{Faults, RateLimit};
use uuid::Uuid;

use crate::common::{World, refused, within};

pub const LIST: &str = "GET /orgs/{org}/actions/runners";
const ONE: &str = "GET /orgs/{org}/actions/runners/{id}";

pub async fn ops(world: &World) -> (TeamId, UserId) {
    let team = world.team("Ops").await;
    (team, world.member(team, "dev", TeamRole::Member).await)
}

/// One pass, by this process.
pub async fn pass(world: &World) -> SyncRun {
    let run = sync::run(&world.backend).await.expect("the database answers");
    run.expect("nobody else leads")
}

/// A pass that has to succeed.
pub async fn synced(world: &World) -> SyncCounts {
    let run = pass(world).await;
    assert_eq!(run.error, None);
    let counts = run.counts;
    assert_eq!(
        counts.updated + counts.deleted + counts.unchanged + counts.errors,
        counts.total,
        "{counts:?}"
    );
    counts
}

/// Registered runners, by GitHub and by us; since an hour and a half.
async fn registered(world: &World, team: TeamId, by: UserId, names: &[String], status: &str) -> Vec<Uuid> {
    let numbers: Vec<i64> = (names.iter())
        .map(|name| world.github.add_runner(name, &["self-hosted"]))
        .collect();
    let ids: Vec<Uuid> = names.iter().map(|_| Uuid::now_v7()).collect();
    sqlx::query(
        "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, github_runner_id,
            created_at, updated_at)
        SELECT n.id, $4, n.name, $5, '{self-hosted}', 1, $6, n.number, now() - interval '90 minutes',
            now() - interval '90 minutes'
        FROM unnest($1::uuid[], $2::text[], $3::bigint[]) AS n(id, name, number)",
    )
    .bind(&ids)
    .bind(names)
    .bind(&numbers)
    .bind(team.0)
    .bind(status)
    .bind(by.0)
    .execute(&world.pool)
    .await
    .expect("new runners");
    ids
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}-{number}")).collect()
}

/// A runner's number at GitHub.
pub async fn number(world: &World, name: &str) -> i64 {
    world
        .one(&format!(
            "SELECT github_runner_id FROM runners WHERE name = '{name}' AND status <> 'deleted'"
        ))
        .await
}

async fn states(world: &World) -> Vec<String> {
    world
        .all("SELECT name || ' ' || status || coalesce(' ' || deletion_reason, '') FROM runners ORDER BY name")
        .await
}

fn named(team: TeamId, name: &str) -> JitInput {
    JitInput {
        runner_name: Some(name.to_owned()),
        team_id: Some(team),
        ..JitInput::default()
    }
}

/// B21: what GitHub says is what we show, with each change in the audit log, in its team.
#[tokio::test]
async fn b21_a_runner_is_followed_through_its_life() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    world.provision(dev, named(team, "box")).await.expect("provisioned");
    let github = number(&world, "box").await;
    let row = "SELECT status || ' ' || busy || ' ' || (registered_at IS NOT NULL) || ' ' || (last_seen_at IS NOT NULL) FROM runners";

    let counts = synced(&world).await;
    assert_eq!((counts.unchanged, counts.total), (1, 1));
    assert_eq!(
        world.one::<String>(row).await,
        "pending false false true",
        "not started yet"
    );
    world.github.connect_runner(github);
    assert_eq!(synced(&world).await.updated, 1);
    assert_eq!(world.one::<String>(row).await, "active false true true");
    world.github.begin_job(github, "acme/shop", "build").expect("idle");
    assert_eq!(synced(&world).await.updated, 1);
    assert_eq!(world.one::<String>(row).await, "active true true true");
    assert_eq!(synced(&world).await.unchanged, 1);
    world.github.update_runner(github, |runner| {
        runner.busy = false;
        "offline".clone_into(&mut runner.status);
    });
    synced(&world).await;
    assert_eq!(world.one::<String>(row).await, "offline false true true");
    world.github.remove_runner(github);
    assert_eq!(synced(&world).await.deleted, 1);
    assert_eq!(states(&world).await, ["box deleted not_found_in_github"]);
    assert_eq!(synced(&world).await, SyncCounts::default(), "and nobody looks again");

    let audited: Vec<String> = world
        .all(&format!(
            "SELECT action || ' ' || actor || ' ' || (after->>'status') || coalesce(' ' || (after->>'busy'), '')
            FROM audit_entries WHERE team_id = '{team}' AND organization_id IS NOT NULL AND actor = 'sync' ORDER BY txid, position"
        ))
        .await;
    assert_eq!(
        audited,
        [
            "runner.sync sync active false",
            "runner.sync sync active true",
            "runner.sync sync offline false",
            "runner.sync_deleted sync deleted",
        ]
    );
    let history: Vec<String> = world.all("SELECT status || busy FROM runner_history ORDER BY id").await;
    assert_eq!(
        history,
        [
            "pendingfalse",
            "activefalse",
            "activetrue",
            "offlinefalse",
            "deletedfalse"
        ]
    );
}

/// B15 [F]: GitHub's `online` is `active` here, and counts.
#[tokio::test]
async fn b15_online_never_leaks_a_quota() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    world.sql("UPDATE teams SET max_runners = 1").await;
    world.provision(dev, named(team, "box")).await.expect("the one place");
    let github = number(&world, "box").await;
    for status in ["online", "Online", "offline", "something new"] {
        world
            .github
            .update_runner(github, |runner| status.clone_into(&mut runner.status));
        synced(&world).await;
        let count: i64 = world
            .one("SELECT count(*) FROM runners WHERE status IN ('pending', 'active', 'offline')")
            .await;
        assert_eq!(
            (
                count,
                world
                    .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
                    .await
            ),
            (1, 1),
            "{status}"
        );
        refused(
            world.provision(dev, named(team, "more")).await,
            "QUOTA_EXCEEDED",
            "Team quota exceeded",
        );
    }
    world.github.remove_runner(github);
    synced(&world).await;
    world
        .provision(dev, named(team, "more"))
        .await
        .expect("the place is free");
}

/// B20 [F]: more than one page of runners live on; those of others are no business of ours.
#[tokio::test]
async fn b20_runners_past_the_first_hundred_live() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    for name in names("foreign", 120) {
        world.github.add_runner(&name, &["self-hosted"]);
    }
    registered(&world, team, dev, &names("ours", 230), "active").await;
    let run = pass(&world).await;
    assert_eq!((run.pages, run.error), (4, None));
    assert_eq!(
        (run.counts.total, run.counts.deleted, run.counts.updated),
        (230, 0, 230),
        "all are offline now"
    );
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM runners").await,
        230,
        "none is adopted"
    );
    assert_eq!(world.github.calls_of(ONE), 0);
}

/// B21: what is missing is deleted, except young registrations and reservations; each is asked for first.
#[tokio::test]
async fn b21_what_github_does_not_have_is_deleted_with_the_reason() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &["expired".to_owned()], "pending").await;
    registered(&world, team, dev, &["gone".to_owned(), "stays".to_owned()], "active").await;
    registered(
        &world,
        team,
        dev,
        &["young".to_owned(), "reserved".to_owned()],
        "pending",
    )
    .await;
    registered(&world, team, dev, &["old-and-there".to_owned()], "pending").await;
    world
        .sql("UPDATE runners SET created_at = now() - interval '59 minutes' WHERE name = 'young'")
        .await;
    world
        .sql("UPDATE runners SET lease_until = now() + interval '45 s' WHERE name = 'reserved'")
        .await;
    // Registered by name, before GitHub's number was known.
    world
        .sql("UPDATE runners SET github_runner_id = NULL WHERE name = 'stays'")
        .await;
    for name in ["expired", "gone", "young", "reserved"] {
        world.github.remove_runner(number(&world, name).await);
    }
    let counts = synced(&world).await;
    assert_eq!(
        states(&world).await,
        [
            "expired deleted registration_token_expired",
            "gone deleted not_found_in_github",
            "old-and-there pending",
            "reserved pending",
            "stays offline",
            "young pending",
        ]
    );
    assert_eq!(
        (counts.deleted, counts.updated, counts.unchanged, counts.total),
        (2, 1, 2, 5),
        "{counts:?}"
    );
    assert_eq!(world.github.calls_of(ONE), 2, "each was asked for");
    let adopted: Option<i64> = world
        .one("SELECT github_runner_id FROM runners WHERE name = 'stays'")
        .await;
    assert!(adopted.is_some(), "found by its name");
    assert_eq!(
        world
            .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
            .await,
        4
    );
}

/// A runner of ours whose number GitHub gave to another one is gone.
#[tokio::test]
async fn b21_a_number_under_another_name_is_another_runner() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &["ours".to_owned()], "active").await;
    let github = number(&world, "ours").await;
    world
        .github
        .update_runner(github, |runner| "other".clone_into(&mut runner.name));
    synced(&world).await;
    assert_eq!(states(&world).await, ["ours deleted not_found_in_github"]);
}

/// B20, B21 [F]: a rate limit, and a list that broke off, delete nothing, and what GitHub said before is kept.
#[tokio::test]
async fn b21_a_rate_limit_or_a_half_read_list_marks_nothing() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &names("ours", 250), "active").await;
    for name in names("ours", 20) {
        world.github.remove_runner(number(&world, &name).await);
    }
    let limit = |status, retry_after, spare_next| Faults {
        spare_next,
        rate_limit: Some(RateLimit {
            status,
            retry_after,
            reset_in: 30,
        }),
        ..Faults::default()
    };
    let fail = |fail_status, spare_next| Faults {
        spare_next,
        fail_next: 9,
        fail_status,
        ..Faults::default()
    };
    let cases = [
        (limit(403, Some(7), 0), "GitHub API rate limit exceeded", Some(6..=7)),
        (limit(429, None, 1), "GitHub API rate limit exceeded", Some(28..=30)),
        (
            limit(403, Some(50_000), 2),
            "GitHub API rate limit exceeded",
            Some(3599..=3600),
        ),
        // The pages are read whole, and the look-ups of what is missing are refused.
        (limit(429, Some(9), 3), "GitHub API rate limit exceeded", Some(8..=9)),
        (fail(403, 1), "GitHub API error: Forbidden (status 403)", None),
        (
            fail(502, 1),
            "GitHub API error: no answer from GitHub: Bad Gateway (status 502)",
            None,
        ),
        (fail(404, 0), "GitHub API error: Not Found (status 404)", None),
    ];
    for (faults, words, wait) in cases {
        let case = format!("{faults:?}");
        world.github.set_faults(faults);
        let run = pass(&world).await;
        assert_eq!(run.error.as_deref(), Some(words), "{case}");
        assert_eq!(run.counts.deleted, 0, "{case}");
        let deleted: i64 = world.one("SELECT count(*) FROM runners WHERE status = 'deleted'").await;
        assert_eq!(deleted, 0, "{case}");
        let until: Option<i32> = world
            .one("SELECT ceil(extract(epoch FROM rate_limited_until - clock_timestamp()))::integer FROM sync_worker")
            .await;
        assert_eq!(until.is_some(), wait.is_some(), "{case}");
        assert!(
            until.zip(wait).is_none_or(|(until, wait)| wait.contains(&until)),
            "{case}: {until:?}"
        );
    }
    // One lost answer on the way is asked for again.
    world.github.set_faults(Faults {
        spare_next: 1,
        drop_after_next: 1,
        ..Faults::default()
    });
    assert_eq!(synced(&world).await.deleted, 20);
    assert_eq!(world.github.faults().drop_after_next, 0, "it did strike");
}

/// A runner for which GitHub does not answer stays, and is asked for again by the next pass.
#[tokio::test]
async fn b21_a_look_up_that_fails_deletes_nothing() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &names("ours", 3), "active").await;
    world.github.remove_runner(number(&world, "ours-1").await);
    world.github.set_faults(Faults {
        only: Some("/runners/".to_owned()),
        fail_next: 1,
        fail_status: 500,
        ..Faults::default()
    });
    let counts = synced(&world).await;
    assert_eq!((counts.errors, counts.deleted), (1, 0));
    let counts = synced(&world).await;
    assert_eq!((counts.errors, counts.deleted), (0, 1));
}

/// B20: a runner that slips between two pages, while the count stays the same, is asked for and lives.
#[tokio::test]
async fn b20_a_runner_that_slips_between_pages_lives() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &names("ours", 150), "active").await;
    let first = number(&world, "ours-0").await;
    world.github.set_faults(Faults {
        slow_page_ms: 300,
        ..Faults::default()
    });
    let backend = world.backend.clone();
    let passing = tokio::spawn(async move { sync::run(&backend).await });
    within(Duration::from_secs(10), async || world.github.calls_of(LIST) == 2).await;
    world.github.remove_runner(first);
    world.github.add_runner("foreign", &["self-hosted"]);
    let run = passing.await.unwrap().unwrap().expect("a pass");
    assert_eq!((run.error, run.counts.deleted, run.counts.total), (None, 0, 150));
    assert_eq!(world.github.calls_of(ONE), 1, "the one that slipped");
    let state: String = world.one("SELECT status FROM runners WHERE name = 'ours-100'").await;
    assert_eq!(state, "offline", "what GitHub says of it");
    world.github.set_faults(Faults::default());
    assert_eq!(synced(&world).await.deleted, 1, "the first one is gone");
}

/// What is provisioned, changed and deleted while a pass reads is not harmed by what the pass has read.
#[tokio::test]
async fn b21_what_changes_during_a_pass_is_newer_than_its_answer() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    let old = registered(&world, team, dev, &names("ours", 3), "active").await;
    world.github.set_faults(Faults {
        slow_page_ms: 1_300,
        ..Faults::default()
    });
    let backend = world.backend.clone();
    let passing = tokio::spawn(async move { sync::run(&backend).await });
    within(Duration::from_secs(10), async || world.github.calls_of(LIST) == 1).await;
    // GitHub answers with what it knows then; here it is all newer.
    world.provision(dev, named(team, "new")).await.expect("provisioned");
    world.github.remove_runner(number(&world, "new").await);
    world
        .sql(&format!(
            "UPDATE runners SET busy = true, updated_at = now() WHERE id = '{}'",
            old[0]
        ))
        .await;
    let caller = world.caller(dev).await;
    backend::runners::delete(
        &world.backend,
        caller,
        crate::common::request(),
        domain::RunnerId(old[1]),
        Some("by hand"),
    )
    .await
    .expect("deleted");
    let run = passing.await.unwrap().unwrap().expect("a pass");
    assert_eq!(run.error, None);
    assert_eq!(
        states(&world).await,
        [
            "new pending",
            "ours-0 active",
            "ours-1 deleted by hand",
            "ours-2 offline"
        ]
    );
    assert!(
        world
            .one::<bool>("SELECT busy FROM runners WHERE name = 'ours-0'")
            .await
    );
}

/// The sync of 5,000 runners over 50 pages: each page is written before the next is read, with slow pages, lost answers
/// and a rate limit on the way, and nothing but the truth at the end.
#[tokio::test(flavor = "multi_thread")]
async fn b21_five_thousand_runners_are_synced_page_by_page() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    registered(&world, team, dev, &names("ours", 5000), "active").await;
    let all = world.github.runners();
    for (index, runner) in all.iter().enumerate() {
        match index % 50 {
            0 => drop(world.github.remove_runner(runner.id)),
            1..=20 => drop(world.github.connect_runner(runner.id)),
            _ => {}
        }
    }
    world.github.set_faults(Faults {
        spare_next: 20,
        slow_page_ms: 5,
        rate_limit: Some(RateLimit {
            status: 429,
            retry_after: Some(1),
            reset_in: 1,
        }),
        ..Faults::default()
    });
    let run = pass(&world).await;
    assert_eq!((run.pages, run.counts.deleted), (20, 0), "{run:?}");
    assert_eq!(run.error.as_deref(), Some("GitHub API rate limit exceeded"));

    let before = world.github.calls_of(LIST);
    let started: chrono::DateTime<chrono::Utc> = world.one("SELECT clock_timestamp()").await;
    world.github.set_faults(Faults {
        spare_next: 10,
        slow_page_ms: 20,
        drop_before_next: 1,
        bad_gateway_after_next: 1,
        ..Faults::default()
    });
    let backend = world.backend.clone();
    let passing = tokio::spawn(async move { sync::run(&backend).await });
    let mut watched = 0;
    while !passing.is_finished() {
        let read = i64::try_from(world.github.calls_of(LIST) - before).unwrap();
        let written: i64 = sqlx::query_scalar("SELECT count(*) FROM runners WHERE last_seen_at > $1")
            .bind(started)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        // One page may be under way when the calls are counted, and two answers got lost.
        if (1..49).contains(&read) {
            assert!(
                written >= (read - 4) * 100,
                "{read} pages were asked for, {written} runners written"
            );
            watched += 1;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(watched >= 5, "the pass was seen at work {watched} times");
    let run = passing.await.unwrap().unwrap().expect("a pass");
    assert_eq!((run.error, run.pages), (None, 49), "4,900 are left");
    assert_eq!(
        (run.counts.total, run.counts.deleted, run.counts.errors),
        (5000, 100, 0),
        "{:?}",
        run.counts
    );
    let told: Vec<String> = world
        .all("SELECT status || ' ' || count(*) FROM runners GROUP BY status ORDER BY status")
        .await;
    assert_eq!(told, ["active 2000", "deleted 100", "offline 2900"]);
    assert_eq!(
        world
            .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
            .await,
        4900
    );
    let missing: i64 = world
        .one("SELECT count(*) FROM runners r WHERE status = 'deleted' AND NOT EXISTS (SELECT FROM audit_entries a WHERE a.target_id = r.id::text AND a.action = 'runner.sync_deleted')")
        .await;
    assert_eq!(missing, 0, "each end is in the audit log");
}
