//! CI runners: provisioned just in time, listed, settled.

mod list;
mod provision;
mod reap;

pub(crate) use list::newest_of_team;
pub use list::{RunnerQuery, get, list};
pub use provision::{JitInput, JitRequest, provision};
pub use reap::reap;
