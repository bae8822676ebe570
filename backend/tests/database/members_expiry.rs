//! Memberships and roles that end by themselves, and what the guard of the last admin makes of ends: D4, D5, D12.

use std::time::Duration;

use backend::{
    Result,
    members::{self, BulkInput, MemberQuery, OnInvalid, OnUnknown},
    projects, runners, teams,
};
use chrono::{DateTime, TimeDelta, Utc};
use domain::{TeamId, TeamRole, TermsPatch, UserId, UserRef, views::Member};

use crate::common::{World, refused, within};

const LAST: &str = "Cannot remove last team admin";

fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(1)
}

fn patch(
    role: Option<TeamRole>,
    expires: Option<Option<DateTime<Utc>>>,
    until: Option<Option<DateTime<Utc>>>,
) -> TermsPatch {
    TermsPatch {
        role,
        expires_at: expires,
        admin_until: until,
    }
}

async fn update(world: &World, by: UserId, team: TeamId, who: UserId, patch: TermsPatch) -> Result<Member> {
    world
        .act(by, async |ctx| {
            members::update(ctx, team, &UserRef::Id(who), patch).await
        })
        .await
}

async fn add(world: &World, by: UserId, team: TeamId, who: UserId, patch: TermsPatch) -> Result<Member> {
    world
        .act(by, async |ctx| {
            members::add_until(ctx, team, &UserRef::Id(who), patch).await
        })
        .await
}

/// Lets what a member has end a second ago, without the job.
async fn let_end(world: &World, who: UserId, column: &str) {
    let changed = world
        .sql(&format!(
            "UPDATE team_members SET {column} = now() - interval '1 second' WHERE user_id = '{who}'"
        ))
        .await;
    assert_eq!(changed, 1);
}

/// What has ended gives nothing at once, in every place that asks for rights, before the job has come by.
#[tokio::test]
async fn an_ended_membership_gives_nothing_from_that_second_on() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.member(team, "ada", TeamRole::Admin).await;
    let project = world.project(team, "one").await;
    world.assign(project, ada).await;
    let_end(&world, ada, "expires_at").await;

    let denied = "Access denied: not a team member";
    refused(
        world.ask(ada, async |ctx| teams::get(ctx, team).await).await,
        "FORBIDDEN",
        denied,
    );
    refused(
        world.ask(ada, async |ctx| projects::list(ctx, team).await).await,
        "FORBIDDEN",
        denied,
    );
    let list = world
        .ask(ada, async |ctx| members::list(ctx, team, &MemberQuery::default()).await)
        .await;
    refused(list, "FORBIDDEN", denied);
    refused(
        add(&world, ada, team, boss, TermsPatch::default()).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    let leave = world
        .act(ada, async |ctx| members::remove(ctx, team, &UserRef::Id(ada)).await)
        .await;
    refused(leave, "FORBIDDEN", "Admin privileges required for team management");
    let jit = runners::JitInput {
        team_id: Some(team),
        ..runners::JitInput::default()
    };
    refused(
        world.provision(ada, jit).await,
        "NOT_TEAM_MEMBER",
        "User not a member of team",
    );
    assert!(
        world
            .ask(ada, async |ctx| teams::mine(ctx).await)
            .await
            .unwrap()
            .is_empty()
    );
    refused(
        world
            .ask(ada, async |ctx| teams::list(ctx, &teams::TeamQuery::default()).await)
            .await,
        "FORBIDDEN",
        "Admin privileges required",
    );

    // To the others the person is gone as well.
    let (_, page) = world
        .ask(boss, async |ctx| {
            members::list(ctx, team, &MemberQuery::default()).await
        })
        .await
        .unwrap();
    assert_eq!((page.items.len(), page.total), (1, 1));
    refused(
        update(&world, boss, team, ada, patch(Some(TeamRole::Member), None, None)).await,
        "NOT_FOUND",
        "User is not a member of this team",
    );
    let counts = world
        .ask(boss, async |ctx| members::counts(ctx, team).await)
        .await
        .unwrap();
    assert_eq!((counts.members, counts.admins), (1, 1));
}

/// An admin whose role has ended is a member, at once.
#[tokio::test]
async fn an_ended_role_leaves_a_member() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.member(team, "ada", TeamRole::Admin).await;
    let until = update(&world, boss, team, ada, patch(None, None, Some(Some(soon()))))
        .await
        .unwrap();
    assert!(until.admin_until.is_some());
    let_end(&world, ada, "admin_until").await;
    let other = world.user("other").await;
    refused(
        add(&world, ada, team, other, TermsPatch::default()).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let mine = world.ask(ada, async |ctx| teams::mine(ctx).await).await.unwrap();
    assert_eq!(mine[0].role, TeamRole::Member);
    let (_, admins) = world
        .ask(boss, async |ctx| {
            let query = MemberQuery {
                role: Some(TeamRole::Admin),
                ..MemberQuery::default()
            };
            members::list(ctx, team, &query).await
        })
        .await
        .unwrap();
    assert_eq!((admins.items.len(), admins.total), (1, 1));
    refused(
        world
            .act(boss, async |ctx| {
                members::remove(ctx, team, &UserRef::Id(boss)).await.map(drop)
            })
            .await,
        "LAST_TEAM_ADMIN",
        LAST,
    );
}

