//! Who belongs to a team: D3 to D5, B7, B8, X12.

use std::time::Duration;

use backend::{Caller, Code, Error, Result, members};
use domain::{
    DEFAULT_ORGANIZATION, Email, OrgRole, TeamId, TeamRole, TeamStatus, UserId, UserRef, views::RemovalEffects,
};

use crate::common::{World, refusal, refused};

const LAST: &str = "Cannot remove last team admin";

async fn remove(world: &World, by: UserId, team: TeamId, who: UserId) -> Result<RemovalEffects> {
    world
        .act(by, async |ctx| members::remove(ctx, team, &UserRef::Id(who)).await)
        .await
}

async fn set_role(world: &World, by: UserId, team: TeamId, who: UserId, role: TeamRole) -> Result<()> {
    world
        .act(by, async |ctx| {
            members::change_role(ctx, team, &UserRef::Id(who), role).await.map(drop)
        })
        .await
}

fn page_of(cursor: Option<&str>, limit: i64) -> members::MemberQuery {
    members::MemberQuery {
        cursor: cursor.map(str::to_owned),
        limit,
        ..members::MemberQuery::default()
    }
}

async fn admins(world: &World, team: TeamId) -> i64 {
    world
        .one(&format!(
            "SELECT count(*) FROM team_members WHERE team_id = '{team}' AND role = 'admin'"
        ))
        .await
}

/// D5: nobody takes away a team's last admin: not a super_admin, not another admin, not the admin.
#[tokio::test]
async fn d5_the_last_admin_stays() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let member = world.member(team, "member", TeamRole::Member).await;
    let root = world.super_admin().await;
    for by in [root, admin] {
        refused(remove(&world, by, team, admin).await, "LAST_TEAM_ADMIN", LAST);
        refused(
            set_role(&world, by, team, admin, TeamRole::Member).await,
            "LAST_TEAM_ADMIN",
            LAST,
        );
    }
    assert_eq!(Code::LastAdmin.status(), 400);
    set_role(&world, admin, team, admin, TeamRole::Admin)
        .await
        .expect("nothing changes");
    set_role(&world, admin, team, member, TeamRole::Admin)
        .await
        .expect("promote first");
    remove(&world, admin, team, admin).await.expect("then leave");
    refused(
        set_role(&world, member, team, member, TeamRole::Member).await,
        "LAST_TEAM_ADMIN",
        LAST,
    );
    assert_eq!(admins(&world, team).await, 1);
}

/// D5: an admin whose account is deactivated can not be the one who stays.
#[tokio::test]
async fn d5_deactivated_admins_do_not_count() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let gone = world.member(team, "gone", TeamRole::Admin).await;
    world
        .sql(&format!("UPDATE users SET deactivated_at = now() WHERE id = '{gone}'"))
        .await;
    refused(remove(&world, admin, team, admin).await, "LAST_TEAM_ADMIN", LAST);
    refused(
        set_role(&world, admin, team, admin, TeamRole::Member).await,
        "LAST_TEAM_ADMIN",
        LAST,
    );
    remove(&world, admin, team, gone)
        .await
        .expect("the deactivated one can go");
}

/// D5 as a race: two admins go for each other, or both leave, at the same moment. One of them stays, every time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d5_the_guard_holds_when_two_admins_go_at_once() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let (a, b) = (world.user("a").await, world.user("b").await);
    let root = world.super_admin().await;
    for round in 0..60 {
        world
            .sql(&format!("DELETE FROM team_members WHERE team_id = '{team}'"))
            .await;
        world.join(team, a, TeamRole::Admin).await;
        world.join(team, b, TeamRole::Admin).await;
        let demote = async |by, who| set_role(&world, by, team, who, TeamRole::Member).await;
        let drop_effects = |result: Result<RemovalEffects>| result.map(drop);
        let (first, second) = match round % 5 {
            0 => {
                let (x, y) = tokio::join!(remove(&world, a, team, b), remove(&world, b, team, a));
                (drop_effects(x), drop_effects(y))
            }
            1 => {
                let (x, y) = tokio::join!(remove(&world, a, team, a), remove(&world, b, team, b));
                (drop_effects(x), drop_effects(y))
            }
            2 => tokio::join!(demote(a, b), demote(b, a)),
            3 => tokio::join!(demote(a, a), demote(b, b)),
            _ => {
                let (x, y) = tokio::join!(remove(&world, root, team, a), demote(root, b));
                (drop_effects(x), y)
            }
        };
        assert_eq!(admins(&world, team).await, 1, "round {round}: {first:?} {second:?}");
        let ((Ok(()), Err(error)) | (Err(error), Ok(()))) = (first, second) else {
            panic!("one wins, one loses")
        };
        assert!(
            matches!(error.code(), Code::LastAdmin | Code::Forbidden),
            "round {round}: {error}"
        );
    }
}

