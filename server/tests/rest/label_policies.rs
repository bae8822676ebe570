//! Label policies over HTTP (SPEC B16, B17, X4).

use serde_json::{Value, json};

use crate::api::World;

/// B17, word by word: upsert, list, one, delete, and one's own.
#[tokio::test]
async fn b17_the_five_routes() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.person("loner").await);
    assert_eq!(world.get(&loner, "/auth/my-label-policy").await.is(200), Value::Null);
    let made = world
        .post(
            &root,
            "/admin/label-policies",
            json!({"user_identity": "loner@example.com", "allowed_labels": ["gpu"]}),
        )
        .await
        .is(201);
    for (field, value) in [
        ("user_identity", json!("loner@example.com")),
        ("user_id", json!(loner.id)),
        ("allowed_labels", json!(["gpu"])),
        ("label_patterns", json!([])),
        ("max_runners", Value::Null),
        ("require_approval", json!(false)),
        ("description", Value::Null),
        ("created_by", json!("root@example.com")),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert!(made["created_at"].is_string() && made["updated_at"].is_string());
    let whole = json!({
        "user_identity": loner.id, "allowed_labels": ["*"], "label_patterns": ["app-.*"], "max_runners": 2,
        "require_approval": true, "description": "for now"
    });
    let again = world.post(&root, "/admin/label-policies", whole).await.is(201);
    assert_eq!(
        (&again["max_runners"], &again["created_at"]),
        (&json!(2), &made["created_at"]),
        "an upsert"
    );
    assert_eq!(world.get(&loner, "/auth/my-label-policy").await.is(200), again);
    for user in ["loner@example.com", "LONER@example.com", &loner.id.to_string()] {
        assert_eq!(
            world.get(&root, &format!("/admin/label-policies/{user}")).await.is(200),
            again
        );
    }
    let list = world
        .get(&root, "/admin/label-policies?limit=1&search=lon")
        .await
        .is(200);
    assert_eq!((&list["policies"], &list["total"]), (&json!([again]), &json!(1)));
    let one = "/admin/label-policies/loner@example.com";
    assert_eq!(world.delete(&root, one).await.is(204), "");
    for answer in [world.delete(&root, one).await, world.get(&root, one).await] {
        answer.refused(404, "NOT_FOUND", "No policy found for user: loner@example.com");
    }
    world.get(&root, "/admin/label-policies/what-is-this").await.refused(
        404,
        "NOT_FOUND",
        "No policy found for user: what-is-this",
    );
    let empty = world.get(&root, "/admin/label-policies").await.is(200);
    assert_eq!((&empty["policies"], &empty["total"]), (&json!([]), &json!(0)));
}

/// B17: bad input is named; unknown fields and people are too.
#[tokio::test]
async fn b17_bad_input_is_refused_with_its_fields() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let post = async |body: Value| world.post(&root, "/admin/label-policies", body).await;
    let bad = json!({"user_identity": "?", "allowed_labels": ["a b"], "label_patterns": ["("], "max_runners": -1});
    post(bad)
        .await
        .invalid(&["user_identity", "allowed_labels", "label_patterns", "max_runners"]);
    post(json!({"user_identity": "a@example.com"}))
        .await
        .invalid(&["allowed_labels"]);
    post(json!({"user_identity": "a@example.com", "allowed_labels": [], "labels": []}))
        .await
        .invalid(&["labels"]);
    post(json!({"user_identity": "a@example.com", "allowed_labels": []}))
        .await
        .refused(404, "NOT_FOUND", "User not found: a@example.com");
    world
        .get(&root, "/admin/label-policies?limit=0")
        .await
        .invalid(&["limit"]);
    world
        .get(&root, "/admin/label-policies?page=2")
        .await
        .invalid(&["page"]);
    world
        .get(&root, "/admin/label-policies?cursor=x")
        .await
        .invalid(&["cursor"]);
}

