//! What a directory sends, brought into the form of the schemas: names as they are written there, values of their types,
//! nothing that is not kept.

use serde_json::{Map, Value};

use super::{
    Refused, Resource, ScimType,
    schema::{Attribute, Kind, Mutability, named},
    shown,
};

/// How long a text may be, in characters.
const LONGEST: usize = 1000;
/// How long a name or an id may be.
const LONGEST_KEY: usize = 256;
/// How many entries a list of a person may have.
const MOST: usize = 50;

/// Reads the body of a POST or PUT. What the schemas do not have is left out, as is what only Guildhall sets; a list of a
/// group's members is not read here.
///
/// # Errors
/// `invalidSyntax` for what is no resource of this kind; `invalidValue` for a value of another type, or a required one
/// that is missing.
pub fn read(resource: &Resource, body: &Value) -> Result<Map<String, Value>, Refused> {
    let Value::Object(body) = body else {
        return Err(Refused::new(ScimType::InvalidSyntax, "The body must be a JSON object"));
    };
    let mut map = Map::new();
    for (name, value) in body {
        if name.eq_ignore_ascii_case("schemas") {
            require_schema(value, resource.core.urn)?;
            continue;
        }
        if let Some(extension) = resource
            .extension
            .filter(|schema| name.eq_ignore_ascii_case(schema.urn))
        {
            if let Some(inner) = object(extension.urn, extension.attributes, value)? {
                map.insert(extension.urn.to_owned(), inner);
            }
            continue;
        }
        let path = super::AttrPath {
            schema: None,
            name: name.clone(),
            sub: None,
        };
        let Some(found) = resource.find(&path) else { continue };
        if found.attribute.mutability == Mutability::ReadOnly || found.attribute.name == "members" {
            continue;
        }
        if let Some(value) = whole(found.attribute, value)? {
            map.insert(found.attribute.name.to_owned(), value);
        }
    }
    require_all(resource, &map)?;
    Ok(map)
}

/// That a body says it is what it has to be. One that says nothing is believed.
pub(super) fn require_schema(value: &Value, urn: &str) -> Result<(), Refused> {
    let is = |value: &Value| value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(urn));
    let has = match value {
        Value::Array(list) => list.iter().any(is),
        other => is(other),
    };
    if has {
        return Ok(());
    }
    Err(Refused::new(
        ScimType::InvalidSyntax,
        format!("schemas must contain {urn}"),
    ))
}

/// That nothing is missing.
pub(super) fn require_all(resource: &Resource, map: &Map<String, Value>) -> Result<(), Refused> {
    for attribute in resource.core.attributes.iter().filter(|attribute| attribute.required) {
        if !map.contains_key(attribute.name) {
            return Err(Refused::value(attribute.name, "is required"));
        }
    }
    Ok(())
}

/// A whole attribute; `None` is no value: null, an empty text, an empty list.
pub(super) fn whole(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    if attribute.multi {
        return list(attribute, value);
    }
    match value {
        // Entra's older clients wrap single values.
        Value::Array(items) if items.len() <= 1 => match items.first() {
            Some(item) => single(attribute, item),
            None => Ok(None),
        },
        other => single(attribute, other),
    }
}

fn list(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    let items = match value {
        Value::Null => return Ok(None),
        Value::Array(items) => items.as_slice(),
        item @ Value::Object(_) => std::slice::from_ref(item),
        _ => return Err(Refused::value(attribute.name, "must be a list")),
    };
    let mut read: Vec<Value> = Vec::new();
    for item in items {
        if let Some(item) = single(attribute, item)?
            && !read.contains(&item)
        {
            read.push(item);
        }
    }
    check_list(attribute, &read)?;
    Ok((!read.is_empty()).then_some(Value::Array(read)))
}

