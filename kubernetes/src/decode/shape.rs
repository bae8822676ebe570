//! `spec` against its schema: what is unknown, missing, or of another type, with paths such as `spec.models[0]`.

use serde_json::{Map, Value};

use crate::Cause;

/// What is said of required fields that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// They are.
    Refused,
    /// Nothing: somebody else may have set them.
    Fine,
}

/// The known fields of `spec`. A null is a field that is not set.
pub(crate) fn read(
    schema: &Value,
    spec: Option<&Value>,
    missing: Missing,
    unknown: &mut Vec<String>,
    causes: &mut Vec<Cause>,
) -> Map<String, Value> {
    let mut walk = Walk {
        missing,
        unknown,
        causes,
    };
    match spec {
        Some(value) if !value.is_null() => match walk.value(schema, value, "spec") {
            Value::Object(spec) => spec,
            _ => Map::new(),
        },
        _ => {
            if missing == Missing::Refused {
                walk.causes.push(Cause::required("spec", ""));
            }
            Map::new()
        }
    }
}

/// The word of a JSON value's type.
pub(crate) fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_i64() || number.is_u64() => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Whether a character is in it that PostgreSQL cannot keep.
pub(super) fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(entries) => entries.iter().any(has_nul),
        Value::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What is said of such a field; without its value, which nobody could read.
pub(super) fn nul(path: &str) -> Cause {
    Cause {
        reason: "FieldValueInvalid",
        field: path.to_owned(),
        message: "Invalid value: must not contain NUL characters".to_owned(),
    }
}

struct Walk<'a> {
    missing: Missing,
    unknown: &'a mut Vec<String>,
    causes: &'a mut Vec<Cause>,
}

impl Walk<'_> {
    fn value(&mut self, schema: &Value, value: &Value, path: &str) -> Value {
        let wanted = schema["type"].as_str().unwrap_or("object");
        match (wanted, value) {
            ("object", Value::Object(fields)) => Value::Object(self.object(schema, fields, path)),
            ("array", Value::Array(entries)) => (entries.iter().enumerate())
                .map(|(at, entry)| self.value(&schema["items"], entry, &format!("{path}[{at}]")))
                .collect(),
            ("string", Value::String(text)) if text.contains('\0') => {
                self.causes.push(nul(path));
                Value::Null
            }
            // One that is larger than the type holds.
            ("integer", Value::Number(number)) if number.is_u64() && !number.is_i64() => {
                self.causes
                    .push(Cause::invalid(path, value, "must be at most 9223372036854775807"));
                Value::Null
            }
            _ if type_of(value) == wanted => value.clone(),
            _ => {
                self.causes.push(wrong_type(path, wanted, value));
                Value::Null
            }
        }
    }

    fn object(&mut self, schema: &Value, fields: &Map<String, Value>, path: &str) -> Map<String, Value> {
        let known = schema["properties"].as_object();
        let any = schema.get("additionalProperties").filter(|schema| schema.is_object());
        let mut out = Map::new();
        for (name, value) in fields {
            let path = format!("{path}.{name}");
            match known.and_then(|known| known.get(name)).or(any) {
                None => self.unknown.push(path),
                Some(_) if value.is_null() => {}
                Some(_) if name.contains('\0') => self.causes.push(nul(&path)),
                Some(schema) => {
                    out.insert(name.clone(), self.value(schema, value, &path));
                }
            }
        }
        if self.missing == Missing::Refused {
            let required = schema["required"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            let absent = required.filter(|name| !out.contains_key(*name));
            self.causes
                .extend(absent.map(|name| Cause::required(format!("{path}.{name}"), "")));
        }
        out
    }
}

/// As Kubernetes says it: the value is the type that was found.
fn wrong_type(path: &str, wanted: &str, value: &Value) -> Cause {
    let found = type_of(value);
    Cause {
        reason: "FieldValueTypeInvalid",
        field: path.to_owned(),
        message: format!("Invalid value: {found:?}: {path} in body must be of type {wanted}: {found:?}"),
    }
}
