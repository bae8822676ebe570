//! What goes on beside requests. Every process does all of it: each job takes only what no other one has taken.

use std::{fmt::Display, time::Duration};

use backend::{listen, runners, sessions, tokens};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use tokio::task::JoinSet;

use crate::{AppState, clock, telemetry};

/// The running jobs. Dropping them ends them.
pub(crate) struct Jobs(JoinSet<()>);

/// Starts them. Changes are heard over `direct`; without it nothing is kept in memory (SPEC X18).
pub(crate) fn start(state: &AppState, direct: Option<PgConnectOptions>) -> Jobs {
    let mut jobs = JoinSet::new();
    let backend = &state.backend;
    if let Some(direct) = direct {
        // A connection of its own: it is never given back.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(direct);
        jobs.spawn(listen::run(pool, backend.principals.clone()));
    }
    jobs.spawn(telemetry::upkeep(state.metrics.clone()));
    let reaper = backend.clone();
    jobs.spawn(every(Duration::from_secs(5), "reaper", move || {
        let backend = reaper.clone();
        async move { runners::reap(&backend).await.map(drop) }
    }));
    let last_used = backend.pool.clone();
    jobs.spawn(every(Duration::from_secs(10), "last use of tokens", move || {
        let pool = last_used.clone();
        async move { tokens::write_last_used(&pool).await }
    }));
    let ended = backend.clone();
    jobs.spawn(every(Duration::from_hours(1), "ended sessions", move || {
        let backend = ended.clone();
        async move { sessions::remove_ended(&backend, clock::now()).await.map(drop) }
    }));
    Jobs(jobs)
}

impl Jobs {
    /// Ends them, and writes down what is still in memory.
    pub(crate) async fn stop(mut self, state: &AppState) {
        self.0.shutdown().await;
        if let Err(error) = tokens::write_last_used(&state.backend.pool).await {
            tracing::warn!(%error, "when tokens were last used is lost");
        }
    }
}

/// Does something again and again. The first time comes soon and at a moment of its own, so that processes that start
/// together do not all do it at once.
async fn every<F, E>(period: Duration, name: &'static str, work: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut pause = period.min(Duration::from_secs(5)).mul_f64(rand::random());
    loop {
        tokio::time::sleep(pause).await;
        if let Err(error) = work().await {
            tracing::warn!(job = name, %error, "a job did not work; it will be tried again");
        }
        pause = period.mul_f64(rand::random_range(0.9..1.1));
    }
}
