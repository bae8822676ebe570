//! Fields that stay as they were when the object was made.

use serde_json::{Map, Value};

use crate::{Cause, Kind, Object};

const RULE: &str = "field is immutable";
/// References whose namespace is the object's own when it is left out.
const REFERENCES: [&str; 2] = ["teamRef", "userRef"];

/// What a change may not change.
pub fn immutable(old: &Object, new: &Object) -> Vec<Cause> {
    let fields: &[&str] = match old.kind {
        Kind::Team => &["connectionRef", "teamAlias"],
        Kind::User => &["connectionRef", "userEmail"],
        Kind::TeamMemberAssociation => &["connectionRef"],
        Kind::VirtualKey => &["connectionRef", "keyAlias", "userID", "teamID"],
    };
    let mut causes: Vec<Cause> = fields
        .iter()
        .filter(|field| get(old, field) != get(new, field))
        .map(|field| refuse(new, field))
        .collect();
    if old.kind == Kind::TeamMemberAssociation {
        for pair in [["teamAlias", "teamRef"], ["userEmail", "userRef"]] {
            side(old, new, pair, &mut causes);
        }
    }
    causes
}

/// One side of a membership is told by a name, by a reference, or by both. The second may come and go; what is said
/// twice stays the same, and something that was said stays.
fn side(old: &Object, new: &Object, pair: [&str; 2], causes: &mut Vec<Cause>) {
    let before = causes.len();
    let changed =
        |field: &&str| get(old, field).is_some() && get(new, field).is_some() && get(old, field) != get(new, field);
    causes.extend(
        pair.iter()
            .filter(|field| changed(field))
            .map(|field| refuse(new, field)),
    );
    let said = pair.iter().find(|field| get(old, field).is_some());
    let kept = pair
        .iter()
        .any(|field| get(old, field).is_some() && get(new, field).is_some());
    if let (Some(field), false, true) = (said, kept, causes.len() == before) {
        causes.push(refuse(new, field));
    }
}

fn refuse(new: &Object, field: &str) -> Cause {
    Cause::invalid(
        format!("spec.{field}"),
        new.spec.get(field).unwrap_or(&Value::Null),
        RULE,
    )
}

/// The field as it is meant: with the namespaces that are left out.
fn get(object: &Object, field: &str) -> Option<Value> {
    let mut value = object.spec.get(field)?.clone();
    let own = &object.metadata.namespace;
    if REFERENCES.contains(&field) {
        fill(value.as_object_mut(), own);
    } else if field == "connectionRef" {
        fill(value.get_mut("instanceRef").and_then(Value::as_object_mut), own);
    }
    Some(value)
}

fn fill(reference: Option<&mut Map<String, Value>>, namespace: &str) {
    if let Some(reference) = reference {
        let named = reference.get("namespace").is_some_and(|namespace| namespace != "");
        if !named {
            reference.insert("namespace".to_owned(), namespace.into());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Meta;

    fn of(kind: Kind, spec: &Value) -> Object {
        let metadata = Meta {
            namespace: "acme".to_owned(),
            ..Meta::default()
        };
        Object {
            kind,
            metadata,
            spec: spec.as_object().unwrap().clone(),
            status: Map::new(),
        }
    }

    fn change(kind: Kind, old: &Value, new: &Value) -> Vec<String> {
        let causes = immutable(&of(kind, old), &of(kind, new));
        causes
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    #[test]
    fn names_and_connections_stay() {
        let old = json!({ "teamAlias": "A", "connectionRef": { "instanceRef": { "name": "main" } } });
        let same = json!({ "teamAlias": "A", "models": ["x"],
            "connectionRef": { "instanceRef": { "name": "main", "namespace": "acme" } } });
        assert!(change(Kind::Team, &old, &same).is_empty());
        let other = json!({ "teamAlias": "B", "connectionRef": { "instanceRef": { "name": "eu" } } });
        assert_eq!(
            change(Kind::Team, &old, &other),
            [
                "spec.connectionRef: Invalid value: {\"instanceRef\":{\"name\":\"eu\"}}: field is immutable",
                "spec.teamAlias: Invalid value: \"B\": field is immutable",
            ]
        );
        assert_eq!(
            change(
                Kind::VirtualKey,
                &json!({ "keyAlias": "k" }),
                &json!({ "keyAlias": "k", "teamID": "t" })
            )
            .len(),
            1
        );
    }

    #[test]
    fn a5_who_and_where_of_a_membership_stay_however_they_are_told() {
        let kind = Kind::TeamMemberAssociation;
        let alias = json!({ "teamAlias": "A" });
        let reference = json!({ "teamRef": { "name": "a" } });
        let both = json!({ "teamAlias": "A", "teamRef": { "name": "a", "namespace": "acme" } });
        for (old, new) in [
            (&alias, &both),
            (&reference, &both),
            (&both, &alias),
            (&both, &reference),
        ] {
            assert!(change(kind, old, new).is_empty(), "{old} to {new}");
        }
        assert_eq!(change(kind, &alias, &json!({ "teamAlias": "B" })).len(), 1);
        assert_eq!(
            change(
                kind,
                &reference,
                &json!({ "teamRef": { "name": "a", "namespace": "other" } })
            )
            .len(),
            1
        );
        assert_eq!(
            change(kind, &alias, &reference),
            ["spec.teamAlias: Invalid value: null: field is immutable"]
        );
        assert_eq!(change(kind, &alias, &json!({})).len(), 1);
        assert!(change(kind, &json!({ "role": "admin" }), &json!({ "role": "member" })).is_empty());
    }
}
