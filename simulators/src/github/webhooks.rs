//! Webhooks: GitHub tells a configured URL of each job that is queued, begins or ends.

use std::time::Duration;

use reqwest::Client;
use ring::hmac;
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::jobs::{Job, JobEvent};
use super::state::SimulatedRunner;

/// As GitHub: who does not answer by then has missed it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends events to `url`, one after the other, signed with `secret`, until the simulator is gone. One that is not taken
/// is lost, as at GitHub.
pub(super) async fn send(mut events: Receiver<JobEvent>, url: String, secret: String) {
    let Some(client) = client() else {
        tracing::error!("the simulated GitHub has no HTTP client, and sends no webhooks");
        return;
    };
    loop {
        let event = match events.recv().await {
            Ok(event) => event,
            Err(RecvError::Lagged(missed)) => {
                tracing::warn!(missed, "the simulated GitHub was too slow for its webhooks");
                continue;
            }
            Err(RecvError::Closed) => return,
        };
        let body = payload(&event).to_string();
        let sent = client
            .post(&url)
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/simulated")
            .header("x-github-event", "workflow_job")
            .header("x-hub-signature-256", sign(&secret, body.as_bytes()))
            .body(body)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        if let Err(error) = sent {
            tracing::warn!(%error, "a simulated webhook was not taken");
        }
    }
}

fn client() -> Option<Client> {
    // reqwest takes the process's TLS provider; plain HTTP needs one, too, to make a client.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let settings = || Client::builder().timeout(PATIENCE);
    // Also in containers without root certificates: the demo sends to itself, without TLS.
    settings()
        .build()
        .or_else(|_| settings().tls_certs_only([]).build())
        .ok()
}

/// `X-Hub-Signature-256` of a body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    use std::fmt::Write as _;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut text = "sha256=".to_owned();
    for byte in hmac::sign(&key, body).as_ref() {
        // Writing into a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The body of the `workflow_job` webhook of an event.
pub fn payload(event: &JobEvent) -> Value {
    match event {
        JobEvent::Queued(job) => body("queued", job, None, None),
        JobEvent::InProgress(job, runner) => body("in_progress", job, Some(runner), None),
        JobEvent::Completed(job, runner, conclusion) => body("completed", job, Some(runner), Some(conclusion)),
    }
}

fn body(action: &str, job: &Job, runner: Option<&SimulatedRunner>, conclusion: Option<&str>) -> Value {
    let organization = job.repository.split('/').next().unwrap_or_default();
    json!({
        "action": action,
        "workflow_job": {
            "id": job.id,
            "run_id": job.run_id,
            "run_attempt": 1,
            "workflow_name": job.workflow,
            "name": job.name,
            "status": action,
            "conclusion": conclusion,
            "started_at": job.started_at,
            "completed_at": job.completed_at,
            "labels": job.labels,
            // GitHub writes 0 and an empty name once a job is over that no runner took.
            "runner_id": runner.map(|runner| runner.id),
            "runner_name": runner.map(|runner| &runner.name),
            "runner_group_id": runner.map(|runner| runner.runner_group_id),
        },
        "repository": {"full_name": job.repository},
        "organization": {"login": organization},
        "sender": {"login": job.sender},
    })
}
