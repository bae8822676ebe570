//! How the Kubernetes API answers: JSON, and `metav1.Status` for everything that is refused.

use axum::{
    body::Body,
    response::{IntoResponse as _, Response},
};
use backend::{Error, objects};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use kubernetes::{Cause, Failure, Kind};
use serde_json::Value;

/// JSON.
pub(super) const JSON: &str = "application/json";

/// What a request came to.
pub(super) type Answer = Result<Response, Failure>;

/// A JSON answer.
pub(super) fn json(status: StatusCode, value: &Value) -> Response {
    let bytes = serde_json::to_vec(value).unwrap_or_default();
    bytes_as(status, JSON, bytes)
}

/// An answer of a media type.
pub(super) fn bytes_as(status: StatusCode, media_type: &str, bytes: impl Into<Body>) -> Response {
    let mut response = (status, bytes.into()).into_response();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(media_type).unwrap_or(HeaderValue::from_static(JSON));
    headers.insert(header::CONTENT_TYPE, media_type);
    // Nearly everything here depends on who asks.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    response
}

/// A refusal.
pub(super) fn refusal(failure: &Failure) -> Response {
    let status = StatusCode::from_u16(failure.reason.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, &failure.to_value());
    let headers = response.headers_mut();
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = failure.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// Adds `Warning` headers, which kubectl prints on standard error.
pub(super) fn warn(headers: &mut HeaderMap, warnings: &[String]) {
    for warning in warnings {
        // What cannot be in a header is shown as well as it can be: RFC 9110 knows no other letters.
        let text: String = warning
            .chars()
            .map(|letter| match letter {
                ' '..='~' => letter,
                _ => '?',
            })
            .take(1000)
            .collect();
        let text = text.replace('\\', "\\\\").replace('"', "\\\"");
        if let Ok(value) = HeaderValue::from_str(&format!("299 - \"{text}\"")) {
            headers.append(header::WARNING, value);
        }
    }
}

/// An error of the backend as Kubernetes says it, about an object if it is about one. Faults of ours are logged here,
/// under the request's id, which the span has.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is used up: nothing else is to be said of it"
)]
pub(super) fn failure(error: Error, about: Option<(Kind, &str)>) -> Failure {
    let reason = objects::reason(error.code());
    if let Error::Internal(source) = &error {
        tracing::error!(error = %source, "internal error");
    }
    let mut failure = match &error {
        Error::Invalid(fields) | Error::Conflict(_, _, fields) => {
            let causes = fields.iter().map(|field| Cause {
                reason: "FieldValueInvalid",
                field: field.field.to_string(),
                message: field.message.to_string(),
            });
            Failure {
                causes: causes.collect(),
                ..Failure::new(reason, error.to_string())
            }
        }
        _ => Failure::new(reason, error.detail()),
    };
    if let Error::Unavailable(_, _, wait) = &error {
        let seconds = wait.map_or(1, |wait| u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).max(1));
        failure.retry_after = Some(seconds);
    }
    match about {
        Some((kind, name)) => failure.about(kind, name),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use kubernetes::Reason;

    use super::*;

    #[test]
    fn warnings_are_headers_whatever_is_in_them() {
        let mut headers = HeaderMap::new();
        warn(
            &mut headers,
            &["unknown field \"spec.rolle\"".to_owned(), "Zürich\n\\".to_owned()],
        );
        let all: Vec<_> = headers.get_all(header::WARNING).iter().collect();
        assert_eq!(
            all,
            ["299 - \"unknown field \\\"spec.rolle\\\"\"", "299 - \"Z?rich?\\\\\""]
        );
    }

    #[test]
    fn errors_of_the_backend_become_failures() {
        let unavailable = Error::Unavailable(backend::Code::DatabaseUnavailable, "no".to_owned(), None);
        let said = failure(unavailable, None);
        assert_eq!((said.reason, said.retry_after), (Reason::ServiceUnavailable, Some(1)));
        let said = failure(Error::invalid("name", "is too long"), Some((Kind::Team, "x")));
        assert_eq!(said.to_value()["details"]["causes"][0]["field"], "name");
        let said = failure(Error::internal("secret words"), None);
        assert!(!said.to_value().to_string().contains("secret words"));
    }
}
