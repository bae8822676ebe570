//! Forms with a file, which browsers send as `multipart/form-data`: a server function gets them as it gets any form, with
//! the file's text as one more field.

use axum::{
    body::Body,
    extract::{FromRequest as _, Multipart, Request, State},
    middleware::Next,
    response::Response,
};
use backend::{Code, Error};
use http::{HeaderValue, header, request::Parts};
use url::form_urlencoded::Serializer;

use crate::{AppState, page};

const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");

/// Turns such a form into a plain one; others pass as they are. The body's size was checked before.
pub(crate) async fn as_form(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !is_multipart(&request) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    match fields(&parts, body).await {
        Some(form) => {
            parts.headers.insert(header::CONTENT_TYPE, FORM);
            parts.headers.remove(header::CONTENT_LENGTH);
            next.run(Request::from_parts(parts, Body::from(form))).await
        }
        None => page::refusal(
            &state,
            &parts.headers,
            Error::refused(Code::BadBody, "The form could not be read"),
        ),
    }
}

fn is_multipart(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        kind.trim_start()
            .to_ascii_lowercase()
            .starts_with("multipart/form-data")
    })
}

/// The fields, URL-encoded; none when the body is no such form. What is not UTF-8 in a file becomes `�`, which the page
/// then shows.
async fn fields(parts: &Parts, body: Body) -> Option<String> {
    let mut request = Request::new(body);
    *request.headers_mut() = parts.headers.clone();
    axum::extract::DefaultBodyLimit::disable().apply(&mut request);
    let mut multipart = Multipart::from_request(request, &()).await.ok()?;
    let mut fields = Vec::new();
    while let Some(field) = multipart.next_field().await.ok()? {
        let name = field.name()?.to_owned();
        let bytes = field.bytes().await.ok()?;
        fields.push((name, String::from_utf8_lossy(&bytes).into_owned()));
    }
    Some(Serializer::new(String::new()).extend_pairs(fields).finish())
}
