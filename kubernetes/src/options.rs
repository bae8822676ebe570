//! What a query string asks for, and `DeleteOptions`.

mod delete;
mod parse;

pub use delete::{Delete, Propagation};

use crate::{
    Failure,
    decode::Validation,
    selector::{Fields, Labels},
};

/// Which versions a list or a watch may begin with (`resourceVersionMatch`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    /// This version and no other.
    Exact,
    /// This version or a later one.
    NotOlderThan,
}

/// The parameters of all verbs together: a verb looks at its own, and unknown ones are nothing to anybody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// How many objects a page has; none is all.
    pub limit: Option<i64>,
    /// Where the last page ended.
    pub token: Option<String>,
    /// `fieldSelector` as it was sent: which fields there are depends on what is listed. See [`Self::fields`].
    pub field_selector: String,
    /// `labelSelector`
    pub labels: Labels,
    /// Whether changes are told as they happen.
    pub watch: bool,
    /// `resourceVersion`; none is any, as are nothing and 0 in the query.
    pub version: Option<i64>,
    /// Whether `resourceVersion=0` was sent, which for a watch means what none means.
    pub any_version: bool,
    /// `resourceVersionMatch`
    pub version_match: Option<Match>,
    /// When a watch ends.
    pub timeout_seconds: Option<u32>,
    /// Whether a watch tells of versions in which nothing happened to it.
    pub bookmarks: bool,
    /// Whether a watch begins with what is there, and says so when that is told.
    pub send_initial_events: Option<bool>,
    /// Whether nothing is stored.
    pub dry_run: bool,
    /// What happens to unknown fields.
    pub validation: Validation,
    /// Who writes; see [`Self::manager`].
    pub field_manager: Option<String>,
    /// Whether server-side apply takes fields from others.
    pub force: bool,
    /// What happens to what depends on the object.
    pub propagation: Option<Propagation>,
    /// How long deletion may take.
    pub grace_period_seconds: Option<i64>,
}

impl Options {
    /// Reads a query string (what follows `?`).
    pub fn parse(query: &str) -> Result<Self, Failure> {
        parse::query(query)
    }

    /// The field selector of one of our kinds.
    pub fn fields(&self) -> Result<Fields, Failure> {
        Fields::parse(&self.field_selector)
    }

    /// Who writes: `fieldManager`, or else the program's name in `User-Agent`, as in Kubernetes.
    pub fn manager(&self, user_agent: &str) -> String {
        let program = || {
            let program = user_agent.split('/').next().unwrap_or_default().trim();
            let printable: String = program
                .chars()
                .filter(|char| !char.is_control())
                .take(parse::MANAGER)
                .collect();
            if printable.is_empty() {
                "unknown".to_owned()
            } else {
                printable
            }
        };
        self.field_manager.clone().unwrap_or_else(program)
    }
}

#[cfg(test)]
mod tests;
