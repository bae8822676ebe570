//! The outermost layer: a request's id, one line in the log, one observation for the metrics.

use std::{borrow::Cow, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, Method};
use tracing::Instrument as _;

use crate::{
    AppState,
    request::{Info, REQUEST_ID},
};

/// Routes that are asked for all the time, by machines.
const QUIET: &[&str] = &["/healthz", "/readyz", "/health", "/metrics", "/pkg/{hash}/{*path}"];

/// Knows a request from its first byte to the head of its answer.
pub(super) async fn observe(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (mut parts, body) = request.into_parts();
    let Info(info) = Info::note(&parts.headers, &mut parts.extensions, &state.config.trusted_proxies);
    let id = info.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
    if let Some(id) = &id {
        // From here on the header holds an id that is safe to print.
        parts.headers.insert(REQUEST_ID, id.clone());
    }
    request = Request::from_parts(parts, body);
    let method = method(request.method());
    // The path only: a query may hold a code, a search for someone, or whatever a client put there by mistake.
    let path = request.uri().path().to_owned();
    let matched = request
        .extensions()
        .get::<MatchedPath>()
        .map(|path| path.as_str().to_owned());
    let route = matched.map_or(Cow::Borrowed("unmatched"), Cow::Owned);

    // At the highest level, so that whatever is logged carries the id.
    let span = tracing::error_span!("request", request_id = info.id, method, path);
    let mut response = next.run(request).instrument(span).await;

    if let Some(id) = id {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let (status, took) = (response.status(), begun.elapsed());
    let labels = [
        ("method", method.to_owned()),
        ("route", route.to_string()),
        ("status", status.as_str().to_owned()),
    ];
    metrics::histogram!("guildhall_http_request_duration_seconds", &labels).record(took);
    let milliseconds = took.as_secs_f64() * 1000.0;
    let (status, ip) = (status.as_u16(), info.ip.as_deref());
    if QUIET.contains(&&*route) && status < 400 {
        tracing::debug!(target: "server::request", request_id = info.id, method, path, status, milliseconds, ip, "request");
    } else {
        tracing::info!(target: "server::request", request_id = info.id, method, path, %route, status, milliseconds, ip, "request");
    }
    response
}

/// The method, or `OTHER`: anyone can send words of their own, and each would be a time series.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "OTHER",
    }
}