/// D4, X12: the job ends each once, with all that goes with it, audited as nobody's doing; however many processes do it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_the_job_ends_each_exactly_once() {
    let world = World::new().await;
    let mut people = Vec::new();
    for index in 0..6 {
        let team = world.team(&format!("Team {index}")).await;
        world.member(team, &format!("boss{index}"), TeamRole::Admin).await;
        let project = world.project(team, "one").await;
        for n in 0..4 {
            let person = world.member(team, &format!("p{index}{n}"), TeamRole::Member).await;
            world.assign(project, person).await;
            world
                .sql(&format!(
                    "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash)
                    VALUES (gen_random_uuid(), '{team}', '{project}', '{person}', 'k{n}', 'sk-x', sha256('{person}'))"
                ))
                .await;
            let_end(&world, person, "expires_at").await;
            people.push((team, person));
        }
        let until = world.member(team, &format!("until{index}"), TeamRole::Admin).await;
        let_end(&world, until, "admin_until").await;
        let kept = world.member(team, &format!("kept{index}"), TeamRole::Admin).await;
        world
            .sql(&format!(
                "UPDATE team_members SET admin_until = now() + interval '1 hour' WHERE user_id = '{kept}'"
            ))
            .await;
    }
    world.runner(Some(people[0].0), people[0].1, "active").await;
    let job = || members::end_expired(&world.backend);
    let (a, b, c, d) = tokio::join!(job(), job(), job(), job());
    let mut ended = a.unwrap() + b.unwrap() + c.unwrap() + d.unwrap();
    // What a process found locked waits for its next round.
    ended += job().await.unwrap();
    assert_eq!(ended, 30);
    for (sql, expected) in [
        ("SELECT count(*) FROM audit_entries", 30),
        (
            "SELECT count(*) FROM audit_entries WHERE actor = 'expiry' AND method = 'system' AND actor_id IS NULL",
            30,
        ),
        (
            "SELECT count(DISTINCT target_id) FROM audit_entries WHERE action = 'member.expired' AND after = 'null'
            AND (before->>'project_roles')::int = 1 AND (before->>'keys')::int = 1",
            24,
        ),
        (
            "SELECT count(*) FROM audit_entries WHERE action = 'member.role_expired' AND before->>'role' = 'admin'
            AND after->>'role' = 'member' AND team_id IS NOT NULL",
            6,
        ),
        ("SELECT count(*) FROM team_members", 18),
        ("SELECT count(*) FROM team_members WHERE role = 'admin'", 12),
        ("SELECT sum(member_count) FROM teams", 18),
        ("SELECT count(*) FROM project_members", 0),
        ("SELECT count(*) FROM api_keys WHERE revoked_at IS NULL", 0),
        ("SELECT count(*) FROM runners WHERE status = 'active'", 1),
    ] {
        assert_eq!(world.one::<i64>(sql).await, expected, "{sql}");
    }
    assert_eq!(job().await.unwrap(), 0, "nothing is left to end");
}

/// The job lets a team alone that somebody is just changing.
#[tokio::test]
async fn a_team_that_is_being_changed_waits() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let ada = world.member(team, "ada", TeamRole::Member).await;
    let_end(&world, ada, "expires_at").await;
    let mut change = world.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM teams FOR UPDATE")
        .execute(&mut *change)
        .await
        .unwrap();
    assert_eq!(members::end_expired(&world.backend).await.unwrap(), 0);
    change.rollback().await.unwrap();
    assert_eq!(members::end_expired(&world.backend).await.unwrap(), 1);
}

/// A real end: what is set for a moment from now is over then, also for a process that remembers the person.
#[tokio::test]
async fn an_end_comes_by_itself() {
    let world = World::new().await;
    world.backend.principals.set_listening(true);
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let end = Utc::now() + TimeDelta::seconds(2);
    add(&world, boss, team, ada, patch(None, Some(Some(end)), None))
        .await
        .unwrap();
    let remembered = async || {
        world
            .backend
            .principals
            .get(&world.pool, ada)
            .await
            .unwrap()
            .teams
            .len()
    };
    assert_eq!(remembered().await, 1);
    within(Duration::from_secs(5), async || remembered().await == 0).await;
    assert!(Utc::now() >= end, "not before");
    assert_eq!(members::end_expired(&world.backend).await.unwrap(), 1);
}

