//! The life of a runner as people see and end it: lists, history, refresh, deletion, clean-up (B14, B18, B19, B35, P).

use std::{cell::Cell, sync::Arc, time::Duration};

use backend::{
    Backend, Caller, Code, Ctx, Error, Method,
    machines::Machine,
    runners::{self, CleanupInput, JitInput, Reach, RunnerQuery},
};
use domain::{
    MachineClientId, OrgRole, RunnerId, RunnerStatus, TeamId, TeamRole, TeamStatus, UserId,
    views::{CleanupOutcome, QuotaScope, Runner, RunnerEventKind, RunnerState},
};
use simulators::github::{Faults, RateLimit};
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use crate::common::{World, refused, request};

const DELETE: &str = "DELETE /orgs/{org}/actions/runners/{id}";

/// A runner that GitHub has, connected and idle, in our books as such.
async fn online(world: &World, team: Option<TeamId>, by: UserId, name: &str) -> RunnerId {
    let number = world.github.add_runner(name, &["self-hosted"]);
    world
        .github
        .update_runner(number, |runner| "online".clone_into(&mut runner.status));
    let id = Uuid::now_v7();
    let team = team.map_or("NULL".to_owned(), |team| format!("'{team}'"));
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, github_runner_id, registered_at)
            VALUES ('{id}', {team}, '{name}', 'active', '{{self-hosted,{name}-label}}', 1, '{by}', {number}, now())"
        ))
        .await;
    RunnerId(id)
}

async fn number(world: &World, id: RunnerId) -> i64 {
    world
        .one(&format!("SELECT github_runner_id FROM runners WHERE id = '{id}'"))
        .await
}

async fn delete(world: &World, who: UserId, id: RunnerId, reason: Option<&str>) -> backend::Result<Runner> {
    runners::delete(&world.backend, world.caller(who).await, request(), id, reason).await
}

async fn refresh(world: &World, who: UserId, id: RunnerId) -> backend::Result<Runner> {
    runners::refresh(&world.backend, world.caller(who).await, request(), id).await
}

async fn names(world: &World, who: UserId, query: RunnerQuery) -> Vec<String> {
    let page = world
        .ask(who, async |ctx| runners::list(ctx, &query).await)
        .await
        .unwrap();
    assert_eq!(usize::try_from(page.total).unwrap(), page.items.len(), "a true total");
    let mut names: Vec<String> = page.items.into_iter().map(|runner| runner.name).collect();
    names.sort();
    names
}

fn limited() -> Faults {
    Faults {
        rate_limit: Some(RateLimit {
            status: 403,
            retry_after: Some(30),
            reset_in: 30,
        }),
        ..Faults::default()
    }
}

async fn machine(world: &World, team: TeamId, name: &str) -> Caller {
    let id = Uuid::now_v7();
    world
        .sql(&format!(
            "INSERT INTO machine_clients (id, subject, name, team_id) VALUES ('{id}', '{name}', '{name}', '{team}')"
        ))
        .await;
    Caller::Machine(Arc::new(Machine {
        id: MachineClientId(id),
        name: name.to_owned(),
        team_id: team,
        organization_id: domain::DEFAULT_ORGANIZATION,
    }))
}

/// B18, B28: search by name, person and label; busy, deleted, and how far a list reaches.
#[tokio::test]
async fn b18_lists_are_searched_and_filtered() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (team, other) = (world.team("Mine").await, world.team("Theirs").await);
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let mate = world.member(team, "mate", TeamRole::Member).await;
    let stranger = world.member(other, "stranger", TeamRole::Member).await;
    let [alpha, ..] = [
        online(&world, Some(team), dev, "alpha").await,
        online(&world, Some(team), mate, "beta").await,
        online(&world, Some(other), stranger, "gamma").await,
        online(&world, None, dev, "delta").await,
    ];
    world
        .sql(&format!("UPDATE runners SET busy = true WHERE id = '{alpha}'"))
        .await;
    let gone = online(&world, Some(team), mate, "omega").await;
    delete(&world, mate, gone, None).await.unwrap();
    let all = RunnerQuery::default;
    let search = |text: &str| RunnerQuery {
        search: Some(text.to_owned()),
        ..all()
    };
    assert_eq!(names(&world, root, search("ALPH")).await, ["alpha"]);
    assert_eq!(names(&world, root, search("beta-lab")).await, ["beta"], "by label");
    assert_eq!(names(&world, root, search("stranger@")).await, ["gamma"], "by person");
    assert_eq!(names(&world, root, search("%")).await, [""; 0]);
    assert_eq!(names(&world, dev, search("gamma")).await, [""; 0], "not another team's");
    let busy = |busy| RunnerQuery {
        busy: Some(busy),
        ..all()
    };
    assert_eq!(names(&world, root, busy(true)).await, ["alpha"]);
    assert_eq!(names(&world, root, busy(false)).await, ["beta", "delta", "gamma"]);
    let history = RunnerQuery {
        include_deleted: true,
        ..all()
    };
    assert_eq!(
        names(&world, dev, history.clone()).await,
        ["alpha", "beta", "delta", "omega"]
    );
    let behind = RunnerQuery {
        offset: i64::MAX,
        ..history.clone()
    };
    let page = world.ask(dev, async |ctx| runners::list(ctx, &behind).await).await;
    let page = page.unwrap();
    assert_eq!((page.items.len(), page.total), (0, 4), "behind the end");
    let of = RunnerQuery {
        team_id: Some(team),
        ..history
    };
    assert_eq!(names(&world, dev, of).await, ["alpha", "beta", "omega"]);
    let reach = |reach| RunnerQuery { reach, ..all() };
    assert_eq!(names(&world, dev, reach(Reach::Own)).await, ["alpha", "delta"]);
    assert_eq!(
        names(&world, root, reach(Reach::Teams)).await,
        [""; 0],
        "a super_admin's own"
    );
    let named = |name: &str| RunnerQuery {
        team_name: Some(name.to_owned()),
        ..all()
    };
    assert_eq!(names(&world, root, named("theirs")).await, ["gamma"]);
    assert_eq!(names(&world, root, named("nobody's")).await, [""; 0]);
}

