use serde_json::{Value, json};

use super::*;
use crate::Reason;

/// What `kubectl create -f` sends.
fn membership() -> Value {
    json!({
        "apiVersion": "auth.litellm.ai/v1alpha1",
        "kind": "TeamMemberAssociation",
        "metadata": { "name": "alice-backend", "namespace": "acme", "creationTimestamp": null },
        "spec": {
            "connectionRef": { "instanceRef": { "name": "main" } },
            "role": "member",
            "teamRef": { "name": "backend" },
            "userEmail": "alice@example.com",
        },
    })
}

fn read(body: &Value, validation: Validation) -> Result<Decoded, Failure> {
    object(Kind::TeamMemberAssociation, "acme", body, validation)
}

#[test]
fn a1_a_manifest_becomes_an_object_with_types() {
    let mut body = membership();
    body["metadata"]["namespace"] = json!("");
    body["status"] = json!({ "role": "admin" });
    let decoded = read(&body, Validation::Strict).unwrap();
    assert_eq!(decoded.object.metadata.namespace, "acme");
    assert!(decoded.object.status.is_empty());
    let association = decoded.object.association().unwrap();
    assert_eq!(association.role, "member");
    assert_eq!(association.team_ref.unwrap().name, "backend");
}

#[test]
fn unknown_fields_are_refused_warned_of_or_dropped() {
    let mut body = membership();
    body["spec"]["rolle"] = json!("admin");
    body["spec"]["teamRef"]["uid"] = json!("1");
    body["metadata"]["color"] = json!("red");
    body["data"] = json!({});
    let failure = read(&body, Validation::Strict).unwrap_err();
    assert_eq!(failure.reason, Reason::BadRequest);
    for path in ["data", "metadata.color", "spec.rolle", "spec.teamRef.uid"] {
        assert!(
            failure.message.contains(&format!("unknown field {path:?}")),
            "{}",
            failure.message
        );
    }
    let decoded = read(&body, Validation::Warn).unwrap();
    assert!(decoded.warnings.contains(&"unknown field \"spec.rolle\"".to_owned()));
    assert_eq!(decoded.object.to_value()["spec"], membership()["spec"]);
    assert!(read(&body, Validation::Ignore).unwrap().warnings.is_empty());
}

#[test]
fn one_unknown_field_reads_as_kubectl_prints_it() {
    let mut body = membership();
    body["spec"]["rolle"] = json!("admin");
    let failure = read(&body, Validation::Strict).unwrap_err();
    assert_eq!(failure.message, "strict decoding error: unknown field \"spec.rolle\"");
}

#[test]
fn duplicates_are_told_with_the_unknown() {
    let text = membership().to_string().replace(
        "\"role\":\"member\"",
        "\"role\":\"admin\",\"rolle\":1,\"role\":\"member\"",
    );
    let kind = Kind::TeamMemberAssociation;
    let failure = bytes(kind, "acme", text.as_bytes(), Validation::Strict).unwrap_err();
    let wanted = "strict decoding error: duplicate field \"spec.role\", unknown field \"spec.rolle\"";
    assert_eq!(failure.message, wanted);
    assert_eq!(
        bytes(kind, "acme", text.as_bytes(), Validation::Warn)
            .unwrap()
            .warnings
            .len(),
        2
    );
}

#[test]
fn wrong_types_and_missing_fields_are_told_at_once() {
    let body = json!({
        "apiVersion": "auth.litellm.ai/v1alpha1", "kind": "Team",
        "metadata": { "name": "Backend" },
        "spec": { "connectionRef": {}, "rpmLimit": "100", "models": ["a", 5], "metadata": { "x": true }, "blocked": null },
    });
    let failure = object(Kind::Team, "acme", &body, Validation::Strict).unwrap_err();
    assert_eq!(failure.reason, Reason::Invalid);
    let causes: Vec<(&str, &str)> = failure
        .causes
        .iter()
        .map(|cause| (cause.field.as_str(), cause.reason))
        .collect();
    for wanted in [
        ("metadata.name", "FieldValueInvalid"),
        ("spec.rpmLimit", "FieldValueTypeInvalid"),
        ("spec.models[1]", "FieldValueTypeInvalid"),
        ("spec.metadata.x", "FieldValueTypeInvalid"),
        ("spec.teamAlias", "FieldValueRequired"),
    ] {
        assert!(causes.contains(&wanted), "{wanted:?} in {causes:?}");
    }
    assert_eq!(causes.len(), 5);
    let message = "spec.rpmLimit: Invalid value: \"string\": spec.rpmLimit in body must be of type integer: \"string\"";
    assert!(failure.message.contains(message), "{}", failure.message);
    assert!(failure.message.contains("spec.teamAlias: Required value"));
}

