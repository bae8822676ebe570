//! What pages and APIs show of organizations.

use chrono::{DateTime, Utc};

use super::Organization;
use crate::{OrgRole, OrganizationId, Standing, TeamId, UserId, VerifiedHow};

/// An organization together with what the viewer is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct OrganizationPage {
    /// The organization.
    pub organization: Organization,
    /// The viewer's standing, which decides what the page offers.
    pub standing: Standing,
    /// Its email domains, by name; to those who do not see it whole only the verified ones.
    pub domains: Vec<OrganizationDomain>,
    /// Who administers it, by email, at most twenty.
    pub admins: Vec<Contact>,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Numbers, for those who see the organization whole.
    pub numbers: Option<OrganizationNumbers>,
}

/// An organization that the viewer has a role in, for navigation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnOrganization {
    /// Id.
    pub id: OrganizationId,
    /// Display name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// The viewer's role in it.
    pub role: OrgRole,
}

/// Somebody to turn to: who administers an organization, who decides a request, who may do what the viewer may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
}

/// What an organization holds, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OrganizationNumbers {
    /// People who belong to it.
    pub people: i64,
    /// Of them, guests.
    pub guests: i64,
    /// Of them, org_admins whose account is active.
    pub admins: i64,
    /// Live runners of all its teams.
    pub runners: i64,
    /// Active teams.
    pub active_teams: i64,
    /// Inactive teams.
    pub inactive_teams: i64,
    /// Teams that are not archived and have no admin who could act (SPEC D12).
    pub teams_without_admin: i64,
}

/// A team that nobody administers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrphanTeam {
    /// Id.
    pub id: TeamId,
    /// Display name.
    pub name: String,
    /// Members.
    pub member_count: i32,
}

/// An email domain of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationDomain {
    /// The domain.
    pub domain: String,
    /// The text of the TXT record that proves it; only for those who may verify it.
    pub record: Option<String>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Email of who added it.
    pub created_by: Option<String>,
    /// Since when and how it counts; none while it does not.
    pub verified: Option<(DateTime<Utc>, VerifiedHow)>,
    /// Email of who verified it.
    pub verified_by: Option<String>,
}

/// Someone who belongs to an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrganizationPerson {
    /// The person.
    pub user_id: UserId,
    /// Their email.
    pub email: String,
    /// Their name.
    pub display_name: Option<String>,
    /// Role in the organization.
    pub role: OrgRole,
    /// Invited from outside its email domains.
    pub guest: bool,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Email of who added them.
    pub added_by: Option<String>,
    /// Whether their account is deactivated.
    pub deactivated: bool,
    /// Teams of the organization that they belong to, archived ones aside.
    pub team_count: i64,
}

/// What removing someone from an organization takes away, in numbers (SPEC D4, X12).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DepartureEffects {
    /// Who.
    pub email: String,
    /// Memberships of teams that end.
    pub teams: i64,
    /// Roles in projects that end.
    pub project_roles: i64,
    /// Keys that are revoked.
    pub keys: i64,
    /// Live runners that stay.
    pub runners: i64,
    /// Teams whose last admin this is: while there are any, the person stays.
    pub last_admin_of: Vec<String>,
}
