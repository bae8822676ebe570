//! The REST API below `/api/v1`, its OpenAPI document and its reference pages.
//!
//! Handlers read a request, call one function of the backend and write its answer: every rule is
//! in the backend, where the other doors meet it too.

mod access_review_body;
mod access_review_changes;
mod access_review_report;
mod access_reviews;
mod alerts;
mod api_key_body;
mod api_key_input;
mod api_keys;
mod audit;
mod audit_body;
mod authz;
mod batch;
mod body;
mod call;
mod cost;
mod dashboard;
mod default_team;
mod docs;
mod entra_settings;
mod explain;
mod export;
mod identity_links;
mod jit;
mod key_settings;
mod keys;
mod label_policies;
mod label_policy_body;
mod litellm;
mod me;
mod members;
mod oauth_clients;
mod openapi;
mod organizations;
mod project_members;
mod projects;
mod query;
mod request_body;
mod request_decisions;
mod requests;
mod runner_changes;
mod runner_waits;
mod runners;
mod security_events;
mod service_losses;
mod services;
mod spend;
mod sync;
mod team_body;
mod team_limits;
mod team_move;
mod team_services;
mod team_status;
mod teams;
mod tokens;
mod user_access;
mod user_batch;
mod user_body;
mod user_status;
mod users;
mod webhooks;

use axum::Router;
use backend::Code;
pub use docs::errors_markdown;
use http::Method;
use utoipa_axum::router::OpenApiRouter;

use crate::{problem::Problem, state::AppState};

/// The routes of the API, with the OpenAPI document that describes them.
fn api() -> OpenApiRouter<AppState> {
    let v1 = OpenApiRouter::new()
        .merge(teams::router())
        .merge(team_status::router())
        .merge(members::router())
        .merge(projects::router())
        .merge(project_members::router())
        .merge(keys::router())
        .merge(api_keys::router())
        .merge(key_settings::router())
        .merge(label_policies::router())
        .merge(organizations::router())
        .merge(services::router())
        .merge(team_services::router())
        .merge(runners::router())
        .merge(runner_changes::router())
        .merge(jit::router())
        .merge(litellm::router())
        .merge(sync::router())
        .merge(requests::router())
        .merge(access_reviews::router())
        .merge(team_limits::router())
        .merge(team_move::router())
        .merge(spend::router())
        .merge(runner_waits::router())
        .merge(me::router())
        .merge(identity_links::router())
        .merge(entra_settings::router())
        .merge(oauth_clients::router())
        .merge(users::router())
        .merge(user_access::router())
        .merge(user_status::router())
        .merge(user_batch::router())
        .merge(batch::router())
        .merge(authz::router())
        .merge(alerts::router())
        .merge(audit::router())
        .merge(security_events::router())
        .merge(dashboard::router())
        .merge(default_team::router())
        .merge(cost::router())
        .merge(webhooks::router())
        .merge(tokens::router());
    OpenApiRouter::with_openapi(openapi::frame()).nest("/api/v1", v1)
}

/// Everything below `/api`.
pub fn router() -> Router<AppState> {
    let (routes, document) = api().split_for_parts();
    routes
        .merge(docs::router(&openapi::finish(document)))
        .method_not_allowed_fallback(method_not_allowed)
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    openapi::finish(api().into_openapi())
}

async fn method_not_allowed(method: Method) -> Problem {
    Problem::new(
        Code::MethodNotAllowed,
        format!("{method} is not a method of this address"),
    )
}
