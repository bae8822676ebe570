use chrono::TimeDelta;
use serde_json::json;

use super::*;

const CLIENT_SIDE: &str = "kubectl-client-side-apply";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
}

fn by(manager: &str, minutes: i64) -> Applying<'_> {
    Applying {
        kind: Kind::Team,
        namespace: "acme",
        name: "backend",
        manager,
        force: false,
        validation: Validation::Strict,
        now: at(minutes),
    }
}

fn team(spec: &Value) -> Value {
    let mut body = json!({
        "apiVersion": "auth.litellm.ai/v1alpha1", "kind": "Team",
        "metadata": { "name": "backend", "namespace": "acme" },
        "spec": { "connectionRef": { "instanceRef": { "name": "main" } }, "teamAlias": "Backend" },
    });
    json_patch::merge(&mut body["spec"], spec);
    body
}

/// As the server keeps it.
fn stored(decoded: Result<Decoded, Failure>) -> Object {
    let mut object = decoded.unwrap().object;
    object.metadata.uid = Some("u-1".to_owned());
    object.metadata.resource_version = Some("1".to_owned());
    object
}

/// Created by client-side `kubectl apply`.
fn client_side(spec: &Value) -> Object {
    let mut body = team(spec);
    body["metadata"]["annotations"] = json!({ LAST_APPLIED: "{}" });
    let mut object = stored(decode::object(Kind::Team, "acme", &body, Validation::Strict));
    track(None, &mut object, CLIENT_SIDE, at(0));
    object
}

fn owners(object: &Object) -> Vec<(String, String, Value)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let owner = |entry: &Value| {
        (
            text(&entry["manager"]),
            text(&entry["operation"]),
            entry["fieldsV1"].clone(),
        )
    };
    object.metadata.managed_fields.iter().map(owner).collect()
}

#[test]
fn what_is_applied_is_created_and_owned() {
    let object = stored(apply(None, &team(&json!({ "models": ["a"] })), &by("kubectl", 0)));
    assert_eq!(
        object.metadata.managed_fields,
        [json!({
            "manager": "kubectl", "operation": "Apply", "apiVersion": "auth.litellm.ai/v1alpha1",
            "time": "1970-01-01T00:00:00Z", "fieldsType": "FieldsV1",
            "fieldsV1": { "f:spec": {
                "f:connectionRef": { "f:instanceRef": { "f:name": {} } }, "f:models": {}, "f:teamAlias": {},
            } },
        })]
    );
}

#[test]
fn applying_the_same_again_changes_nothing() {
    let object = stored(apply(None, &team(&json!({ "rpmLimit": 5 })), &by("kubectl", 0)));
    let again = apply(Some(&object), &team(&json!({ "rpmLimit": 5 })), &by("kubectl", 9))
        .unwrap()
        .object;
    assert_eq!(again, object);
    assert_eq!(update::change(&object, &again), update::Change::Nothing);
}

#[test]
fn fields_that_are_no_longer_applied_go() {
    let body = team(&json!({ "rpmLimit": 5, "metadata": { "a": "1" }, "models": ["x"] }));
    let object = stored(apply(None, &body, &by("kubectl", 0)));
    let after = stored(apply(
        Some(&object),
        &team(&json!({ "models": ["y"] })),
        &by("kubectl", 1),
    ));
    assert_eq!(
        Value::Object(after.spec.clone()),
        team(&json!({ "models": ["y"] }))["spec"]
    );
    assert_eq!(after.metadata.managed_fields[0]["time"], "1970-01-01T00:01:00Z");
}

#[test]
fn what_somebody_else_owns_too_stays() {
    let object = stored(apply(None, &team(&json!({ "rpmLimit": 5 })), &by("kubectl", 0)));
    let shared = stored(apply(Some(&object), &team(&json!({ "rpmLimit": 5 })), &by("flux", 1)));
    let after = stored(apply(Some(&shared), &team(&json!({})), &by("kubectl", 2)));
    assert_eq!(after.spec["rpmLimit"], 5);
    let gone = stored(apply(Some(&after), &team(&json!({})), &by("flux", 3)));
    assert!(!gone.spec.contains_key("rpmLimit"));
}

