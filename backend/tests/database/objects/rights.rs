//! Who sees and declares what.

use backend::objects;
use domain::{OrgRole, TeamRole};
use kubernetes::{Kind, Reason};
use serde_json::json;

use super::{House, membership, object, team, user};

#[tokio::test]
async fn p_roles_see_and_declare_what_the_table_says() {
    let house = House::new().await;
    let ops = house.world.team_in(house.acme, "ops").await;
    let tess = house.world.member(ops, "tess", TeamRole::Admin).await;
    let max = house.world.member(ops, "max", TeamRole::Member).await;
    let other = house.world.team_in(house.acme, "other").await;
    house.world.member(other, "carl", TeamRole::Admin).await;
    let audrey = house.world.user("audrey").await;
    house.world.give(house.acme, audrey, OrgRole::Auditor).await;
    let nora = house.world.user("nora").await;
    for person in [tess, max] {
        house.world.give(house.acme, person, OrgRole::OrgMember).await;
    }
    // (who, teams, people, memberships, may create: team, membership of ops, membership of other)
    for (who, teams, people, memberships, creates) in [
        (house.root, 2, 4, 3, [true, true, true]),
        (house.olga, 2, 4, 3, [true, true, true]),
        (audrey, 2, 4, 3, [false, false, false]),
        (tess, 1, 1, 2, [false, true, false]),
        (max, 1, 1, 2, [false, false, false]),
    ] {
        let seen = [
            house.list(who, Kind::Team).await.len(),
            house.list(who, Kind::User).await.len(),
            house.list(who, Kind::TeamMemberAssociation).await.len(),
        ];
        assert_eq!(seen, [teams, people, memberships], "{who}");
        let wanted = [
            team("fresh"),
            membership("nora", "ops", "member"),
            membership("nora", "other", "member"),
        ];
        for (object, may) in wanted.into_iter().zip(creates) {
            let mut ctx = house.ctx(who).await;
            let name = object.metadata.name.clone();
            let done = objects::create(&mut ctx, object, super::by_kubectl()).await;
            match done {
                Ok(_) => assert!(may, "{who} made {name}"),
                Err(failure) => {
                    assert!(!may, "{who} {name}: {failure}");
                    assert!(
                        matches!(failure.reason, Reason::Forbidden | Reason::NotFound),
                        "{failure}"
                    );
                }
            }
        }
    }
    // A namespace that is not seen is not there.
    let mut ctx = house.ctx(nora).await;
    let query = objects::Query {
        kind: Kind::Team,
        namespace: Some("acme".to_owned()),
        name: None,
    };
    let refused = objects::list(&mut ctx, &query, None, None, &|_| true)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.reason, refused.message.as_str()),
        (Reason::NotFound, "namespaces \"acme\" not found")
    );
    let refused = objects::create(&mut ctx, team("x"), super::by_kubectl())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound);
    // Another's object is not there either.
    let mut ctx = house.ctx(max).await;
    let refused = objects::get(&mut ctx, Kind::Team, "acme", "other").await.unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound);
}

#[tokio::test]
async fn a16_a_proxy_admin_is_a_super_admins_word_and_grants_nothing() {
    let house = House::new().await;
    let alice = house.world.user("alice").await;
    let spec = json!({"userEmail": "alice@example.com", "userRole": "proxy_admin"});
    let refused = house
        .create(house.olga, object(Kind::User, "alice", spec.clone()))
        .await
        .unwrap_err();
    assert_eq!(refused.causes[0].field, "spec.userRole");
    house
        .create(house.root, object(Kind::User, "alice", spec))
        .await
        .unwrap();
    let is_admin: bool = house
        .world
        .one(&format!("SELECT is_super_admin FROM users WHERE id = '{alice}'"))
        .await;
    assert!(!is_admin);
    // An account that nobody knows is a super_admin's to make.
    let refused = house.create(house.olga, user("stranger")).await.unwrap_err();
    assert_eq!(refused.reason, Reason::Forbidden);
}