/// B18, B27: a machine client sees its team's runners, deletes its own, and is nobody elsewhere.
#[tokio::test]
async fn b18_a_machine_client_sees_its_teams_runners() {
    let world = World::new().await;
    let (team, other) = (world.team("Mine").await, world.team("Theirs").await);
    let dev = world.member(team, "dev", TeamRole::Admin).await;
    let stranger = world.member(other, "stranger", TeamRole::Member).await;
    let mates = online(&world, Some(team), dev, "mates").await;
    let foreign = online(&world, Some(other), stranger, "foreign").await;
    let robot = machine(&world, team, "robot").await;
    let parsed = JitInput {
        team_id: Some(team),
        runner_name: Some("robots".to_owned()),
        ..JitInput::default()
    };
    let own = runners::provision(&world.backend, robot.clone(), request(), parsed.parse().unwrap())
        .await
        .unwrap()
        .runner_id;
    let list = async |query: RunnerQuery| {
        let mut ctx = Ctx::read(&world.backend, robot.clone(), request()).await.unwrap();
        let page = runners::list(&mut ctx, &query).await?;
        let mut names: Vec<String> = page.items.into_iter().map(|runner| runner.name).collect();
        names.sort();
        Ok::<_, Error>(names)
    };
    assert_eq!(list(RunnerQuery::default()).await.unwrap(), ["mates", "robots"]);
    let own_only = RunnerQuery {
        reach: Reach::Own,
        ..RunnerQuery::default()
    };
    assert_eq!(list(own_only).await.unwrap(), ["robots"]);
    let theirs = RunnerQuery {
        team_id: Some(other),
        ..RunnerQuery::default()
    };
    refused(list(theirs).await, "FORBIDDEN", "Access denied: not a team member");
    let mut ctx = Ctx::read(&world.backend, robot.clone(), request()).await.unwrap();
    let seen = runners::get(&mut ctx, own).await.unwrap();
    assert_eq!(seen.provisioned_by, "robot");
    refused(runners::get(&mut ctx, foreign).await, "NOT_FOUND", "Runner with ID");
    drop(ctx);
    let gone = async |id| runners::delete(&world.backend, robot.clone(), request(), id, None).await;
    refused(gone(mates).await, "NOT_FOUND", "Runner with ID");
    gone(own).await.unwrap();
    assert_eq!(world.github.runner_count(), 2);
}