/// That a list is not too long, and has one primary entry at most.
pub(super) fn check_list(attribute: &Attribute, items: &[Value]) -> Result<(), Refused> {
    if items.len() > MOST {
        return Err(Refused::value(attribute.name, "must have at most 50 entries"));
    }
    let primary = items.iter().filter(|item| item["primary"] == true).count();
    if primary > 1 {
        return Err(Refused::value(attribute.name, "must have at most one primary entry"));
    }
    Ok(())
}

/// One value.
pub(super) fn single(attribute: &'static Attribute, value: &Value) -> Result<Option<Value>, Refused> {
    match (attribute.kind, value) {
        (_, Value::Null) => Ok(None),
        (Kind::Complex, Value::Object(_)) => object(attribute.name, attribute.sub, value),
        // A manager's id, an address alone.
        (Kind::Complex, text @ Value::String(_)) => match named(attribute.sub, "value") {
            Some(sub) => Ok(single(sub, text)?.map(|text| {
                let mut map = Map::new();
                map.insert(sub.name.to_owned(), text);
                Value::Object(map)
            })),
            None => Err(Refused::value(attribute.name, "must be an object")),
        },
        (Kind::Complex, _) => Err(Refused::value(attribute.name, "must be an object")),
        (Kind::Boolean, value) => boolean(value)
            .map(|value| Some(Value::Bool(value)))
            .ok_or_else(|| Refused::value(attribute.name, "must be true or false")),
        (_, Value::String(text)) => line(attribute, text),
        _ => Err(Refused::value(attribute.name, "must be text")),
    }
}

/// True or false, also in words: Entra sends `"True"` and `"False"`.
pub fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn line(attribute: &Attribute, text: &str) -> Result<Option<Value>, Refused> {
    let key = attribute.required || attribute.name == "externalId";
    let longest = if key { LONGEST_KEY } else { LONGEST };
    if text.chars().count() > longest {
        let rule = format!(
            "must be at most {longest} characters, not {}…",
            shown(text).chars().take(20).collect::<String>()
        );
        return Err(Refused::value(attribute.name, &rule));
    }
    let forbidden = |c: char| c.is_control() && (key || !matches!(c, '\n' | '\r' | '\t'));
    if text.contains(forbidden) {
        return Err(Refused::value(attribute.name, "must not have control characters"));
    }
    let text = if key { text.trim() } else { text };
    Ok((!text.is_empty()).then(|| Value::String(text.to_owned())))
}

