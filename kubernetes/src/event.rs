//! What happened, as core/v1 Events: `kubectl describe` and `kubectl get events` print them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{API_VERSION, Kind, duration, status};

/// Fields that `--field-selector` may name; describe asks for those of the object.
pub const FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "involvedObject.apiVersion",
    "involvedObject.kind",
    "involvedObject.name",
    "involvedObject.namespace",
    "involvedObject.uid",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
];

/// Who tells it.
const COMPONENT: &str = "guildhall";

/// Whether somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// As it should be.
    Normal,
    /// Something failed.
    Warning,
}

impl Severity {
    const fn word(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// Something that happened to an object, once or several times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// Unique among what happened.
    pub id: String,
    /// The object's kind.
    pub kind: Kind,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The object's uid.
    pub uid: String,
    /// Whether somebody has to look.
    pub severity: Severity,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// How often.
    pub count: i64,
    /// When it happened first.
    pub first_at: DateTime<Utc>,
    /// When it happened last.
    pub last_at: DateTime<Utc>,
}

impl Happened {
    /// The value of one of [`FIELDS`], for selectors.
    pub fn field(&self, name: &str) -> String {
        match name {
            "metadata.name" => self.event_name(),
            "metadata.namespace" | "involvedObject.namespace" => self.namespace.clone(),
            "involvedObject.apiVersion" => API_VERSION.to_owned(),
            "involvedObject.kind" => self.kind.name().to_owned(),
            "involvedObject.name" => self.name.clone(),
            "involvedObject.uid" => self.uid.clone(),
            "reason" => self.reason.clone(),
            "reportingComponent" | "source" => COMPONENT.to_owned(),
            "type" => self.severity.word().to_owned(),
            _ => String::new(),
        }
    }

    fn event_name(&self) -> String {
        format!("{}.{}", self.name, self.id)
    }

    /// As an Event.
    pub fn to_value(&self) -> Value {
        json!({
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {
                "name": self.event_name(),
                "namespace": self.namespace,
                "creationTimestamp": status::time(self.first_at),
            },
            "involvedObject": {
                "kind": self.kind.name(),
                "namespace": self.namespace,
                "name": self.name,
                "uid": self.uid,
                "apiVersion": API_VERSION,
            },
            "reason": self.reason,
            "message": self.message,
            "source": { "component": COMPONENT },
            "firstTimestamp": status::time(self.first_at),
            "lastTimestamp": status::time(self.last_at),
            "count": self.count,
            "type": self.severity.word(),
            "eventTime": null,
            "reportingComponent": COMPONENT,
            "reportingInstance": "",
        })
    }
}

/// An EventList.
pub fn list(items: &[Happened], version: i64) -> Value {
    let items: Vec<Value> = items.iter().map(Happened::to_value).collect();
    json!({
        "kind": "EventList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": version.to_string() },
        "items": items,
    })
}

/// A Table of events, with kubectl's usual columns.
pub fn table(items: &[Happened], version: i64, now: DateTime<Utc>) -> Value {
    let columns: Vec<Value> = [
        ("Last Seen", "How long ago it happened last."),
        ("Type", "Normal or Warning."),
        ("Reason", "What happened, in one word."),
        ("Object", "To what it happened."),
        ("Message", "What happened, in a sentence."),
    ]
    .into_iter()
    .map(|(name, description)| json!({ "name": name, "type": "string", "format": "", "description": description, "priority": 0 }))
    .collect();
    let row = |item: &Happened| {
        let object = format!("{}/{}", item.kind.singular(), item.name);
        let last = duration::age(item.last_at, now);
        let metadata = &item.to_value()["metadata"];
        json!({
            "cells": [last, item.severity.word(), item.reason, object, item.message],
            "object": { "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata },
        })
    };
    let rows: Vec<Value> = items.iter().map(row).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": version.to_string() },
        "columnDefinitions": columns,
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::Fields;

    fn happened() -> Happened {
        Happened {
            id: "17a".to_owned(),
            kind: Kind::Team,
            namespace: "acme".to_owned(),
            name: "backend".to_owned(),
            uid: "u-1".to_owned(),
            severity: Severity::Warning,
            reason: "LitellmError".to_owned(),
            message: "LiteLLM did not answer".to_owned(),
            count: 3,
            first_at: DateTime::UNIX_EPOCH,
            last_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(2),
        }
    }

    #[test]
    fn describe_finds_what_happened_to_an_object() {
        // What kubectl 1.32 sends.
        let selector =
            "involvedObject.name=backend,involvedObject.namespace=acme,involvedObject.kind=Team,involvedObject.uid=u-1";
        let fields = Fields::parse_of(selector, FIELDS).unwrap();
        assert!(fields.matches_by(|name| happened().field(name)));
        let other = Happened {
            uid: "u-2".to_owned(),
            ..happened()
        };
        assert!(!fields.matches_by(|name| other.field(name)));
    }

    #[test]
    fn events_have_what_kubectl_prints() {
        let list = list(&[happened()], 5);
        let event = &list["items"][0];
        assert_eq!(list["kind"], "EventList");
        assert_eq!((&event["count"], &event["type"]), (&json!(3), &json!("Warning")));
        assert_eq!(event["involvedObject"]["uid"], "u-1");
        assert_eq!(event["lastTimestamp"], "1970-01-01T00:02:00Z");
        let table = table(&[happened()], 5, DateTime::UNIX_EPOCH + chrono::TimeDelta::minutes(5));
        assert_eq!(
            table["rows"][0]["cells"],
            json!([
                "3m",
                "Warning",
                "LitellmError",
                "team/backend",
                "LiteLLM did not answer"
            ])
        );
    }
}
