//! Client of Microsoft Graph: the groups of a person, who is in a group, and what is assigned to our application (SPEC E6).
//!
//! ```no_run
//! # async fn example() -> Result<(), integrations::graph::Error> {
//! use std::time::{Duration, Instant};
//! use integrations::graph::{Config, Graph};
//!
//! let mut config = Config::new("00000000-…", "our client id");
//! config.client_secret = Some("…".into());
//! config.service_principal_id = Some("the Enterprise Application's object id".to_owned());
//! let graph = Graph::new(config)?;
//! // While somebody signs in, with their access token and their `oid`:
//! let soon = graph.with_deadline(Instant::now() + Duration::from_secs(5));
//! let theirs = soon.groups(Some(&"eyJ…".into()), Some("0a1b…")).await?;
//! // Of the scheduled sync:
//! let members = graph.members(&theirs.groups[0].id).await?;
//! # Ok(()) }
//! ```
//!
//! Lists are read to their end or not at all: half of a list would look like people who left. Calls only read, so they
//! are repeated where Graph asks for a pause, within the caller's deadline.

mod client;
mod config;
mod error;
mod model;
mod token;
mod transport;

pub use client::Graph;
pub use config::{Config, DEFAULT_AUTHORITY_URL, DEFAULT_GRAPH_URL, DEFAULT_TIMEOUT};
pub use error::Error;
pub use model::{Assignment, Assignments, Group, Groups, Member};
