//! Machine clients.

use chrono::{DateTime, Utc};

use crate::{MachineClientId, OrganizationId, TeamId};

/// A program that provisions runners for one team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineClient {
    /// Id.
    pub id: MachineClientId,
    /// The subject of its JWTs.
    pub subject: String,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The team that it acts for.
    pub team_id: TeamId,
    /// That team's name.
    pub team_name: String,
    /// That team's organization.
    pub organization_id: OrganizationId,
    /// Whether it may act.
    pub is_active: bool,
    /// Runners of its that are not deleted.
    pub live_runners: i64,
    /// When it was registered.
    pub created_at: DateTime<Utc>,
    /// Email of who registered it.
    pub created_by: Option<String>,
    /// When it last authenticated.
    pub last_used_at: Option<DateTime<Utc>>,
}
