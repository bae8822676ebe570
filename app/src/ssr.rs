//! The one door from the console to the backend: who visits, what they may do, where they go next.

use std::sync::Arc;

pub use backend::{Backend, Caller, Code, Ctx, Error, RequestInfo, Result};
use http::{HeaderValue, StatusCode, header, request::Parts};
use leptos::prelude::{expect_context, use_context};
use leptos_axum::ResponseOptions;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

/// What the console knows of the installation.
#[derive(Debug, Clone)]
pub struct Site {
    /// Whether an OpenID provider is configured.
    pub sign_in: bool,
    /// Whether this is `serve --demo`.
    pub demo: bool,
    /// The address that people use, without a slash at its end.
    pub public_url: String,
}

/// One request for a page or a server function. The server puts it into the request's extensions.
#[derive(Clone)]
pub struct Visit {
    /// The backend.
    pub backend: Backend,
    /// Who is signed in.
    pub caller: Option<Caller>,
    /// Where the request comes from.
    pub request: RequestInfo,
    /// The session, also of someone who has not signed in.
    pub session: Session,
    /// The installation.
    pub site: Arc<Site>,
}

/// The request's visit.
///
/// # Panics
/// When the server has not provided one: then no page works at all.
pub fn visit() -> Visit {
    let parts = expect_context::<Parts>();
    #[expect(
        clippy::expect_used,
        reason = "the router puts a Visit into every request for the console"
    )]
    parts
        .extensions
        .get::<Visit>()
        .cloned()
        .expect("a request for the console carries a Visit")
}

/// The path and query of the request.
pub fn path_and_query() -> String {
    use_context::<Parts>()
        .and_then(|parts| parts.uri.path_and_query().map(ToString::to_string))
        .unwrap_or_else(|| "/".to_owned())
}

/// The path of the request.
pub fn path() -> String {
    use_context::<Parts>().map_or_else(|| "/".to_owned(), |parts| parts.uri.path().to_owned())
}

/// One parameter of the request's query; blank counts as absent.
pub fn query(name: &str) -> Option<String> {
    let parts = use_context::<Parts>()?;
    let query = parts.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(key, value)| key == name && !value.trim().is_empty())
        .map(|(_, value)| value.into_owned())
}

/// All values of a parameter that the request's query may have several times.
pub fn query_all(name: &str) -> Vec<String> {
    let Some(parts) = use_context::<Parts>() else {
        return Vec::new();
    };
    form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes())
        .filter(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
        .collect()
}

fn caller(visit: &Visit) -> Result<Caller> {
    visit
        .caller
        .clone()
        .ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))
}

/// A [`Ctx`] for reading as the signed-in person.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn read() -> Result<Ctx> {
    let visit = visit();
    Ctx::read(&visit.backend, caller(&visit)?, visit.request).await
}

/// A [`Ctx`] for writing as the signed-in person.
///
/// # Errors
/// 401 when nobody is signed in.
pub async fn write() -> Result<Ctx> {
    let visit = visit();
    Ctx::write(&visit.backend, caller(&visit)?, visit.request).await
}

/// Sets the status of a page.
pub fn set_status(status: u16) {
    if let (Some(options), Ok(status)) = (use_context::<ResponseOptions>(), StatusCode::from_u16(status)) {
        options.set_status(status);
    }
}

/// Sets a header of the answer.
pub fn set_header(name: header::HeaderName, value: &str) {
    if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        options.insert_header(name, value);
    }
}

/// Adds a header to the answer, beside others of its name.
pub fn append_header(name: header::HeaderName, value: &str) {
    if let (Some(options), Ok(value)) = (use_context::<ResponseOptions>(), HeaderValue::from_str(value)) {
        options.append_header(name, value);
    }
}

/// Answers 303 to a path on this host.
pub fn redirect(to: &str) {
    set_header(header::LOCATION, to);
    set_status(303);
}

/// A message that the next page shows once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flash {
    /// `success`, `info`, `warning` or `danger`.
    pub kind: String,
    /// The words.
    pub text: String,
    /// What to do about it: words and a path on this host.
    #[serde(default)]
    pub link: Option<(String, String)>,
}

/// The key of the [`Flash`] in a session; the sign-in routes use it too.
pub const FLASH: &str = "flash";

/// Keeps a message for the next page.
pub async fn set_flash(kind: &str, text: impl Into<String>) {
    set_flash_with(kind, text, None).await;
}

/// The same, with a link after the words.
pub async fn set_flash_with(kind: &str, text: impl Into<String>, link: Option<(String, String)>) {
    let flash = Flash {
        kind: kind.to_owned(),
        text: text.into(),
        link,
    };
    if let Err(error) = visit().session.insert(FLASH, flash).await {
        tracing::warn!(%error, "a message for the next page was lost");
    }
}

/// Takes the message that an earlier request left.
pub async fn take_flash() -> Option<Flash> {
    let session = visit().session;
    // Taking what is not there would count as a change: each page would write its session.
    session.get_value(FLASH).await.ok().flatten()?;
    session.remove(FLASH).await.ok().flatten()
}
