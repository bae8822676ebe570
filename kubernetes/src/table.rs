//! `meta.k8s.io/v1`: Tables, which `kubectl get` prints, and PartialObjectMetadata; and lists of whole objects.

mod columns;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

pub use columns::{Column, columns};

use crate::{API_VERSION, Kind, Meta, Object};

/// What rows carry beside their cells (`includeObject`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Include {
    /// Nothing.
    None,
    /// Metadata.
    #[default]
    Metadata,
    /// Everything: `kubectl get --sort-by` asks for it.
    Object,
}

impl Include {
    /// Reads `includeObject`; what nobody knows is the default.
    pub fn parse(word: &str) -> Self {
        match word {
            "None" => Self::None,
            "Object" => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// What form an answer has: the first one in `Accept` that there is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Form {
    /// The object, or a list of objects.
    #[default]
    Whole,
    /// `as=Table`
    Table,
    /// `as=PartialObjectMetadata` or `as=PartialObjectMetadataList`
    Partial,
}

impl Form {
    /// Reads `Accept`. None when nothing in it can be answered (406).
    pub fn accepted(accept: &str) -> Option<Self> {
        if accept.trim().is_empty() {
            return Some(Self::Whole);
        }
        accept.split(',').find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next()?;
            let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let get = |name: &str| parameters.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            if !matches!(media, "application/json" | "application/*" | "*/*") {
                return None;
            }
            match get("as") {
                None => Some(Self::Whole),
                // v1beta1 looks the same, but says so in apiVersion.
                Some("Table") if matches!(get("v"), None | Some("v1")) => Some(Self::Table),
                Some("PartialObjectMetadata" | "PartialObjectMetadataList")
                    if matches!(get("v"), None | Some("v1")) =>
                {
                    Some(Self::Partial)
                }
                Some(_) => None,
            }
        })
    }
}

/// How far a list goes, and of which moment it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page<'a> {
    /// `resourceVersion` of the list.
    pub version: i64,
    /// The token for what follows.
    pub next: Option<&'a str>,
}

impl Page<'_> {
    fn metadata(&self) -> Value {
        let mut metadata = json!({ "resourceVersion": self.version.to_string() });
        if let Some(next) = self.next {
            metadata["continue"] = next.into();
        }
        metadata
    }
}

/// A Table. `first` says whether the columns are told: a watch tells them once.
pub fn table(
    kind: Kind,
    objects: &[Object],
    include: Include,
    page: &Page<'_>,
    now: DateTime<Utc>,
    first: bool,
) -> Value {
    let rows: Vec<Value> = objects.iter().map(|object| row(object, include, now)).collect();
    let definitions: Vec<Value> = if first {
        columns(kind).iter().map(Column::definition).collect()
    } else {
        Vec::new()
    };
    json!({
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": page.metadata(),
        "columnDefinitions": definitions,
        "rows": rows,
    })
}

/// The Table of one object: what a GET answers, and what a watch event of a Table carries.
pub fn row_event(object: &Object, include: Include, now: DateTime<Utc>, first: bool) -> Value {
    let page = Page {
        version: object.version(),
        ..Page::default()
    };
    table(object.kind, std::slice::from_ref(object), include, &page, now, first)
}

fn row(object: &Object, include: Include, now: DateTime<Utc>) -> Value {
    let cells: Vec<Value> = columns(object.kind)
        .iter()
        .map(|column| column.cell(object, now))
        .collect();
    match include {
        Include::None => json!({ "cells": cells }),
        Include::Metadata => json!({ "cells": cells, "object": partial(&object.metadata) }),
        Include::Object => json!({ "cells": cells, "object": object.to_value() }),
    }
}

/// A `PartialObjectMetadata`.
pub fn partial(metadata: &Meta) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata })
}

/// A `PartialObjectMetadataList`.
pub fn partials(objects: &[Object], page: &Page<'_>) -> Value {
    let items: Vec<Value> = objects.iter().map(|object| partial(&object.metadata)).collect();
    json!({
        "kind": "PartialObjectMetadataList",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": page.metadata(),
        "items": items,
    })
}

/// A list of whole objects: `TeamList`.
pub fn list(kind: Kind, objects: &[Object], page: &Page<'_>) -> Value {
    let items: Vec<Value> = objects.iter().map(Object::to_value).collect();
    json!({
        "kind": format!("{kind}List"),
        "apiVersion": API_VERSION,
        "metadata": page.metadata(),
        "items": items,
    })
}

#[cfg(test)]
mod tests;
