//! Budgets (SPEC E7, X8): what was spent, by whom, and what there is left.
//!
//! `spend_entries` is the one truth. What each period comes to is kept beside it in the writing transaction
//! ([`count`]), so that a check ([`chain`]) reads one row for each level; a sum that is not kept is taken from the
//! entries. Decisions keep the answer in memory ([`keep`]); whatever changes it tells all processes.

mod alerts;
mod below;
mod chain;
mod count;
mod ingest;
mod input;
mod keep;
mod known;
mod overview;
mod tidy;

pub(crate) use alerts::installation as alerts_of_installation;
pub(crate) use below::{Of, above, require_within, require_within_team};
pub(crate) use chain::{Spender, chain};
pub(crate) use count::{Source, Spent, count};
pub use ingest::{EntryInput, MAX_ENTRIES, Recorded, ingest};
pub(crate) use input::of_member;
pub use input::{LimitsPatch, LimitsPatchInput};
pub(crate) use keep::{BudgetCache, Budgets};
pub(crate) use known::hold_above_keys;
pub use overview::{of_organization as split, of_team as bar};
pub use tidy::tidy;