/// D4, X12: who leaves loses all project roles of the team and none elsewhere; runners stay; the dialog's numbers are
/// the numbers.
#[tokio::test]
async fn d4_removing_takes_the_project_roles_of_the_team() {
    let world = World::new().await;
    let (team, other) = (world.team("Ops").await, world.team("Other").await);
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let leaver = world.member(team, "leaver", TeamRole::Member).await;
    let stayer = world.member(team, "stayer", TeamRole::Member).await;
    world.join(other, leaver, TeamRole::Member).await;
    for name in ["one", "two"] {
        let project = world.project(team, name).await;
        world.assign(project, leaver).await;
        world.assign(project, stayer).await;
    }
    world.project(team, "unassigned").await;
    let elsewhere = world.project(other, "elsewhere").await;
    world.assign(elsewhere, leaver).await;
    for (in_team, status) in [
        (team, "pending"),
        (team, "active"),
        (team, "offline"),
        (team, "deleted"),
        (other, "active"),
    ] {
        world.runner(Some(in_team), leaver, status).await;
    }
    world.runner(Some(team), stayer, "active").await;

    let expected = RemovalEffects {
        email: "leaver@example.com".to_owned(),
        project_roles: 2,
        keys: 0,
        runners: 3,
        runner_names: world
            .all(&format!(
                "SELECT name FROM runners WHERE team_id = '{team}' AND provisioned_by = '{leaver}' AND status <> 'deleted'
                ORDER BY created_at DESC, id DESC"
            ))
            .await,
    };
    let preview = async || {
        world
            .act(admin, async |ctx| {
                members::preview_removal(ctx, team, &UserRef::Id(leaver)).await
            })
            .await
    };
    assert_eq!(preview().await.unwrap(), expected);
    assert_eq!(preview().await.unwrap(), expected, "a preview changes nothing");
    assert_eq!(remove(&world, admin, team, leaver).await.unwrap(), expected);

    let left: Vec<uuid::Uuid> = world
        .all(&format!(
            "SELECT project_id FROM project_members WHERE user_id = '{leaver}'"
        ))
        .await;
    assert_eq!(left, [elsewhere.0], "only the other team's");
    let stayers: i64 = world
        .one(&format!(
            "SELECT count(*) FROM project_members WHERE user_id = '{stayer}'"
        ))
        .await;
    assert_eq!(stayers, 2);
    let alive: i64 = world
        .one("SELECT count(*) FROM runners WHERE status <> 'deleted'")
        .await;
    assert_eq!(alive, 5, "runners stay");
    refused(preview().await, "NOT_FOUND", "User is not a member of this team");

    world
        .act(admin, async |ctx| {
            members::add(ctx, team, &UserRef::Id(leaver), TeamRole::Member).await
        })
        .await
        .unwrap();
    let back: i64 = world
        .one(&format!(
            "SELECT count(*) FROM project_members m JOIN projects p ON p.id = m.project_id
        WHERE m.user_id = '{leaver}' AND p.team_id = '{team}'"
        ))
        .await;
    assert_eq!(back, 0, "re-adding does not bring project roles back");
}

/// D4: demoting keeps explicit project access.
#[tokio::test]
async fn d4_demoting_keeps_explicit_project_roles() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let boss = world.member(team, "boss", TeamRole::Admin).await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let (mine, _theirs) = (world.project(team, "mine").await, world.project(team, "theirs").await);
    world.assign(mine, admin).await;
    set_role(&world, boss, team, admin, TeamRole::Member).await.unwrap();
    let (_, projects) = world
        .ask(admin, async |ctx| backend::projects::list(ctx, team).await)
        .await
        .unwrap();
    assert_eq!(projects.iter().map(|project| project.id).collect::<Vec<_>>(), [mine]);
}

