//! `/api/openapi.json`, and the pages that people read: `/api/docs` and `/api/docs/errors`.
//!
//! Nothing on these pages comes from another host, and their scripts are files of ours: they work
//! under a policy without `unsafe-inline`.

use std::{fmt::Write as _, sync::Arc};

use axum::{
    Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::get,
};
use backend::Code;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, header};
use utoipa::openapi::OpenApi;

use crate::{problem::Problem, state::AppState};

/// What the pages may load: their own files, and the pictures inside of Swagger UI's style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const FOR_A_DAY: &str = "public, max-age=86400";

const PAGE: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API · Guildhall</title>
<link rel="stylesheet" href="/api/docs/swagger-ui.css">
</head>
<body>
<main id="swagger-ui"></main>
<noscript><p>This page needs JavaScript. The document itself: <a href="/api/openapi.json">openapi.json</a>; <a href="/api/docs/errors">error codes</a>.</p></noscript>
<script src="/api/docs/swagger-ui-bundle.js"></script>
<script src="/api/docs/start.js"></script>
</body>
</html>
"#;

const START: &str = r##"SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // Without this, Swagger UI asks a service on another host to validate the document.
  validatorUrl: null,
});
"##;

/// The document and the pages about it.
pub(super) fn router(document: &OpenApi) -> Router<AppState> {
    // A document made of these types always serialises.
    let document = Bytes::from(serde_json::to_vec(document).unwrap_or_default());
    Router::new()
        .route(
            "/api/openapi.json",
            get(async move || file("application/json", document.clone())),
        )
        .route("/api/docs", get(async || page(PAGE)))
        .route("/api/docs/errors", get(errors))
        .route(
            "/api/docs/start.js",
            get(async || file("text/javascript; charset=utf-8", START)),
        )
        .route("/api/docs/swagger-ui.css", get(async || vendored("swagger-ui.css")))
        .route(
            "/api/docs/swagger-ui-bundle.js",
            get(async || vendored("swagger-ui-bundle.js")),
        )
}

fn page(html: impl Into<axum::body::Body>) -> Response {
    with_headers(
        html,
        &[
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
        ],
    )
}

fn file(content_type: &'static str, body: impl Into<axum::body::Body>) -> Response {
    with_headers(
        body,
        &[
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, "no-cache"),
        ],
    )
}

fn with_headers(body: impl Into<axum::body::Body>, headers: &[(HeaderName, &'static str)]) -> Response {
    let mut response = Response::new(body.into());
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// A file of Swagger UI, from the crate that carries them all.
fn vendored(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, Arc::default()) {
        Ok(Some(file)) => {
            let mut response = Response::new(file.bytes.into_owned().into());
            let content_type = HeaderValue::try_from(file.content_type);
            let headers = response.headers_mut();
            headers.insert(
                header::CONTENT_TYPE,
                content_type.unwrap_or(HeaderValue::from_static("text/plain")),
            );
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(FOR_A_DAY));
            response
        }
        _ => Problem::new(Code::NotFound, format!("This build has no {name}")).into_response(),
    }
}

/// All codes, with the status that goes with each.
async fn errors(State(state): State<AppState>) -> Response {
    let mut rows = String::new();
    for code in Code::ALL {
        let (name, status, meaning) = (code.as_str(), code.status(), code_marked(code.meaning()));
        let _ = write!(
            rows,
            "<tr id=\"{name}\"><th scope=\"row\" class=\"table__title\"><code>{name}</code></th>\
             <td data-label=\"Status\">{status}</td><td data-label=\"Meaning\">{meaning}</td></tr>"
        );
    }
    let assets = state.assets.dir();
    page(format!(
        "<!DOCTYPE html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>Errors of the API · Guildhall</title>\
         <link rel=\"stylesheet\" href=\"/{assets}/guildhall.css\"></head><body>\
         <main class=\"content\" id=\"content\"><header class=\"page-header\"><div class=\"page-header__text\">\
         <h1 class=\"page-header__title\">Errors of the API</h1><p class=\"page-header__description\">\
         The values of <code>error_code</code>. <a href=\"/api/docs\">API reference</a></p></div></header>\
         <div class=\"table-wrap\"><table class=\"table\"><thead><tr><th scope=\"col\">Code</th><th scope=\"col\">Status</th>\
         <th scope=\"col\">Meaning</th></tr></thead><tbody>{rows}</tbody></table></div></main></body></html>"
    ))
}

/// Text with words in backticks, as HTML. The text is ours and has no other mark-up.
fn code_marked(text: &str) -> String {
    text.split('`')
        .enumerate()
        .fold(String::new(), |mut html, (index, part)| {
            let _ = if index % 2 == 1 {
                write!(html, "<code>{part}</code>")
            } else {
                write!(html, "{part}")
            };
            html
        })
}

/// `docs/errors.md`, which is made from the code (SPEC X19).
pub fn errors_markdown() -> String {
    let mut text = String::from(
        "# Errors of the API\n\n\
         Made from `backend/src/error.rs` by `UPDATE=1 cargo test -p server --test rest_docs`; do not edit.\n\n\
         Every refusal of `/api/v1` is a problem of RFC 9457, `application/problem+json`: `type`, `title`, `status`,\n\
         `detail` (words for people), `error_code` (one of these), `fields` (each with `field` and `message`) and\n\
         `request_id`. Where the permission table says no, `rule` and `who_can` say what was tried and who may do it.\n\n\
         | `error_code` | status | meaning |\n|---|---|---|\n",
    );
    for code in Code::ALL {
        let _ = writeln!(text, "| `{}` | {} | {} |", code.as_str(), code.status(), code.meaning());
    }
    text
}
