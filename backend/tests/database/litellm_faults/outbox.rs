//! People, teams and memberships: signing in, moving people to the Default Team, changes, and the first sync.

use std::collections::BTreeSet;

use backend::{
    Ctx, Method, default_team,
    identity::{self, Claims},
    litellm,
};
use domain::{DEFAULT_TEAM, TeamId, TeamRole, UserId};

use super::{
    FAULTS, Fault, Faults, House, Made, Operation, SecretString, Target, Version, at_both_versions,
    every_fault_at_every_call, targets,
};

/// A stranger signs in for the first time, and is told to LiteLLM.
struct SignIn;

impl Operation for SignIn {
    type Given = String;
    type Told = UserId;

    async fn prepare(&self, house: &House) -> String {
        house.fresh("stranger")
    }

    async fn act(&self, house: &House, name: &String) -> UserId {
        let claims = Claims {
            issuer: "https://id.example.com".to_owned(),
            subject: name.clone(),
            email: Some(format!("{name}@example.com")),
            email_verified: true,
            email_denied: false,
            preferred_username: None,
            name: None,
            directory_id: None,
        };
        let mut ctx = Ctx::system(house.backend(), "sign-in", Method::Session)
            .await
            .expect("a transaction");
        let user = identity::resolve(&mut ctx, &claims).await.expect("signed in");
        ctx.commit().await.expect("whatever LiteLLM does");
        house.deliver().await;
        user
    }

    async fn afterwards(&self, house: &House, _: String, user: UserId, what: &str) {
        let there = house.proxy.user(&user.to_string()).expect("LiteLLM knows them");
        assert_eq!(there.teams, [DEFAULT_TEAM.to_string()], "{what}");
    }
}

at_both_versions!(c3_signing_in_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(SignIn, version)
});

/// Three people in no team, whom LiteLLM knows without one (SPEC C3 [R]).
struct Orphans;

impl Operation for Orphans {
    type Given = Vec<UserId>;
    type Told = u64;

    async fn prepare(&self, house: &House) -> Vec<UserId> {
        let mut people = Vec::new();
        for _ in 0..3 {
            people.push(house.world.user(&house.fresh("orphan")).await);
        }
        house.settle("given").await;
        people
    }

    async fn act(&self, house: &House, _: &Vec<UserId>) -> u64 {
        let mut ctx = Ctx::system(house.backend(), "migrate-orphans", Method::Command)
            .await
            .expect("a transaction");
        let moved = default_team::migrate_orphans(&mut ctx).await.expect("moved");
        ctx.commit().await.expect("whatever LiteLLM does");
        house.deliver().await;
        moved
    }

    async fn afterwards(&self, house: &House, people: Vec<UserId>, moved: u64, what: &str) {
        assert_eq!(moved, 3, "{what}");
        for person in people {
            let there = house.proxy.user(&person.to_string()).expect("LiteLLM knows them");
            assert_eq!(there.teams, [DEFAULT_TEAM.to_string()], "{what}");
        }
    }
}

at_both_versions!(c4_moving_orphans_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Orphans, version)
});

/// All that can change: a name and limits, a team that is deactivated, someone who leaves, and an account that ends with
/// the key that its owner has.
struct Changes;

struct Team {
    id: TeamId,
    closed: TeamId,
    leaves: UserId,
    ends: UserId,
    secret: SecretString,
}

impl Operation for Changes {
    type Given = Team;
    type Told = ();

    async fn prepare(&self, house: &House) -> Team {
        let (id, closed) = (house.fresh_team().await, house.fresh_team().await);
        let leaves = house.fresh_member(id, TeamRole::Member).await;
        let ends = house.fresh_member(id, TeamRole::Member).await;
        house.settle("given").await;
        let Ok(Made::Ready(_, secret)) = house.create(ends, id).await else {
            panic!("LiteLLM is well");
        };
        // What is blocked there is called suspended, so it is looked at here and not with those that work.
        house.shown.lock().unwrap().clear();
        Team {
            id,
            closed,
            leaves,
            ends,
            secret,
        }
    }

    async fn act(&self, house: &House, team: &Team) {
        let name = house.fresh("Renamed ");
        for sql in [
            format!(
                "UPDATE teams SET name = '{name}', max_budget = 7, rpm_limit = 3 WHERE id = '{}'",
                team.id
            ),
            format!("UPDATE teams SET status = 'inactive' WHERE id = '{}'", team.closed),
            format!("DELETE FROM team_members WHERE user_id = '{}'", team.leaves),
            format!("UPDATE users SET deactivated_at = now() WHERE id = '{}'", team.ends),
        ] {
            house.world.sql(&sql).await;
        }
        house.deliver().await;
    }

    async fn afterwards(&self, house: &House, team: Team, (): (), what: &str) {
        let there = house.proxy.team(&team.id.to_string()).expect("there");
        assert_eq!((there.max_budget, there.rpm_limit), (Some(7.0), Some(3)), "{what}");
        let closed = house.proxy.team(&team.closed.to_string()).expect("there");
        assert!(closed.blocked && !there.blocked, "{what}");
        assert!(
            !house.works(&team.secret).await,
            "{what}: its owner's account has ended"
        );
    }
}

at_both_versions!(c3_every_change_survives_every_fault_at_every_call, |version| {
    every_fault_at_every_call(Changes, version)
});

