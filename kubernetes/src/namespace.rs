//! core/v1 Namespaces: the organizations that somebody sees.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::{duration, status};

/// A Namespace: an organization with its slug.
pub fn object(name: &str, uid: &str, display_name: &str, created_at: DateTime<Utc>) -> Value {
    json!({
        "kind": "Namespace",
        "apiVersion": "v1",
        "metadata": {
            "name": name,
            "uid": uid,
            "creationTimestamp": status::time(created_at),
            "labels": { "kubernetes.io/metadata.name": name },
            "annotations": { "auth.litellm.ai/display-name": display_name },
        },
        "spec": {},
        "status": { "phase": "Active" },
    })
}

/// A NamespaceList of what [`object`] made.
pub fn list(objects: &[Value], version: i64) -> Value {
    json!({
        "kind": "NamespaceList",
        "apiVersion": "v1",
        "metadata": { "resourceVersion": version.to_string() },
        "items": objects,
    })
}

/// A Table of what [`object`] made.
pub fn table(objects: &[Value], version: i64, now: DateTime<Utc>) -> Value {
    let column = |name: &str, kind: &str, format: &str, description: &str| json!({ "name": name, "type": kind, "format": format, "description": description, "priority": 0 });
    let row = |object: &Value| {
        let metadata = &object["metadata"];
        let made = metadata["creationTimestamp"]
            .as_str()
            .and_then(|text| text.parse::<DateTime<Utc>>().ok());
        let age = made.map_or_else(|| "<unknown>".to_owned(), |made| duration::age(made, now));
        json!({
            "cells": [metadata["name"], object["status"]["phase"], age],
            "object": { "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata },
        })
    };
    let rows: Vec<Value> = objects.iter().map(row).collect();
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": { "resourceVersion": version.to_string() },
        "columnDefinitions": [
            column("Name", "string", "name", "The organization's slug."),
            column("Status", "string", "", "Always Active."),
            column("Age", "string", "", "How long ago the organization was made."),
        ],
        "rows": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organization_is_a_namespace() {
        let acme = object("acme", "u-1", "Acme Inc.", DateTime::UNIX_EPOCH);
        assert_eq!(acme["metadata"]["creationTimestamp"], "1970-01-01T00:00:00Z");
        assert_eq!(acme["status"]["phase"], "Active");
        let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::days(3);
        assert_eq!(
            table(std::slice::from_ref(&acme), 1, now)["rows"][0]["cells"],
            json!(["acme", "Active", "3d"])
        );
        assert_eq!(list(&[acme], 7)["metadata"]["resourceVersion"], "7");
    }
}