/// B18: what one sees of the history is walked page by page, each runner once, forwards and backwards, past the hundred
/// that the original stopped at.
#[tokio::test]
async fn b18_history_is_walked_page_by_page() {
    let world = World::new().await;
    let here = world.organization("here").await;
    let (mine, theirs) = (world.team("Mine").await, world.team_in(here, "Theirs").await);
    let dev = world.member(mine, "dev", TeamRole::Member).await;
    let other = world.member(theirs, "other", TeamRole::Member).await;
    let boss = world.user("boss").await;
    world.give(here, boss, OrgRole::OrgAdmin).await;
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by, created_at)
            SELECT gen_random_uuid(), CASE n % 3 WHEN 0 THEN '{mine}'::uuid WHEN 1 THEN '{theirs}'::uuid END, 'old-' || n,
                CASE WHEN n % 10 = 0 THEN 'offline' ELSE 'deleted' END, '{{}}', 1,
                CASE WHEN n % 2 = 0 THEN '{dev}'::uuid ELSE '{other}'::uuid END,
                timestamptz '2026-01-01Z' + (n / 4) * interval '1 s'
            FROM generate_series(1, 330) n"
        ))
        .await;
    for (who, condition) in [
        (dev, format!("provisioned_by = '{dev}' OR team_id = '{mine}'")),
        (boss, format!("team_id = '{theirs}'")),
    ] {
        let expected: Vec<Uuid> = world
            .all(&format!(
                "SELECT id FROM runners WHERE {condition} ORDER BY created_at DESC, id DESC"
            ))
            .await;
        assert!(expected.len() > 100);
        let ask = async |cursor: Option<String>, offset| {
            let query = RunnerQuery {
                include_deleted: true,
                cursor,
                offset,
                limit: 23,
                ..RunnerQuery::default()
            };
            let page = world
                .ask(who, async |ctx| runners::list(ctx, &query).await)
                .await
                .unwrap();
            assert_eq!(usize::try_from(page.total).unwrap(), expected.len());
            page
        };
        let (mut walked, mut cursor, mut last) = (Vec::new(), None, None);
        loop {
            let page = ask(cursor.clone(), 0).await;
            walked.extend(page.items.iter().map(|runner| runner.id.0));
            if page.next.is_none() {
                last = page.previous.or(last);
                break;
            }
            cursor = page.next;
        }
        assert_eq!(walked, expected);
        let mut back = Vec::new();
        let tail = expected.len() - (expected.len() - 1) % 23 - 1;
        while let Some(at) = last {
            let page = ask(Some(at), 0).await;
            back.splice(0..0, page.items.iter().map(|runner| runner.id.0));
            last = page.previous;
        }
        assert_eq!(back, expected[..tail]);
        let skipped: Vec<Uuid> = ask(None, 30).await.items.iter().map(|runner| runner.id.0).collect();
        assert_eq!(skipped, expected[30..53]);
    }
}

/// B19, B35, P: who deletes which runner.
#[tokio::test]
async fn b19_p_who_may_delete_a_runner() {
    let world = World::new().await;
    let here = world.organization("here").await;
    let team = world.team_in(here, "Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let mate = world.member(team, "mate", TeamRole::Member).await;
    let lead = world.member(team, "lead", TeamRole::Admin).await;
    let (boss, auditor) = (world.user("boss").await, world.user("auditor").await);
    world.give(here, boss, OrgRole::OrgAdmin).await;
    world.give(here, auditor, OrgRole::Auditor).await;
    let (root, stranger) = (world.super_admin().await, world.user("stranger").await);
    for (place, (who, may)) in [
        (dev, true),
        (lead, true),
        (boss, true),
        (root, true),
        (mate, false),
        (auditor, false),
        (stranger, false),
    ]
    .into_iter()
    .enumerate()
    {
        let id = online(&world, Some(team), dev, &format!("r-{place}")).await;
        let offered = world.ask(root, async |ctx| runners::get(ctx, id).await).await.unwrap();
        let caller = world.caller(who).await;
        assert_eq!(
            runners::may_delete(&caller, &offered),
            may,
            "{place}: what a page offers"
        );
        let result = delete(&world, who, id, Some("tidy")).await;
        if may {
            assert_eq!(result.unwrap().id, id);
        } else {
            let literal = format!("Runner with ID '{id}' not found or not owned by you");
            refused(result, "NOT_FOUND", &literal);
            assert_eq!(Code::NotFound.status(), 404);
        }
    }
    assert_eq!(world.github.runner_count(), 3);
    let own = online(&world, Some(team), dev, "own").await;
    let leads = online(&world, Some(team), lead, "leads").await;
    world.set_status(team, TeamStatus::Inactive).await;
    delete(&world, dev, own, None)
        .await
        .expect("B35: the own one of an inactive team");
    refused(delete(&world, dev, leads, None).await, "NOT_FOUND", "Runner with ID");
    let entry: (String, String) = sqlx::query_as(
        "SELECT after->>'reason', deletion_reason FROM audit_entries a JOIN runners r ON r.id::text = a.target_id
        WHERE action = 'deprovision' AND name = 'r-0' AND a.team_id = r.team_id AND ip IS NOT NULL",
    )
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(entry, ("tidy".to_owned(), "tidy".to_owned()));
}

/// B19: GitHub first. Whatever it says but yes, the runner stays and counts.
#[tokio::test]
async fn b19_a_runner_stays_until_github_has_removed_it() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let id = online(&world, Some(team), dev, "worker").await;
    let at_github = number(&world, id).await;
    world.github.update_runner(at_github, |runner| runner.busy = true);
    refused(
        delete(&world, dev, id, None).await,
        "RUNNER_BUSY",
        "Runner 'worker' runs a job",
    );
    world.github.update_runner(at_github, |runner| runner.busy = false);
    world.github.set_faults(limited());
    let rate = delete(&world, dev, id, None).await;
    assert!(matches!(&rate, Err(Error::Unavailable(Code::GitHubRateLimit, _, Some(wait))) if wait.as_secs() <= 30));
    refused(rate, "GITHUB_RATE_LIMITED", "GitHub API rate limit exceeded");
    world.github.set_faults(Faults {
        fail_next: 1,
        fail_status: 403,
        ..Faults::default()
    });
    refused(
        delete(&world, dev, id, None).await,
        "GITHUB_ERROR",
        "GitHub API error: Forbidden",
    );
    world.github.set_faults(Faults::default());
    let unset = Backend {
        github: None,
        ..world.backend.clone()
    };
    let nowhere = runners::delete(&unset, world.caller(dev).await, request(), id, None).await;
    refused(nowhere, "NOT_CONFIGURED", "GitHub is not configured");
    let counts: (i32, i64) = (
        world.one("SELECT runner_count FROM teams WHERE NOT is_system").await,
        world
            .one("SELECT count(*) FROM audit_entries WHERE action = 'deprovision_failed' AND NOT success")
            .await,
    );
    assert_eq!(counts, (1, 4), "it still counts, and each attempt is on record");
    // Gone at GitHub already is as good as removed.
    world.github.remove_runner(at_github);
    delete(&world, dev, id, None).await.unwrap();
    let again = delete(&world, dev, id, None).await;
    refused(
        again,
        "RUNNER_ALREADY_DELETED",
        &format!("Runner with ID '{id}' is already deleted"),
    );
    assert_eq!(Code::RunnerDeleted.status(), 400);
    let pending = RunnerId(world.runner(Some(team), dev, "pending").await);
    refused(delete(&world, dev, pending, None).await, "RUNNER_BUSY", "Runner 'r-");
    assert_eq!(
        world
            .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
            .await,
        1
    );
}

