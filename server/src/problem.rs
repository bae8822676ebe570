//! How the API says no: RFC 9457 problem details, made from [`backend::Error`] in this one place.

mod quota;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use backend::{Code, Error};
use domain::{
    Invalid,
    authz::{Explanation, Outcome, Step},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use quota::{QuotaBody, QuotaHolder};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request::Info;

/// The media type of problem details.
pub const CONTENT_TYPE: &str = "application/problem+json";

/// Where the error codes are explained; `#CODE` follows.
const TYPE_BASE: &str = "/api/docs/errors#";

/// An error on its way to a client of the API.
///
/// It turns into a complete answer by itself; [`identify`] then adds the request's id, which the
/// place that made the error does not know.
#[derive(Debug, Clone)]
pub struct Problem(Arc<Error>);

impl Problem {
    /// A problem with a code and the words of its `detail`.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Error::refused(code, detail).into()
    }

    /// The code that the client reads as `error_code`.
    pub fn code(&self) -> Code {
        self.0.code()
    }

    fn render(&self, request_id: Option<&str>) -> Response {
        let code = self.code();
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = ProblemBody::of(&self.0, request_id.map(str::to_owned));
        // A struct of texts always serialises.
        let bytes = serde_json::to_vec(&body).unwrap_or_default();
        let mut response = (status, bytes).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Error::Unavailable(_, _, Some(wait)) = &*self.0 {
            // Rounded up: a client that comes back early is refused again.
            headers.insert(
                header::RETRY_AFTER,
                HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)),
            );
        }
        response
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(Arc::new(error))
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Error::from(invalid).into()
    }
}

impl From<Vec<Invalid>> for Problem {
    fn from(fields: Vec<Invalid>) -> Self {
        Error::from(fields).into()
    }
}

impl From<Infallible> for Problem {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.render(None);
        response.extensions_mut().insert(Unidentified(self));
        response
    }
}

/// Marks an answer whose problem has not been given its request id yet.
#[derive(Clone)]
struct Unidentified(Problem);

/// A layer: gives each problem its request's id, and logs faults of ours under it, once.
pub async fn identify(request: Request, next: Next) -> Response {
    let id = request
        .extensions()
        .get::<Info>()
        .and_then(|Info(info)| info.id.clone());
    let mut response = next.run(request).await;
    let Some(Unidentified(problem)) = response.extensions_mut().remove::<Unidentified>() else {
        return response;
    };
    if let Error::Internal(source) = &*problem.0 {
        tracing::error!(request_id = id, error = %source, "internal error");
    }
    let mut identified = problem.render(id.as_deref());
    merge_headers(response.headers(), identified.headers_mut());
    identified
}

/// Keeps what inner layers added to the answer.
fn merge_headers(from: &HeaderMap, to: &mut HeaderMap) {
    for (name, value) in from {
        if name != header::CONTENT_LENGTH && !to.contains_key(name) {
            to.append(name, value.clone());
        }
    }
}

/// An error, as RFC 9457 has it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Where the error code is explained.
    #[schema(example = "/api/docs/errors#QUOTA_EXCEEDED")]
    r#type: String,
    /// The error code in words.
    #[schema(example = "Quota exceeded")]
    title: String,
    /// The HTTP status again.
    #[schema(example = 403)]
    status: u16,
    /// What went wrong this time, for people.
    #[schema(example = "Team quota exceeded. Maximum allowed: 10, current: 10.")]
    detail: String,
    /// What went wrong, for programs: always set, listed at `type`.
    #[schema(example = "QUOTA_EXCEEDED")]
    error_code: &'static str,
    /// With a validation error: every field that breaks a rule. With a team that is missing or a label that is not
    /// permitted: that field.
    fields: Vec<FieldProblem>,
    /// The request's id, also in the header `x-request-id` and in the server's log.
    #[schema(example = "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e")]
    request_id: Option<String>,
    /// With a refusal by the permission table: what was tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(
        nullable = false,
        example = "create a team, change its status or organization settings"
    )]
    rule: Option<String>,
    /// With a refusal by the permission table: who can do it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "a super_admin or org_admin of the organization")]
    who_can: Option<String>,
    /// With a refusal by a service's policy: every rule that was asked, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    chain: Vec<ChainStep>,
    /// With a full quota: how full, and what can be done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    quota: Option<QuotaBody>,
    /// With a full quota: the runners that count against it, as far as the caller may see them; idle and offline ones
    /// first, the longest first; at most 20.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    holders: Option<Vec<QuotaHolder>>,
}

/// One rule of the chain that led to an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ChainStep {
    /// The rule.
    #[schema(example = "service policy")]
    rule: String,
    /// `passed`, `bypassed`, `failed` or `not_reached`.
    #[schema(example = "failed")]
    outcome: &'static str,
    /// Why, with the facts; empty for a rule that was not reached.
    detail: String,
    /// Who can change what it depends on.
    who_can_change: String,
}

impl From<Step> for ChainStep {
    fn from(step: Step) -> Self {
        Self {
            rule: step.rule,
            outcome: step.outcome.as_str(),
            detail: step.detail,
            who_can_change: step.who_can_change,
        }
    }
}