/// P, "leave only": members may go, by id or email, also from an inactive team; they remove nobody else.
#[tokio::test]
async fn p_members_may_leave_and_remove_nobody_else() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    world.member(team, "admin", TeamRole::Admin).await;
    let first = world.member(team, "first", TeamRole::Member).await;
    let second = world.member(team, "second", TeamRole::Member).await;
    refused(
        remove(&world, first, team, second).await,
        "FORBIDDEN",
        "Insufficient permissions",
    );
    let by_email = UserRef::parse("user_id", "FIRST@Example.com").unwrap();
    world
        .act(first, async |ctx| members::remove(ctx, team, &by_email).await.map(drop))
        .await
        .expect("leaves by email");
    world.set_status(team, TeamStatus::Inactive).await;
    remove(&world, second, team, second)
        .await
        .expect("leaves an inactive team");
    refused(
        remove(&world, second, team, second).await,
        "FORBIDDEN",
        "Admin privileges required for team management",
    );
    assert_eq!(
        world
            .one::<i32>(&format!("SELECT member_count FROM teams WHERE id = '{team}'"))
            .await,
        1
    );
}

/// B8's words.
#[tokio::test]
async fn b8_adding_and_removing_say_what_is_wrong() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let ada = world.user("ada").await;
    let add = async |team, who: &UserRef| {
        world
            .act(admin, async |ctx| members::add(ctx, team, who, TeamRole::Member).await)
            .await
    };
    let nobody = UserId(uuid::Uuid::from_u128(7));
    refused(
        add(team, &UserRef::Id(nobody)).await,
        "NOT_FOUND",
        &format!("User not found: {nobody}"),
    );
    let unknown = UserRef::Email(Email::parse("nobody@example.com").unwrap());
    refused(
        add(team, &unknown).await,
        "NOT_FOUND",
        "User not found: nobody@example.com",
    );
    let no_team = TeamId(uuid::Uuid::from_u128(7));
    refused(
        add(no_team, &UserRef::Id(ada)).await,
        "NOT_FOUND",
        &format!("Team not found: {no_team}"),
    );
    let added = add(team, &UserRef::parse("user_id", " ADA@example.com ").unwrap())
        .await
        .unwrap();
    assert_eq!(
        (added.user_id, added.role, added.added_by.as_deref()),
        (ada, TeamRole::Member, Some("admin@example.com"))
    );
    let (code, words) = refusal(add(team, &UserRef::Id(ada)).await);
    assert_eq!(
        (code, words.as_str()),
        ("ALREADY_MEMBER", "User ada@example.com is already a member of team Ops")
    );
    refused(
        remove(&world, admin, team, nobody).await,
        "NOT_FOUND",
        "User is not a member of this team",
    );
    let removed = world
        .act(admin, async |ctx| members::remove(ctx, team, &unknown).await)
        .await;
    refused(removed, "NOT_FOUND", "User is not a member of this team");
}

/// B8 as a race: however many add the same person at once, there is one membership and one entry in the log.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b8_adding_someone_twice_at_once_adds_them_once() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let ada = UserRef::Id(world.user("ada").await);
    let add = async || {
        world
            .act(admin, async |ctx| members::add(ctx, team, &ada, TeamRole::Member).await)
            .await
    };
    let results = tokio::join!(add(), add(), add(), add());
    let results = [results.0, results.1, results.2, results.3];
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| error.code() == Code::AlreadyMember)
    );
    let counts: (i64, i32) = (
        world.one("SELECT count(*) FROM audit_entries").await,
        world
            .one(&format!("SELECT member_count FROM teams WHERE id = '{team}'"))
            .await,
    );
    assert_eq!(counts, (1, 2));
}