/// B19 as a race: however many delete a runner at once, one did, and the others are told so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b19_of_many_deletions_one_is_the_one() {
    let world = Arc::new(World::new().await);
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let id = online(&world, Some(team), dev, "worker").await;
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let world = Arc::clone(&world);
            tokio::spawn(async move { delete(&world, dev, id, None).await })
        })
        .collect();
    let mut good = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => good += 1,
            Err(error) => assert_eq!(error.code(), Code::RunnerDeleted, "{error}"),
        }
    }
    let rows: (i32, i64, i64) = (
        world.one("SELECT runner_count FROM teams WHERE NOT is_system").await,
        world
            .one("SELECT count(*) FROM audit_entries WHERE action = 'deprovision'")
            .await,
        world
            .one("SELECT count(*) FROM runner_history WHERE status = 'deleted'")
            .await,
    );
    assert_eq!((good, rows), (1, (0, 1, 1)));
}

/// B19, B26: many at once: each its own outcome, in order; after the rate limit GitHub is left alone.
#[tokio::test]
async fn b19_many_are_deleted_each_with_its_own_outcome() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let mate = world.member(team, "mate", TeamRole::Member).await;
    let mut ids = Vec::new();
    for place in 0..6 {
        ids.push(online(&world, Some(team), dev, &format!("r-{place}")).await);
    }
    ids[2] = online(&world, Some(team), mate, "mates").await;
    let busy = number(&world, ids[4]).await;
    world.github.update_runner(busy, |runner| runner.busy = true);
    ids.push(ids[0]);
    let many = async |ids: &[RunnerId]| {
        runners::delete_many(&world.backend, world.caller(dev).await, request(), ids, Some("tidy")).await
    };
    let outcomes = many(&ids).await;
    let told: Vec<_> = outcomes
        .iter()
        .map(|(_, outcome)| outcome.as_ref().map_err(Error::code).map(|_| ()))
        .collect();
    let found: Vec<RunnerId> = outcomes.iter().map(|(id, _)| *id).collect();
    assert_eq!(found, ids[..6], "in order, each once");
    assert_eq!(
        told,
        [
            Ok(()),
            Ok(()),
            Err(Code::NotFound),
            Ok(()),
            Err(Code::RunnerBusy),
            Ok(())
        ]
    );
    let mut more = Vec::new();
    for place in 0..40 {
        more.push(online(&world, Some(team), dev, &format!("more-{place}")).await);
    }
    let before = world.github.calls_of(DELETE);
    world.github.set_faults(limited());
    let outcomes = many(&more).await;
    assert!(outcomes.iter().all(|(_, outcome)| {
        outcome
            .as_ref()
            .is_err_and(|error| error.code() == Code::GitHubRateLimit)
    }));
    let asked = world.github.calls_of(DELETE) - before;
    assert!(
        (1..=8).contains(&asked),
        "GitHub was asked {asked} times after its limit"
    );
}

