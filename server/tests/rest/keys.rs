//! API keys of projects: SPEC D8.

use chrono::{DateTime, TimeDelta, Utc};
use http::header;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::api::{Person, World};

/// A project with an admin of its team and a member of its own.
struct House {
    world: World,
    boss: Person,
    ada: Person,
    keys: String,
}

impl House {
    async fn new() -> Self {
        let world = World::new().await;
        let (boss, ada) = (world.person("boss").await, world.person("ada").await);
        let team = world.team("Engineering").await;
        world.join(team, &boss, "admin").await;
        world.join(team, &ada, "member").await;
        let projects = format!("/admin/teams/{team}/projects");
        let project = world.post(&boss, &projects, json!({"name": "LLM API"})).await.is(201);
        let one = format!("{projects}/{}", project["id"].as_str().unwrap());
        let role = json!({"role": "member"});
        world
            .put(&boss, &format!("{one}/members/{}", ada.email), role)
            .await
            .is(201);
        Self {
            world,
            boss,
            ada,
            keys: format!("{one}/keys"),
        }
    }

    fn key(&self, key: &Value) -> String {
        format!("{}/{}", self.keys, key["id"].as_str().unwrap())
    }
}

fn time(value: &Value) -> DateTime<Utc> {
    value.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn d8_a_key_is_shown_once() {
    let House { world, boss, ada, keys } = &House::new().await;
    let answer = world.post(ada, keys, json!({"name": "ci"})).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let made = answer.is(201);
    let secret = made["key"].as_str().unwrap();
    assert!(secret.starts_with("sk-") && secret.len() == 46);
    assert_eq!(made["key_prefix"], secret[..11]);
    assert_eq!(
        (&made["name"], &made["owner"], &made["state"], &made["expires_at"]),
        (&json!("ci"), &json!(ada.email), &json!("active"), &Value::Null)
    );
    for by in [ada, boss] {
        let list = world.get(by, keys).await.is(200);
        assert_eq!((&list["total"], &list["project_name"]), (&json!(1), &json!("LLM API")));
        assert_eq!(list["keys"][0]["id"], made["id"]);
        assert!(!list.to_string().contains(&secret[11..]), "not shown again");
    }
    // It is a key to services, not to this API.
    world
        .call(Some(secret), "GET", "/auth/me", None)
        .await
        .refused(401, "INVALID_TOKEN", "Token validation failed");
}

#[tokio::test]
async fn d8_what_a_new_key_must_be() {
    let House { world, boss, ada, keys } = &House::new().await;
    let past = json!({"name": "x", "expires_at": "2020-01-01T00:00:00Z"});
    world.post(ada, keys, past).await.invalid(&["expires_at"]);
    let far = json!({"name": "x", "expires_at": "+262142-12-31T23:59:59Z"});
    world.post(ada, keys, far).await.invalid(&["expires_at"]);
    let soon = json!({"name": "x", "expires_at": "soon"});
    world.post(ada, keys, soon).await.invalid(&["expires_at"]);
    let both = json!({"name": " ", "owner": "nobody"});
    world.post(boss, keys, both).await.invalid(&["name", "owner"]);
    world
        .post(ada, keys, json!({"name": "x", "scope": "all"}))
        .await
        .invalid(&["scope"]);
    world.post(ada, keys, json!({})).await.invalid(&["name"]);
    let next = Utc::now() + TimeDelta::days(7);
    let made = world
        .post(ada, keys, json!({"name": "x", "expires_at": next}))
        .await
        .is(201);
    assert!((time(&made["expires_at"]) - next).abs() < TimeDelta::milliseconds(1));
    world.post(boss, keys, json!({"name": "X"})).await.refused(
        409,
        "NAME_TAKEN",
        "Key 'X' already exists in this project",
    );
    let other = json!({"name": "for ada", "owner": ada.email});
    let made = world.post(boss, keys, other).await.is(201);
    assert_eq!(
        (&made["owner"], &made["created_by"]),
        (&json!(ada.email), &json!(boss.email))
    );
    world
        .post(ada, keys, json!({"name": "for boss", "owner": boss.email}))
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
}

#[tokio::test]
async fn d8_rotating_a_key_overlaps_and_revoking_ends_it() {
    let house = House::new().await;
    let House { world, boss, ada, keys } = &house;
    let old = world.post(ada, keys, json!({"name": "ci"})).await.is(201);
    let rotate = format!("{}/rotate", house.key(&old));
    let far = json!({"expires_at": "+262142-12-31T23:59:59Z"});
    world.post(ada, &rotate, far).await.invalid(&["expires_at"]);
    for bad in [-1, 2_592_001] {
        world
            .post(ada, &rotate, json!({"overlap_seconds": bad}))
            .await
            .invalid(&["overlap_seconds"]);
    }
    // A body is not needed.
    let answer = world.call(Some(&ada.token), "POST", &rotate, None).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let new = answer.is(201);
    assert_ne!(new["key"], old["key"]);
    let list = world.get(ada, keys).await.is(200);
    let replaced = &list["keys"][1];
    assert_eq!(
        (&replaced["id"], &replaced["state"], &replaced["replaced_by"]),
        (&old["id"], &json!("replaced"), &new["id"])
    );
    let overlap = time(&replaced["expires_at"]) - time(&new["created_at"]);
    assert_eq!(overlap, TimeDelta::days(1), "unless said otherwise");
    world
        .post(boss, &rotate, json!({}))
        .await
        .refused(409, "WRONG_STATE", "Key 'ci' has been rotated already");
    let until = Utc::now() + TimeDelta::days(2);
    let again = format!("{}/rotate", house.key(&new));
    let newer = json!({"overlap_seconds": 0, "expires_at": until});
    let newer = world.post(boss, &again, newer).await.is(201);
    assert_eq!(newer["owner"], ada.email);
    assert!((time(&newer["expires_at"]) - until).abs() < TimeDelta::milliseconds(1));

    world.delete(ada, &house.key(&newer)).await.is(204);
    world
        .delete(ada, &house.key(&newer))
        .await
        .refused(404, "NOT_FOUND", "Key not found");
    world
        .delete(ada, &format!("{keys}/x"))
        .await
        .refused(404, "NOT_FOUND", "Key not found: x");
    world
        .delete(ada, &format!("{keys}/{}", Uuid::now_v7()))
        .await
        .refused(404, "NOT_FOUND", "Key not found");
    assert_eq!(world.get(ada, keys).await.is(200)["total"], 2, "revoked ones are gone");
}

#[tokio::test]
async fn x6_keys_are_paged() {
    let House { world, ada, keys, .. } = &House::new().await;
    for name in ["one", "two", "three"] {
        world.post(ada, keys, json!({"name": name})).await.is(201);
    }
    let first = world.get(ada, &format!("{keys}?limit=2")).await.is(200);
    assert_eq!(
        (&first["total"], &first["keys"][0]["name"]),
        (&json!(3), &json!("three"))
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = world.get(ada, &format!("{keys}?limit=2&cursor={cursor}")).await.is(200);
    assert_eq!(
        (&second["keys"][0]["name"], &second["next_cursor"]),
        (&json!("one"), &Value::Null)
    );
    world.get(ada, &format!("{keys}?limit=0")).await.invalid(&["limit"]);
    world.get(ada, &format!("{keys}?cursor=x")).await.invalid(&["cursor"]);
}