/// A refusal with its chain, complete with the request's id.
pub(crate) fn explained(code: Code, explanation: &Explanation, request_id: Option<String>) -> Response {
    let failed = explanation.chain.iter().find(|step| step.outcome == Outcome::Failed);
    let who_can = failed.map(|step| step.who_can_change.clone());
    let ask = who_can
        .as_ref()
        .map_or(String::new(), |who| format!(". To change it, ask {who}."));
    let error = Error::refused(code, format!("{}{ask}", explanation.reason));
    let body = ProblemBody {
        rule: failed.map(|step| step.rule.clone()),
        who_can,
        chain: explanation.chain.iter().cloned().map(ChainStep::from).collect(),
        // Also of what is another status elsewhere (SPEC D13).
        status: StatusCode::FORBIDDEN.as_u16(),
        ..ProblemBody::of(&error, request_id)
    };
    write(StatusCode::FORBIDDEN, &body)
}

/// An error with a status of the door's own, complete with the request's id.
pub(crate) fn at_door(error: &Error, status: StatusCode, request_id: Option<String>) -> Response {
    let body = ProblemBody {
        status: status.as_u16(),
        ..ProblemBody::of(error, request_id)
    };
    write(status, &body)
}

fn write(status: StatusCode, body: &ProblemBody) -> Response {
    // A struct of texts always serialises.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = (status, bytes).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    response
}

/// A field of a request that breaks a rule.
#[derive(Debug, Serialize, ToSchema)]
pub struct FieldProblem {
    /// The field; inside of others with dots and indexes: `labels[2]`.
    #[schema(example = "max_runners")]
    field: String,
    /// The rule.
    #[schema(example = "must be a whole number from 0 to 100000, or empty for no limit")]
    message: String,
}

impl From<&Invalid> for FieldProblem {
    fn from(invalid: &Invalid) -> Self {
        Self {
            field: invalid.field.to_string(),
            message: invalid.message.to_string(),
        }
    }
}

impl ProblemBody {
    fn of(error: &Error, request_id: Option<String>) -> Self {
        let code = error.code();
        let fields = match error {
            Error::Invalid(fields) | Error::Conflict(_, _, fields) => fields.iter().map(FieldProblem::from).collect(),
            _ => error.field().as_ref().map(FieldProblem::from).into_iter().collect(),
        };
        let holders = match error {
            Error::Quota(refusal) => refusal.holders.as_ref(),
            _ => None,
        };
        let (rule, who_can) = error.refusal().map(|refusal| (refusal.rule, refusal.who_can)).unzip();
        Self {
            r#type: format!("{TYPE_BASE}{}", code.as_str()),
            title: title(code),
            status: code.status(),
            detail: detail(error),
            error_code: code.as_str(),
            fields,
            request_id,
            rule,
            who_can,
            chain: Vec::new(),
            quota: holders.map(QuotaBody::from),
            holders: holders.map(QuotaHolder::all),
        }
    }
}

/// The words, with the route behind what people do in the console.
fn detail(error: &Error) -> String {
    let words = error.detail();
    match error.code() {
        Code::QuotaExceeded => words.replace(
            "the team has a waiting list.",
            "the team has a waiting list (POST /api/v1/runners/waits).",
        ),
        _ => words,
    }
}

/// A code in words: `QUOTA_EXCEEDED` is "Quota exceeded".
pub(crate) fn title(code: Code) -> String {
    let mut words = code.as_str().split('_').map(|word| match word {
        "GITHUB" => "GitHub".to_owned(),
        "JIT" | "JWKS" => word.to_owned(),
        _ => word.to_ascii_lowercase(),
    });
    let mut title = words.next().unwrap_or_default();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    for word in words {
        title.push(' ');
        title.push_str(&word);
    }
    title
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_the_codes_in_words() {
        assert_eq!(title(Code::QuotaExceeded), "Quota exceeded");
        assert_eq!(title(Code::GitHub), "GitHub error");
        assert_eq!(title(Code::JwksUnavailable), "JWKS unavailable");
        assert_eq!(title(Code::Validation), "Validation error");
    }

    #[test]
    fn b1_unauthorized_says_how_to_authenticate() {
        let response = Problem::new(Code::NotAuthenticated, "Not authenticated").into_response();
        assert_eq!(response.status(), 401);
        assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        assert_eq!(response.headers()[header::CONTENT_TYPE], CONTENT_TYPE);
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        let wait = Some(std::time::Duration::from_millis(1200));
        let problem = Problem::from(Error::Unavailable(Code::DatabaseUnavailable, String::new(), wait));
        assert_eq!(problem.into_response().headers()[header::RETRY_AFTER], "2");
    }

    #[test]
    fn b2_faults_of_ours_tell_nothing() {
        let body = ProblemBody::of(&Error::internal("password=hunter2"), Some("r1".to_owned()));
        let json = serde_json::to_value(&body).unwrap();
        assert_eq!(json["detail"], "Internal server error");
        assert_eq!(json["error_code"], "INTERNAL_ERROR");
        assert_eq!(json["request_id"], "r1");
        assert!(json.get("rule").is_none());
    }
}