/// B15, B19: refresh writes what GitHub says of the one runner, in our words; gone is deleted; an error marks nothing.
#[tokio::test]
async fn b19_refresh_asks_github_about_one_runner() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let mate = world.member(team, "mate", TeamRole::Member).await;
    let auditor = world.user("auditor").await;
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    let input = JitInput {
        team_id: Some(team),
        ..JitInput::default()
    };
    let id = world.provision(dev, input).await.unwrap().runner_id;
    let at_github = number(&world, id).await;
    let seen = refresh(&world, dev, id).await.unwrap();
    assert_eq!(seen.status, RunnerStatus::Pending, "never connected");
    assert!(seen.last_seen_at.is_some());
    world.github.update_runner(at_github, |runner| {
        "online".clone_into(&mut runner.status);
        runner.busy = true;
    });
    let seen = refresh(&world, mate, id).await.unwrap();
    assert_eq!(
        (seen.status, seen.busy),
        (RunnerStatus::Active, true),
        "B15: online is active"
    );
    let since = seen.state_since;
    assert_eq!(
        refresh(&world, dev, id).await.unwrap().state_since,
        since,
        "nothing changed"
    );
    world.github.update_runner(at_github, |runner| {
        "offline".clone_into(&mut runner.status);
        runner.busy = false;
    });
    let seen = refresh(&world, dev, id).await.unwrap();
    assert_eq!((seen.status, seen.busy), (RunnerStatus::Offline, false));
    assert!(seen.state_since > since);
    refused(refresh(&world, auditor, id).await, "NOT_FOUND", "Runner with ID");
    let stranger = world.user("stranger").await;
    refused(refresh(&world, stranger, id).await, "NOT_FOUND", "Runner with ID");

    world.github.remove_runner(at_github);
    for (fault, code) in [
        (limited(), "GITHUB_RATE_LIMITED"),
        (
            // The organization is hidden: every address answers 404.
            Faults {
                fail_next: 9,
                fail_status: 404,
                ..Faults::default()
            },
            "GITHUB_ERROR",
        ),
        (
            Faults {
                fail_next: 9,
                fail_status: 500,
                ..Faults::default()
            },
            "GITHUB_ERROR",
        ),
    ] {
        world.github.set_faults(fault);
        refused(refresh(&world, dev, id).await, code, "GitHub API");
        let status: String = world
            .one(&format!("SELECT status FROM runners WHERE id = '{id}'"))
            .await;
        assert_eq!(status, "offline", "{code} marks nothing");
    }
    world.github.set_faults(Faults::default());
    let gone = refresh(&world, dev, id).await.unwrap();
    assert_eq!(gone.status, RunnerStatus::Deleted);
    assert_eq!(gone.deletion_reason.as_deref(), Some("not_found_in_github"));
    refused(
        refresh(&world, dev, id).await,
        "RUNNER_ALREADY_DELETED",
        "Runner with ID",
    );
    assert_eq!(
        world
            .one::<i32>("SELECT runner_count FROM teams WHERE NOT is_system")
            .await,
        0
    );
}

/// B25: a refresh that GitHub refuses, or does not answer, leaves an entry with the reason; one that works leaves none.
#[tokio::test]
async fn b25_a_failed_refresh_is_logged() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let id = online(&world, Some(team), dev, "one").await;
    let entries = async || {
        let sql =
            "SELECT concat_ws(' ', actor, target, success::text, team_id, before->>'status', after->>'error_code')
            FROM audit_entries WHERE action = 'update_status_failed' ORDER BY txid, position";
        world.all::<String>(sql).await
    };
    refresh(&world, dev, id).await.unwrap();
    assert_eq!(entries().await, Vec::<String>::new());
    let mut expected = Vec::new();
    let fails = Faults {
        fail_next: 9,
        fail_status: 500,
        ..Faults::default()
    };
    let away = Faults {
        drop_before_next: 9,
        ..Faults::default()
    };
    for (fault, code) in [
        (limited(), "GITHUB_RATE_LIMITED"),
        (fails, "GITHUB_ERROR"),
        (away, "GITHUB_ERROR"),
    ] {
        world.github.set_faults(fault);
        refused(refresh(&world, dev, id).await, code, "GitHub API");
        expected.push(format!("dev@example.com one false {team} active {code}"));
        assert_eq!(entries().await, expected);
    }
    let reason: String = world
        .one("SELECT after->>'error' FROM audit_entries WHERE action = 'update_status_failed' LIMIT 1")
        .await;
    assert!(reason.starts_with("GitHub API"), "{reason}");
    // Who may not ask did not fail to: nobody asked.
    let stranger = world.user("stranger").await;
    refused(refresh(&world, stranger, id).await, "NOT_FOUND", "Runner with ID");
    assert_eq!(entries().await, expected);
}

