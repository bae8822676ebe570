//! One call to GitHub: authorised, bounded, and its failure sorted by whether it may have taken effect.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use reqwest::{Client, Url};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;

use super::config::{Config, Credentials};
use super::error::Error;
use super::model::{ErrorBody, InstallationToken};
use super::token::{AppTokens, bearer};
use crate::http_client::{self, BodyError};

/// A page of 100 runners is about 100 KiB.
const LARGEST_ANSWER: usize = 8 * 1024 * 1024;

/// The pooled connection to the API and the credentials that go with it.
pub(super) struct Transport {
    http: Client,
    base: Url,
    auth: Auth,
}

enum Auth {
    Fixed(HeaderValue),
    App(AppTokens),
}

/// A request: below the base URL, with an optional JSON body.
pub(super) struct Call<'a> {
    pub method: Method,
    /// Without a leading slash; each part already checked or a number.
    pub path: &'a str,
    pub query: &'a [(&'a str, &'a str)],
    pub body: Option<Vec<u8>>,
}

impl<'a> Call<'a> {
    /// A call without query or body.
    pub(super) fn new(method: Method, path: &'a str) -> Self {
        Self {
            method,
            path,
            query: &[],
            body: None,
        }
    }
}

impl Transport {
    /// Errors: [`Error::Config`].
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut base = http_client::parse_base_url("the GitHub API URL", &config.api_url).map_err(Error::Config)?;
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let auth = match &config.credentials {
            Credentials::Token(token) => {
                let token = token.expose_secret().trim();
                if token.is_empty() {
                    return Err(Error::Config("the GitHub token is empty".into()));
                }
                Auth::Fixed(
                    bearer(token).map_err(|()| Error::Config("the GitHub token has characters no token has".into()))?,
                )
            }
            Credentials::App {
                app_id,
                installation_id,
                private_key_pem,
            } => Auth::App(AppTokens::new(*app_id, *installation_id, private_key_pem)?),
        };
        Ok(Self {
            http: http_client::build(&base, config.timeout).map_err(Error::Config)?,
            base,
            auth,
        })
    }

    /// Sends, and reads the body of a success.
    ///
    /// A 401 to an installation token (revoked, or clocks apart) is answered once with a fresh one: GitHub did nothing
    /// with the refused request, so sending it again is safe, a POST too. Nothing else is ever sent twice.
    pub(super) async fn send(&self, call: Call<'_>) -> Result<Vec<u8>, Error> {
        let app = match &self.auth {
            Auth::Fixed(header) => return self.send_once(&call, header).await,
            Auth::App(app) => app,
        };
        let token = app.get(|jwt| self.mint(app, jwt)).await?;
        match self.send_once(&call, &token.header).await {
            Err(Error::Denied { status: 401, .. }) => {
                app.discard(&token);
                let token = app.get(|jwt| self.mint(app, jwt)).await?;
                self.send_once(&call, &token.header).await
            }
            result => result,
        }
    }

    /// [`send`](Self::send), and read the body as JSON. `what` names it in errors; the text of a body never shows there.
    pub(super) async fn json<T: DeserializeOwned>(&self, what: &str, call: Call<'_>) -> Result<T, Error> {
        parse(what, &self.send(call).await?)
    }

    async fn mint(&self, app: &AppTokens, jwt: HeaderValue) -> Result<InstallationToken, Error> {
        let path = app.path();
        let body = self.send_once(&Call::new(Method::POST, &path), &jwt).await;
        // Whether a token was made or not, the call it was for has not been sent: that is not ambiguous.
        body.and_then(|body| parse("installation token", &body))
            .map_err(|error| match error {
                Error::Ambiguous(why) | Error::InvalidResponse(why) => {
                    Error::Unreachable(format!("no installation token: {why}"))
                }
                Error::NotFound { message } => Error::Denied {
                    status: 404,
                    message: format!("no installation token: {message}"),
                },
                error => error,
            })
    }

    async fn send_once(&self, call: &Call<'_>, authorization: &HeaderValue) -> Result<Vec<u8>, Error> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path(), call.path));
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .header(AUTHORIZATION, authorization)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28");
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        let response = request.send().await.map_err(|error| {
            if error.is_connect() || error.is_builder() {
                Error::Unreachable(http_client::describe(error))
            } else {
                Error::Ambiguous(http_client::describe(error))
            }
        })?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_client::read_body(response, LARGEST_ANSWER).await;
        tracing::debug!(
            method = %call.method,
            path = call.path,
            status = status.as_u16(),
            github_request_id = headers.get("x-github-request-id").and_then(|id| id.to_str().ok()),
            "GitHub answered {status}"
        );
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

/// Reads a body as JSON. serde's own message may quote the body, and the body may hold a secret: only the place is told.
fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::InvalidResponse(format!("{what}: {:?} error at {line}:{column}", error.classify()))
    })
}

