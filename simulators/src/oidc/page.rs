//! The provider's pages: plain HTML and a little CSS, under a policy that allows nothing else.

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use super::authorize::AuthorizationRequest;
use super::state::Person;

const STYLE: &str = include_str!("page.css");

/// The body of the page after signing out.
pub(super) const SIGNED_OUT: &str = "<h1>You are signed out</h1><p class=note>You may close this page.</p>";

/// A whole page. `return_origin` is where its form may lead in the end: browsers apply `form-action` to the redirect
/// that answers a form, too.
pub(super) fn show(body: &str, return_origin: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=en><head><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width,initial-scale=1\"><meta name=color-scheme content=\"light dark\">\
         <title>Sign in · demo identity provider</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    );
    let style_hash = STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style_hash}'; base-uri 'none'; frame-ancestors 'none'; \
         form-action 'self' {return_origin}"
    );
    let mut response = Html(html).into_response();
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// "Pick who to be": a button for each person, and one to go back.
pub(super) fn sign_in(people: &[Person], request: &AuthorizationRequest) -> String {
    let hidden = |name: &str, value: &str| format!("<input type=hidden name={name} value=\"{}\">", escaped(value));
    let mut fields = hidden("client_id", &request.client_id)
        + &hidden("redirect_uri", &request.redirect_uri)
        + &hidden("response_type", &request.response_type)
        + &hidden("scope", &request.scope);
    let optional = [
        ("state", &request.state),
        ("nonce", &request.nonce),
        ("code_challenge", &request.code_challenge),
        ("code_challenge_method", &request.code_challenge_method),
    ];
    for (name, value) in optional {
        fields.extend(value.as_deref().map(|value| hidden(name, value)));
    }
    let people: String = people.iter().map(person).collect();
    let list = if people.is_empty() {
        "<p class=note>Nobody is known here yet.</p>".to_owned()
    } else {
        format!("<ul aria-labelledby=title>{people}</ul>")
    };
    format!(
        "<h1 id=title>Pick who to be</h1>\
         <p class=note>This is a demo identity provider: no passwords, made-up people.</p>\
         <form method=post action=/authorize>{fields}{list}\
         <p><button class=cancel name=action value=cancel>Cancel</button></p></form>"
    )
}

fn person(person: &Person) -> String {
    let hint = if person.hint.is_empty() {
        String::new()
    } else {
        format!("<span class=hint>{}</span>", escaped(&person.hint))
    };
    let unverified = if person.email_verified { "" } else { " (unverified)" };
    let initial: String = person
        .name
        .chars()
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!(
        "<li><button name=as value=\"{email}\"><span class=face aria-hidden=true>{initial}</span>\
         <span class=who><strong>{name}</strong> <span class=email>{email}{unverified}</span></span> {hint}</button></li>",
        email = escaped(&person.email),
        name = escaped(&person.name),
        initial = escaped(&initial),
    )
}

/// A request that cannot be sent back to anybody.
pub(super) fn problem(why: &str) -> String {
    format!("<h1>This sign-in cannot work</h1><p class=note>{}</p>", escaped(why))
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}
