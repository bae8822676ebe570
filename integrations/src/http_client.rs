//! What every client here wants of HTTP: one pooled keep-alive client with timeouts, no redirects and no retries,
//! bodies of bounded size, and errors told in one line.

use std::error::Error as _;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, Response, Url};

/// Why a response body could not be read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// More bytes than the caller allows.
    TooLarge,
    /// The connection broke, or time ran out, before the end; in words.
    Lost(String),
}

/// Builds the pooled client.
///
/// * `timeout` bounds a whole call, body included. Connecting may use half of it, so that a host that does not answer
///   at all is told apart (`is_connect`) from an answer that got lost.
/// * Redirects are never followed: they would carry credentials to wherever a response points.
/// * Nothing is sent twice: a repeated POST could create twice.
///
/// Errors: in words, when `base` needs TLS and the system has no root certificates.
pub(crate) fn build(base: &Url, timeout: Duration) -> Result<Client, String> {
    // reqwest is built without a TLS provider of its own, and takes the process's. If the binary has chosen one,
    // this changes nothing.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Fails only if another thread installed one in between, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let settings = || {
        Client::builder()
            .user_agent(concat!("guildhall/", env!("CARGO_PKG_VERSION")))
            .timeout(timeout)
            .connect_timeout(timeout / 2)
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_idle_timeout(Duration::from_secs(30))
    };
    let client = settings().build();
    if client.is_err() && base.scheme() == "http" {
        // The demo also runs in containers without root certificates: then trust nobody, which plain http does not mind.
        return settings().tls_certs_only([]).build().map_err(describe);
    }
    client.map_err(describe)
}

/// Reads a whole body of at most `limit` bytes.
pub(crate) async fn read_body(mut response: Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let announced = response.content_length().unwrap_or(0);
    if announced > limit as u64 {
        return Err(BodyError::TooLarge);
    }
    let mut body = Vec::with_capacity(usize::try_from(announced).unwrap_or(0));
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| BodyError::Lost(describe(error)))?
    {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// An error and its causes in one line, without the URL (callers say what they called; a query may hold a code).
pub(crate) fn describe(error: reqwest::Error) -> String {
    if error.is_timeout() && !error.is_connect() {
        return "no answer in time".to_owned();
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

/// Parses the address of a service and warns when secrets would travel in the clear.
///
/// Errors: in words, naming `setting`, unless `value` is an absolute `http` or `https` URL with a host and without
/// query, fragment or credentials.
pub(crate) fn parse_base_url(setting: &str, value: &str) -> Result<Url, String> {
    let url = Url::parse(value).map_err(|error| format!("{setting} is not a URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(format!("{setting} must be an http or https URL"));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(format!("{setting} must not have a query, a fragment or credentials"));
    }
    let host = url.host_str().unwrap_or_default();
    if url.scheme() == "http" && !matches!(host, "localhost" | "127.0.0.1" | "[::1]") {
        tracing::warn!(setting, host, "secrets for {host} travel unencrypted: use https");
    }
    Ok(url)
}

/// Text from outside, made fit for one line of a log or an answer: control characters become spaces, at most 500
/// characters.
pub(crate) fn tidy(text: &str) -> String {
    const LONGEST: usize = 500;
    let mut tidy: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        tidy.push('…');
    }
    tidy
}

#[cfg(test)]
mod tests {
    use super::{parse_base_url, tidy};

    #[test]
    fn text_from_outside_is_one_short_line() {
        assert_eq!(tidy("a\r\nb\u{1b}[31m"), "a  b [31m");
        assert_eq!(tidy(&"x".repeat(600)).chars().count(), 501);
    }

    #[test]
    fn base_urls_are_checked() {
        assert!(parse_base_url("URL", "https://github.example/api/v3").is_ok());
        for bad in [
            "",
            "github.com",
            "ftp://x",
            "https://u:p@x",
            "https://x/?a=b",
            "unix:/x",
        ] {
            assert!(parse_base_url("URL", bad).is_err(), "{bad}");
        }
    }
}
