//! The server behind the binary `guildhall`: configuration, command line, router, sign-in, REST, jobs.
//!
//! [`router`] is everything that answers HTTP, as one [`axum::Router`] over an [`AppState`]: tests build the same.

pub mod assets;
pub mod auth;
pub mod cli;
mod clock;
pub mod config;
mod console;
pub mod database;
#[cfg(feature = "demo")]
mod demo;
#[cfg(not(feature = "demo"))]
#[path = "no_demo.rs"]
mod demo;
mod forward_auth;
mod health;
mod jobs;
pub mod kubernetes;
mod layers;
mod listener;
mod manifests;
mod page;
pub mod problem;
pub mod request;
pub mod rest;
mod router;
mod scim;
mod serve;
pub mod sessions;
mod sign_in;
pub mod state;
pub mod telemetry;
mod upload;

pub use router::router;
pub use state::AppState;
