//! What goes on beside requests. Every process does all of it: each job takes only what no other one has taken. The
//! sync with GitHub is done by one process, which they elect.

use std::{fmt::Display, panic::AssertUnwindSafe, time::Duration};

use backend::{
    Backend, Ctx, Method, access_reviews, api_keys, audit, authz, budgets, identity_links, keys, listen, litellm,
    machines, members, runners, sessions, sync, tokens, users, workflow_jobs,
};
use futures_util::FutureExt as _;
use sqlx::{
    PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};
use tokio::task::JoinSet;

use crate::{AppState, clock, layers, telemetry};

/// How often it is read what keys have spent.
const KEY_SPENDING: Duration = Duration::from_mins(1);

/// The running jobs. Dropping them ends them.
pub(crate) struct Jobs(JoinSet<()>);

/// Starts them. Changes are heard over `direct`; without it nothing is kept in memory (SPEC X18).
pub(crate) fn start(state: &AppState, direct: Option<PgConnectOptions>) -> Jobs {
    let mut jobs = JoinSet::new();
    let backend = &state.backend;
    match backend.settings.sync_interval {
        Some(interval) if backend.github.is_some() => {
            jobs.spawn(sync::lead(backend.clone(), direct.clone(), interval));
        }
        Some(_) => tracing::info!("runner sync: GitHub is not configured"),
        None => tracing::info!("runner sync: off (`runner.sync_seconds` is 0)"),
    }
    if let Some(direct) = direct {
        // A connection of its own: it is never given back.
        let pool = PgPoolOptions::new().max_connections(1).connect_lazy_with(direct);
        jobs.spawn(listen::run(pool, backend.principals.clone()));
    }
    if !backend.litellm.is_empty() {
        let delivering = backend.clone();
        jobs.spawn(every(Duration::from_secs(1), "deliveries to LiteLLM", move || {
            let backend = delivering.clone();
            async move { litellm::deliver_due(&backend).await.map(drop) }
        }));
    }
    jobs.spawn(telemetry::upkeep(state.metrics.clone()));
    let reaper = backend.clone();
    jobs.spawn(every(Duration::from_secs(5), "reaper", move || {
        let backend = reaper.clone();
        async move { runners::reap(&backend).await.map(drop) }
    }));
    let waiting = backend.clone();
    jobs.spawn(every(Duration::from_secs(3), "waiting lists", move || {
        let backend = waiting.clone();
        async move { runners::waits::advance(&backend).await.map(drop) }
    }));
    let ends = backend.clone();
    jobs.spawn(every(Duration::from_secs(5), "memberships that end", move || {
        let backend = ends.clone();
        async move { members::end_expired(&backend).await.map(drop) }
    }));
    let invitations = backend.clone();
    jobs.spawn(every(Duration::from_mins(1), "invitations that end", move || {
        let backend = invitations.clone();
        async move { members::invitations::end_overdue(&backend).await.map(drop) }
    }));
    let reviews = backend.clone();
    jobs.spawn(every(Duration::from_secs(5), "access reviews", move || {
        let backend = reviews.clone();
        async move { access_reviews::work(&backend).await }
    }));
    let last_used = backend.pool.clone();
    jobs.spawn(every(
        Duration::from_secs(10),
        "last use of tokens, last sight of people",
        move || {
            let pool = last_used.clone();
            async move {
                tokens::write_last_used(&pool).await?;
                machines::write_last_used(&pool).await?;
                users::write_last_seen(&pool).await
            }
        },
    ));
    let keys_used = backend.pool.clone();
    // Seldom: with very many keys in use each of them is a row to write.
    jobs.spawn(every(Duration::from_mins(1), "last use of keys", move || {
        let pool = keys_used.clone();
        async move { keys::write_last_used(&pool).await }
    }));
    let keys_end = backend.clone();
    jobs.spawn(every(Duration::from_secs(10), "keys that end", move || {
        let backend = keys_end.clone();
        async move { api_keys::tidy(&backend).await.map(drop) }
    }));
    if !backend.litellm.is_empty() {
        let offering = backend.clone();
        jobs.spawn(every(Duration::from_mins(1), "models on offer", move || {
            let backend = offering.clone();
            async move { litellm::refresh_models(&backend).await }
        }));
        let spending = backend.clone();
        jobs.spawn(every(KEY_SPENDING, "what keys spend", move || {
            let backend = spending.clone();
            async move {
                api_keys::read_spending(&backend, KEY_SPENDING.mul_f64(0.5))
                    .await
                    .map(drop)
            }
        }));
    }
    if let Some(interval) = backend.settings.entra.sync_interval.filter(|_| backend.graph.is_some()) {
        let directory = backend.clone();
        // Whether it is due is asked more often than it is: another process may have begun the last one.
        jobs.spawn(every(
            interval.min(Duration::from_mins(1)),
            "directory sync",
            move || {
                let backend = directory.clone();
                async move { identity_links::sync_due(&backend, interval).await }
            },
        ));
        let unread = backend.clone();
        jobs.spawn(every(Duration::from_secs(30), "groups that were not read", move || {
            let backend = unread.clone();
            async move { identity_links::read_unread(&backend).await }
        }));
    }
    let spent = backend.clone();
    jobs.spawn(every(
        Duration::from_hours(1),
        "old entries of what was spent",
        move || {
            let backend = spent.clone();
            async move { budgets::tidy(&backend).await.map(drop) }
        },
    ));
    let signing = backend.clone();
    jobs.spawn(every(Duration::from_hours(1), "signing keys", move || {
        let backend = signing.clone();
        async move { authz::rotate(&backend, clock::now()).await }
    }));
    let sealing = backend.pool.clone();
    jobs.spawn(every(Duration::from_secs(1), "seals of the audit log", move || {
        let pool = sealing.clone();
        async move { audit::seal(&pool).await.map(drop) }
    }));
    let noting = backend.clone();
    jobs.spawn(every(Duration::from_hours(1), "head of the audit log", move || {
        let backend = noting.clone();
        async move { note_head(&backend).await }
    }));
    let ended = backend.clone();
    jobs.spawn(every(Duration::from_hours(1), "ended sessions", move || {
        let backend = ended.clone();
        async move { sessions::remove_ended(&backend, clock::now()).await.map(drop) }
    }));
    let old = backend.clone();
    jobs.spawn(every(Duration::from_hours(1), "old waits and queued jobs", move || {
        let backend = old.clone();
        async move {
            runners::waits::purge(&backend).await?;
            workflow_jobs::purge(&backend).await.map(drop)
        }
    }));
    Jobs(jobs)
}

