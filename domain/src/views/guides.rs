//! What the guides show: how far someone is on the way through one of the usual changes (SPEC D9).

use chrono::{DateTime, Utc};

use crate::{OrgRole, TeamId, TeamRole, UserId};

/// A team that the viewer manages, to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManagedTeam {
    /// Id.
    pub id: TeamId,
    /// Display name.
    pub name: String,
    /// The organization's display name.
    pub organization: String,
}

/// A person with regard to one team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonInTeam {
    /// Id.
    pub id: UserId,
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
    /// Whether the account is deactivated.
    pub deactivated: bool,
    /// Role in the team's organization.
    pub org_role: Option<OrgRole>,
    /// Why the organization would not take them in, if it would not (SPEC X10), or that their address is in doubt.
    pub not_admitted: Option<String>,
    /// Role in the team.
    pub role: Option<TeamRole>,
    /// Since when they are in the team.
    pub joined_at: Option<DateTime<Utc>>,
    /// When they were last seen, to the hour.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whether the team has another admin whose account is active.
    pub other_admin: bool,
    /// Projects of the team that they are assigned to.
    pub project_roles: i64,
    /// Ten of those, by name.
    pub project_names: Vec<String>,
    /// Their keys of the team that work now.
    pub keys: i64,
    /// Those of them that were used in the last 30 days.
    pub recent_keys: i64,
    /// Ten of the keys, by name.
    pub key_names: Vec<String>,
    /// Their live runners of the team.
    pub runners: i64,
}

/// How far a new team is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamProgress {
    /// Admins whose account is active.
    pub admins: i64,
    /// Services that it may use.
    pub services: i64,
    /// Services in the organization's catalogue.
    pub catalogue: i64,
}
