//! What the simulated LiteLLM knows.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, OnceLock, Weak};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, NaiveDate, Utc};
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::LiteLlmOptions;
use super::faults::Faults;
use crate::listener::Server;

/// The proxy's own user, an admin of each team that the master key makes.
pub(super) const PROXY_USER: &str = "default_user_id";

/// A member of a team.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SimulatedMember {
    /// The user.
    pub user_id: String,
    /// `admin` or `user`.
    pub role: String,
    /// What they may spend in the team.
    pub max_budget: Option<f64>,
    /// What they have spent in it.
    pub spend: f64,
}

/// A team.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SimulatedTeam {
    /// Its id.
    pub id: String,
    /// Its name.
    pub alias: Option<String>,
    /// Its organization.
    pub organization_id: Option<String>,
    /// Its models; none means all.
    pub models: Vec<String>,
    /// Its budget.
    pub max_budget: Option<f64>,
    /// The budget's period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// What was stored with it.
    pub metadata: Map<String, Value>,
    /// Whether its keys are refused.
    pub blocked: bool,
    /// What its keys have spent.
    pub spend: f64,
    /// Its members, the proxy's own user included.
    pub members: Vec<SimulatedMember>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A user.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SimulatedUser {
    /// Their id.
    pub id: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their name.
    pub alias: Option<String>,
    /// LiteLLM's role.
    pub role: Option<String>,
    /// Their models; none means all.
    pub models: Vec<String>,
    /// Their budget.
    pub max_budget: Option<f64>,
    /// The budget's period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// What was stored with them.
    pub metadata: Map<String, Value>,
    /// Their teams, by id.
    pub teams: Vec<String>,
    /// What their keys have spent.
    pub spend: f64,
    /// When they were made.
    pub created_at: DateTime<Utc>,
}

/// A key, without its secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SimulatedKey {
    /// The SHA-256 of the secret.
    pub token: String,
    /// The end of the secret.
    pub masked: String,
    /// Its name.
    pub alias: Option<String>,
    /// Whose it is.
    pub user_id: Option<String>,
    /// The team that pays.
    pub team_id: Option<String>,
    /// Its models; none means all.
    pub models: Vec<String>,
    /// Its budget.
    pub max_budget: Option<f64>,
    /// The budget's period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// What was stored with it.
    pub metadata: Map<String, Value>,
    /// Whether it is refused.
    pub blocked: bool,
    /// When it ends.
    pub expires: Option<DateTime<Utc>>,
    /// What it has spent.
    pub spend: f64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The order in which keys were made.
    pub number: u64,
}

/// An organization.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SimulatedOrganization {
    /// Its id.
    pub id: String,
    /// Its name.
    pub alias: String,
    /// Its models; none means all.
    pub models: Vec<String>,
    /// Its budget.
    pub max_budget: Option<f64>,
    /// Its members and their roles.
    pub members: BTreeMap<String, String>,
}

/// What one user used of one team on one day.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Use {
    pub spend: f64,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub requests: i64,
}

pub(super) struct Shared {
    pub options: LiteLlmOptions,
    pub faults: Mutex<Faults>,
    /// Who listens; set once it does.
    pub server: OnceLock<Weak<Server>>,
    state: Mutex<SimulatorState>,
}

/// In the order in which things were made, as LiteLLM's lists are.
#[derive(Default)]
pub(super) struct SimulatorState {
    pub teams: IndexMap<String, SimulatedTeam>,
    pub users: IndexMap<String, SimulatedUser>,
    pub keys: Vec<SimulatedKey>,
    pub organizations: Vec<SimulatedOrganization>,
    /// By user, team and day.
    pub uses: BTreeMap<(String, String, NaiveDate), Use>,
    pub calls: BTreeMap<String, u64>,
    /// Calls that a fault struck, since the faults were set.
    pub struck: Vec<String>,
    pub licensed: bool,
    /// What each answered chat adds.
    pub call_spend: f64,
    /// How far the clock was put forward.
    pub ahead: Duration,
    numbers: u64,
}

