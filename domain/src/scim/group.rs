//! What requests do to groups. Members are not part of the resource that [`super::apply`] works on: a group of ten
//! thousand people must not be read to add one.

use serde_json::Value;

use super::{
    GROUPS, Operation, PatchPath, Refused, ScimType, Verb,
    read::whole,
    schema::{Mutability, named},
    shown,
};

/// How many members one request may name.
pub const MAX_MEMBERS: usize = 10_000;

/// One change of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupChange {
    /// Gives it another name.
    Rename(String),
    /// Gives it another id of the directory's, or none.
    External(Option<String>),
    /// Adds people, by our ids of them.
    Add(Vec<String>),
    /// Takes people out.
    Remove(Vec<String>),
    /// Makes these people its members, and nobody else.
    Replace(Vec<String>),
}

/// The ids of members in a list, each once.
///
/// # Errors
/// `invalidValue` for what is no list of members, or too many; `tooMany` never.
pub fn members(value: &Value) -> Result<Vec<String>, Refused> {
    let items = match value {
        Value::Null => &[][..],
        Value::Array(items) => items.as_slice(),
        item => std::slice::from_ref(item),
    };
    if items.len() > MAX_MEMBERS {
        let rule = format!("must be at most {MAX_MEMBERS} in one request");
        return Err(Refused::value("members", &rule));
    }
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let id = match item {
            Value::String(id) => Some(id.as_str()),
            Value::Object(item) => super::patch::field(item, "value").and_then(Value::as_str),
            _ => None,
        };
        let id = id.ok_or_else(|| Refused::value("members", "must have the id of a user as value"))?;
        if let Value::Object(item) = item
            && let Some(kind) = super::patch::field(item, "type").and_then(Value::as_str)
            && !kind.eq_ignore_ascii_case("user")
        {
            return Err(Refused::value(
                "members",
                "must be users: groups in groups are not kept",
            ));
        }
        ids.push(id.to_owned());
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// What the operations of a PATCH do to a group.
///
/// # Errors
/// As [`super::apply`].
pub fn group_changes(operations: &[Operation]) -> Result<Vec<GroupChange>, Refused> {
    let mut changes = Vec::with_capacity(operations.len());
    for operation in operations {
        match &operation.path {
            Some(path) => changes.push(one(path, operation.verb, &operation.value)?),
            None => {
                let Value::Object(values) = &operation.value else {
                    return Err(Refused::new(
                        ScimType::InvalidValue,
                        "Without a path the value must be an object",
                    ));
                };
                for (name, value) in values {
                    // What is not kept, and what only Guildhall sets, is passed over: Okta sends the id along.
                    let known = PatchPath::parse(name)
                        .ok()
                        .and_then(|path| GROUPS.find(&path.attribute));
                    if known.is_some_and(|found| found.attribute.mutability != Mutability::ReadOnly) {
                        changes.push(one(name, operation.verb, value)?);
                    }
                }
            }
        }
    }
    Ok(changes)
}

fn one(path: &str, verb: Verb, value: &Value) -> Result<GroupChange, Refused> {
    let no_such = || {
        Refused::new(
            ScimType::InvalidPath,
            format!("There is no attribute '{}'", shown(path)),
        )
    };
    let parsed = PatchPath::parse(path)?;
    let found = GROUPS.find(&parsed.attribute).ok_or_else(no_such)?;
    let attribute = found.attribute;
    if attribute.mutability == Mutability::ReadOnly {
        return Err(Refused::new(
            ScimType::Mutability,
            format!("{} is read-only", attribute.name),
        ));
    }
    if attribute.name != "members" {
        if parsed.filter.is_some() {
            return Err(no_such());
        }
        let value = match verb {
            Verb::Remove => None,
            Verb::Add | Verb::Replace => whole(attribute, value)?,
        };
        let text = value.and_then(|value| value.as_str().map(str::to_owned));
        return match (attribute.name, text) {
            ("displayName", Some(name)) => Ok(GroupChange::Rename(name)),
            ("displayName", None) => Err(Refused::new(ScimType::Mutability, "displayName is required")),
            (_, external) => Ok(GroupChange::External(external)),
        };
    }
    let sub = parsed.sub.as_deref().or(parsed.attribute.sub.as_deref());
    if let Some(sub) = sub {
        named(attribute.sub, sub).ok_or_else(no_such)?;
        return Err(Refused::new(
            ScimType::Mutability,
            "A member is added or removed, not changed",
        ));
    }
    match (verb, &parsed.filter) {
        (Verb::Remove, Some(filter)) => {
            let values = filter
                .equals("value")
                .ok_or_else(|| Refused::new(ScimType::InvalidFilter, "Members are chosen by value eq \"…\""))?;
            Ok(GroupChange::Remove(values.into_iter().map(str::to_owned).collect()))
        }
        (Verb::Add | Verb::Replace, Some(_)) => Err(Refused::new(
            ScimType::Mutability,
            "A member is added or removed, not changed",
        )),
        (Verb::Remove, None) if value.is_null() => Ok(GroupChange::Replace(Vec::new())),
        (Verb::Remove, None) => Ok(GroupChange::Remove(members(value)?)),
        (Verb::Add, None) => Ok(GroupChange::Add(members(value)?)),
        (Verb::Replace, None) => Ok(GroupChange::Replace(members(value)?)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::operations, *};

    #[expect(clippy::needless_pass_by_value, reason = "what json! makes")]
    fn changes(list: Value) -> Result<Vec<GroupChange>, Refused> {
        group_changes(&operations(&json!({"Operations": list}))?)
    }

    fn ids(ids: &[&str]) -> Vec<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn entra_and_okta_change_groups() {
        assert_eq!(
            changes(json!([
                {"op": "Add", "path": "members", "value": [{"$ref": null, "value": "a"}, {"value": "b"}]},
                {"op": "Remove", "path": "members", "value": [{"$ref": null, "value": "c"}]},
                {"op": "remove", "path": "members[value eq \"d\"]"},
                {"op": "replace", "value": {"id": "x", "displayName": "Tools"}},
                {"op": "replace", "path": "members", "value": [{"value": "e", "display": "e@example.com"}]},
                {"op": "Replace", "path": "externalId", "value": "ext"},
                {"op": "remove", "path": "members"},
            ]))
            .unwrap(),
            [
                GroupChange::Add(ids(&["a", "b"])),
                GroupChange::Remove(ids(&["c"])),
                GroupChange::Remove(ids(&["d"])),
                GroupChange::Rename("Tools".to_owned()),
                GroupChange::Replace(ids(&["e"])),
                GroupChange::External(Some("ext".to_owned())),
                GroupChange::Replace(Vec::new()),
            ]
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (list, kind) in [
            (json!([{"op": "remove", "path": "displayName"}]), ScimType::Mutability),
            (
                json!([{"op": "replace", "path": "members[value eq \"a\"].value", "value": "b"}]),
                ScimType::Mutability,
            ),
            (
                json!([{"op": "replace", "path": "nonsense", "value": "b"}]),
                ScimType::InvalidPath,
            ),
            (
                json!([{"op": "add", "path": "members", "value": [3]}]),
                ScimType::InvalidValue,
            ),
            (
                json!([{"op": "add", "path": "members", "value": [{"value": "a", "type": "Group"}]}]),
                ScimType::InvalidValue,
            ),
            (
                json!([{"op": "remove", "path": "members[display co \"a\"]"}]),
                ScimType::InvalidFilter,
            ),
            (
                json!([{"op": "replace", "path": "id", "value": "b"}]),
                ScimType::Mutability,
            ),
        ] {
            assert_eq!(changes(list.clone()).expect_err(&list.to_string()).kind, kind, "{list}");
        }
    }
}
