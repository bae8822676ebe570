use super::*;
use crate::{Kind, protobuf};

const ITEM: &str = "/apis/auth.litellm.ai/v1alpha1/namespaces/{namespace}/teams/{name}";

/// Everything that a document refers to.
fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere() {
    for document in [document("apis/auth.litellm.ai/v1alpha1").unwrap(), v2()] {
        let mut found = Vec::new();
        references(document, &mut found);
        assert!(found.len() > 20);
        for reference in found {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }
}

#[test]
fn kinds_are_found_by_group_version_and_kind() {
    let documents = [
        (
            document("apis/auth.litellm.ai/v1alpha1").unwrap(),
            "/components/schemas",
        ),
        (v2(), "/definitions"),
    ];
    for (document, pointer) in documents {
        for kind in Kind::ALL {
            let gvk = json!([{ "group": "auth.litellm.ai", "version": "v1alpha1", "kind": kind.name() }]);
            let schemas = document.pointer(pointer).unwrap().as_object().unwrap();
            let found: Vec<&Value> = schemas
                .values()
                .filter(|schema| schema["x-kubernetes-group-version-kind"] == gvk)
                .collect();
            assert_eq!(found.len(), 1, "{kind}");
            let spec = &found[0]["properties"]["spec"]["properties"];
            assert_eq!(spec["connectionRef"]["properties"]["instanceRef"]["type"], "object");
        }
    }
}

#[test]
fn patches_say_that_they_can_be_tried_and_validated() {
    for document in [document("apis/auth.litellm.ai/v1alpha1").unwrap(), v2()] {
        let patch = &document["paths"][ITEM]["patch"];
        assert_eq!(patch["x-kubernetes-group-version-kind"]["kind"], "Team");
        let names: Vec<&str> = (patch["parameters"].as_array().unwrap().iter())
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["dryRun", "fieldManager", "fieldValidation", "force"]);
    }
}

#[test]
fn the_index_names_documents_that_are_there() {
    let index = index("/k8s/");
    for (path, entry) in index["paths"].as_object().unwrap() {
        let url = entry["serverRelativeURL"].as_str().unwrap();
        assert!(url.starts_with(&format!("/k8s/openapi/v3/{path}?hash=")), "{url}");
        assert_eq!(document(path).unwrap()["openapi"], "3.0.0");
    }
    assert_eq!(index["paths"].as_object().unwrap().len(), 4);
    assert!(document("apis/apps/v1").is_none());
}

/// Goes down in a message, by the numbers of fields; of several it takes the one that has `name` as its first text.
fn down<'a>(message: &'a [u8], field: u64, name: &str) -> &'a [u8] {
    let fields = protobuf::read(message).unwrap();
    let named = |bytes: &&[u8]| {
        name.is_empty()
            || protobuf::read(bytes).is_some_and(|inner| protobuf::field(&inner, 1) == Some(name.as_bytes()))
    };
    fields
        .iter()
        .filter(|(number, _)| *number == field)
        .map(|(_, bytes)| *bytes)
        .find(named)
        .unwrap()
}

#[test]
fn version_2_is_gnostics_protobuf() {
    let document = v2_protobuf();
    assert_eq!(down(document, 1, ""), b"2.0");
    // Definitions, the one of Team, its schema, properties, the one named spec, its schema, and the description there.
    let team = down(down(down(document, 9, ""), 1, "ai.litellm.auth.v1alpha1.Team"), 2, "");
    let spec = down(down(down(team, 25, ""), 1, "spec"), 2, "");
    assert_eq!(down(spec, 4, ""), b"What is wanted.");
    assert_eq!(down(down(spec, 22, ""), 1, ""), b"object");
    let extension = down(down(down(team, 31, "x-kubernetes-group-version-kind"), 2, ""), 2, "");
    let gvk: Value = serde_json::from_slice(extension).unwrap();
    assert_eq!(gvk[0]["kind"], "Team");
    // Paths, the one of an object, its patch, and the name of a parameter of its query.
    let patch = down(down(down(down(document, 8, ""), 2, ITEM), 2, ""), 8, "");
    let parameters = protobuf::read(patch).unwrap();
    let names: Vec<&[u8]> = (parameters.iter())
        .filter(|(number, _)| *number == 8)
        .filter_map(|(_, item)| {
            let other = protobuf::field(&protobuf::read(down(item, 1, "")).unwrap(), 2)?;
            Some(down(down(other, 3, ""), 4, ""))
        })
        .collect();
    assert_eq!(names, [&b"dryRun"[..], b"fieldManager", b"fieldValidation", b"force"]);
}
