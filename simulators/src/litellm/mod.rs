//! A stand-in for LiteLLM's proxy: the admin API that Guildhall uses, and the models that keys are for.
//!
//! Answers follow the recorded ones of 1.108.7 and 1.101.6, errors word for word, and what is known of 1.75.9. What no
//! recording shows says so in the code. State lives in memory and outlives [`LiteLlmSimulator::stop`] and
//! [`restart`](LiteLlmSimulator::restart); ids and secrets are the same in each run.
//!
//! Tests and people steer it through [`LiteLlmSimulator`], or over HTTP, without authorization:
//!
//! | route | |
//! |---|---|
//! | `GET, PUT, DELETE /_simulator/faults` | the [`Faults`] in force; PUT replaces all of them |
//! | `GET /_simulator/state` | `{version, licensed, teams, users, keys, organizations, calls: {route: count}}` |
//! | `PUT /_simulator/settings` | `{licensed?, call_spend?}` |

mod answer;
mod api;
mod chat;
mod control;
mod faults;
mod keys;
mod members;
mod organizations;
mod render;
mod state;
mod teams;
mod users;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

pub use faults::{Faults, RateLimit};
use state::Shared;
pub use state::{SimulatedKey, SimulatedMember, SimulatedOrganization, SimulatedTeam, SimulatedUser};

use crate::listener::Server;

/// Whose answers to give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Version {
    /// 1.108.7: organizations need a licence.
    #[default]
    V1_108_7,
    /// 1.101.6.
    V1_101_6,
    /// 1.75.9: unknown users look like empty ones.
    V1_75_9,
}

impl Version {
    /// The number.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V1_108_7 => "1.108.7",
            Self::V1_101_6 => "1.101.6",
            Self::V1_75_9 => "1.75.9",
        }
    }
}

/// What a simulator is like. Everything has a default, so `LiteLlmOptions::default()` will do.
#[derive(Clone, Debug)]
pub struct LiteLlmOptions {
    /// Whose answers to give.
    pub version: Version,
    /// The master key; `sk-1234` by default.
    pub master_key: String,
    /// The models there are; `fake-gpt` and `fake-claude` by default.
    pub models: Vec<String>,
    /// Whether there is an Enterprise licence.
    pub licensed: bool,
    /// Dollars that each answered chat adds to its key, user and team.
    pub call_spend: f64,
}

impl Default for LiteLlmOptions {
    fn default() -> Self {
        Self {
            version: Version::default(),
            master_key: "sk-1234".to_owned(),
            models: vec!["fake-gpt".to_owned(), "fake-claude".to_owned()],
            licensed: false,
            call_spend: 0.01,
        }
    }
}

/// A running simulator; stops when the last clone is dropped.
#[derive(Clone)]
pub struct LiteLlmSimulator {
    server: Arc<Server>,
    shared: Arc<Shared>,
}

impl LiteLlmSimulator {
    /// On a free loopback port, with the defaults.
    pub async fn start(version: Version) -> io::Result<Self> {
        let options = LiteLlmOptions {
            version,
            ..LiteLlmOptions::default()
        };
        Self::start_with(SocketAddr::from(([127, 0, 0, 1], 0)), options).await
    }

    /// Listens on `addr`; port 0 takes a free one.
    pub async fn start_with(addr: SocketAddr, options: LiteLlmOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        let router = |_| {
            Router::new()
                .nest("/_simulator", control::routes(&shared))
                .fallback_service(api::routes(&shared))
        };
        let server = Arc::new(Server::start(addr, router).await?);
        let _ = shared.server.set(Arc::downgrade(&server));
        Ok(Self { server, shared })
    }

    /// The base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// The key that may do everything.
    pub fn master_key(&self) -> &str {
        &self.shared.options.master_key
    }

    /// Refuses connections until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again, on the same port, with what it knew before.
    pub async fn restart(&self) -> io::Result<()> {
        self.server.restart().await
    }

    /// Replaces the faults in force.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().expect("not poisoned") = faults;
        self.shared.state().struck.clear();
    }

    /// The calls, as `METHOD /path`, that faults have struck since they were [set](Self::set_faults), in their order.
    /// Refused connections and mere slowness are not among them.
    pub fn struck(&self) -> Vec<String> {
        self.shared.state().struck.clone()
    }

    /// The faults in force, with what is left of counted ones.
    pub fn faults(&self) -> Faults {
        self.shared.faults.lock().expect("not poisoned").clone()
    }

    /// Puts an Enterprise licence there, or takes it away.
    pub fn set_licensed(&self, licensed: bool) {
        self.shared.state().licensed = licensed;
    }

    /// Sets the dollars that each answered chat adds to its key, user and team.
    pub fn set_call_spend(&self, dollars: f64) {
        self.shared.state().call_spend = dollars;
    }

    /// Puts the clock forward: keys end.
    pub fn advance(&self, by: Duration) {
        self.shared.state().ahead += by;
    }

    /// Every team, in the order in which they were made.
    pub fn teams(&self) -> Vec<SimulatedTeam> {
        self.shared.state().teams.values().cloned().collect()
    }

    /// The team with that id.
    pub fn team(&self, id: &str) -> Option<SimulatedTeam> {
        self.shared.state().team(id).cloned()
    }

    /// Every user, in the order in which they were made.
    pub fn users(&self) -> Vec<SimulatedUser> {
        self.shared.state().users.values().cloned().collect()
    }

    /// The user with that id.
    pub fn user(&self, id: &str) -> Option<SimulatedUser> {
        self.shared.state().user(id).cloned()
    }

    /// Every key, in the order in which they were made.
    pub fn keys(&self) -> Vec<SimulatedKey> {
        self.shared.state().keys.clone()
    }

    /// The key with that secret or token.
    pub fn key(&self, key_or_token: &str) -> Option<SimulatedKey> {
        self.shared.state().key(key_or_token).cloned()
    }

    /// Puts a team there, or replaces the one with its id, as if somebody had made it by hand.
    pub fn put_team(&self, team: SimulatedTeam) {
        self.shared.state().teams.insert(team.id.clone(), team);
    }

    /// Puts a user there, or replaces the one with their id.
    pub fn put_user(&self, user: SimulatedUser) {
        self.shared.state().users.insert(user.id.clone(), user);
    }

    /// Puts an organization there, licence or not.
    pub fn put_organization(&self, organization: SimulatedOrganization) {
        let mut state = self.shared.state();
        state.organizations.retain(|known| known.id != organization.id);
        state.organizations.push(organization);
    }

    /// Removes a team behind everybody's back. Whether there was one.
    pub fn remove_team(&self, id: &str) -> bool {
        self.shared.state().remove_team(id)
    }

    /// Removes a user behind everybody's back. Whether there was one.
    pub fn remove_user(&self, id: &str) -> bool {
        self.shared.state().remove_user(id)
    }

    /// Calls answered or refused so far, by `METHOD /path`, `/_simulator` excepted.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.state().calls.clone()
    }

    /// Calls of one route, such as `POST /team/new`.
    pub fn calls_of(&self, route: &str) -> u64 {
        self.shared.state().calls.get(route).copied().unwrap_or(0)
    }
}
