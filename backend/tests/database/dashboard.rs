//! B28, B29: the numbers of the dashboard, for each kind of caller.

use std::{cell::Cell, sync::Arc};

use backend::{Caller, Ctx, dashboard, home, runners, search};
use domain::{MachineClientId, OrgRole, Severity, TeamId, TeamRole, UserId, views::DashboardStats};
use tracing_subscriber::layer::SubscriberExt as _;
use uuid::Uuid;

use crate::common::{World, refused, request};

async fn stats(world: &World, who: UserId) -> DashboardStats {
    world
        .ask(who, async |ctx| dashboard::stats(ctx).await)
        .await
        .unwrap_or_else(|error| panic!("{error}"))
}

async fn entry(world: &World, actor: UserId, team: Option<TeamId>, minutes_ago: i32, target: &str) {
    let (team, organization) = match team {
        Some(team) => (
            format!("'{team}'"),
            format!("(SELECT organization_id FROM teams WHERE id = '{team}')"),
        ),
        None => ("NULL".to_owned(), "NULL".to_owned()),
    };
    world
        .sql(&format!(
            "INSERT INTO audit_entries (id, at, actor_id, actor, method, action, organization_id, team_id, target_kind, target_id, target)
            VALUES (gen_random_uuid(), now() - interval '{minutes_ago} minutes', '{actor}', 'someone', 'session', 'team.update',
                {organization}, {team}, 'team', 'x', '{target}')"
        ))
        .await;
}

/// B29 [F]: totals are counts of what the caller may see, not lengths of a page, and the words of the status add up.
#[tokio::test]
async fn b29_totals_count_all_that_the_caller_may_see() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let (own, other) = (world.team_in(acme, "Own").await, world.team("Elsewhere").await);
    let ada = world.member(own, "ada", TeamRole::Member).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    let audrey = world.user("audrey").await;
    world.give(acme, audrey, OrgRole::Auditor).await;
    let nora = world.user("nora").await;
    // More than any page: what counts a page's rows is found out.
    world
        .sql(&format!(
            "INSERT INTO runners (id, team_id, name, status, busy, labels, runner_group_id, provisioned_by)
            SELECT gen_random_uuid(), CASE WHEN n % 3 = 0 THEN '{other}'::uuid ELSE '{own}'::uuid END, 'r-' || n,
                (ARRAY['pending', 'active', 'offline', 'deleted'])[1 + n % 4], n % 8 = 1, '{{}}', 1, '{root}'
            FROM generate_series(1, 2400) n"
        ))
        .await;
    world.runner(None, ada, "active").await;
    let all = stats(&world, root).await.runners;
    assert_eq!((all.pending, all.active, all.offline, all.busy), (600, 601, 600, 300));
    assert_eq!(all.total, 1801, "deleted ones aside");
    let mine = stats(&world, ada).await.runners;
    assert_eq!(
        (mine.total, mine.pending, mine.active, mine.offline),
        (1201, 400, 401, 400)
    );
    for who in [olga, audrey] {
        assert_eq!(stats(&world, who).await.runners.total, 1200, "the organization's");
    }
    assert_eq!(stats(&world, nora).await.runners.total, 0);
    // The list of runners has the same scope and the same total.
    for who in [root, ada, olga, nora] {
        let list = world
            .ask(who, async |ctx| {
                runners::list(ctx, &runners::RunnerQuery::default()).await
            })
            .await
            .unwrap();
        assert_eq!(list.total, stats(&world, who).await.runners.total);
    }
    // What a team's members do not see while it is inactive is not counted either.
    world.set_status(own, domain::TeamStatus::Inactive).await;
    assert_eq!(stats(&world, ada).await.runners.total, 1, "the own one");
}

/// B29, P: recent events are the ten latest of those that the caller may see.
#[tokio::test]
async fn b29_recent_events_are_those_that_the_caller_may_see() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let (own, other) = (world.team_in(acme, "Own").await, world.team("Elsewhere").await);
    let tess = world.member(own, "tess", TeamRole::Admin).await;
    let max = world.member(own, "max", TeamRole::Member).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    for n in 1..=12 {
        entry(&world, root, Some(other), 100 + n, &format!("other {n}")).await;
    }
    entry(&world, tess, Some(own), 3, "own by tess").await;
    entry(&world, max, None, 2, "by max").await;
    entry(&world, max, Some(own), 1, "own by max").await;
    let seen = async |who| -> Vec<String> {
        let events = stats(&world, who).await.recent;
        events.into_iter().map(|event| event.target).collect()
    };
    let all = seen(root).await;
    assert_eq!(all.len(), 10);
    assert_eq!(all[..4], ["own by max", "by max", "own by tess", "other 1"]);
    assert_eq!(seen(tess).await, ["own by max", "own by tess"], "the team's, once each");
    assert_eq!(seen(max).await, ["own by max", "by max"], "own actions only");
    assert_eq!(seen(olga).await, ["own by max", "own by tess"], "the organization's");
    let event = stats(&world, tess).await.recent.remove(0);
    assert_eq!(event.team, Some((own, "Own".to_owned())));
}

