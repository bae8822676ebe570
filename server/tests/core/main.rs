//! The server itself, over HTTP and as a program.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "not every test needs all that tests share"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "tests look into their database with statements made at run time, and fail by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod bearer;
mod command_line;
mod crash;
#[cfg(feature = "demo")]
mod demo;
mod groups;
mod layers;
mod litellm;
mod litellm_crash;
mod litellm_outage;
mod log_lines;
mod machines;
mod manifests;
mod metrics;
mod monitoring;
mod sessions;
mod sign_in;
mod sync;
mod upload;
