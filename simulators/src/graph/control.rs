//! `/_simulator/…`: the controls over HTTP, for browser tests, benchmarks and people with `curl`.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::Fault;
use super::state::{Shared, SimulatedAssignment, SimulatedGroup, SimulatedPerson};

pub(super) fn routes(shared: &Arc<Shared>) -> Router {
    Router::new()
        .route("/faults", get(get_faults).put(put_faults).delete(clear_faults))
        .route("/state", get(get_state))
        .route("/groups/{id}", put(put_group).delete(remove))
        .route("/groups/{id}/members/{member}", put(add_member).delete(remove_member))
        .route("/assignments/{principal}", put(assign).delete(unassign))
        .route("/people/{id}", put(put_person).delete(remove))
        .with_state(Arc::clone(shared))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupInput {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct AssignmentInput {
    app_role_id: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PersonInput {
    name: Option<String>,
    email: Option<String>,
    enabled: Option<bool>,
}

async fn get_faults(State(shared): State<Arc<Shared>>) -> Json<Vec<Fault>> {
    Json(shared.faults.lock().expect("not poisoned").clone())
}

async fn put_faults(State(shared): State<Arc<Shared>>, Json(faults): Json<Vec<Fault>>) -> Json<Vec<Fault>> {
    shared.faults.lock().expect("not poisoned").clone_from(&faults);
    Json(faults)
}

async fn clear_faults(State(shared): State<Arc<Shared>>) -> StatusCode {
    shared.faults.lock().expect("not poisoned").clear();
    StatusCode::NO_CONTENT
}

async fn get_state(State(shared): State<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    let people: Vec<&SimulatedPerson> = state.people.values().collect();
    let groups: Vec<&SimulatedGroup> = state.groups.values().collect();
    let assignments: Vec<&SimulatedAssignment> = state.assignments.iter().collect();
    Json(json!({"people": people, "groups": groups, "assignments": assignments, "calls": state.calls}))
}

async fn put_group(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(input): Json<GroupInput>,
) -> StatusCode {
    shared.state().put_group(&id, &input.name);
    StatusCode::NO_CONTENT
}

/// A group or a person.
async fn remove(State(shared): State<Arc<Shared>>, Path(id): Path<String>) -> StatusCode {
    done(shared.state().remove(&id))
}

async fn add_member(State(shared): State<Arc<Shared>>, Path((group, member)): Path<(String, String)>) -> StatusCode {
    done(shared.state().add_member(&group, &member))
}

async fn remove_member(State(shared): State<Arc<Shared>>, Path((group, member)): Path<(String, String)>) -> StatusCode {
    done(shared.state().remove_member(&group, &member))
}

async fn assign(
    State(shared): State<Arc<Shared>>,
    Path(principal): Path<String>,
    input: Option<Json<AssignmentInput>>,
) -> StatusCode {
    let role = input.and_then(|Json(input)| input.app_role_id);
    shared.state().assign(&principal, role.as_deref());
    StatusCode::NO_CONTENT
}

async fn unassign(State(shared): State<Arc<Shared>>, Path(principal): Path<String>) -> StatusCode {
    done(shared.state().unassign(&principal))
}

async fn put_person(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    Json(input): Json<PersonInput>,
) -> StatusCode {
    let mut state = shared.state();
    let known = state.person_mut(&id).cloned();
    // A new person is known by an address, and has the id that follows from it, or by an id.
    let mut person = known.unwrap_or_else(|| SimulatedPerson::new(&id, &id));
    if !id.contains('@') {
        person.id = id;
    }
    person.name = input.name.unwrap_or(person.name);
    person.email = input.email.unwrap_or(person.email);
    person.enabled = input.enabled.unwrap_or(person.enabled);
    state.put_person(person);
    StatusCode::NO_CONTENT
}

fn done(found: bool) -> StatusCode {
    if found {
        StatusCode::NO_CONTENT
    } else {
        StatusCode::NOT_FOUND
    }
}
