//! C3, C6, C12, X14: what LiteLLM must know is there in the end, whatever happens on the way.

use std::{collections::BTreeSet, time::Duration};

use backend::{
    Backend, Settings,
    litellm::{self, Decision, Instance, Instances, ObjectQuery, Retry},
};
use domain::{TeamId, TeamRole, TeamStatus, UserId, UserRef, views::LiteLlmStanding};
use integrations::litellm::{Config, LiteLlm};
use serde_json::json;
use simulators::litellm::{Faults, LiteLlmSimulator, RateLimit, SimulatedTeam, SimulatedUser, Version};

use crate::common::{World, refused, request, within};

/// A backend that has a LiteLLM proxy.
struct House {
    world: World,
    proxy: LiteLlmSimulator,
}

fn instance(proxy: &LiteLlmSimulator, name: &str, is_default: bool) -> Instance {
    let mut config = Config::new(name, proxy.url(), proxy.master_key().into());
    config.timeout = Duration::from_millis(500);
    config.attempts = 1;
    config.retry_delay = Duration::from_millis(1);
    config.breaker_open = Duration::from_millis(50);
    Instance {
        namespace: "litellm".to_owned(),
        is_default,
        url: proxy.url(),
        client: LiteLlm::new(config).expect("a good configuration"),
    }
}

impl House {
    async fn new(version: Version) -> Self {
        let mut world = World::with(Settings::default()).await;
        let proxy = LiteLlmSimulator::start(version).await.expect("a free port");
        world.backend = world
            .backend
            .with_litellm(Instances::new(vec![instance(&proxy, "main", true)]));
        litellm::register(&world.backend).await.expect("registered");
        Self { world, proxy }
    }