/// B14: the quota's refusal says who holds it and for how long, to those who may see them.
#[tokio::test]
async fn b14_a_full_quota_says_who_holds_it() {
    let world = World::new().await;
    let here = world.organization("here").await;
    let (team, other) = (world.team_in(here, "Mine").await, world.team_in(here, "Other").await);
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let mate = world.member(team, "mate", TeamRole::Member).await;
    let far = world.member(other, "far", TeamRole::Member).await;
    let busy = online(&world, Some(team), dev, "busy").await;
    let idle = online(&world, Some(team), dev, "idle").await;
    let mates = online(&world, Some(team), mate, "mates").await;
    online(&world, Some(other), far, "far").await;
    world
        .sql(&format!("UPDATE runners SET busy = true WHERE id = '{busy}'"))
        .await;
    // The trigger sets the time of a state with the state: these are changed beside it.
    for (id, minutes) in [(busy, 90), (idle, 10), (mates, 60)] {
        world
            .sql(&format!(
                "UPDATE runners SET state_since = now() - interval '{minutes} minutes' WHERE id = '{id}'"
            ))
            .await;
    }
    world
        .sql(&format!("UPDATE teams SET max_runners = 3 WHERE id = '{team}'"))
        .await;
    let ask = async |who| {
        let input = JitInput {
            team_id: Some(team),
            ..JitInput::default()
        };
        match world.provision(who, input).await {
            Err(Error::Quota(refusal)) => *refusal,
            other => panic!("{other:?}"),
        }
    };
    let refusal = ask(dev).await;
    assert!(
        refusal
            .detail
            .starts_with("Team quota exceeded. Maximum allowed: 3, current: 3")
    );
    let holders = refusal.holders.unwrap();
    let told: Vec<_> = (holders.runners.iter())
        .map(|runner| {
            let age = (holders.at - runner.state_since).num_minutes();
            (
                runner.name.as_str(),
                runner.provisioned_by.as_str(),
                runner.state(),
                age,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("mates", "mate@example.com", RunnerState::Idle, 60),
            ("idle", "dev@example.com", RunnerState::Idle, 10),
            ("busy", "dev@example.com", RunnerState::Busy, 90),
        ]
    );
    assert_eq!(
        (holders.total, holders.removable),
        (3, 1),
        "only the own idle one is dev's to remove"
    );

    // The organization's: another team's runner counts, and is not shown to a member of this one.
    world.sql("UPDATE teams SET max_runners = NULL").await;
    world
        .sql(&format!("UPDATE organizations SET max_runners = 4 WHERE id = '{here}'"))
        .await;
    let refusal = ask(dev).await;
    assert!(
        refusal
            .detail
            .starts_with("Organization quota exceeded. Maximum allowed: 4")
    );
    let holders = refusal.holders.unwrap();
    assert_eq!(holders.scope, QuotaScope::Organization(here));
    assert_eq!((holders.runners.len(), holders.total), (3, 4));
    assert!(holders.runners.iter().all(|runner| runner.name != "far"));
    let now = world
        .ask(dev, async |ctx| runners::quota_holders(ctx, Some(team)).await)
        .await
        .unwrap();
    assert_eq!(now.unwrap().total, 4, "the page reads the same");
    world.sql("UPDATE organizations SET max_runners = NULL").await;
    let now = world
        .ask(dev, async |ctx| runners::quota_holders(ctx, Some(team)).await)
        .await
        .unwrap();
    assert!(now.is_none(), "there is room");

    // The own one, of somebody in no team.
    let loner = world.user("loner").await;
    world
        .sql(&format!(
            "INSERT INTO user_label_policies (user_id, allowed_labels, max_runners) VALUES ('{loner}', '{{*}}', 1)"
        ))
        .await;
    online(&world, None, loner, "alone").await;
    let Err(Error::Quota(refusal)) = world.provision(loner, JitInput::default()).await else {
        panic!()
    };
    let holders = refusal.holders.unwrap();
    assert_eq!(
        (holders.scope, holders.total, holders.removable),
        (QuotaScope::Own, 1, 1)
    );
}

fn cleanup_of(team: TeamId) -> CleanupInput {
    CleanupInput {
        team_id: Some(team),
        ..CleanupInput::default()
    }
}

async fn cleanup(world: &World, who: UserId, input: CleanupInput) -> backend::Result<domain::views::Cleanup> {
    let parsed = input.parse().map_err(Error::Invalid)?;
    runners::cleanup(&world.backend, world.caller(who).await, request(), parsed).await
}

/// B26 and the guide's "Remove idle/offline runners": only what does nothing, only what is theirs to remove, only what was
/// asked for by name.
#[tokio::test]
async fn b19_clean_up_removes_what_does_nothing() {
    let world = World::new().await;
    let (team, other) = (world.team("Mine").await, world.team("Other").await);
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let lead = world.member(team, "lead", TeamRole::Admin).await;
    let far = world.member(other, "far", TeamRole::Member).await;
    let [busy, offline, fresh, devs, far_away] = [
        online(&world, Some(team), dev, "busy").await,
        online(&world, Some(team), dev, "offline").await,
        online(&world, Some(team), dev, "fresh").await,
        online(&world, Some(team), lead, "leads").await,
        online(&world, Some(other), far, "far").await,
    ];
    world
        .sql(&format!("UPDATE runners SET busy = true WHERE id = '{busy}'"))
        .await;
    world
        .sql(&format!("UPDATE runners SET status = 'offline' WHERE id = '{offline}'"))
        .await;
    world
        .sql(&format!(
            "UPDATE runners SET state_since = now() - interval '1 hour' WHERE id IN ('{offline}', '{devs}', '{far_away}')"
        ))
        .await;
    world.runner(Some(team), dev, "pending").await;
    let preview = CleanupInput {
        dry_run: true,
        ..cleanup_of(team)
    };
    let names = |cleanup: &domain::views::Cleanup| {
        let mut names: Vec<String> = cleanup.rows.iter().map(|row| row.runner.name.clone()).collect();
        names.sort();
        names
    };
    let would = cleanup(&world, dev, preview.clone()).await.unwrap();
    assert_eq!(names(&would), ["fresh", "offline"], "the own ones");
    assert_eq!((would.matched, would.removed()), (2, 0));
    assert!(would.rows.iter().all(|row| row.outcome == CleanupOutcome::WouldRemove));
    let older = CleanupInput {
        minutes: 30,
        ..preview.clone()
    };
    assert_eq!(
        names(&cleanup(&world, lead, older).await.unwrap()),
        ["leads", "offline"]
    );
    let offline_only = CleanupInput {
        idle: false,
        ..preview.clone()
    };
    assert_eq!(names(&cleanup(&world, lead, offline_only).await.unwrap()), ["offline"]);
    assert_eq!(world.github.runner_count(), 5, "a dry run removes nothing");
    refused(
        cleanup(&world, dev, cleanup_of(other)).await,
        "FORBIDDEN",
        "Access denied: not a team member",
    );
    refused(
        cleanup(&world, dev, CleanupInput::default()).await,
        "VALIDATION_ERROR",
        "team_id: must be given",
    );

    // One that takes a job between the question and the answer stays.
    let at_github = number(&world, fresh).await;
    world.github.update_runner(at_github, |runner| runner.busy = true);
    let done = cleanup(&world, lead, cleanup_of(team)).await.unwrap();
    assert_eq!((done.matched, done.removed(), done.failed()), (3, 2, 1));
    let failed = done.rows.iter().find(|row| row.runner.id == fresh).unwrap();
    assert!(matches!(&failed.outcome, CleanupOutcome::Failed("RUNNER_BUSY", words) if words.contains("runs a job")));
    let mut left: Vec<String> = world.github.runners().into_iter().map(|runner| runner.name).collect();
    left.sort();
    assert_eq!(left, ["busy", "far", "fresh"]);
    // What somebody has looked at, and no more.
    world.github.update_runner(at_github, |runner| runner.busy = false);
    let seen_before = CleanupInput {
        before: Some(done.rows[0].runner.created_at - chrono::TimeDelta::days(1)),
        all: true,
        ..CleanupInput::default()
    };
    assert_eq!(cleanup(&world, dev, seen_before).await.unwrap().matched, 0);
}

thread_local! {
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

struct CountStatements;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for CountStatements {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.set(STATEMENTS.get() + 1);
        }
    }
}

