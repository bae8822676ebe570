//! `/authz` over HTTP: SPEC D2, D5, D6, D13, X9, X12, X16.
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "not every test needs all that tests share"
)]
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "tests fill their database with statements made at run time, and fail by panicking"
)]

#[path = "../api/mod.rs"]
mod api;

mod assertions;
mod budgets;
mod credentials;
mod decisions;
mod nginx;
mod office;
mod outage;
mod processes;
mod why;
