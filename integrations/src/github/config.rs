//! How to reach GitHub, and as whom.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

/// The public API. GitHub Enterprise Server has `https://HOST/api/v3` instead.
pub const DEFAULT_API_URL: &str = "https://api.github.com";

/// How long one call may take, unless told otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Where GitHub is, which organization is ours, and how to sign in. Checked by [`GitHub::new`](super::GitHub::new).
#[derive(Clone, Debug)]
pub struct Config {
    /// Base URL of the REST API, with or without a trailing slash. Plain `http` is for simulators.
    pub api_url: String,
    /// Login of the organization that owns the runners.
    pub org: String,
    /// How calls are authorised.
    pub credentials: Credentials,
    /// The most one call may take, body included; connecting may use half of it.
    pub timeout: Duration,
}

impl Config {
    /// A configuration for the public API, with the default timeout.
    pub fn new(org: impl Into<String>, credentials: Credentials) -> Self {
        Self {
            api_url: DEFAULT_API_URL.to_owned(),
            org: org.into(),
            credentials,
            timeout: DEFAULT_TIMEOUT,
        }
    }
}

/// How calls are authorised.
#[derive(Clone)]
pub enum Credentials {
    /// As an installation of a GitHub App, with tokens that live an hour and are renewed in time.
    App {
        /// "App ID" on the App's settings page.
        app_id: u64,
        /// The number at the end of the installation's settings URL.
        installation_id: u64,
        /// The App's RSA private key, PEM: PKCS#1 as GitHub hands it out, or PKCS#8.
        private_key_pem: SecretString,
    },
    /// With a personal access token (scope `admin:org`, or fine-grained "Self-hosted runners: write").
    Token(SecretString),
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::App {
                app_id,
                installation_id,
                ..
            } => f
                .debug_struct("App")
                .field("app_id", app_id)
                .field("installation_id", installation_id)
                .finish_non_exhaustive(),
            Self::Token(_) => f.write_str("Token(…)"),
        }
    }
}
