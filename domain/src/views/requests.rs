//! Requests.

use chrono::{DateTime, Utc};

use super::Contact;
use crate::{OrganizationId, RequestId, RequestKind, RequestState, RequestValue, TeamId, UserId};

/// A request, as lists and its own page show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// Id.
    pub id: RequestId,
    /// The team that it is about.
    pub team_id: TeamId,
    /// That team's name.
    pub team_name: String,
    /// That team's organization.
    pub organization_id: OrganizationId,
    /// Who asks.
    pub requester_id: UserId,
    /// Their email.
    pub requester: String,
    /// What is asked for.
    pub value: RequestValue,
    /// Why.
    pub reason: String,
    /// Whether it asked for more than the team had when it was made.
    pub raises: bool,
    /// Where it stands.
    pub state: RequestState,
    /// The denied one that this asks to look at again.
    pub reviews: Option<RequestId>,
    /// Email of who decided it.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Why it was decided so; a denial always says.
    pub decision: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

impl AccessRequest {
    /// What it is for, in words: a kind and a value.
    pub fn what(&self) -> String {
        match self.value.kind() {
            RequestKind::Join => format!("Join {} {}", self.team_name, self.value),
            kind => format!("{}: {}", kind.label(), self.value),
        }
    }
}

/// A request with what its viewer may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestPage {
    /// The request.
    pub request: AccessRequest,
    /// Whether the viewer may decide it, or undo a decision.
    pub decides: bool,
    /// Whether it is the viewer's own.
    pub own: bool,
    /// Who else can decide it, when the viewer may not.
    pub who_can: Option<String>,
    /// Some of them, while it waits for them; super_admins are not named.
    pub deciders: Vec<Contact>,
}
