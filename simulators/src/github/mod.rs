//! A stand-in for the part of the GitHub REST API that Guildhall uses.
//!
//! | route | like the real one |
//! |---|---|
//! | `POST /app/installations/{id}/access_tokens` | App JWT checked (signature, issuer, at most 10 minutes) when a key is set |
//! | `POST /orgs/{org}/actions/runners/generate-jitconfig` | 201, 404 bad group, 409 name taken, 422 bad request |
//! | `GET /orgs/{org}/actions/runners` | `name`, `per_page` up to 100, `page`, `total_count`, `Link` |
//! | `GET, DELETE /orgs/{org}/actions/runners/{id}` | 204, 404, 422 while busy |
//! | `GET /orgs/{org}/actions/runner-groups` | pages |
//! | `POST /repos/{owner}/{repo}/actions/runs/{id}/cancel` | 202 |
//!
//! Tests and people steer it through [`GitHubSimulator`], or over HTTP, without authorization:
//!
//! | route | |
//! |---|---|
//! | `GET, PUT, DELETE /_simulator/faults` | the [`Faults`] in force; PUT replaces all of them |
//! | `GET /_simulator/state` | `{runners, calls: {route: count}, cancelled_runs}` |
//! | `PATCH, DELETE /_simulator/runners/{id or name}` | `{status?, busy?, labels?}`: what a runner's machine does |
//! | `POST, DELETE /_simulator/runners/{id or name}/job` | `{repository?, name?}`: the runner begins a job, and ends it |
//! | `POST /_simulator/refuse` | `{seconds}`: refuse connections for a while |

mod api;
mod control;
mod faults;
mod jit;
mod jobs;
mod life;
mod state;
mod webhooks;

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::sync::broadcast;

pub use faults::{Faults, RateLimit};
pub use jobs::{Job, JobEvent};
pub use life::Life;
use state::Shared;
pub use state::{SimulatedGroup, SimulatedRunner};
pub use webhooks::{payload as webhook_payload, sign as sign_webhook};

use crate::listener::Server;

/// What a simulator accepts. Everything has a default, so `GitHubOptions::default()` will do.
#[derive(Clone, Debug)]
pub struct GitHubOptions {
    /// The only organization there is; `acme` by default.
    pub org: String,
    /// Personal access tokens that are accepted; `demo-token` by default.
    pub tokens: Vec<String>,
    /// The App that may have installation tokens: its id and its public key in PEM. Without one, any App JWT is accepted.
    pub app: Option<(u64, String)>,
    /// How long installation tokens live; an hour, as at GitHub.
    pub token_lifetime: Duration,
    /// The runner groups; `1 Default` by default.
    pub groups: Vec<SimulatedGroup>,
    /// The first number that is given to a runner; 1 by default.
    pub first_id: i64,
    /// What runners do by themselves; nothing by default.
    pub life: Option<Life>,
}

impl Default for GitHubOptions {
    fn default() -> Self {
        Self {
            org: "acme".to_owned(),
            tokens: vec!["demo-token".to_owned()],
            app: None,
            token_lifetime: Duration::from_hours(1),
            groups: vec![SimulatedGroup::new(1, "Default", true)],
            first_id: 1,
            life: None,
        }
    }
}

/// A running simulator; stops when the last clone is dropped.
#[derive(Clone)]
pub struct GitHubSimulator {
    server: Arc<Server>,
    shared: Arc<Shared>,
}

impl GitHubSimulator {
    /// Listens on `addr`; port 0 takes a free one.
    pub async fn start(addr: SocketAddr, options: GitHubOptions) -> io::Result<Self> {
        let shared = Arc::new(Shared::new(options));
        if let Some(life) = shared.options.life.clone() {
            tokio::spawn(life::live(Arc::downgrade(&shared), life));
        }
        let (refuse, mut refusals) = tokio::sync::mpsc::unbounded_channel::<Duration>();
        let router = |addr| {
            *shared.url.lock().expect("not poisoned") = format!("http://{addr}");
            Router::new()
                .merge(api::routes(&shared))
                .nest("/_simulator", control::routes(&shared, refuse))
                .fallback(api::no_such_route)
        };
        let server = Arc::new(Server::start(addr, router).await?);
        let weak = Arc::downgrade(&server);
        tokio::spawn(async move {
            while let Some(pause) = refusals.recv().await {
                let Some(server) = weak.upgrade() else { return };
                server.stop().await;
                tokio::time::sleep(pause).await;
                let _ = server.restart().await;
            }
        });
        Ok(Self { server, shared })
    }

