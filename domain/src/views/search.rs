//! What a search from everywhere finds.

use uuid::Uuid;

/// What something is that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundKind {
    /// An organization.
    Organization,
    /// A team.
    Team,
    /// A person.
    Person,
    /// A project.
    Project,
    /// A runner.
    Runner,
    /// A key, of a person or of a project.
    Key,
}

/// Something that was found by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it is.
    pub kind: FoundKind,
    /// Its id.
    pub id: Uuid,
    /// Its name; of a person who has none, the email.
    pub name: String,
    /// What tells it from others of its name: an organization, a team, an email.
    pub detail: String,
    /// Its team; of a person whose account the caller may not see, a team that both are in.
    pub team: Option<Uuid>,
    /// Its project, when it is a project's key.
    pub project: Option<Uuid>,
}
