//! Who calls: the person behind a token, a JWT or a session.

use axum::extract::{FromRequestParts, MatchedPath, OptionalFromRequestParts};
use backend::{Caller, Code, Ctx, Error, RequestInfo, Result, identity, machines, tokens, users};
use domain::UserId;
use http::{HeaderMap, Method, header, request::Parts};
use integrations::oidc::{self, Identity};
use tower_sessions::Session;

use crate::{AppState, clock, problem::Problem, request::Info, sessions};

/// Extracts the caller of the API.
///
/// `Authorization: Bearer` with a personal access token or a JWT of the configured issuer, else the session of the
/// console. A credential that is there and wrong is refused; it does not fall back to another one.
#[derive(Debug, Clone)]
pub struct Authenticated(pub Caller);

impl FromRequestParts<AppState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let caller = caller(parts, state).await?;
        let caller = caller.ok_or_else(|| Problem::new(Code::NotAuthenticated, "Not authenticated"))?;
        require_route_of_machines(&caller, parts)?;
        Ok(Self(caller))
    }
}

impl OptionalFromRequestParts<AppState> for Authenticated {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Option<Self>, Problem> {
        let caller = caller(parts, state).await?;
        if let Some(caller) = &caller {
            require_route_of_machines(caller, parts)?;
        }
        Ok(caller.map(Self))
    }
}

/// All that machine clients may ask for (SPEC B27): runners of their team. The backend has its own say in each.
pub const ROUTES_OF_MACHINES: [(Method, &str); 5] = [
    (Method::GET, "/api/v1/runners"),
    (Method::GET, "/api/v1/runners/{id}"),
    (Method::DELETE, "/api/v1/runners/{id}"),
    (Method::POST, "/api/v1/runners/{id}/refresh"),
    (Method::POST, "/api/v1/runners/jit"),
];

fn require_route_of_machines(caller: &Caller, parts: &Parts) -> Result<()> {
    let Caller::Machine(machine) = caller else {
        return Ok(());
    };
    let path = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
    if ROUTES_OF_MACHINES.contains(&(parts.method.clone(), path)) {
        return Ok(());
    }
    Err(Error::refused(
        Code::NotAuthorized,
        format!(
            "User not authorized. Contact administrator to request access. (OAuth client '{}' may provision, see and delete its team's runners, and nothing else.)",
            machine.name
        ),
    ))
}

async fn caller(parts: &Parts, state: &AppState) -> Result<Option<Caller>> {
    if let Some(credential) = bearer(&parts.headers)? {
        let request = parts.extensions.get::<Info>().cloned().unwrap_or_default().0;
        return by_bearer(state, credential, request).await.map(Some);
    }
    match parts.extensions.get::<Session>() {
        Some(session) => by_session(state, session).await,
        None => Ok(None),
    }
}

/// The credential of `Authorization: Bearer`, if that header is there.
pub(crate) fn bearer(headers: &HeaderMap) -> Result<Option<&str>> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let credential = value
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, credential)| credential.trim())
        .filter(|credential| !credential.is_empty());
    match (credential, values.next()) {
        (Some(credential), None) => Ok(Some(credential)),
        // Another scheme, or two headers: nothing that we could check.
        _ => Err(Error::refused(Code::NotAuthenticated, "Not authenticated")),
    }
}

/// The person or program behind a bearer credential: a personal access token, or a JWT of the configured issuer.
pub(crate) async fn by_bearer(state: &AppState, credential: &str, request: RequestInfo) -> Result<Caller> {
    let (user, method) = if credential.starts_with(tokens::PREFIX) {
        let (user, end) = tokens::authenticate_with_end(&state.backend, credential, clock::now()).await?;
        (user, backend::Method::Token(end))
    } else if credential.split('.').count() == 3 {
        let identity = verified(state, credential).await?;
        if identity.client_credentials {
            let machine = machines::authenticate(&state.backend.pool, &identity.subject, clock::now()).await?;
            return Ok(Caller::Machine(machine));
        }
        (person(state, &identity, request).await?, backend::Method::Jwt)
    } else {
        return Err(Error::refused(
            Code::BadToken,
            "Token validation failed: it is neither a personal access token nor a JWT",
        ));
    };
    let principal = state.backend.principals.get(&state.backend.pool, user).await?;
    users::seen(user, clock::now());
    Ok(Caller::Person(principal, method))
}

