//! Whether a request comes from another site, as far as the browser says (DESIGN rule 7).
//!
//! The rules of Go 1.25's `http.CrossOriginProtection`, which needs no tokens in forms:
//!
//! 1. GET, HEAD and OPTIONS change nothing and may come from anywhere.
//! 2. `Sec-Fetch-Site`, which every browser since 2023 sends and no page can forge, must be `same-origin`, or `none`
//!    for what the person did outside of any page.
//! 3. Without it, `Origin` must name this host. Only the host is compared: behind a proxy we do not see the scheme.
//! 4. With neither, it was no browser (or one from before 2020, which sends `Origin` with every POST across sites),
//!    and only browsers can be tricked into sending a cookie.

use http::{HeaderMap, Method, header};
use url::Url;

/// Whether a request has to be refused. `public_url` is trusted as an origin beside the request's own host.
pub(super) fn is_cross_site(method: &Method, headers: &HeaderMap, host: Option<&str>, public_url: &str) -> bool {
    // Without a cookie there is no session to abuse: a token does not send itself.
    if matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS) || !headers.contains_key(header::COOKIE) {
        return false;
    }
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("unreadable"));
    let origin = text("origin");
    // A proxy may change the host that we see; what the operator told us stays.
    if origin == Some(public_url) {
        return false;
    }
    match text("sec-fetch-site") {
        Some("same-origin" | "none") => return false,
        Some(_) => return true,
        None => {}
    }
    let Some(origin) = origin else { return false };
    let same_host = Url::parse(origin).ok().zip(host).is_some_and(|(origin, host)| {
        Url::parse(&format!("{}://{host}", origin.scheme())).is_ok_and(|here| here.origin() == origin.origin())
    });
    !same_host
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, Method, is_cross_site};

    fn refused(method: &Method, headers: &[(&'static str, &str)]) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")))
            .collect();
        is_cross_site(method, &headers, Some("guild.example:8443"), "https://public.example")
    }

    const COOKIE: (&str, &str) = ("cookie", "guildhall=x");

    #[test]
    fn browsers_say_where_a_request_comes_from() {
        for (site, wrong) in [
            ("same-origin", false),
            ("none", false),
            ("same-site", true),
            ("cross-site", true),
            ("", true),
        ] {
            assert_eq!(
                refused(&Method::POST, &[COOKIE, ("sec-fetch-site", site)]),
                wrong,
                "{site}"
            );
        }
    }

    #[test]
    fn older_browsers_send_the_origin() {
        for (origin, wrong) in [
            ("https://guild.example:8443", false),
            ("http://guild.example:8443", false),
            ("https://guild.example", true),
            ("https://public.example", false),
            ("https://evil.example", true),
            ("https://guild.example:8443.evil.example", true),
            ("null", true),
            ("", true),
        ] {
            assert_eq!(refused(&Method::POST, &[COOKIE, ("origin", origin)]), wrong, "{origin}");
        }
    }

    #[test]
    fn what_the_browser_says_outweighs_a_matching_host() {
        let headers = [
            COOKIE,
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://guild.example:8443"),
        ];
        assert!(refused(&Method::DELETE, &headers));
    }

    #[test]
    fn what_changes_nothing_or_has_no_cookie_may_come_from_anywhere() {
        assert!(!refused(&Method::GET, &[COOKIE, ("sec-fetch-site", "cross-site")]));
        assert!(!refused(&Method::POST, &[("sec-fetch-site", "cross-site")]));
        assert!(!refused(&Method::POST, &[COOKIE]), "no browser");
        for method in [Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(refused(&method, &[COOKIE, ("origin", "https://evil.example")]));
        }
    }
}
