//! Our runners compared with GitHub's, again and again, by one process at a time (SPEC B21).
//!
//! - `leader`: which process does it, and when;
//! - `pass`: one comparison, a page of GitHub's list at a time;
//! - `page`: what one page says, written in one transaction;
//! - `missing`: runners that no page named;
//! - `runs`: what was done, for people;
//! - `alerts`: what of it needs an operator.

mod alerts;
mod fence;
mod leader;
mod missing;
mod page;
mod pass;
mod runs;

pub(crate) use alerts::alerts;
pub(crate) use fence::Stop;
pub use leader::{LEASE, lead, run};
pub(crate) use pass::{Change, Pass};
pub use runs::{Passes, findings, list, may_run, request, status};
