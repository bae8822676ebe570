//! PATCH (RFC 7644, section 3.5.2), as the RFC has it and as Entra and Okta send it.

use serde_json::{Map, Value};

use super::{
    PatchPath, Refused, Resource, ScimType,
    matches::{described, matches},
    read::{check_list, require_all, require_schema, single, whole},
    schema::{Attribute, Found, Kind, Mutability},
    shown,
};

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Adds a value, or sets one.
    Add,
    /// Sets a value.
    Replace,
    /// Takes a value away.
    Remove,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub verb: Verb,
    /// To what; without a path to what the value names.
    pub path: Option<String>,
    /// The value; null when there is none.
    pub value: Value,
}

/// The operations of a PATCH. Words have no case: Entra sends `Add`.
///
/// # Errors
/// `invalidSyntax` for what is no PATCH; `noTarget` for a remove without a path.
pub fn operations(body: &Value) -> Result<Vec<Operation>, Refused> {
    let wrong = |words: &str| Refused::new(ScimType::InvalidSyntax, words);
    let Value::Object(body) = body else {
        return Err(wrong("The body must be a JSON object"));
    };
    if let Some(schemas) = field(body, "schemas") {
        require_schema(schemas, super::PATCH)?;
    }
    let Some(Value::Array(list)) = field(body, "Operations") else {
        return Err(wrong("Operations must be a list"));
    };
    if list.is_empty() {
        return Err(wrong("Operations must not be empty"));
    }
    list.iter()
        .map(|item| {
            let Value::Object(item) = item else {
                return Err(wrong("Each operation must be an object"));
            };
            let verb = match field(item, "op").and_then(Value::as_str) {
                Some(word) if word.eq_ignore_ascii_case("add") => Verb::Add,
                Some(word) if word.eq_ignore_ascii_case("replace") => Verb::Replace,
                Some(word) if word.eq_ignore_ascii_case("remove") => Verb::Remove,
                _ => return Err(wrong("op must be add, replace or remove")),
            };
            let path = match field(item, "path") {
                None | Some(Value::Null) => None,
                Some(Value::String(path)) if path.is_empty() => None,
                Some(Value::String(path)) => Some(path.clone()),
                Some(_) => return Err(Refused::new(ScimType::InvalidPath, "path must be text")),
            };
            if verb == Verb::Remove && path.is_none() {
                return Err(Refused::new(ScimType::NoTarget, "remove needs a path"));
            }
            let value = field(item, "value").cloned().unwrap_or(Value::Null);
            Ok(Operation { verb, path, value })
        })
        .collect()
}

/// A field of an object, by its name without regard to case.
pub(super) fn field<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    map.get(name).or_else(|| {
        map.iter()
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    })
}

/// Does all operations to a resource in its form, or refuses; then the resource is not to be used.
///
/// # Errors
/// What RFC 7644 says of each: `invalidPath`, `noTarget`, `invalidValue`, `mutability`, `invalidFilter`.
pub fn apply(resource: &Resource, map: &mut Map<String, Value>, operations: &[Operation]) -> Result<(), Refused> {
    for operation in operations {
        match &operation.path {
            Some(path) => at(resource, map, operation.verb, path, &operation.value)?,
            None => everywhere(resource, map, operation.verb, &operation.value)?,
        }
    }
    require_all(resource, map)
}