impl Shared {
    pub(super) fn new(options: LiteLlmOptions) -> Self {
        let state = SimulatorState {
            licensed: options.licensed,
            call_spend: options.call_spend,
            ..SimulatorState::default()
        };
        Self {
            options,
            faults: Mutex::default(),
            server: OnceLock::new(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, SimulatorState> {
        self.state.lock().expect("not poisoned")
    }
}

impl SimulatorState {
    pub(super) fn now(&self) -> DateTime<Utc> {
        (SystemTime::now() + self.ahead).into()
    }

    pub(super) fn team(&self, id: &str) -> Option<&SimulatedTeam> {
        self.teams.get(id)
    }

    pub(super) fn team_mut(&mut self, id: &str) -> Option<&mut SimulatedTeam> {
        self.teams.get_mut(id)
    }

    pub(super) fn user(&self, id: &str) -> Option<&SimulatedUser> {
        self.users.get(id)
    }

    pub(super) fn user_mut(&mut self, id: &str) -> Option<&mut SimulatedUser> {
        self.users.get_mut(id)
    }

    pub(super) fn user_by_email(&self, email: &str) -> Option<&SimulatedUser> {
        self.users.values().find(|user| user.email.as_deref() == Some(email))
    }

    pub(super) fn organization(&self, id: &str) -> Option<&SimulatedOrganization> {
        self.organizations.iter().find(|organization| organization.id == id)
    }

    /// By secret or by its hash.
    pub(super) fn key(&self, key: &str) -> Option<&SimulatedKey> {
        let token = hashed(key);
        self.keys.iter().find(|key| key.token == token)
    }

    pub(super) fn key_mut(&mut self, key: &str) -> Option<&mut SimulatedKey> {
        let token = hashed(key);
        self.keys.iter_mut().find(|key| key.token == token)
    }

    pub(super) fn next_number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// An id in the form of a UUID; the same in each run.
    pub(super) fn next_id(&mut self) -> String {
        let hash = hex(&Sha256::digest(format!("id {}", self.next_number())));
        format!(
            "{}-{}-4{}-8{}-{}",
            &hash[..8],
            &hash[8..12],
            &hash[13..16],
            &hash[17..20],
            &hash[20..32]
        )
    }

    /// A secret as LiteLLM makes them; the same in each run.
    pub(super) fn next_secret(&mut self) -> String {
        let hash = Sha256::digest(format!("key {}", self.next_number()));
        format!("sk-{}", URL_SAFE_NO_PAD.encode(&hash[..16]))
    }

    /// The user of that id, made if there is none: LiteLLM does so in many places.
    pub(super) fn ensure_user(&mut self, id: &str) -> &mut SimulatedUser {
        let created_at = self.now();
        self.users.entry(id.to_owned()).or_insert_with(|| SimulatedUser {
            id: id.to_owned(),
            created_at,
            ..SimulatedUser::default()
        })
    }

    /// Puts a user into a team, both of which exist. Whether they were not in it.
    pub(super) fn join(&mut self, team: &str, user: &str, role: &str, max_budget: Option<f64>) -> bool {
        if let Some(user) = self.user_mut(user)
            && !user.teams.iter().any(|known| known == team)
        {
            user.teams.push(team.to_owned());
        }
        let Some(team) = self.team_mut(team) else { return false };
        if team.members.iter().any(|member| member.user_id == user) {
            return false;
        }
        team.members.push(SimulatedMember {
            user_id: user.to_owned(),
            role: role.to_owned(),
            max_budget,
            spend: 0.0,
        });
        true
    }

    /// Removes a team, its keys, and its place in its members' lists.
    pub(super) fn remove_team(&mut self, id: &str) -> bool {
        let removed = self.teams.shift_remove(id);
        self.keys.retain(|key| key.team_id.as_deref() != Some(id));
        for user in self.users.values_mut() {
            user.teams.retain(|team| team != id);
        }
        removed.is_some()
    }

    /// Removes a user, their keys and their memberships.
    pub(super) fn remove_user(&mut self, id: &str) -> bool {
        let removed = self.users.shift_remove(id);
        self.keys.retain(|key| key.user_id.as_deref() != Some(id));
        for team in self.teams.values_mut() {
            team.members.retain(|member| member.user_id != id);
        }
        removed.is_some()
    }
}

/// The name under which LiteLLM keeps a key.
pub(super) fn hashed(key: &str) -> String {
    if key.starts_with("sk-") {
        hex(&Sha256::digest(key))
    } else {
        key.to_owned()
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