/// DESIGN §1, B18's flaw: a page costs the same number of queries, however many runners, events and jobs there are.
#[tokio::test]
async fn b18_pages_of_runners_cost_a_fixed_number_of_queries() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(CountStatements));
    let mut counts = Vec::new();
    for more in [2, 200] {
        let id = online(&world, Some(team), dev, &format!("seen-{more}")).await;
        world
            .sql(&format!(
                "INSERT INTO runners (id, team_id, name, status, labels, runner_group_id, provisioned_by)
                SELECT gen_random_uuid(), '{team}', 'x-{more}-' || n, 'active', '{{}}', 1, '{dev}' FROM generate_series(1, {more}) n"
            ))
            .await;
        world
            .sql(&format!(
                "INSERT INTO workflow_jobs (id, run_id, repository, name, runner_id, status)
                SELECT {more} * 1000 + n, 1, 'acme/web', 'build', '{id}', 'completed' FROM generate_series(1, {more}) n"
            ))
            .await;
        let ids: Vec<RunnerId> = world
            .all("SELECT id FROM runners")
            .await
            .into_iter()
            .map(RunnerId)
            .collect();
        let mut ctx = Ctx::read(&world.backend, world.caller(dev).await, request())
            .await
            .unwrap();
        let mut costs = Vec::new();
        let mut before = STATEMENTS.get();
        let mut cost = || {
            let now = STATEMENTS.get();
            costs.push(now - std::mem::replace(&mut before, now));
        };
        for include_deleted in [false, true] {
            let query = RunnerQuery {
                include_deleted,
                limit: 1000,
                ..RunnerQuery::default()
            };
            runners::list(&mut ctx, &query).await.unwrap();
            cost();
        }
        runners::detail(&mut ctx, id).await.unwrap();
        cost();
        assert_eq!(runners::deletable(&mut ctx, &ids).await.unwrap().len(), ids.len());
        cost();
        counts.push(costs);
    }
    assert_eq!(counts[0], counts[1]);
    assert_eq!(counts[0][..2], [2, 2]);
    assert!(counts[0].iter().all(|count| (1..=8).contains(count)), "{counts:?}");
}

