//! One call to LiteLLM: past the breaker, tried again where that can help, bounded, and its failure sorted.

use std::time::Duration;

use http::header::{ACCEPT, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::breaker::{Breaker, Circuit, Permit, Verdict};
use super::config::{Config, Observe};
use super::error::Error;
use super::message::{is_unknown_route, message};
use crate::http_client::{self, BodyError};

/// A page of 100 teams with a thousand members each is about 10 MiB.
const LARGEST_ANSWER: usize = 32 * 1024 * 1024;
/// Somebody waits for the answer: a longer pause than this is theirs to take.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Takes the bare key on all versions (recorded case 007), while `Authorization` may belong to a proxy in between.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-litellm-api-key");

/// The pooled connection to one instance, its key and its breaker.
pub(super) struct Transport {
    http: Client,
    base: Url,
    key: HeaderValue,
    circuit: Circuit,
    attempts: u32,
    retry_delay: Duration,
    name: String,
    observe: Option<Observe>,
}

/// What came back of one request, for the log.
#[derive(Default)]
struct Heard {
    status: Option<u16>,
    /// LiteLLM's own id of the call.
    call_id: Option<String>,
}

/// Whether a call may be sent again after it may have taken effect.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Reading, or writing the same twice, does no harm.
    Harmless,
    /// Only when it was never sent.
    IfUnsent,
}

/// A request.
pub(super) struct Call<'a> {
    method: Method,
    /// Below the base URL.
    route: &'static str,
    query: Vec<(&'a str, String)>,
    body: Option<Value>,
    repeat: Repeat,
}

impl<'a> Call<'a> {
    pub(super) fn get(route: &'static str) -> Self {
        Self {
            method: Method::GET,
            route,
            query: Vec::new(),
            body: None,
            repeat: Repeat::Harmless,
        }
    }

