//! The API as clients meet it: what works, and what is refused in which words.
#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "tests fill their database with statements made at run time, and fail by panicking"
)]
#![allow(
    dead_code,
    clippy::allow_attributes,
    reason = "not every test needs all that tests share"
)]

#[path = "rest/access_reviews.rs"]
mod access_reviews;
#[path = "rest/alerts.rs"]
mod alerts;
mod api;
#[path = "rest/api_keys.rs"]
mod api_keys;
#[path = "rest/audit.rs"]
mod audit;
#[path = "rest/bad_input.rs"]
mod bad_input;
#[path = "rest/batch.rs"]
mod batch;
#[path = "rest/cost.rs"]
mod cost;
#[path = "rest/dashboard.rs"]
mod dashboard;
#[path = "rest/default_team.rs"]
mod default_team;
#[path = "rest/jit.rs"]
mod jit;
#[path = "rest/keys.rs"]
mod keys;
#[path = "rest/label_policies.rs"]
mod label_policies;
#[path = "rest/members.rs"]
mod members;
#[path = "rest/members_bulk.rs"]
mod members_bulk;
#[path = "rest/organizations.rs"]
mod organizations;
#[path = "rest/pages.rs"]
mod pages;
#[path = "rest/projects.rs"]
mod projects;
#[path = "rest/requests.rs"]
mod requests;
#[path = "rest/runners.rs"]
mod runners;
#[path = "rest/scim/mod.rs"]
mod scim;
#[path = "rest/seed.rs"]
mod seed;
#[path = "rest/services.rs"]
mod services;
#[path = "rest/spend.rs"]
mod spend;
#[path = "rest/sync.rs"]
mod sync;
#[path = "rest/teams.rs"]
mod teams;
#[path = "rest/tokens.rs"]
mod tokens;
#[path = "rest/users.rs"]
mod users;
#[path = "rest/webhooks.rs"]
mod webhooks;
