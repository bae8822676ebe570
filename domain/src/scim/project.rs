//! Which attributes an answer has (RFC 7644, section 3.9).

use serde_json::{Map, Value};

use super::{AttrPath, Resource};

/// What was asked for, and what was not.
#[derive(Debug, Clone, Default)]
pub struct Projection {
    only: Option<Vec<AttrPath>>,
    without: Vec<AttrPath>,
}

impl Projection {
    /// Reads the two parameters: names with commas between them. Names that are none are passed over.
    pub fn parse(only: Option<&str>, without: Option<&str>) -> Self {
        let list = |text: &str| -> Vec<AttrPath> {
            text.split(',')
                .filter_map(|name| AttrPath::parse(name.trim()))
                .collect()
        };
        Self {
            only: only.filter(|text| !text.trim().is_empty()).map(list),
            without: without.map(list).unwrap_or_default(),
        }
    }

    /// Whether something was asked for by name: then the answer has a body.
    pub fn is_asked(&self) -> bool {
        self.only.is_some() || !self.without.is_empty()
    }

    /// Whether the answer has anything of an attribute of the core schema.
    pub fn shows(&self, name: &str) -> bool {
        let is = |path: &AttrPath| path.name.eq_ignore_ascii_case(name);
        self.only.as_ref().is_none_or(|only| only.iter().any(is))
            && !self.without.iter().any(|path| is(path) && path.sub.is_none())
    }

    /// A resource with what was asked for. `schemas` and `id` are always there.
    pub fn apply(&self, resource: &Resource, mut map: Map<String, Value>) -> Map<String, Value> {
        if let Some(only) = &self.only {
            let mut kept = Map::new();
            for name in ["schemas", "id"] {
                if let Some(value) = map.get(name) {
                    kept.insert(name.to_owned(), value.clone());
                }
            }
            for path in only {
                keep(resource, &map, &mut kept, path);
            }
            map = kept;
        }
        for path in &self.without {
            leave_out(resource, &mut map, path);
        }
        map
    }
}

/// Whether the path is the whole extension: its last part is then no attribute.
fn is_extension(resource: &Resource, path: &AttrPath) -> Option<&'static str> {
    let urn = resource.extension?.urn;
    let whole = match (&path.schema, &path.sub) {
        (Some(schema), None) => format!("{schema}:{}", path.name),
        _ => return None,
    };
    whole.eq_ignore_ascii_case(urn).then_some(urn)
}

fn keep(resource: &Resource, from: &Map<String, Value>, kept: &mut Map<String, Value>, path: &AttrPath) {
    if let Some(urn) = is_extension(resource, path) {
        if let Some(value) = from.get(urn) {
            kept.insert(urn.to_owned(), value.clone());
        }
        return;
    }
    let Some(found) = resource.find(path) else { return };
    let inner = match found.extension {
        Some(urn) => from.get(urn).and_then(Value::as_object),
        None => Some(from),
    };
    let Some(value) = inner.and_then(|inner| inner.get(found.attribute.name)) else {
        return;
    };
    let value = match found.sub {
        None => value.clone(),
        Some(sub) => match value {
            Value::Array(list) => Value::Array(list.iter().filter_map(|entry| part(entry, sub.name)).collect()),
            entry => match part(entry, sub.name) {
                Some(value) => value,
                None => return,
            },
        },
    };
    let target = match found.extension {
        None => kept,
        Some(urn) => {
            let entry = kept.entry(urn).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(target) = entry else { return };
            target
        }
    };
    match target.get_mut(found.attribute.name) {
        Some(have) if found.sub.is_some() => merge(have, value),
        _ => {
            target.insert(found.attribute.name.to_owned(), value);
        }
    }
}

fn part(entry: &Value, name: &str) -> Option<Value> {
    let value = entry.get(name)?;
    let mut map = Map::new();
    map.insert(name.to_owned(), value.clone());
    Some(Value::Object(map))
}

/// Two parts of one attribute that were asked for.
fn merge(have: &mut Value, more: Value) {
    match (have, more) {
        (Value::Object(have), Value::Object(more)) => have.extend(more),
        (Value::Array(have), Value::Array(more)) if have.len() == more.len() => {
            for (have, more) in have.iter_mut().zip(more) {
                merge(have, more);
            }
        }
        _ => {}
    }
}

fn leave_out(resource: &Resource, map: &mut Map<String, Value>, path: &AttrPath) {
    if let Some(urn) = is_extension(resource, path) {
        map.remove(urn);
        return;
    }
    let Some(found) = resource.find(path) else { return };
    if found.attribute.always {
        return;
    }
    let inner = match found.extension {
        Some(urn) => match map.get_mut(urn) {
            Some(Value::Object(inner)) => inner,
            _ => return,
        },
        None => map,
    };
    let Some(sub) = found.sub else {
        inner.remove(found.attribute.name);
        return;
    };
    match inner.get_mut(found.attribute.name) {
        Some(Value::Array(list)) => {
            for entry in list.iter_mut().filter_map(Value::as_object_mut) {
                entry.remove(sub.name);
            }
        }
        Some(Value::Object(entry)) => {
            entry.remove(sub.name);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{super::*, *};

    fn shown(only: Option<&str>, without: Option<&str>) -> Value {
        let Value::Object(map) = json!({
            "schemas": [USER], "id": "1", "userName": "max", "meta": {"created": "x", "version": "y"},
            "name": {"givenName": "Max", "familyName": "Mars"},
            "emails": [{"value": "a", "type": "work"}, {"value": "b", "type": "home"}],
            ENTERPRISE: {"department": "Tools", "division": "D"},
        }) else {
            panic!("an object")
        };
        Value::Object(Projection::parse(only, without).apply(&USERS, map))
    }

    #[test]
    fn only_what_is_asked_for_and_always_the_id() {
        assert_eq!(
            shown(Some("USERNAME"), None),
            json!({"schemas": [USER], "id": "1", "userName": "max"})
        );
        let after = shown(Some("name.givenName, emails.value,emails.type , nonsense"), None);
        let emails = json!([{"value": "a", "type": "work"}, {"value": "b", "type": "home"}]);
        assert_eq!(
            after,
            json!({"schemas": [USER], "id": "1", "name": {"givenName": "Max"}, "emails": emails})
        );
        let department = format!("{ENTERPRISE}:department");
        assert_eq!(
            shown(Some(&department), None)[ENTERPRISE],
            json!({"department": "Tools"})
        );
        assert_eq!(
            shown(Some(ENTERPRISE), None)[ENTERPRISE],
            json!({"department": "Tools", "division": "D"})
        );
    }

    #[test]
    fn without_what_is_not_wanted() {
        let after = shown(None, Some("id,schemas,meta,emails.type,name"));
        assert_eq!(after["id"], "1");
        assert_eq!(after["schemas"], json!([USER]));
        assert!(after.get("meta").is_none() && after.get("name").is_none());
        assert_eq!(after["emails"], json!([{"value": "a"}, {"value": "b"}]));
        assert!(shown(None, Some(ENTERPRISE)).get(ENTERPRISE).is_none());
    }

    #[test]
    fn members_are_not_read_when_they_are_not_shown() {
        assert!(!Projection::parse(None, Some("members")).shows("members"));
        assert!(!Projection::parse(Some("displayName"), None).shows("members"));
        assert!(Projection::parse(Some("members.value"), None).shows("members"));
        assert!(Projection::default().shows("members") && !Projection::default().is_asked());
    }
}
