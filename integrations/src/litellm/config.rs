//! Where a LiteLLM instance is, how to sign in, and how patient to be.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

/// Told of each HTTP request, and of each call that the breaker refused: the route (`/team/info`, never with an id), how
/// it went (`ok` or [`Error::outcome`](super::Error::outcome)), and how long it took.
pub type Observe = Arc<dyn Fn(&'static str, &'static str, Duration) + Send + Sync>;

/// A LiteLLM instance. Checked by [`LiteLlm::new`](super::LiteLlm::new).
#[derive(Clone)]
pub struct Config {
    /// What people call the instance; goes into logs.
    pub name: String,
    /// Base URL of the proxy, with or without a trailing slash. Plain `http` is for simulators.
    pub api_url: String,
    /// The master key, or another key that may administer.
    pub master_key: SecretString,
    /// The most one HTTP request may take, body included; connecting may use half of it.
    pub timeout: Duration,
    /// How often a call is tried in all, at least once.
    pub attempts: u32,
    /// The wait before the next attempt: this much times the number of attempts so far.
    pub retry_delay: Duration,
    /// So many calls in a row that failed, after their retries, open the breaker.
    pub breaker_failures: u32,
    /// How long an open breaker refuses before it lets one call probe.
    pub breaker_open: Duration,
    /// Hears of each HTTP request, if set; must be quick.
    pub observe: Option<Observe>,
}

impl Config {
    /// An instance with the defaults of SPEC C6: 30 s, 3 attempts, 1 s between them and more each time, 5 failures open
    /// the breaker for 30 s.
    pub fn new(name: impl Into<String>, api_url: impl Into<String>, master_key: SecretString) -> Self {
        Self {
            name: name.into(),
            api_url: api_url.into(),
            master_key,
            timeout: Duration::from_secs(30),
            attempts: 3,
            retry_delay: Duration::from_secs(1),
            breaker_failures: 5,
            breaker_open: Duration::from_secs(30),
            observe: None,
        }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("name", &self.name)
            .field("api_url", &self.api_url)
            .field("timeout", &self.timeout)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}
