//! The sync with GitHub: who does it, who may see it and ask for it (B21, X18).

use std::time::Duration;

use backend::{
    Ctx, Method, Settings,
    sync::{self, Passes},
};
use domain::{
    OrgRole, UserId,
    views::{SyncRun, SyncState},
};
use simulators::github::Faults;

use crate::{
    common::{World, refused, within},
    sync::{LIST, ops, pass},
};

/// Two at once: one does it, the other one leaves it.
#[tokio::test]
async fn b21_two_never_sync_at_once() {
    let world = World::new().await;
    world.github.set_faults(Faults {
        slow_page_ms: 200,
        ..Faults::default()
    });
    let (one, other) = tokio::join!(sync::run(&world.backend), sync::run(&world.backend));
    let runs = [one.unwrap(), other.unwrap()];
    assert_eq!(runs.iter().flatten().count(), 1);
    assert_eq!(world.github.calls_of(LIST), 1);
    assert_eq!(world.one::<i64>("SELECT count(*) FROM sync_runs").await, 1);
}

/// Who has lost the lead in the middle of a pass writes nothing more.
#[tokio::test]
async fn b21_a_leader_that_was_replaced_writes_nothing() {
    let world = World::new().await;
    let (team, dev) = ops(&world).await;
    world.runner(Some(team), dev, "active").await;
    world
        .sql("UPDATE runners SET created_at = now() - interval '2 h', updated_at = now() - interval '2 h'")
        .await;
    world.github.set_faults(Faults {
        slow_page_ms: 500,
        ..Faults::default()
    });
    let backend = world.backend.clone();
    let passing = tokio::spawn(async move { sync::run(&backend).await });
    within(Duration::from_secs(10), async || world.github.calls_of(LIST) == 1).await;
    world.sql("UPDATE sync_worker SET leader = gen_random_uuid()").await;
    assert_eq!(passing.await.unwrap().unwrap(), None);
    let state: String = world.one("SELECT status FROM runners").await;
    assert_eq!(state, "active", "missing at GitHub, and not deleted");
    // Its pass is closed by whoever comes next.
    world
        .sql("UPDATE sync_worker SET leader = NULL, lease_until = NULL")
        .await;
    pass(&world).await;
    let ends: Vec<String> = world
        .all("SELECT coalesce(error, 'done') FROM sync_runs ORDER BY started_at")
        .await;
    assert_eq!(ends, ["The process ended before the pass did", "done"]);
    assert_eq!(world.one::<String>("SELECT status FROM runners").await, "deleted");
}

/// X18: without a session's lock the lead is a lease, and goes to another when it has run out.
#[tokio::test]
async fn x18_without_a_direct_connection_a_lease_decides() {
    let world = World::new().await;
    let interval = Duration::from_secs(1);
    let first = tokio::spawn(sync::lead(world.backend.clone(), None, interval));
    within(Duration::from_secs(10), async || {
        world.one::<i64>("SELECT count(*) FROM sync_runs").await > 0
    })
    .await;
    let leader = "SELECT leader::text FROM sync_worker";
    let one: String = world.one(leader).await;
    let second = tokio::spawn(sync::lead(world.backend.clone(), None, interval));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.one::<String>(leader).await, one, "the lease holds");
    first.abort();
    // Instead of waiting for the rest of it.
    world
        .sql("UPDATE sync_worker SET lease_until = now() - interval '1 s'")
        .await;
    within(Duration::from_secs(10), async || {
        world.one::<String>(leader).await != one
    })
    .await;
    second.abort();
}

