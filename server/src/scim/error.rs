//! How SCIM says no (RFC 7644, section 3.12).

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use backend::{Code, Error, scim::Failure};
use domain::scim::{self, Refused, ScimType};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::answer::MEDIA_TYPE;

/// A refusal on its way to a directory.
#[derive(Debug)]
pub(crate) struct Problem {
    status: u16,
    kind: Option<ScimType>,
    detail: String,
    wait: Option<Duration>,
}

impl Problem {
    /// A refusal without a word of the protocol's.
    pub(super) fn of(status: u16, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind: None,
            detail: detail.into(),
            wait: None,
        }
    }
}

/// The refusal of a request to an address of SCIM, whoever refuses it. A fault of ours is logged here, under the request's
/// id, which the log has from its span.
pub(crate) fn refusal(error: Error) -> Response {
    Problem::from(error).into_response()
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        Self {
            kind: Some(refused.kind),
            ..Self::of(refused.kind.status(), refused.detail)
        }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        if let Error::Internal(source) = &error {
            tracing::error!(error = %source, "internal error");
        }
        let wait = match &error {
            Error::Unavailable(_, _, wait) => *wait,
            _ => None,
        };
        Self {
            wait,
            ..Self::of(error.code().status(), error.detail())
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refused) => refused.into(),
            Failure::Changed => Self::of(412, "The resource has changed: it is not of the version in If-Match"),
            Failure::Error(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = json!({
            "schemas": [scim::ERROR],
            "status": self.status.to_string(),
            "detail": self.detail,
        });
        if let Some(kind) = self.kind {
            body["scimType"] = json!(kind.as_str());
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, body.to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Who may not call.
pub(super) fn unauthenticated() -> Problem {
    Error::refused(Code::NotAuthenticated, "Not authenticated").into()
}