/// B16, B17: what provisioning answers to somebody in no team: 403 with the literals, 400 once there is a team.
#[tokio::test]
async fn b17_provisioning_without_a_team_answers_403() {
    let world = World::new().await;
    let (root, loner) = (world.super_admin().await, world.person("loner").await);
    let jit = async |labels: Value| world.post(&loner, "/runners/jit", json!({"labels": labels})).await;
    jit(json!([]))
        .await
        .refused(403, "LABEL_NOT_PERMITTED", "Labels not permitted by policy.");
    let policy = json!({"user_identity": loner.email, "allowed_labels": ["gpu"], "label_patterns": ["app-.*"], "max_runners": 1});
    world.post(&root, "/admin/label-policies", policy).await.is(201);
    jit(json!(["gpu", "arm", "app"])).await.refused(
        403,
        "LABEL_NOT_PERMITTED",
        "Labels {arm, app} not permitted by policy. Allowed labels: gpu. Allowed patterns: app-.*",
    );
    let made = jit(json!(["gpu", "app-1"])).await.is(201);
    assert_eq!(made["labels"], json!(["self-hosted", "linux", "x64", "gpu", "app-1"]));
    let full = jit(json!([])).await;
    let full = full.refused(
        403,
        "QUOTA_EXCEEDED",
        "Runner quota exceeded. Maximum allowed: 1, current: 1",
    );
    assert!(
        full["who_can"].as_str().is_some_and(|who| who.contains("super_admin")),
        "{full:#}"
    );
    world
        .post(
            &root,
            "/admin/label-policies",
            json!({"user_identity": loner.email, "allowed_labels": ["*"], "require_approval": true}),
        )
        .await
        .is(201);
    jit(json!(["any"]))
        .await
        .refused(403, "APPROVAL_REQUIRED", "Approval required.");
    let team = world.team("Ops").await;
    world.join(team, &loner, "member").await;
    jit(json!([]))
        .await
        .refused(400, "TEAM_REQUIRED", "team_id is required");
}

/// The way into teams: suggested, tried, done.
#[tokio::test]
async fn b16_suggestions_are_carried_out_as_they_come() {
    let world = World::new().await;
    let root = world.super_admin().await;
    for name in ["ann", "ben"] {
        let person = world.person(name).await;
        let policy = json!({"user_identity": person.email, "allowed_labels": ["gpu"], "label_patterns": ["ml-.*"], "max_runners": 2});
        world.post(&root, "/admin/label-policies", policy).await.is(201);
    }
    let found = world.get(&root, "/admin/label-policies/suggestions").await.is(200);
    let team = &found["suggestions"][0];
    assert_eq!((&found["total"], &team["name"]), (&json!(1), &json!("Ml runners")));
    assert_eq!(
        (&team["max_runners"], &team["required_labels"]),
        (&json!(4), &json!([]))
    );
    assert_eq!(team["optional_label_patterns"], json!(["gpu", "ml-.*"]));
    assert_eq!(team["members"][0]["labels_lost"], json!([]));
    let members: Vec<&Value> = team["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|m| &m["user_id"])
        .collect();
    let body = |dry: bool| {
        json!({"dry_run": dry, "remove_policies": true, "suggestions": [{
            "name": team["name"], "organization_id": team["organization_id"], "required_labels": ["linux", "cuda"],
            "optional_label_patterns": ["ml-.*"], "max_runners": team["max_runners"], "members": members
        }]})
    };
    let tried = world
        .post(&root, "/admin/label-policies/migrate", body(true))
        .await
        .is(200);
    assert_eq!(
        (&tried["dry_run"], &tried["teams"][0]["id"]),
        (&json!(true), &Value::Null)
    );
    let person = &tried["teams"][0]["members"][0];
    assert_eq!(
        (&person["labels_lost"], &person["labels_always"]),
        (&json!(["gpu"]), &json!(["cuda"]))
    );
    assert_eq!(person["labels_gained"], json!(["cuda"]));
    assert_eq!(
        world.count("SELECT count(*) FROM user_label_policies").await,
        2,
        "only tried"
    );
    let done = world
        .post(&root, "/admin/label-policies/migrate", body(false))
        .await
        .is(200);
    assert_eq!(done["policies_removed"], 2);
    let id = done["teams"][0]["id"].as_str().unwrap();
    let made = world.get(&root, &format!("/admin/teams/{id}")).await.is(200);
    assert_eq!((&made["member_count"], &made["max_runners"]), (&json!(2), &json!(4)));
    assert_eq!(world.count("SELECT count(*) FROM user_label_policies").await, 0);
    world
        .post(&root, "/admin/label-policies/migrate", json!({"suggestions": []}))
        .await
        .invalid(&["suggestions"]);
}

/// X4: the switch is the Default Team's alone, and in the API too.
#[tokio::test]
async fn x4_runners_enabled_is_a_field_of_the_default_team() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let (system, ops) = (domain::DEFAULT_TEAM, world.team("Ops").await);
    let path = format!("/admin/teams/{system}");
    assert_eq!(world.get(&root, &path).await.is(200)["runners_enabled"], false);
    let switch = async |path: &str, value: Value| world.patch(&root, path, json!({"runners_enabled": value})).await;
    assert_eq!(switch(&path, json!(true)).await.is(200)["runners_enabled"], true);
    switch(&path, Value::Null).await.invalid(&["runners_enabled"]);
    switch(&format!("/admin/teams/{ops}"), json!(false))
        .await
        .invalid(&["runners_enabled"]);
}
