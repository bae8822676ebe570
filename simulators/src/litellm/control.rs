//! `/_simulator/…`: the controls over HTTP, for browser tests, benchmarks and people with `curl`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Faults;
use super::state::Shared;

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/faults", get(get_faults).put(put_faults).delete(clear_faults))
        .route("/state", get(get_state))
        .route("/settings", put(put_settings))
        .with_state(Arc::clone(shared))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    licensed: Option<bool>,
    call_spend: Option<f64>,
}

async fn get_faults(State(shared): State<Arc<Shared>>) -> Json<Faults> {
    Json(shared.faults.lock().expect("not poisoned").clone())
}

async fn put_faults(State(shared): State<Arc<Shared>>, Json(faults): Json<Faults>) -> Json<Faults> {
    shared.faults.lock().expect("not poisoned").clone_from(&faults);
    Json(faults)
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    *shared.faults.lock().expect("not poisoned") = Faults::default();
    StatusCode::NO_CONTENT
}

async fn put_settings(State(shared): State<Arc<Shared>>, Json(settings): Json<Settings>) -> StatusCode {
    let mut state = shared.state();
    state.licensed = settings.licensed.unwrap_or(state.licensed);
    state.call_spend = settings.call_spend.unwrap_or(state.call_spend);
    StatusCode::NO_CONTENT
}

async fn get_state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    Json(json!({
        "version": shared.options.version.as_str(),
        "licensed": state.licensed,
        "teams": state.teams.values().collect::<Vec<_>>(),
        "users": state.users.values().collect::<Vec<_>>(),
        "keys": state.keys,
        "organizations": state.organizations,
        "calls": state.calls,
    }))
}
