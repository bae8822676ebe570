//! Refusals outside of the console and the API: a small page for browsers, problem details for everyone else.

use axum::response::{Html, IntoResponse as _, Response};
use backend::Error;
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{AppState, problem::Problem, request::REQUEST_ID};

/// What such a page may load.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Whether the client is a browser that shows pages.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(|value| value.contains("text/html"))
}

/// The error as this client can read it.
pub(crate) fn refusal(state: &AppState, headers: &HeaderMap, error: Error) -> Response {
    if !wants_html(headers) {
        return Problem::from(error).into_response();
    }
    if let Error::Internal(source) = &error {
        tracing::error!(error = source, "internal error");
    }
    let status = StatusCode::from_u16(error.code().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let id = headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let html = document(state.assets.dir(), status, &error.detail(), id);
    let mut response = (status, Html(html)).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    if let Error::Unavailable(_, _, Some(wait)) = error {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
    }
    response
}

fn document(assets: &str, status: StatusCode, detail: &str, request_id: Option<&str>) -> String {
    let (number, reason) = (status.as_u16(), status.canonical_reason().unwrap_or("Error"));
    let detail = escaped(detail);
    let facts = request_id
        .map(|id| {
            let id = escaped(id);
            format!(
                "<dl class=\"facts error-page__facts\"><div><dt>Request id</dt><dd><code>{id}</code></dd></div></dl>"
            )
        })
        .unwrap_or_default();
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{reason} · Guildhall</title><link rel=\"icon\" href=\"/{assets}/favicon.svg\" type=\"image/svg+xml\">\
         <link rel=\"stylesheet\" href=\"/{assets}/guildhall.css\"></head><body><main class=\"plain\" id=\"content\">\
         <div class=\"error-page\"><p class=\"error-page__status\">{number}</p><h1 class=\"error-page__title\">{reason}</h1>\
         <p class=\"lead\">{detail}</p>{facts}<div class=\"button-row\"><a class=\"button\" href=\"/\">Start page</a></div></div>\
         </main></body></html>"
    )
}

pub(crate) fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, letter| {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter => out.push(letter),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{StatusCode, document};

    #[test]
    fn what_others_wrote_stays_text() {
        let page = document(
            "pkg/x",
            StatusCode::NOT_FOUND,
            "<script>alert('x')</script>",
            Some("\"><b>"),
        );
        assert!(!page.contains("<script>") && !page.contains("<b>"));
        assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)"));
    }
}
