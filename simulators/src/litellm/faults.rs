//! What goes wrong on demand.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::answer;

/// The faults in force. Counted ones count down as they strike; the others stay until replaced.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Faults {
    /// Only calls whose `METHOD /path` contains this are struck; all, if unset.
    pub only: Option<String>,
    /// Calls whose `METHOD /path` contains this are left alone, and not counted.
    pub except: Option<String>,
    /// So many calls are spared before anything else strikes but waiting.
    pub spare_next: u64,
    /// Milliseconds that each call waits before anything happens.
    pub latency_ms: u64,
    /// Every call loses its connection before anything is done.
    pub down: bool,
    /// So many calls are answered with `fail_status` and nothing is done.
    pub fail_next: u64,
    /// The status of `fail_next`; 500 if 0.
    pub fail_status: u16,
    /// So many calls lose their connection before anything is done.
    pub drop_before_next: u64,
    /// So many calls are carried out, and then lose their connection: a key whose secret never arrives.
    pub drop_after_next: u64,
    /// So many calls are carried out, and then answered with 500.
    pub error_after_next: u64,
    /// So many calls are answered with 200 and a page of HTML, and nothing is done.
    pub garbage_next: u64,
    /// So many calls are never answered, and nothing is done.
    pub hang_before_next: u64,
    /// So many calls are carried out and never answered.
    pub hang_after_next: u64,
    /// Once the spared calls are answered nobody listens: connections are refused until
    /// [`restart`](super::LiteLlmSimulator::restart). With none to spare: [`stop`](super::LiteLlmSimulator::stop).
    pub refuse: bool,
    /// Calls are refused for the rate limit.
    pub rate_limit: Option<RateLimit>,
}

/// How a rate limit answers: with 429.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimit {
    /// `retry-after`, in seconds.
    pub retry_after: Option<u64>,
    /// So many calls; all, if unset.
    pub next: Option<u64>,
}

/// What strikes one call.
#[derive(Default)]
pub(super) struct Strike {
    pub latency: Duration,
    /// Answered with this instead.
    pub instead: Option<Response>,
    pub drop_before: bool,
    pub drop_after: bool,
    pub error_after: bool,
    pub hang_before: bool,
    pub hang_after: bool,
    /// Nobody is to listen for the next call; the connection of this one ends with its answer.
    pub last: bool,
    /// Whether anything of this went wrong, waiting excepted.
    pub struck: bool,
}

impl Faults {
    /// What strikes the call `METHOD /path`.
    pub(super) fn strike(&mut self, call: &str) -> Strike {
        let names = |part: &String| call.contains(part.as_str());
        if self.only.as_ref().is_some_and(|only| !names(only)) || self.except.as_ref().is_some_and(names) {
            return Strike::default();
        }
        let mut strike = Strike {
            latency: Duration::from_millis(self.latency_ms),
            ..Strike::default()
        };
        if take(&mut self.spare_next) {
            strike.last = self.refuse && self.spare_next == 0;
            return strike;
        }
        if self.down || self.refuse {
            strike.drop_before = true;
        } else if take(&mut self.hang_before_next) {
            strike.hang_before = true;
        } else if take(&mut self.hang_after_next) {
            strike.hang_after = true;
        } else if let Some(limited) = self.limited() {
            strike.instead = Some(limited);
        } else if take(&mut self.fail_next) {
            let status = StatusCode::from_u16(self.fail_status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            strike.instead = Some(failure(status));
        } else if take(&mut self.garbage_next) {
            strike.instead = Some(Html("<html><title>Be right back</title></html>").into_response());
        } else {
            strike.drop_before = take(&mut self.drop_before_next);
            strike.drop_after = !strike.drop_before && take(&mut self.drop_after_next);
            strike.error_after = !strike.drop_before && !strike.drop_after && take(&mut self.error_after_next);
        }
        strike.struck = strike.instead.is_some()
            || strike.drop_before
            || strike.drop_after
            || strike.error_after
            || strike.hang_before
            || strike.hang_after;
        strike
    }

    fn limited(&mut self) -> Option<Response> {
        let limit = self.rate_limit.as_mut()?;
        if limit.next.as_mut().is_some_and(|next| !take(next)) {
            return None;
        }
        let mut response = failure(StatusCode::TOO_MANY_REQUESTS);
        if let Some(seconds) = limit.retry_after {
            response.headers_mut().insert("retry-after", HeaderValue::from(seconds));
        }
        Some(response)
    }
}

fn take(count: &mut u64) -> bool {
    let some = *count > 0;
    *count = count.saturating_sub(1);
    some
}

/// What LiteLLM says of an exception that it did not expect.
pub(super) fn failure(status: StatusCode) -> Response {
    let message = status.canonical_reason().unwrap_or("Failure");
    let code = status.as_str();
    answer(
        status.as_u16(),
        json!({"error": {"message": message, "type": "internal_server_error", "param": null, "code": code}}),
    )
}
