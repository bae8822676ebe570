//! What a directory can learn of us: `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas` (RFC 7644, section 4).
//!
//! They answer without a token, as RFC 7643, section 5 wishes: a directory learns here how to authenticate. A token that is
//! there and wrong is refused all the same.

use axum::{
    extract::{FromRequestParts, Path, State},
    response::Response,
};
use backend::scim::MAX_PAGE;
use domain::scim::{
    GROUPS, Resource, USERS,
    schema::{SCHEMAS, Schema},
};
use http::{StatusCode, header, request::Parts};
use serde_json::{Value, json};

use super::{
    answer::{json_answer, listed},
    call::{Call, Params, base},
    error::Problem,
};
use crate::AppState;

/// What discovery asks of a request: a good token or none, and no filter.
pub(super) struct Plain;

impl FromRequestParts<AppState> for Plain {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        if parts.headers.contains_key(header::AUTHORIZATION) {
            Call::from_request_parts(parts, state).await?;
        }
        if Params::from_request_parts(parts, state).await?.is_filtered() {
            return Err(Problem::of(403, "Filters are not possible here"));
        }
        Ok(Self)
    }
}

fn with_meta(mut document: Value, kind: &str, location: &str) -> Value {
    document["meta"] = json!({"resourceType": kind, "location": location});
    document
}

pub(super) async fn config(_: Plain, State(state): State<AppState>) -> Response {
    let document = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
        "filter": {"supported": true, "maxResults": MAX_PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": false},
        "etag": {"supported": true},
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "OAuth Bearer Token",
            "description": "A token of the organization, from its Directory page, as Authorization: Bearer",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
    });
    let location = format!("{}/ServiceProviderConfig", base(&state));
    json_answer(StatusCode::OK, &with_meta(document, "ServiceProviderConfig", &location))
}

const RESOURCES: [&Resource; 2] = [&USERS, &GROUPS];

fn resource_document(resource: &Resource, state: &AppState) -> Value {
    let location = format!("{}/ResourceTypes/{}", base(state), resource.name);
    with_meta(resource.document(), "ResourceType", &location)
}

pub(super) async fn resource_types(_: Plain, State(state): State<AppState>) -> Response {
    let items: Vec<Value> = RESOURCES.iter().map(|one| resource_document(one, &state)).collect();
    listed(2, 1, &items)
}

pub(super) async fn resource_type(
    _: Plain,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let resource = RESOURCES.into_iter().find(|resource| resource.name == id);
    let resource = resource.ok_or_else(|| Problem::of(404, "There is no such resource type"))?;
    Ok(json_answer(StatusCode::OK, &resource_document(resource, &state)))
}

fn schema_document(schema: &Schema, state: &AppState) -> Value {
    let location = format!("{}/Schemas/{}", base(state), schema.urn);
    with_meta(schema.document(), "Schema", &location)
}

pub(super) async fn schemas(_: Plain, State(state): State<AppState>) -> Response {
    let items: Vec<Value> = SCHEMAS.iter().map(|schema| schema_document(schema, &state)).collect();
    listed(3, 1, &items)
}

pub(super) async fn schema(
    _: Plain,
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let schema = SCHEMAS.into_iter().find(|schema| schema.urn.eq_ignore_ascii_case(&id));
    let schema = schema.ok_or_else(|| Problem::of(404, "There is no such schema"))?;
    Ok(json_answer(StatusCode::OK, &schema_document(schema, &state)))
}
