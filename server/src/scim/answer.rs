//! What answers look like.

use axum::response::{IntoResponse, Response};
use backend::scim::{Found, Stored};
use chrono::{DateTime, SecondsFormat, Utc};
use domain::scim::{LIST, Projection, Resource};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

/// The media type of everything here.
pub(super) const MEDIA_TYPE: &str = "application/scim+json";

/// A JSON answer.
pub(super) fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    response
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The version of a resource, as `ETag` has it.
pub(super) fn etag(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// A resource as directories see it.
fn document(resource: &Resource, stored: Stored, base: &str, projection: &Projection) -> Map<String, Value> {
    let location = format!("{base}{}/{}", resource.endpoint, stored.id);
    let mut schemas = vec![resource.core.urn];
    schemas.extend(
        resource
            .extension
            .map(|schema| schema.urn)
            .filter(|urn| stored.body.contains_key(*urn)),
    );
    let mut map = stored.body;
    for member in map
        .get_mut("members")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        if let Some(id) = member["value"].as_str() {
            member["$ref"] = json!(format!("{base}/Users/{id}"));
        }
    }
    map.insert("schemas".to_owned(), json!(schemas));
    map.insert("id".to_owned(), json!(stored.id));
    map.insert(
        "meta".to_owned(),
        json!({
            "resourceType": resource.name,
            "created": time(stored.created_at),
            "lastModified": time(stored.updated_at),
            "location": location,
            "version": etag(stored.version),
        }),
    );
    projection.apply(resource, map)
}

/// One resource.
pub(super) fn one(
    status: StatusCode,
    resource: &Resource,
    stored: Stored,
    base: &str,
    projection: &Projection,
) -> Response {
    let location = format!("{base}{}/{}", resource.endpoint, stored.id);
    let version = etag(stored.version);
    let mut response = json_answer(status, &Value::Object(document(resource, stored, base, projection)));
    let headers = response.headers_mut();
    for (name, text) in [(header::LOCATION, location), (header::ETAG, version)] {
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(name, value);
        }
    }
    response
}

/// A page of a list.
pub(super) fn list(resource: &Resource, found: Found, start: i64, base: &str, projection: &Projection) -> Response {
    let items: Vec<Value> = (found.items.into_iter())
        .map(|stored| Value::Object(document(resource, stored, base, projection)))
        .collect();
    listed(found.total, start, &items)
}

/// The frame of a list.
pub(super) fn listed(total: i64, start: i64, items: &[Value]) -> Response {
    let body = json!({
        "schemas": [LIST],
        "totalResults": total,
        "startIndex": start,
        "itemsPerPage": items.len(),
        "Resources": items,
    });
    json_answer(StatusCode::OK, &body)
}