/// Sorts an answer that is no success.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Error {
    let parsed: ErrorBody = serde_json::from_slice(body).unwrap_or_default();
    let mut message = http_client::tidy(&parsed.text());
    if message.is_empty() {
        status
            .canonical_reason()
            .unwrap_or("no reason given")
            .clone_into(&mut message);
    }
    if is_rate_limit(status, headers, &message) {
        return Error::RateLimited {
            retry_after: retry_after(headers),
        };
    }
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Denied {
            status: status.as_u16(),
            message,
        },
        StatusCode::NOT_FOUND => Error::NotFound { message },
        StatusCode::REQUEST_TIMEOUT => Error::Ambiguous(format!("{message} (status 408)")),
        status if status.is_server_error() => Error::Ambiguous(format!("{message} (status {})", status.as_u16())),
        status => Error::Rejected {
            status: status.as_u16(),
            message,
        },
    }
}

/// <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>: the primary limit has no calls
/// remaining, a secondary limit sends `retry-after` or says so in its message.
fn is_rate_limit(status: StatusCode, headers: &HeaderMap, message: &str) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS
        || status == StatusCode::FORBIDDEN
            && (headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0")
                || headers.contains_key(RETRY_AFTER)
                || message.to_ascii_lowercase().contains("rate limit"))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    if let Some(seconds) = number("retry-after") {
        return Some(Duration::from_secs(seconds));
    }
    let reset = UNIX_EPOCH.checked_add(Duration::from_secs(number("x-ratelimit-reset")?))?;
    Some(reset.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, StatusCode};
    use std::time::Duration;

    use super::{Error, parse, refusal};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let entry = |(name, value): &(&'static str, &str)| {
            (
                name.parse().expect("a header name"),
                value.parse().expect("a header value"),
            )
        };
        pairs.iter().map(entry).collect()
    }

    #[test]
    fn limits_are_told_from_denials() {
        let used_up = headers(&[("x-ratelimit-remaining", "0"), ("retry-after", "7")]);
        let seven = Some(Duration::from_secs(7));
        let limited = Error::RateLimited { retry_after: seven };
        assert_eq!(refusal(StatusCode::FORBIDDEN, &used_up, b""), limited);
        assert_eq!(refusal(StatusCode::TOO_MANY_REQUESTS, &used_up, b""), limited);
        let secondary = br#"{"message":"You have exceeded a secondary rate limit."}"#;
        let answer = refusal(StatusCode::FORBIDDEN, &HeaderMap::new(), secondary);
        assert_eq!(answer, Error::RateLimited { retry_after: None });
        let plain = headers(&[("x-ratelimit-remaining", "4999")]);
        let denied = refusal(
            StatusCode::FORBIDDEN,
            &plain,
            br#"{"message":"Resource not accessible"}"#,
        );
        assert!(matches!(denied, Error::Denied { status: 403, .. }), "{denied:?}");
    }

    #[test]
    fn a_wait_until_the_reset_is_never_negative() {
        let past = headers(&[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")]);
        let retry_after = Some(Duration::ZERO);
        assert_eq!(
            refusal(StatusCode::FORBIDDEN, &past, b""),
            Error::RateLimited { retry_after }
        );
    }

    #[test]
    fn details_are_part_of_the_message_and_pages_of_html_are_not() {
        let body = br#"{"message":"Validation Failed","errors":[{"message":"labels: too many"},"name: too long"]}"#;
        let message = "Validation Failed: labels: too many; name: too long".to_owned();
        let rejected = Error::Rejected { status: 422, message };
        assert_eq!(
            refusal(StatusCode::UNPROCESSABLE_ENTITY, &HeaderMap::new(), body),
            rejected
        );
        let answer = refusal(StatusCode::BAD_GATEWAY, &HeaderMap::new(), b"<html>unicorn</html>");
        assert_eq!(answer, Error::Ambiguous("Bad Gateway (status 502)".into()));
    }

    #[test]
    fn what_cannot_be_read_is_not_quoted() {
        let error = parse::<u8>("answer", br#""s3cret""#).expect_err("a string is no number");
        assert!(!error.to_string().contains("s3cret"), "{error}");
    }
}
