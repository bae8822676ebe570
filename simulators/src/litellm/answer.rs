//! Requests and answers, and LiteLLM's three ways to say no.

use std::collections::HashMap;

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Version;

/// What LiteLLM says about a feature that needs a licence.
pub(super) const NOT_PREMIUM: &str = "You must be a LiteLLM Enterprise user to use this feature. If you have a license please set \
     `LITELLM_LICENSE` in your env. Get a 7 day trial key here: https://www.litellm.ai/enterprise#trial. \nPricing: \
     https://www.litellm.ai/#pricing";

/// A call that passed authentication.
pub(super) struct Request {
    pub version: Version,
    /// The path, for messages.
    pub path: String,
    pub query: HashMap<String, String>,
    pub body: Map<String, Value>,
    pub caller: Caller,
}

/// Whose key came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    Master,
    /// A key of that token.
    Key(String),
}

/// A refusal: its status and its body.
#[derive(Debug)]
pub(super) struct No(pub u16, pub Value);

/// The body of a success, or a refusal.
pub(super) type Answer = Result<Value, No>;

pub(super) fn answer(status: u16, body: Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    (status, Json(body)).into_response()
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        answer(self.0, self.1)
    }
}

/// `{"detail": {"error": …}}`
pub(super) fn detail(status: u16, error: impl Into<String>) -> No {
    No(status, json!({"detail": {"error": error.into()}}))
}

/// `{"error": {message, type, param, code}}`
pub(super) fn proxy_error(status: u16, message: impl Into<String>, kind: &str, param: impl Into<Value>) -> No {
    let (message, param): (String, Value) = (message.into(), param.into());
    No(
        status,
        json!({"error": {"message": message, "type": kind, "param": param, "code": status.to_string()}}),
    )
}

/// `auth_error`, whose `param` is the text `None` in all versions.
pub(super) fn auth_error(status: u16, message: impl Into<String>) -> No {
    proxy_error(status, message, "auth_error", "None")
}

impl Version {
    /// `internal_server_error`, which LiteLLM calls most of its refusals, too. Its `param` was the text `None`.
    pub(super) fn error(self, status: u16, message: impl Into<String>) -> No {
        let param = if self == Self::V1_108_7 {
            Value::Null
        } else {
            json!("None")
        };
        proxy_error(status, message, "internal_server_error", param)
    }

    /// The same with a message that Python wrote: `{'error': '…'}`.
    pub(super) fn dict_error(self, status: u16, message: &str) -> No {
        self.error(status, dict("error", message))
    }
}

/// Python's `str({key: text})`.
pub(super) fn dict(key: &str, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
    // As Python: double quotes when there are single ones to quote and no double ones.
    if escaped.contains('\'') && !escaped.contains('"') {
        format!("{{'{key}': \"{escaped}\"}}")
    } else {
        format!("{{'{key}': '{}'}}", escaped.replace('\'', "\\'"))
    }
}

/// One of pydantic's complaints.
pub(super) fn invalid(kind: &str, loc: &[&str], msg: &str) -> No {
    No(422, json!({"detail": [{"type": kind, "loc": loc, "msg": msg}]}))
}

/// The complaint about a body that names nobody.
pub(super) fn no_identity() -> No {
    let msg = "Value error, Either user id or user email must be provided";
    invalid("value_error", &["body"], msg)
}

impl Request {
    pub(super) fn param(&self, name: &str) -> Option<&str> {
        self.query.get(name).map(String::as_str)
    }

    pub(super) fn text(&self, field: &str) -> Option<&str> {
        self.body.get(field).and_then(Value::as_str)
    }

    pub(super) fn whole(&self, field: &str) -> Option<i64> {
        self.body.get(field).and_then(Value::as_i64)
    }

    pub(super) fn has(&self, field: &str) -> bool {
        self.body.contains_key(field)
    }

    /// A number, or 422 in pydantic's words.
    pub(super) fn number(&self, field: &str) -> Result<Option<f64>, No> {
        match self.body.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Number(number)) => Ok(number.as_f64()),
            Some(Value::String(text)) if text.parse::<f64>().is_ok() => Ok(text.parse().ok()),
            Some(Value::String(_)) => Err(invalid(
                "float_parsing",
                &["body", field],
                "Input should be a valid number, unable to parse string as a number",
            )),
            Some(_) => Err(invalid(
                "float_type",
                &["body", field],
                "Input should be a valid number",
            )),
        }
    }

    pub(super) fn texts(&self, field: &str) -> Option<Vec<String>> {
        let list = self.body.get(field)?.as_array()?;
        Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
    }

    pub(super) fn map(&self, field: &str) -> Option<Map<String, Value>> {
        self.body.get(field)?.as_object().cloned()
    }

    /// A text that has to be there, or 422 in pydantic's words.
    pub(super) fn required(&self, field: &str) -> Result<&str, No> {
        self.text(field)
            .ok_or_else(|| invalid("missing", &["body", field], "Field required"))
    }

    /// The budget's period: absent, or in the form that LiteLLM reads.
    pub(super) fn duration(&self, field: &str) -> Result<Option<String>, No> {
        match self.text(field) {
            Some(text) if seconds(text).is_none() => Err(self.version.dict_error(
                400,
                &format!("Invalid {field} '{text}'. Use a format like '1h', '24h', '7d', or '30d'."),
            )),
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// A page of a list that is in order of creation, newest first unless asked otherwise.
    pub(super) fn page<T>(&self, mut items: Vec<T>, size_name: &str, default_size: usize) -> Page<T> {
        let number = |name: &str, default: usize| {
            self.param(name)
                .and_then(|text| text.parse().ok())
                .filter(|number| *number > 0)
                .unwrap_or(default)
        };
        let (page, size) = (number("page", 1), number(size_name, default_size).min(100));
        if self.param("sort_order") != Some("asc") {
            items.reverse();
        }
        let total = items.len();
        Page {
            items: items.into_iter().skip((page - 1) * size).take(size).collect(),
            total,
            number: page,
            size,
            pages: total.div_ceil(size),
        }
    }
}

pub(super) struct Page<T> {
    pub items: Vec<T>,
    pub total: usize,
    pub number: usize,
    pub size: usize,
    pub pages: usize,
}

/// `30s`, `30m`, `30h`, `30d`, `30w` or `1mo` in seconds.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (count, unit) = text.split_at(digits);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        "w" => 604_800,
        "mo" => 2_592_000,
        _ => return None,
    };
    count.parse::<i64>().ok()?.checked_mul(unit)
}

#[cfg(test)]
mod tests {
    use super::dict;

    #[test]
    fn dicts_are_quoted_like_python_does() {
        assert_eq!(dict("error", "plain"), "{'error': 'plain'}");
        assert_eq!(dict("error", "it's"), r#"{'error': "it's"}"#);
        assert_eq!(dict("error", "a\"b'c"), r#"{'error': 'a"b\'c'}"#);
    }
}
