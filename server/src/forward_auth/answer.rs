//! The answers, which proxies copy headers from.

use std::fmt::Write as _;

use axum::{
    body::Body,
    response::{Html, IntoResponse as _, Response},
};
use backend::{
    Code, Error,
    authz::{Allowed, Decision, Refused, Who},
};
use domain::{OrgRole, TeamRole, authz::Denial};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use uuid::Uuid;

use super::{page, request::Asked};
use crate::{page::wants_html, problem};

static USER: HeaderName = HeaderName::from_static("x-guildhall-user");
static EMAIL: HeaderName = HeaderName::from_static("x-guildhall-email");
static TEAM: HeaderName = HeaderName::from_static("x-guildhall-team");
static PROJECT: HeaderName = HeaderName::from_static("x-guildhall-project");
static ROLES: HeaderName = HeaderName::from_static("x-guildhall-roles");
static ASSERTION: HeaderName = HeaderName::from_static("x-guildhall-assertion");
static REASON: HeaderName = HeaderName::from_static("x-guildhall-reason");

/// 200 with who it is. Every header is always there, empty where there is nothing to say: a proxy that copies it then
/// overwrites whatever the client sent under that name.
pub(super) fn allowed(who: &Who, allowed: &Allowed, assertion: HeaderValue) -> Response {
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.reserve(8);
    headers.insert(&USER, id(Some(who.person().id.0)));
    headers.insert(&EMAIL, text(&who.person().email));
    headers.insert(&TEAM, id(allowed.team.as_ref().map(|policy| policy.team.0)));
    headers.insert(&PROJECT, id(allowed.project.map(|project| project.0)));
    headers.insert(&ROLES, joined(who, allowed));
    headers.insert(&ASSERTION, assertion);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The roles of whoever acts, and how many there are. A key has only that of its owner in the team: it never acts with
/// what its owner is elsewhere.
pub(super) fn roles(who: &Who, allowed: &Allowed) -> ([&'static str; 3], usize) {
    let standing = &allowed.standing;
    let is_key = matches!(who, Who::Key { .. });
    let mut roles = [""; 3];
    let mut count = 0;
    let org = standing.org.map(|role| match role {
        OrgRole::OrgAdmin => "org_admin",
        OrgRole::OrgMember => "org_member",
        OrgRole::Auditor => "auditor",
    });
    let team = standing.team.map(|role| match role {
        TeamRole::Admin => "team_admin",
        TeamRole::Member => "team_member",
    });
    let everywhere = standing.super_admin.then_some("super_admin").filter(|_| !is_key);
    for role in [everywhere, org.filter(|_| !is_key), team].into_iter().flatten() {
        roles[count] = role;
        count += 1;
    }
    (roles, count)
}

fn joined(who: &Who, allowed: &Allowed) -> HeaderValue {
    match roles(who, allowed) {
        (_, 0) => HeaderValue::from_static(""),
        ([only, ..], 1) => HeaderValue::from_static(only),
        (roles, count) => text(&roles[..count].join(",")),
    }
}

fn id(id: Option<Uuid>) -> HeaderValue {
    let Some(id) = id else {
        return HeaderValue::from_static("");
    };
    let mut buffer = Uuid::encode_buffer();
    let text: &str = id.hyphenated().encode_lower(&mut buffer);
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}

/// A text as a header: what is not visible ASCII is percent-encoded, so that no proxy and no service stumbles over it.
fn text(text: &str) -> HeaderValue {
    let plain = |byte: u8| (b' '..=b'~').contains(&byte);
    if text.bytes().all(plain) {
        return HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
    }
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if plain(byte) && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(encoded).unwrap_or(HeaderValue::from_static(""))
}

/// Everything but 200.
pub(super) fn refused(
    public_url: &str,
    parts: &Parts,
    asked: &Asked<'_>,
    request_id: Option<String>,
    decision: Result<Decision, Error>,
) -> Response {
    let refusal = match decision {
        Ok(Decision::Refused(refused)) => Ok(refused),
        Ok(Decision::Allowed(_)) => Err(Error::internal("an allowed request was refused")),
        Err(error) => Err(error),
    };
    let status = status(&refusal);
    let reason = match &refusal {
        Ok(refused) => refused.explanation.reason.clone(),
        Err(Error::Internal(_)) => "The decision could not be made".to_owned(),
        Err(error) => error.detail(),
    };
    let mut response = if wants_html(&parts.headers) {
        let html = page::document(
            public_url,
            status,
            &reason,
            asked.service(),
            refusal.as_ref().ok(),
            request_id.as_deref(),
        );
        let mut response = Html(html).into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, page::policy());
        response
    } else {
        match &refusal {
            Ok(refused) => problem::explained(code(refused), &refused.explanation, request_id),
            Err(error) => problem::at_door(error, status, request_id),
        }
    };
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(&REASON, text(&reason));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    }
    response
}

/// One of three (SPEC D13). What is nobody's fault but ours counts as out of reach: never as allowed.
fn status(refusal: &Result<Refused, Error>) -> StatusCode {
    match refusal {
        Err(Error::Internal(_) | Error::Unavailable(..)) => StatusCode::SERVICE_UNAVAILABLE,
        Err(error) if error.code().status() == 401 => StatusCode::UNAUTHORIZED,
        Ok(_) | Err(_) => StatusCode::FORBIDDEN,
    }
}

/// The error code of a refusal.
fn code(refused: &Refused) -> Code {
    match refused.denial {
        Denial::NotMember => Code::NotTeamMember,
        Denial::TeamInactive => Code::TeamInactive,
        Denial::Deactivated => Code::Deactivated,
        Denial::ProjectRefused => Code::Forbidden,
        Denial::BudgetExceeded => Code::BudgetExceeded,
        _ => Code::ServiceNotAllowed,
    }
}

#[cfg(test)]
mod tests {
    use super::text;

    #[test]
    fn no_text_leaves_its_header() {
        assert_eq!(text("ada@example.com"), "ada@example.com");
        assert_eq!(text("änn@example.com"), "%C3%A4nn@example.com");
        assert_eq!(
            text("a\r\nX-Guildhall-Roles: super_admin"),
            "a%0D%0AX-Guildhall-Roles: super_admin"
        );
    }
}
