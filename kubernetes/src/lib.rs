//! The Kubernetes API of Guildhall as pure functions: what manifests say, how they are read, patched, listed and told of.

pub mod decode;
mod failure;
mod kind;
mod object;
mod schema;
pub mod spec;
pub mod status;
mod syntax;

pub use failure::{Cause, Failure, Reason};
pub use kind::{API_VERSION, GROUP, Kind, VERSION};
pub use object::{Meta, Object};
