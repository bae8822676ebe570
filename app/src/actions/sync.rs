//! Asking for a pass of the sync.

use backend::sync;
use leptos::prelude::*;

use crate::forms::{ApiError, Done, Sent};

/// Asks for a pass now.
#[server(prefix = "/actions", endpoint = "sync/run")]
pub async fn run_sync() -> Result<(), ApiError> {
    let sent = Sent {
        form: "run-sync",
        values: &[],
        back: "/admin/sync",
    };
    sent.run(async |ctx| {
        let status = sync::request(ctx).await?;
        let when = if status.rate_limited_until.is_some() {
            "It begins when GitHub allows calls again."
        } else {
            "It begins within a second: reload to see it."
        };
        Ok(Done::new("/admin/sync", format!("A pass was asked for. {when}")))
    })
    .await
}
