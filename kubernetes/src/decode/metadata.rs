//! `metadata`: its types (400), and Kubernetes' rules of names, labels and annotations (422).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use super::shape::{has_nul, nul, type_of};
use crate::{Cause, Failure, Meta, syntax};

/// All annotations of an object together, keys and values.
const ANNOTATIONS: usize = 256 * 1024;
/// What is generated is appended to at most this much.
const PREFIX: usize = 58;

/// A name from `generateName`: its beginning, and something that nobody else has.
pub fn generated(prefix: &str, unique: &str) -> String {
    let kept: String = prefix.chars().take(PREFIX).collect();
    format!("{kept}{unique}")
}

/// Reads `metadata` of an object in a namespace.
pub(super) fn read(
    namespace: &str,
    body: Option<&Value>,
    unknown: &mut Vec<String>,
    causes: &mut Vec<Cause>,
) -> Result<Meta, Failure> {
    let empty = Map::new();
    let fields = match body {
        None | Some(Value::Null) => &empty,
        Some(Value::Object(fields)) => fields,
        Some(other) => return Err(wrong("metadata", "an object", other)),
    };
    let mut meta = Meta::default();
    for (name, value) in fields.iter().filter(|(_, value)| !value.is_null()) {
        let path = format!("metadata.{name}");
        match name.as_str() {
            "name" => meta.name = string(&path, value)?,
            "generateName" => meta.generate_name = Some(string(&path, value)?).filter(|name| !name.is_empty()),
            "namespace" => meta.namespace = string(&path, value)?,
            "uid" => meta.uid = Some(string(&path, value)?).filter(|uid| !uid.is_empty()),
            "resourceVersion" => meta.resource_version = Some(string(&path, value)?).filter(|text| !text.is_empty()),
            "generation" => meta.generation = Some(integer(&path, value)?),
            "creationTimestamp" => meta.creation_timestamp = Some(time(&path, value)?),
            "deletionTimestamp" => meta.deletion_timestamp = Some(time(&path, value)?),
            "deletionGracePeriodSeconds" => meta.deletion_grace_period_seconds = Some(integer(&path, value)?),
            "labels" => meta.labels = words(&path, value)?,
            "annotations" => meta.annotations = words(&path, value)?,
            "finalizers" => meta.finalizers = strings(&path, value)?,
            "managedFields" => meta.managed_fields = objects(&path, value)?,
            // Known to Kubernetes, and nothing to us.
            "ownerReferences" | "selfLink" => {}
            _ => unknown.push(path),
        }
    }
    if meta.namespace.is_empty() {
        meta.namespace = namespace.to_owned();
    } else if meta.namespace != namespace {
        return Err(Failure::bad_request(format!(
            "the namespace of the provided object ({}) does not match the namespace sent on the request ({namespace})",
            meta.namespace
        )));
    }
    rules(&meta, causes);
    Ok(meta)
}

fn rules(meta: &Meta, causes: &mut Vec<Cause>) {
    match (&meta.name, &meta.generate_name) {
        (name, _) if !name.is_empty() => {
            causes.extend(syntax::subdomain(name).map(|rule| Cause::invalid("metadata.name", &name[..].into(), rule)));
        }
        // What is appended begins with a letter or a digit, so a dash at the end is fine.
        (_, Some(prefix)) => {
            let rule = syntax::subdomain(prefix.strip_suffix(['-', '.']).unwrap_or(prefix));
            causes.extend(rule.map(|rule| Cause::invalid("metadata.generateName", &prefix[..].into(), rule)));
        }
        _ => causes.push(Cause::required("metadata.name", "name or generateName is required")),
    }
    for (key, value) in &meta.labels {
        let path = "metadata.labels";
        causes.extend(syntax::qualified(key).map(|rule| Cause::invalid(path, &key[..].into(), rule)));
        causes.extend(syntax::label_value(value).map(|rule| Cause::invalid(path, &value[..].into(), rule)));
    }
    for (key, value) in &meta.annotations {
        // Kubernetes takes upper case in the prefixes of annotations only.
        let rule = syntax::qualified(&key.to_ascii_lowercase());
        causes.extend(rule.map(|rule| Cause::invalid("metadata.annotations", &key[..].into(), rule)));
        if value.contains('\0') {
            causes.push(nul(&format!("metadata.annotations.{key}")));
        }
    }
    if meta.managed_fields.iter().any(has_nul) {
        causes.push(nul("metadata.managedFields"));
    }
    let size: usize = meta
        .annotations
        .iter()
        .map(|(key, value)| key.len() + value.len())
        .sum();
    if size > ANNOTATIONS {
        causes.push(Cause {
            reason: "FieldValueTooLong",
            field: "metadata.annotations".to_owned(),
            message: format!("Too long: may not be more than {ANNOTATIONS} bytes"),
        });
    }
    for (at, finalizer) in meta.finalizers.iter().enumerate() {
        let rule = syntax::qualified(finalizer);
        let path = format!("metadata.finalizers[{at}]");
        causes.extend(rule.map(|rule| Cause::invalid(path, &finalizer[..].into(), rule)));
    }
}

fn wrong(path: &str, wanted: &str, found: &Value) -> Failure {
    Failure::bad_request(format!("{path} must be {wanted}, not {}", type_of(found)))
}

fn string(path: &str, value: &Value) -> Result<String, Failure> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| wrong(path, "a string", value))
}

fn integer(path: &str, value: &Value) -> Result<i64, Failure> {
    value.as_i64().ok_or_else(|| wrong(path, "an integer", value))
}

fn time(path: &str, value: &Value) -> Result<DateTime<Utc>, Failure> {
    let text = string(path, value)?;
    let time = DateTime::parse_from_rfc3339(&text);
    time.map(|time| time.to_utc())
        .map_err(|_| Failure::bad_request(format!("{path} must be a time of RFC 3339")))
}

fn words(path: &str, value: &Value) -> Result<BTreeMap<String, String>, Failure> {
    let fields = value
        .as_object()
        .ok_or_else(|| wrong(path, "an object of strings", value))?;
    let word = |(key, value): (&String, &Value)| Ok((key.clone(), string(&format!("{path}.{key}"), value)?));
    // A null is an empty string in Kubernetes; here it is what `kubectl label x-` means by it: not set.
    fields.iter().filter(|(_, value)| !value.is_null()).map(word).collect()
}

fn strings(path: &str, value: &Value) -> Result<Vec<String>, Failure> {
    let entries = value
        .as_array()
        .ok_or_else(|| wrong(path, "an array of strings", value))?;
    entries
        .iter()
        .enumerate()
        .map(|(at, entry)| string(&format!("{path}[{at}]"), entry))
        .collect()
}

fn objects(path: &str, value: &Value) -> Result<Vec<Value>, Failure> {
    match value {
        Value::Array(entries) if entries.iter().all(Value::is_object) => Ok(entries.clone()),
        other => Err(wrong(path, "an array of objects", other)),
    }
}