    /// Delivers until nothing waits, without the pauses.
    async fn drain(&self) {
        for _ in 0..60 {
            litellm::deliver_due(&self.world.backend).await.expect("a database");
            if self.open().await == 0 {
                return;
            }
            self.world
                .sql("UPDATE litellm_objects SET due_at = now() WHERE state <> 'synced'")
                .await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let open: Vec<String> = self
            .world
            .all("SELECT kind || ' ' || state || ': ' || coalesce(last_error, '') FROM litellm_objects WHERE state <> 'synced'")
            .await;
        panic!("this is not there in the end: {open:?}");
    }

    async fn open(&self) -> i64 {
        self.world
            .one("SELECT count(*) FROM litellm_objects WHERE state <> 'synced' AND instance = 'main'")
            .await
    }

    /// Whether the proxy has exactly what is here.
    async fn assert_same(&self) {
        let teams: Vec<uuid::Uuid> = self.world.all("SELECT id FROM teams ORDER BY id").await;
        let there: BTreeSet<String> = self.proxy.teams().into_iter().map(|team| team.id).collect();
        assert_eq!(there, teams.iter().map(ToString::to_string).collect());
        for team in &teams {
            let ours: BTreeSet<String> = self
                .world
                .all(&format!(
                    "SELECT user_id::text FROM team_members WHERE team_id = '{team}'"
                ))
                .await
                .into_iter()
                .collect();
            let found = self.proxy.team(&team.to_string()).expect("there");
            let theirs: BTreeSet<String> = found
                .members
                .iter()
                .map(|member| member.user_id.clone())
                .filter(|id| id != "default_user_id")
                .collect();
            assert_eq!(theirs, ours, "members of {:?}", found.alias);
            let count = found
                .members
                .iter()
                .filter(|member| member.user_id != "default_user_id")
                .count();
            assert_eq!(count, ours.len(), "nobody is there twice");
        }
        let users: BTreeSet<String> = self.world.all("SELECT id::text FROM users").await.into_iter().collect();
        let there: BTreeSet<String> = self
            .proxy
            .users()
            .into_iter()
            .map(|user| user.id)
            .filter(|id| id != "default_user_id")
            .collect();
        assert_eq!(there, users);
    }

    fn team(&self, id: TeamId) -> SimulatedTeam {
        self.proxy.team(&id.to_string()).expect("the team is there")
    }

    fn user(&self, id: UserId) -> SimulatedUser {
        self.proxy.user(&id.to_string()).expect("the person is there")
    }

    fn role(&self, team: TeamId, user: UserId) -> Option<String> {
        let team = self.team(team);
        team.members
            .into_iter()
            .find(|member| member.user_id == user.to_string())
            .map(|member| member.role)
    }
}

const VERSIONS: [Version; 3] = [Version::V1_108_7, Version::V1_101_6, Version::V1_75_9];

#[tokio::test]
async fn c3_teams_people_and_memberships_arrive_in_their_order() {
    for version in VERSIONS {
        let house = House::new(version).await;
        let world = &house.world;
        let team = world.team("Backend Team").await;
        world
            .sql(&format!(
                "UPDATE teams SET models = '{{fake-gpt}}', max_budget = 100.5, budget_duration = '1mo', tpm_limit = 50 WHERE id = '{team}'"
            ))
            .await;
        let (tess, max) = (
            world.member(team, "tess", TeamRole::Admin).await,
            world.member(team, "max", TeamRole::Member).await,
        );
        house.drain().await;
        house.assert_same().await;
        let there = house.team(team);
        assert_eq!(
            (
                there.alias.as_deref(),
                there.models.as_slice(),
                there.max_budget,
                there.budget_duration.as_deref()
            ),
            (
                Some("Backend Team"),
                ["fake-gpt".to_owned()].as_slice(),
                Some(100.5),
                Some("1mo")
            ),
        );
        assert_eq!(
            (there.tpm_limit, there.rpm_limit, there.blocked),
            (Some(50), None, false)
        );
        assert_eq!(there.metadata["guildhall_team"], json!("backend-team"));
        // [F] a missing budget became 1000.
        assert_eq!(house.user(max).max_budget, None);
        assert_eq!(house.user(tess).email.as_deref(), Some("tess@example.com"));
        assert_eq!(house.role(team, max).as_deref(), Some("user"));
        // C3 [R]: whoever exists there is in a team.
        assert!(house.user(max).teams.contains(&team.to_string()), "{version:?}");
    }
}

#[tokio::test]
async fn a_team_admin_becomes_a_member_where_the_licence_is_missing_and_it_is_said() {
    let house = House::new(Version::V1_108_7).await;
    let team = house.world.team("Ops").await;
    let tess = house.world.member(team, "tess", TeamRole::Admin).await;
    house.drain().await;
    assert_eq!(house.role(team, tess).as_deref(), Some("user"));
    let note: Option<String> = house
        .world
        .one("SELECT note FROM litellm_objects WHERE kind = 'member'")
        .await;
    assert!(note.is_some_and(|note| note.contains("licence")));

    let licensed = House::new(Version::V1_108_7).await;
    licensed.proxy.set_licensed(true);
    let team = licensed.world.team("Ops").await;
    let tess = licensed.world.member(team, "tess", TeamRole::Admin).await;
    licensed.drain().await;
    assert_eq!(licensed.role(team, tess).as_deref(), Some("admin"));
    licensed.world.sql("UPDATE team_members SET role = 'member'").await;
    licensed.drain().await;
    // A9 [F]: a role that changed is updated, not added again.
    assert_eq!(licensed.role(team, tess).as_deref(), Some("user"));
}

#[tokio::test]
async fn every_later_change_arrives_and_what_others_keep_there_stays() {
    let house = House::new(Version::V1_108_7).await;
    let world = &house.world;
    let team = world.team("Ops").await;
    let (ann, ben) = (
        world.member(team, "ann", TeamRole::Member).await,
        world.member(team, "ben", TeamRole::Member).await,
    );
    house.drain().await;
    let mut there = house.team(team);
    there.metadata.insert("owner".to_owned(), json!("finance"));
    house.proxy.put_team(there);

    world
        .sql(&format!(
            "UPDATE teams SET name = 'Operations', max_budget = 7, rpm_limit = 3 WHERE id = '{team}'"
        ))
        .await;
    world
        .sql(&format!("DELETE FROM team_members WHERE user_id = '{ben}'"))
        .await;
    world
        .sql(&format!(
            "UPDATE users SET email = 'anna@example.com', display_name = 'Anna' WHERE id = '{ann}'"
        ))
        .await;
    house.drain().await;
    house.assert_same().await;
    let there = house.team(team);
    assert_eq!(
        (there.alias.as_deref(), there.max_budget, there.rpm_limit),
        (Some("Operations"), Some(7.0), Some(3))
    );
    assert_eq!(there.metadata["owner"], json!("finance"));
    assert_eq!(house.user(ann).email.as_deref(), Some("anna@example.com"));

    // Null clears a limit.
    world
        .sql(&format!("UPDATE teams SET max_budget = NULL WHERE id = '{team}'"))
        .await;
    world.set_status(team, TeamStatus::Inactive).await;
    house.drain().await;
    assert_eq!((house.team(team).max_budget, house.team(team).blocked), (None, true));
    world.set_status(team, TeamStatus::Active).await;
    house.drain().await;
    assert!(!house.team(team).blocked);

    // E8: an organization's models are its teams' where they name none.
    world
        .sql("UPDATE organizations SET models = '{fake-gpt}' WHERE slug = 'default'")
        .await;
    house.drain().await;
    assert_eq!(house.team(team).models, ["fake-gpt"]);
}

#[tokio::test]
async fn a_person_who_is_there_without_a_team_is_added_and_verified() {
    // C3 [R]: an existing LiteLLM user can have `teams: []`.
    let house = House::new(Version::V1_108_7).await;
    let ann = house.world.user("ann").await;
    house.drain().await;
    assert!(house.user(ann).teams.is_empty());
    let team = house.world.team("Ops").await;
    house.drain().await;
    house.world.join(team, ann, TeamRole::Member).await;
    house.world.sql("UPDATE users SET display_name = 'Ann'").await;
    house.drain().await;
    assert_eq!(house.user(ann).teams, [team.to_string()]);
    house.assert_same().await;
}

/// Every way in which one call can go wrong.
fn faults() -> Vec<(&'static str, Faults)> {
    let one = |change: fn(&mut Faults)| {
        let mut faults = Faults::default();
        change(&mut faults);
        faults
    };
    vec![
        ("500 before", one(|f| (f.fail_next, f.fail_status) = (1, 500))),
        ("500 after the effect", one(|f| f.error_after_next = 1)),
        ("lost before", one(|f| f.drop_before_next = 1)),
        ("lost after the effect", one(|f| f.drop_after_next = 1)),
        ("garbage", one(|f| f.garbage_next = 1)),
        (
            "429",
            one(|f| {
                f.rate_limit = Some(RateLimit {
                    retry_after: Some(0),
                    next: Some(1),
                });
            }),
        ),
    ]
}

#[tokio::test]
async fn c3_a_fault_at_any_call_loses_and_doubles_nothing() {
    for (name, fault) in faults() {
        let house = House::new(Version::V1_108_7).await;
        for call in 0..14 {
            house.proxy.set_faults(Faults {
                spare_next: call,
                ..fault.clone()
            });
            let team = house.world.team(&format!("Team {call}")).await;
            house.world.member(team, &format!("a{call}"), TeamRole::Admin).await;
            let gone = house.world.member(team, &format!("b{call}"), TeamRole::Member).await;
            litellm::deliver_due(&house.world.backend).await.unwrap();
            house
                .world
                .sql(&format!("DELETE FROM team_members WHERE user_id = '{gone}'"))
                .await;
            house.drain().await;
        }
        house.proxy.set_faults(Faults::default());
        house.assert_same().await;
        let parked: i64 = house
            .world
            .one("SELECT count(*) FROM litellm_objects WHERE state = 'parked'")
            .await;
        assert_eq!(parked, 0, "{name}");
    }
}

#[tokio::test]
async fn c6_while_litellm_is_down_changes_wait_and_then_drain_in_their_order() {
    let house = House::new(Version::V1_108_7).await;
    house.proxy.set_faults(Faults {
        down: true,
        ..Faults::default()
    });
    let team = house.world.team("Ops").await;
    house.world.member(team, "ann", TeamRole::Member).await;
    let root = house.world.super_admin().await;
    let mut opened = false;
    for _ in 0..30 {
        house.world.sql("UPDATE litellm_objects SET due_at = now()").await;
        litellm::deliver_due(&house.world.backend).await.unwrap();
        let instances = house
            .world
            .ask(root, async |ctx| litellm::instances(ctx).await)
            .await
            .unwrap();
        opened |= instances[0].breaker.as_str() == "open";
    }
    assert!(opened, "the breaker's state is shown");
    let parked: i64 = house
        .world
        .one("SELECT count(*) FROM litellm_objects WHERE state = 'parked'")
        .await;
    assert_eq!(parked, 0, "what is out of reach is tried for ever");
    assert!(house.proxy.teams().is_empty());
    house.proxy.set_faults(Faults::default());
    tokio::time::sleep(Duration::from_millis(60)).await;
    house.drain().await;
    house.assert_same().await;
}

#[tokio::test]
async fn what_litellm_refuses_is_parked_with_its_words_and_tried_again_when_asked() {
    let house = House::new(Version::V1_108_7).await;
    house.drain().await;
    house.proxy.set_faults(Faults {
        only: Some("/team/new".to_owned()),
        fail_next: 1000,
        fail_status: 400,
        ..Faults::default()
    });
    house.world.team("Ops").await;
    for _ in 0..8 {
        house.world.sql("UPDATE litellm_objects SET due_at = now()").await;
        litellm::deliver_due(&house.world.backend).await.unwrap();
    }
    let root = house.world.super_admin().await;
    let query = ObjectQuery {
        state: Some("parked".to_owned()),
        ..ObjectQuery::default()
    };
    let parked = house
        .world
        .ask(root, async |ctx| litellm::objects(ctx, &query, 10).await)
        .await
        .unwrap();
    assert_eq!((parked.total, parked.items[0].attempts), (1, 8));
    assert!(
        parked.items[0]
            .last_error
            .as_ref()
            .is_some_and(|error| !error.is_empty())
    );
    let calls = house.proxy.calls_of("POST /team/new");
    litellm::deliver_due(&house.world.backend).await.unwrap();
    assert_eq!(
        house.proxy.calls_of("POST /team/new"),
        calls,
        "a parked one waits for a person"
    );

    house.proxy.set_faults(Faults::default());
    let id = parked.items[0].id;
    let retried = house
        .world
        .act(root, async |ctx| litellm::retry(ctx, &Retry::One(id)).await)
        .await
        .unwrap();
    assert_eq!(retried, 1);
    house.drain().await;
    house.assert_same().await;
    refused(
        house
            .world
            .act(root, async |ctx| litellm::retry(ctx, &Retry::One(id)).await)
            .await,
        "WRONG_STATE",
        "It does not wait",
    );
}

#[tokio::test]
async fn c3_an_account_says_whether_litellm_knows_the_person() {
    let house = House::new(Version::V1_108_7).await;
    let root = house.world.super_admin().await;
    let person = house.world.user("nova").await;
    let page = async || {
        let user = UserRef::Id(person);
        house
            .world
            .ask(root, async |ctx| backend::users::get(ctx, &user).await)
            .await
            .unwrap()
    };
    assert_eq!(page().await.sync_status, Some(LiteLlmStanding::Pending));
    house.proxy.set_faults(Faults {
        only: Some("/user/new".to_owned()),
        fail_next: 1000,
        fail_status: 400,
        ..Faults::default()
    });
    litellm::deliver_due(&house.world.backend).await.unwrap();
    let failed = page().await;
    assert_eq!(failed.sync_status, Some(LiteLlmStanding::Error));
    assert!(failed.sync_error.is_some_and(|error| !error.is_empty()));
    house.proxy.set_faults(Faults::default());
    house.drain().await;
    let synced = page().await;
    assert_eq!(
        (synced.sync_status, synced.sync_error),
        (Some(LiteLlmStanding::Synced), None)
    );
}

#[tokio::test]
async fn two_workers_deliver_each_thing_once() {
    let house = House::new(Version::V1_108_7).await;
    house.drain().await;
    let before = house.proxy.calls_of("POST /team/new");
    for number in 0..40 {
        let team = house.world.team(&format!("Team {number}")).await;
        house.world.member(team, &format!("p{number}"), TeamRole::Member).await;
    }
    let other = Backend::new(house.world.pool.clone(), None, Settings::default())
        .with_litellm(Instances::new(vec![instance(&house.proxy, "main", true)]));
    let (one, two) = tokio::join!(litellm::deliver_due(&house.world.backend), litellm::deliver_due(&other));
    assert!(one.unwrap() + two.unwrap() >= 120);
    house.drain().await;
    house.assert_same().await;
    assert_eq!(
        (
            house.proxy.calls_of("POST /team/new") - before,
            house.proxy.calls_of("POST /user/new")
        ),
        (40, 40)
    );
}

#[tokio::test]
async fn a_change_during_a_delivery_is_delivered_after_it() {
    let house = House::new(Version::V1_108_7).await;
    let team = house.world.team("Ops").await;
    house.proxy.set_faults(Faults {
        latency_ms: 150,
        ..Faults::default()
    });
    let change = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        house
            .world
            .sql(&format!("UPDATE teams SET name = 'Later' WHERE id = '{team}'"))
            .await;
    };
    let (delivered, ()) = tokio::join!(litellm::deliver_due(&house.world.backend), change);
    assert!(delivered.unwrap() >= 2, "both versions");
    assert_eq!(house.team(team).alias.as_deref(), Some("Later"));
    assert_eq!(house.open().await, 0);
}

