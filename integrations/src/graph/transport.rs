//! One call to Graph: bounded in time and size, repeated where Graph asks for a pause; and lists, read to their end.

use std::time::Duration;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use reqwest::{Client, RequestBuilder, Url};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::Instant;

use super::config::Config;
use super::error::Error;
use super::model::{Page, TokenAnswer};
use super::token::AppTokens;
use crate::http_client::{self, BodyError};

/// A page of 999 people is about 300 KiB.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;
/// A list of more pages is refused (SPEC E6).
const MOST_PAGES: usize = 200;
/// A call is repeated at most so often.
const RETRIES: u32 = 2;
/// The pause where none is asked for, times the number of tries so far.
const PAUSE: Duration = Duration::from_millis(500);
/// Without a deadline, a longer pause than this is the caller's to take.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// The pooled connections.
pub(super) struct Transport {
    http: Client,
    /// With the version, without a slash at its end.
    base: Url,
    timeout: Duration,
}

/// What a call is about.
#[derive(Clone, Copy)]
pub(super) struct Ask {
    /// What a 404 says that there is not.
    pub what: &'static str,
    /// What a 403 says that we lack.
    pub permission: &'static str,
    /// Whose token a 401 is about.
    pub token: &'static str,
    /// When the caller stops waiting.
    pub deadline: Option<Instant>,
}

/// A call that brought nothing, and the pause after which another try may.
struct Failure {
    error: Error,
    again_after: Option<Duration>,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            again_after: None,
        }
    }
}

impl Transport {
    /// Errors: [`Error::Config`].
    pub(super) fn new(config: &Config) -> Result<Self, Error> {
        let mut base = http_client::parse_base_url("the Graph URL", &config.graph_url).map_err(Error::Config)?;
        let path = base.path().trim_end_matches('/').to_owned();
        if path.ends_with("/v1.0") || path.ends_with("/beta") {
            base.set_path(&path);
        } else {
            base.set_path(&format!("{path}/v1.0"));
        }
        Ok(Self {
            http: http_client::build(&base, config.timeout).map_err(Error::Config)?,
            base,
            timeout: config.timeout,
        })
    }

