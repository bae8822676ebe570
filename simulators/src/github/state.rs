//! What the simulated GitHub knows.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde::Serialize;
use tokio::sync::broadcast;

use super::GitHubOptions;
use super::faults::Faults;
use super::jobs::{Job, JobEvent};

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
    /// What happens to jobs; whoever subscribes hears it.
    pub job_events: broadcast::Sender<JobEvent>,
    state: Mutex<SimulatorState>,
}

pub(super) struct SimulatorState {
    pub runners: BTreeMap<i64, SimulatedRunner>,
    /// By name in lower case: GitHub's names do not differ by case alone.
    names: HashMap<String, i64>,
    next_id: i64,
    next_number: i64,
    /// By the runner that runs them.
    pub jobs: BTreeMap<i64, Job>,
    pub calls: BTreeMap<String, u64>,
    pub cancelled_runs: Vec<String>,
    /// And when they end.
    pub installation_tokens: HashMap<String, Instant>,
}

impl Shared {
    pub(super) fn new(options: GitHubOptions) -> Self {
        let first_id = options.first_id;
        Self {
            options,
            job_events: broadcast::Sender::new(1024),
            url: Mutex::default(),
            faults: Mutex::default(),
            state: Mutex::new(SimulatorState {
                runners: BTreeMap::new(),
                names: HashMap::new(),
                next_id: first_id,
                next_number: first_id.saturating_mul(1000),
                jobs: BTreeMap::new(),
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

    /// The next number of a job or a run.
    pub(super) fn next_number(&mut self) -> i64 {
        self.next_number += 1;
        self.next_number
    }

    /// A runner's machine has started. Whether there is such a runner.
    pub(super) fn connect(&mut self, id: i64) -> bool {
        let Some(runner) = self.runners.get_mut(&id) else {
            return false;
        };
        "online".clone_into(&mut runner.status);
        if runner.os == "unknown" {
            "linux".clone_into(&mut runner.os);
        }
        true
    }

    pub(super) fn remove(&mut self, id: i64) -> Option<SimulatedRunner> {
        let runner = self.runners.remove(&id)?;
        self.names.remove(&runner.name.to_lowercase());
        self.jobs.remove(&id);
        Some(runner)
    }
}
