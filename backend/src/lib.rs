//! What people can do with Guildhall, over PostgreSQL.
//!
//! Every function takes a [`Ctx`] and goes the same way: authorise by the one permission table,
//! apply the rules of `domain`, write, audit. Every door (console, REST, command line) calls the
//! same functions.

pub mod access_reviews;
pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod authz;
pub mod batch;
pub mod budgets;
mod context;
pub mod cost;
mod cursor;
pub mod dashboard;
pub mod default_team;
mod drift;
pub mod entra_settings;
mod error;
pub mod guides;
pub mod home;
pub mod identity;
pub mod identity_links;
pub mod keys;
mod keyset;
pub mod kubernetes_door;
pub mod label_policies;
pub mod listen;
pub mod litellm;
pub mod machines;
pub mod measure;
pub mod members;
pub mod objects;
pub mod organizations;
mod paging;
mod principals;
pub mod projects;
mod purge;
pub mod requests;
pub mod restricted_models;
pub mod runners;
pub mod scim;
mod scope;
mod sealing;
pub mod search;
mod secret;
pub mod security;
pub mod services;
pub mod sessions;
mod settings;
pub mod sync;
pub mod teams;
pub mod tokens;
pub mod users;
pub mod waiting;
pub mod workflow_jobs;

pub use context::{Backend, Caller, Ctx, Method, RequestInfo};
pub use error::{Code, Error, Result};
pub use principals::{Membership, Principal, Principals};
pub use settings::{DriftBusyAction, Entra, Settings, WorkflowLabelCheck};

/// The migrations, embedded.
pub static MIGRATOR: sqlx::migrate::Migrator = sqlx::migrate!("../migrations");