/// X10: joining a team makes someone a member of its organization, and takes no higher role away.
#[tokio::test]
async fn x10_joining_a_team_joins_its_organization() {
    let world = World::new().await;
    let organization = world.organization("acme").await;
    let (team, alone) = (world.team_in(organization, "Ops").await, world.team("Alone").await);
    let root = world.super_admin().await;
    let (ada, boss) = (world.user("ada").await, world.user("boss").await);
    world.give(organization, boss, OrgRole::OrgAdmin).await;
    for (team, who) in [(team, ada), (team, boss), (alone, ada)] {
        world
            .act(root, async |ctx| {
                members::add(ctx, team, &UserRef::Id(who), TeamRole::Member).await
            })
            .await
            .unwrap();
    }
    let role = async |who: UserId, of: domain::OrganizationId| match world.caller(who).await {
        Caller::Person(person, _) => person.organization_role(of),
        Caller::System(..) | Caller::Machine(_) => None,
    };
    assert_eq!(role(ada, organization).await, Some(OrgRole::OrgMember));
    assert_eq!(role(boss, organization).await, Some(OrgRole::OrgAdmin));
    assert_eq!(
        role(ada, DEFAULT_ORGANIZATION).await,
        None,
        "the default organization has no members of its own"
    );
}

/// B7, X6: every member is on exactly one page, oldest first, forwards and backwards, also when many joined at once.
#[tokio::test]
async fn x6_members_are_paged_without_gaps() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    world
        .sql(
            "INSERT INTO users (id, email) SELECT gen_random_uuid(), 'u' || n || '@example.com' FROM generate_series(1, 23) n",
        )
        .await;
    world
        .sql(&format!(
            "INSERT INTO team_members (team_id, user_id, role, joined_at)
            SELECT '{team}', id, 'member', timestamptz '2026-01-01 00:00:00.123456Z' + (random() * 3)::int * interval '1 us' FROM users"
        ))
        .await;
    let root = world.super_admin().await;
    let expected: Vec<uuid::Uuid> = world
        .all("SELECT user_id FROM team_members ORDER BY joined_at, user_id")
        .await;
    for limit in [1, 5, 22, 23, 100] {
        let (mut forwards, mut cursor, mut last) = (Vec::new(), None::<String>, None);
        loop {
            let (_, page) = world
                .ask(root, async |ctx| {
                    members::list(ctx, team, &page_of(cursor.as_deref(), limit)).await
                })
                .await
                .unwrap();
            assert_eq!(page.total, 23);
            forwards.extend(page.items.iter().map(|member| member.user_id.0));
            last = last.max(page.previous.clone()).and(page.previous);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(forwards, expected, "pages of {limit}");
        let mut backwards = Vec::new();
        while let Some(cursor) = last {
            let (_, page) = world
                .ask(root, async |ctx| {
                    members::list(ctx, team, &page_of(Some(&cursor), limit)).await
                })
                .await
                .unwrap();
            backwards.splice(0..0, page.items.iter().map(|member| member.user_id.0));
            last = page.previous;
        }
        assert_eq!(backwards, expected[..backwards.len()], "pages of {limit}, backwards");
        assert_eq!(
            expected.len().div_ceil(usize::try_from(limit).unwrap()) > 1,
            !backwards.is_empty()
        );
    }
    for bad in [
        "",
        "x",
        "e30",
        "eyJrIjoibm93IiwiaSI6IjAwMDAwMDAwLTAwMDAtMDAwMC0wMDAwLTAwMDAwMDAwMDAwMCJ9",
    ] {
        let result = world
            .ask(root, async |ctx| members::list(ctx, team, &page_of(Some(bad), 5)).await)
            .await;
        assert!(matches!(result, Err(Error::Invalid(_))), "{bad}");
    }
}

/// D4 as a race: someone who is removed while being assigned, demoted and previewed ends up with nothing left behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d4_changes_of_one_team_come_one_after_another() {
    let world = World::new().await;
    let team = world.team("Ops").await;
    let admin = world.member(team, "admin", TeamRole::Admin).await;
    let who = world.user("who").await;
    for _ in 0..20 {
        world.join(team, who, TeamRole::Member).await;
        let (removed, changed) = tokio::join!(
            remove(&world, admin, team, who),
            set_role(&world, admin, team, who, TeamRole::Admin)
        );
        removed.expect("removing works, before or after");
        if let Err(error) = changed {
            assert_eq!(error.detail(), "User is not a member of this team");
        }
        assert_eq!(
            world
                .one::<i64>(&format!("SELECT count(*) FROM team_members WHERE user_id = '{who}'"))
                .await,
            0
        );
    }
    tokio::time::sleep(Duration::ZERO).await;
}
