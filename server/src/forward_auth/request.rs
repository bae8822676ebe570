//! What a proxy says of the request that it asks about.

use std::borrow::Cow;

use backend::authz::Ask;
use domain::authz::Original;
use http::{HeaderMap, request::Parts};

/// Picks the team: an id or a slug.
const TEAM: &str = "x-team-id";
/// Picks the project: an id.
const PROJECT: &str = "x-project-id";
/// The path, as nginx, ingress-nginx, Traefik and Caddy name it.
const PATHS: [&str; 3] = ["x-original-uri", "x-original-url", "x-forwarded-uri"];
/// The method.
const METHODS: [&str; 2] = ["x-original-method", "x-forwarded-method"];

/// A request to `/authz`, read.
///
/// Where several headers name the original method or path, they have to agree: one of them is the proxy's, and the
/// others came from the client. Those that do not agree count as contradictory, and no service with rules admits them.
pub(super) struct Asked<'a> {
    service: Cow<'a, str>,
    team: Option<&'a str>,
    project: Option<&'a str>,
    method: Option<&'a str>,
    path: Option<Cow<'a, str>>,
    contradictory: bool,
}

impl<'a> Asked<'a> {
    /// Reads it.
    pub(super) fn read(parts: &'a Parts) -> Self {
        let headers = &parts.headers;
        let below = parts.uri.path().strip_prefix("/authz/").unwrap_or_default();
        let (service, rest) = match below.find('/') {
            Some(slash) => below.split_at(slash),
            None => (below, ""),
        };
        let mut one = One::default();
        // Envoy puts the original path behind the service's name, and asks with the original method.
        if !rest.is_empty() {
            let path = match parts.uri.query() {
                Some(query) => Cow::Owned(format!("{rest}?{query}")),
                None => Cow::Borrowed(rest),
            };
            one.add(Some(path));
        }
        for name in PATHS {
            for value in headers.get_all(name) {
                one.add(
                    value
                        .to_str()
                        .ok()
                        .filter(|text| !text.is_empty())
                        .map(path_of)
                        .or_else(|| unreadable(value)),
                );
            }
        }
        let mut method = One::default();
        if !rest.is_empty() {
            method.add(Some(Cow::Borrowed(parts.method.as_str())));
        }
        for name in METHODS {
            for value in headers.get_all(name) {
                method.add(value.to_str().ok().filter(|text| !text.is_empty()).map(Cow::Borrowed));
            }
        }
        Self {
            service: shown(service),
            team: text(headers, TEAM),
            project: text(headers, PROJECT),
            contradictory: one.contradictory || method.contradictory,
            path: one.value,
            method: match method.value {
                Some(Cow::Borrowed(method)) => Some(method),
                _ => None,
            },
        }
    }

    /// The service, as far as a service may be called.
    pub(super) fn service(&self) -> &str {
        &self.service
    }

    /// The question. `bound` is the team that a JWT names; a header outweighs it.
    pub(super) fn ask<'b>(&'b self, bound: Option<&'b str>) -> Ask<'b> {
        Ask {
            service: &self.service,
            team: self.team.or(bound),
            project: self.project,
            original: Original {
                method: self.method,
                path: self.path.as_deref(),
                contradictory: self.contradictory,
            },
        }
    }
}

/// A value that may be named several times, as long as it is the same.
#[derive(Default)]
struct One<'a> {
    value: Option<Cow<'a, str>>,
    contradictory: bool,
}

impl<'a> One<'a> {
    fn add(&mut self, value: Option<Cow<'a, str>>) {
        match (&self.value, value) {
            (_, None) => {}
            (None, value) => self.value = value,
            (Some(known), Some(value)) => self.contradictory |= *known != value,
        }
    }
}

/// The path of a path or of a whole URL (ingress-nginx). What is neither stays, and is no plain path.
fn path_of(text: &str) -> Cow<'_, str> {
    let after = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(after) = after else { return Cow::Borrowed(text) };
    match after.find(['/', '?', '#']) {
        Some(at) if after[at..].starts_with('/') => Cow::Borrowed(&after[at..]),
        Some(at) => Cow::Owned(format!("/{}", &after[at..])),
        None => Cow::Borrowed("/"),
    }
}

