//! In which of its forms an object, a list or an event is told.

use chrono::{DateTime, Utc};
use kubernetes::{
    API_VERSION, Kind, Object,
    selector::{Fields, Labels},
    table::{self, Form, Include, Page},
};
use serde_json::{Value, json};

use backend::objects::List;

/// The annotation of the bookmark after which a client knows everything that was there.
const END: &str = "k8s.io/initial-events-end";

/// Which objects somebody wants, and how.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    pub(super) form: Form,
    pub(super) include: Include,
    pub(super) labels: Labels,
    pub(super) fields: Fields,
}

impl Wanted {
    /// Whether an object is one of them.
    pub(super) fn fits(&self, object: &Object) -> bool {
        self.labels.matches(&object.metadata.labels) && self.fields.matches(&object.metadata)
    }

    /// Whether anything may be left out.
    pub(super) fn selects(&self) -> bool {
        !self.labels.is_empty() || self.fields != Fields::default()
    }
}

/// One object.
pub(super) fn one(form: Form, object: &Object, now: DateTime<Utc>) -> Value {
    match form {
        Form::Whole => object.to_value(),
        Form::Table => table::row_event(object, Include::default(), now, true),
        Form::Partial => table::partial(&object.metadata),
    }
}

/// A page of a list.
pub(super) fn list(wanted: &Wanted, kind: Kind, list: &List, now: DateTime<Utc>) -> Value {
    let page = Page {
        version: list.version,
        next: list.next.as_deref(),
        remaining: list.remaining,
    };
    match wanted.form {
        Form::Whole => table::list(kind, &list.objects, &page),
        Form::Table => table::table(kind, &list.objects, wanted.include, &page, now, true),
        Form::Partial => table::partials(&list.objects, &page),
    }
}

/// The form of a watch's events.
#[derive(Debug, Clone)]
pub(super) struct Events {
    form: Form,
    include: Include,
    /// Whether a table's columns are still to be told.
    first: bool,
}

impl Events {
    pub(super) fn of(wanted: &Wanted) -> Self {
        Self {
            form: wanted.form,
            include: wanted.include,
            first: true,
        }
    }

    /// What an event carries.
    pub(super) fn object(&mut self, object: &Object, now: DateTime<Utc>) -> Value {
        match self.form {
            Form::Table => {
                let first = std::mem::replace(&mut self.first, false);
                table::row_event(object, self.include, now, first)
            }
            form => one(form, object, now),
        }
    }

    /// What a bookmark carries: a version, and nothing of any object.
    pub(super) fn bookmark(&self, kind: Kind, version: i64, end: bool) -> Value {
        let mut metadata = json!({"resourceVersion": version.to_string(), "creationTimestamp": null});
        if end {
            metadata["annotations"] = json!({END: "true"});
        }
        match self.form {
            Form::Whole => json!({"apiVersion": API_VERSION, "kind": kind.name(), "metadata": metadata}),
            Form::Partial => {
                json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata})
            }
            Form::Table => json!({
                "apiVersion": "meta.k8s.io/v1",
                "kind": "Table",
                "metadata": {"resourceVersion": version.to_string()},
                "columnDefinitions": [],
                "rows": [{"cells": [], "object": {
                    "apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": metadata,
                }}],
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bookmarks_say_how_far_a_watch_is() {
        let wanted = |form| Wanted {
            form,
            include: Include::default(),
            labels: Labels::default(),
            fields: Fields::default(),
        };
        let whole = Events::of(&wanted(Form::Whole)).bookmark(Kind::Team, 7, true);
        assert_eq!(whole["metadata"]["resourceVersion"], "7");
        assert_eq!(whole["metadata"]["annotations"][END], "true");
        let table = Events::of(&wanted(Form::Table)).bookmark(Kind::Team, 7, false);
        assert_eq!((&table["kind"], &table["metadata"]["resourceVersion"]), (&json!("Table"), &json!("7")));
        assert!(!wanted(Form::Whole).selects());
    }
}