/// Who the provider says sent this JWT.
async fn verified(state: &AppState, jwt: &str) -> Result<Identity> {
    let Some(provider) = &state.provider else {
        return Err(Error::refused(
            Code::BadToken,
            "Token validation failed: no OpenID provider is configured here (GUILDHALL_OIDC_ISSUER)",
        ));
    };
    provider.verify_bearer(jwt).await.map_err(|error| refused_token(&error))
}

/// The person behind a JWT, and the team that it is bound to.
pub(crate) async fn by_jwt(state: &AppState, jwt: &str, request: RequestInfo) -> Result<(UserId, Option<String>)> {
    let identity = verified(state, jwt).await?;
    if identity.client_credentials {
        return Err(Error::refused(
            Code::NotAuthorized,
            "User not authorized. Contact administrator to request access. (The token is a program's, not a person's.)",
        ));
    }
    let user = person(state, &identity, request).await?;
    Ok((user, identity.team_id))
}

/// The account of a verified identity, made or joined at its first sight (SPEC X17).
pub(crate) async fn person(state: &AppState, identity: &Identity, request: RequestInfo) -> Result<UserId> {
    // Nearly always known: then nothing is written.
    let (backend, issuer) = (&state.backend, &identity.issuer);
    if let Some(user) = backend
        .principals
        .person_of(&backend.pool, issuer, &identity.subject)
        .await?
    {
        return Ok(user);
    }
    let mut claims = claims(identity);
    // Only the directory's own provider speaks of its ids.
    let own = state.config.entra.is_issuer(issuer);
    claims.directory_id = identity.directory_id.clone().filter(|_| own);
    match resolve(state, &claims, request.clone()).await {
        // Two first requests of one person at a time: the second finds what the first has made.
        Err(Error::Refused(Code::NameTaken, _)) => resolve(state, &claims, request).await,
        outcome => outcome,
    }
}

async fn resolve(state: &AppState, claims: &identity::Claims, request: RequestInfo) -> Result<UserId> {
    let mut ctx = Ctx::write(
        &state.backend,
        Caller::System("sign-in".into(), backend::Method::System),
        request,
    )
    .await?;
    let user = identity::resolve(&mut ctx, claims).await?;
    ctx.commit().await?;
    Ok(user)
}

fn claims(identity: &Identity) -> identity::Claims {
    identity::Claims {
        issuer: identity.issuer.clone(),
        subject: identity.subject.clone(),
        email: identity.email.clone(),
        email_verified: identity.email_verified,
        email_denied: identity.email_denied,
        preferred_username: identity.preferred_username.clone(),
        name: identity.name.clone(),
        directory_id: None,
    }
}

/// The person of a session. An account that was deactivated or removed has none.
pub(crate) async fn by_session(state: &AppState, session: &Session) -> Result<Option<Caller>> {
    let Some(user) = sessions::user(session).await? else {
        return Ok(None);
    };
    match state.backend.principals.get(&state.backend.pool, user).await {
        Ok(principal) => {
            users::seen(user, clock::now());
            Ok(Some(Caller::Person(principal, backend::Method::Session)))
        }
        Err(Error::Refused(Code::Deactivated | Code::BadToken, _)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with a JWT, in the words of SPEC B1.
fn refused_token(error: &oidc::Error) -> Error {
    let words = error.to_string();
    match error {
        oidc::Error::Jwks(_) | oidc::Error::Discovery(_) => {
            Error::Unavailable(Code::JwksUnavailable, words, Some(std::time::Duration::from_secs(10)))
        }
        oidc::Error::Token(_) => Error::refused(Code::BadToken, words),
        other => Error::internal(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HeaderMap, bearer, header};

    #[test]
    fn one_bearer_credential_or_none() {
        let read = |values: &[&str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::AUTHORIZATION, value.parse().expect("a value"));
            }
            bearer(&headers)
                .map(|credential| credential.map(str::to_owned))
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&["Bearer abc"]), Ok(Some("abc".to_owned())));
        assert_eq!(read(&["bearer  abc "]), Ok(Some("abc".to_owned())));
        for wrong in [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["Bearer a", "Bearer b"]] {
            assert_eq!(read(wrong), Err("Not authenticated".to_owned()), "{wrong:?}");
        }
    }
}