    /// On a free loopback port, with the defaults.
    pub async fn start_default() -> io::Result<Self> {
        Self::start(SocketAddr::from(([127, 0, 0, 1], 0)), GitHubOptions::default()).await
    }

    /// The API's base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.addr())
    }

    /// The organization.
    pub fn org(&self) -> &str {
        &self.shared.options.org
    }

    /// Refuses connections until [`restart`](Self::restart).
    pub async fn stop(&self) {
        self.server.stop().await;
    }

    /// Listens again, on the same port.
    pub async fn restart(&self) -> io::Result<()> {
        self.server.restart().await
    }

    /// Replaces the faults in force.
    pub fn set_faults(&self, faults: Faults) {
        *self.shared.faults.lock().expect("not poisoned") = faults;
    }

    /// The faults in force, with what is left of counted ones.
    pub fn faults(&self) -> Faults {
        self.shared.faults.lock().expect("not poisoned").clone()
    }

    /// Every runner, by id.
    pub fn runners(&self) -> Vec<SimulatedRunner> {
        self.shared.state().runners.values().cloned().collect()
    }

    /// How many runners there are.
    pub fn runner_count(&self) -> usize {
        self.shared.state().runners.len()
    }

    /// Puts a runner there, as if somebody had registered it by hand. Returns its id.
    pub fn add_runner(&self, name: &str, labels: &[&str]) -> i64 {
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
        self.shared.state().add(name.to_owned(), labels, 1).id
    }

    /// Does to a runner what its machine would: `change` may set `status`, `busy` and `labels`. Whether it exists.
    pub fn update_runner(&self, id: i64, change: impl FnOnce(&mut SimulatedRunner)) -> bool {
        self.shared.state().runners.get_mut(&id).map(change).is_some()
    }

    /// Removes a runner, as GitHub does once an ephemeral one has run its job. Whether it existed.
    pub fn remove_runner(&self, id: i64) -> bool {
        self.shared.state().remove(id).is_some()
    }

    /// Starts a runner's machine: it is online from now on. Whether it exists.
    pub fn connect_runner(&self, id: i64) -> bool {
        self.shared.state().connect(id)
    }

    /// Gives an idle, online runner a job of `repository` (`owner/name`). None when there is no such runner.
    pub fn begin_job(&self, runner: i64, repository: &str, name: &str) -> Option<Job> {
        self.shared.begin_job(runner, repository, name)
    }

    /// Ends a runner's job with `success`, and the runner with it. Whether it had one.
    pub fn end_job(&self, runner: i64) -> bool {
        self.shared.end_job(runner, "success")
    }

    /// Hears of each job that is queued, begins or ends from now on.
    pub fn job_events(&self) -> broadcast::Receiver<JobEvent> {
        self.shared.job_events.subscribe()
    }

    /// Sends a signed `workflow_job` webhook to `url` for each of them from now on, until the simulator is gone.
    pub fn send_webhooks(&self, url: impl Into<String>, secret: impl Into<String>) {
        tokio::spawn(webhooks::send(self.job_events(), url.into(), secret.into()));
    }

    /// Calls answered or refused so far, by method and route template, `/_simulator` excepted.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        self.shared.state().calls.clone()
    }

    /// Calls of one route, such as `POST /orgs/{org}/actions/runners/generate-jitconfig`.
    pub fn calls_of(&self, route: &str) -> u64 {
        self.shared.state().calls.get(route).copied().unwrap_or(0)
    }

    /// Workflow runs that were cancelled, as `owner/repo/id`.
    pub fn cancelled_runs(&self) -> Vec<String> {
        self.shared.state().cancelled_runs.clone()
    }

    /// Makes every installation token handed out so far invalid.
    pub fn revoke_installation_tokens(&self) {
        self.shared.state().installation_tokens.clear();
    }
}