#[tokio::test]
async fn what_a_killed_process_had_taken_is_delivered_when_its_claim_ends() {
    let house = House::new(Version::V1_108_7).await;
    house.drain().await;
    house.world.team("Ops").await;
    house.proxy.set_faults(Faults {
        latency_ms: 60_000,
        ..Faults::default()
    });
    let backend = house.world.backend.clone();
    let killed = tokio::spawn(async move { litellm::deliver_due(&backend).await });
    within(Duration::from_secs(5), async || {
        house
            .world
            .one::<i64>("SELECT count(*) FROM litellm_objects WHERE claimed_until > now()")
            .await
            == 1
    })
    .await;
    killed.abort();
    house.proxy.set_faults(Faults::default());
    assert_eq!(
        litellm::deliver_due(&house.world.backend).await.unwrap(),
        0,
        "still taken"
    );
    house
        .world
        .sql("UPDATE litellm_objects SET claimed_until = now() - interval '1 second'")
        .await;
    house.drain().await;
    house.assert_same().await;
}

#[tokio::test]
async fn x14_an_instance_that_is_new_is_told_of_everything_and_one_that_is_gone_of_nothing() {
    let house = House::new(Version::V1_108_7).await;
    let (ops, dev) = (house.world.team("Ops").await, house.world.team("Dev").await);
    let ann = house.world.member(ops, "ann", TeamRole::Member).await;
    let second = LiteLlmSimulator::start(Version::V1_101_6).await.unwrap();
    let both = house.world.backend.clone().with_litellm(Instances::new(vec![
        instance(&house.proxy, "main", true),
        instance(&second, "second", false),
    ]));
    litellm::register(&both).await.unwrap();
    house
        .world
        .sql(&format!(
            "UPDATE teams SET litellm_instance = 'second' WHERE id = '{ops}'"
        ))
        .await;
    for _ in 0..3 {
        litellm::deliver_due(&both).await.unwrap();
    }
    let left = house.proxy.team(&ops.to_string());
    assert_eq!(left, None, "it has moved");
    assert!(house.proxy.team(&dev.to_string()).is_some());
    let moved = second.team(&ops.to_string()).expect("moved");
    assert!(moved.members.iter().any(|member| member.user_id == ann.to_string()));

    house.world.sql("UPDATE teams SET litellm_instance = NULL").await;
    let none = house.world.backend.clone().with_litellm(Instances::default());
    litellm::register(&none).await.unwrap();
    let before: i64 = house.world.one("SELECT sum(wanted)::bigint FROM litellm_objects").await;
    house.world.team("Later").await;
    house.world.sql("UPDATE teams SET max_budget = 3").await;
    let after: i64 = house.world.one("SELECT sum(wanted)::bigint FROM litellm_objects").await;
    assert_eq!(before, after);
    litellm::register(&house.world.backend).await.unwrap();
    house.drain().await;
    house.assert_same().await;
}

