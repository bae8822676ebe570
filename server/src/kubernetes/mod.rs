//! The Kubernetes API: `auth.litellm.ai/v1alpha1` for kubectl, over a TLS listener of its own (docs/KUBERNETES.md).
//!
//! The doors read the protocol's words and write them; every rule is in `backend::objects`, and every shape in the crate
//! `kubernetes`. Errors are `metav1.Status`, all of them: kubectl prints nothing else well.

mod accept;
mod access;
mod answer;
mod authority;
mod body;
mod call;
mod client;
mod core;
mod documents;
mod forms;
mod handle;
pub mod kubeconfig;
mod listen;
mod observe;
mod path;
mod read;
mod tls;
mod watch;
mod watches;
mod who;
mod write;

use backend::objects::Changes;
use chrono::{DateTime, Utc};
pub use listen::Listener;
use tokio::sync::watch::Receiver;
pub use watches::WatchLimits;

use crate::{AppState, clock};

/// What every handler can reach.
#[derive(Clone)]
struct Door {
    state: AppState,
    /// What happens to objects, shared by all watches.
    changes: Changes,
    watches: watches::Watches,
    /// What watches may cost.
    limits: WatchLimits,
    /// Becomes true when the listener stops: watches end then.
    stopping: Receiver<bool>,
}

impl Door {
    /// The time, for ages in tables.
    fn now() -> DateTime<Utc> {
        clock::now()
    }
}