/// B28: a runner's page tells its whole life, newest first; what others did is told to those who see the audit log.
#[tokio::test]
async fn b28_a_runners_page_tells_its_life() {
    let world = World::new().await;
    let team = world.team("Mine").await;
    let dev = world.member(team, "dev", TeamRole::Member).await;
    let lead = world.member(team, "lead", TeamRole::Admin).await;
    let input = JitInput {
        team_id: Some(team),
        ..JitInput::default()
    };
    let id = world.provision(dev, input).await.unwrap().runner_id;
    let at_github = number(&world, id).await;
    world
        .github
        .update_runner(at_github, |runner| "online".clone_into(&mut runner.status));
    tokio::time::sleep(Duration::from_millis(2)).await;
    refresh(&world, dev, id).await.unwrap();
    world
        .sql(&format!(
            "INSERT INTO workflow_jobs (id, run_id, repository, name, runner_id, status, started_at, completed_at, conclusion)
            VALUES (1, 1, 'acme/web', 'build', '{id}', 'completed', now(), now() + interval '3 minutes', 'success')"
        ))
        .await;
    world
        .sql(&format!(
            "INSERT INTO security_events (id, at, event_type, severity, runner_id, user_identity, action_taken)
            VALUES (gen_random_uuid(), now(), 'label_drift_detected', 'high', '{id}', 'sync', 'logged_only')"
        ))
        .await;
    delete(&world, lead, id, Some("Wrong labels")).await.unwrap();
    let told = async |who| {
        let detail = world
            .ask(who, async |ctx| runners::detail(ctx, id).await)
            .await
            .unwrap();
        assert!(detail.events.is_sorted_by(|a, b| a.at >= b.at), "newest first");
        assert!(!detail.may_delete && !detail.may_refresh, "it is gone");
        let mut kinds: Vec<String> = (detail.events.into_iter())
            .map(|event| match event.kind {
                RunnerEventKind::State { state, reason } => {
                    format!("state {} {}", state.as_str(), reason.unwrap_or_default())
                }
                RunnerEventKind::Action { action, actor, .. } => format!("{action} {actor}"),
                RunnerEventKind::Security { event_type, .. } => event_type,
                RunnerEventKind::Job {
                    repository, seconds, ..
                } => format!("{repository} {seconds:?}"),
            })
            .collect();
        kinds.sort();
        kinds
    };
    assert_eq!(
        told(lead).await,
        [
            "acme/web Some(180)",
            "deprovision lead@example.com",
            "label_drift_detected",
            "provision_jit dev@example.com",
            "state deleted Wrong labels",
            "state idle ",
            "state pending ",
        ]
    );
    let own = told(dev).await;
    assert!(own.contains(&"provision_jit dev@example.com".to_owned()));
    assert!(
        !own.iter().any(|kind| kind.contains("lead@") || kind.contains("drift")),
        "{own:?}"
    );
    let system = Caller::System("test".into(), Method::System);
    let mut ctx = Ctx::read(&world.backend, system, request()).await.unwrap();
    assert_eq!(runners::detail(&mut ctx, id).await.unwrap().events.len(), 7);
}

#[tokio::test]
async fn x12_a_runner_whose_owner_left_the_team_is_told_apart() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let gone = world.member(team, "gone", TeamRole::Member).await;
    world.runner(Some(team), boss, "active").await;
    let left = world.runner(Some(team), gone, "active").await;
    world.runner(Some(team), gone, "deleted").await;
    // In no team there is none to leave.
    world.runner(None, gone, "active").await;
    let root = world.super_admin().await;
    let alone = async || {
        let query = RunnerQuery {
            include_deleted: true,
            ..RunnerQuery::default()
        };
        let list = world
            .ask(root, async |ctx| runners::list(ctx, &query).await)
            .await
            .unwrap();
        let alone = list.items.into_iter().filter(|runner| runner.owner_left);
        alone.map(|runner| runner.id.0).collect::<Vec<_>>()
    };
    assert_eq!(alone().await, Vec::<Uuid>::new());
    let user = domain::UserRef::Id(gone);
    let effects = world
        .act(boss, async |ctx| backend::members::remove(ctx, team, &user).await)
        .await
        .unwrap();
    assert_eq!(effects.runners, 1);
    assert_eq!(alone().await, [left]);
}
