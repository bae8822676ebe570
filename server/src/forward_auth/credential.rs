//! Who asks: the one credential that the request carries.

use backend::{
    Code, Error, Result,
    authz::{self, Who},
    keys, sessions, tokens,
};
use chrono::{DateTime, Utc};
use domain::UserId;
use http::{HeaderMap, header, request::Parts};

use crate::{AppState, auth, request::Info, sessions::cookie_name};

/// Another way to send a key, for clients that need `Authorization` for the service itself.
const API_KEY: &str = "x-api-key";

/// Who asks, and the team that a JWT is bound to.
///
/// # Errors
/// 401 without a credential, with two, or with one that is not good; 403 for a deactivated account; 503 when that
/// cannot be found out.
pub(super) async fn find(state: &AppState, parts: &Parts, now: DateTime<Utc>) -> Result<(Who, Option<String>)> {
    let backend = &state.backend;
    let Ok(key) = only(&parts.headers, API_KEY) else {
        return Err(two());
    };
    let credential = match (auth::bearer(&parts.headers), key) {
        (Ok(Some(_)), Some(_)) => return Err(two()),
        (Ok(None) | Err(_), Some(key)) => Some(key),
        (Ok(bearer), None) => bearer,
        (Err(error), None) => return Err(error),
    };
    let Some(credential) = credential else {
        return Ok((session(state, &parts.headers, now).await?, None));
    };
    if credential.starts_with(keys::PREFIX) {
        return Ok((authz::by_key(backend, credential, now).await?, None));
    }
    let (user, team) = if credential.starts_with(tokens::PREFIX) {
        (tokens::authenticate(backend, credential, now).await?, None)
    } else if key.is_none() && credential.split('.').count() == 3 {
        let info = parts.extensions.get::<Info>().cloned().unwrap_or_default().0;
        auth::by_jwt(state, credential, info).await?
    } else {
        return Err(Error::refused(
            Code::BadToken,
            "Token validation failed: it is neither a key, nor a personal access token, nor a JWT",
        ));
    };
    Ok((person(state, user).await?, team))
}

async fn person(state: &AppState, user: UserId) -> Result<Who> {
    let principal = state.backend.principals.get(&state.backend.pool, user).await?;
    Ok(Who::Person(principal))
}

/// The person of the console's session. Only read: a session that is used here alone ends when it is idle.
async fn session(state: &AppState, headers: &HeaderMap, now: DateTime<Utc>) -> Result<Who> {
    let nobody = || Error::refused(Code::NotAuthenticated, "Not authenticated");
    let id = cookie(headers, cookie_name(&state.config)).ok_or_else(nobody)?;
    let (data, _) = sessions::load(&state.backend, id, now).await?.ok_or_else(nobody)?;
    let user = data
        .get(sessions::USER_KEY)
        .and_then(|user| user.as_str())
        .and_then(|user| user.parse().ok())
        .ok_or_else(nobody)?;
    person(state, user).await
}

/// A cookie's value. Two of one name: the first, as everywhere else.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// A header that may be there once; an empty one is none.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> std::result::Result<Option<&'a str>, ()> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => {
            let text = value.to_str().map_err(|_| ())?.trim();
            Ok((!text.is_empty()).then_some(text))
        }
        (Some(_), Some(_)) => Err(()),
    }
}

fn two() -> Error {
    Error::refused(
        Code::NotAuthenticated,
        "Not authenticated: send one credential, not several",
    )
}
