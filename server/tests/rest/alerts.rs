//! SPEC C16: what needs an operator, over REST.

use serde_json::{Value, json};
use simulators::{
    github,
    litellm::{Faults, LiteLlmSimulator, Version},
};

use crate::api::{Person, World};

const ALERTS: &str = "/admin/alerts";

struct House {
    world: World,
    litellm: LiteLlmSimulator,
    root: Person,
}

impl House {
    async fn new() -> Self {
        let litellm = LiteLlmSimulator::start(Version::V1_108_7).await.expect("a free port");
        let url = litellm.url();
        let settings = [
            ("LITELLM_API_URL", url.as_str()),
            ("LITELLM_MASTER_KEY", litellm.master_key()),
        ];
        let world = World::adjusted(&settings, |config| {
            for instance in &mut config.litellm {
                instance.client.attempts = 1;
            }
        })
        .await;
        let root = world.super_admin().await;
        backend::litellm::register(&world.state.backend).await.unwrap();
        let house = Self { world, litellm, root };
        house.deliver().await;
        house
    }

    async fn deliver(&self) {
        backend::litellm::deliver_due(&self.world.state.backend).await.unwrap();
    }

    async fn alerts(&self) -> Vec<Value> {
        let body = self.world.get(&self.root, ALERTS).await.is(200);
        assert!(body["checked_at"].is_string());
        body["alerts"].as_array().unwrap().clone()
    }

