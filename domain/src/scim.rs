//! SCIM 2.0 (RFC 7643, RFC 7644) without the wire and without the database: what the schemas say, how filters and paths
//! are read, and what a request does to a resource.
//!
//! Resources are JSON objects whose names and types are those of [`schema`]: [`read`] brings what a directory sends into
//! that form, once, and everything after it can rely on it.

pub mod filter;
mod group;
mod matches;
mod patch;
mod path;
mod project;
mod read;
pub mod schema;

use std::fmt;

pub use filter::Filter;
pub use group::{GroupChange, MAX_MEMBERS, group_changes, members};
pub use patch::{Operation, Verb, apply, operations};
pub use path::{AttrPath, PatchPath};
pub use project::Projection;
pub use read::{boolean, read};
pub use schema::{GROUPS, Resource, USERS};

/// The schema of a person.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// What companies add to it.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// A page of a list.
pub const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The body of a PATCH.
pub const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
/// The body of a query by POST.
pub const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
/// An error.
pub const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// Why a request is refused, in the protocol's own word (RFC 7644, section 3.12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScimType {
    /// A filter that cannot be read, or compares what cannot be compared.
    InvalidFilter,
    /// A query by a filter whose answer would be too large.
    TooMany,
    /// A value that must be one's own is another's.
    Uniqueness,
    /// What is read-only or required was to be changed or taken away.
    Mutability,
    /// A body that is not what the operation takes.
    InvalidSyntax,
    /// A path that cannot be read, or names no attribute.
    InvalidPath,
    /// A path that fits nothing of this resource.
    NoTarget,
    /// A value of the wrong type, or one that breaks a rule.
    InvalidValue,
}

impl ScimType {
    /// The word in the error.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
        }
    }

    /// The HTTP status that goes with it.
    pub fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            _ => 400,
        }
    }
}

/// A request that is refused, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refused {
    /// The protocol's word.
    pub kind: ScimType,
    /// Words for people.
    pub detail: String,
}

impl Refused {
    /// A refusal.
    pub fn new(kind: ScimType, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
        }
    }

    /// A value of an attribute that breaks a rule.
    pub fn value(attribute: impl fmt::Display, rule: &str) -> Self {
        Self::new(ScimType::InvalidValue, format!("{attribute} {rule}"))
    }
}

/// A client's text in an error, no longer than an error should be.
pub(crate) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}
