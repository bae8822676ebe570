//! What the simulated GitHub knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde::Serialize;

use super::GitHubOptions;
use super::faults::Faults;

/// A runner, as the simulator keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedRunner {
    /// GitHub's number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `unknown` until it has started.
    pub os: String,
    /// `online` or `offline`.
    pub status: String,
    /// Whether it runs a job.
    pub busy: bool,
    /// Label names.
    pub labels: Vec<String>,
    /// Its group.
    pub runner_group_id: i64,
    /// Where its work goes.
    pub work_folder: String,
}

/// A runner group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedGroup {
    /// GitHub's number.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `all`, `selected` or `private`.
    pub visibility: String,
    /// Whether it is the default group.
    pub default: bool,
}

impl SimulatedGroup {
    /// A group that all repositories may use.
    pub fn new(id: i64, name: &str, default: bool) -> Self {
        Self {
            id,
            name: name.to_owned(),
            visibility: "all".to_owned(),
            default,
        }
    }
}

pub(super) struct Shared {
    pub options: GitHubOptions,
    pub url: Mutex<String>,
    pub faults: Mutex<Faults>,
    state: Mutex<SimulatorState>,
}

pub(super) struct SimulatorState {
    pub runners: BTreeMap<i64, SimulatedRunner>,
    /// By name in lower case: GitHub's names do not differ by case alone.
    names: HashMap<String, i64>,
    next_id: i64,
    pub calls: BTreeMap<String, u64>,
    pub cancelled_runs: Vec<String>,
    /// And when they end.
    pub installation_tokens: HashMap<String, Instant>,
}

impl Shared {
    pub(super) fn new(options: GitHubOptions) -> Self {
        Self {
            options,
            url: Mutex::default(),
            faults: Mutex::default(),
            state: Mutex::new(SimulatorState {
                runners: BTreeMap::new(),
                names: HashMap::new(),
                next_id: 1,
                calls: BTreeMap::new(),
                cancelled_runs: Vec::new(),
                installation_tokens: HashMap::new(),
            }),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, SimulatorState> {
        self.state.lock().expect("not poisoned")
    }
}

impl SimulatorState {
    pub(super) fn by_name(&self, name: &str) -> Option<&SimulatedRunner> {
        self.runners.get(self.names.get(&name.to_lowercase())?)
    }

    pub(super) fn add(&mut self, name: String, labels: Vec<String>, runner_group_id: i64) -> &mut SimulatedRunner {
        let id = self.next_id;
        self.next_id += 1;
        self.names.insert(name.to_lowercase(), id);
        self.runners.entry(id).or_insert(SimulatedRunner {
            id,
            name,
            os: "unknown".to_owned(),
            status: "offline".to_owned(),
            busy: false,
            labels,
            runner_group_id,
            work_folder: "_work".to_owned(),
        })
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<SimulatedRunner> {
        let runner = self.runners.remove(&id)?;
        self.names.remove(&runner.name.to_lowercase());
        Some(runner)
    }
}
