//! `POST /api/v1/webhooks/github` (SPEC B23): GitHub tells of the jobs that run on our runners.

use axum::{extract::State, response::Response};
use backend::{
    Code,
    workflow_jobs::{self, Received},
};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{body, call::json};
use crate::{problem::Problem, request::Info, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(github_webhook))
}

/// What became of a delivery.
#[derive(Debug, Serialize, ToSchema)]
struct Delivery {
    /// `recorded`; `ignored`: not about a runner of ours, or older than what is known; `pong`; `unused`: an event that
    /// Guildhall has no use for.
    #[schema(example = "recorded")]
    status: &'static str,
}

fn answer(status: StatusCode, word: &'static str) -> Result<Response, Problem> {
    json(status, &Delivery { status: word })
}

/// Take an event from GitHub
///
/// For GitHub's webhook, with the content type `application/json` and the events *Workflow jobs*. The body is signed with
/// the secret `github.webhook_secret`: HMAC-SHA256 over its bytes, in the header `X-Hub-Signature-256`. Deliveries may
/// come again, late and in any order.
#[utoipa::path(
    post,
    path = "/webhooks/github",
    tag = "Webhooks",
    security(()),
    params(
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC in hexadecimal digits"),
        ("X-GitHub-Event" = String, Header, description = "`workflow_job`, `ping`, or another, which is not used"),
    ),
    request_body(content = Object, description = "The event, as GitHub writes it", content_type = "application/json"),
    responses(
        (status = 200, description = "Taken", body = Delivery),
        (status = 202, description = "An event or an action that is not used", body = Delivery),
        (status = 401, description = "`INVALID_SIGNATURE`: the signature is missing or another"),
        (status = 403, description = "`WEBHOOK_DISABLED`: no secret is configured"),
        (status = 503, description = "`DATABASE_UNAVAILABLE`: send it again"),
    )
)]
async fn github_webhook(
    State(state): State<AppState>,
    Info(info): Info,
    headers: HeaderMap,
    body::Raw(body): body::Raw,
) -> Result<Response, Problem> {
    let backend = &state.backend;
    let header = |name: &str| headers.get(name).map(http::HeaderValue::as_bytes);
    let secret = backend.settings.webhook_secret.as_ref();
    workflow_jobs::verify(secret, &body, header("x-hub-signature-256"))?;
    match header("x-github-event") {
        Some(b"workflow_job") => {}
        Some(b"ping") => return answer(StatusCode::OK, "pong"),
        Some(_) => return answer(StatusCode::ACCEPTED, "unused"),
        None => return Err(Problem::new(Code::BadBody, "The header X-GitHub-Event is missing")),
    }
    let Some(event) = workflow_jobs::parse(&body)? else {
        return answer(StatusCode::ACCEPTED, "unused");
    };
    match workflow_jobs::receive(backend, info, &event).await? {
        Received::Ignored => answer(StatusCode::OK, "ignored"),
        Received::Recorded { cancel } => {
            if let Some(cancellation) = cancel {
                // GitHub waits for this answer for ten seconds, and for its own API longer.
                let backend = backend.clone();
                tokio::spawn(async move { workflow_jobs::cancel(&backend, &cancellation).await });
            }
            answer(StatusCode::OK, "recorded")
        }
    }
}
