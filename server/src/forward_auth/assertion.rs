//! The signed word that a service behind the proxy can check by itself, and the keys that prove it.

use std::{sync::Arc, time::Duration};

use axum::{
    extract::State,
    response::{IntoResponse as _, Response},
};
use backend::{
    Backend, Error, Principal, Result,
    authz::{self, Allowed, Claims, Policy, Who},
};
use chrono::{DateTime, Utc};
use domain::{ProjectId, TeamId};
use http::{HeaderValue, header};
use moka::sync::Cache;
use uuid::Uuid;

use super::answer::roles;
use crate::{AppState, clock, problem::Problem};

/// How long an assertion is good, in seconds.
const LIFETIME: i64 = 60;
/// How long one is handed out again, so that a warm decision signs nothing. What is left of its life is for the service.
const REUSE: Duration = Duration::from_secs(30);
/// How many bytes of them are kept.
const BYTES: u64 = 128 * 1024 * 1024;

/// Who acts for which team in which project, and asks for which service (its place in the team's policy).
type Key = (Uuid, TeamId, Option<ProjectId>, usize);

/// An assertion, as long as everything that it says is still so: both are replaced in memory when they change.
#[derive(Clone)]
struct Kept {
    assertion: HeaderValue,
    person: Arc<Principal>,
    policy: Arc<Policy>,
}

/// The assertions that were made a moment ago.
pub(super) struct Assertions {
    issuer: String,
    kept: Cache<Key, Kept>,
}

impl Assertions {
    /// None yet.
    pub(super) fn new(issuer: String) -> Self {
        let kept = Cache::builder()
            .max_capacity(BYTES)
            .weigher(|_, kept: &Kept| u32::try_from(kept.assertion.len() + 400).unwrap_or(u32::MAX))
            .time_to_live(REUSE)
            .build();
        Self { issuer, kept }
    }

    /// An assertion for an allowed request.
    pub(super) async fn get(
        &self,
        backend: &Backend,
        who: &Who,
        allowed: &Allowed,
        service: &str,
        now: DateTime<Utc>,
    ) -> Result<HeaderValue> {
        let person = who.person();
        let subject = match who {
            Who::Key { id, .. } => id.0,
            Who::Person(person) => person.id.0,
        };
        let known = allowed.team.as_ref().zip(allowed.place);
        let key = known.map(|(policy, place)| (subject, policy.team, allowed.project, place));
        if let Some((key, (policy, _))) = key.zip(known)
            && let Some(kept) = self.kept.get(&key)
            && Arc::ptr_eq(&kept.person, person)
            && Arc::ptr_eq(&kept.policy, policy)
        {
            return Ok(kept.assertion);
        }
        let (roles, count) = roles(who, allowed);
        let claims = Claims {
            iss: &self.issuer,
            aud: service,
            sub: person.id.0,
            email: &person.email,
            team: allowed.team.as_ref().map(|policy| policy.team.0),
            team_name: allowed.team.as_ref().map(|policy| policy.name.as_str()),
            project: allowed.project.map(|project| project.0),
            roles: &roles[..count],
            key: match who {
                Who::Key { id, .. } => Some(id.0),
                Who::Person(_) => None,
            },
            iat: now.timestamp(),
            exp: now.timestamp() + LIFETIME,
        };
        let assertion = authz::signer(backend, now).await?.sign(&claims)?;
        let assertion = HeaderValue::try_from(assertion).map_err(|error| Error::internal(error.to_string()))?;
        if let Some((key, (policy, _))) = key.zip(known) {
            let kept = Kept {
                assertion: assertion.clone(),
                person: Arc::clone(person),
                policy: Arc::clone(policy),
            };
            self.kept.insert(key, kept);
        }
        Ok(assertion)
    }
}

/// The public keys. Whoever checks assertions may keep them for five minutes: a new key is published a day before it
/// signs.
pub(super) async fn key_set(State(state): State<AppState>) -> Result<Response, Problem> {
    let keys = authz::signer(&state.backend, clock::now()).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "public, max-age=300"),
    ];
    Ok((headers, keys.jwks.clone()).into_response())
}