/// A header that is there and no text: something that no rule admits. An empty one is as good as none.
fn unreadable(value: &http::HeaderValue) -> Option<Cow<'static, str>> {
    (!value.is_empty()).then_some(Cow::Borrowed("\\"))
}

/// A header's text; an empty one is none. More than one: the first two together, which names nothing.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() {
        return Some("\u{fffd}");
    }
    let text = first.to_str().unwrap_or("\u{fffd}").trim();
    (!text.is_empty()).then_some(text)
}

/// A service's name as it may stand in headers and logs. No service has another character in its name, so nothing that
/// is replaced here is ever found.
fn shown(service: &str) -> Cow<'_, str> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if service.len() <= 63 && service.bytes().all(plain) {
        return Cow::Borrowed(service);
    }
    let text = service
        .bytes()
        .take(63)
        .map(|byte| if plain(byte) { char::from(byte) } else { '?' });
    Cow::Owned(text.chain(std::iter::once('?')).collect())
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    /// Service, method, path, contradictory.
    fn read(uri: &str, method: &str, headers: &[(&str, &str)]) -> (String, Option<String>, Option<String>, bool) {
        let mut request = Request::builder().uri(uri).method(method);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).expect("a request").into_parts();
        let asked = Asked::read(&parts);
        let original = asked.ask(None).original;
        (
            asked.service().to_owned(),
            original.method.map(str::to_owned),
            original.path.map(str::to_owned),
            original.contradictory,
        )
    }

    fn known(service: &str, method: &str, path: &str) -> (String, Option<String>, Option<String>, bool) {
        (
            service.to_owned(),
            Some(method.to_owned()),
            Some(path.to_owned()),
            false,
        )
    }

    #[test]
    fn each_proxy_names_the_original_request_in_its_way() {
        for headers in [
            &[("x-original-method", "POST"), ("x-original-uri", "/v1/chat?a=b")][..],
            &[
                ("x-original-method", "POST"),
                ("x-original-url", "https://llm.example:8443/v1/chat?a=b"),
            ],
            &[("x-forwarded-method", "POST"), ("x-forwarded-uri", "/v1/chat?a=b")],
            &[
                ("x-original-method", "POST"),
                ("x-original-uri", "/v1/chat?a=b"),
                ("x-forwarded-uri", "/v1/chat?a=b"),
                ("x-original-url", ""),
            ],
        ] {
            assert_eq!(read("/authz/llm", "GET", headers), known("llm", "POST", "/v1/chat?a=b"));
        }
        assert_eq!(
            read("/authz/llm/v1/chat?a=b", "PUT", &[]),
            known("llm", "PUT", "/v1/chat?a=b")
        );
        assert_eq!(
            read("/authz/llm/", "GET", &[]),
            known("llm", "GET", "/"),
            "Envoy, for /"
        );
        assert_eq!(read("/authz/llm", "GET", &[]), ("llm".to_owned(), None, None, false));
    }

    #[test]
    fn headers_that_differ_are_contradictory() {
        for (uri, headers) in [
            (
                "/authz/llm",
                &[("x-original-uri", "/v1"), ("x-forwarded-uri", "/admin")][..],
            ),
            ("/authz/llm", &[("x-original-uri", "/v1"), ("x-original-uri", "/admin")]),
            ("/authz/llm/admin", &[("x-original-uri", "/v1")]),
            (
                "/authz/llm",
                &[("x-original-method", "GET"), ("x-forwarded-method", "POST")],
            ),
            ("/authz/llm/v1", &[("x-original-method", "POST")]),
        ] {
            assert!(read(uri, "GET", headers).3, "{uri} {headers:?}");
        }
    }

    #[test]
    fn no_name_of_a_service_leaves_its_header() {
        for (path, service) in [
            ("/authz/a%0d%0ax", "a?0d?0ax?"),
            ("/authz/a%20b", "a?20b?"),
            ("/authz/a'b", "a?b?"),
        ] {
            assert_eq!(read(path, "GET", &[]).0, service);
        }
        assert_eq!(read(&format!("/authz/{}", "a".repeat(5000)), "GET", &[]).0.len(), 64);
    }
}
