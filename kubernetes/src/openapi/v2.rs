//! Version 2 of OpenAPI, as JSON; `gnostic` makes protobuf of it.

use serde_json::{Map, Value, json};

use super::operations::{self, Operation, PATCHES, Parameter, Path};
use super::schemas::{self, Form, gvk};
use crate::VERSION;

pub(super) fn document() -> Value {
    let paths: Map<String, Value> = operations::all()
        .iter()
        .map(|path| (path.url.clone(), item(path)))
        .collect();
    let mut definitions = schemas::own(Form::V2);
    definitions.extend(schemas::core());
    definitions.extend(schemas::authorization());
    json!({
        "swagger": "2.0",
        "info": { "title": "Guildhall", "version": VERSION },
        "paths": paths,
        "definitions": definitions,
    })
}

fn item(path: &Path) -> Value {
    let mut item: Map<String, Value> = path
        .operations
        .iter()
        .map(|one| (one.method.to_owned(), operation(path, one)))
        .collect();
    let variable = |name: &&str| {
        json!({ "name": name, "in": "path", "required": true, "type": "string",
            "description": format!("The object's {name}.") })
    };
    item.insert("parameters".to_owned(), path.variables.iter().map(variable).collect());
    Value::Object(item)
}

fn operation(path: &Path, operation: &Operation) -> Value {
    let query = |parameter: &Parameter| json!({ "name": parameter.name, "in": "query", "type": parameter.kind, "description": parameter.description });
    let body = operation.body.as_ref().map(|body| {
        json!({ "name": "body", "in": "body", "required": operation.method != "delete",
            "schema": Form::V2.reference(body) })
    });
    let parameters: Vec<Value> = body.into_iter().chain(operation.parameters.iter().map(query)).collect();
    let consumes = if operation.method == "patch" {
        &PATCHES[..]
    } else {
        &["application/json"]
    };
    json!({
        "description": operation.description,
        "operationId": operation.id,
        "consumes": consumes,
        "produces": ["application/json"],
        "parameters": parameters,
        "responses": { "200": { "description": "OK", "schema": Form::V2.reference(&operation.answer) } },
        "x-kubernetes-action": operation.action,
        "x-kubernetes-group-version-kind": gvk(path.kind.name()),
    })
}
