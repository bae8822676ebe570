//! A sign-in on its way: what goes to the browser and what stays with us.

use std::fmt;
use std::time::{Duration, SystemTime};

use openidconnect::{CsrfToken, Nonce, PkceCodeVerifier};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long somebody may take at the provider.
const LONGEST: Duration = Duration::from_mins(15);

/// What [`Provider::begin`](super::Provider::begin) gives.
#[derive(Debug)]
pub struct Login {
    /// Where to send the browser. Holds the state and the nonce, so do not log it.
    pub url: String,
    /// What to keep in the server-side session until the browser comes back, and then to remove from it.
    pub pending: PendingLogin,
}

/// The secrets of one sign-in. They serialise so that a *server-side* session can hold them; never put this into a
/// cookie or an answer. `Debug` shows nothing.
#[derive(Clone, Serialize, Deserialize)]
pub struct PendingLogin {
    state: String,
    nonce: String,
    pkce_verifier: String,
    begun_at: SystemTime,
}

impl PendingLogin {
    pub(super) fn new(state: &CsrfToken, nonce: &Nonce, verifier: &PkceCodeVerifier) -> Self {
        Self {
            state: state.secret().clone(),
            nonce: nonce.secret().clone(),
            pkce_verifier: verifier.secret().clone(),
            begun_at: SystemTime::now(),
        }
    }

    /// Whether `state`, from the callback, belongs to this sign-in. Anything else is somebody else's sign-in: refuse it.
    pub fn matches_state(&self, state: &str) -> bool {
        // Digests differ in time only by what nobody can choose.
        Sha256::digest(&self.state) == Sha256::digest(state)
    }

    /// Whether it was begun too long ago to be completed (15 minutes).
    pub fn is_expired(&self) -> bool {
        self.begun_at.elapsed().is_ok_and(|age| age > LONGEST)
    }

    pub(super) fn nonce(&self) -> Nonce {
        Nonce::new(self.nonce.clone())
    }

    pub(super) fn pkce_verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.pkce_verifier.clone())
    }
}

impl fmt::Debug for PendingLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingLogin")
            .field("begun_at", &self.begun_at)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{CsrfToken, Duration, Nonce, PendingLogin, PkceCodeVerifier, SystemTime};

    #[test]
    fn it_knows_its_state_its_age_and_keeps_its_secrets() {
        let state = CsrfToken::new("s3cret-state".into());
        let nonce = Nonce::new("s3cret-nonce".into());
        let verifier = PkceCodeVerifier::new("s3cret-verifier".into());
        let mut pending = PendingLogin::new(&state, &nonce, &verifier);
        assert!(pending.matches_state("s3cret-state") && !pending.matches_state("s3cret-nonce"));
        assert!(!format!("{pending:?}").contains("s3cret"));
        assert!(!pending.is_expired());
        pending.begun_at = SystemTime::now() - Duration::from_mins(16);
        assert!(pending.is_expired());
    }
}
