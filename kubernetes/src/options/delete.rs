//! `DeleteOptions`: the body of a DELETE.

use serde_json::Value;

use super::{Options, parse};
use crate::{Failure, Object, decode, decode::type_of, update};

/// What happens to what depends on a deleted object. Nothing does here: all of them do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Propagation {
    /// It stays.
    Orphan,
    /// It goes later.
    Background,
    /// It goes first.
    Foreground,
}

impl Propagation {
    pub(super) fn read(word: &str) -> Result<Option<Self>, Failure> {
        match word {
            "" => Ok(None),
            "Orphan" => Ok(Some(Self::Orphan)),
            "Background" => Ok(Some(Self::Background)),
            "Foreground" => Ok(Some(Self::Foreground)),
            _ => {
                let rule = "supported values: \"Foreground\", \"Background\", \"Orphan\"";
                Err(parse::refuse("propagationPolicy", word, rule))
            }
        }
    }
}

/// How something is deleted: the query and the body together; what the body says counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delete {
    /// Whether it stays in truth.
    pub dry_run: bool,
    /// What happens to what depends on it.
    pub propagation: Option<Propagation>,
    /// How long it may take.
    pub grace_period_seconds: Option<i64>,
    /// The object that is meant, if it must be this one.
    pub uid: Option<String>,
    /// The version that is meant, if it must be this one.
    pub resource_version: Option<String>,
}

impl Delete {
    /// Reads the body, which may be empty.
    pub fn parse(query: &Options, body: &[u8]) -> Result<Self, Failure> {
        let mut delete = Self {
            dry_run: query.dry_run,
            propagation: query.propagation,
            grace_period_seconds: query.grace_period_seconds,
            ..Self::default()
        };
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(delete);
        }
        let (body, _) = decode::json(body)?;
        if !body.is_object() {
            return Err(Failure::bad_request(format!(
                "DeleteOptions must be a JSON object, not {}",
                type_of(&body)
            )));
        }
        match body["kind"].as_str() {
            None | Some("" | "DeleteOptions") => {}
            Some(kind) => {
                return Err(Failure::bad_request(format!(
                    "the body must be DeleteOptions, not {kind}"
                )));
            }
        }
        if let Some(word) = text(&body, "propagationPolicy")? {
            delete.propagation = Propagation::read(word)?;
        }
        if let Some(seconds) = Some(&body["gracePeriodSeconds"]).filter(|value| !value.is_null()) {
            let seconds = seconds.as_i64().filter(|seconds| *seconds >= 0);
            let rule = || Failure::bad_request("gracePeriodSeconds must be a whole number of 0 or more");
            delete.grace_period_seconds = Some(seconds.ok_or_else(rule)?);
        }
        match &body["dryRun"] {
            Value::Null => {}
            Value::Array(words) => {
                for word in words {
                    let word = word
                        .as_str()
                        .ok_or_else(|| Failure::bad_request("dryRun must be an array of strings"))?;
                    delete.dry_run |= parse::dry_run(word)?;
                }
            }
            _ => return Err(Failure::bad_request("dryRun must be an array of strings")),
        }
        let preconditions = &body["preconditions"];
        if !preconditions.is_null() && !preconditions.is_object() {
            return Err(Failure::bad_request("preconditions must be an object"));
        }
        delete.uid = text(preconditions, "uid")?.map(str::to_owned);
        delete.resource_version = text(preconditions, "resourceVersion")?.map(str::to_owned);
        Ok(delete)
    }

    /// Refuses (409) when the object is not the one that is meant.
    pub fn preconditions(&self, current: &Object) -> Result<(), Failure> {
        update::preconditions(current, self.uid.as_deref(), self.resource_version.as_deref())
    }
}

fn text<'a>(value: &'a Value, name: &str) -> Result<Option<&'a str>, Failure> {
    match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(other) => Err(Failure::bad_request(format!(
            "{name} must be a string, not {}",
            type_of(other)
        ))),
    }
}
