//! SPEC B21 over REST.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::api::World;

fn keys(value: &Value) -> BTreeSet<&str> {
    value
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn b21_the_status_has_the_documented_form() {
    let world = World::new().await;
    let root = world.super_admin().await;
    let status = world.get(&root, "/admin/sync/status").await.is(200);
    assert_eq!(
        (&status["enabled"], &status["interval_seconds"], &status["state"]),
        (&json!(true), &json!(120), &json!("waiting"))
    );
    for field in [
        "worker_hostname",
        "worker_heartbeat",
        "last_sync_time",
        "last_sync_result",
        "last_sync_error",
        "next_run",
    ] {
        assert_eq!(status[field], Value::Null, "{field}");
    }
    world.post(&root, "/admin/sync/run", json!(null)).await.is(202);
    world.github.add_runner("foreign", &["self-hosted"]);
    backend::sync::run(&world.state.backend)
        .await
        .expect("a pass")
        .expect("nobody else leads");
    let status = world.get(&root, "/admin/sync/status").await.is(200);
    let result = json!({"updated": 0, "deleted": 0, "unchanged": 0, "errors": 0, "policy_violations": 0, "label_drifts": 0, "total": 0});
    assert_eq!(status["last_sync_result"], result);
    assert_eq!(status["last_sync_error"], Value::Null);
    assert!(status["last_sync_time"].is_string() && status["worker_hostname"].is_string());
    let run = &status["runs"][0];
    assert_eq!(
        (&run["requested_by"], &run["pages"]),
        (&json!("root@example.com"), &json!(1))
    );

    backend::sync::run(&world.state.backend).await.expect("a pass");
    let page = world.get(&root, "/admin/sync/runs?limit=1").await.is(200);
    assert_eq!(
        (&page["total"], page["runs"].as_array().map(Vec::len)),
        (&json!(2), Some(1))
    );
    assert_eq!(
        keys(&page["runs"][0]),
        BTreeSet::from([
            "id",
            "started_at",
            "ended_at",
            "worker",
            "requested_by",
            "pages",
            "result",
            "error"
        ])
    );
    let cursor = page["next_cursor"].as_str().expect("there is another one").to_owned();
    let second = world
        .get(&root, &format!("/admin/sync/runs?limit=1&cursor={cursor}"))
        .await
        .is(200);
    assert_eq!(
        (&second["runs"][0]["id"], &second["next_cursor"]),
        (&run["id"], &Value::Null)
    );

    for (notable, total) in [(true, 1), (false, 2)] {
        let page = world
            .get(&root, &format!("/admin/sync/runs?notable={notable}"))
            .await
            .is(200);
        assert_eq!(page["total"], json!(total), "notable={notable}");
    }
    world
        .get(&root, "/admin/sync/runs?notable=maybe")
        .await
        .invalid(&["notable"]);
    world.get(&root, "/admin/sync/runs?limit=0").await.invalid(&["limit"]);
    world.get(&root, "/admin/sync/runs?cursor=x").await.invalid(&["cursor"]);
    world.get(&root, "/admin/sync/runs?page=2").await.invalid(&["page"]);
}

#[tokio::test]
async fn b21_without_github_it_is_said_what_to_set() {
    let world = World::without_github().await;
    let root = world.super_admin().await;
    let status = world.get(&root, "/admin/sync/status").await.is(200);
    assert_eq!(
        (&status["enabled"], &status["state"]),
        (&json!(false), &json!("not_configured"))
    );
    world.post(&root, "/admin/sync/run", json!(null)).await.refused(
        503,
        "NOT_CONFIGURED",
        "GitHub is not configured. Set GUILDHALL_GITHUB_ORG",
    );
}
