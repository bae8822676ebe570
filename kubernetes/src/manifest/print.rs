//! Objects as YAML.

use serde_json::{Map, Value};

use super::scalar;
use crate::Object;

/// What only the server says, and what is nobody's wish.
const SERVERS: [&str; 7] = [
    "uid",
    "resourceVersion",
    "generation",
    "managedFields",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
];
/// `kubectl apply`'s memory of the last manifest.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// The order at the top of a manifest; the rest follows by name.
const TOP: [&str; 4] = ["apiVersion", "kind", "metadata", "spec"];
/// YAML finds the colon of longer keys only if they are told to be keys.
const LONG: usize = 1000;

/// Objects as manifests that make them again: what is wanted, without what only the server says.
pub fn print(objects: &[Object]) -> String {
    let documents: Vec<String> = objects.iter().map(|object| to_yaml(&wanted(object))).collect();
    documents.join("---\n")
}

fn wanted(object: &Object) -> Value {
    let mut value = object.to_value();
    if let Value::Object(fields) = &mut value {
        fields.remove("status");
    }
    if let Value::Object(metadata) = &mut value["metadata"] {
        metadata.retain(|name, _| !SERVERS.contains(&name.as_str()));
        let annotations = metadata.get_mut("annotations").and_then(Value::as_object_mut);
        if let Some(annotations) = annotations {
            annotations.remove(LAST_APPLIED);
            if annotations.is_empty() {
                metadata.remove("annotations");
            }
        }
    }
    value
}

/// A value as a YAML document, which ends with a line break. Every YAML reader gives the same value back: strings that
/// look like something else are quoted.
pub fn to_yaml(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(fields) if !fields.is_empty() => map(&mut out, fields, 0, false),
        Value::Array(entries) if !entries.is_empty() => list(&mut out, entries, 0),
        other => {
            out.push_str(&flow(other));
            out.push('\n');
        }
    }
    out
}

/// `inline` says that the first line is begun: a dash stands there.
fn map(out: &mut String, fields: &Map<String, Value>, indent: usize, inline: bool) {
    let mut sorted: Vec<(&String, &Value)> = fields.iter().collect();
    let rank = |name: &str| {
        TOP.iter()
            .position(|top| *top == name)
            .filter(|_| indent == 0)
            .unwrap_or(TOP.len())
    };
    sorted.sort_by(|(a, _), (b, _)| (rank(a), a).cmp(&(rank(b), b)));
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 || !inline {
            spaces(out, indent);
        }
        let key = string(name);
        if key.len() > LONG {
            out.push_str("? ");
            out.push_str(&key);
            out.push('\n');
            spaces(out, indent);
        } else {
            out.push_str(&key);
        }
        out.push(':');
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                out.push('\n');
                map(out, fields, indent + 2, false);
            }
            Value::Array(entries) if !entries.is_empty() => {
                out.push('\n');
                list(out, entries, indent);
            }
            other => {
                out.push(' ');
                out.push_str(&flow(other));
                out.push('\n');
            }
        }
    }
}

fn list(out: &mut String, entries: &[Value], indent: usize) {
    for entry in entries {
        spaces(out, indent);
        out.push('-');
        match entry {
            Value::Object(fields) if !fields.is_empty() => {
                out.push(' ');
                map(out, fields, indent + 2, true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                list(out, inner, indent + 2);
            }
            other => {
                out.push(' ');
                out.push_str(&flow(other));
                out.push('\n');
            }
        }
    }
}

fn spaces(out: &mut String, indent: usize) {
    out.extend(std::iter::repeat_n(' ', indent));
}

/// What stands in one line: words, and what is empty.
fn flow(value: &Value) -> String {
    match value {
        Value::String(text) => string(text),
        other => other.to_string(),
    }
}

fn string(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

/// Whether a string may stand without quotes. Rather one pair of quotes too many than a string that is read as a number.
fn is_plain(text: &str) -> bool {
    let first = text
        .chars()
        .next()
        .is_some_and(|char| char.is_ascii_alphanumeric() || matches!(char, '_' | '/'));
    let inner =
        |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '/' | '@' | '+' | ' ' | ':');
    let has_letter = text.chars().any(|char| char.is_ascii_alphabetic());
    let begins_with_digit = text.starts_with(|char: char| char.is_ascii_digit());
    first
        && has_letter
        && text.chars().all(inner)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        // 1:30 was a number once.
        && !(begins_with_digit && text.contains(':'))
        && scalar::plain(text).is_some_and(|value| value.is_string())
}

/// As JSON writes it, which YAML reads too once all that does not print is escaped.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    for char in Value::from(text).to_string().chars() {
        match char {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                out.extend(format!("\\u{:04x}", u32::from(char)).chars());
            }
            char => out.push(char),
        }
    }
    out
}