    /// Graph's base URL, with the version.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of a thing below the base, whatever characters its parts have.
    ///
    /// Errors: [`Error::Config`] for a part that is no name of a thing.
    pub(super) fn url(&self, parts: &[&str], query: &[(&str, &str)]) -> Result<Url, Error> {
        let odd =
            |part: &str| matches!(part, "" | "." | "..") || part.len() > 400 || part.chars().any(char::is_control);
        if let Some(part) = parts.iter().find(|part| odd(part)) {
            return Err(Error::Config(format!("`{}` is no id", http_client::tidy(part))));
        }
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Error::Config("the Graph URL cannot have a path".to_owned()))?
            .extend(parts);
        url.query_pairs_mut().extend_pairs(query);
        Ok(url)
    }

    /// Reads a thing.
    pub(super) async fn one<T: DeserializeOwned>(&self, url: Url, token: &HeaderValue, ask: &Ask) -> Result<T, Error> {
        parse(ask.what, &self.get(&url, token, ask).await?)
    }

    /// Reads a list, all pages of it or none.
    ///
    /// The next page's address is Graph's to choose, but not where the token goes: a page elsewhere is an error.
    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        first: Url,
        token: &HeaderValue,
        ask: &Ask,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut url = first;
        for _ in 0..MOST_PAGES {
            let page: Page<T> = self.one(url, token, ask).await?;
            items.extend(page.value);
            let Some(next) = page.next_link else {
                return Ok(items);
            };
            url = self.next_page(&next)?;
        }
        Err(Error::InvalidAnswer(format!(
            "the list has more than {MOST_PAGES} pages"
        )))
    }

    fn next_page(&self, link: &str) -> Result<Url, Error> {
        let url = Url::parse(link)
            .map_err(|_| Error::InvalidAnswer("the address of the next page is no address".to_owned()))?;
        if url.origin() != self.base.origin() || !url.username().is_empty() || url.password().is_some() {
            return Err(Error::InvalidAnswer(format!(
                "the next page is at another host ({}): the token is not sent there",
                http_client::tidy(url.host_str().unwrap_or("none"))
            )));
        }
        Ok(url)
    }

    async fn get(&self, url: &Url, token: &HeaderValue, ask: &Ask) -> Result<Vec<u8>, Error> {
        let secret = token.to_str().unwrap_or_default().trim_start_matches("Bearer ");
        let request = || {
            self.http
                .get(url.clone())
                .header(AUTHORIZATION, token)
                .header(ACCEPT, "application/json")
        };
        self.send(request, ask, |status, headers, body| {
            refusal(status, headers, body, ask, secret)
        })
        .await
    }

    /// Fetches a token for the application.
    pub(super) async fn fetch_token(&self, tokens: &AppTokens, ask: &Ask) -> Result<TokenAnswer, Error> {
        let request = || {
            self.http
                .post(tokens.url.clone())
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .header(ACCEPT, "application/json")
                .body(tokens.form())
        };
        let refused = |status: StatusCode, headers: &HeaderMap, body: &[u8]| {
            if matches!(status.as_u16(), 400 | 401) {
                let codes = codes(body).replace(tokens.secret(), "…");
                return Error::Unauthorized(format!("the application's client id and secret{codes}")).into();
            }
            refusal(status, headers, body, ask, tokens.secret())
        };
        parse("application token", &self.send(request, ask, refused).await?)
    }

    async fn send(
        &self,
        request: impl Fn() -> RequestBuilder,
        ask: &Ask,
        refused: impl Fn(StatusCode, &HeaderMap, &[u8]) -> Failure,
    ) -> Result<Vec<u8>, Error> {
        let mut tries = 1;
        loop {
            let Failure { error, again_after } = match self.send_once(request(), ask, &refused).await {
                Ok(body) => return Ok(body),
                Err(failure) => failure,
            };
            let pause = again_after.map(|pause| pause.max(PAUSE * tries));
            let pause = pause.filter(|pause| tries <= RETRIES && fits(*pause, ask.deadline));
            let Some(pause) = pause else { return Err(error) };
            tracing::debug!(what = ask.what, tries, %error, "asking Graph again after {pause:?}");
            tokio::time::sleep(pause).await;
            tries += 1;
        }
    }

    async fn send_once(
        &self,
        request: RequestBuilder,
        ask: &Ask,
        refused: impl Fn(StatusCode, &HeaderMap, &[u8]) -> Failure,
    ) -> Result<Vec<u8>, Failure> {
        let left = ask
            .deadline
            .map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let timeout = left.map_or(self.timeout, |left| left.min(self.timeout));
        if timeout.is_zero() {
            return Err(Error::unavailable("no answer in time").into());
        }
        let response = request
            .timeout(timeout)
            .send()
            .await
            .map_err(|error| Error::unavailable(http_client::describe(error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = http_client::read_body(response, LARGEST_ANSWER).await;
        tracing::debug!(
            what = ask.what,
            status = status.as_u16(),
            graph_request_id = headers.get("request-id").and_then(|id| id.to_str().ok()),
            "Graph answered {status}"
        );
        if status.is_success() {
            return body.map_err(|error| match error {
                BodyError::TooLarge => Error::InvalidAnswer("the answer is too large".to_owned()).into(),
                BodyError::Lost(why) => Error::unavailable(why).into(),
            });
        }
        // A status that arrived counts, even when the explanation after it got lost.
        Err(refused(status, &headers, &body.unwrap_or_default()))
    }
}

/// Whether there is time to wait for so long and ask again.
fn fits(pause: Duration, deadline: Option<Instant>) -> bool {
    deadline.map_or(pause <= LONGEST_PAUSE, |deadline| {
        deadline.saturating_duration_since(Instant::now()) > pause
    })
}

/// `Bearer …` as a header value that does not show in `Debug`.
pub(super) fn bearer(token: &str) -> Result<HeaderValue, ()> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.trim())).map_err(|_| ())?;
    header.set_sensitive(true);
    Ok(header)
}

/// Reads a body as JSON. serde's own message may quote the body, and the body may hold a token: only the place is told.
fn parse<T: DeserializeOwned>(what: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        Error::InvalidAnswer(format!("{what}: {:?} error at {line}:{column}", error.classify()))
    })
}

/// Sorts an answer that is no success. `secret` is what was sent; no message repeats it.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8], ask: &Ask, secret: &str) -> Failure {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let reason = || status.canonical_reason().unwrap_or("no reason given").to_owned();
    let retry_after = retry_after(headers);
    match status {
        StatusCode::UNAUTHORIZED => Error::Unauthorized(format!("{}{}", ask.token, codes(body))).into(),
        StatusCode::FORBIDDEN => Error::Forbidden {
            permission: ask.permission,
        }
        .into(),
        // A wrong address, or a proxy without Graph behind it, must never read as "there is no such group".
        StatusCode::NOT_FOUND if parsed.get("error").is_some() => Error::NotFound(ask.what).into(),
        StatusCode::NOT_FOUND => {
            Error::InvalidAnswer("status 404, but not in Graph's words: is the Graph URL right?".to_owned()).into()
        }
        StatusCode::TOO_MANY_REQUESTS => Failure {
            error: Error::Throttled { retry_after },
            again_after: Some(retry_after.unwrap_or(PAUSE)),
        },
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => Failure {
            error: Error::Unavailable {
                message: format!("{} (status {})", reason(), status.as_u16()),
                retry_after,
            },
            again_after: Some(retry_after.unwrap_or(PAUSE)),
        },
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Error::unavailable(format!("{} (status {})", reason(), status.as_u16())).into()
        }
        status => {
            let message = parsed
                .pointer("/error/message")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let mut message = http_client::tidy(message);
            if message.is_empty() || (!secret.is_empty() && message.contains(secret)) {
                message = reason();
            }
            Error::Rejected {
                status: status.as_u16(),
                message,
            }
            .into()
        }
    }
}

