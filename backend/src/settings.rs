//! What an operator decides about the rules.

use std::{net::SocketAddr, time::Duration};

use secrecy::SecretString;

/// Settings of the installation that the backend's rules depend on.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whether a stranger with a valid identity gets an account (SPEC X17).
    pub signup_open: bool,
    /// Whether someone in no team and without a label policy may provision anything (SPEC B17).
    pub allow_without_label_policy: bool,
    /// GitHub's runner group for teams that name none (SPEC B30).
    pub default_runner_group: i64,
    /// How long a reservation waits for GitHub before the reaper settles it (SPEC B15).
    pub reservation_lease: Duration,
    /// Seals private keys in the database; none leaves them as they are.
    pub secret_key: Option<SecretString>,
    /// The name server for verifying domains; the machine's own when there is none.
    pub dns_resolver: Option<SocketAddr>,
    /// ISO code of the currency that runners are priced in.
    pub currency: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            signup_open: true,
            allow_without_label_policy: false,
            default_runner_group: 1,
            reservation_lease: Duration::from_secs(45),
            secret_key: None,
            dns_resolver: None,
            currency: "USD".to_owned(),
        }
    }
}
