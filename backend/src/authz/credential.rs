//! Who asks: a person, or a key that acts for its team.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::{KeyId, ProjectId, TeamId};

use crate::{Backend, Code, Error, Principal, Result, keys};

/// Who asks for a service.
#[derive(Debug, Clone)]
pub enum Who {
    /// A person.
    Person(Arc<Principal>),
    /// A key. It acts for its team and never with its owner's own rights (SPEC D2).
    Key {
        /// The key.
        id: KeyId,
        /// Its team.
        team: TeamId,
        /// Its project.
        project: Option<ProjectId>,
        /// Whose it is. Without this person's right to keys of the team it does not work.
        owner: Arc<Principal>,
    },
}

impl Who {
    /// The person, or the key's owner.
    pub fn person(&self) -> &Arc<Principal> {
        match self {
            Self::Person(person) | Self::Key { owner: person, .. } => person,
        }
    }
}

/// The key behind an `sk-…` secret, from memory where changes are heard.
///
/// # Errors
/// 401 when it is unknown, revoked or expired; 403 when its owner's account is deactivated.
pub async fn by_key(backend: &Backend, secret: &str, now: DateTime<Utc>) -> Result<Who> {
    let bad = |words: &str| Error::refused(Code::BadToken, format!("Token validation failed: {words}"));
    let (principals, pool) = (&backend.principals, &backend.pool);
    let key = principals
        .key(pool, &keys::hash(secret))
        .await?
        .ok_or_else(|| bad("the key is unknown or revoked"))?;
    if key.expires_at.is_some_and(|end| end <= now) {
        return Err(bad("the key has expired"));
    }
    let owner = principals.get(pool, key.owner).await?;
    keys::note_use(key.id, now);
    Ok(Who::Key {
        id: key.id,
        team: key.team,
        project: key.project,
        owner,
    })
}
