//! What is written about the API is what the API does.
#![expect(clippy::disallowed_methods, reason = "UPDATE=1 is for people at a terminal")]

use std::path::Path;

use utoipa::openapi::{RefOr, path::Operation};

#[test]
fn x19_the_errors_document_is_made_from_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let made = server::rest::errors_markdown();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, made, "run this test with UPDATE=1");
}

fn operations() -> Vec<(String, Operation)> {
    let document = server::rest::openapi();
    let mut operations = Vec::new();
    for (path, item) in document.paths.paths {
        let methods = [
            ("GET", item.get),
            ("POST", item.post),
            ("PUT", item.put),
            ("PATCH", item.patch),
            ("DELETE", item.delete),
        ];
        for (method, operation) in methods {
            operations.extend(operation.map(|operation| (format!("{method} {path}"), operation)));
        }
    }
    operations
}

#[test]
fn every_answer_in_the_openapi_document_says_what_it_is() {
    let operations = operations();
    assert!(operations.len() > 20);
    for (name, operation) in operations {
        assert!(
            operation.summary.is_some_and(|text| !text.is_empty()),
            "{name} has a summary"
        );
        assert!(operation.tags.is_some_and(|tags| tags.len() == 1), "{name} has a tag");
        let statuses: Vec<_> = operation.responses.responses.keys().cloned().collect();
        for status in ["401", "403", "500", "503"] {
            assert!(
                statuses.iter().any(|known| known == status),
                "{name} can answer {status}"
            );
        }
        for (status, response) in operation.responses.responses {
            let RefOr::T(response) = response else {
                panic!("{name} {status} is a reference")
            };
            assert!(!response.description.is_empty(), "{name} {status} has words");
            let types: Vec<_> = response.content.keys().map(String::as_str).collect();
            let expected: &[&str] = match status.as_str() {
                "204" => &[],
                "200" if name.contains(".csv") => &["text/csv"],
                "200" if name.contains(".jws") => &["application/jose"],
                "200" if name.ends_with("/export") => &["application/x-ndjson"],
                status if status < "400" => &["application/json"],
                _ => &["application/problem+json"],
            };
            assert_eq!(types, expected, "{name} {status}");
        }
    }
}

#[test]
fn the_openapi_document_refers_to_nothing_that_is_missing() {
    let document = serde_json::to_value(server::rest::openapi()).unwrap();
    let mut found = Vec::new();
    collect(&document, &mut found);
    assert!(
        found
            .iter()
            .any(|reference| reference == "#/components/schemas/Problem")
    );
    for reference in found {
        let pointer = reference.strip_prefix('#').expect("a reference within the document");
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert_eq!(document["servers"][0]["url"], "/");
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

fn collect(value: &serde_json::Value, found: &mut Vec<String>) {
    match value {
        serde_json::Value::Object(map) => {
            found.extend(
                map.get("$ref")
                    .and_then(|reference| reference.as_str())
                    .map(str::to_owned),
            );
            map.values().for_each(|value| collect(value, found));
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
        _ => {}
    }
}
