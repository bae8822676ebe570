//! Clients of other people's systems: the GitHub REST API, LiteLLM, Microsoft Graph, OpenID providers, the
//! DNS.
//!
//! Each client is a concrete, cheaply cloned type with a base URL, so that tests and the demo point it at the
//! `simulators` crate. None of them touches the database, and none of them needs the network to be constructed.
//! Secrets enter as [`secrecy::SecretString`] and never leave through `Debug`, errors or logs.

pub mod dns;
pub mod github;
pub mod graph;
mod http_client;
pub mod litellm;
pub mod oidc;
