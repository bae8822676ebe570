//! Machine clients: programs that provision runners for one team (SPEC B27).

use domain::{MachineClientId, OrganizationId, TeamId};

/// A program, known by the subject of its JWT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// Id.
    pub id: MachineClientId,
    /// What it is called.
    pub name: String,
    /// The one team that it acts for.
    pub team_id: TeamId,
    /// The team's organization.
    pub organization_id: OrganizationId,
}
