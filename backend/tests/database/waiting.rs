//! The waiting list of a team whose quota is full.

use std::time::Duration;

use backend::{
    Result, Settings,
    runners::{self, JitInput, waits},
};
use domain::{
    TeamId, TeamRole, TeamStatus, UserId,
    views::{Provisioned, RunnerWait},
};
use simulators::github::Faults;
use uuid::Uuid;

use crate::common::{World, refused, request, within};

/// A team with one place, which is taken, and people who want one.
struct Scene {
    world: World,
    team: TeamId,
    people: Vec<UserId>,
    runner: Provisioned,
}

impl Scene {
    async fn new(hold: Duration) -> Self {
        let world = World::with(Settings {
            wait_hold: hold,
            ..Settings::default()
        })
        .await;
        let team = world.team("Ops").await;
        world.sql("UPDATE teams SET max_runners = 1, waiting_list = true").await;
        let mut people = Vec::new();
        for name in ["ann", "ben", "cid", "dan"] {
            people.push(world.member(team, name, TeamRole::Member).await);
        }
        let runner = world.provision(people[0], input(team)).await.unwrap();
        Self {
            world,
            team,
            people,
            runner,
        }
    }

    async fn join(&self, who: usize) -> Result<RunnerWait> {
        let caller = self.world.caller(self.people[who]).await;
        waits::join(&self.world.backend, caller, request(), input(self.team)).await
    }

    async fn claim(&self, who: usize, wait: Uuid) -> Result<Provisioned> {
        let caller = self.world.caller(self.people[who]).await;
        waits::claim(&self.world.backend, caller, request(), wait).await
    }

    async fn direct(&self, who: usize) -> Result<Provisioned> {
        self.world.provision(self.people[who], input(self.team)).await
    }

    async fn advance(&self) -> usize {
        waits::advance(&self.world.backend).await.unwrap()
    }

    /// State and position of a wait, as its owner sees it.
    async fn see(&self, who: usize, wait: Uuid) -> (String, Option<i64>) {
        let wait = self
            .world
            .ask(self.people[who], async |ctx| waits::get(ctx, wait).await)
            .await
            .unwrap();
        (wait.state, wait.position)
    }

    /// Ann's runner goes.
    async fn free(&self) {
        let caller = self.world.caller(self.people[0]).await;
        runners::delete(&self.world.backend, caller, request(), self.runner.runner_id, None)
            .await
            .unwrap();
    }
}

fn input(team: TeamId) -> JitInput {
    JitInput {
        team_id: Some(team),
        ..JitInput::default()
    }
}

fn state(word: &str, position: Option<i64>) -> (String, Option<i64>) {
    (word.to_owned(), position)
}

#[tokio::test]
async fn the_first_of_the_line_gets_the_place_and_nobody_overtakes() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    refused(
        scene.direct(1).await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded. Maximum allowed: 1, current: 1. You can wait",
    );
    let (ben, cid) = (scene.join(1).await.unwrap(), scene.join(2).await.unwrap());
    assert_eq!((ben.position, cid.position), (Some(1), Some(2)));
    refused(
        scene.join(1).await,
        "WRONG_STATE",
        "You wait for a runner of team 'Ops' already.",
    );
    refused(scene.claim(1, ben.id).await, "WRONG_STATE", "It is not your turn yet.");
    assert_eq!(scene.advance().await, 0, "there is no room");

    scene.free().await;
    // Between the release and the next look of the job the place is promised already.
    refused(
        scene.direct(3).await,
        "QUOTA_EXCEEDED",
        "Team quota exceeded. Maximum allowed: 1, current: 0. The free places belong",
    );
    assert_eq!((scene.advance().await, scene.advance().await), (1, 0));
    assert_eq!(scene.see(1, ben.id).await, state("ready", None));
    assert_eq!(scene.see(2, cid.id).await, state("waiting", Some(1)));
    refused(scene.direct(3).await, "QUOTA_EXCEEDED", "Team quota exceeded.");
    refused(scene.claim(2, ben.id).await, "NOT_FOUND", "Wait not found");
    let made = scene.claim(1, ben.id).await.unwrap();
    assert!(made.runner_name.starts_with("ops-"));
    assert_eq!(scene.see(1, ben.id).await, state("claimed", None));
    refused(
        scene.claim(1, ben.id).await,
        "WRONG_STATE",
        "This place was claimed already.",
    );
    let live: i64 = scene
        .world
        .one("SELECT count(*) FROM runners WHERE status <> 'deleted'")
        .await;
    assert_eq!(live, 1);
}

