//! The Kubernetes API, over TLS: by HTTP, and by real kubectl.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "not every test needs all that tests share"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "tests fill their database with statements made at run time, look for programs, and fail by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod certificates;
mod command;
mod documents;
mod front_proxy;
mod house;
mod kubectl;
mod objects;
mod refusals;
mod watch;
mod workflow;