#[test]
fn an_empty_map_takes_nothing_from_others_and_gives_up_ones_own() {
    let object = client_side(&json!({ "metadata": { "theirs": "1" } }));
    let mine = stored(apply(
        Some(&object),
        &team(&json!({ "metadata": { "mine": "2" } })),
        &by("kubectl", 1),
    ));
    assert_eq!(mine.spec["metadata"], json!({ "theirs": "1", "mine": "2" }));
    let none = stored(apply(Some(&mine), &team(&json!({ "metadata": {} })), &by("kubectl", 2)));
    assert_eq!(none.spec["metadata"], json!({ "theirs": "1" }));
}

#[test]
fn another_value_for_anothers_field_is_a_conflict() {
    let object = client_side(&json!({ "rpmLimit": 5, "blocked": false }));
    let failure = apply(Some(&object), &team(&json!({ "rpmLimit": 6 })), &by("kubectl", 1)).unwrap_err();
    assert_eq!(failure.reason, Reason::Conflict);
    assert_eq!(
        failure.message,
        "Apply failed with 1 conflict: conflict with \"kubectl-client-side-apply\" using auth.litellm.ai/v1alpha1: \
         .spec.rpmLimit"
    );
    assert_eq!(
        (failure.causes[0].reason, failure.causes[0].field.as_str()),
        ("FieldManagerConflict", ".spec.rpmLimit")
    );
    let two = apply(
        Some(&object),
        &team(&json!({ "rpmLimit": 6, "blocked": true })),
        &by("kubectl", 1),
    )
    .unwrap_err();
    assert_eq!(
        two.message,
        "Apply failed with 2 conflicts: conflicts with \"kubectl-client-side-apply\" using auth.litellm.ai/v1alpha1:\n\
         - .spec.blocked\n- .spec.rpmLimit"
    );
}

#[test]
fn force_takes_fields_from_their_owners() {
    let object = client_side(&json!({ "rpmLimit": 5 }));
    let force = Applying {
        force: true,
        ..by("kubectl", 1)
    };
    let after = stored(apply(Some(&object), &team(&json!({ "rpmLimit": 6 })), &force));
    assert_eq!(after.spec["rpmLimit"], 6);
    let owners = owners(&after);
    assert_eq!(
        (owners[0].0.as_str(), &owners[0].2["f:spec"]["f:rpmLimit"]),
        ("kubectl", &json!({}))
    );
    assert_eq!(
        (owners[1].0.as_str(), &owners[1].2["f:spec"]["f:rpmLimit"]),
        (CLIENT_SIDE, &Value::Null)
    );
}

/// `kubectl apply`, then `kubectl apply --server-side`: three patches, as kubectl 1.26 and later send them.
#[test]
fn from_client_side_to_server_side() {
    let object = client_side(&json!({ "rpmLimit": 5 }));
    let first = stored(apply(
        Some(&object),
        &team(&json!({ "rpmLimit": 5 })),
        &by("kubectl", 1),
    ));
    assert_eq!(owners(&first).len(), 2);

    // Its own memory, under another name, and without `spec`.
    let memory = json!({
        "apiVersion": "auth.litellm.ai/v1alpha1", "kind": "Team",
        "metadata": { "name": "backend", "namespace": "acme", "annotations": { LAST_APPLIED: "{\"new\":1}" } },
    });
    let force = Applying {
        force: true,
        ..by("kubectl-last-applied", 2)
    };
    let second = stored(apply(Some(&first), &memory, &force));
    assert_eq!(second.metadata.annotations[LAST_APPLIED], "{\"new\":1}");
    assert_eq!(second.spec, first.spec);

    // Then it gives what the client side owned to the server side, by a JSON patch.
    let kept: Vec<&Value> = second
        .metadata
        .managed_fields
        .iter()
        .filter(|entry| entry["manager"] != CLIENT_SIDE)
        .collect();
    let body = json!([
        { "op": "replace", "path": "/metadata/managedFields", "value": kept },
        { "op": "replace", "path": "/metadata/resourceVersion", "value": "1" },
    ]);
    let mut third = crate::patch::apply(crate::patch::PatchKind::Json, &second, &body, Validation::Strict)
        .unwrap()
        .object;
    track(Some(&second), &mut third, "kubectl", at(3));
    let names: Vec<String> = owners(&third).into_iter().map(|owner| owner.0).collect();
    assert_eq!(names, ["kubectl", "kubectl-last-applied"]);
    let gone = stored(apply(Some(&third), &team(&json!({})), &by("kubectl", 4)));
    assert!(!gone.spec.contains_key("rpmLimit"));
}