/// Who was a member can be added again at once: by hand, or by a list. The ended membership is still audited.
#[tokio::test]
async fn who_has_ended_can_be_added_again() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let (ada, bob) = (
        world.member(team, "ada", TeamRole::Member).await,
        world.member(team, "bob", TeamRole::Admin).await,
    );
    let project = world.project(team, "one").await;
    world.assign(project, ada).await;
    let_end(&world, ada, "expires_at").await;
    add(&world, boss, team, ada, TermsPatch::default())
        .await
        .expect("again, by hand");
    let_end(&world, bob, "expires_at").await;
    let rows = [BulkInput {
        user: "bob@example.com".to_owned(),
        role: None,
    }];
    let bulk = async |dry_run| {
        world
            .act(boss, async |ctx| {
                members::add_many(ctx, team, &rows, OnInvalid::Abort, OnUnknown::Refuse, dry_run).await
            })
            .await
    };
    assert_eq!(bulk(true).await.unwrap().added, 1);
    assert_eq!(bulk(false).await.unwrap().added, 1);
    let log: Vec<String> = world
        .all("SELECT actor || ' ' || action || ' ' || target FROM audit_entries ORDER BY txid, position")
        .await;
    assert_eq!(
        log,
        [
            "expiry member.expired ada@example.com",
            "boss@example.com member.add ada@example.com",
            "expiry member.expired bob@example.com",
            "boss@example.com member.add bob@example.com",
        ]
    );
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM project_members").await,
        0,
        "D4: both have to be given again"
    );
    let from: Vec<Option<String>> = world.all("SELECT ip FROM audit_entries WHERE actor = 'expiry'").await;
    assert_eq!(from, [None, None], "nobody did it, from nowhere");
}

/// D5: no clock takes the last admin: an end needs another admin without one, on every path that sets one.
#[tokio::test]
async fn d5_the_last_admin_gets_no_end() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let root = world.super_admin().await;
    let (first, second) = (world.user("first").await, world.user("second").await);
    let admin = Some(TeamRole::Admin);
    for (expires, until) in [(Some(Some(soon())), None), (None, Some(Some(soon())))] {
        refused(
            add(&world, root, team, first, patch(admin, expires, until)).await,
            "LAST_TEAM_ADMIN",
            LAST,
        );
    }
    add(&world, root, team, first, patch(admin, None, None))
        .await
        .expect("without an end");
    for (expires, until) in [(Some(Some(soon())), None), (None, Some(Some(soon())))] {
        for by in [root, first] {
            refused(
                update(&world, by, team, first, patch(None, expires, until)).await,
                "LAST_TEAM_ADMIN",
                LAST,
            );
        }
    }
    let ends = patch(admin, None, Some(Some(soon())));
    add(&world, root, team, second, ends).await.expect("beside one without");
    // The one with an end does not make up for the one without.
    refused(
        update(&world, first, team, first, patch(Some(TeamRole::Member), None, None)).await,
        "LAST_TEAM_ADMIN",
        "Cannot remove last team admin. The role of every other one ends by itself",
    );
    let leave = world
        .act(first, async |ctx| members::remove(ctx, team, &UserRef::Id(first)).await)
        .await;
    refused(leave, "LAST_TEAM_ADMIN", LAST);
    update(&world, first, team, second, patch(None, None, Some(None)))
        .await
        .expect("the end can be taken away");
    update(&world, first, team, first, patch(None, Some(Some(soon())), None))
        .await
        .expect("then the other may have one");
}

/// D12: deactivation may take the one without an end. Who is left is protected as a last admin is, and when the end
/// comes the team is flagged.
#[tokio::test]
async fn d12_deactivation_may_leave_only_an_admin_with_an_end() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let root = world.super_admin().await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.member(team, "ada", TeamRole::Admin).await;
    update(&world, boss, team, ada, patch(None, None, Some(Some(soon()))))
        .await
        .unwrap();
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{boss}'"))
        .await;
    let page = async || world.ask(root, async |ctx| teams::get(ctx, team).await).await.unwrap();
    assert!(page().await.has_admin);
    let remove = world
        .act(root, async |ctx| members::remove(ctx, team, &UserRef::Id(ada)).await)
        .await;
    refused(remove, "LAST_TEAM_ADMIN", LAST);
    let_end(&world, ada, "admin_until").await;
    assert!(!page().await.has_admin, "flagged from that second on");
    members::end_expired(&world.backend).await.unwrap();
    assert!(!page().await.has_admin);
}