    /// A call that may be sent twice.
    pub(super) fn post(route: &'static str, body: Value) -> Self {
        Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(route)
        }
    }

    /// A call that makes something new each time.
    pub(super) fn post_once(route: &'static str, body: Value) -> Self {
        Self {
            repeat: Repeat::IfUnsent,
            ..Self::post(route, body)
        }
    }

    pub(super) fn with(mut self, name: &'a str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

impl Transport {
    /// Errors: [`Error::Config`].
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut base = http_client::parse_base_url("the LiteLLM URL", &config.api_url).map_err(Error::Config)?;
        let path = base.path().trim_end_matches('/').to_owned();
        base.set_path(&path);
        let key = config.master_key.expose_secret().trim();
        if key.is_empty() {
            return Err(Error::Config("the LiteLLM master key is empty".into()));
        }
        let mut key = HeaderValue::from_str(key)
            .map_err(|_| Error::Config("the LiteLLM master key has characters no key has".into()))?;
        key.set_sensitive(true);
        Ok(Self {
            http: http_client::build(&base, config.timeout).map_err(Error::Config)?,
            base,
            key,
            circuit: Circuit::new(config.breaker_failures, config.breaker_open),
            attempts: config.attempts.max(1),
            retry_delay: config.retry_delay,
            name: config.name.clone(),
            observe: config.observe.clone(),
        })
    }

    pub(super) fn breaker(&self) -> Breaker {
        self.circuit.view()
    }

    pub(super) fn refusing_for(&self) -> Option<Duration> {
        self.circuit.refusing_for()
    }

    /// Sends, and reads the answer as JSON. `what` names it in errors; the text of an answer never shows there.
    pub(super) async fn json<T: DeserializeOwned>(&self, what: &str, call: Call<'_>) -> Result<T, Error> {
        self.send(&call, |body| parse(what, body)).await
    }

    /// Sends, and checks no more of the answer than that it is JSON: a proxy's page with status 200 is no success.
    pub(super) async fn done(&self, call: Call<'_>) -> Result<(), Error> {
        self.send(&call, |body| parse::<serde::de::IgnoredAny>("answer", body).map(|_| ()))
            .await
    }

    async fn send<T>(&self, call: &Call<'_>, read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
        let permit: Permit = self.circuit.admit().map_err(|retry_after| {
            let error = Error::CircuitOpen { retry_after };
            self.tell(call, 0, &Heard::default(), Err(&error), Duration::ZERO);
            error
        })?;
        // A probe answers one question, and the others wait for it.
        let attempts = if permit.is_probe() { 1 } else { self.attempts };
        let mut attempt = 1;
        loop {
            let result = self.attempt(call, attempt, &read).await;
            let Err(error) = &result else {
                permit.settle(Verdict::Answered);
                return result;
            };
            let pause = self.pause(call, error, attempt);
            if let (true, Some(pause)) = (attempt < attempts, pause) {
                tracing::debug!(route = call.route, attempt, %error, "trying again");
                tokio::time::sleep(pause).await;
                // Others may have found out meanwhile that there is no point.
                if matches!(self.circuit.view(), Breaker::Closed { .. }) {
                    attempt += 1;
                    continue;
                }
            }
            permit.settle(match error {
                error if error.is_failure() => Verdict::Failed,
                Error::InvalidResponse(_) => Verdict::Unclear,
                _ => Verdict::Answered,
            });
            return result;
        }
    }

    /// How long to wait before the next attempt; none when there is no point in one, or harm.
    fn pause(&self, call: &Call<'_>, error: &Error, attempt: u32) -> Option<Duration> {
        let pause = self.retry_delay.saturating_mul(attempt);
        match error {
            Error::Unreachable(_) => Some(pause),
            Error::Ambiguous(_) if call.repeat == Repeat::Harmless => Some(pause),
            Error::RateLimited {
                retry_after: Some(wait),
            } if call.repeat == Repeat::Harmless && *wait <= LONGEST_PAUSE => Some(pause.max(*wait)),
            _ => None,
        }
    }

    async fn attempt<T>(
        &self,
        call: &Call<'_>,
        attempt: u32,
        read: &impl Fn(&[u8]) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let start = Instant::now();
        let mut heard = Heard::default();
        let result = self.send_once(call, &mut heard).await.and_then(|body| read(&body));
        self.tell(call, attempt, &heard, result.as_ref().map(|_| ()), start.elapsed());
        result
    }

    /// One line in the log, one observation for the metrics. Whose call it was is in the span around it. Neither body
    /// nor query: they hold keys and ids.
    fn tell(&self, call: &Call<'_>, attempt: u32, heard: &Heard, result: Result<(), &Error>, took: Duration) {
        let outcome = result.err().map_or("ok", Error::outcome);
        if let Some(observe) = &self.observe {
            observe(call.route, outcome, took);
        }
        let (instance, method, route) = (self.name.as_str(), call.method.as_str(), call.route);
        let (status, litellm_call_id) = (heard.status, heard.call_id.as_deref());
        let duration_ms = took.as_secs_f64() * 1000.0;
        match result {
            // "There is none" is an answer like any other.
            Ok(()) | Err(Error::NotFound { .. } | Error::Conflict { .. } | Error::CircuitOpen { .. }) => {
                tracing::debug!(
                    instance,
                    method,
                    route,
                    attempt,
                    status,
                    outcome,
                    duration_ms,
                    litellm_call_id,
                    "LiteLLM call"
                );
            }
            Err(error) => {
                tracing::warn!(instance, method, route, attempt, status, outcome, duration_ms, litellm_call_id, %error, "LiteLLM call");
            }
        }
    }

    async fn send_once(&self, call: &Call<'_>, heard: &mut Heard) -> Result<Vec<u8>, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.route));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&call.query);
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(KEY_HEADER, self.key.clone())
            .header(ACCEPT, "application/json");
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Error::Unreachable(http_client::describe(error))
            } else {
                Error::Ambiguous(http_client::describe(error))
            }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let call_id = headers.get("x-litellm-call-id").and_then(|id| id.to_str().ok());
        *heard = Heard {
            status: Some(status.as_u16()),
            call_id: call_id.map(|id| id.chars().take(64).collect()),
        };
        let body = http_client::read_body(response, LARGEST_ANSWER).await;
        if status.is_success() {
            return body.map_err(|error| match error {
                BodyError::TooLarge => Error::InvalidResponse("the answer is too large".into()),
                BodyError::Lost(why) => Error::Ambiguous(why),
            });
        }
        // A status that arrived counts, even when the explanation after it got lost.
        Err(refusal(status, &headers, &body.unwrap_or_default()))
    }
}

