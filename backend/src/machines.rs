//! Machine clients: programs that provision runners for one team (SPEC B27).
//!
//! A program is known by the subject of its JWT. It is never an admin: what it may do follows from being a
//! [`Caller::Machine`](crate::Caller), which stands in its team as a member stands there, and nowhere else.

mod authenticate;
mod edit;
mod list;

pub use authenticate::{authenticate, write_last_used};
use domain::{MachineClientId, OrganizationId, Permission, TeamId, views::MachineClient};
pub use edit::{MachinePatch, MachinePatchInput, NewMachine, NewMachineInput, create, delete, update};
pub use list::{MachineQuery, get, list};

use crate::{Caller, Result, organizations};

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

/// Whether the caller registers and changes the machine clients of an organization's teams.
pub fn may_change(caller: &Caller, organization: OrganizationId) -> bool {
    organizations::standing(caller, organization).may(Permission::DirectoryManage)
}

fn require_change(caller: &Caller, organization: OrganizationId) -> Result<()> {
    Ok(organizations::standing(caller, organization).require(Permission::DirectoryManage)?)
}

/// Whether the caller sees it: those who may change it, and auditors.
fn sees(caller: &Caller, client: &MachineClient) -> bool {
    organizations::sees_whole(&organizations::standing(caller, client.organization_id))
}
