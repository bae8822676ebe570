//! SPEC C16: what the log says of LiteLLM, and what it never says.

use std::{
    io,
    sync::{Arc, Mutex},
};

use reqwest::Method;
use serde_json::{Value, json};
use simulators::litellm::Faults;
use tracing_subscriber::{Layer as _, filter::LevelFilter, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::litellm::{House, INSTANCE};

/// Everything that is logged, at every level, by everybody.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panicked").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    /// Listens from now on, to lines in the server's own format.
    fn capture() -> Self {
        let log = Self::default();
        let writer = log.clone();
        let lines = tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_writer(move || writer.clone())
            .with_filter(LevelFilter::TRACE);
        tracing_subscriber::registry()
            .with(lines)
            .try_init()
            .expect("each test is a process of its own");
        log
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().expect("nobody panicked")).into_owned()
    }

    /// The lines with that message.
    fn lines(&self, message: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        lines.filter(|line| line["message"] == message).collect()
    }
}

#[track_caller]
fn has(line: &Value, fields: &[&str]) {
    for field in fields {
        assert!(!line[field].is_null(), "no {field} in {line:#}");
    }
}

/// A key is made, lost, claimed, rotated and revoked, with every fault there is; then the log is read.
#[tokio::test]
async fn c16_the_log_follows_a_key_and_holds_no_secret() {
    let log = Log::capture();
    let house = House::new().await;
    let (ada, token) = house.person("ada@example.com").await;
    let secret_of = |body: &Value| body["key"].as_str().expect("a secret").to_owned();
    let mut secrets = Vec::new();

    // The first answer gets lost after LiteLLM has made the key.
    house.proxy.set_faults(Faults {
        only: Some("POST /key/generate".to_owned()),
        error_after_next: 1,
        ..Faults::default()
    });
    let answer = house.post(&token, "/api-keys", json!({"name": "ci"})).await;
    let request_id = answer.headers()["x-request-id"].to_str().expect("text").to_owned();
    assert_eq!(answer.status(), 201);
    let made: Value = answer.json().await.expect("JSON");
    secrets.push(secret_of(&made));
    let key = format!("/api-keys/{}", made["id"].as_str().expect("an id"));

    let rotated = house
        .post(&token, &format!("{key}/rotate"), json!({"overlap_seconds": 0}))
        .await;
    assert_eq!(rotated.status(), 201);
    secrets.push(secret_of(&rotated.json().await.expect("JSON")));

    house.fail("POST /key/generate", 1, 400);
    assert_eq!(
        house
            .post(&token, "/api-keys", json!({"name": "refused"}))
            .await
            .status(),
        502
    );
    house.proxy.stop().await;
    let pending = house.post(&token, "/api-keys", json!({"name": "later"})).await;
    assert_eq!(pending.status(), 202);
    let pending: Value = pending.json().await.expect("JSON");
    house.proxy.restart().await.expect("its port");
    let claim = format!("/api-keys/{}/claim", pending["id"].as_str().expect("an id"));
    let claimed = house.post(&token, &claim, json!({})).await;
    assert_eq!(claimed.status(), 201);
    secrets.push(secret_of(&claimed.json().await.expect("JSON")));
    house.proxy.set_faults(Faults {
        garbage_next: 3,
        ..Faults::default()
    });
    let one = format!("/api-keys/{}", pending["id"].as_str().expect("an id"));
    house.call(&token, Method::DELETE, &one, json!({})).await;
    house.proxy.set_faults(Faults::default());
    house.sql("UPDATE litellm_objects SET due_at = now()").await;
    house.deliver().await;

    // One line for each key that LiteLLM was asked for.
    let creations = log.lines("key creation");
    let told: Vec<(&str, u64)> = creations
        .iter()
        .map(|line| {
            (
                line["outcome"].as_str().expect("text"),
                line["attempt"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(
        told,
        [("ready", 2), ("ready", 1), ("refused", 1), ("pending", 1), ("ready", 1)]
    );
    for line in &creations {
        has(
            line,
            &[
                "instance",
                "kind",
                "object",
                "attempt",
                "outcome",
                "duration_ms",
                "request_id",
            ],
        );
        assert_eq!((&line["instance"], &line["kind"]), (&json!(INSTANCE), &json!("key")));
    }
    let first = &creations[0];
    assert_eq!(
        (&first["object"], &first["request_id"]),
        (&made["id"], &json!(request_id))
    );

    let deliveries = log.lines("delivery to LiteLLM");
    for line in &deliveries {
        has(
            line,
            &["instance", "kind", "object", "attempt", "outcome", "duration_ms"],
        );
    }
    let of_ada = |kind: &str, field: &str| {
        let fits = |line: &&Value| line["kind"] == kind && line[field] == ada.to_string();
        deliveries.iter().find(fits).map(|line| line["outcome"].clone())
    };
    assert_eq!(of_ada("user", "object"), Some(json!("created")));
    assert_eq!(of_ada("member", "user"), Some(json!("existed")), "it came with her");

    // A call says its route, and what it is part of: the request in which somebody waited for it.
    let calls = log.lines("LiteLLM call");
    for line in &calls {
        has(
            line,
            &["instance", "method", "route", "attempt", "outcome", "duration_ms"],
        );
        let route = line["route"].as_str().expect("text");
        assert!(!route.contains('?') && route.starts_with('/'), "{route}");
    }
    let lost = calls
        .iter()
        .find(|line| line["route"] == "/key/generate")
        .expect("the first one");
    assert_eq!((&lost["outcome"], &lost["status"]), (&json!("no_answer"), &json!(500)));
    let spans = lost["spans"].as_array().expect("spans");
    assert!(spans.iter().any(|span| span["request_id"] == request_id), "{spans:?}");

    // The log is whole: what anybody says at the lowest level is in it.
    tracing::trace!("something small");
    let text = log.text();
    assert!(
        text.contains("something small") && text.contains("sqlx::query"),
        "this would see a leak"
    );
    assert_eq!(secrets.len(), 3);
    for secret in &secrets {
        // Nor enough of one to guess the rest; what people see of it is 11 characters.
        assert!(secret.len() > 16 && !text.contains(&secret[..16]) && !text.contains(&secret[secret.len() - 8..]));
    }
    assert!(!text.contains(house.proxy.master_key()), "the master key");
    assert!(!text.contains(&token), "somebody's token");
}
