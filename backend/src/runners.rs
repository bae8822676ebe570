//! CI runners: provisioned just in time, listed, deleted, settled.

mod cleanup;
mod delete;
mod detail;
mod holders;
mod list;
mod observe;
mod provision;
mod quota;
mod reap;
mod refresh;
mod refusal;
mod retire;
mod row;
mod scope;
pub mod waits;

pub use cleanup::{CleanupInput, CleanupRequest, MOST as MOST_CLEANED, cleanup};
pub use delete::{delete, delete_many};
pub use detail::detail;
pub use holders::{QuotaRefusal, quota_holders};
pub(crate) use list::newest_of_team;
use list::not_found;
pub use list::{RunnerQuery, deletable, get, list};
pub(crate) use observe::observe;
pub use provision::{JitInput, JitRequest, provision};
pub use reap::reap;
pub use refresh::refresh;
pub(crate) use retire::retire;
pub use scope::{Reach, may_delete};