/// B27, B29: a program counts its team's runners, and is never an admin.
#[tokio::test]
async fn b29_a_machine_client_counts_its_team_only() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (own, other) = (world.team("Own").await, world.team("Elsewhere").await);
    for team in [own, own, other] {
        world.runner(Some(team), root, "active").await;
    }
    let machine = backend::machines::Machine {
        id: MachineClientId(Uuid::now_v7()),
        name: "ci".to_owned(),
        team_id: own,
        organization_id: domain::DEFAULT_ORGANIZATION,
    };
    let mut ctx = Ctx::read(&world.backend, Caller::Machine(Arc::new(machine)), request())
        .await
        .unwrap();
    assert_eq!(dashboard::stats(&mut ctx).await.unwrap().runners.total, 2);
    refused(
        dashboard::admin_stats(&mut ctx).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
}

/// B29: the statistics for admins are of what they administer, and true.
#[tokio::test]
async fn b29_admin_stats_are_of_what_the_admin_administers() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let small = world.team_in(acme, "Small").await;
    let large = world.team_in(acme, "Large").await;
    let unlimited = world.team_in(acme, "Unlimited").await;
    let other = world.team("Elsewhere").await;
    world
        .sql(&format!("UPDATE teams SET max_runners = 2 WHERE id = '{small}'"))
        .await;
    world
        .sql(&format!("UPDATE teams SET max_runners = 100 WHERE id = '{large}'"))
        .await;
    let archived = world.team_in(acme, "Gone").await;
    world.set_status(archived, domain::TeamStatus::Archived).await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    // She is a member of a team elsewhere, too: that is not what she administers.
    world.join(other, olga, TeamRole::Admin).await;
    let gone = world.user("gone").await;
    world.give(acme, gone, OrgRole::OrgMember).await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    for (team, count) in [(small, 2), (large, 3), (unlimited, 50), (other, 1)] {
        for _ in 0..count {
            world.runner(Some(team), root, "active").await;
        }
    }
    for (team, severity, days) in [
        (small, "high", 0),
        (small, "low", 6),
        (large, "low", 8),
        (other, "critical", 1),
    ] {
        world
            .sql(&format!(
                "INSERT INTO security_events (id, at, event_type, severity, organization_id, team_id, user_identity)
                SELECT gen_random_uuid(), now() - interval '{days} days', 'x', '{severity}', organization_id, id, 'x' FROM teams WHERE id = '{team}'"
            ))
            .await;
    }
    let of = async |who| {
        world
            .ask(who, async |ctx| dashboard::admin_stats(ctx).await)
            .await
            .unwrap()
    };
    let own = of(olga).await;
    assert_eq!(own.scope, Some(vec![acme]));
    assert_eq!((own.organizations, own.teams, own.users), (1, [3, 0, 1], [1, 1]));
    assert_eq!((own.runners.total, own.runners.active), (55, 55));
    let usage: Vec<_> = own
        .usage
        .teams
        .iter()
        .map(|team| (team.name.as_str(), team.used, team.max))
        .collect();
    assert_eq!(
        usage,
        [("Small", 2, Some(2)), ("Large", 3, Some(100)), ("Unlimited", 50, None)],
        "the fullest first, not the one with most runners"
    );
    assert_eq!(own.usage.total, 3);
    assert_eq!(
        own.security,
        [
            (Severity::Critical, 0),
            (Severity::High, 1),
            (Severity::Medium, 0),
            (Severity::Low, 1)
        ],
        "of seven days"
    );
    let all = of(root).await;
    assert_eq!((all.scope, all.runners.total, all.organizations), (None, 56, 2));
    assert_eq!(all.security[0], (Severity::Critical, 1));
    let tess = world.member(small, "tess", TeamRole::Admin).await;
    refused(
        world.ask(tess, async |ctx| dashboard::admin_stats(ctx).await).await,
        "FORBIDDEN",
        "Admin privileges required",
    );
}

