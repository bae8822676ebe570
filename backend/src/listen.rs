//! Hears from PostgreSQL what changed, and drops it from memory.

use std::{sync::Arc, time::Duration};

use domain::UserId;
use sqlx::{PgPool, postgres::PgListener};
use uuid::Uuid;

use crate::Principals;

/// The channel of the triggers in `migrations/…_notify`.
const CHANNEL: &str = "guildhall";

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
    let mut listener = PgListener::connect_with(pool).await?;
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    principals.set_listening(true);
    loop {
        // `None`: the connection was lost, and with it what may have been said meanwhile.
        let Some(notification) = listener.try_recv().await? else {
            return Err(sqlx::Error::PoolClosed);
        };
        forget(principals, notification.payload());
    }
}

/// Drops what a notification names; whatever is not understood drops everything.
fn forget(principals: &Principals, payload: &str) {
    match payload.split_once(':') {
        Some(("user", id)) if Uuid::try_parse(id).is_ok() => {
            if let Ok(id) = Uuid::try_parse(id) {
                principals.forget_user(UserId(id));
            }
        }
        Some(("session", id)) => principals.forget_session(id),
        Some(("token", _)) => principals.forget_tokens(),
        _ => principals.forget_all(),
    }
}
