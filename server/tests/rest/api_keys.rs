//! `/api/v1/api-keys` over HTTP: SPEC C8–C12, C17.

use http::header;
use serde_json::{Value, json};
use simulators::litellm::{LiteLlmSimulator, Version};

use crate::api::{Person, World};

const KEYS: &str = "/api-keys";

struct House {
    world: World,
    litellm: LiteLlmSimulator,
    boss: Person,
    ada: Person,
}

impl House {
    async fn new() -> Self {
        let litellm = LiteLlmSimulator::start(Version::V1_101_6).await.expect("a free port");
        let url = litellm.url();
        let settings = [
            ("LITELLM_API_URL", url.as_str()),
            ("LITELLM_MASTER_KEY", litellm.master_key()),
        ];
        let world = World::configured(&settings).await;
        backend::litellm::register(&world.state.backend).await.unwrap();
        let (boss, ada) = (world.person("boss").await, world.person("ada").await);
        let team = world.team("Engineering").await;
        world.join(team, &boss, "admin").await;
        world.join(team, &ada, "member").await;
        backend::litellm::deliver_due(&world.state.backend).await.unwrap();
        Self {
            world,
            litellm,
            boss,
            ada,
        }
    }

    async fn made(&self, name: &str) -> Value {
        let body = json!({"name": name, "modelIds": ["fake-gpt"], "maxBudget": 10, "budgetDuration": "monthly"});
        self.world.post(&self.ada, KEYS, body).await.is(201).clone()
    }
}

fn one(key: &Value, rest: &str) -> String {
    format!("{KEYS}/{}{rest}", key["id"].as_str().unwrap())
}

#[tokio::test]
async fn c8_a_key_is_made_shown_once_changed_rotated_and_revoked() {
    let House {
        world,
        litellm,
        boss,
        ada,
    } = &House::new().await;
    let body =
        json!({"name": "ci", "modelIds": ["fake-gpt"], "maxBudget": 10, "budgetDuration": "monthly", "tags": []});
    let answer = world.post(ada, KEYS, body).await;
    assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    let made = answer.is(201);
    let secret = made["key"].as_str().unwrap();
    assert_eq!(made["keyPrefix"], secret[..11]);
    assert_eq!(
        (
            &made["status"],
            &made["maxBudget"],
            &made["budgetDuration"],
            &made["kind"]
        ),
        (&json!("active"), &json!(10.0), &json!("1mo"), &json!("models"))
    );
    assert!(litellm.key(secret).is_some());

    let list = world
        .get(ada, &format!("{KEYS}?page=1&limit=1&isActive=true&modelIds=fake-gpt"))
        .await
        .is(200);
    assert_eq!(
        list["pagination"],
        json!({"page": 1, "limit": 1, "total": 1, "totalPages": 1})
    );
    assert_eq!(list["data"][0]["id"], made["id"]);
    assert!(!list.to_string().contains(&secret[11..]), "not shown again");
    world
        .get(ada, &format!("{KEYS}?limit=101&page=0"))
        .await
        .invalid(&["page", "limit"]);
    for odd in ["%00", "fake-gpt,%1B", "%E2%80%AE"] {
        let path = format!("{KEYS}?modelIds={odd}");
        world.get(ada, &path).await.invalid(&["modelIds"]);
    }

    let detail = world.get(boss, &one(&made, "")).await.is(200);
    assert_eq!(
        detail["effectiveLimits"]["maxBudget"],
        json!({"limit": 10.0, "from": "key"})
    );
    assert_eq!(detail["dailySpend"].as_array().unwrap().len(), 30);
    world.post(ada, &one(&made, "/reveal"), json!({})).await.refused(
        410,
        "KEY_NOT_KEPT",
        "Key 'ci' was shown once and is not kept",
    );
    let changed = world
        .patch(ada, &one(&made, ""), json!({"maxBudget": null, "name": "renamed"}))
        .await
        .is(200);
    assert_eq!(
        (&changed["maxBudget"], &changed["name"]),
        (&Value::Null, &json!("renamed"))
    );
    world
        .patch(ada, &one(&made, ""), json!({"key": "sk-mine"}))
        .await
        .invalid(&["key"]);
    let far = json!({"expiresAt": "+262142-12-31T23:59:59Z"});
    world
        .patch(ada, &one(&made, ""), far.clone())
        .await
        .invalid(&["expiresAt"]);
    world
        .post(ada, &one(&made, "/rotate"), far)
        .await
        .invalid(&["expiresAt"]);
    let far = json!({"name": "far", "expiresAt": "+262142-12-31T23:59:59Z"});
    world.post(ada, KEYS, far).await.invalid(&["expiresAt"]);
    world
        .post(ada, &one(&made, "/reset-spend"), json!({}))
        .await
        .refused(403, "FORBIDDEN", "Insufficient permissions");
    world.post(boss, &one(&made, "/reset-spend"), json!({})).await.is(200);

    let rotated = world
        .post(ada, &one(&made, "/rotate"), json!({"overlap_seconds": 0}))
        .await
        .is(201);
    assert_ne!(rotated["key"], made["key"]);
    let revoked = world.delete(ada, &one(&rotated, "")).await.is(200);
    assert_eq!(revoked, json!({"id": rotated["id"], "status": "revoked"}));
    let stats = world.get(ada, &format!("{KEYS}/stats?days=7")).await.is(200);
    assert_eq!(
        (&stats["total"], stats["dailySpend"].as_array().unwrap().len()),
        (&json!(2), 7)
    );
}

