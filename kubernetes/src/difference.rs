//! What a change changes, field by field: `guildhall plan` shows it.

use serde_json::{Map, Value};

/// A field that has another value afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `spec.maxBudget`
    pub path: String,
    /// What it was; none if it was not set.
    pub before: Option<Value>,
    /// What it will be; none if it goes.
    pub after: Option<Value>,
}

/// The differences of two `spec`s, in the order of their paths. Lists are atomic; a null is a field that is not set.
pub fn spec(old: &Map<String, Value>, new: &Map<String, Value>) -> Vec<Change> {
    let mut changes = Vec::new();
    compare("spec", old, new, &mut changes);
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    changes
}

fn compare(path: &str, old: &Map<String, Value>, new: &Map<String, Value>, changes: &mut Vec<Change>) {
    for name in old.keys().chain(new.keys().filter(|name| !old.contains_key(*name))) {
        let set = |map: &Map<String, Value>| map.get(name).filter(|value| !value.is_null()).cloned();
        let path = format!("{path}.{name}");
        match (set(old), set(new)) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => compare(&path, &old, &new, changes),
            (before, after) if before != after => changes.push(Change { path, before, after }),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(old: &Value, new: &Value) -> Vec<(String, Option<Value>, Option<Value>)> {
        let changes = spec(old.as_object().unwrap(), new.as_object().unwrap());
        changes
            .into_iter()
            .map(|change| (change.path, change.before, change.after))
            .collect()
    }

    #[test]
    fn changes_are_fields_with_both_values() {
        let old = json!({ "role": "member", "models": ["a"], "teamRef": { "name": "x" }, "same": 1, "gone": true });
        let new =
            json!({ "role": "admin", "models": ["a", "b"], "teamRef": { "name": "x", "namespace": "n" }, "same": 1 });
        assert_eq!(
            of(&old, &new),
            [
                ("spec.gone".to_owned(), Some(json!(true)), None),
                ("spec.models".to_owned(), Some(json!(["a"])), Some(json!(["a", "b"]))),
                ("spec.role".to_owned(), Some(json!("member")), Some(json!("admin"))),
                ("spec.teamRef.namespace".to_owned(), None, Some(json!("n"))),
            ]
        );
        assert!(of(&old, &old).is_empty());
        assert!(of(&json!({ "a": null }), &json!({})).is_empty());
    }
}
