//! OpenAPI 2 in protobuf: `openapi.v2.Document` of github.com/google/gnostic (`OpenAPIv2.proto`), as far as our document has
//! anything to say. The numbers are those of the fields there.

use serde_json::{Map, Value};

use crate::protobuf::{flag, put};

/// The whole document.
pub(super) fn document(document: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, &document["swagger"]);
    let mut info = Vec::new();
    text(&mut info, 1, &document["info"]["title"]);
    text(&mut info, 2, &document["info"]["version"]);
    put(&mut out, 2, &info);
    put(&mut out, 8, &named(2, &document["paths"], item));
    put(&mut out, 9, &named(1, &document["definitions"], schema));
    out
}

/// A map: entries with a name (1) and a value (2).
fn named(field: u32, map: &Value, value: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, entry) in map.as_object().into_iter().flatten() {
        let mut pair = Vec::new();
        put(&mut pair, 1, name.as_bytes());
        put(&mut pair, 2, &value(entry));
        put(&mut out, field, &pair);
    }
    out
}

fn item(item: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    for (method, number) in [("get", 2), ("put", 3), ("post", 4), ("delete", 5), ("patch", 8)] {
        if let Some(one) = item.get(method) {
            put(&mut out, number, &operation(one));
        }
    }
    for one in list(&item["parameters"]) {
        put(&mut out, 9, &parameter(one));
    }
    out
}

fn operation(operation: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 3, &operation["description"]);
    text(&mut out, 5, &operation["operationId"]);
    texts(&mut out, 6, &operation["produces"]);
    texts(&mut out, 7, &operation["consumes"]);
    for one in list(&operation["parameters"]) {
        put(&mut out, 8, &parameter(one));
    }
    put(&mut out, 9, &named(1, &operation["responses"], response));
    extensions(&mut out, 13, operation);
    out
}

/// ParametersItem { Parameter { body (1) or another (2) } }
fn parameter(parameter: &Value) -> Vec<u8> {
    let place = parameter["in"].as_str().unwrap_or_default();
    let mut inner = Vec::new();
    let required = parameter["required"] == true;
    let choice = if place == "body" {
        text(&mut inner, 1, &parameter["description"]);
        text(&mut inner, 2, &parameter["name"]);
        text(&mut inner, 3, &parameter["in"]);
        if required {
            flag(&mut inner, 4);
        }
        put(&mut inner, 5, &schema(&parameter["schema"]));
        one(1, &inner)
    } else {
        if required {
            flag(&mut inner, 1);
        }
        text(&mut inner, 2, &parameter["in"]);
        text(&mut inner, 3, &parameter["description"]);
        text(&mut inner, 4, &parameter["name"]);
        // Of query and path; only a query's may be empty, which is 5 there.
        let (number, kind) = if place == "path" { (4, 5) } else { (3, 6) };
        text(&mut inner, kind, &parameter["type"]);
        one(2, &one(number, &inner))
    };
    one(1, &choice)
}

/// ResponseValue { Response { description, SchemaItem { schema } } }
fn response(response: &Value) -> Vec<u8> {
    let mut inner = Vec::new();
    text(&mut inner, 1, &response["description"]);
    put(&mut inner, 2, &one(1, &schema(&response["schema"])));
    one(1, &inner)
}

fn schema(of: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, 1, &of["$ref"]);
    text(&mut out, 2, &of["format"]);
    text(&mut out, 4, &of["description"]);
    texts(&mut out, 19, &of["required"]);
    if of["additionalProperties"].is_object() {
        put(&mut out, 21, &one(1, &schema(&of["additionalProperties"])));
    }
    if let Some(kind) = of["type"].as_str() {
        put(&mut out, 22, &one(1, kind.as_bytes()));
    }
    if of["items"].is_object() {
        put(&mut out, 23, &one(1, &schema(&of["items"])));
    }
    if of["properties"].is_object() {
        put(&mut out, 25, &named(1, &of["properties"], schema));
    }
    extensions(&mut out, 31, of);
    out
}

/// NamedAny { name, Any { yaml (2) } }: JSON is YAML.
fn extensions(out: &mut Vec<u8>, field: u32, of: &Value) {
    let extensions: Map<String, Value> = (of.as_object().into_iter().flatten())
        .filter(|(name, _)| name.starts_with("x-"))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (name, value) in extensions {
        let mut pair = Vec::new();
        put(&mut pair, 1, name.as_bytes());
        put(&mut pair, 2, &one(2, value.to_string().as_bytes()));
        put(out, field, &pair);
    }
}

fn one(field: u32, bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, field, bytes);
    out
}

fn text(out: &mut Vec<u8>, field: u32, value: &Value) {
    if let Some(text) = value.as_str() {
        put(out, field, text.as_bytes());
    }
}

fn texts(out: &mut Vec<u8>, field: u32, values: &Value) {
    for value in list(values) {
        text(out, field, value);
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
