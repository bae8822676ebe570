//! Client of LiteLLM's admin API: teams, users, members and keys, on LiteLLM 1.75.9 to 1.108.7.
//!
//! What the versions answer is in `docs/LITELLM.md` and in the recorded answers that the simulator follows. Failures
//! are sorted by status and message; `error.type` says different things in different versions.
//!
//! ```no_run
//! # async fn example() -> Result<(), integrations::litellm::Error> {
//! use integrations::litellm::{Config, LiteLlm};
//!
//! let litellm = LiteLlm::new(Config::new("default", "http://127.0.0.1:4000", "sk-1234".into()))?;
//! let team = litellm.team_info("a0000000-0000-4000-8000-000000000001").await?;
//! # Ok(()) }
//! ```

mod breaker;
mod client;
mod config;
mod error;
mod keys;
mod message;
mod model;
mod pages;
mod spec;
mod transport;
mod users;

pub use breaker::Breaker;
pub use client::LiteLlm;
pub use config::{Config, Observe};
pub use error::Error;
pub use model::{Activity, ActivityDay, Created, GeneratedKey, KeyInfo, Member, Model, Role, Team, TeamMember, User};
pub use pages::{KeyPages, Pages, TeamPages, UserPages};
pub use spec::{KeyChange, KeyFilter, KeySpec, TeamSpec, UserSpec};
