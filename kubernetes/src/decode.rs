//! From what somebody sent to an [`Object`]: apiVersion and kind, metadata, and `spec` against its type.

mod check;
mod immutable;
mod json;
mod metadata;
mod shape;
mod typed;

use serde_json::{Map, Value};

pub use check::check;
pub use immutable::immutable;
pub use json::json;
pub use metadata::generated;

use shape::Missing;
pub(crate) use shape::type_of;

use crate::{API_VERSION, Cause, Failure, Kind, Meta, Object, VERSION, schema};

/// What happens to fields that nobody knows (`fieldValidation`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Validation {
    /// They are dropped.
    Ignore,
    /// They are dropped, and the answer warns of them.
    #[default]
    Warn,
    /// They are refused.
    Strict,
}

/// An object that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decoded {
    /// The object; `status` is empty, whatever the body said.
    pub object: Object,
    /// What kubectl is to print after `Warning:`.
    pub warnings: Vec<String>,
}

/// Reads the bytes of a JSON body: [`json()`], then [`object`]; keys that stand there twice are reported beside unknown ones.
pub fn bytes(kind: Kind, namespace: &str, body: &[u8], validation: Validation) -> Result<Decoded, Failure> {
    let (body, duplicates) = json(body)?;
    with(kind, namespace, &body, validation, &duplicates)
}

/// Reads an object of a kind that was sent to a namespace. Wrong types and missing fields are told all at once.
pub fn object(kind: Kind, namespace: &str, body: &Value, validation: Validation) -> Result<Decoded, Failure> {
    with(kind, namespace, body, validation, &[])
}

/// [`object`], with the fields that stood there twice, as [`json()`] and `manifest` find them.
pub fn with(
    kind: Kind,
    namespace: &str,
    body: &Value,
    validation: Validation,
    duplicates: &[String],
) -> Result<Decoded, Failure> {
    read(kind, namespace, body, validation, duplicates, Missing::Refused)
}

/// The part of an object that server-side apply sends: its fields have the right types, but any of them may be missing.
pub(crate) fn partial(kind: Kind, namespace: &str, body: &Value, validation: Validation) -> Result<Decoded, Failure> {
    read(kind, namespace, body, validation, &[], Missing::Fine)
}

fn read(
    kind: Kind,
    namespace: &str,
    body: &Value,
    validation: Validation,
    duplicates: &[String],
    missing: Missing,
) -> Result<Decoded, Failure> {
    let body = identity(kind, body)?;
    let (mut unknown, mut causes, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
    let known = |key: &str| matches!(key, "apiVersion" | "kind" | "metadata" | "spec" | "status");
    unknown.extend(body.keys().filter(|key| !known(key)).cloned());
    let metadata = metadata::read(namespace, body.get("metadata"), &mut unknown, &mut causes)?;
    if body
        .get("metadata")
        .is_some_and(|metadata| is_something(&metadata["ownerReferences"]))
    {
        warnings.push("metadata.ownerReferences is not kept: nothing here is deleted with its owner".to_owned());
    }
    let spec = shape::read(schema::spec(kind), body.get("spec"), missing, &mut unknown, &mut causes);
    strict(validation, duplicates, &unknown, &mut warnings)?;
    if !causes.is_empty() {
        return Err(Failure::invalid(kind, name_or_prefix(&metadata), causes));
    }
    Ok(Decoded {
        object: Object {
            kind,
            metadata,
            spec,
            status: Map::new(),
        },
        warnings,
    })
}

/// Refuses, warns of or forgets fields that are unknown or there twice.
fn strict(
    validation: Validation,
    duplicates: &[String],
    unknown: &[String],
    warnings: &mut Vec<String>,
) -> Result<(), Failure> {
    let found = (duplicates.iter().map(|path| format!("duplicate field {path:?}")))
        .chain(unknown.iter().map(|path| format!("unknown field {path:?}")));
    match validation {
        Validation::Ignore => {}
        Validation::Warn => warnings.extend(found),
        Validation::Strict => {
            let found: Vec<String> = found.collect();
            if !found.is_empty() {
                return Err(Failure::bad_request(format!(
                    "strict decoding error: {}",
                    found.join(", ")
                )));
            }
        }
    }
    Ok(())
}

/// The body as an object with the right `apiVersion` and `kind`.
fn identity(kind: Kind, body: &Value) -> Result<&Map<String, Value>, Failure> {
    let Value::Object(body) = body else {
        return Err(Failure::bad_request(format!(
            "the body must be a JSON object, not {}",
            type_of(body)
        )));
    };
    let is = |field: &str, wanted: &str| match body.get(field) {
        Some(Value::String(word)) if word == wanted => Ok(()),
        Some(Value::String(word)) if !word.is_empty() => Err(Failure::bad_request(format!(
            "the {field} in the data ({word}) does not match the expected {field} ({wanted})"
        ))),
        _ => Err(Failure::bad_request(format!(
            "Object '{field}' is missing: it must be {wanted}"
        ))),
    };
    is("apiVersion", API_VERSION)?;
    is("kind", kind.name())?;
    Ok(body)
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(entries) => !entries.is_empty(),
        _ => true,
    }
}

fn name_or_prefix(metadata: &Meta) -> &str {
    if metadata.name.is_empty() {
        metadata.generate_name.as_deref().unwrap_or_default()
    } else {
        &metadata.name
    }
}

/// A stored `spec` that its type does not take: one of another version of Guildhall.
fn unreadable(object: &Object, error: &serde_json::Error) -> Failure {
    let rule = format!("is not what {VERSION} can read: {error}");
    let cause = Cause {
        reason: "FieldValueInvalid",
        field: "spec".to_owned(),
        message: rule,
    };
    Failure::invalid(object.kind, &object.metadata.name, vec![cause])
}

#[cfg(test)]
mod tests;
