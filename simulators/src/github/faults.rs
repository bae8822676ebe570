//! What goes wrong on demand.

use std::time::Duration;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::api::error;
use super::state::Shared;
use crate::listener::Connection;

/// The faults in force. Counted ones count down as they strike; the others stay until replaced.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Only calls whose `METHOD /path` contains this are struck; all, if unset.
    pub only: Option<String>,
    /// So many calls are spared before anything else strikes but waiting.
    pub spare_next: u64,
    /// Milliseconds that each call waits before anything happens.
    pub latency_ms: u64,
    /// Milliseconds that each page of a listing waits.
    pub slow_page_ms: u64,
    /// So many calls are answered with `fail_status` and nothing is done.
    pub fail_next: u64,
    /// The status of `fail_next`; 500 if 0.
    pub fail_status: u16,
    /// So many calls lose their connection before anything is done.
    pub drop_before_next: u64,
    /// So many calls are carried out, and then lose their connection: a created runner whose answer never arrives.
    pub drop_after_next: u64,
    /// So many calls are carried out, and then answered with 502.
    pub bad_gateway_after_next: u64,
    /// Every call is refused for the rate limit.
    pub rate_limit: Option<RateLimit>,
}

/// How a rate limit answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// 403 (primary limit) or 429.
    pub status: u16,
    /// `retry-after`, in seconds; unset to send only `x-ratelimit-reset`.
    pub retry_after: Option<u64>,
    /// Seconds until `x-ratelimit-reset`.
    pub reset_in: u64,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self {
            status: 403,
            retry_after: Some(60),
            reset_in: 60,
        }
    }
}

/// What strikes one call.
#[derive(Default)]
struct Strike {
    latency: Duration,
    fail: Option<StatusCode>,
    rate_limit: Option<RateLimit>,
    drop_before: bool,
    drop_after: bool,
    bad_gateway_after: bool,
}

impl Faults {
    fn strike(&mut self, route: &str, is_listing: bool) -> Strike {
        if self.only.as_ref().is_some_and(|only| !route.contains(only)) {
            return Strike::default();
        }
        let latency = self.latency_ms + if is_listing { self.slow_page_ms } else { 0 };
        let mut strike = Strike {
            latency: Duration::from_millis(latency),
            rate_limit: self.rate_limit,
            ..Strike::default()
        };
        if take(&mut self.spare_next) {
            strike.rate_limit = None;
            return strike;
        }
        if strike.rate_limit.is_some() {
        } else if take(&mut self.fail_next) {
            let status = StatusCode::from_u16(self.fail_status);
            strike.fail = Some(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR));
        } else {
            strike.drop_before = take(&mut self.drop_before_next);
            strike.drop_after = !strike.drop_before && take(&mut self.drop_after_next);
            strike.bad_gateway_after =
                !strike.drop_before && !strike.drop_after && take(&mut self.bad_gateway_after_next);
        }
        strike
    }
}

fn take(count: &mut u64) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

/// Counts the call and lets the faults strike it.
pub(super) async fn apply(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    path: MatchedPath,
    request: Request,
    next: Next,
) -> Response {
    let route = format!("{} {}", request.method(), path.as_str());
    let call = format!("{} {}", request.method(), request.uri().path());
    let is_listing = request.uri().query().is_some_and(|query| query.contains("per_page"));
    *shared.state().calls.entry(route).or_default() += 1;
    let strike = shared.faults.lock().expect("not poisoned").strike(&call, is_listing);
    if !strike.latency.is_zero() {
        tokio::time::sleep(strike.latency).await;
    }
    if let Some(limit) = strike.rate_limit {
        return limited(limit);
    }
    if let Some(status) = strike.fail {
        return error(status, status.canonical_reason().unwrap_or("Failure"));
    }
    if strike.drop_before {
        connection.cut();
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let response = next.run(request).await;
    if strike.drop_after {
        connection.cut();
    }
    if strike.bad_gateway_after {
        return (StatusCode::BAD_GATEWAY, "<html><title>Unicorn!</title></html>").into_response();
    }
    response
}

fn limited(limit: RateLimit) -> Response {
    let status = StatusCode::from_u16(limit.status).unwrap_or(StatusCode::FORBIDDEN);
    let mut response = error(status, "API rate limit exceeded for installation ID 1.");
    let now = jsonwebtoken::get_current_timestamp();
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", HeaderValue::from(5000));
    headers.insert("x-ratelimit-remaining", HeaderValue::from(0));
    headers.insert("x-ratelimit-reset", HeaderValue::from(now + limit.reset_in));
    if let Some(seconds) = limit.retry_after {
        headers.insert("retry-after", HeaderValue::from(seconds));
    }
    response
}
