//! `metadata.managedFields`: an entry for each manager.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::fields::Set;
use crate::API_VERSION;

/// How many managers that update are remembered one by one, as in Kubernetes.
const UPDATERS: usize = 10;
/// The name that the others share.
const ANCIENT: &str = "ancient-changes";

/// How a manager writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Operation {
    /// Server-side apply.
    Apply,
    /// Anything else.
    Update,
}

/// What a manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub manager: String,
    pub operation: Operation,
    /// `status`, for what was written there.
    pub subresource: String,
    /// RFC 3339.
    pub time: String,
    pub set: Set,
}

impl Entry {
    pub fn new(manager: &str, operation: Operation, now: DateTime<Utc>, set: Set) -> Self {
        Self {
            manager: manager.to_owned(),
            operation,
            subresource: String::new(),
            time: super::written(now),
            set,
        }
    }

    pub fn is(&self, manager: &str, operation: Operation) -> bool {
        self.manager == manager && self.operation == operation && self.subresource.is_empty()
    }

    /// As conflicts name it.
    pub fn told(&self) -> String {
        let mut told = format!("{:?}", self.manager);
        if !self.subresource.is_empty() {
            told = format!("{told} with subresource {:?}", self.subresource);
        }
        if self.operation == Operation::Update {
            told = format!("{told} using {API_VERSION}");
        }
        told
    }

    fn read(value: &Value) -> Option<Self> {
        let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
        let operation = match value["operation"].as_str()? {
            "Apply" => Operation::Apply,
            "Update" => Operation::Update,
            _ => return None,
        };
        let set = Set::read(&value["fieldsV1"])?;
        Some(Self {
            manager: text("manager"),
            operation,
            subresource: text("subresource"),
            time: text("time"),
            set,
        })
    }

    fn write(&self) -> Value {
        let mut value = json!({
            "manager": self.manager,
            "operation": match self.operation {
                Operation::Apply => "Apply",
                Operation::Update => "Update",
            },
            "apiVersion": API_VERSION,
            "fieldsType": "FieldsV1",
            "fieldsV1": self.set.write(),
        });
        for (name, text) in [("time", &self.time), ("subresource", &self.subresource)] {
            if !text.is_empty() {
                value[name] = text.as_str().into();
            }
        }
        value
    }
}

/// The entries; none if one of them cannot be read.
pub(crate) fn read(values: &[Value]) -> Option<Vec<Entry>> {
    values.iter().map(Entry::read).collect()
}

/// As `managedFields`: without managers that own nothing, in Kubernetes' order, and with a bound.
pub(crate) fn write(mut entries: Vec<Entry>) -> Vec<Value> {
    entries.retain(|entry| !entry.set.is_empty());
    entries.sort_by(|a, b| (a.operation, &a.time, &a.manager).cmp(&(b.operation, &b.time, &b.manager)));
    let first = entries
        .iter()
        .position(|entry| entry.operation == Operation::Update)
        .unwrap_or(entries.len());
    while entries.len() - first > UPDATERS {
        // The two oldest become one, which is the oldest then.
        let oldest = entries.remove(first);
        let next = &mut entries[first];
        next.set = next.set.and(&oldest.set);
        next.manager = ANCIENT.to_owned();
    }
    entries.iter().map(Entry::write).collect()
}