/// Reads a body as JSON. serde's own message may quote the body, and the body may hold a key: only the place is told.
pub(super) fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::InvalidResponse(format!("{what}: {:?} error at {line}:{column}", error.classify()))
    })
}

/// Sorts an answer that is no success, by status and message: `error.type` is `internal_server_error` for most.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let mut message = message(body);
    let lower = message.to_ascii_lowercase();
    let has = |texts: &[&str]| texts.iter().any(|text| lower.contains(text));
    // Any status: 403 for organizations, 400 for team admins, 500 for model budgets.
    if has(&[
        "enterprise user",
        "enterprise licen",
        "litellm_license",
        "premium feature",
        "premium user",
    ]) {
        return Error::Licence { message };
    }
    // 404 today, 400 or 500 on some versions and routes. None of these words is in the message of another refusal.
    if has(&[
        "doesn't exist in db",
        "does not exist in db",
        "not found in team",
        "is not a member of team",
    ]) {
        return Error::NotFound { message };
    }
    let unexplained = is_unknown_route(&message);
    if message.is_empty() {
        status
            .canonical_reason()
            .unwrap_or("no reason given")
            .clone_into(&mut message);
    }
    let code = status.as_u16();
    match status {
        StatusCode::TOO_MANY_REQUESTS => Error::RateLimited {
            retry_after: retry_after(headers),
        },
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied { status: code, message },
        // A wrong base URL, or an ingress without LiteLLM behind it, must never read as "there is no such team".
        StatusCode::NOT_FOUND if !unexplained => Error::NotFound { message },
        StatusCode::CONFLICT => Error::Conflict { message },
        StatusCode::BAD_REQUEST if has(&["already exists", "already in team"]) => Error::Conflict { message },
        StatusCode::REQUEST_TIMEOUT => Error::Ambiguous(format!("{message} (status 408)")),
        status if status.is_server_error() => Error::Ambiguous(format!("{message} (status {code})")),
        _ => Error::Rejected { status: code, message },
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};

    use super::{Error, parse, refusal};

    fn sorted(status: u16, body: &str) -> Error {
        let status = StatusCode::from_u16(status).expect("a status");
        refusal(status, &HeaderMap::new(), body.as_bytes())
    }

    #[test]
    fn c3_only_litellms_own_404_says_that_something_is_absent() {
        let team = sorted(
            404,
            r#"{"error":{"message":"{'message': 'Team not found, passed team id: x.'}"}}"#,
        );
        assert!(matches!(team, Error::NotFound { .. }), "{team:?}");
        for body in ["<html>404</html>", r#"{"detail":"Not Found"}"#, ""] {
            let other = sorted(404, body);
            assert!(matches!(other, Error::Rejected { status: 404, .. }), "{other:?}");
        }
    }

    #[test]
    fn a_missing_licence_is_told_whatever_the_status() {
        let text = "You must be a LiteLLM Enterprise user to use this feature.";
        for (status, body) in [
            (403, format!(r#"{{"detail":{{"error":"{text}"}}}}"#)),
            (
                400,
                format!(r#"{{"detail":"Assigning team admins is a premium feature. {text}"}}"#),
            ),
            (500, format!(r#"{{"error":{{"message":"{text}"}}}}"#)),
        ] {
            let error = sorted(status, &body);
            assert!(matches!(error, Error::Licence { .. }), "{error:?}");
            assert!(!error.is_failure());
        }
    }

    #[test]
    fn c6_a_500_is_never_read_as_there_is_one_already() {
        let error = sorted(
            500,
            r#"{"error":{"message":"Unique constraint failed: already exists"}}"#,
        );
        assert!(error.is_ambiguous() && error.is_failure(), "{error:?}");
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        let error = parse::<u8>("answer", br#""s3cret""#).expect_err("a string is no number");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
