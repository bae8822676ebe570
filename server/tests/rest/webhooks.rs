//! SPEC B23: who may tell us of jobs.

use axum::body::Body;
use http::Request;
use serde_json::{Value, json};
use simulators::github::sign_webhook;

use crate::api::World;

const SECRET: &str = "a secret of the tests";

/// Delivers a body with a signature, an event and no credentials: status and answer.
async fn deliver(world: &World, event: &str, body: &str, signature: Option<&str>) -> (u16, Value) {
    let mut request = Request::post("/api/v1/webhooks/github")
        .header("content-type", "application/json")
        .header("sec-fetch-site", "cross-site")
        .header("x-github-event", event);
    if let Some(signature) = signature {
        request = request.header("x-hub-signature-256", signature);
    }
    let answer = world.send(request.body(Body::from(body.to_owned())).unwrap()).await;
    (answer.status.as_u16(), answer.body)
}

async fn signed(world: &World, event: &str, body: &str) -> (u16, Value) {
    deliver(world, event, body, Some(&sign_webhook(SECRET, body.as_bytes()))).await
}

#[tokio::test]
async fn b23_only_what_github_signed_is_taken() {
    let world = World::configured(&[("GUILDHALL_GITHUB_WEBHOOK_SECRET", SECRET)]).await;
    let body = json!({
        "action": "queued",
        "workflow_job": {"id": 1, "run_id": 2, "name": "build", "labels": ["self-hosted"]},
        "repository": {"full_name": "acme/shop"},
    })
    .to_string();
    for wrong in [
        None,
        Some("sha256=00"),
        Some(&*sign_webhook("another", body.as_bytes())),
        Some("nonsense"),
    ] {
        let (status, answer) = deliver(&world, "workflow_job", &body, wrong).await;
        assert_eq!(
            (status, &answer["detail"]),
            (401, &json!("Invalid webhook signature")),
            "{wrong:?}"
        );
        assert_eq!(answer["error_code"], "INVALID_SIGNATURE");
    }
    // What is wrong with a body is told to GitHub alone.
    assert_eq!(deliver(&world, "workflow_job", "{", None).await.0, 401);
    assert_eq!(world.count("SELECT count(*) FROM workflow_jobs").await, 0);

    assert_eq!(
        signed(&world, "workflow_job", &body).await,
        (200, json!({"status": "recorded"}))
    );
    assert_eq!(signed(&world, "workflow_job", &body).await.0, 200, "delivered again");
    assert_eq!(world.count("SELECT count(*) FROM workflow_jobs").await, 1);
    assert_eq!(signed(&world, "ping", "{}").await, (200, json!({"status": "pong"})));
    assert_eq!(signed(&world, "push", "{}").await, (202, json!({"status": "unused"})));
    let waiting = body.replace("queued", "waiting");
    assert_eq!(signed(&world, "workflow_job", &waiting).await.0, 202);
    for malformed in [
        "{",
        "[]",
        "{}",
        "payload=%7B%7D",
        &*body.replace("acme/shop", "acme"),
        &*body.replace("\"id\":1", "\"id\":0"),
    ] {
        let (status, answer) = signed(&world, "workflow_job", malformed).await;
        assert_eq!(status, 422, "{malformed}: {answer}");
    }
    let large = " ".repeat(1024 * 1024 + 1);
    assert_eq!(signed(&world, "workflow_job", &large).await.0, 413);
}

#[tokio::test]
async fn b23_without_a_secret_nothing_is_taken() {
    for secret in [None, Some(""), Some("  ")] {
        let settings: Vec<_> = secret
            .map(|secret| ("GUILDHALL_GITHUB_WEBHOOK_SECRET", secret))
            .into_iter()
            .collect();
        let world = World::configured(&settings).await;
        for signature in [None, Some(sign_webhook("", b"{}")), Some(sign_webhook("  ", b"{}"))] {
            let (status, answer) = deliver(&world, "ping", "{}", signature.as_deref()).await;
            assert_eq!((status, &answer["error_code"]), (403, &json!("WEBHOOK_DISABLED")));
            let words = answer["detail"].as_str().unwrap();
            assert!(words.contains("GUILDHALL_GITHUB_WEBHOOK_SECRET"), "{words}");
        }
    }
}