/// An operation without a path: the value's names are paths, too (Entra's `"name.givenName"`). Names that are not kept,
/// and what only Guildhall sets, is passed over, as in a POST: Okta sends a group's `id` along.
fn everywhere(resource: &Resource, map: &mut Map<String, Value>, verb: Verb, value: &Value) -> Result<(), Refused> {
    let Value::Object(values) = value else {
        return Err(Refused::new(
            ScimType::InvalidValue,
            "Without a path the value must be an object",
        ));
    };
    for (name, value) in values {
        if is_extension(resource, name) {
            extension(resource, map, verb, value)?;
            continue;
        }
        let Ok(path) = PatchPath::parse(name) else { continue };
        match resource.find(&path.attribute) {
            Some(found) if found.attribute.mutability != Mutability::ReadOnly => {
                target(map, &path, found, verb, value)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn at(resource: &Resource, map: &mut Map<String, Value>, verb: Verb, path: &str, value: &Value) -> Result<(), Refused> {
    if is_extension(resource, path) {
        return extension(resource, map, verb, value);
    }
    let parsed = PatchPath::parse(path)?;
    let found = resource.find(&parsed.attribute).ok_or_else(|| no_such(path))?;
    if found.attribute.mutability == Mutability::ReadOnly {
        return Err(Refused::new(
            ScimType::Mutability,
            format!("{} is read-only", found.attribute.name),
        ));
    }
    target(map, &parsed, found, verb, value)
}

fn no_such(path: &str) -> Refused {
    Refused::new(
        ScimType::InvalidPath,
        format!("There is no attribute '{}'", shown(path)),
    )
}

fn is_extension(resource: &Resource, name: &str) -> bool {
    resource
        .extension
        .is_some_and(|schema| schema.urn.eq_ignore_ascii_case(name))
}

/// All of the extension at once.
fn extension(resource: &Resource, map: &mut Map<String, Value>, verb: Verb, value: &Value) -> Result<(), Refused> {
    let Some(schema) = resource.extension else {
        return Ok(());
    };
    if verb == Verb::Remove {
        map.remove(schema.urn);
        return Ok(());
    }
    let Value::Object(values) = value else {
        return Err(Refused::value(schema.urn, "must be an object"));
    };
    for (name, value) in values {
        let Ok(path) = PatchPath::parse(&format!("{}:{name}", schema.urn)) else {
            continue;
        };
        if let Some(found) = resource.find(&path.attribute) {
            target(map, &path, found, verb, value)?;
        }
    }
    Ok(())
}

/// Does an operation to what its path has found, and leaves nothing empty behind.
fn target(
    map: &mut Map<String, Value>,
    path: &PatchPath,
    found: Found,
    verb: Verb,
    value: &Value,
) -> Result<(), Refused> {
    let Some(urn) = found.extension else {
        return place(map, path, found, verb, value);
    };
    let mut inner = match map.remove(urn) {
        Some(Value::Object(inner)) => inner,
        _ => Map::new(),
    };
    let done = place(&mut inner, path, found, verb, value);
    if !inner.is_empty() {
        map.insert(urn.to_owned(), Value::Object(inner));
    }
    done
}

fn place(
    map: &mut Map<String, Value>,
    path: &PatchPath,
    found: Found,
    verb: Verb,
    value: &Value,
) -> Result<(), Refused> {
    let attribute = found.attribute;
    match (&path.filter, found.sub) {
        (Some(_), _) if !attribute.multi => Err(Refused::new(
            ScimType::InvalidPath,
            format!("{} is not a list", attribute.name),
        )),
        (Some(_), _) => entries(map, path, attribute, verb, value),
        (None, None) => attribute_itself(map, attribute, verb, value),
        (None, Some(sub)) if attribute.multi => every_entry(map, attribute, sub, verb, value),
        (None, Some(sub)) => {
            let mut inner = match map.remove(attribute.name) {
                Some(Value::Object(inner)) => inner,
                _ => Map::new(),
            };
            let done = set(&mut inner, sub, verb, value);
            if !inner.is_empty() {
                map.insert(attribute.name.to_owned(), Value::Object(inner));
            }
            done
        }
    }
}

/// Sets or takes a plain value.
fn set(map: &mut Map<String, Value>, attribute: &'static Attribute, verb: Verb, value: &Value) -> Result<(), Refused> {
    let value = match verb {
        Verb::Remove => None,
        Verb::Add | Verb::Replace => whole(attribute, value)?,
    };
    match value {
        Some(value) => {
            map.insert(attribute.name.to_owned(), value);
        }
        None => {
            map.remove(attribute.name);
        }
    }
    Ok(())
}

fn attribute_itself(
    map: &mut Map<String, Value>,
    attribute: &'static Attribute,
    verb: Verb,
    value: &Value,
) -> Result<(), Refused> {
    let required = || Refused::new(ScimType::Mutability, format!("{} is required", attribute.name));
    if attribute.required && verb == Verb::Remove {
        return Err(required());
    }
    match (verb, attribute.multi) {
        // As Entra takes single members away: the entries are in the value.
        (Verb::Remove, true) if !value.is_null() => {
            let gone = whole(attribute, value)?;
            let gone = gone.as_ref().and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
            let same = |entry: &Value, other: &Value| match (entry.get("value"), other.get("value")) {
                (Some(one), Some(other)) => one == other,
                _ => entry == other,
            };
            retain(map, attribute, |entry| !gone.iter().any(|other| same(entry, other)));
            Ok(())
        }
        (Verb::Add, true) => {
            let added = whole(attribute, value)?;
            let Some(Value::Array(added)) = added else {
                return Ok(());
            };
            let mut list = list_of(map, attribute);
            for entry in added {
                if list.contains(&entry) {
                    continue;
                }
                if entry["primary"] == true {
                    demote(&mut list);
                }
                list.push(entry);
            }
            check_list(attribute, &list)?;
            map.insert(attribute.name.to_owned(), Value::Array(list));
            Ok(())
        }
        (Verb::Add | Verb::Replace, false) if attribute.kind == Kind::Complex => {
            // The parts that are named are set, the others stay; null clears them all.
            match (single(attribute, value)?, map.get_mut(attribute.name)) {
                (Some(Value::Object(new)), Some(Value::Object(old))) => old.extend(new),
                (Some(new), _) => {
                    map.insert(attribute.name.to_owned(), new);
                }
                (None, _) => {
                    map.remove(attribute.name);
                }
            }
            Ok(())
        }
        _ => {
            set(map, attribute, verb, value)?;
            if attribute.required && !map.contains_key(attribute.name) {
                return Err(required());
            }
            Ok(())
        }
    }
}

fn list_of(map: &Map<String, Value>, attribute: &Attribute) -> Vec<Value> {
    map.get(attribute.name)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

/// Another one becomes the primary entry.
fn demote(list: &mut [Value]) {
    for entry in list.iter_mut().filter(|entry| entry["primary"] == true) {
        entry["primary"] = Value::Bool(false);
    }
}

fn retain(map: &mut Map<String, Value>, attribute: &Attribute, keep: impl Fn(&Value) -> bool) {
    let mut list = list_of(map, attribute);
    list.retain(keep);
    store(map, attribute, list);
}

fn store(map: &mut Map<String, Value>, attribute: &Attribute, mut list: Vec<Value>) {
    list.retain(|entry| entry.as_object().is_some_and(|entry| !entry.is_empty()));
    let mut once: Vec<Value> = Vec::with_capacity(list.len());
    for entry in list {
        if !once.contains(&entry) {
            once.push(entry);
        }
    }
    if once.is_empty() {
        map.remove(attribute.name);
    } else {
        map.insert(attribute.name.to_owned(), Value::Array(once));
    }
}

/// A part of all entries of a list.
fn every_entry(
    map: &mut Map<String, Value>,
    attribute: &'static Attribute,
    sub: &'static Attribute,
    verb: Verb,
    value: &Value,
) -> Result<(), Refused> {
    let mut list = list_of(map, attribute);
    if list.is_empty() && verb != Verb::Remove {
        return Err(nothing(attribute));
    }
    for entry in list.iter_mut().filter_map(Value::as_object_mut) {
        set(entry, sub, verb, value)?;
    }
    check_list(attribute, &list)?;
    store(map, attribute, list);
    Ok(())
}

fn nothing(attribute: &Attribute) -> Refused {
    Refused::new(
        ScimType::NoTarget,
        format!("Nothing of {} is what the path asks for", attribute.name),
    )
}

/// The entries of a list that a filter chooses, or a part of them.
fn entries(
    map: &mut Map<String, Value>,
    path: &PatchPath,
    attribute: &'static Attribute,
    verb: Verb,
    value: &Value,
) -> Result<(), Refused> {
    let Some(filter) = &path.filter else { return Ok(()) };
    let sub = match &path.sub {
        Some(name) => Some(super::schema::named(attribute.sub, name).ok_or_else(|| no_such(name))?),
        None => None,
    };
    let mut list = list_of(map, attribute);
    let empty = Map::new();
    let mut chosen = Vec::new();
    // Also of an empty list, so that a filter is wrong whatever there is.
    matches(filter, attribute, &empty)?;
    for (place, entry) in list.iter().enumerate() {
        if matches(filter, attribute, entry.as_object().unwrap_or(&empty))? {
            chosen.push(place);
        }
    }
    if verb == Verb::Remove && sub.is_none() {
        let mut place = 0;
        list.retain(|_| {
            place += 1;
            !chosen.contains(&(place - 1))
        });
        store(map, attribute, list);
        return Ok(());
    }
    if chosen.is_empty() {
        match verb {
            // What is not there needs no taking away.
            Verb::Remove => return Ok(()),
            Verb::Replace => return Err(nothing(attribute)),
            // Entra adds the work address so.
            Verb::Add => {
                let entry = described(filter, attribute).ok_or_else(|| nothing(attribute))?;
                chosen.push(list.len());
                list.push(Value::Object(entry));
            }
        }
    }
    for place in &chosen {
        let Some(entry) = list.get_mut(*place).and_then(Value::as_object_mut) else {
            continue;
        };
        match sub {
            Some(sub) => set(entry, sub, verb, value)?,
            None => match single(attribute, value)? {
                Some(Value::Object(new)) => entry.extend(new),
                _ => return Err(Refused::value(attribute.name, "must be an object")),
            },
        }
    }
    let raised = chosen
        .iter()
        .find(|place| list.get(**place).is_some_and(|entry| entry["primary"] == true))
        .copied();
    if let Some(raised) = raised {
        for (place, entry) in list.iter_mut().enumerate() {
            if place != raised && entry["primary"] == true && !chosen.contains(&place) {
                entry["primary"] = Value::Bool(false);
            }
        }
    }
    check_list(attribute, &list)?;
    store(map, attribute, list);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::*, *};

    fn person() -> Map<String, Value> {
        let body = json!({
            "userName": "max", "active": true, "name": {"givenName": "Max", "familyName": "Mars"},
            "emails": [{"type": "work", "value": "max@example.com", "primary": true}, {"type": "home", "value": "m@home"}],
        });
        read(&USERS, &body).unwrap()
    }

    #[expect(clippy::needless_pass_by_value, reason = "what json! makes")]
    fn patched(list: Value) -> Result<Value, Refused> {
        let mut map = person();
        let body = json!({"schemas": [PATCH], "Operations": list});
        apply(&USERS, &mut map, &operations(&body)?)?;
        Ok(Value::Object(map))
    }

    #[track_caller]
    fn refused(operations: Value) -> ScimType {
        patched(operations).expect_err("refused").kind
    }

    #[test]
    fn entra_replaces_by_paths() {
        let after = patched(json!([
            {"op": "Replace", "path": "emails[type eq \"work\"].value", "value": "updatedEmail@microsoft.com"},
            {"op": "Replace", "path": "name.familyName", "value": "updatedFamilyName"},
            {"op": "Replace", "path": "active", "value": "False"},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "Tools"},
            {"op": "Add", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": "42"},
        ]))
        .unwrap();
        assert_eq!(after["emails"][0]["value"], "updatedEmail@microsoft.com");
        assert_eq!(after["emails"][1]["value"], "m@home");
        assert_eq!(
            after["name"],
            json!({"givenName": "Max", "familyName": "updatedFamilyName"})
        );
        assert_eq!(after["active"], false);
        assert_eq!(
            after[ENTERPRISE],
            json!({"department": "Tools", "manager": {"value": "42"}})
        );
    }

    #[test]
    fn without_a_path_names_are_paths() {
        let after = patched(json!([{"op": "replace", "value": {
            "displayName": "Bjfe", "name.givenName": "Kkom", "externalId": "Aklq", "id": "no", "unknown": 1,
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber": "7",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {"department": "Tools"},
        }}]))
        .unwrap();
        assert_eq!(after["displayName"], "Bjfe");
        assert_eq!(after["name"], json!({"givenName": "Kkom", "familyName": "Mars"}));
        assert_eq!(after["externalId"], "Aklq");
        assert_eq!(after[ENTERPRISE], json!({"employeeNumber": "7", "department": "Tools"}));
        assert!(after.get("id").is_none());
        let after = patched(json!([{"op": "replace", "value": {"active": false}}])).unwrap();
        assert_eq!(after["active"], false, "as Okta deactivates");
    }

    #[test]
    fn adding_makes_the_entry_and_replacing_needs_it() {
        let path = "emails[type eq \"other\"].value";
        let after = patched(json!([{"op": "Add", "path": path, "value": "x@y"}])).unwrap();
        assert_eq!(after["emails"][2], json!({"type": "other", "value": "x@y"}));
        assert_eq!(
            refused(json!([{"op": "replace", "path": path, "value": "x@y"}])),
            ScimType::NoTarget
        );
        let after = patched(json!([{"op": "remove", "path": "emails[type eq \"other\"]"}])).unwrap();
        assert_eq!(after, Value::Object(person()), "what is not there needs no taking away");
    }

    #[test]
    fn only_one_entry_is_primary() {
        let after =
            patched(json!([{"op": "add", "path": "emails", "value": [{"value": "z@z", "primary": true}]}])).unwrap();
        let primary: Vec<_> = after["emails"]
            .as_array()
            .unwrap()
            .iter()
            .map(|e| e["primary"] == true)
            .collect();
        assert_eq!(primary, [false, false, true]);
        let after =
            patched(json!([{"op": "replace", "path": "emails[type eq \"home\"].primary", "value": true}])).unwrap();
        assert_eq!(after["emails"][0]["primary"], false);
        assert_eq!(after["emails"][1]["primary"], true);
    }

    #[test]
    fn lists_grow_shrink_and_are_replaced() {
        let again = json!({"type": "work", "value": "max@example.com", "primary": true});
        let after = patched(json!([{"op": "add", "path": "emails", "value": [again]}])).unwrap();
        assert_eq!(after, Value::Object(person()), "what is there is not added again");
        let after = patched(json!([{"op": "remove", "path": "emails", "value": [{"value": "m@home"}]}])).unwrap();
        assert_eq!(after["emails"].as_array().unwrap().len(), 1);
        let after = patched(json!([{"op": "replace", "path": "emails", "value": [{"value": "n@n"}]}])).unwrap();
        assert_eq!(after["emails"], json!([{"value": "n@n"}]));
        let after = patched(json!([{"op": "remove", "path": "emails"}])).unwrap();
        assert!(after.get("emails").is_none());
        let after =
            patched(json!([{"op": "remove", "path": "name.givenName"}, {"op": "remove", "path": "name.familyName"}]));
        assert!(after.unwrap().get("name").is_none(), "nothing empty stays behind");
    }

    #[test]
    fn what_the_rfc_refuses_is_refused() {
        assert_eq!(refused(json!([{"op": "remove"}])), ScimType::NoTarget);
        assert_eq!(
            refused(json!([{"op": "remove", "path": "userName"}])),
            ScimType::Mutability
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "userName", "value": ""}])),
            ScimType::Mutability
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "id", "value": "x"}])),
            ScimType::Mutability
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "meta.created", "value": "x"}])),
            ScimType::Mutability
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "nonsense", "value": "x"}])),
            ScimType::InvalidPath
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "name.nonsense", "value": "x"}])),
            ScimType::InvalidPath
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "title[value eq \"a\"]", "value": "x"}])),
            ScimType::InvalidPath
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "emails[nonsense eq \"a\"]", "value": {}}])),
            ScimType::InvalidFilter
        );
        assert_eq!(
            refused(json!([{"op": "replace", "path": "active", "value": "maybe"}])),
            ScimType::InvalidValue
        );
        assert_eq!(
            refused(json!([{"op": "replace", "value": "x"}])),
            ScimType::InvalidValue
        );
        assert_eq!(
            refused(json!([{"op": "move", "path": "title"}])),
            ScimType::InvalidSyntax
        );
        assert_eq!(refused(json!([])), ScimType::InvalidSyntax);
        assert_eq!(refused(json!({})), ScimType::InvalidSyntax);
        let body = json!({"schemas": [USER], "Operations": [{"op": "remove", "path": "title"}]});
        assert_eq!(operations(&body).unwrap_err().kind, ScimType::InvalidSyntax);
    }
}
