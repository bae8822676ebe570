//! Objects that somebody declared, and those that were there.

use backend::{members, objects, teams};
use domain::{TeamId, TeamRole, UserRef};
use kubernetes::{Kind, Reason};
use serde_json::json;

use super::{House, condition, membership, object, ready, team, user};
use crate::common::World;

async fn team_id(world: &World, slug: &str) -> TeamId {
    TeamId(
        world
            .one(&format!(
                "SELECT id FROM teams WHERE slug = '{slug}' AND status <> 'archived'"
            ))
            .await,
    )
}

#[tokio::test]
async fn a1_the_workflow_of_the_guide_makes_team_person_and_membership() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    let (made, warnings) = house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap();
    assert_eq!(warnings, Vec::<String>::new());
    assert_eq!(made.spec["role"], "admin");
    assert_eq!(
        made.spec.get("teamRef"),
        None,
        "what was not written is not shown: apply would never settle"
    );
    assert_eq!(ready(&made), ("False".to_owned(), "Reconciling".to_owned()));
    house.drain().await;
    let there = house
        .get(house.root, Kind::TeamMemberAssociation, "alice-ai-team")
        .await
        .unwrap();
    assert_eq!(
        condition(&there, "Ready"),
        (
            "True".to_owned(),
            "Ready".to_owned(),
            "User added to Team in Litellm".to_owned()
        )
    );
    for field in ["teamExists", "userExists", "associationIsValid"] {
        assert_eq!(there.status[field], true, "{field}");
    }
    assert_eq!(there.metadata.generation, Some(1), "a status is no change of the spec");
    assert!(there.version() > made.version());
    let team = house.get(house.root, Kind::Team, "ai-team").await.unwrap();
    assert_eq!(team.status["membersWithRole"][0]["userEmail"], "alice@example.com");
    assert_eq!(team.status["memberCount"], 1);
    assert_eq!(
        house
            .proxy
            .teams()
            .into_iter()
            .filter(|team| team.alias.as_deref() == Some("ai-team"))
            .count(),
        1
    );
}

#[tokio::test]
async fn a2_litellms_word_user_means_member_and_is_given_back_as_it_was_written() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("bob")).await.unwrap();
    let (made, warnings) = house
        .create(house.root, membership("bob", "ai-team", "user"))
        .await
        .unwrap();
    assert_eq!(made.spec["role"], "user");
    assert_eq!(made.status["role"], "member");
    assert!(warnings[0].contains("taken as \"member\""), "{warnings:?}");
    let role: String = house
        .world
        .one("SELECT role FROM team_members JOIN teams t ON t.id = team_id WHERE t.slug = 'ai-team'")
        .await;
    assert_eq!(role, "member");
    let (changed, _) = house
        .patch(
            house.root,
            Kind::TeamMemberAssociation,
            "bob-ai-team",
            json!({"role": "user"}),
        )
        .await
        .unwrap();
    assert!(!changed.changed);
    assert_eq!(
        changed.object.version(),
        made.version(),
        "what changes nothing has no new version"
    );
    let refused = house
        .patch(
            house.root,
            Kind::TeamMemberAssociation,
            "bob-ai-team",
            json!({"role": "owner"}),
        )
        .await
        .unwrap_err();
    assert_eq!(refused.reason, Reason::Invalid);
    assert!(refused.message.contains("\"admin\", \"member\""), "{}", refused.message);
}

#[tokio::test]
async fn a4_alias_and_ref_must_agree_and_either_is_enough() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, team("other")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    let spec =
        json!({"role": "admin", "teamAlias": "other", "teamRef": {"name": "ai-team"}, "userRef": {"name": "alice"}});
    let refused = house
        .create(house.root, object(Kind::TeamMemberAssociation, "x", spec))
        .await
        .unwrap_err();
    assert_eq!(refused.causes[0].field, "spec.teamAlias");
    let spec =
        json!({"role": "admin", "teamRef": {"name": "ai-team", "namespace": "acme"}, "userRef": {"name": "alice"}});
    let (made, _) = house
        .create(house.root, object(Kind::TeamMemberAssociation, "x", spec))
        .await
        .unwrap();
    assert_eq!(made.status["teamAlias"], "ai-team");
    // Another object of the same membership.
    let refused = house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap_err();
    assert!(refused.message.contains("acme/x"), "{}", refused.message);
}

