//! SCIM 2.0 (RFC 7643, RFC 7644): people and groups as an organization's directory sends them, without anyone signing in.
//!
//! The caller is a [`Directory`]: a token of one organization. Nothing here reads or writes what belongs to another one:
//! each statement names the organization, and what a person has elsewhere (their account's name, their other memberships,
//! the account itself) stays as it is. What being in a group gives is not decided here: see [`crate::identity_links`].

mod filter;
mod groups;
mod links;
mod overview;
mod people;
mod tokens;
mod users;

use chrono::{DateTime, Utc};
use domain::{
    OrganizationId,
    scim::{Filter, Refused, ScimType},
};
pub use groups::{change_group, create_group, delete_group, get_group, list_groups, replace_group};
pub(crate) use links::linked;
pub use overview::{GroupRow, Overview, overview};
use serde_json::{Map, Value};
pub use tokens::{PREFIX, Token, authenticate, create as create_token, list as list_tokens, revoke as revoke_token};
pub use users::{change_user, create_user, delete_user, get_user, list_users, replace_user};
use uuid::Uuid;

use crate::{Caller, Code, Error, Method};

/// The largest page.
pub const MAX_PAGE: i64 = 200;

/// An organization's directory, known by a token.
#[derive(Debug, Clone)]
pub struct Directory {
    /// The token, which is not its secret.
    pub token: Uuid,
    /// What the token is called.
    pub name: String,
    /// The organization, and the only one that it reaches.
    pub organization: OrganizationId,
}

impl Directory {
    /// The caller of everything that it does.
    pub fn caller(&self) -> Caller {
        Caller::System(format!("SCIM {}", self.name).into(), Method::Scim)
    }
}

/// A person or a group, as the directory sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored {
    /// Our id.
    pub id: Uuid,
    /// Grows with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// Its attributes, in the form of the schemas.
    pub body: Map<String, Value>,
}

/// What to list.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Only these.
    pub filter: Option<Filter>,
    /// The place of the first one, from 1.
    pub start: i64,
    /// How many; 0 gives only the total.
    pub count: i64,
}

impl Query {
    fn offset(&self) -> i64 {
        self.start.max(1) - 1
    }

    fn limit(&self) -> i64 {
        self.count.clamp(0, MAX_PAGE)
    }
}

/// A page of a list, in the order of creation.
#[derive(Debug, Clone)]
pub struct Found {
    /// How many there are.
    pub total: i64,
    /// This page of them.
    pub items: Vec<Stored>,
}

/// Why a request was not done.
#[derive(Debug)]
pub enum Failure {
    /// The protocol's rules.
    Refused(Refused),
    /// The resource is not the version that the request is for.
    Changed,
    /// Everything else.
    Error(Error),
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error> for Failure {
    /// Rules of ours in the protocol's words.
    fn from(error: Error) -> Self {
        let kind = match &error {
            Error::Invalid(_) | Error::Refused(Code::ForeignDomain, _) => ScimType::InvalidValue,
            Error::Refused(Code::NameTaken | Code::AlreadyMember, _) => ScimType::Uniqueness,
            _ => return Self::Error(error),
        };
        Self::Refused(Refused::new(kind, error.to_string()))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(error.into())
    }
}

/// What functions here give.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Another one of the organization has what must be one's own.
fn taken(error: sqlx::Error, constraints: &[(&str, &str)]) -> Failure {
    let name = error.as_database_error().and_then(|database| database.constraint());
    let words = constraints
        .iter()
        .find_map(|(constraint, words)| (name == Some(*constraint)).then_some(*words));
    match words {
        Some(words) => Refused::new(ScimType::Uniqueness, words).into(),
        None => error.into(),
    }
}

/// That a resource is the version that a request is for.
fn require_version(expected: Option<i64>, version: i64) -> Result<()> {
    if expected.is_some_and(|expected| expected != version) {
        return Err(Failure::Changed);
    }
    Ok(())
}

/// A text of an attribute.
fn text(map: &Map<String, Value>, name: &str) -> Option<String> {
    map.get(name).and_then(Value::as_str).map(str::to_owned)
}
