//! The backend against a real PostgreSQL: every rule that SQL takes part in.
//!
//! One program for all areas, because linking is what costs. Each test is named after its rule, with the id of
//! `SPEC.md`, and works on a database of its own (see `common`).
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::items_after_statements,
    clippy::similar_names,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "test equipment: it asks unchecked questions, and a panic is the failure"
)]

#[path = "../common/mod.rs"]
mod common;

mod access;
mod access_reviews;
mod addresses;
mod api_keys;
mod audit;
mod audit_chain;
mod audit_log;
mod budgets;
mod cache;
mod cost;
mod counters;
mod dashboard;
mod deactivation;
mod default_team;
mod default_team_migration;
mod drift;
mod guides;
mod home;
mod identity_links;
mod invitations;
mod keys;
mod label_policies;
mod label_policies_migrate;
mod last_seen;
mod litellm;
mod litellm_faults;
mod members;
mod members_bulk;
mod members_expiry;
mod members_rights;
mod migrations;
mod objects;
mod organization_people;
mod organizations;
mod people;
mod permissions;
mod project_members;
mod provision;
mod quota_soak;
mod requests;
mod runners;
mod search;
mod services;
mod settle;
mod sync;
mod sync_leader;
mod team_list;
mod teams;
mod users;
mod waiting;
mod webhook;