#[tokio::test]
async fn a3_what_is_missing_is_said_one_by_one_and_waited_for() {
    let house = House::new().await;
    let (made, _) = house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap();
    assert_eq!(condition(&made, "Ready").2, "referenced Team is not ready");
    assert_eq!(condition(&made, "TeamExists").0, "False");
    assert_eq!(condition(&made, "UserExists").0, "False");
    assert_eq!(condition(&made, "InstanceReachable").0, "True");
    assert_eq!(made.status["associationIsValid"], false);
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    let changes = objects::Changes::new(&house.world.backend);
    let job = tokio::spawn(changes.run());
    crate::common::within(std::time::Duration::from_secs(20), async || {
        let now = house
            .get(house.root, Kind::TeamMemberAssociation, "alice-ai-team")
            .await
            .unwrap();
        now.status["associationIsValid"] == true
    })
    .await;
    job.abort();
    let members: i64 = house
        .world
        .one("SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id WHERE t.slug = 'ai-team'")
        .await;
    assert_eq!(members, 1);
}

#[tokio::test]
async fn a5_what_names_a_membership_cannot_change() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    house
        .create(house.root, membership("alice", "ai-team", "admin"))
        .await
        .unwrap();
    for (kind, name, spec, field) in [
        (
            Kind::TeamMemberAssociation,
            "alice-ai-team",
            json!({"teamAlias": "x"}),
            "spec.teamAlias",
        ),
        (
            Kind::TeamMemberAssociation,
            "alice-ai-team",
            json!({"userEmail": "x@example.com"}),
            "spec.userEmail",
        ),
        (Kind::Team, "ai-team", json!({"teamAlias": "x"}), "spec.teamAlias"),
        (
            Kind::User,
            "alice",
            json!({"userEmail": "x@example.com"}),
            "spec.userEmail",
        ),
    ] {
        let refused = house.patch(house.root, kind, name, spec).await.unwrap_err();
        assert_eq!(refused.reason, Reason::Invalid);
        assert_eq!(refused.causes[0].field, field);
        assert!(refused.causes[0].message.contains("immutable"), "{}", refused.message);
    }
}

#[tokio::test]
async fn a10_a_team_has_its_limits_and_shows_those_of_the_console() {
    let house = House::new().await;
    let spec = json!({"teamAlias": "AI Team", "maxBudget": "100.00", "budgetDuration": "30d", "rpmLimit": 10, "guardrails": ["pii"]});
    let (made, warnings) = house
        .create(house.olga, object(Kind::Team, "ai-team", spec))
        .await
        .unwrap();
    assert_eq!(made.spec["maxBudget"], "100.00");
    assert_eq!(made.status["maxBudget"], "100");
    assert!(warnings[0].contains("spec.guardrails"), "{warnings:?}");
    let id = team_id(&house.world, "ai-team").await;
    let rename = teams::TeamPatchInput {
        name: Some("Artificial".to_owned()),
        rpm_limit: Some(None),
        ..Default::default()
    };
    house
        .world
        .act(house.olga, async |ctx| {
            teams::update(ctx, id, rename.parse().unwrap()).await
        })
        .await
        .unwrap();
    let shown = house.get(house.olga, Kind::Team, "ai-team").await.unwrap();
    assert_eq!(shown.spec["teamAlias"], "Artificial");
    assert_eq!(shown.spec.get("rpmLimit"), None);
    assert_eq!(shown.spec["maxBudget"], "100.00");
    assert_eq!(shown.spec["guardrails"], json!(["pii"]));
    assert_eq!(shown.metadata.generation, Some(2));
    // Blocked is deactivated.
    house
        .patch(
            house.olga,
            Kind::Team,
            "ai-team",
            json!({"blocked": true, "maxBudget": null}),
        )
        .await
        .unwrap();
    let status: String = house.world.one("SELECT status FROM teams WHERE slug = 'ai-team'").await;
    assert_eq!(status, "inactive");
    let budget: Option<rust_decimal::Decimal> = house
        .world
        .one("SELECT max_budget FROM teams WHERE slug = 'ai-team'")
        .await;
    assert_eq!(budget, None);
}