/// With the lock: while its session lives nobody else leads; when it ends, another does at once.
#[tokio::test]
async fn b21_the_lock_goes_with_its_session() {
    let world = World::new().await;
    let direct = (*world.pool.connect_options()).clone();
    let interval = Duration::from_mins(10);
    let leader = "SELECT coalesce(leader::text, '') FROM sync_worker";
    let leading = tokio::spawn(sync::lead(world.backend.clone(), Some(direct.clone()), interval));
    within(Duration::from_secs(10), async || {
        world.one::<i64>("SELECT count(*) FROM sync_runs").await == 1
    })
    .await;
    let one: String = world.one(leader).await;
    let waiting = tokio::spawn(sync::lead(world.backend.clone(), Some(direct), interval));
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(world.one::<String>(leader).await, one);
    leading.abort();
    let took = within(Duration::from_secs(10), async || {
        world.one::<String>(leader).await != one
    })
    .await;
    assert!(took < sync::LEASE, "{took:?}");
    // The next pass is due in ten minutes; "Sync now" does not wait for it.
    let root = world.super_admin().await;
    let status = world.act(root, async |ctx| sync::request(ctx).await).await.unwrap();
    assert_eq!(
        (status.state, status.requested_by.as_deref()),
        (SyncState::Running, Some("root@example.com"))
    );
    within(Duration::from_secs(10), async || {
        world
            .one::<i64>(
                "SELECT count(*) FROM sync_runs WHERE requested_by = 'root@example.com' AND ended_at IS NOT NULL",
            )
            .await
            == 1
    })
    .await;
    waiting.abort();
}

/// While GitHub allows no calls nobody calls, also when asked to and also after an election.
#[tokio::test]
async fn b20_a_rate_limit_is_waited_for() {
    let world = World::new().await;
    world.sql("UPDATE sync_worker SET rate_limited_until = clock_timestamp() + interval '3 s', next_run = now(), requested_at = now()").await;
    let leading = tokio::spawn(sync::lead(world.backend.clone(), None, Duration::from_secs(1)));
    let waited = within(Duration::from_secs(20), async || world.github.calls_of(LIST) > 0).await;
    assert!(waited > Duration::from_secs(2), "{waited:?}");
    leading.abort();
}

/// B21: super_admins and auditors of the installation see it, super_admins ask for it.
#[tokio::test]
async fn b21_who_may_see_and_who_may_run() {
    let world = World::new().await;
    let (root, auditor) = (world.super_admin().await, world.user("audrey").await);
    world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{auditor}'"))
        .await;
    let olga = world.user("olga").await;
    let acme = world.organization("acme").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    let org_auditor = world.user("otto").await;
    world
        .give(domain::DEFAULT_ORGANIZATION, org_auditor, OrgRole::Auditor)
        .await;
    for user in [olga, org_auditor, world.user("nobody").await] {
        refused(
            world.ask(user, async |ctx| sync::status(ctx).await).await,
            "FORBIDDEN",
            "Admin privileges required",
        );
        refused(
            world
                .ask(user, async |ctx| sync::list(ctx, Passes::All, None, 10).await)
                .await,
            "FORBIDDEN",
            "Admin privileges required",
        );
        refused(
            world.ask(user, async |ctx| sync::findings(ctx, 10).await).await,
            "FORBIDDEN",
            "Admin privileges required",
        );
        refused(
            world.ask(user, async |ctx| sync::request(ctx).await).await,
            "FORBIDDEN",
            "Insufficient permissions",
        );
    }
    refused(
        world.ask(auditor, async |ctx| sync::request(ctx).await).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    for user in [root, auditor] {
        let status = world.ask(user, async |ctx| sync::status(ctx).await).await.unwrap();
        assert_eq!(
            (status.state, status.interval_seconds, status.run_count),
            (SyncState::Waiting, 120, 0)
        );
    }
    let entry = "SELECT count(*) FROM audit_entries WHERE action = 'sync.request' AND actor = 'root@example.com'";
    world.act(root, async |ctx| sync::request(ctx).await).await.unwrap();
    assert_eq!(world.one::<i64>(entry).await, 1);

    pass(&world).await;
    pass(&world).await;
    let status = world.ask(root, async |ctx| sync::status(ctx).await).await.unwrap();
    assert_eq!(status.runs.len(), 2);
    assert_eq!(
        (
            status.runs[1].requested_by.as_deref(),
            status.runs[0].requested_by.as_deref()
        ),
        (Some("root@example.com"), None)
    );
    world
        .sql("UPDATE sync_worker SET heartbeat_at = now() - interval '16 s'")
        .await;
    let status = world.ask(root, async |ctx| sync::status(ctx).await).await.unwrap();
    assert_eq!((status.state, status.next_run), (SyncState::Stale, None));
}

/// A whole list, page by page, each of which says that there are `total`; and the cursor back from the last page.
async fn listed(world: &World, user: UserId, which: Passes, limit: i64, total: i64) -> (Vec<SyncRun>, Option<String>) {
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = world
            .ask(user, async |ctx| sync::list(ctx, which, cursor.as_deref(), limit).await)
            .await
            .unwrap();
        assert_eq!(page.total, total);
        found.extend(page.items);
        cursor = page.next;
        if cursor.is_none() {
            return (found, page.previous);
        }
    }
}

