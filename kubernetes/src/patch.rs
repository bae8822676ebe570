//! PATCH: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7386). Server-side apply is in [`crate::apply`].

use json_patch::PatchOperation;
use serde_json::Value;

use crate::{
    Cause, Failure, Object, Reason,
    decode::{self, Decoded, Validation, type_of},
    update,
};

/// As in Kubernetes.
const OPERATIONS: usize = 10_000;
/// `copy` doubles an object each time: thirty operations would fill any memory.
const COPIED: usize = 3 * 1024 * 1024;

/// How a patch is written: its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PatchKind {
    /// `application/json-patch+json`: a list of operations.
    Json,
    /// `application/merge-patch+json`: the fields that change; null removes.
    Merge,
    /// `application/strategic-merge-patch+json`: what kubectl sends without `--type`. Our lists are atomic, so that it
    /// means the same as [`Self::Merge`].
    Strategic,
}

impl PatchKind {
    /// The kind of a `Content-Type`; none for server-side apply and what nobody knows.
    pub fn from_content_type(content_type: &str) -> Option<Self> {
        match content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
            .as_str()
        {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }
}

/// The current object with a patch: decoded again, and with what only the server says.
pub fn apply(kind: PatchKind, current: &Object, body: &Value, validation: Validation) -> Result<Decoded, Failure> {
    let mut document = current.to_value();
    match kind {
        PatchKind::Json => operations(current, &mut document, body)?,
        PatchKind::Merge | PatchKind::Strategic => {
            if !body.is_object() {
                let found = type_of(body);
                return Err(Failure::bad_request(format!(
                    "a merge patch must be a JSON object, not {found}"
                )));
            }
            json_patch::merge(&mut document, body);
        }
    }
    identity(current, &document)?;
    let decoded = decode::object(current.kind, &current.metadata.namespace, &document, validation)?;
    Ok(Decoded {
        object: update::replace(current, &decoded.object)?,
        ..decoded
    })
}

fn operations(current: &Object, document: &mut Value, body: &Value) -> Result<(), Failure> {
    let Value::Array(list) = body else {
        return Err(Failure::bad_request(format!(
            "a JSON patch must be an array of operations, not {}",
            type_of(body)
        )));
    };
    if list.len() > OPERATIONS {
        return Err(Failure::new(
            Reason::RequestEntityTooLarge,
            format!(
                "the allowed maximum of operations in a JSON patch is {OPERATIONS}, got {}",
                list.len()
            ),
        ));
    }
    let mut copied = 0;
    for (at, operation) in list.iter().enumerate() {
        let read: PatchOperation = serde_json::from_value(operation.clone())
            .map_err(|error| Failure::bad_request(format!("operation {at} of the JSON patch is malformed: {error}")))?;
        if let PatchOperation::Copy(copy) = &read {
            copied += copy.from.resolve(document).map_or(0, |value| value.to_string().len());
            if copied > COPIED {
                let rule = format!("operation {at} of the JSON patch copies too much: at most {COPIED} bytes together");
                return Err(Failure::new(Reason::RequestEntityTooLarge, rule));
            }
        }
        json_patch::patch(document, std::slice::from_ref(&read)).map_err(|error| {
            let word = operation["op"].as_str().unwrap_or_default();
            let why = format!(
                "operation {at} of the JSON patch ({word} {:?}) failed: {}",
                error.path.as_str(),
                error.kind
            );
            Failure::new(Reason::Invalid, why).about(current.kind, &current.metadata.name)
        })?;
    }
    Ok(())
}

/// A patch changes an object; it makes no other one of it.
fn identity(current: &Object, document: &Value) -> Result<(), Failure> {
    let before = current.to_value();
    for pointer in ["/apiVersion", "/kind", "/metadata/name", "/metadata/namespace"] {
        let (was, is) = (before.pointer(pointer), document.pointer(pointer));
        if was != is {
            let field = pointer[1..].replace('/', ".");
            let (was, is) = (was.unwrap_or(&Value::Null), is.unwrap_or(&Value::Null));
            return Err(Failure::bad_request(format!(
                "a patch cannot change {field}: it is {was}, not {is}"
            )));
        }
    }
    match document.pointer("/metadata/uid").filter(|uid| !uid.is_null()) {
        Some(uid) if before.pointer("/metadata/uid") != Some(uid) => {
            let causes = vec![Cause::invalid("metadata.uid", uid, "field is immutable")];
            Err(Failure::invalid(current.kind, &current.metadata.name, causes))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Kind, Meta, update::Change};

    fn current() -> Object {
        let metadata = Meta {
            name: "alice-backend".to_owned(),
            namespace: "acme".to_owned(),
            uid: Some("u-1".to_owned()),
            resource_version: Some("7".to_owned()),
            ..Meta::default()
        };
        let spec = json!({
            "connectionRef": { "instanceRef": { "name": "main" } },
            "role": "member", "teamAlias": "Backend", "userEmail": "alice@example.com", "maxBudgetInTeam": "10",
        });
        let status = json!({ "role": "member" }).as_object().unwrap().clone();
        Object {
            kind: Kind::TeamMemberAssociation,
            metadata,
            spec: spec.as_object().unwrap().clone(),
            status,
        }
    }

    fn merge(body: &Value) -> Result<Object, Failure> {
        apply(PatchKind::Merge, &current(), body, Validation::Strict).map(|decoded| decoded.object)
    }

    fn json_patch(body: &Value) -> Result<Object, Failure> {
        apply(PatchKind::Json, &current(), body, Validation::Strict).map(|decoded| decoded.object)
    }

    #[test]
    fn a5_the_seeds_patch_changes_the_role() {
        // kubectl patch teammemberassociation … --type=merge -p '{"spec":{"role":"admin"}}'
        let after = merge(&json!({ "spec": { "role": "admin", "maxBudgetInTeam": null } })).unwrap();
        assert_eq!(after.spec["role"], "admin");
        assert!(!after.spec.contains_key("maxBudgetInTeam"));
        assert_eq!(after.metadata, current().metadata);
        assert_eq!(after.status["role"], "member");
        let same = merge(&json!({ "spec": { "role": "member" }, "status": { "role": "admin" } })).unwrap();
        assert_eq!(update::change(&current(), &same), Change::Nothing);
    }

    #[test]
    fn json_patches_add_replace_and_test() {
        let patch = json!([
            { "op": "test", "path": "/spec/role", "value": "member" },
            { "op": "replace", "path": "/spec/role", "value": "admin" },
            { "op": "add", "path": "/metadata/labels", "value": { "a": "b" } },
        ]);
        let after = json_patch(&patch).unwrap();
        assert_eq!(
            (after.spec["role"].as_str(), after.metadata.labels.len()),
            (Some("admin"), 1)
        );
        let failure = json_patch(&json!([{ "op": "test", "path": "/spec/role", "value": "admin" }])).unwrap_err();
        assert_eq!(failure.reason, Reason::Invalid);
        assert_eq!(
            failure.message,
            "operation 0 of the JSON patch (test \"/spec/role\") failed: value did not match"
        );
        let failure = json_patch(&json!([{ "op": "remove", "path": "/spec/nothing" }])).unwrap_err();
        assert_eq!(failure.reason, Reason::Invalid);
    }

    #[test]
    fn malformed_patches_are_400() {
        for bad in [
            json!({}),
            json!([{ "op": "jump", "path": "/a" }]),
            json!([{ "op": "add", "path": "a", "value": 1 }]),
        ] {
            assert_eq!(json_patch(&bad).unwrap_err().reason, Reason::BadRequest, "{bad}");
        }
        assert_eq!(merge(&json!([])).unwrap_err().reason, Reason::BadRequest);
    }

    #[test]
    fn patches_are_bounded() {
        let many = Value::Array(vec![
            json!({ "op": "test", "path": "/kind", "value": "x" });
            OPERATIONS + 1
        ]);
        assert_eq!(json_patch(&many).unwrap_err().reason, Reason::RequestEntityTooLarge);
        let mut bomb = vec![json!({ "op": "add", "path": "/spec/metadata", "value": {} })];
        bomb.extend((0..60).map(|at| json!({ "op": "copy", "from": "/spec", "path": format!("/spec/metadata/{at}") })));
        assert_eq!(
            json_patch(&Value::Array(bomb)).unwrap_err().reason,
            Reason::RequestEntityTooLarge
        );
    }

    #[test]
    fn a_patch_makes_no_other_object() {
        for body in [
            json!({ "kind": "Team" }),
            json!({ "metadata": { "name": "bob" } }),
            json!({ "metadata": { "namespace": "other" } }),
            json!({ "metadata": null }),
        ] {
            assert_eq!(merge(&body).unwrap_err().reason, Reason::BadRequest, "{body}");
        }
        assert_eq!(
            merge(&json!({ "metadata": { "uid": "u-2" } })).unwrap_err().reason,
            Reason::Invalid
        );
        assert_eq!(
            merge(&json!({ "metadata": { "resourceVersion": "6" } }))
                .unwrap_err()
                .reason,
            Reason::Conflict
        );
    }

    #[test]
    fn the_result_is_an_object_of_its_kind() {
        assert_eq!(
            merge(&json!({ "spec": { "role": null } })).unwrap_err().causes[0].field,
            "spec.role"
        );
        assert_eq!(
            merge(&json!({ "spec": { "rolle": "x" } })).unwrap_err().reason,
            Reason::BadRequest
        );
        let lenient = apply(
            PatchKind::Strategic,
            &current(),
            &json!({ "spec": { "rolle": "x" } }),
            Validation::Warn,
        );
        assert_eq!(lenient.unwrap().warnings, ["unknown field \"spec.rolle\""]);
    }

    #[test]
    fn content_types_tell_the_kind() {
        let kind = PatchKind::from_content_type;
        assert_eq!(
            kind("application/merge-patch+json; charset=utf-8"),
            Some(PatchKind::Merge)
        );
        assert_eq!(kind("application/json-patch+json"), Some(PatchKind::Json));
        assert_eq!(
            kind("application/strategic-merge-patch+json"),
            Some(PatchKind::Strategic)
        );
        assert_eq!(kind("application/apply-patch+yaml"), None);
    }
}
