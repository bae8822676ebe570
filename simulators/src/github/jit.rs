//! `POST /orgs/{org}/actions/runners/generate-jitconfig`.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::api::{check_org, error, invalid, runner_json};
use super::state::{Shared, SimulatedRunner};

pub(super) async fn generate(
    State(shared): State<Arc<Shared>>,
    Path(org): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    check_org(&shared, &org)?;
    let request = Request::parse(&body)?;
    if !shared
        .options
        .groups
        .iter()
        .any(|group| group.id == request.runner_group_id)
    {
        return Err(error(StatusCode::NOT_FOUND, "Not Found"));
    }
    let url = shared.url.lock().expect("not poisoned").clone();
    let mut state = shared.state();
    if state.by_name(&request.name).is_some() {
        let message = format!(
            "Already exists - A runner with the name {} already exists.",
            request.name
        );
        return Err(error(StatusCode::CONFLICT, &message));
    }
    let runner = state.add(request.name, request.labels, request.runner_group_id);
    runner.work_folder = request.work_folder;
    let answer = json!({"runner": runner_json(runner), "encoded_jit_config": encoded(runner, &url, &org)});
    Ok((StatusCode::CREATED, Json(answer)).into_response())
}

struct Request {
    name: String,
    runner_group_id: i64,
    labels: Vec<String>,
    work_folder: String,
}

impl Request {
    /// The real one checks against its schema, and answers 422 in these words.
    fn parse(body: &[u8]) -> Result<Self, Response> {
        let body: Value =
            serde_json::from_slice(body).map_err(|_| error(StatusCode::BAD_REQUEST, "Problems parsing JSON"))?;
        let field = |name: &str| match body.get(name) {
            None | Some(Value::Null) => Err(invalid(&format!("\"{name}\" wasn't supplied."))),
            Some(value) => Ok(value),
        };
        let wrong = |value: &Value, wanted: &str| invalid(&format!("For 'properties', {value} is not {wanted}."));
        let name = field("name")?;
        let name = name.as_str().ok_or_else(|| wrong(name, "a string"))?.to_owned();
        if name.is_empty() || name.chars().count() > 64 {
            return Err(invalid("\"name\" must be between 1 and 64 characters long."));
        }
        let group = field("runner_group_id")?;
        let runner_group_id = group.as_i64().ok_or_else(|| wrong(group, "an integer"))?;
        let labels = field("labels")?;
        let labels = labels.as_array().ok_or_else(|| wrong(labels, "an array"))?;
        match labels.len() {
            0 => return Err(invalid("At least 1 items are required; only 0 were supplied.")),
            1..=100 => {}
            many => {
                return Err(invalid(&format!(
                    "No more than 100 items are allowed; {many} were supplied."
                )));
            }
        }
        let text = |label: &Value| {
            label
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| wrong(label, "a string"))
        };
        let labels = labels.iter().map(text).collect::<Result<Vec<_>, _>>()?;
        let work_folder = match body.get("work_folder") {
            None => "_work".to_owned(),
            Some(folder) => text(folder)?,
        };
        Ok(Self {
            name,
            runner_group_id,
            labels,
            work_folder,
        })
    }
}

/// Shaped as the real one: base64 of an object whose values are base64 of the runner's three files.
fn encoded(runner: &SimulatedRunner, url: &str, org: &str) -> String {
    let file = |content: Value| STANDARD.encode(content.to_string());
    let settings = json!({
        "AgentId": runner.id.to_string(),
        "AgentName": runner.name,
        "DisableUpdate": "False",
        "Ephemeral": "True",
        "PoolId": runner.runner_group_id.to_string(),
        "PoolName": null,
        "ServerUrl": format!("{url}/_simulator/actions/"),
        "GitHubUrl": format!("{url}/{org}"),
        "WorkFolder": runner.work_folder,
        "UseV2Flow": true,
    });
    let credentials = json!({
        "Scheme": "OAuth",
        "Data": {
            "ClientId": crate::random_text(),
            "AuthorizationUrl": format!("{url}/_simulator/oauth2/token"),
            "RequireFipsCryptography": "True",
        },
    });
    let key = json!({"exponent": "AQAB", "modulus": crate::random_text(), "note": "simulated: no key"});
    file(json!({
        ".runner": file(settings),
        ".credentials": file(credentials),
        ".credentials_rsaparams": file(key),
    }))
}
