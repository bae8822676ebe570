//! Sign-ins on their way, in the session that began them.

use backend::Result;
use integrations::oidc::PendingLogin;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use crate::sessions::unavailable;

const KEY: &str = "sign_ins";
/// As many tabs as someone may have at the provider at once.
const MOST: usize = 5;

/// One sign-in.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Pending {
    /// Its secrets.
    pub login: PendingLogin,
    /// Where it leads.
    pub next: String,
}

/// Keeps a sign-in until the browser comes back.
pub(super) async fn keep(session: &Session, pending: Pending) -> Result<()> {
    let mut all = load(session).await?;
    all.retain(|other| !other.login.is_expired());
    let surplus = (all.len() + 1).saturating_sub(MOST);
    all.drain(..surplus);
    all.push(pending);
    session.insert(KEY, all).await.map_err(unavailable)
}

/// Takes the sign-in that `state` belongs to out of the session: it cannot be used twice.
pub(super) async fn take(session: &Session, state: &str) -> Result<Option<Pending>> {
    let mut all = load(session).await?;
    let Some(index) = all.iter().position(|pending| pending.login.matches_state(state)) else {
        return Ok(None);
    };
    let pending = all.remove(index);
    session.insert(KEY, all).await.map_err(unavailable)?;
    Ok(Some(pending))
}

async fn load(session: &Session) -> Result<Vec<Pending>> {
    Ok(session.get(KEY).await.map_err(unavailable)?.unwrap_or_default())
}