/// The codes of an error, ` (invalid_client, AADSTS7000215)`: words of letters and digits, which cannot be a message's
/// worth of somebody's secret.
fn codes(body: &[u8]) -> String {
    let parsed: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |pointer| parsed.pointer(pointer).and_then(Value::as_str);
    let code = text("/error/code").or_else(|| text("/error"));
    let sts = text("/error_description").and_then(|text| text.split(':').next());
    let is_code =
        |code: &&str| (1..=60).contains(&code.len()) && code.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let known: Vec<&str> = code
        .into_iter()
        .chain(sts.filter(|sts| sts.starts_with("AADSTS")))
        .filter(is_code)
        .collect();
    if known.is_empty() {
        return String::new();
    }
    format!(" ({})", known.join(", "))
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = chrono::DateTime::parse_from_rfc2822(text).ok()?;
    let now = chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now());
    Some((until.to_utc() - now).to_std().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, StatusCode};

    use super::{Ask, Config, Error, Transport, refusal};

    fn transport(url: &str) -> Transport {
        Transport::new(&Config::at(url)).expect("a good configuration")
    }

    fn sorted(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
        let ask = Ask {
            what: "group",
            permission: "GroupMember.Read.All",
            token: "the access token",
            deadline: None,
        };
        let headers: HeaderMap = (headers.iter())
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        let status = StatusCode::from_u16(status).expect("a status");
        refusal(status, &headers, body.as_bytes(), &ask, "s3cret").error
    }

    #[test]
    fn the_version_is_added_where_it_is_missing() {
        for (given, base) in [
            ("https://graph.microsoft.com", "https://graph.microsoft.com/v1.0"),
            ("https://graph.microsoft.com/", "https://graph.microsoft.com/v1.0"),
            ("https://graph.microsoft.us/beta/", "https://graph.microsoft.us/beta"),
            ("http://127.0.0.1:9/graph/v1.0", "http://127.0.0.1:9/graph/v1.0"),
        ] {
            assert_eq!(transport(given).base().as_str(), base);
        }
    }

    #[test]
    fn ids_cannot_leave_their_place_in_a_path() {
        let transport = transport("http://127.0.0.1:9");
        let url = transport.url(&["groups", "a/../b?c#d", "members"], &[("$top", "999")]);
        assert_eq!(
            url.expect("an address").as_str(),
            "http://127.0.0.1:9/v1.0/groups/a%2F..%2Fb%3Fc%23d/members?%24top=999"
        );
        for bad in ["", ".", "..", "a\nb"] {
            assert!(transport.url(&["groups", bad], &[]).is_err(), "{bad}");
        }
    }

    #[test]
    fn e6_the_next_page_is_at_the_same_place() {
        let transport = transport("https://graph.example");
        assert!(
            transport
                .next_page("https://graph.example/v1.0/me/memberOf?$skiptoken=x")
                .is_ok()
        );
        for elsewhere in [
            "https://graph.example.evil.example/v1.0/me",
            "https://evil.example/v1.0/me",
            "http://graph.example/v1.0/me",
            "https://graph.example:444/v1.0/me",
            "https://us@graph.example/v1.0/me",
            "file:///etc/passwd",
            "/v1.0/me",
            "",
        ] {
            let refused = transport.next_page(elsewhere);
            assert!(matches!(refused, Err(Error::InvalidAnswer(_))), "{elsewhere}");
        }
    }

    #[test]
    fn e6_only_graphs_own_404_says_that_something_is_gone() {
        let gone = sorted(
            404,
            &[],
            r#"{"error":{"code":"Request_ResourceNotFound","message":"…"}}"#,
        );
        assert_eq!(gone, Error::NotFound("group"));
        for body in ["<html>404</html>", r#"{"detail":"Not Found"}"#, ""] {
            assert!(matches!(sorted(404, &[], body), Error::InvalidAnswer(_)), "{body}");
        }
    }

    #[test]
    fn refusals_are_told_apart_and_repeat_no_secret() {
        let code = r#"{"error":{"code":"InvalidAuthenticationToken","message":"s3cret is malformed"}}"#;
        assert_eq!(
            sorted(401, &[], code).to_string(),
            "Microsoft Graph did not accept the access token (InvalidAuthenticationToken)"
        );
        assert!(matches!(sorted(403, &[], code), Error::Forbidden { .. }));
        assert!(matches!(sorted(500, &[], code), Error::Unavailable { .. }));
        assert!(!sorted(400, &[], code).to_string().contains("s3cret"));
        let plain = sorted(400, &[], r#"{"error":{"message":"Invalid\nfilter"}}"#);
        assert_eq!(
            plain.to_string(),
            "Microsoft Graph refused: Invalid filter (status 400)"
        );
    }

    #[test]
    fn pauses_are_seconds_or_dates_and_never_negative() {
        let wait = |value: &str| sorted(429, &[("retry-after", value)], "").retry_after();
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }
}
