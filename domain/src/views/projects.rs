//! Projects, who is in them, and their keys.

use chrono::{DateTime, Utc};

use super::{Project, TeamPage};
use crate::{KeyId, KeyState, ProjectId, ProjectRole, ProjectStanding, TeamId, UserId};

/// A project together with what the viewer is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectPage {
    /// The team, with the viewer's standing in it.
    pub team: TeamPage,
    /// The project.
    pub project: Project,
    /// The viewer's standing in the project, which decides what the page offers.
    pub standing: ProjectStanding,
}

/// Someone with access to a project.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectMember {
    /// The person.
    pub user_id: UserId,
    /// Their email.
    pub email: String,
    /// Their name.
    pub display_name: Option<String>,
    /// The role that they were given in the project, if any.
    pub role: Option<ProjectRole>,
    /// Whether they have access to all projects, as an admin of the team.
    pub implicit: bool,
    /// Since when they have the role.
    pub added_at: Option<DateTime<Utc>>,
    /// Email of who gave it to them.
    pub added_by: Option<String>,
    /// Their keys in the project that have not ended.
    pub keys: i64,
    /// Whether their account is deactivated.
    pub deactivated: bool,
}

/// What taking someone out of a project takes away, in numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectRemoval {
    /// The person's email.
    pub email: String,
    /// Keys that are revoked; none of someone who keeps access as an admin.
    pub keys: i64,
    /// Whether access stays, as an admin.
    pub keeps_access: bool,
    /// Live runners of theirs in the project, which stay.
    pub runners: i64,
}

/// An API key, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Key {
    /// Id.
    pub id: KeyId,
    /// Its team.
    pub team_id: TeamId,
    /// Its team's name.
    pub team_name: String,
    /// Its project.
    pub project_id: Option<ProjectId>,
    /// Its project's name; not shown of a team that is not active.
    pub project_name: Option<String>,
    /// Name, unique among the project's keys that have not been replaced.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// Whose it is.
    pub owner_id: UserId,
    /// The owner's email.
    pub owner: String,
    /// What it is worth now.
    pub state: KeyState,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Email of who made it.
    pub created_by: Option<String>,
    /// When it ends; none is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last use, to some seconds.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The key that has taken its place.
    pub replaced_by: Option<KeyId>,
}

/// A project in which the viewer may have keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MyProject {
    /// Id.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// Its team.
    pub team_id: TeamId,
    /// That team's name.
    pub team: String,
}
