//! A6, X15, X21, X22: objects that go, and come again.

use backend::objects::Deleted;
use kubernetes::Kind;
use serde_json::json;

use super::{House, condition, membership, team, user};

#[tokio::test]
async fn a6_team_person_and_membership_are_deleted_in_any_order_and_made_again() {
    let orders: [[Kind; 3]; 6] = {
        use Kind::{Team as T, TeamMemberAssociation as A, User as U};
        [[T, U, A], [T, A, U], [U, T, A], [U, A, T], [A, T, U], [A, U, T]]
    };
    let house = House::new().await;
    for order in orders {
        house.create(house.root, team("ai-team")).await.unwrap();
        house.create(house.root, user("alice")).await.unwrap();
        house
            .create(house.root, membership("alice", "ai-team", "admin"))
            .await
            .unwrap();
        house.drain().await;
        for kind in order {
            let name = match kind {
                Kind::Team => "ai-team",
                Kind::User => "alice",
                _ => "alice-ai-team",
            };
            match house.delete(house.root, kind, name).await {
                Ok(_) => {}
                // The membership of somebody who left the organization went with them.
                Err(failure) => assert!(kind == Kind::TeamMemberAssociation, "{order:?}: {failure}"),
            }
        }
        house.drain().await;
        for kind in [Kind::Team, Kind::User, Kind::TeamMemberAssociation] {
            let left: Vec<String> = house.list(house.root, kind).await;
            assert!(left.iter().all(|name| name == "olga"), "{order:?}: {left:?}");
        }
        let there = house
            .proxy
            .teams()
            .into_iter()
            .filter(|team| team.alias.as_deref() == Some("ai-team"))
            .count();
        assert_eq!(there, 0, "{order:?}: it goes from LiteLLM, too");
    }
    let accounts: i64 = house
        .world
        .one("SELECT count(*) FROM users WHERE email = 'alice@example.com'")
        .await;
    assert_eq!(accounts, 1, "X22: the account is revived, with its history");
}

#[tokio::test]
async fn a6_what_litellm_has_not_heard_of_stays_and_says_so() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.drain().await;
    let (deleted, _) = house.delete(house.root, Kind::Team, "ai-team").await.unwrap();
    let Deleted::Waiting(object) = deleted else {
        panic!("LiteLLM was not asked")
    };
    assert!(object.metadata.deletion_timestamp.is_some());
    assert_eq!(condition(&object, "Ready").1, "Deleting");
    house
        .world
        .sql("UPDATE litellm_objects SET state = 'failed', last_error = 'no' WHERE kind = 'team'")
        .await;
    let object = house.get(house.root, Kind::Team, "ai-team").await.unwrap();
    assert_eq!(condition(&object, "Ready").1, "DeleteFailed");
    let (again, _) = house.delete(house.root, Kind::Team, "ai-team").await.unwrap();
    assert!(matches!(again, Deleted::Waiting(_)));
    house.drain().await;
    assert!(house.get(house.root, Kind::Team, "ai-team").await.is_err());
}

#[tokio::test]
async fn x21_the_last_admin_is_an_admin_of_all_teams_to_declare_away() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap();
    let alice = house
        .world
        .one("SELECT id FROM users WHERE email = 'alice@example.com'")
        .await;
    let to_member = json!({"role": "member"});
    let (kind, name) = (Kind::TeamMemberAssociation, "alice-ai-team");
    let refused = house
        .patch(domain::UserId(alice), kind, name, to_member.clone())
        .await
        .unwrap_err();
    assert!(
        refused.message.contains("Cannot remove last team admin"),
        "{}",
        refused.message
    );
    let (changed, warnings) = house.patch(house.olga, kind, name, to_member).await.unwrap();
    assert!(changed.changed);
    assert!(warnings[0].contains("has no admin any more"), "{warnings:?}");
}