impl Jobs {
    /// Ends them, and writes down what is still in memory.
    pub(crate) async fn stop(mut self, state: &AppState) {
        self.0.shutdown().await;
        if let Err(error) = write_last_used(&state.backend.pool).await {
            tracing::warn!(%error, "when tokens and keys were last used, and people seen, is lost");
        }
    }
}

/// Writes the head of the audit log's chain into the server's log: where that is kept elsewhere, a chain that was cut off
/// or made anew can be told from the one that was.
async fn note_head(backend: &Backend) -> backend::Result<()> {
    let mut ctx = Ctx::system(backend, "head of the audit log", Method::System).await?;
    let head = audit::head(&mut ctx).await?;
    if head.seq > 0 {
        tracing::info!(
            head = format!("{}:{}", head.seq, head.hash),
            waiting = head.waiting,
            "the audit log is sealed"
        );
    }
    Ok(())
}

async fn write_last_used(pool: &PgPool) -> backend::Result<()> {
    tokens::write_last_used(pool).await?;
    machines::write_last_used(pool).await?;
    keys::write_last_used(pool).await?;
    users::write_last_seen(pool).await
}

/// Does something again and again, whatever comes of it: a panic ends this one time and not the job. The first time comes
/// soon and at a moment of its own, so that processes that start together do not all do it at once.
pub(crate) async fn every<F, E>(period: Duration, name: &'static str, work: impl Fn() -> F)
where
    F: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut pause = period.min(Duration::from_secs(5)).mul_f64(rand::random());
    loop {
        tokio::time::sleep(pause).await;
        let once = async {
            if let Err(error) = work().await {
                tracing::warn!(job = name, %error, "a job did not work; it will be tried again");
            }
        };
        // What it was changing went with its transaction; nothing else outlives one time.
        if let Err(panic) = AssertUnwindSafe(once).catch_unwind().await {
            let why = layers::panic_words(&*panic);
            tracing::error!(job = name, why, "a job panicked; it will be tried again");
            metrics::counter!("guildhall_job_panics_total", "job" => name).increment(1);
        }
        pause = period.mul_f64(rand::random_range(0.9..1.1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;

    #[tokio::test]
    async fn a_job_that_panics_is_tried_again() {
        let times = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&times);
        let job = tokio::spawn(every(Duration::from_millis(1), "a job of a test", move || {
            let time = counted.fetch_add(1, Ordering::SeqCst);
            assert_ne!(time, 0, "before it begins");
            async move {
                assert_ne!(time, 1, "while it works");
                if time == 2 { Err("it does not work") } else { Ok(()) }
            }
        }));
        let goes_on = async {
            while times.load(Ordering::SeqCst) < 5 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), goes_on)
            .await
            .expect("it goes on");
        assert!(!job.is_finished());
        job.abort();
    }
}
