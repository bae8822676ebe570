//! Hears from PostgreSQL what changed, and drops it from memory.

use std::{sync::Arc, time::Duration};

use domain::{KeyId, ProjectId, TeamId, UserId};
use sqlx::{
    Executor as _, PgPool,
    postgres::{PgListener, PgPoolOptions},
};
use uuid::Uuid;

use crate::Principals;

/// The channel of the triggers in `migrations/…_notify`.
const CHANNEL: &str = "guildhall";

/// After this much silence the connection is asked whether it lives. The question is `LISTEN` again: it changes
/// nothing, and is answered after every notification that waited.
const SILENCE: Duration = Duration::from_millis(300);
const PING: &str = "LISTEN \"guildhall\"";
/// How long the answer may take. Together with the silence it is less than a second, the time within which a change
/// must be felt.
const PONG: Duration = Duration::from_millis(500);

/// Listens for ever. While the connection is down, nothing is served from memory.
pub async fn run(pool: PgPool, principals: Arc<Principals>) {
    loop {
        if let Err(error) = listen(&pool, &principals).await {
            principals.set_listening(false);
            tracing::warn!(%error, "not hearing of changes: every request asks the database");
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

async fn listen(pool: &PgPool, principals: &Principals) -> Result<(), sqlx::Error> {
    // A pool for each attempt: a connection that is silently dead would keep the only place of a shared one, for as
    // long as the network takes to notice.
    let own = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(Duration::from_secs(3))
        .connect_lazy_with((*pool.connect_options()).clone());
    let mut listener = PgListener::connect_with(&own).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    principals.begin_listening();
    loop {
        match tokio::time::timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                forget(principals, notification.payload());
                principals.heard();
            }
            // The connection was lost, and with it what may have been said meanwhile.
            Ok(Ok(None)) => return Err(sqlx::Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_silence) => ping(&mut listener, principals).await?,
        }
    }
}

/// Finds out whether the connection lives, and hears what came with the answer.
async fn ping(listener: &mut PgListener, principals: &Principals) -> Result<(), sqlx::Error> {
    let silent = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut));
    tokio::time::timeout(PONG, listener.execute(PING))
        .await
        .map_err(|_| silent())??;
    while let Some(notification) = listener.next_buffered() {
        forget(principals, notification.payload());
    }
    principals.heard();
    Ok(())
}

/// Drops what a notification names; whatever is not understood drops everything.
fn forget(principals: &Principals, payload: &str) {
    match payload.split_once(':') {
        Some(("session", id)) => principals.forget_session(id),
        Some(("token", _)) => principals.forget_tokens(),
        Some((kind, id)) => match (kind, Uuid::try_parse(id)) {
            ("user", Ok(id)) => principals.forget_user(UserId(id)),
            ("key", Ok(id)) => principals.forget_key(KeyId(id)),
            ("policy", Ok(id)) => principals.forget_policy(TeamId(id)),
            ("budget", Ok(id)) => principals.forget_budget(id),
            ("project", Ok(id)) => principals.forget_project(ProjectId(id)),
            _ => principals.forget_all(),
        },
        None => match payload {
            "keys" => principals.forget_keys(),
            "policies" => principals.forget_policies(),
            "identities" => principals.forget_identities(),
            "signing-keys" => principals.snapshot.signing.forget(),
            _ => principals.forget_all(),
        },
    }
}
