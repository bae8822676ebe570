//! `/_simulator/…`: the controls over HTTP, for browser tests, benchmarks and people with `curl`.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::mpsc::UnboundedSender;

use super::faults::Faults;
use super::jobs::Job;
use super::state::{Shared, SimulatedRunner, SimulatorState};

pub(super) fn routes(shared: &Arc<Shared>, refuse: UnboundedSender<Duration>) -> Router {
    let refusing = move |Json(Refusal { seconds }): Json<Refusal>| async move {
        let _ = refuse.send(Duration::from_secs(seconds));
        StatusCode::ACCEPTED
    };
    Router::new()
        .route("/faults", get(get_faults).put(put_faults).delete(clear_faults))
        .route("/state", get(get_state))
        .route("/runners/{runner}", patch(patch_runner).delete(delete_runner))
        .route("/runners/{runner}/job", post(begin_job).delete(end_job))
        .with_state(Arc::clone(shared))
        .route("/refuse", post(refusing))
}

#[derive(Deserialize)]
struct Refusal {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RunnerPatch {
    status: Option<String>,
    busy: Option<bool>,
    labels: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct JobInput {
    repository: String,
    name: String,
}

impl Default for JobInput {
    fn default() -> Self {
        Self {
            repository: "acme/shop".to_owned(),
            name: "build".to_owned(),
        }
    }
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

async fn get_state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    let runners: Vec<&SimulatedRunner> = state.runners.values().collect();
    let jobs: Vec<&Job> = state.jobs.values().collect();
    Json(json!({"runners": runners, "jobs": jobs, "calls": state.calls, "cancelled_runs": state.cancelled_runs}))
}

async fn patch_runner(
    State(shared): State<Arc<Shared>>,
    Path(runner): Path<String>,
    Json(patch): Json<RunnerPatch>,
) -> Result<Json<SimulatedRunner>, StatusCode> {
    let mut state = shared.state();
    let id = resolve(&state, &runner)?;
    let runner = state.runners.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    if let Some(status) = patch.status {
        if status == "online" && runner.os == "unknown" {
            "linux".clone_into(&mut runner.os);
        }
        runner.status = status;
    }
    runner.busy = patch.busy.unwrap_or(runner.busy);
    runner.labels = patch.labels.unwrap_or_else(|| runner.labels.clone());
    Ok(Json(runner.clone()))
}

async fn delete_runner(
    State(shared): State<Arc<Shared>>,
    Path(runner): Path<String>,
) -> Result<StatusCode, StatusCode> {
    let mut state = shared.state();
    let id = resolve(&state, &runner)?;
    state.remove(id);
    Ok(StatusCode::NO_CONTENT)
}

async fn begin_job(
    State(shared): State<Arc<Shared>>,
    Path(runner): Path<String>,
    Json(input): Json<JobInput>,
) -> Result<(StatusCode, Json<Job>), StatusCode> {
    let id = resolve(&shared.state(), &runner)?;
    let job = shared.begin_job(id, &input.repository, &input.name);
    Ok((StatusCode::CREATED, Json(job.ok_or(StatusCode::CONFLICT)?)))
}

async fn end_job(State(shared): State<Arc<Shared>>, Path(runner): Path<String>) -> Result<StatusCode, StatusCode> {
    let id = resolve(&shared.state(), &runner)?;
    if shared.end_job(id, "success") {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(StatusCode::CONFLICT)
    }
}

/// By number, or else by name.
fn resolve(state: &SimulatorState, runner: &str) -> Result<i64, StatusCode> {
    let by_number = runner.parse().ok().filter(|id| state.runners.contains_key(id));
    by_number
        .or_else(|| state.by_name(runner).map(|runner| runner.id))
        .ok_or(StatusCode::NOT_FOUND)
}
