//! The Kubernetes API of Guildhall as pure functions: what manifests say, how they are read, patched, listed and told of.

pub mod apply;
pub mod decode;
pub mod difference;
pub mod discovery;
mod duration;
pub mod event;
mod failure;
mod kind;
pub mod manifest;
pub mod namespace;
mod object;
pub mod openapi;
pub mod options;
pub mod patch;
mod protobuf;
pub mod review;
mod schema;
pub mod selector;
pub mod spec;
pub mod status;
mod syntax;
pub mod table;
pub mod update;
pub mod watch;

pub use duration::lifetime;
pub use failure::{Cause, Failure, Reason};
pub use kind::{API_VERSION, GROUP, Kind, VERSION};
pub use object::{Meta, Object};
