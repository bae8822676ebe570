//! In which of its forms an object, a list or an event is told.

use chrono::{DateTime, Utc};
use kubernetes::{
    Kind, Object,
    selector::{Fields, Labels},
    table::{self, Form, Include, Page},
};
use serde_json::Value;

use backend::objects::List;

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
}