#[tokio::test]
async fn a11_a_person_comes_with_a_key_that_only_they_can_claim() {
    let house = House::new().await;
    let spec = json!({"userEmail": "alice@example.com", "userAlias": "alice", "userRole": "internal_user_viewer", "keyAlias": "alice-key",
        "autoCreateKey": true, "models": ["gpt-4o"], "maxBudget": "10", "budgetDuration": "1h"});
    let (made, warnings) = house
        .create(house.root, object(Kind::User, "alice", spec))
        .await
        .unwrap();
    assert_eq!(made.status["userRole"], "internal_user_viewer");
    assert!(
        warnings.iter().any(|words| words.contains("claims its secret")),
        "{warnings:?}"
    );
    let key = house.get(house.root, Kind::VirtualKey, "alice-key").await.unwrap();
    assert_eq!(ready(&key), ("False".to_owned(), "WaitsForOwner".to_owned()));
    assert_eq!(key.spec["models"], json!(["gpt-4o"]));
    assert_eq!(key.spec.get("key"), None);
    house.drain().await;
    let alice: uuid::Uuid = house
        .world
        .one("SELECT id FROM users WHERE email = 'alice@example.com'")
        .await;
    let there = house
        .proxy
        .users()
        .into_iter()
        .find(|user| user.id == alice.to_string())
        .unwrap();
    assert_eq!(there.role.as_deref(), Some("internal_user_viewer"));
    let caller = house.caller(domain::UserId(alice)).await;
    let id = key.status["keyID"].as_str().unwrap().parse().unwrap();
    let claimed = backend::api_keys::claim(&house.world.backend, caller, crate::common::request(), id)
        .await
        .unwrap();
    assert!(matches!(claimed, backend::api_keys::Made::Ready(..)));
    let key = house.get(house.root, Kind::VirtualKey, "alice-key").await.unwrap();
    assert_eq!(ready(&key), ("True".to_owned(), "Ready".to_owned()));
    // Again is no second key.
    house
        .patch(house.root, Kind::User, "alice", json!({"maxBudget": "11"}))
        .await
        .unwrap();
    assert_eq!(house.list(house.root, Kind::VirtualKey).await, ["alice-key"]);
}

#[tokio::test]
async fn x14_an_unknown_instance_is_a_condition_and_nothing_is_made() {
    let house = House::new().await;
    for reference in [
        json!({"instanceRef": {"name": "elsewhere"}}),
        json!({"secretRef": {"name": "s"}}),
    ] {
        let spec = json!({"teamAlias": "ai-team", "connectionRef": reference});
        let (made, _) = house
            .create(house.root, object(Kind::Team, "ai-team", spec))
            .await
            .unwrap();
        assert_eq!(ready(&made), ("False".to_owned(), "ConfigError".to_owned()));
        let teams: i64 = house
            .world
            .one("SELECT count(*) FROM teams WHERE slug = 'ai-team'")
            .await;
        assert_eq!(teams, 0);
        house.delete(house.root, Kind::Team, "ai-team").await.unwrap();
    }
}

