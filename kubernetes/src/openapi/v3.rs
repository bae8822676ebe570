//! Version 3 of OpenAPI.

use serde_json::{Map, Value, json};

use super::operations::{self, Operation, PATCHES, Parameter, Path};
use super::schemas::{self, Form, gvk};
use crate::VERSION;

/// The document of our group.
pub(super) fn own() -> Value {
    let paths = operations::all()
        .iter()
        .map(|path| (path.url.clone(), item(path)))
        .collect();
    around(&paths, &schemas::own(Form::V3))
}

/// A document with schemas only.
pub(super) fn minimal(schemas: &Map<String, Value>) -> Value {
    around(&Map::new(), schemas)
}

fn around(paths: &Map<String, Value>, schemas: &Map<String, Value>) -> Value {
    json!({
        "openapi": "3.0.0",
        "info": { "title": "Guildhall", "version": VERSION },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

fn item(path: &Path) -> Value {
    let mut item: Map<String, Value> = path
        .operations
        .iter()
        .map(|one| (one.method.to_owned(), operation(path, one)))
        .collect();
    let variable = |name: &&str| {
        json!({ "name": name, "in": "path", "required": true, "description": format!("The object's {name}."),
            "schema": { "type": "string", "uniqueItems": true } })
    };
    item.insert("parameters".to_owned(), path.variables.iter().map(variable).collect());
    Value::Object(item)
}

fn operation(path: &Path, operation: &Operation) -> Value {
    let parameter = |parameter: &Parameter| {
        json!({ "name": parameter.name, "in": "query", "description": parameter.description,
            "schema": { "type": parameter.kind, "uniqueItems": true } })
    };
    let parameters: Vec<Value> = operation.parameters.iter().map(parameter).collect();
    let content = |name: &str| json!({ "application/json": { "schema": Form::V3.reference(name) } });
    let mut told = json!({
        "description": operation.description,
        "operationId": operation.id,
        "parameters": parameters,
        "responses": { "200": { "description": "OK", "content": content(&operation.answer) } },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": gvk(path.kind.name()),
    });
    if operation.method == "post" {
        told["responses"]["201"] = json!({ "description": "Created", "content": content(&operation.answer) });
    }
    if let Some(body) = &operation.body {
        let content = if operation.method == "patch" {
            let schema = json!({ "schema": Form::V3.reference(body) });
            PATCHES
                .iter()
                .map(|kind| ((*kind).to_owned(), schema.clone()))
                .collect()
        } else {
            content(body)
        };
        told["requestBody"] = json!({ "content": content, "required": operation.method != "delete" });
    }
    told
}
