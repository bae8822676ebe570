//! What an error body says, in one line: three envelopes, one of them with a Python dict written as text.

use serde_json::Value;

use crate::http_client::tidy;

/// The message in a refusal's body; empty when there is none. Anything that looks like a key is blotted out.
///
/// - `{"error": {"message": "…", "type", "param", "code"}}`, where the message may be `{'error': '…'}`
/// - `{"detail": {"error": "…"}}` and `{"detail": "…"}`
/// - `{"detail": [{"type", "loc": ["body", "field"], "msg": "…"}]}`
pub(super) fn message(body: &[u8]) -> String {
    let Ok(body) = serde_json::from_slice::<Value>(body) else {
        return String::new();
    };
    let text = text_of(body.get("error").or_else(|| body.get("detail")).unwrap_or(&Value::Null));
    redact(&tidy(text.trim()))
}

/// Whether this is FastAPI's answer for a route that it does not have, or nothing of LiteLLM's at all: then a 404 does
/// not say that a team or a user is unknown.
pub(super) fn is_unknown_route(message: &str) -> bool {
    message.is_empty() || message == "Not Found"
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => python_dict(text).unwrap_or_else(|| text.clone()),
        Value::Object(map) => ["message", "error", "msg"]
            .iter()
            .find_map(|key| map.get(*key))
            .map(text_of)
            .unwrap_or_default(),
        Value::Array(items) => {
            let texts: Vec<String> = items.iter().map(validation).collect();
            texts.join("; ")
        }
        _ => String::new(),
    }
}

/// One of pydantic's complaints: `max_budget: Input should be a valid number`.
fn validation(item: &Value) -> String {
    let place: Vec<&str> = item
        .get("loc")
        .and_then(Value::as_array)
        .map(|loc| {
            loc.iter()
                .filter_map(Value::as_str)
                .filter(|part| *part != "body")
                .collect()
        })
        .unwrap_or_default();
    let text = text_of(item);
    if place.is_empty() {
        text
    } else {
        format!("{}: {text}", place.join("."))
    }
}

/// The text in `{'error': '…'}` or `{'message': "…"}`, as Python's `str(dict)` writes it.
fn python_dict(text: &str) -> Option<String> {
    let inner = text.strip_prefix("{'")?.strip_suffix('}')?;
    let (key, value) = inner.split_once("': ")?;
    if !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let value = value.strip_prefix(quote)?;
    let mut plain = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'n' | 't' | 'r' => plain.push(' '),
                other => plain.push(other),
            },
            // What follows are the dict's further entries.
            c if c == quote => return Some(plain),
            c => plain.push(c),
        }
    }
    None
}

/// Replaces everything that looks like a key, masked ones (`sk-...abcd`) excepted.
fn redact(text: &str) -> String {
    const SHORTEST: usize = 4;
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("sk-") {
        let (before, key) = rest.split_at(start);
        out.push_str(before);
        let end = key
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))
            .unwrap_or(key.len());
        // `task-force` is a word.
        let is_word = before.ends_with(|c: char| c.is_alphanumeric());
        if end - "sk-".len() < SHORTEST || is_word {
            out.push_str(&key[..end]);
        } else {
            out.push_str("sk-…");
        }
        rest = &key[end..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{message, redact};

    #[test]
    fn all_envelopes_are_read() {
        for (body, expected) in [
            (
                r#"{"error":{"message":"User nobody not found","code":"404"}}"#,
                "User nobody not found",
            ),
            (
                r#"{"error":{"message":"{'error': 'User with id u-1 already exists'}"}}"#,
                "User with id u-1 already exists",
            ),
            (
                r#"{"error":{"message":"{'error': \"Model 'x' not in organization's allowed models.\"}"}}"#,
                "Model 'x' not in organization's allowed models.",
            ),
            (
                r#"{"error":{"message":"{'message': 'Team not found.', 'code': 7}"}}"#,
                "Team not found.",
            ),
            (r#"{"error":{"message":"{'error': 'it\\'s one'}"}}"#, "it's one"),
            (
                r#"{"detail":{"error":"User not found in team"}}"#,
                "User not found in team",
            ),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (
                r#"{"detail":[{"type":"x","loc":["body","max_budget"],"msg":"not a number"},{"loc":["body"],"msg":"b"}]}"#,
                "max_budget: not a number; b",
            ),
            (r#"{"error":"plain"}"#, "plain"),
            ("<html>", ""),
            ("{}", ""),
            (r#"{"error":{"message":"{'not closed"}}"#, "{'not closed"),
        ] {
            assert_eq!(message(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn keys_are_blotted_out() {
        assert_eq!(redact("key=sk-abcd_EF-12, x"), "key=sk-…, x");
        assert_eq!(redact("Key=k-zero (sk-...UXow)"), "Key=k-zero (sk-...UXow)");
        assert_eq!(redact("task-force"), "task-force");
        assert_eq!(redact("start with 'sk-'."), "start with 'sk-'.");
    }
}