/// What is not in the future is no end, and only admins stop being admins.
#[tokio::test]
async fn ends_are_checked() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let past = Utc::now() - TimeDelta::seconds(1);
    refused(
        add(
            &world,
            boss,
            team,
            ada,
            patch(None, Some(Some(past)), Some(Some(soon()))),
        )
        .await,
        "VALIDATION_ERROR",
        "expires_at: must be in the future; admin_until: can be set for the role admin only",
    );
    let ends = soon();
    let added = add(
        &world,
        boss,
        team,
        ada,
        patch(Some(TeamRole::Admin), Some(Some(ends)), Some(Some(ends))),
    )
    .await;
    let added = added.unwrap();
    assert_eq!(added.expires_at.unwrap().timestamp_micros(), ends.timestamp_micros());
    let demoted = update(&world, boss, team, ada, patch(Some(TeamRole::Member), None, None))
        .await
        .unwrap();
    assert_eq!((demoted.admin_until, demoted.expires_at.is_some()), (None, true));
    let cleared = update(&world, boss, team, ada, patch(None, Some(None), None))
        .await
        .unwrap();
    assert_eq!(cleared.expires_at, None);
    let log: Vec<String> = world
        .all("SELECT action || ' ' || (before ? 'expires_at') || ' ' || (after ? 'expires_at') FROM audit_entries WHERE before <> 'null' ORDER BY txid, position")
        .await;
    assert_eq!(log, ["member.role true true", "member.update true false"]);
    update(&world, boss, team, ada, patch(None, Some(None), None))
        .await
        .unwrap();
    assert_eq!(
        world.one::<i64>("SELECT count(*) FROM audit_entries").await,
        3,
        "what changes nothing leaves no entry"
    );
}

/// D9, X6: search and filters, with true totals, both ways; and when people were last seen, for those who review.
#[tokio::test]
async fn d9_members_are_searched_and_filtered() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let plain = world.member(team, "plain", TeamRole::Member).await;
    for n in 0..30 {
        let user = world.member(team, &format!("u{n:02}"), TeamRole::Member).await;
        let (joined, seen) = match n % 3 {
            0 => ("100 days", "NULL"),
            1 => ("100 days", "now() - interval '91 days'"),
            _ => ("100 days", "now() - interval '1 day'"),
        };
        world
            .sql(&format!(
                "UPDATE users SET last_seen_at = {seen}, display_name = 'Per_son {n}%' WHERE id = '{user}'"
            ))
            .await;
        world
            .sql(&format!(
                "UPDATE team_members SET joined_at = now() - interval '{joined}' WHERE user_id = '{user}'"
            ))
            .await;
    }
    let count = async |by, query: MemberQuery| {
        world
            .ask(by, async |ctx| members::list(ctx, team, &query).await)
            .await
            .map(|(_, page)| (page.items.len(), page.total))
    };
    let search = |text: &str| MemberQuery {
        search: Some(text.to_owned()),
        limit: 4,
        ..MemberQuery::default()
    };
    let stale = MemberQuery {
        stale: true,
        limit: 100,
        ..MemberQuery::default()
    };
    assert_eq!(count(boss, search("U1")).await.unwrap(), (4, 10));
    assert_eq!(
        count(boss, search("per_son 1%")).await.unwrap(),
        (1, 1),
        "% and _ are themselves"
    );
    assert_eq!(
        count(boss, search("\0  ")).await.unwrap(),
        (4, 32),
        "nothing to search for"
    );
    assert_eq!(count(boss, stale.clone()).await.unwrap(), (20, 20));
    let counts = world
        .ask(boss, async |ctx| members::counts(ctx, team).await)
        .await
        .unwrap();
    assert_eq!((counts.members, counts.admins, counts.stale), (32, 1, 20));
    refused(count(plain, stale).await, "FORBIDDEN", "Insufficient permissions");
    let seen = async |by| {
        let (_, page) = world
            .ask(by, async |ctx| members::list(ctx, team, &MemberQuery::default()).await)
            .await
            .unwrap();
        page.items.iter().filter(|member| member.last_seen_at.is_some()).count()
    };
    assert_eq!(
        (seen(boss).await, seen(plain).await),
        (20, 0),
        "colleagues are not told"
    );

    // Filtered pages have no gaps either, both ways.
    let at = async |cursor: Option<String>| {
        let query = MemberQuery { cursor, ..search("u") };
        world
            .ask(boss, async |ctx| members::list(ctx, team, &query).await)
            .await
            .unwrap()
            .1
    };
    let (mut forwards, mut pages, mut page) = (Vec::new(), Vec::new(), at(None).await);
    loop {
        forwards.extend(page.items.iter().map(|member| member.user_id));
        pages.push(page.items.clone());
        let Some(next) = page.next.clone() else { break };
        page = at(Some(next)).await;
    }
    assert_eq!(forwards.len(), 30);
    for expected in pages.iter().rev().skip(1) {
        page = at(page.previous.clone()).await;
        assert_eq!(&page.items, expected);
    }
    assert_eq!(page.previous, None);
}