#[tokio::test]
async fn compare_shows_both_ways_what_differs_and_changes_nothing_by_itself() {
    let house = House::new(Version::V1_108_7).await;
    let world = &house.world;
    let (ops, dev, web) = (
        world.team("Ops").await,
        world.team("Dev").await,
        world.team("Web").await,
    );
    let (ann, ben) = (
        world.member(ops, "ann", TeamRole::Member).await,
        world.member(ops, "ben", TeamRole::Member).await,
    );
    house.drain().await;
    let client = house.world.backend.litellm.get(None).unwrap().client.clone();
    house.proxy.remove_team(&dev.to_string());
    let mut changed = house.team(web);
    changed.max_budget = Some(5.0);
    house.proxy.put_team(changed);
    client.remove_member(&ops.to_string(), &ben.to_string()).await.unwrap();
    client
        .add_member(&ops.to_string(), "stranger", integrations::litellm::Role::User, None)
        .await
        .unwrap();
    house.proxy.put_team(SimulatedTeam {
        id: "foreign".to_owned(),
        alias: Some("Foreign".to_owned()),
        ..SimulatedTeam::default()
    });

    let root = world.super_admin().await;
    house.drain().await;
    let state = || (house.proxy.teams(), house.proxy.users());
    let before = state();
    let id = world
        .act(root, async |ctx| litellm::begin(ctx, "main").await)
        .await
        .unwrap();
    refused(
        world.act(root, async |ctx| litellm::begin(ctx, "main").await).await,
        "WRONG_STATE",
        "A comparison with this instance is under way",
    );
    litellm::run(world.backend.clone(), id, "main".to_owned()).await;
    assert_eq!(state(), before, "looking changes nothing");
    let (comparison, page) = world
        .ask(root, async |ctx| litellm::comparison(ctx, None, None, 50).await)
        .await
        .unwrap();
    assert_eq!((comparison.error, comparison.open), (None, page.total));
    let found: BTreeSet<(String, String, String)> = page
        .items
        .iter()
        .map(|one| (one.problem.clone(), one.kind.clone(), one.name.clone()))
        .collect();
    let expected: BTreeSet<_> = [
        ("different", "team", "Web"),
        ("missing", "member", "ben@example.com in Ops"),
        ("missing", "team", "Dev"),
        ("unknown", "member", "stranger in Ops"),
        ("unknown", "team", "Foreign"),
        ("unknown", "user", "stranger"),
    ]
    .map(|(problem, kind, name)| (problem.to_owned(), kind.to_owned(), name.to_owned()))
    .into();
    assert_eq!(found, expected);

    let caller = world.caller(root).await;
    let settle = async |problem: &str, kind: &str, decision| {
        let one = page
            .items
            .iter()
            .find(|one| one.problem == problem && one.kind == kind)
            .unwrap();
        litellm::settle(&world.backend, caller.clone(), request(), one.id, decision).await
    };
    settle("different", "team", Decision::Push).await.unwrap();
    settle("missing", "team", Decision::Push).await.unwrap();
    settle("missing", "member", Decision::Push).await.unwrap();
    settle("unknown", "member", Decision::Remove).await.unwrap();
    refused(
        settle("unknown", "team", Decision::Remove).await,
        "WRONG_STATE",
        "Not possible",
    );
    refused(
        settle("unknown", "member", Decision::Remove).await,
        "WRONG_STATE",
        "This difference is settled",
    );
    house.drain().await;
    assert_eq!(house.team(web).max_budget, None);
    assert!(house.proxy.team(&dev.to_string()).is_some());
    let members: BTreeSet<String> = house
        .team(ops)
        .members
        .into_iter()
        .map(|member| member.user_id)
        .collect();
    assert!(members.contains(&ann.to_string()) && members.contains(&ben.to_string()) && !members.contains("stranger"));
    assert!(house.proxy.team("foreign").is_some(), "what is not ours stays");
}

