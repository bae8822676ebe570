//! Client of the GitHub REST API: just-in-time (JIT) runner configurations, runners, runner groups, workflow runs.
//!
//! ```no_run
//! # async fn example() -> Result<(), integrations::github::Error> {
//! use integrations::github::{Config, Credentials, GitHub, JitRequest};
//!
//! let mut config = Config::new("acme", Credentials::Token("ghp_…".into()));
//! config.api_url = "http://127.0.0.1:4000".to_owned();
//! let github = GitHub::new(config)?;
//! let labels = ["self-hosted".to_owned(), "linux".to_owned()];
//! let jit = github
//!     .generate_jit_config(&JitRequest { name: "web-1", runner_group_id: 1, labels: &labels, work_folder: "_work" })
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! # Why not `octocrab`
//!
//! It was read (0.54.9) and does not give what this path needs:
//! - a failed connect and a lost answer both arrive as an opaque boxed `Service` error behind a `tower::Buffer`, and
//!   whether a JIT runner may exist depends on that difference;
//! - `execute` refreshes an installation token 30 s before expiry (asked for here: 5 minutes), and callers that find
//!   it expired together each fetch one;
//! - there is no limit on a whole call: its read timeout restarts with each byte, and applies to pooled connections
//!   too; `TCP_NODELAY` is off; all calls queue through one buffer task;
//! - it brings a second `jsonwebtoken`.
//!
//! What remains is a handful of calls, so this is `reqwest` with a token cache of its own.

mod client;
mod config;
mod error;
mod model;
mod token;
mod transport;

pub use client::{GitHub, RunnerPages};
pub use config::{Config, Credentials, DEFAULT_API_URL, DEFAULT_TIMEOUT};
pub use error::Error;
pub use model::{JitConfig, JitRequest, Runner, RunnerGroup};