#[tokio::test]
async fn c17_pending_then_claimed_and_c12_revoking() {
    let house = House::new().await;
    let House {
        world, litellm, ada, ..
    } = &house;
    let working = house.made("working").await;
    litellm.stop().await;
    let answer = world.post(ada, KEYS, json!({"name": "later"})).await;
    let location = answer.headers[header::LOCATION].to_str().unwrap().to_owned();
    let pending = answer.is(202);
    assert_eq!(location, format!("/api/v1{}", one(&pending, "")));
    assert_eq!((&pending["status"], pending.get("key")), (&json!("pending"), None));
    assert_eq!(
        world.post(ada, &one(&pending, "/claim"), json!({})).await.is(202)["status"],
        "pending"
    );
    world.post(ada, &one(&working, "/rotate"), json!({})).await.refused(
        503,
        "LITELLM_UNAVAILABLE",
        "Key 'working' was not rotated and goes on working",
    );
    let revoking = world.delete(ada, &one(&working, "")).await.is(202);
    assert_eq!(revoking["status"], "revoking");
    litellm.restart().await.unwrap();
    assert!(
        litellm.key(working["key"].as_str().unwrap()).is_some(),
        "so it was true"
    );
    // The breaker lets a call through when its time is over.
    tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    world
        .post(ada, &one(&working, "/claim"), json!({}))
        .await
        .refused(409, "WRONG_STATE", "Key 'working' is revoking");
}

#[tokio::test]
async fn c8_c9_what_is_refused() {
    let house = House::new().await;
    let House { world, ada, .. } = &house;
    let bad = json!({"name": "", "modelIds": [], "maxBudget": -1, "budgetDuration": "often", "tpmLimit": -1});
    world
        .post(ada, KEYS, bad)
        .await
        .invalid(&["name", "maxBudget", "tpmLimit", "modelIds", "budgetDuration"]);
    world
        .post(ada, KEYS, json!({"name": "x", "key": "sk-mine"}))
        .await
        .invalid(&["key"]);
    let root = world.super_admin().await;
    let settings = "/admin/settings/api-key-defaults";
    let policy = json!({"defaults": {"maxBudget": 1}, "maximums": {"maxBudget": 3}});
    let set = world.put(&root, settings, policy).await.is(200);
    assert_eq!(world.get(&root, settings).await.is(200), set);
    world
        .put(
            &root,
            settings,
            json!({"defaults": {"maxBudget": 5}, "maximums": {"maxBudget": 3}}),
        )
        .await
        .invalid(&["defaults.maxBudget"]);
    world
        .post(ada, KEYS, json!({"name": "x", "maxBudget": 5}))
        .await
        .refused(
            400,
            "QUOTA_LIMITS_EXCEEDED",
            "Quota limits exceeded: maxBudget: 5 exceeds maximum 3",
        );
    assert_eq!(
        world.post(ada, KEYS, json!({"name": "x"})).await.is(201)["maxBudget"],
        1.0
    );
}