/// Passes are kept for 30 days, and listed from where the last page ended.
#[tokio::test]
async fn b21_passes_are_listed_and_pruned() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql("INSERT INTO sync_runs (id, started_at, ended_at, worker) SELECT gen_random_uuid(), now() - make_interval(days => n), now(), 'w' FROM generate_series(1, 40) n")
        .await;
    pass(&world).await;
    // 29 days and the last pass.
    let (found, _) = listed(&world, root, Passes::All, 7, 30).await;
    assert_eq!(found.len(), 30);
    assert!(found.is_sorted_by(|left, right| left.started_at > right.started_at));
}

/// A pass every minute does not bury those that did something.
#[tokio::test]
async fn b21_passes_that_did_something_are_listed_alone() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for (name, columns, values) in [
        ("updated", "ended_at, updated", "now(), 1"),
        ("deleted", "ended_at, deleted", "now(), 1"),
        ("errors", "ended_at, errors", "now(), 1"),
        ("failed", "ended_at, error", "now(), 'GitHub did not answer'"),
        ("quiet", "ended_at, unchanged, total, label_drifts", "now(), 4, 4, 1"),
        ("asked", "ended_at, requested_by", "now(), 'ada@example.com'"),
        ("open", "total", "0"),
    ] {
        world
            .sql(&format!(
                "INSERT INTO sync_runs (id, started_at, worker, {columns}) VALUES (gen_random_uuid(), clock_timestamp(), '{name}', {values})"
            ))
            .await;
    }
    let (found, back) = listed(&world, root, Passes::Notable, 4, 6).await;
    let found: Vec<_> = found.iter().map(|run| run.worker.as_str()).collect();
    assert_eq!(found, ["open", "asked", "failed", "errors", "deleted", "updated"]);
    let first = world
        .ask(root, async |ctx| {
            sync::list(ctx, Passes::Notable, back.as_deref(), 4).await
        })
        .await
        .unwrap();
    let first: Vec<_> = first.items.iter().map(|run| run.worker.as_str()).collect();
    assert_eq!(first, ["open", "asked", "failed", "errors"]);
}

/// Off, and not configured: the status says so, and asking is refused with what to do.
#[tokio::test]
async fn b21_off_and_not_configured_are_told_apart() {
    let world = World::with(Settings {
        sync_interval: None,
        ..Settings::default()
    })
    .await;
    let root = world.super_admin().await;
    let status = world.ask(root, async |ctx| sync::status(ctx).await).await.unwrap();
    assert_eq!((status.state, status.interval_seconds), (SyncState::Off, 0));
    let asked = world.ask(root, async |ctx| sync::request(ctx).await).await;
    refused(
        asked,
        "WRONG_STATE",
        "The sync with GitHub is off. Set GUILDHALL_RUNNER_SYNC_SECONDS",
    );
    let mut backend = world.backend.clone();
    backend.github = None;
    let mut ctx = Ctx::system(&backend, "test", Method::System).await.unwrap();
    assert_eq!(sync::status(&mut ctx).await.unwrap().state, SyncState::NotConfigured);
    refused(
        sync::request(&mut ctx).await,
        "NOT_CONFIGURED",
        "GitHub is not configured",
    );
    refused(sync::run(&backend).await, "NOT_CONFIGURED", "GitHub is not configured");
}
