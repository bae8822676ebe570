//! Guildhall's ground floor: ids, value types, roles, policies and the rules over them.
//!
//! Everything here is pure: no clock, no I/O, no SQL. It compiles to wasm, so that the console's
//! islands run in the browser the very rules that the server enforces.

mod access_review;
pub mod audit;
pub mod authz;
mod budget;
pub mod cost;
pub mod directory;
pub mod hierarchy;
mod ids;
mod invalid;
mod keys;
mod label_policy;
mod labels;
mod limits;
mod machine;
mod membership;
pub mod models;
mod moment;
mod names;
mod organization;
mod project;
mod request;
pub mod roles;
mod roster;
mod runner;
pub mod scim;
pub mod search;
mod security;
mod service;
pub mod suggestions;
mod team;
mod text;
pub mod views;

pub use access_review::*;
pub use budget::*;
pub use ids::*;
pub use invalid::{Fields, Invalid};
pub use keys::*;
pub use label_policy::*;
pub use labels::*;
pub use limits::*;
pub use machine::*;
pub use membership::*;
pub use moment::*;
pub use names::*;
pub use organization::*;
pub use project::*;
pub use request::*;
pub use roles::{Grant, OrgRole, Permission, Refusal, Standing, TeamRole};
pub use roster::*;
pub use runner::*;
pub use security::*;
pub use service::*;
pub use team::*;
pub use text::{split_list, split_patterns};
