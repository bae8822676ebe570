//! Who sees and declares what.

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
            let done = backend::objects::create(&mut ctx, object, &super::by_kubectl()).await;
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
    let query = backend::objects::Query {
        kind: Kind::Team,
        namespace: Some("acme".to_owned()),
        name: None,
    };
    let refused = backend::objects::list(&mut ctx, &query, None, None, &|_| true)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.reason, refused.message.as_str()),
        (Reason::NotFound, "namespaces \"acme\" not found")
    );
    let refused = backend::objects::create(&mut ctx, team("x"), &super::by_kubectl())
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::NotFound);
    // Another's object is not there either.
    let mut ctx = house.ctx(max).await;
    let refused = backend::objects::get(&mut ctx, Kind::Team, "acme", "other")
        .await
        .unwrap_err();
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
