//! Manifests: files of YAML or JSON with objects, and objects as YAML.

mod print;
mod read;
mod scalar;

use serde_json::Value;

pub use print::{print, to_yaml};

use crate::{Failure, decode};

/// How large a file may be.
const SIZE: usize = 4 * 1024 * 1024;

/// An object in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The file.
    pub file: String,
    /// Where it begins, counted from 1.
    pub line: usize,
    /// What stands there.
    pub value: Value,
}

/// What is wrong with a file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {rule}")]
pub struct ManifestError {
    /// The file.
    pub file: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The rule that is broken.
    pub rule: String,
}

/// The objects of a file: YAML documents or JSON. Of a `List` each of its items is one; empty documents are none.
pub fn read(text: &str, name: &str) -> Result<Vec<Entry>, ManifestError> {
    let refuse = |(line, rule)| ManifestError {
        file: name.to_owned(),
        line,
        rule,
    };
    let mut entries = Vec::new();
    for document in documents(text).map_err(refuse)? {
        let line = document.line;
        let items = match &document.value {
            Value::Null => continue,
            Value::Object(fields) if is_list(fields) => match fields.get("items") {
                None | Some(Value::Null) => Vec::new(),
                Some(Value::Array(items)) => items.clone(),
                Some(_) => return Err(refuse((line, "items of a List must be a list".to_owned()))),
            },
            Value::Object(_) => {
                entries.push(Entry {
                    file: name.to_owned(),
                    line,
                    value: document.value,
                });
                continue;
            }
            other => {
                let rule = format!(
                    "a document must be an object with apiVersion and kind, not {}",
                    decode::type_of(other)
                );
                return Err(refuse((line, rule)));
            }
        };
        for (at, value) in items.into_iter().enumerate() {
            let line = document.items.get(at).copied().unwrap_or(line);
            if !value.is_object() {
                let rule = format!(
                    "items[{at}] of a List must be an object, not {}",
                    decode::type_of(&value)
                );
                return Err(refuse((line, rule)));
            }
            entries.push(Entry {
                file: name.to_owned(),
                line,
                value,
            });
        }
    }
    Ok(entries)
}

/// The one object of a body that is YAML, as `application/apply-patch+yaml` and `application/yaml` may be.
pub fn body(text: &str) -> Result<Value, Failure> {
    let refuse = |(line, rule)| Failure::bad_request(format!("the body is not valid YAML: line {line}: {rule}"));
    let documents = documents(text).map_err(refuse)?;
    let mut objects = documents
        .into_iter()
        .map(|document| document.value)
        .filter(|value| !value.is_null());
    match (objects.next(), objects.next()) {
        (Some(object), None) => Ok(object),
        (None, _) => Err(Failure::bad_request("the body is empty: it must be an object")),
        (Some(_), Some(_)) => Err(Failure::bad_request("the body must be one YAML document, not several")),
    }
}

fn documents(text: &str) -> Result<Vec<read::Document>, (usize, String)> {
    if text.len() > SIZE {
        return Err((1, format!("a file must be no more than {SIZE} bytes")));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let problem = match read::documents(text) {
        Ok(documents) => return Ok(documents),
        Err(problem) => problem,
    };
    // Not all JSON is YAML: pairs of surrogates are not, for example.
    if text.trim_start().starts_with('{')
        && let Ok((value, duplicates)) = decode::json(text.as_bytes())
        && duplicates.is_empty()
    {
        return Ok(vec![read::Document {
            line: 1,
            value,
            items: Vec::new(),
        }]);
    }
    Err(problem)
}

/// `v1` `List`, and `TeamList` as a list of our API is.
fn is_list(fields: &serde_json::Map<String, Value>) -> bool {
    let kind = fields.get("kind").and_then(Value::as_str).unwrap_or_default();
    kind.ends_with("List") && fields.contains_key("items")
}

#[cfg(test)]
mod tests;