#[tokio::test]
async fn a_held_place_that_nobody_claims_goes_to_the_next() {
    let scene = Scene::new(Duration::from_secs(2)).await;
    let (ben, cid) = (scene.join(1).await.unwrap(), scene.join(2).await.unwrap());
    scene.free().await;
    assert_eq!(scene.advance().await, 1);
    within(Duration::from_secs(5), async || scene.advance().await == 1).await;
    assert_eq!(scene.see(1, ben.id).await, state("expired", None));
    assert_eq!(scene.see(2, cid.id).await, state("ready", None));
    refused(
        scene.claim(1, ben.id).await,
        "WRONG_STATE",
        "The place was held for you",
    );
    scene.claim(2, cid.id).await.unwrap();
}

#[tokio::test]
async fn when_github_makes_no_runner_the_place_stays_held() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    let ben = scene.join(1).await.unwrap();
    scene.free().await;
    scene.advance().await;
    scene.world.github.set_faults(Faults {
        fail_next: 1,
        fail_status: 422,
        ..Faults::default()
    });
    refused(scene.claim(1, ben.id).await, "GITHUB_ERROR", "GitHub API error");
    assert_eq!(scene.see(1, ben.id).await, state("ready", None));
    refused(scene.direct(3).await, "QUOTA_EXCEEDED", "Team quota exceeded.");
    // The policy of now holds, not that of then.
    scene.world.sql("UPDATE teams SET status = 'inactive'").await;
    refused(scene.claim(1, ben.id).await, "TEAM_INACTIVE", "");
    scene.world.sql("UPDATE teams SET status = 'active'").await;
    scene.claim(1, ben.id).await.unwrap();
}

#[tokio::test]
async fn waiting_is_for_members_of_teams_that_want_it_and_only_while_it_is_full() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    let ben = scene.join(1).await.unwrap();
    let bad = JitInput {
        labels: vec!["gpu".to_owned()],
        ..input(scene.team)
    };
    let caller = scene.world.caller(scene.people[2]).await;
    refused(
        waits::join(&scene.world.backend, caller, request(), bad).await,
        "LABEL_NOT_PERMITTED",
        "Label not permitted by team policy: gpu.",
    );
    let stranger = scene.world.user("zoe").await;
    let caller = scene.world.caller(stranger).await;
    refused(
        waits::join(&scene.world.backend, caller, request(), input(scene.team)).await,
        "NOT_TEAM_MEMBER",
        "User not a member of team",
    );
    // Members do not see each other's waits; admins see all and take people off.
    let seen = scene
        .world
        .ask(scene.people[2], async |ctx| waits::get(ctx, ben.id).await)
        .await;
    refused(seen, "NOT_FOUND", "Wait not found");
    let tess = scene.world.member(scene.team, "tess", TeamRole::Admin).await;
    let line = scene
        .world
        .ask(tess, async |ctx| {
            waits::of_team(ctx, scene.team, &waits::LineQuery::default()).await
        })
        .await
        .unwrap()
        .items;
    assert_eq!(
        line.iter().map(|wait| wait.user.as_str()).collect::<Vec<_>>(),
        ["ben@example.com"]
    );
    scene
        .world
        .act(tess, async |ctx| waits::leave(ctx, ben.id).await)
        .await
        .unwrap();
    assert_eq!(scene.see(1, ben.id).await, state("left", None));
    let again = scene.world.act(tess, async |ctx| waits::leave(ctx, ben.id).await).await;
    refused(again, "WRONG_STATE", "You left this waiting list.");

    scene.join(1).await.unwrap();
    let member = scene.people[1];
    let off = scene
        .world
        .act(member, async |ctx| waits::set_enabled(ctx, scene.team, false).await)
        .await;
    refused(off, "FORBIDDEN", "");
    scene
        .world
        .act(tess, async |ctx| waits::set_enabled(ctx, scene.team, false).await)
        .await
        .unwrap();
    refused(scene.join(2).await, "WRONG_STATE", "Team 'Ops' has no waiting list.");
    scene
        .world
        .act(tess, async |ctx| waits::set_enabled(ctx, scene.team, true).await)
        .await
        .unwrap();
    // Whoever leaves the team leaves the line.
    scene
        .world
        .sql(&format!("DELETE FROM team_members WHERE user_id = '{member}'"))
        .await;
    scene.free().await;
    assert_eq!(scene.advance().await, 0);
    refused(scene.join(2).await, "WRONG_STATE", "There is room");
    scene.direct(2).await.unwrap();
}

/// An archived team is kept as it was, and so is its waiting list.
#[tokio::test]
async fn an_archived_teams_waiting_list_is_not_switched() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    let world = &scene.world;
    let root = world.super_admin().await;
    world.set_status(scene.team, TeamStatus::Archived).await;
    let off = world
        .act(root, async |ctx| waits::set_enabled(ctx, scene.team, false).await)
        .await;
    refused(off, "WRONG_STATE", "Team 'Ops' is archived; restore it first");
    assert!(
        world
            .one::<bool>("SELECT waiting_list FROM teams WHERE name = 'Ops'")
            .await
    );
}