#[tokio::test]
async fn a15_a_ref_into_a_namespace_that_is_not_seen_finds_nothing() {
    let house = House::new().await;
    let umbrella = house.world.organization("umbrella").await;
    house.world.team_in(umbrella, "secret").await;
    house.world.user("alice").await;
    let spec = json!({"role": "member", "teamRef": {"name": "secret", "namespace": "umbrella"}, "userEmail": "alice@example.com"});
    let (made, _) = house
        .create(house.olga, object(Kind::TeamMemberAssociation, "x", spec.clone()))
        .await
        .unwrap();
    assert_eq!(made.status["teamExists"], false);
    house
        .delete(house.olga, Kind::TeamMemberAssociation, "x")
        .await
        .unwrap();
    let (made, _) = house
        .create(house.root, object(Kind::TeamMemberAssociation, "x", spec))
        .await
        .unwrap();
    assert_eq!(made.status["teamExists"], true);
    let spec = json!({"teamAlias": "a team", "organizationID": umbrella.to_string()});
    let refused = house
        .create(house.root, object(Kind::Team, "a-team", spec))
        .await
        .unwrap_err();
    assert_eq!(refused.causes[0].field, "spec.organizationID");
}

/// A label says nothing of what is declared: whoever writes one lends no rights to it.
#[tokio::test]
async fn what_waits_is_made_with_the_rights_of_whoever_said_it() {
    let house = House::new().await;
    let ops = house.world.team_in(house.acme, "ops").await;
    let tess = house.world.member(ops, "tess", TeamRole::Admin).await;
    house.world.give(house.acme, tess, OrgRole::OrgMember).await;
    // Of a team that is not there a team admin declares nothing.
    let refused = house
        .create(tess, membership("tess", "later", "admin"))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Forbidden);
    // Two names for one membership of somebody unknown: one is made, the other says so, and others go on waiting.
    for name in ["one", "two"] {
        let spec = json!({"role": "member", "teamAlias": "ops", "userEmail": "later@example.com"});
        house
            .create(tess, object(Kind::TeamMemberAssociation, name, spec))
            .await
            .unwrap();
    }
    let label = |current: &kubernetes::Object| {
        let mut new = current.clone();
        new.metadata.labels.insert("a".to_owned(), "b".to_owned());
        Ok(new)
    };
    let mut ctx = house.ctx(house.root).await;
    objects::change(
        &mut ctx,
        Kind::TeamMemberAssociation,
        "acme",
        "one",
        super::by_kubectl(),
        &label,
    )
    .await
    .unwrap();
    ctx.commit().await.unwrap();
    let by: uuid::Uuid = house
        .world
        .one("SELECT written_by FROM objects WHERE name = 'one'")
        .await;
    assert_eq!(by, tess.0);
    house.world.user("later").await;
    let job = tokio::spawn(objects::Changes::new(&house.world.backend).run());
    crate::common::within(std::time::Duration::from_secs(20), async || {
        let waits: Vec<String> = house
            .world
            .all("SELECT coalesce(waits ->> 'message', '') FROM objects WHERE name IN ('one', 'two')")
            .await;
        waits.iter().any(String::is_empty) && waits.iter().any(|why| why.contains("declares the same"))
    })
    .await;
    job.abort();
}

#[tokio::test]
async fn a16_what_litellm_is_told_of_a_person_is_one_organizations_only_while_they_are_its_alone() {
    let house = House::new().await;
    let alice = house.world.user("alice").await;
    let spec = json!({"userEmail": "alice@example.com", "maxBudget": "5"});
    house
        .create(house.olga, object(Kind::User, "alice", spec))
        .await
        .unwrap();
    let umbrella = house.world.organization("umbrella").await;
    house.world.give(umbrella, alice, OrgRole::OrgMember).await;
    let refused = house
        .patch(house.olga, Kind::User, "alice", json!({"maxBudget": "500"}))
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Invalid);
    assert!(refused.message.contains("super_admin only"), "{}", refused.message);
    // What is not written stays as it was.
    house
        .patch(house.root, Kind::User, "alice", json!({"rpmLimit": 7}))
        .await
        .unwrap();
    let budget: rust_decimal::Decimal = house.world.one("SELECT max_budget FROM litellm_people").await;
    assert_eq!(budget, rust_decimal::Decimal::from(5));
}
