//! The LiteLLM client against the simulator, and the simulator against recorded answers: C2, C3, C6, C7, C10, C12.
#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a panic in a test is the failure"
)]

mod faults;
mod keys;
mod replay;
mod support;
mod teams;
mod users;
