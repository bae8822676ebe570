//! Which process syncs, and when.
//!
//! With a direct connection to PostgreSQL the leader holds an advisory lock of its session: when the process dies, the
//! lock is free at once. Behind a pooler (SPEC X18) there are no session locks; then the leader holds a lease in the
//! table, and another takes over when it has run out. Either way the row in `sync_worker` says who leads, and
//! [`Fence`] keeps everyone else from writing.

use std::{pin::pin, time::Duration};

use domain::views::SyncRun;
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use uuid::Uuid;

use super::{fence::Fence, pass, runs};
use crate::{Backend, Error, Result};

/// "sync" in ASCII: the advisory lock of the leader.
const LOCK: i64 = 0x7379_6e63;
/// How long a leader without the lock leads after its last sign of life; how old a heartbeat may be.
pub const LEASE: Duration = Duration::from_secs(15);
/// How often the leader gives a sign of life.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often the others try.
const TRY: Duration = Duration::from_secs(2);
/// How often the leader looks whether somebody asked for a pass.
const LOOK: Duration = Duration::from_secs(1);
/// How long an election, or one statement of the heartbeat, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// One election that was won.
struct Leader {
    fence: Fence,
    /// Whose session holds the lock.
    lock: Option<PgConnection>,
}

/// Takes part for ever: syncs every `interval` while this process leads. `direct` leads past any pooler.
pub async fn lead(backend: Backend, direct: Option<PgConnectOptions>, interval: Duration) {
    if direct.is_none() {
        tracing::info!(
            "runner sync: without a direct connection (DATABASE_DIRECT_URL) the leader is whoever holds a lease of {} s",
            LEASE.as_secs()
        );
    }
    let mut connection = None;
    loop {
        let election = elect(&backend, direct.as_ref(), &mut connection);
        // A session that is silently dead answers never; it is dropped with the election, and its lock with it.
        let outcome = tokio::time::timeout(PATIENCE, election)
            .await
            .unwrap_or_else(|_| Err(Error::internal("the database does not answer")));
        match outcome {
            Ok(Some(mut leader)) => {
                tracing::info!("runner sync: this process leads, every {} s", interval.as_secs());
                metrics::gauge!("guildhall_runner_sync_leader").set(1.0);
                let why = leader.serve(&backend, interval).await;
                metrics::gauge!("guildhall_runner_sync_leader").set(0.0);
                tracing::warn!(%why, "runner sync: this process leads no more");
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "runner sync: cannot find out who leads"),
        }
        tokio::time::sleep(TRY.mul_f64(rand::random_range(0.5..1.0))).await;
    }
}

/// One pass, now, by this process; none when another one leads. For tests, benchmarks and the command line.
///
/// # Errors
/// When GitHub is not configured, or the database does not answer. What went wrong at GitHub is in the run.
pub async fn run(backend: &Backend) -> Result<Option<SyncRun>> {
    if backend.github.is_none() {
        return Err(Error::not_configured_github());
    }
    let fence = Fence(Uuid::now_v7());
    if !take_over(backend, fence, false).await? {
        return Ok(None);
    }
    let interval = backend.settings.sync_interval.unwrap_or_default();
    let run = pass::run(backend, fence, interval).await;
    sqlx::query!(
        "UPDATE sync_worker SET leader = NULL, lease_until = NULL WHERE leader = $1",
        fence.0
    )
    .execute(&backend.pool)
    .await?;
    run
}

/// Tries to become the leader. The connection is kept for the next try.
async fn elect(
    backend: &Backend,
    direct: Option<&PgConnectOptions>,
    connection: &mut Option<PgConnection>,
) -> Result<Option<Leader>> {
    let fence = Fence(Uuid::now_v7());
    let Some(direct) = direct else {
        let won = take_over(backend, fence, false).await?;
        return Ok(won.then_some(Leader { fence, lock: None }));
    };
    // Taken out, so that a connection with which something went wrong is not used again.
    let mut session = match connection.take() {
        Some(session) => session,
        None => direct.connect().await?,
    };
    let locked = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "locked!""#, LOCK)
        .fetch_one(&mut session)
        .await?;
    if !locked {
        *connection = Some(session);
        return Ok(None);
    }
    if take_over(backend, fence, true).await? {
        let lock = Some(session);
        return Ok(Some(Leader { fence, lock }));
    }
    // Somebody without a direct connection leads. Closing the session frees the lock.
    Ok(None)
}

/// Writes the new leader down, unless another one leads: one with the lock is known to be dead when we have it.
async fn take_over(backend: &Backend, fence: Fence, by_lock: bool) -> Result<bool> {
    let (host, pid) = (hostname(), i32::try_from(std::process::id()).unwrap_or_default());
    let taken = sqlx::query!(
        "UPDATE sync_worker SET leader = $1, by_lock = $2, hostname = $3, pid = $4,
            heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + make_interval(secs => $5)
        WHERE lease_until IS NULL OR lease_until < clock_timestamp() OR ($2 AND by_lock)",
        fence.0,
        by_lock,
        host,
        pid,
        LEASE.as_secs_f64(),
    )
    .execute(&backend.pool)
    .await?;
    Ok(taken.rows_affected() > 0)
}

impl Leader {
    /// Makes passes until the lead is lost; says why it was.
    async fn serve(&mut self, backend: &Backend, interval: Duration) -> Error {
        let fence = self.fence;
        let mut beats = pin!(self.beat(backend));
        loop {
            let work = async {
                loop {
                    if runs::is_due(backend, fence, interval).await? {
                        return pass::run(backend, fence, interval).await;
                    }
                    tokio::time::sleep(LOOK.min(interval / 2)).await;
                }
            };
            tokio::select! {
                // A pass that is dropped here undoes its open transaction.
                lost = &mut beats => return lost,
                outcome = work => match outcome {
                    Ok(Some(run)) => {
                        if let Some(error) = &run.error {
                            tracing::warn!(%error, "runner sync: the pass was not completed");
                        }
                    }
                    Ok(None) => return Error::internal("another process has taken over"),
                    Err(error) => {
                        tracing::warn!(%error, "runner sync: the pass could not be written down");
                        tokio::time::sleep(LOOK).await;
                    }
                },
            }
        }
    }

    /// Gives signs of life for as long as they arrive. On the session that holds the lock, so that a lock which is lost
    /// with its connection is noticed.
    async fn beat(&mut self, backend: &Backend) -> Error {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            let sign = sqlx::query!(
                "UPDATE sync_worker SET heartbeat_at = clock_timestamp(),
                    lease_until = clock_timestamp() + make_interval(secs => $2)
                WHERE leader = $1",
                self.fence.0,
                LEASE.as_secs_f64(),
            );
            let sent = async {
                match &mut self.lock {
                    Some(session) => sign.execute(session).await,
                    None => sign.execute(&backend.pool).await,
                }
            };
            match tokio::time::timeout(PATIENCE, sent).await {
                Ok(Ok(done)) if done.rows_affected() > 0 => {}
                Ok(Ok(_)) => return Error::internal("another process has taken over"),
                Ok(Err(error)) => return error.into(),
                Err(_) => return Error::internal("the database does not answer"),
            }
        }
    }
}

/// The name of this machine.
pub(super) fn hostname() -> String {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let name = files.iter().find_map(|file| std::fs::read_to_string(file).ok());
    name.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown".to_owned())
}
