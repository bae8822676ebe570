//! CI runners: provisioned just in time, listed, deleted, settled.

mod delete;
mod list;
mod provision;
mod reap;
mod refusal;
mod retire;

pub use delete::{delete, delete_many};
pub(crate) use list::newest_of_team;
use list::not_found;
pub use list::{RunnerQuery, get, list};
pub use provision::{JitInput, JitRequest, provision};
pub use reap::reap;
pub(crate) use retire::retire;
