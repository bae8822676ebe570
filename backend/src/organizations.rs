//! Organizations: what teams belong to, who belongs to them, and what binds all their teams.

mod admission;
mod ceilings;
mod detail;
mod directory;
pub mod domains;
mod edit;
mod input;
mod joining;
mod list;
pub mod people;

pub use admission::takes_in_caller;
pub(crate) use admission::{Admission, ensure_member};
pub(crate) use ceilings::{ceilings, held_limits, hold, hold_ceilings, lock};
pub(crate) use detail::{Loaded, Lock, load};
pub use detail::{get, get_whole, orphans};
pub(crate) use directory::{Belonged, join_by_directory, leave_by_directory};
use domain::{DEFAULT_ORGANIZATION, OrgRole, OrganizationId, Permission, Refusal, Standing};
pub use edit::{create, update};
pub use input::{NewOrganization, NewOrganizationInput, OrganizationPatch, OrganizationPatchInput};
pub(crate) use joining::join_many;
pub use list::{OrganizationQuery, administered, choices, mine, page};
use uuid::Uuid;

use crate::{Caller, Error, Result};

/// How a request names an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrganizationKey {
    /// By id.
    Id(OrganizationId),
    /// By slug.
    Slug(String),
}

impl OrganizationKey {
    /// Reads a UUID, else takes the text for a slug.
    pub fn parse(text: &str) -> Self {
        Uuid::try_parse(text).map_or_else(|_| Self::Slug(text.to_owned()), |id| Self::Id(OrganizationId(id)))
    }
}

impl From<OrganizationId> for OrganizationKey {
    fn from(id: OrganizationId) -> Self {
        Self::Id(id)
    }
}

impl std::fmt::Display for OrganizationKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Slug(slug) => f.write_str(slug),
        }
    }
}

/// What the caller is in an organization, as far as this process knows. What changes something asks the database
/// instead: see [`load`].
pub(crate) fn standing(caller: &Caller, organization: OrganizationId) -> Standing {
    match caller {
        Caller::System(..) => Standing {
            super_admin: true,
            ..Standing::default()
        },
        Caller::Machine(_) => Standing::default(),
        Caller::Person(person, _) => Standing {
            super_admin: person.super_admin,
            auditor: person.auditor,
            org: person.organization_role(organization),
            team: None,
        },
    }
}

/// Asks for a permission over a whole organization, in words that fit one.
///
/// # Errors
/// 403 `Insufficient permissions`.
pub(crate) fn require(standing: &Standing, permission: Permission) -> Result<()> {
    standing.require(permission).map_err(|refusal| {
        Error::Forbidden(Refusal {
            literal: "Insufficient permissions".to_owned(),
            ..refusal
        })
    })
}

/// Lets those pass who see all of the installation: super_admins and its auditors. `rule` is what was tried, in words.
///
/// # Errors
/// 403 for everybody else.
pub(crate) fn require_everywhere(caller: &Caller, rule: &str) -> Result<()> {
    let everywhere = Standing {
        org: None,
        ..standing(caller, DEFAULT_ORGANIZATION)
    };
    if everywhere.may(Permission::AuditView) {
        return Ok(());
    }
    let mut refusal = everywhere.refusal(Permission::InstallationManage).of(rule);
    "Admin privileges required".clone_into(&mut refusal.literal);
    "a super_admin or auditor of the installation".clone_into(&mut refusal.who_can);
    Err(refusal.into())
}

/// The refusal of what binds an organization to those whom it binds.
fn super_admins_only(rule: &str) -> Error {
    Error::Forbidden(Refusal {
        literal: "Insufficient permissions".to_owned(),
        rule: rule.to_owned(),
        who_can: Permission::InstallationManage.who(),
    })
}

/// Whether someone sees all of an organization, and not only what it is called and who administers it.
pub(crate) fn sees_whole(standing: &Standing) -> bool {
    standing.may(Permission::TeamView)
}

/// The organization that a new team goes to when the request names none: the only one that the
/// caller administers, else `default`.
pub(crate) fn default_for_new_team(caller: &Caller) -> OrganizationId {
    let Caller::Person(person, _) = caller else {
        return DEFAULT_ORGANIZATION;
    };
    let mut administered = person
        .organizations
        .iter()
        .filter(|(_, role)| *role == OrgRole::OrgAdmin);
    match (administered.next(), administered.next()) {
        (Some((only, _)), None) => *only,
        _ => DEFAULT_ORGANIZATION,
    }
}
