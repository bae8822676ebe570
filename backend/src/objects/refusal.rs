//! Our errors as Kubernetes tells them.

use kubernetes::{Cause, Failure, Kind, Reason};

use crate::{Code, Error};

/// An error that is about no object in particular. What is a fault of ours is logged with an id, and only that is told.
pub(super) fn failure(error: Error) -> Failure {
    let detail = error.detail();
    match error {
        Error::Unavailable(_, detail, after) => {
            let mut failure = Failure::new(Reason::ServiceUnavailable, detail);
            failure.retry_after = after.map(|after| u32::try_from(after.as_secs()).unwrap_or(u32::MAX).max(1));
            failure
        }
        Error::Internal(source) => {
            let id = uuid::Uuid::new_v4();
            tracing::error!(error = %source, %id, "internal error");
            Failure::new(Reason::InternalError, format!("Internal server error ({id})"))
        }
        Error::Forbidden(_) => Failure::new(Reason::Forbidden, detail),
        other => Failure::new(reason(other.code()), detail),
    }
}

/// An error about an object: fields get the names that manifests have for them.
pub(super) fn about(kind: Kind, name: &str, error: Error) -> Failure {
    match error {
        Error::Invalid(broken) | Error::Conflict(Code::Validation, _, broken) => {
            let causes = broken
                .iter()
                .map(|one| cause(kind, one.field.as_ref(), &one.message))
                .collect();
            Failure::invalid(kind, name, causes)
        }
        Error::Forbidden(refusal) => Failure::forbidden(kind, name, &refusal.to_string()),
        Error::Conflict(_, detail, broken) if !broken.is_empty() => {
            let causes = broken
                .iter()
                .map(|one| cause(kind, one.field.as_ref(), &one.message))
                .collect();
            let mut failure = Failure::invalid(kind, name, causes);
            failure.message = format!("{} ({detail})", failure.message);
            failure
        }
        Error::Refused(Code::NameTaken | Code::AlreadyMember, detail) => {
            Failure::invalid(kind, name, vec![duplicate(kind, &detail)])
        }
        other => {
            let rule = matches!(
                reason(other.code()),
                Reason::Invalid | Reason::BadRequest | Reason::NotFound
            );
            if rule && !matches!(other, Error::Internal(_) | Error::Unavailable(..)) {
                // Rules that are about no single field.
                let cause = Cause {
                    reason: "FieldValueInvalid",
                    field: "spec".to_owned(),
                    message: other.detail(),
                };
                return Failure::invalid(kind, name, vec![cause]);
            }
            failure(other).about(kind, name)
        }
    }
}

fn duplicate(kind: Kind, detail: &str) -> Cause {
    let field = match kind {
        Kind::Team => "spec.teamAlias",
        Kind::User => "spec.userEmail",
        Kind::TeamMemberAssociation => "spec",
        Kind::VirtualKey => "spec.keyAlias",
    };
    Cause {
        reason: "FieldValueDuplicate",
        field: field.to_owned(),
        message: detail.to_owned(),
    }
}

/// A field of a form as the field of a manifest.
fn cause(kind: Kind, field: &str, message: &str) -> Cause {
    let name = match (kind, field) {
        (Kind::Team, "name") => "teamAlias",
        (Kind::User, "email") => "userEmail",
        (Kind::User, "display_name") => "userAlias",
        (Kind::VirtualKey, "name") => "keyAlias",
        (Kind::VirtualKey, "owner") => "userID",
        (Kind::VirtualKey, "teamId") => "teamID",
        (_, "max_budget_in_team") | (Kind::TeamMemberAssociation, "max_budget") => "maxBudgetInTeam",
        (_, "max_budget" | "maxBudget") => "maxBudget",
        (_, "soft_budget" | "softBudget") => "softBudget",
        (_, "budget_duration" | "budgetDuration") => "budgetDuration",
        (_, "tpm_limit" | "tpmLimit") => "tpmLimit",
        (_, "rpm_limit" | "rpmLimit") => "rpmLimit",
        (_, "models" | "modelIds") => "models",
        (_, "expires_at" | "expiresAt") => "duration",
        (_, other) => other,
    };
    Cause {
        reason: "FieldValueInvalid",
        field: format!("spec.{name}"),
        message: format!("Invalid value: {message}"),
    }
}

/// The reason of `metav1.Status` for a code of ours.
pub fn reason(code: Code) -> Reason {
    match code.status() {
        400 => Reason::BadRequest,
        401 => Reason::Unauthorized,
        403 => Reason::Forbidden,
        404 => Reason::NotFound,
        405 => Reason::MethodNotAllowed,
        406 => Reason::NotAcceptable,
        409 => Reason::Conflict,
        410 => Reason::Expired,
        413 => Reason::RequestEntityTooLarge,
        415 => Reason::UnsupportedMediaType,
        422 => Reason::Invalid,
        429 => Reason::TooManyRequests,
        502 | 503 => Reason::ServiceUnavailable,
        _ => Reason::InternalError,
    }
}
