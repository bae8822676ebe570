//! The outermost layer: a request's id, one line in the log, one observation, the last word after a panic.

use std::{panic::AssertUnwindSafe, time::Instant};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use futures_util::FutureExt as _;
use http::{HeaderValue, header};
use kubernetes::{Failure, Reason};
use tracing::Instrument as _;

use super::{Door, answer};
use crate::request::{Info, REQUEST_ID};

/// What a request was about, for the log and the metrics; a handler that knows it tells it with its answer.
#[derive(Debug, Clone, Copy)]
pub(super) struct About {
    pub(super) verb: &'static str,
    pub(super) resource: &'static str,
}

/// Knows a request from its first byte to the head of its answer.
pub(super) async fn observe(State(door): State<Door>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (mut parts, body) = request.into_parts();
    let Info(info) = Info::note(
        &parts.headers,
        &mut parts.extensions,
        &door.state.config.trusted_proxies,
    );
    let path = parts.uri.path().to_owned();
    let method = parts.method.clone();
    let span = tracing::error_span!("kubernetes", request_id = info.id, %method, path);
    let answered = AssertUnwindSafe(next.run(Request::from_parts(parts, body)))
        .catch_unwind()
        .instrument(span)
        .await;
    let mut response = answered.unwrap_or_else(|_| {
        tracing::error!(request_id = info.id, "a request to the Kubernetes API panicked");
        answer::refusal(&Failure::new(Reason::InternalError, "Internal server error"))
    });
    let About { verb, resource } = response.extensions().get().copied().unwrap_or(About {
        verb: "other",
        resource: "other",
    });
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-cache, private"));
    if let Some(id) = info.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        // Kubernetes' name for it, and ours.
        headers.insert("audit-id", id.clone());
        headers.insert(REQUEST_ID, id);
    }
    let (status, took) = (response.status(), begun.elapsed());
    let labels = [
        ("verb", verb.to_owned()),
        ("resource", resource.to_owned()),
        ("code", status.as_str().to_owned()),
    ];
    metrics::counter!("guildhall_kubernetes_requests_total", &labels).increment(1);
    // How long a watch lasts says nothing; how long it takes to begin does.
    metrics::histogram!("guildhall_kubernetes_request_duration_seconds", "verb" => verb, "resource" => resource)
        .record(took);
    let milliseconds = took.as_secs_f64() * 1000.0;
    let (status, ip, agent) = (status.as_u16(), info.ip.as_deref(), info.user_agent.as_deref());
    if resource == "health" && status < 400 {
        tracing::debug!(target: "server::request", request_id = info.id, verb, resource, path, status, milliseconds, ip, "kubernetes request");
    } else {
        tracing::info!(target: "server::request", request_id = info.id, verb, resource, path, status, milliseconds, ip, agent, "kubernetes request");
    }
    response
}