    /// The kinds, in their order.
    async fn kinds(&self) -> Vec<String> {
        let alerts = self.alerts().await;
        alerts
            .iter()
            .map(|alert| alert["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn c16_nothing_is_an_alert_while_all_is_well() {
    let house = House::new().await;
    assert_eq!(house.alerts().await, Vec::<Value>::new());
    // A change that waits for a moment is nothing to look at.
    house.world.person("new").await;
    assert_eq!(house.alerts().await, Vec::<Value>::new());
}

#[tokio::test]
async fn c16_changes_that_are_late_or_refused_are_alerts_until_they_are_there() {
    let house = House::new().await;
    let world = &house.world;
    world.team("Late").await;
    world
        .sql("UPDATE litellm_objects SET changed_at = now() - interval '9 minutes', due_at = now() + interval '1 hour' WHERE state = 'pending'")
        .await;
    assert_eq!(house.kinds().await, Vec::<String>::new(), "not yet");
    world
        .sql("UPDATE litellm_objects SET changed_at = now() - interval '11 minutes' WHERE state = 'pending'")
        .await;
    let alerts = house.alerts().await;
    let late = &alerts[0];
    assert_eq!(
        (&late["kind"], &late["level"], &late["count"], &late["instance"]),
        (
            &json!("litellm_delayed"),
            &json!("warning"),
            &json!(1),
            &json!("litellm-example")
        )
    );
    assert_eq!(late["title"], "1 late change for LiteLLM litellm-example");
    assert_eq!(late["href"], "/admin/sync/litellm?instance=litellm-example");
    let since: chrono::DateTime<chrono::Utc> = late["since"].as_str().unwrap().parse().unwrap();
    assert!((650..680).contains(&(chrono::Utc::now() - since).num_seconds()));

    // LiteLLM refuses it for the eighth time.
    house.litellm.set_faults(Faults {
        only: Some("POST /team/new".to_owned()),
        fail_next: 1,
        fail_status: 400,
        ..Faults::default()
    });
    world
        .sql("UPDATE litellm_objects SET attempts = 7, due_at = now() WHERE state = 'pending'")
        .await;
    house.deliver().await;
    let alerts = house.alerts().await;
    assert_eq!(alerts.len(), 1, "a parked change is not late besides: {alerts:?}");
    assert_eq!(
        (&alerts[0]["kind"], &alerts[0]["count"]),
        (&json!("litellm_parked"), &json!(1))
    );
    assert_eq!(
        alerts[0]["href"],
        "/admin/sync/litellm?instance=litellm-example&state=parked"
    );
    assert!(
        alerts[0]["detail"]
            .as_str()
            .is_some_and(|words| words.contains("LiteLLM")),
        "its words"
    );

    world
        .post(
            &house.root,
            "/admin/litellm/objects/retry",
            json!({"instance": "litellm-example"}),
        )
        .await
        .is(200);
    house.deliver().await;
    assert_eq!(house.kinds().await, Vec::<String>::new(), "mended");
}

#[tokio::test]
async fn c12_c16_a_key_that_may_still_work_and_a_breaker_that_is_open_come_first() {
    let house = House::new().await;
    let world = &house.world;
    let ada = world.person("ada").await;
    let team = world.team("Engineering").await;
    world.join(team, &ada, "member").await;
    house.deliver().await;
    let made = world
        .post(&ada, "/api/v1/api-keys", json!({"name": "ci"}))
        .await
        .is(201);
    // A pass that fails, and runners with wrong labels: what is less urgent.
    house.world.github.set_faults(github::Faults {
        fail_next: 100,
        fail_status: 500,
        ..github::Faults::default()
    });
    for _ in 0..2 {
        backend::sync::run(&world.state.backend).await.unwrap();
    }
    house.litellm.set_faults(Faults {
        down: true,
        ..Faults::default()
    });
    let path = format!("/api/v1/api-keys/{}", made["id"].as_str().unwrap());
    assert_eq!(world.delete(&ada, &path).await.is(202)["status"], "revoking");
    world.sql("UPDATE sync_worker SET heartbeat_at = now()").await;
    let failing = ["github_sync_failing"].map(str::to_owned);
    assert_eq!(house.kinds().await, failing, "a minute is nothing");
    world
        .sql("UPDATE api_keys SET revoked_at = now() - interval '11 minutes'")
        .await;
    // Calls fail until the breaker opens.
    let client = &world.state.backend.litellm.get(None).unwrap().client;
    for _ in 0..5 {
        let _ = client.delete_key_alias("nothing").await;
    }
    // Nobody leads, which is another alert after a while.
    world.sql("UPDATE sync_worker SET heartbeat_at = now()").await;
    let alerts = house.alerts().await;
    let kinds: Vec<&str> = alerts.iter().map(|alert| alert["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["keys_revoking", "litellm_unreachable", "github_sync_failing"]);
    let [revoking, unreachable, github] = &alerts[..] else {
        panic!("{alerts:?}")
    };
    assert_eq!(
        revoking["title"],
        "1 ended key may still work at LiteLLM litellm-example"
    );
    assert_eq!(
        (&revoking["level"], &unreachable["level"]),
        (&json!("critical"), &json!("critical"))
    );
    assert_eq!(unreachable["title"], "LiteLLM litellm-example is out of reach");
    assert!(unreachable["since"].is_string());
    assert_eq!(github["title"], "The last 2 syncs with GitHub were not completed");
    assert!(github["detail"].as_str().is_some_and(|words| words.contains("GitHub")));

    // A key whose row went with its team counts, too.
    world
        .sql("INSERT INTO litellm_orphan_keys (instance, alias, created_at) VALUES ('litellm-example', 'lost', now() - interval '1 day')")
        .await;
    assert_eq!(house.alerts().await[0]["count"], 2);
}

#[tokio::test]
async fn c5_c16_the_default_teams_budget_is_an_alert_when_it_is_spent() {
    let house = House::new().await;
    let world = &house.world;
    let ada = world.person("ada").await;
    world.sql("INSERT INTO team_members (team_id, user_id, role) VALUES ('a0000000-0000-4000-8000-000000000001', (SELECT id FROM users WHERE email = 'ada@example.com'), 'member') ON CONFLICT DO NOTHING").await;
    house.deliver().await;
    world
        .post(&ada, "/api/v1/api-keys", json!({"name": "ci"}))
        .await
        .is(201);
    world.sql("UPDATE api_keys SET spend = 9999.99").await;
    assert_eq!(house.kinds().await, Vec::<String>::new());
    world.sql("UPDATE api_keys SET spend = 10000").await;
    let alerts = house.alerts().await;
    assert_eq!(
        (&alerts[0]["kind"], &alerts[0]["detail"]),
        (&json!("default_team_budget"), &json!("$10,000.00 of $10,000.00"))
    );
    assert_eq!(alerts[0]["href"], "/admin/teams/a0000000-0000-4000-8000-000000000001");
    world
        .sql("UPDATE teams SET max_budget = NULL WHERE id = 'a0000000-0000-4000-8000-000000000001'")
        .await;
    assert_eq!(house.kinds().await, Vec::<String>::new(), "no budget, nothing to spend");
}

#[tokio::test]
async fn c16_a_worker_that_is_gone_and_wrong_labels_are_alerts() {
    let house = House::new().await;
    let world = &house.world;
    backend::sync::run(&world.state.backend).await.unwrap();
    assert_eq!(house.kinds().await, Vec::<String>::new());
    world
        .sql("UPDATE sync_worker SET heartbeat_at = now() - interval '1 hour'")
        .await;
    let ada = world.person("ada").await;
    for (name, status) in [("wrong", "active"), ("gone", "deleted")] {
        world
            .sql(&format!(
                "WITH made AS (INSERT INTO runners (id, name, status, provisioned_by, labels, runner_group_id)
                    VALUES (gen_random_uuid(), '{name}', '{status}', '{}', '{{self-hosted}}', 1) RETURNING id)
                INSERT INTO runner_findings (runner_id, kind, labels, action, detected_at)
                SELECT id, 'label_drift', '{{+gpu}}', 'none', now() FROM made",
                ada.id
            ))
            .await;
    }
    let alerts = house.alerts().await;
    let told: Vec<(&Value, &Value)> = alerts.iter().map(|alert| (&alert["kind"], &alert["title"])).collect();
    assert_eq!(
        told,
        [
            (
                &json!("github_sync_stale"),
                &json!("The sync with GitHub has not been heard of")
            ),
            (&json!("runner_findings"), &json!("1 runner has wrong labels")),
        ]
    );
}

#[tokio::test]
async fn c16_without_litellm_and_github_nothing_is_expected_of_them() {
    let world = World::without_github().await;
    let root = world.super_admin().await;
    world
        .sql("UPDATE sync_worker SET heartbeat_at = now() - interval '1 hour'")
        .await;
    assert_eq!(world.get(&root, ALERTS).await.is(200)["alerts"], json!([]));
}
