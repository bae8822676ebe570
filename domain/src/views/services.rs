//! What pages and APIs show of services: the catalogue, a team's policy, and what a change of either breaks.

use chrono::{DateTime, Utc};

use crate::{OrganizationId, ServiceId, ServiceKind, TeamId};

/// A service in an organization's catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// Id.
    pub id: ServiceId,
    /// The organization that it belongs to.
    pub organization_id: OrganizationId,
    /// As it stands in `/authz/{service}`; unique in the organization.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it is.
    pub kind: ServiceKind,
    /// The requests that it admits, each `/prefix` or `METHOD /prefix`; none admits all.
    pub path_prefixes: Vec<String>,
    /// Teams that may use it and are not archived.
    pub team_count: i64,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Email of the creator.
    pub created_by: Option<String>,
}

/// An organization whose catalogue the viewer may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Catalogue {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its slug.
    pub slug: String,
    /// Its display name.
    pub name: String,
    /// Services in it.
    pub service_count: i64,
    /// Whether the viewer may change it.
    pub may_change: bool,
}

/// A service that a team may use, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedService {
    /// The service.
    pub service_id: ServiceId,
    /// Its name.
    pub service: String,
    /// Why the team may use it.
    pub reason: String,
    /// Since when, for this reason.
    pub allowed_at: DateTime<Utc>,
    /// Email of who allowed it.
    pub allowed_by: Option<String>,
}

/// A service of the catalogue as a team's policy has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceChoice {
    /// The service.
    pub id: ServiceId,
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it is.
    pub kind: ServiceKind,
    /// Since when the catalogue has it.
    pub created_at: DateTime<Utc>,
    /// The reason why the team may use it, with when and by whom; none means not (SPEC X9).
    pub allowed: Option<AllowedService>,
}

/// A team that may use a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceUser {
    /// The team.
    pub team_id: TeamId,
    /// Its name.
    pub team: String,
    /// Why.
    pub reason: String,
    /// Since when, for this reason.
    pub allowed_at: DateTime<Utc>,
    /// Email of who allowed it.
    pub allowed_by: Option<String>,
}

/// What a team would lose with a service, in numbers. A key counts when it works now: not revoked, not expired, of
/// someone whose account is active.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BrokenKeys {
    /// Keys that can no longer use what is lost.
    pub keys: i64,
    /// Those of them that were used in the last 30 days.
    pub recently_used: i64,
    /// Projects that have such keys.
    pub projects: i64,
    /// Ten of the keys, the last used first.
    pub examples: Vec<BrokenKey>,
}

/// A key that a change would break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokenKey {
    /// What its owner calls it.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// Its team.
    pub team: String,
    /// Its project, if it has one.
    pub project: Option<String>,
    /// Email of whose key it is.
    pub owner: String,
    /// Last use.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What a change of a team's services does, before or after it is saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyChange {
    /// Services that the team may use from now on.
    pub gained: Vec<String>,
    /// Services that it may no longer use.
    pub lost: Vec<String>,
    /// Services that stay, with another reason.
    pub reasoned: Vec<String>,
    /// What the losses break.
    pub broken: BrokenKeys,
}

impl PolicyChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.gained.is_empty() && self.lost.is_empty() && self.reasoned.is_empty()
    }
}

/// What deleting a service takes away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceDeletion {
    /// The service's name.
    pub service: String,
    /// How many teams lose it.
    pub teams: i64,
    /// Ten of them, by name.
    pub team_names: Vec<String>,
    /// What that breaks.
    pub broken: BrokenKeys,
}