#[tokio::test]
async fn what_was_there_before_is_shown_and_can_be_declared() {
    let house = House::new().await;
    let backend = house.world.team_in(house.acme, "backend").await;
    let max = house.world.member(backend, "max", TeamRole::Admin).await;
    house.world.give(house.acme, max, domain::OrgRole::OrgMember).await;
    assert_eq!(house.list(house.root, Kind::Team).await, ["backend"]);
    assert_eq!(house.list(house.root, Kind::User).await, ["max", "olga"]);
    assert_eq!(
        house.list(house.root, Kind::TeamMemberAssociation).await,
        ["max-backend"]
    );
    let made = house
        .get(house.root, Kind::TeamMemberAssociation, "max-backend")
        .await
        .unwrap();
    assert_eq!(made.spec["teamRef"], json!({"name": "backend"}));
    // Under another name it is the same one.
    let spec = json!({"role": "admin", "teamAlias": "backend", "userEmail": "max@example.com"});
    house
        .create(house.root, object(Kind::TeamMemberAssociation, "max-admin", spec))
        .await
        .unwrap();
    assert_eq!(house.list(house.root, Kind::TeamMemberAssociation).await, ["max-admin"]);
    // Ended in the console, it is gone.
    house.world.member(backend, "nina", TeamRole::Admin).await;
    house
        .world
        .act(house.root, async |ctx| {
            members::remove(ctx, backend, &UserRef::Id(max)).await
        })
        .await
        .unwrap();
    assert_eq!(
        house.list(house.root, Kind::TeamMemberAssociation).await,
        ["nina-backend"]
    );
    // And an organization's other slug is another namespace.
    house
        .world
        .sql("UPDATE organizations SET slug = 'acme-2' WHERE slug = 'acme'")
        .await;
    let mut ctx = house.ctx(house.root).await;
    let found = objects::get(&mut ctx, Kind::Team, "acme-2", "backend").await.unwrap();
    assert_eq!(found.metadata.namespace, "acme-2");
}

#[tokio::test]
async fn an_export_applies_back_without_a_change() {
    let house = House::new().await;
    house.create(house.root, team("ai-team")).await.unwrap();
    house.create(house.root, user("alice")).await.unwrap();
    house
        .create(house.root, membership("alice", "ai-team", "user"))
        .await
        .unwrap();
    let other = house.world.team_in(house.acme, "console-made").await;
    house.world.member(other, "carl", TeamRole::Member).await;
    house.drain().await;
    let mut ctx = house.ctx(house.root).await;
    let files = objects::export(&mut ctx, "acme").await.unwrap();
    drop(ctx);
    assert!(files.len() >= 5);
    for file in files {
        assert!(file.status.is_empty() && file.metadata.uid.is_none());
        let spec = file.spec.clone();
        let wanted = move |current: &kubernetes::Object| {
            Ok(kubernetes::Object {
                spec: spec.clone(),
                ..current.clone()
            })
        };
        let mut ctx = house.ctx(house.root).await;
        let changed = objects::change(
            &mut ctx,
            file.kind,
            "acme",
            &file.metadata.name,
            super::by_kubectl(),
            &wanted,
        )
        .await
        .unwrap();
        assert!(!changed.changed, "{} {}", file.kind, file.metadata.name);
    }
}

#[tokio::test]
async fn what_was_declared_for_a_team_goes_with_it_to_another_organization() {
    let house = House::new().await;
    let here = |mut object: kubernetes::Object| {
        "default".clone_into(&mut object.metadata.namespace);
        object
    };
    house.create(house.root, here(team("ai-team"))).await.unwrap();
    house.create(house.root, here(user("alice"))).await.unwrap();
    let declared = here(membership("alice", "ai-team", "user"));
    house.create(house.root, declared).await.unwrap();
    // One was declared here with words that say where the team is.
    let mut elsewhere = here(membership("alice", "mine", "member"));
    elsewhere.spec.remove("teamAlias");
    let mine = json!({"name": "mine", "namespace": "acme"});
    elsewhere.spec.insert("teamRef".to_owned(), mine);
    house.world.team_in(house.acme, "mine").await;
    house.create(house.root, elsewhere).await.unwrap();

    let id = team_id(&house.world, "ai-team").await;
    let mut ctx = house.ctx(house.root).await;
    teams::move_to(&mut ctx, id, house.acme, false).await.unwrap();
    ctx.commit().await.unwrap();

    let mut ctx = house.ctx(house.root).await;
    let mut names = async |namespace: &str| {
        let query = objects::Query {
            kind: Kind::TeamMemberAssociation,
            namespace: Some(namespace.to_owned()),
            name: None,
        };
        let list = objects::list(&mut ctx, &query, None, None, &|_| true).await.unwrap();
        let names = list.objects.into_iter().map(|object| object.metadata.name);
        names.collect::<Vec<_>>()
    };
    // Nothing of the team is left where it was; what names another namespace stays where it was declared.
    assert_eq!(names("default").await, ["alice-mine"]);
    assert_eq!(names("acme").await, ["alice-ai-team"]);
}
