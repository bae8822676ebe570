//! What keeps a process that lost the lead from writing anything more.

use std::time::Duration;

use chrono::{DateTime, Utc};
use integrations::github;
use uuid::Uuid;

use crate::{Backend, Ctx, Error, Method};

/// Why a pass ends early.
#[derive(Debug)]
pub(crate) enum Stop {
    /// GitHub allows no more calls for now.
    RateLimited(Option<Duration>),
    /// GitHub refused or failed, in its words.
    GitHub(String),
    /// Another process has the lead.
    Lost,
    /// The database refused.
    Database(Error),
}

impl From<github::Error> for Stop {
    fn from(error: github::Error) -> Self {
        match error {
            github::Error::RateLimited { retry_after } => Self::RateLimited(retry_after),
            error => Self::GitHub(error.user_message()),
        }
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.into())
    }
}

/// The proof of one election. Who takes over changes the row that it is checked against, and waits for transactions
/// that have checked it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fence(pub(super) Uuid);

impl Fence {
    /// A transaction of the leader's. While it is open, nobody else can take the lead.
    pub(crate) async fn begin(self, backend: &Backend) -> Result<Ctx, Stop> {
        let mut ctx = Ctx::system(backend, "sync", Method::System).await?;
        let ours = sqlx::query_scalar!(
            r#"SELECT true AS "ours!" FROM sync_worker WHERE leader = $1 FOR SHARE"#,
            self.0
        )
        .fetch_optional(ctx.connection())
        .await?;
        ours.map(|_| ctx).ok_or(Stop::Lost)
    }

    /// The time, if this process still leads.
    pub(super) async fn now(self, backend: &Backend) -> Result<DateTime<Utc>, Stop> {
        Ok(self.begin(backend).await?.now)
    }
}