/// B28: each of the last 30 days (UTC) has what was provisioned and what failed on it; none is left out or counted twice.
#[tokio::test]
async fn b28_provisioning_is_counted_by_utc_day() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let team = world.team("Own").await;
    let max = world.member(team, "max", TeamRole::Member).await;
    let runner = async |at: &str, reason: &str| {
        let id = world.runner(Some(team), root, "deleted").await;
        world
            .sql(&format!(
                "UPDATE runners SET created_at = {at}, deletion_reason = {reason} WHERE id = '{id}'"
            ))
            .await;
    };
    let today = "date_trunc('day', now(), 'UTC')";
    runner(today, "NULL").await;
    runner(&format!("{today} - interval '1 microsecond'"), "'not_found_in_github'").await;
    runner(&format!("{today} - interval '29 days'"), "NULL").await;
    runner(&format!("{today} - interval '29 days 1 microsecond'"), "NULL").await;
    // It never came to be: its audit entry is what counts.
    runner(&format!("{today} - interval '1 day'"), "'provisioning_failed'").await;
    world
        .sql(&format!(
            "INSERT INTO audit_entries (id, at, actor_id, actor, method, action, team_id, target_kind, target_id, target, success)
            VALUES (gen_random_uuid(), {today} - interval '1 day', '{root}', 'x', 'jwt', 'provision_jit_failed', '{team}', 'runner', 'x', 'x', false)"
        ))
        .await;
    for who in [root, max] {
        let days = world
            .ask(who, async |ctx| dashboard::load(ctx).await)
            .await
            .unwrap()
            .provisioning;
        assert_eq!(days.len(), 30);
        assert!(days.windows(2).all(|pair| pair[0].day.succ_opt() == Some(pair[1].day)));
        let counts: Vec<_> = days.iter().map(|day| (day.created, day.failed)).collect();
        assert_eq!((counts[0], counts[28], counts[29]), ((1, 0), (1, 1), (1, 0)));
        assert_eq!(counts.iter().map(|(created, _)| created).sum::<i64>(), 3);
    }
    let stranger = world.user("stranger").await;
    let days = world
        .ask(stranger, async |ctx| dashboard::load(ctx).await)
        .await
        .unwrap();
    assert!(days.provisioning.iter().all(|day| day.created == 0 && day.failed == 0));
    assert!(days.teams.teams.is_empty() && days.teams.total == 0);
}

/// B28: of more than twelve teams the fullest twelve are shown, and how many there are is said.
#[tokio::test]
async fn b28_the_fullest_twelve_of_many_teams() {
    let world = World::new().await;
    let root = world.super_admin().await;
    world
        .sql(&format!(
            "INSERT INTO teams (id, organization_id, name, slug, max_runners, runner_count)
            SELECT gen_random_uuid(), '{}', 'Team ' || n, 't-' || n, 100, n FROM generate_series(1, 40) n",
            domain::DEFAULT_ORGANIZATION
        ))
        .await;
    let uses = world
        .ask(root, async |ctx| dashboard::load(ctx).await)
        .await
        .unwrap()
        .teams;
    let used: Vec<_> = uses.teams.iter().map(|team| team.used).collect();
    assert_eq!(used, (29..=40).rev().collect::<Vec<_>>());
    assert_eq!(uses.total, 40);
}

thread_local! {
    /// What sqlx sent on this thread.
    static STATEMENTS: Cell<usize> = const { Cell::new(0) };
}

struct Count;

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Count {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            STATEMENTS.set(STATEMENTS.get() + 1);
        }
    }
}

/// DESIGN §1: the pages cost the same number of queries at 2 and at 200 teams.
#[tokio::test]
async fn b29_statistics_and_cost_take_a_fixed_number_of_queries() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let acme = world.organization("acme").await;
    let olga = world.user("olga").await;
    world.give(acme, olga, OrgRole::OrgAdmin).await;
    let subscriber = tracing_subscriber::registry().with(Count);
    let _guard = tracing::subscriber::set_default(subscriber);
    let mut counts = Vec::new();
    for more in [2, 198] {
        world
            .sql(&format!(
                "WITH made AS (INSERT INTO teams (id, organization_id, name, slug)
                    SELECT gen_random_uuid(), '{acme}', 'Team ' || n || ' of {more}', 't-' || n || '-{more}' FROM generate_series(1, {more}) n RETURNING id),
                manned AS (INSERT INTO team_members (team_id, user_id, role) SELECT id, '{olga}', 'admin' FROM made)
                INSERT INTO workflow_jobs (id, run_id, repository, name, team_id, status, started_at, completed_at)
                SELECT {more} * 1000 + row_number() OVER (), 1, 'a/b', 'x', id, 'completed', now() - interval '2 minutes', now() FROM made"
            ))
            .await;
        let mut costs = Vec::new();
        for who in [root, olga] {
            let caller = world.caller(who).await;
            let mut ctx = Ctx::read(&world.backend, caller, request()).await.unwrap();
            let mut before = STATEMENTS.get();
            let mut cost = || {
                let now = STATEMENTS.get();
                costs.push(now - std::mem::replace(&mut before, now));
            };
            dashboard::stats(&mut ctx).await.unwrap();
            cost();
            dashboard::load(&mut ctx).await.unwrap();
            cost();
            home::load(&mut ctx).await.unwrap();
            cost();
            search::find(&mut ctx, "team").await.unwrap();
            cost();
            dashboard::admin_stats(&mut ctx).await.unwrap();
            cost();
            backend::cost::overview(&mut ctx, &backend::cost::CostQuery::default())
                .await
                .unwrap();
            cost();
        }
        counts.push(costs);
    }
    let each = [2, 6, 7, 1, 5, 3, 2, 6, 6, 1, 5, 3];
    assert_eq!(counts, [each, each]);
}
