//! What the doors ask for and get.

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use kubernetes::{Kind, Object};
use uuid::Uuid;

/// Which objects a list or a watch is about.
#[derive(Debug, Clone)]
pub struct Query {
    /// The kind.
    pub kind: Kind,
    /// The organization's slug; `None` is every namespace that the caller sees.
    pub namespace: Option<String>,
    /// Only the object of this name.
    pub name: Option<String>,
}

/// One page of a list.
#[derive(Debug)]
pub struct List {
    /// In the order of namespace and name.
    pub objects: Vec<Object>,
    /// The version that the list shows; a watch goes on from it.
    pub version: i64,
    /// What `continue` brings the next page.
    pub next: Option<String>,
}

/// What came of a change.
#[derive(Debug)]
pub struct Changed {
    /// As it is now.
    pub object: Object,
    /// Whether anything is different; an unchanged object keeps its version.
    pub changed: bool,
}

/// What a deletion insists on.
#[derive(Debug, Clone, Default)]
pub struct Preconditions {
    /// Only this very object.
    pub uid: Option<String>,
    /// Only if nobody changed it.
    pub resource_version: Option<String>,
}

/// What came of a deletion.
#[derive(Debug)]
pub enum Deleted {
    /// It is gone.
    Gone(Object),
    /// It has a deletion timestamp and goes as soon as LiteLLM confirms.
    Waiting(Object),
}

/// An organization as a namespace.
#[derive(Debug, Clone)]
pub struct Namespace {
    /// The slug.
    pub name: String,
    /// The organization's id.
    pub uid: Uuid,
    /// The organization's name.
    pub display_name: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// Something that happened to an object; `kubectl describe` shows it.
#[derive(Debug, Clone)]
pub struct Happening {
    /// Its own id.
    pub id: Uuid,
    /// The object.
    pub kind: Kind,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// `Normal` or `Warning`.
    pub severity: String,
    /// One word: `Ready`, `LitellmError`.
    pub reason: String,
    /// A sentence.
    pub message: String,
    /// How often.
    pub count: i32,
    /// First time.
    pub first_at: DateTime<Utc>,
    /// Last time.
    pub last_at: DateTime<Utc>,
}

/// Which happenings.
#[derive(Debug, Clone, Default)]
pub struct HappeningQuery {
    /// The organization's slug; `None` is every namespace that the caller sees.
    pub namespace: Option<String>,
    /// Of objects of this kind.
    pub kind: Option<Kind>,
    /// Of the object of this name.
    pub name: Option<String>,
    /// Of the object with this uid.
    pub uid: Option<String>,
}

/// What somebody wants to do with a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// get, list, watch
    Read,
    /// create
    Create,
    /// update, patch
    Change,
    /// delete
    Delete,
}

/// One change of one object, in the order of versions.
#[derive(Debug, Clone)]
pub struct Change {
    /// What happened.
    pub what: What,
    /// The object after it; a deleted one as it was last, with the version of its deletion.
    pub object: Arc<Object>,
    /// The labels before; a selector may have matched then and not now, or the other way round.
    pub labels_before: Option<BTreeMap<String, String>>,
}

/// What happened to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// It is new.
    Added,
    /// It is different.
    Modified,
    /// It is gone.
    Deleted,
}

impl What {
    /// The word of watches.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "ADDED",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
        }
    }

    /// The word, read.
    pub(super) fn parse(word: &str) -> Self {
        match word {
            "ADDED" => Self::Added,
            "DELETED" => Self::Deleted,
            _ => Self::Modified,
        }
    }
}

/// Where something was declared.
#[derive(Debug, Clone)]
pub struct Source {
    /// The namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// The field manager that wrote last.
    pub manager: String,
    /// When.
    pub at: DateTime<Utc>,
}
