//! Decisions about services: who may reach which one through a proxy (SPEC D2, D13), and why.
//!
//! A warm decision asks nobody: keys, people, policies and catalogues are kept in memory as long as this process hears
//! of changes (see `listen`). The rules themselves are `domain::authz`.

mod catalogue;
mod check;
mod credential;
mod decide;
mod explain;
mod model;
mod signing;
mod snapshot;

pub use check::{Checked, check};
pub use credential::{Who, by_key};
pub use decide::{Allowed, Ask, Decision, Policy, Refused, decide};
pub use explain::{About, Explain, Subject, explain};
pub(crate) use signing::jwk;
pub use signing::{Claims, SigningKeys, rotate, signer};
pub(crate) use snapshot::Snapshot;
