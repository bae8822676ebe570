//! The time, for the few places outside of a backend `Ctx` that need it.

use chrono::{DateTime, Utc};

/// Now.
pub(crate) fn now() -> DateTime<Utc> {
    #[expect(clippy::disallowed_methods, reason = "the server's one clock outside of a Ctx")]
    Utc::now()
}
