//! Who calls the Kubernetes API: by a bearer credential, as over REST, or by the word of a front proxy.

use backend::{Caller, Code, Ctx, Error, Method, RequestInfo, identity, users};
use domain::{Email, UserRef};
use http::{Extensions, HeaderMap};
use kubernetes::{Failure, Reason};

use super::{Door, answer, client::ClientName};
use crate::{auth, clock};

/// The header by which a front proxy says who calls.
const REMOTE_USER: &str = "x-remote-user";

/// Who sent a request, as far as that is known.
#[derive(Debug, Clone)]
pub(super) enum Who {
    /// A person with an account here.
    Person(Caller),
    /// A front proxy, for somebody whom Guildhall does not know: a part of the cluster itself. It learns what kinds of
    /// objects there are, and nothing of any object.
    Stranger(String),
}

impl Who {
    /// The person.
    ///
    /// # Errors
    /// 403 for a stranger.
    pub(super) fn person(self) -> Result<Caller, Failure> {
        match self {
            Self::Person(caller) => Ok(caller),
            Self::Stranger(name) => Err(Failure::new(
                Reason::Forbidden,
                format!("the front proxy speaks for {name:?}, who has no account in Guildhall"),
            )),
        }
    }
}

/// Finds out who sent a request. `known` is what the connection says.
///
/// # Errors
/// 401 without a credential or with a wrong one; 403 when its owner may not use this.
pub(super) async fn calls(
    door: &Door,
    headers: &HeaderMap,
    known: &Extensions,
    info: &RequestInfo,
) -> Result<Who, Failure> {
    if let Some(name) = remote_user(door, headers, known)? {
        return by_front_proxy(door, &name, info).await;
    }
    let refused = |error: Error| answer::failure(error, None);
    let credential = auth::bearer(headers).map_err(refused)?.ok_or_else(|| {
        Failure::new(
            Reason::Unauthorized,
            "Unauthorized: send a personal access token of Guildhall as `Authorization: Bearer`",
        )
    })?;
    let caller = auth::by_bearer(&door.state, credential, info.clone())
        .await
        .map_err(refused)?;
    if let Caller::Machine(machine) = &caller {
        return Err(refused(Error::refused(
            Code::NotAuthorized,
            format!(
                "User not authorized. Contact administrator to request access. (OAuth client '{}' may provision, see and delete its team's runners, and nothing else.)",
                machine.name
            ),
        )));
    }
    Ok(Who::Person(caller))
}

/// Whom an allowed front proxy speaks for. Whoever is none may send the header and is not believed.
fn remote_user(door: &Door, headers: &HeaderMap, known: &Extensions) -> Result<Option<String>, Failure> {
    let (Some(proxy), Some(ClientName(name))) = (&door.state.config.kubernetes.front_proxy, known.get()) else {
        return Ok(None);
    };
    if !proxy.names.is_empty() && !proxy.names.contains(name) {
        return Ok(None);
    }
    let mut values = headers.get_all(REMOTE_USER).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(name), None) if !name.is_empty() => Ok(Some(name.to_owned())),
        _ => Err(Failure::new(
            Reason::Unauthorized,
            "Unauthorized: X-Remote-User must be there once, as text",
        )),
    }
}

async fn by_front_proxy(door: &Door, name: &str, info: &RequestInfo) -> Result<Who, Failure> {
    let stranger = || Ok(Who::Stranger(name.to_owned()));
    let Ok(email) = Email::parse(name) else { return stranger() };
    let backend = &door.state.backend;
    let found = async {
        let caller = Caller::System("front proxy".into(), Method::System);
        let mut ctx = Ctx::read(backend, caller, info.clone()).await?;
        let (user, _) = identity::find(&mut ctx, &UserRef::Email(email)).await?;
        drop(ctx);
        let principal = backend.principals.get(&backend.pool, user).await?;
        users::seen(user, clock::now());
        Ok(Caller::Person(principal, Method::Jwt))
    };
    match found.await {
        Ok(caller) => Ok(Who::Person(caller)),
        Err(Error::Refused(Code::NotFound | Code::BadToken, _)) => stranger(),
        Err(error) => Err(answer::failure(error, None)),
    }
}

/// Whether the caller of a request that is still being answered may still call: tokens end, and are revoked.
///
/// # Errors
/// 401 or 403 when not. What says nothing of the caller, such as a database that does not answer, is no reason.
pub(super) async fn still(call: &super::call::Call) -> Result<(), Failure> {
    let again = calls(&call.door, &call.headers, &call.known, &call.info).await;
    match again.and_then(Who::person) {
        Err(failure) if matches!(failure.reason, Reason::Unauthorized | Reason::Forbidden) => Err(failure),
        _ => Ok(()),
    }
}