/// B15: a membership that has ended gives no place any more, whether it was tidied away already or not.
#[tokio::test]
async fn b15_who_is_a_member_no_more_leaves_the_line() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    let (ben, cid) = (scene.join(1).await.unwrap(), scene.join(2).await.unwrap());
    scene
        .world
        .sql(&format!(
            "UPDATE team_members SET expires_at = now() - interval '1 second' WHERE user_id = '{}'",
            scene.people[1]
        ))
        .await;
    scene.free().await;
    assert_eq!(scene.advance().await, 1);
    let state = async |id: Uuid| {
        let sql = format!("SELECT state FROM runner_waits WHERE id = '{id}'");
        scene.world.one::<String>(&sql).await
    };
    assert_eq!(
        (state(ben.id).await, state(cid.id).await),
        ("left".into(), "ready".into())
    );
}

#[tokio::test]
async fn under_one_ceiling_the_earliest_of_all_teams_is_first() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    scene.world.sql("UPDATE teams SET max_runners = NULL").await;
    scene.world.sql("UPDATE organizations SET max_runners = 1").await;
    let other = scene.world.team("Web").await;
    scene.world.join(other, scene.people[3], TeamRole::Member).await;
    let ben = scene.join(1).await.unwrap();
    scene.free().await;
    refused(
        scene.world.provision(scene.people[3], input(other)).await,
        "QUOTA_EXCEEDED",
        "Organization quota exceeded. Maximum allowed: 1, current: 0",
    );
    assert_eq!(scene.advance().await, 1);
    refused(
        scene.world.provision(scene.people[3], input(other)).await,
        "QUOTA_EXCEEDED",
        "Organization quota",
    );
    scene.claim(1, ben.id).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_processes_hold_each_place_once() {
    let scene = Scene::new(Duration::from_mins(5)).await;
    for who in 1..4 {
        scene.join(who).await.unwrap();
    }
    scene.world.sql("UPDATE teams SET max_runners = 3").await;
    let all = futures_util::future::join_all((0..8).map(|_| scene.advance())).await;
    assert_eq!(all.iter().sum::<usize>(), 2);
    let ready: i64 = scene
        .world
        .one("SELECT count(*) FROM runner_waits WHERE state = 'ready'")
        .await;
    assert_eq!(ready, 2);
}

/// X6: a team's line is read page by page, with the number of all who wait.
#[tokio::test]
async fn x6_a_line_is_read_page_by_page() {
    let scene = Scene::new(Duration::from_mins(1)).await;
    let mut expected = Vec::new();
    for who in [1, 2, 3] {
        expected.push(scene.join(who).await.unwrap().id);
    }
    let tess = scene.world.member(scene.team, "tess", TeamRole::Admin).await;
    let read = async |cursor: Option<String>, limit| {
        let query = waits::LineQuery { cursor, limit };
        scene
            .world
            .ask(tess, async |ctx| waits::of_team(ctx, scene.team, &query).await)
            .await
    };
    let ids = |page: &domain::views::Page<RunnerWait>| page.items.iter().map(|wait| wait.id).collect::<Vec<_>>();
    let first = read(None, 2).await.unwrap();
    assert_eq!((ids(&first), first.total), (expected[..2].to_vec(), 3));
    let second = read(first.next, 2).await.unwrap();
    assert_eq!((ids(&second), second.total), (expected[2..].to_vec(), 3));
    assert_eq!(second.items[0].position, Some(3), "in the line, not on the page");
    assert_eq!(second.next, None);
    assert_eq!(read(None, 3).await.unwrap().next, None, "a full page that is the last");
    refused(
        read(Some("nonsense".to_owned()), 2).await,
        "VALIDATION_ERROR",
        "cursor: is not one",
    );
}

/// Waits that have been over for 30 days are forgotten; open ones, however old, and those of late are not.
#[tokio::test]
async fn old_waits_are_forgotten() {
    let scene = Scene::new(Duration::from_mins(1)).await;
    scene.join(1).await.unwrap();
    let add = async |state: &str, days: i64| {
        let (team, user) = (scene.team, scene.people[0]);
        scene
            .world
            .sql(&format!(
                "INSERT INTO runner_waits (id, team_id, user_id, request, state, created_at, updated_at)
                VALUES (gen_random_uuid(), '{team}', '{user}', '{{}}', '{state}', now() - interval '100 days', now() - interval '{days} days')"
            ))
            .await;
    };
    for state in ["claimed", "left", "expired"] {
        add(state, 31).await;
        add(state, 29).await;
    }
    scene
        .world
        .sql("UPDATE runner_waits SET updated_at = now() - interval '99 days' WHERE state = 'waiting'")
        .await;
    assert_eq!(waits::purge(&scene.world.backend).await.unwrap(), 3);
    let left: Vec<String> = scene.world.all("SELECT state FROM runner_waits ORDER BY state").await;
    assert_eq!(left, ["claimed", "expired", "left", "waiting"]);
    assert_eq!(waits::purge(&scene.world.backend).await.unwrap(), 0);
}