#[test]
fn a_null_is_a_field_that_is_not_set() {
    let mut body = membership();
    body["spec"]["maxBudgetInTeam"] = Value::Null;
    assert!(
        !read(&body, Validation::Strict)
            .unwrap()
            .object
            .spec
            .contains_key("maxBudgetInTeam")
    );
    body["spec"]["role"] = Value::Null;
    assert_eq!(
        read(&body, Validation::Strict).unwrap_err().causes[0].field,
        "spec.role"
    );
    body["spec"] = Value::Null;
    assert_eq!(read(&body, Validation::Strict).unwrap_err().causes[0].field, "spec");
}

#[test]
fn another_kind_version_or_namespace_is_400() {
    for (path, value) in [
        ("/kind", "Team"),
        ("/apiVersion", "v1"),
        ("/kind", ""),
        ("/metadata/namespace", "other"),
    ] {
        let mut body = membership();
        *body.pointer_mut(path).unwrap() = json!(value);
        assert_eq!(
            read(&body, Validation::Ignore).unwrap_err().reason,
            Reason::BadRequest,
            "{path}"
        );
    }
    assert_eq!(
        read(&json!([]), Validation::Ignore).unwrap_err().reason,
        Reason::BadRequest
    );
}

#[test]
fn metadata_has_types_and_rules() {
    let with = |field: &str, value: Value| {
        let mut body = membership();
        body["metadata"][field] = value;
        read(&body, Validation::Strict)
    };
    assert!(with("labels", json!({ "app.kubernetes.io/name": "x", "empty": "" })).is_ok());
    assert_eq!(
        with("labels", json!({ "a": 1 })).unwrap_err().message,
        "metadata.labels.a must be a string, not integer"
    );
    assert_eq!(
        with("labels", json!({ "a b": "c" })).unwrap_err().causes[0].field,
        "metadata.labels"
    );
    assert_eq!(
        with("labels", json!({ "a": "b c" })).unwrap_err().reason,
        Reason::Invalid
    );
    assert_eq!(with("generation", json!("1")).unwrap_err().reason, Reason::BadRequest);
    assert_eq!(
        with("creationTimestamp", json!("today")).unwrap_err().reason,
        Reason::BadRequest
    );
    let large = with("annotations", json!({ "a": "x".repeat(256 * 1024) })).unwrap_err();
    assert_eq!(large.causes[0].reason, "FieldValueTooLong");
    assert!(with("annotations", json!({ "a": "x".repeat(256 * 1024 - 1) })).is_ok());
    assert_eq!(with("ownerReferences", json!([{}])).unwrap().warnings.len(), 1);
    assert_eq!(with("name", json!("")).unwrap_err().causes[0].field, "metadata.name");
}

#[test]
fn what_no_database_keeps_is_refused_where_it_stands() {
    let refused = |body: &Value| {
        let failure = read(body, Validation::Strict).unwrap_err();
        assert_eq!(failure.reason, Reason::Invalid);
        let causes = failure.causes.into_iter();
        causes
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect::<Vec<_>>()
    };
    let rule = "Invalid value: must not contain NUL characters";
    let mut body = membership();
    body["metadata"]["annotations"] = json!({ "note": "a\0b", "fine": "a\nb" });
    body["spec"]["userEmail"] = json!("alice\0@example.com");
    body["spec"]["teamRef"]["name"] = json!("\0");
    let mut found = refused(&body);
    found.sort();
    assert_eq!(
        found,
        [
            format!("metadata.annotations.note: {rule}"),
            format!("spec.teamRef.name: {rule}"),
            format!("spec.userEmail: {rule}"),
        ]
    );
    let mut body = membership();
    body["metadata"]["managedFields"] = json!([{ "manager": "x", "fieldsV1": { "f:a\0": {} } }]);
    assert_eq!(refused(&body), [format!("metadata.managedFields: {rule}")]);
}

#[test]
fn names_can_be_generated() {
    let mut body = membership();
    body["metadata"] = json!({ "generateName": "alice-" });
    let metadata = read(&body, Validation::Strict).unwrap().object.metadata;
    assert_eq!(
        (metadata.name.as_str(), metadata.generate_name.as_deref()),
        ("", Some("alice-"))
    );
    assert_eq!(generated("alice-", "x7k2p"), "alice-x7k2p");
    assert_eq!(generated(&"a".repeat(80), "x7k2p").len(), 63);
}