fn object(name: &str, attributes: &'static [Attribute], value: &Value) -> Result<Option<Value>, Refused> {
    let map = match value {
        Value::Null => return Ok(None),
        Value::Object(map) => map,
        _ => return Err(Refused::value(name, "must be an object")),
    };
    let mut read = Map::new();
    for (name, value) in map {
        let Some(attribute) = named(attributes, name) else {
            continue;
        };
        if attribute.mutability == Mutability::ReadOnly {
            continue;
        }
        if let Some(value) = whole(attribute, value)? {
            read.insert(attribute.name.to_owned(), value);
        }
    }
    Ok((!read.is_empty()).then_some(Value::Object(read)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::{super::*, *};

    fn json_values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            let name = prop_oneof![
                Just("emails".to_owned()),
                Just("name".to_owned()),
                Just("userName".to_owned()),
                Just("value".to_owned()),
                Just("primary".to_owned()),
                Just("op".to_owned()),
                Just("path".to_owned()),
                Just(ENTERPRISE.to_owned()),
                "[a-zA-Z.]{0,10}",
            ];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name, inner), 0..5)
                    .prop_map(|entries| Value::Object(entries.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn names_have_no_case_and_types_are_brought_into_form() {
        let map = read(
            &USERS,
            &json!({
                "schemas": [USER, ENTERPRISE, "urn:other"],
                "USERNAME": " max ",
                "active": "True",
                "id": "mine",
                "meta": {"resourceType": "User"},
                "password": "secret",
                "nickName": "",
                "title": null,
                "roles": [],
                "emails": {"value": "max@example.com", "primary": "true", "unknown": 1},
                "urn:ietf:params:scim:schemas:extension:enterprise:2.0:USER": {"manager": "42", "department": "Tools"},
            }),
        )
        .unwrap();
        assert_eq!(
            Value::Object(map),
            json!({
                "userName": "max",
                "active": true,
                "emails": [{"value": "max@example.com", "primary": true}],
                ENTERPRISE: {"manager": {"value": "42"}, "department": "Tools"},
            })
        );
    }

    #[test]
    fn what_does_not_fit_is_refused_by_name() {
        for (body, kind, words) in [
            (json!([]), ScimType::InvalidSyntax, "JSON object"),
            (
                json!({"schemas": [GROUP], "userName": "a"}),
                ScimType::InvalidSyntax,
                "schemas must contain",
            ),
            (json!({}), ScimType::InvalidValue, "userName is required"),
            (
                json!({"userName": "  "}),
                ScimType::InvalidValue,
                "userName is required",
            ),
            (json!({"userName": 3}), ScimType::InvalidValue, "userName must be text"),
            (
                json!({"userName": "a\u{0}"}),
                ScimType::InvalidValue,
                "control characters",
            ),
            (json!({"userName": "a".repeat(257)}), ScimType::InvalidValue, "256"),
            (
                json!({"userName": "a", "active": "yes"}),
                ScimType::InvalidValue,
                "active must be true or false",
            ),
            (
                json!({"userName": "a", "name": "Max"}),
                ScimType::InvalidValue,
                "name must be an object",
            ),
            (
                json!({"userName": "a", "emails": "x"}),
                ScimType::InvalidValue,
                "emails must be a list",
            ),
            (
                json!({"userName": "a", "title": "x".repeat(1001)}),
                ScimType::InvalidValue,
                "1000",
            ),
            (
                json!({"userName": "a", "emails": [{"value": "a", "primary": true}, {"value": "b", "primary": true}]}),
                ScimType::InvalidValue,
                "one primary",
            ),
        ] {
            let error = read(&USERS, &body).expect_err(&body.to_string());
            assert_eq!(error.kind, kind, "{body}");
            assert!(error.detail.contains(words), "{}", error.detail);
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_sent_panics(body in json_values()) {
            let _ = read(&USERS, &body);
            let _ = read(&GROUPS, &body);
            let _ = operations(&body);
        }

        #[test]
        fn reading_twice_is_reading_once(body in json_values(), name in "[a-z]{1,8}") {
            let mut body = body;
            if let Value::Object(map) = &mut body {
                map.insert("userName".to_owned(), json!(name));
            }
            if let Ok(once) = read(&USERS, &body) {
                prop_assert_eq!(read(&USERS, &Value::Object(once.clone())).unwrap(), once);
            }
        }

        #[test]
        fn no_operation_panics_and_what_comes_out_is_in_form(
            path in prop_oneof![
                Just("emails[type eq \"work\"].value".to_owned()),
                Just("emails".to_owned()),
                Just("name".to_owned()),
                Just("name.givenName".to_owned()),
                Just(format!("{ENTERPRISE}:manager")),
                Just(ENTERPRISE.to_owned()),
                "[a-zA-Z.\\[\\]\" ]{0,20}",
            ],
            verb in prop_oneof![Just("add"), Just("Replace"), Just("remove")],
            value in json_values(),
        ) {
            let start = read(&USERS, &json!({"userName": "max", "emails": [{"type": "work", "value": "a@b.c"}]})).unwrap();
            let body = json!({"schemas": [PATCH], "Operations": [{"op": verb, "path": path, "value": value}]});
            let mut after = start;
            if let Ok(operations) = operations(&body)
                && apply(&USERS, &mut after, &operations).is_ok()
            {
                prop_assert_eq!(read(&USERS, &Value::Object(after.clone())).unwrap(), after);
            }
        }
    }
}