#[test]
fn writes_move_ownership_and_no_write_moves_nothing() {
    let object = client_side(&json!({ "rpmLimit": 5, "tpmLimit": 7 }));
    let mut same = object.clone();
    track(Some(&object), &mut same, "kubectl-edit", at(5));
    assert_eq!(same, object);

    let mut after = object.clone();
    after.spec.insert("rpmLimit".to_owned(), json!(6));
    after.spec.remove("tpmLimit");
    track(Some(&object), &mut after, "kubectl-edit", at(5));
    let owners = owners(&after);
    assert_eq!(
        owners[1],
        (
            "kubectl-edit".to_owned(),
            "Update".to_owned(),
            json!({ "f:spec": { "f:rpmLimit": {} } })
        )
    );
    assert_eq!(owners[0].2["f:spec"]["f:rpmLimit"], Value::Null);
    assert_eq!(owners[0].2["f:spec"]["f:tpmLimit"], Value::Null);
}

#[test]
fn ten_updaters_are_remembered() {
    let mut object = client_side(&json!({}));
    for number in 1..=12 {
        let before = object.clone();
        object.metadata.labels.insert(format!("l{number}"), "x".to_owned());
        track(Some(&before), &mut object, &format!("m{number}"), at(number));
    }
    let owners = owners(&object);
    assert_eq!(owners.len(), 10);
    assert_eq!(owners[0].0, "ancient-changes");
    assert_eq!(
        owners[0].2["f:metadata"]["f:labels"],
        json!({ "f:l1": {}, "f:l2": {}, "f:l3": {} })
    );
    assert_eq!(owners[9].0, "m12");
}

#[test]
fn what_is_applied_is_checked() {
    let object = client_side(&json!({}));
    let refused = |body: &Value, by: &Applying<'_>| apply(Some(&object), body, by).unwrap_err().reason;
    assert_eq!(refused(&team(&json!({})), &by("", 0)), Reason::Invalid);
    assert_eq!(
        refused(&team(&json!({ "rolle": 1 })), &by("kubectl", 0)),
        Reason::BadRequest
    );
    assert_eq!(
        refused(&team(&json!({ "rpmLimit": "x" })), &by("kubectl", 0)),
        Reason::Invalid
    );
    assert_eq!(
        refused(
            &team(&json!({})),
            &Applying {
                name: "other",
                ..by("kubectl", 0)
            }
        ),
        Reason::BadRequest
    );
    for (field, value, reason) in [
        ("managedFields", json!([{}]), Reason::BadRequest),
        ("resourceVersion", json!("0815"), Reason::Conflict),
        ("uid", json!("u-2"), Reason::Conflict),
    ] {
        let mut body = team(&json!({}));
        body["metadata"][field] = value;
        assert_eq!(refused(&body, &by("kubectl", 0)), reason, "{field}");
    }
    // A new object must be whole.
    let mut part = team(&json!({}));
    part["spec"] = json!({ "rpmLimit": 5 });
    assert_eq!(
        apply(None, &part, &by("kubectl", 0)).unwrap_err().reason,
        Reason::Invalid
    );
    assert!(apply(Some(&object), &part, &by("kubectl", 0)).is_ok());
}
