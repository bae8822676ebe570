//! Headers that keep browsers from doing what no answer of ours asks for.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderValue, header};

use crate::{AppState, sessions};

/// For answers that do not say what their page may load: they are no pages, and load nothing.
const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Two years. Subdomains are not ours to decide about.
const TLS_ONLY: &str = "max-age=63072000";

const ALWAYS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    ),
];

const UNLESS_SET: &[(&str, &str)] = &[
    ("content-security-policy", NOTHING),
    ("referrer-policy", "same-origin"),
    // Nearly everything here depends on who asks.
    ("cache-control", "private, no-store"),
];

/// Adds them.
pub(super) async fn headers(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for &(name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for &(name, value) in UNLESS_SET {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    if state.config.is_https() {
        sessions::complete_removal(headers);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(TLS_ONLY));
    }
    response
}