/// An instance that is new is told of everything, whatever goes wrong. Each case has a proxy that knows nothing.
async fn first_sync(version: Version) {
    let mut house = House::of(version).await;
    // A team that is blocked there, an admin, a member, and somebody who is in no team.
    house.world.user("nobody").await;
    let team = house.fresh_team().await;
    house.fresh_member(team, TeamRole::Admin).await;
    house.fresh_member(team, TeamRole::Member).await;
    house
        .world
        .sql(&format!("UPDATE teams SET status = 'inactive' WHERE id = '{team}'"))
        .await;
    let mut number = 0;
    let mut first = async |house: &mut House| {
        number += 1;
        house.connect(&format!("proxy-{number}")).await;
    };
    let sync = async |house: &House| {
        litellm::register(house.backend()).await.expect("registered");
        house.deliver().await;
    };
    first(&mut house).await;
    sync(&house).await;
    let calls = house.calls();
    let routes: BTreeSet<String> = house.proxy.calls().into_keys().collect();
    house.settle("without faults").await;
    house.agree("without faults").await;
    for fault in FAULTS {
        let mut struck = BTreeSet::new();
        let mut next = targets(calls, &routes);
        while let Some(target) = next(&struck) {
            if fault == Fault::Refused && matches!(target, Target::Route(_)) {
                break;
            }
            let what = format!("{fault:?}, {target:?} of {calls}");
            first(&mut house).await;
            house.strike(fault, &target).await;
            sync(&house).await;
            house.told_the_truth(&what).await;
            struck.extend(house.calm(fault).await);
            house.settle(&what).await;
            house.told_the_truth(&what).await;
            house.agree(&what).await;
        }
        let missed: Vec<_> = routes.difference(&struck).collect();
        assert!(
            fault == Fault::Refused || missed.is_empty(),
            "{fault:?} never struck {missed:?}"
        );
    }
    println!("{} faults at {calls} calls of {routes:?}", FAULTS.len());
}

at_both_versions!(x14_the_first_sync_survives_every_fault_at_every_call, first_sync);

/// A page of whoever stands before LiteLLM, with status 200, is an outage: nothing is parked because of it.
#[tokio::test]
async fn c6_a_maintenance_page_is_an_outage_and_no_refusal() {
    let house = House::new().await;
    house.proxy.set_faults(Faults {
        garbage_next: u64::MAX,
        ..Faults::default()
    });
    let team = house.fresh_team().await;
    let owner = house.fresh_member(team, TeamRole::Member).await;
    for _ in 0..12 {
        house.world.sql("UPDATE litellm_objects SET due_at = now()").await;
        house.deliver().await;
    }
    let parked: i64 = house
        .world
        .one("SELECT count(*) FROM litellm_objects WHERE state = 'parked'")
        .await;
    assert_eq!(parked, 0, "it would wait for a click after the maintenance");
    let Ok(Made::Pending(key, _)) = house.create(owner, team).await else {
        panic!("LiteLLM has not refused");
    };
    house.proxy.set_faults(Faults::default());
    house.settle("afterwards").await;
    assert!(matches!(house.claim(owner, key.id).await, Ok(Made::Ready(..))));
    house.agree("afterwards").await;
}

/// An instance that is taken out of the configuration and comes back is told what it missed: of keys that were revoked
/// and of people who left as well as of what is new.
#[tokio::test]
async fn x14_an_instance_that_comes_back_is_told_what_ended_meanwhile() {
    let house = House::new().await;
    let team = house.fresh_team().await;
    let (stays, leaves) = (
        house.fresh_member(team, TeamRole::Member).await,
        house.fresh_member(team, TeamRole::Member).await,
    );
    house.settle("given").await;
    let (Ok(Made::Ready(revoked, secret)), Ok(Made::Ready(..))) =
        (house.create(stays, team).await, house.create(stays, team).await)
    else {
        panic!("LiteLLM is well");
    };
    let none = house.backend().clone().with_litellm(litellm::Instances::default());
    litellm::register(&none).await.expect("registered");
    house
        .world
        .sql(&format!(
            "UPDATE api_keys SET revoked_at = now() WHERE id = '{}'",
            revoked.id
        ))
        .await;
    house
        .world
        .sql(&format!("DELETE FROM team_members WHERE user_id = '{leaves}'"))
        .await;
    house.fresh_team().await;
    assert!(house.works(&secret).await, "LiteLLM has heard of nothing");

    litellm::register(house.backend()).await.expect("registered");
    house.settle("back").await;
    assert!(!house.works(&secret).await, "it is revoked");
    house.agree("back").await;
}

/// "Compare now" finds keys that LiteLLM has lost. They cannot be delivered again, and it says so.
#[tokio::test]
async fn c12_a_key_that_litellm_lost_is_found() {
    let house = House::new().await;
    let team = house.fresh_team().await;
    let owner = house.fresh_member(team, TeamRole::Member).await;
    house.settle("given").await;
    let (Ok(Made::Ready(lost, secret)), Ok(Made::Ready(..))) =
        (house.create(owner, team).await, house.create(owner, team).await)
    else {
        panic!("LiteLLM is well");
    };
    let client = house.backend().litellm.get(None).expect("configured").client.clone();
    client
        .delete_key(secrecy::ExposeSecret::expose_secret(&secret))
        .await
        .expect("deleted");
    assert_eq!(
        house.differences().await,
        [format!(
            "missing key {}: LiteLLM had it and does not have it now: it does not work",
            lost.name
        )]
    );
    let root = house.world.super_admin().await;
    let caller = house.world.caller(root).await;
    let id: uuid::Uuid = house.world.one("SELECT id FROM litellm_differences").await;
    let pushed = litellm::settle(house.backend(), caller, super::request(), id, litellm::Decision::Push).await;
    crate::common::refused(pushed, "WRONG_STATE", "LiteLLM cannot be given a key again");
}
