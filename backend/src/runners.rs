//! CI runners: provisioned just in time, listed, deleted, settled.

mod delete;
mod list;
mod provision;
mod reap;
mod refusal;
mod retire;

pub use delete::delete;
pub(crate) use list::newest_of_team;
pub use list::{RunnerQuery, get, list};
pub use provision::{JitInput, JitRequest, provision};
pub use reap::reap;
pub(crate) use retire::retire;
