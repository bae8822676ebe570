//! Why something was not done: `metav1.Status` in the making.

use serde_json::{Value, json};

use crate::{GROUP, Kind};

/// Kubernetes' words for failures, with their HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// 400
    BadRequest,
    /// 401
    Unauthorized,
    /// 403
    Forbidden,
    /// 404
    NotFound,
    /// 405
    MethodNotAllowed,
    /// 406
    NotAcceptable,
    /// 409: there is one of this name.
    AlreadyExists,
    /// 409: somebody changed it meanwhile, or another field manager owns a field.
    Conflict,
    /// 410: the version is forgotten.
    Expired,
    /// 413
    RequestEntityTooLarge,
    /// 415
    UnsupportedMediaType,
    /// 422
    Invalid,
    /// 429
    TooManyRequests,
    /// 500
    InternalError,
    /// 503
    ServiceUnavailable,
    /// 504
    Timeout,
}

impl Reason {
    /// The HTTP status.
    pub const fn status(self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::NotAcceptable => 406,
            Self::AlreadyExists | Self::Conflict => 409,
            Self::Expired => 410,
            Self::RequestEntityTooLarge => 413,
            Self::UnsupportedMediaType => 415,
            Self::Invalid => 422,
            Self::TooManyRequests => 429,
            Self::InternalError => 500,
            Self::ServiceUnavailable => 503,
            Self::Timeout => 504,
        }
    }

    /// The word in `reason`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BadRequest => "BadRequest",
            Self::Unauthorized => "Unauthorized",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::MethodNotAllowed => "MethodNotAllowed",
            Self::NotAcceptable => "NotAcceptable",
            Self::AlreadyExists => "AlreadyExists",
            Self::Conflict => "Conflict",
            Self::Expired => "Expired",
            Self::RequestEntityTooLarge => "RequestEntityTooLarge",
            Self::UnsupportedMediaType => "UnsupportedMediaType",
            Self::Invalid => "Invalid",
            Self::TooManyRequests => "TooManyRequests",
            Self::InternalError => "InternalError",
            Self::ServiceUnavailable => "ServiceUnavailable",
            Self::Timeout => "Timeout",
        }
    }
}

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueNotSupported`, `FieldValueDuplicate`, `FieldValueForbidden`,
    /// `FieldValueTypeInvalid`, `FieldManagerConflict`.
    pub reason: &'static str,
    /// `spec.role`
    pub field: String,
    /// The rule, with the value where that helps: `Unsupported value: "owner": supported values: "admin", "member"`.
    pub message: String,
}

impl Cause {
    /// The field is missing.
    pub fn required(field: impl Into<String>, rule: &str) -> Self {
        Self {
            reason: "FieldValueRequired",
            field: field.into(),
            message: if rule.is_empty() {
                "Required value".to_owned()
            } else {
                format!("Required value: {rule}")
            },
        }
    }

    /// The field breaks a rule.
    pub fn invalid(field: impl Into<String>, value: &Value, rule: &str) -> Self {
        Self {
            reason: "FieldValueInvalid",
            field: field.into(),
            message: format!("Invalid value: {value}: {rule}"),
        }
    }

    /// The field has none of the values it can have.
    pub fn unsupported(field: impl Into<String>, value: &Value, supported: &[&str]) -> Self {
        let supported: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        Self {
            reason: "FieldValueNotSupported",
            field: field.into(),
            message: format!("Unsupported value: {value}: supported values: {}", supported.join(", ")),
        }
    }

    /// The field may not be set, or not be set by this caller, or not be changed.
    pub fn forbidden(field: impl Into<String>, rule: &str) -> Self {
        Self {
            reason: "FieldValueForbidden",
            field: field.into(),
            message: format!("Forbidden: {rule}"),
        }
    }
}

/// A refusal, as `metav1.Status` tells it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The word and the HTTP status.
    pub reason: Reason,
    /// The sentence that kubectl prints.
    pub message: String,
    /// The object it is about: its kind and name.
    pub object: Option<(Kind, String)>,
    /// What is wrong with which fields.
    pub causes: Vec<Cause>,
    /// Seconds until it is worth trying again.
    pub retry_after: Option<u32>,
}

impl Failure {
    /// A refusal in words.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            reason,
            message: message.into(),
            object: None,
            causes: Vec::new(),
            retry_after: None,
        }
    }

    /// 400
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(Reason::BadRequest, message)
    }

    /// 404: `teams.auth.litellm.ai "x" not found`.
    pub fn not_found(kind: Kind, name: &str) -> Self {
        Self::new(
            Reason::NotFound,
            format!("{}.{GROUP} {name:?} not found", kind.plural()),
        )
        .about(kind, name)
    }

    /// 409: `teams.auth.litellm.ai "x" already exists`.
    pub fn already_exists(kind: Kind, name: &str) -> Self {
        Self::new(
            Reason::AlreadyExists,
            format!("{}.{GROUP} {name:?} already exists", kind.plural()),
        )
        .about(kind, name)
    }

    /// 409: somebody else was faster.
    pub fn conflict(kind: Kind, name: &str, why: &str) -> Self {
        Self::new(
            Reason::Conflict,
            format!(
                "Operation cannot be fulfilled on {}.{GROUP} {name:?}: {why}",
                kind.plural()
            ),
        )
        .about(kind, name)
    }

    /// 403: `teams.auth.litellm.ai "x" is forbidden: why`.
    pub fn forbidden(kind: Kind, name: &str, why: &str) -> Self {
        Self::new(
            Reason::Forbidden,
            format!("{}.{GROUP} {name:?} is forbidden: {why}", kind.plural()),
        )
        .about(kind, name)
    }

    /// 422 with what is wrong: `Team.auth.litellm.ai "x" is invalid: spec.role: …`.
    pub fn invalid(kind: Kind, name: &str, causes: Vec<Cause>) -> Self {
        let texts: Vec<String> = causes
            .iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect();
        let list = match texts.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let mut failure =
            Self::new(Reason::Invalid, format!("{kind}.{GROUP} {name:?} is invalid: {list}")).about(kind, name);
        failure.causes = causes;
        failure
    }

    /// 410: the version was forgotten.
    pub fn expired(message: impl Into<String>) -> Self {
        Self::new(Reason::Expired, message)
    }

    /// Which object it is about.
    #[must_use]
    pub fn about(mut self, kind: Kind, name: &str) -> Self {
        self.object = Some((kind, name.to_owned()));
        self
    }

    /// As `metav1.Status`.
    pub fn to_value(&self) -> Value {
        let mut details = json!({});
        if let Some((kind, name)) = &self.object {
            // `Invalid` names the kind, everything else the plural: kubectl prints it.
            let word = if self.reason == Reason::Invalid {
                kind.name()
            } else {
                kind.plural()
            };
            details = json!({ "name": name, "group": GROUP, "kind": word });
        }
        if !self.causes.is_empty() {
            details["causes"] = self
                .causes
                .iter()
                .map(|cause| json!({ "reason": cause.reason, "message": cause.message, "field": cause.field }))
                .collect();
        }
        if let Some(seconds) = self.retry_after {
            details["retryAfterSeconds"] = json!(seconds);
        }
        let mut status = json!({
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason.as_str(),
            "code": self.reason.status(),
        });
        if details.as_object().is_some_and(|details| !details.is_empty()) {
            status["details"] = details;
        }
        status
    }
}