#[tokio::test]
async fn p_only_super_admins_change_and_auditors_look() {
    let house = House::new(Version::V1_108_7).await;
    let (ann, eve) = (house.world.user("ann").await, house.world.user("eve").await);
    house
        .world
        .sql(&format!("UPDATE users SET is_auditor = true WHERE id = '{eve}'"))
        .await;
    house
        .world
        .ask(eve, async |ctx| litellm::instances(ctx).await)
        .await
        .unwrap();
    let literal = "Admin privileges required";
    refused(
        house.world.ask(ann, async |ctx| litellm::instances(ctx).await).await,
        "FORBIDDEN",
        literal,
    );
    let query = ObjectQuery::default();
    refused(
        house
            .world
            .ask(ann, async |ctx| litellm::objects(ctx, &query, 5).await)
            .await,
        "FORBIDDEN",
        literal,
    );
    let all = Retry::All("main".to_owned());
    for person in [ann, eve] {
        let retried = house
            .world
            .act(person, async |ctx| litellm::retry(ctx, &all).await)
            .await;
        assert_eq!(retried.unwrap_err().code().as_str(), "FORBIDDEN");
        let begun = house
            .world
            .act(person, async |ctx| litellm::begin(ctx, "main").await)
            .await;
        assert_eq!(begun.unwrap_err().code().as_str(), "FORBIDDEN");
    }
}
