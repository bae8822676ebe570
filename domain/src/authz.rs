//! Whether a request may reach a service, and why (SPEC D2, D5, D6).
//!
//! [`Question::decide`] answers without allocating: that is what a proxy asks thousands of times a second.
//! [`Question::explain`] gives the same answer with the chain of rules behind it; it is only asked when somebody was
//! refused or wants to know.

mod chain;
mod runners;

pub use chain::{Explanation, Outcome, Step};
pub use runners::{LabelQuestion, ModelQuestion};

use crate::{
    OrgRole, PathRule, Permission, Standing, TeamStatus,
    hierarchy::{Budget, used_up},
    is_plain_path,
};

/// What proves who asks, and whether it is still good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Credential {
    /// A person, whose account is active.
    Person,
    /// A person, whose account is deactivated.
    Deactivated,
    /// A key that works.
    Key,
    /// A key that was revoked.
    KeyRevoked,
    /// A key that has expired.
    KeyExpired,
    /// A key whose owner's account is deactivated.
    OwnerDeactivated,
}

impl Credential {
    /// Whether it is a key. Keys act for their team and never bypass its policy, whoever owns them.
    pub fn is_key(self) -> bool {
        matches!(
            self,
            Self::Key | Self::KeyRevoked | Self::KeyExpired | Self::OwnerDeactivated
        )
    }

    fn is_good(self) -> bool {
        matches!(self, Self::Person | Self::Key)
    }
}

/// A service as the organization's catalogue has it, and whether the team may use it.
#[derive(Debug, Clone, Copy)]
pub struct Catalogued<'a> {
    /// The requests that it admits; none admits all.
    pub rules: &'a [PathRule],
    /// Whether the team's policy lists it.
    pub allowed: bool,
}

/// What the proxy says of the request that it asks about.
#[derive(Debug, Clone, Copy, Default)]
pub struct Original<'a> {
    /// The method, if it is known.
    pub method: Option<&'a str>,
    /// The path, if it is known and only one was named.
    pub path: Option<&'a str>,
    /// Whether the headers named several that differ: then nothing is known.
    pub contradictory: bool,
}

/// What the asker has to do with the project that the request names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProjectAccess {
    /// None is named.
    None,
    /// Assigned to it.
    Assigned,
    /// Not assigned, but with access to all projects of the team.
    Implicit,
    /// No access to it, or the team has no such project.
    Refused,
}

/// All that a decision about a service depends on.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// What proves who asks.
    pub credential: Credential,
    /// What the person is with regard to the team and its organization; of a key, what its owner is.
    pub standing: Standing,
    /// The status of the team that is acted for; none when no team is named, which only a bypass allows.
    pub team: Option<TeamStatus>,
    /// The service's name, as it was asked for.
    pub service: &'a str,
    /// The service, if the catalogue has it.
    pub catalogued: Option<Catalogued<'a>>,
    /// The request behind the proxy.
    pub original: Original<'a>,
    /// The project.
    pub project: ProjectAccess,
    /// The budgets that a use of the service counts against, from the organization down; none where it costs nothing.
    pub budgets: &'a [Budget],
}

/// Who may use services that the team's policy does not list (SPEC D2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bypass {
    /// Everywhere.
    SuperAdmin,
    /// In the own organization.
    OrgAdmin,
}

impl Bypass {
    /// The role's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::OrgAdmin => "org_admin",
        }
    }
}

/// Why a request is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The team's policy lists the service.
    Policy,
    /// It does not, and need not.
    Bypass(Bypass),
}

/// Why a request is refused: the first rule that says no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// The account, or that of the key's owner, is deactivated.
    Deactivated,
    /// The key was revoked.
    KeyRevoked,
    /// The key has expired.
    KeyExpired,
    /// No membership of the team, and no bypass.
    NotMember,
    /// The team is not active.
    TeamInactive,
    /// The organization's catalogue has no such service.
    UnknownService,
    /// The team's policy does not list the service.
    NotAllowed,
    /// The service admits some paths only, and the path is not known.
    PathUnknown,
    /// The path can be read in two ways.
    PathAmbiguous,
    /// The service does not admit the method and path.
    PathRefused,
    /// No access to the project.
    ProjectRefused,
    /// One of the budgets is used up.
    BudgetExceeded,
}

impl Denial {
    /// The words that the client reads, the seed's where it has some.
    pub fn literal(self, question: &Question<'_>) -> String {
        let service = question.service;
        match self {
            Self::Deactivated => "User account is deactivated.".to_owned(),
            Self::KeyRevoked => "The key was revoked".to_owned(),
            Self::KeyExpired => "The key has expired".to_owned(),
            Self::NotMember => "You are not a member of this team".to_owned(),
            Self::TeamInactive => "Team is inactive".to_owned(),
            Self::UnknownService | Self::NotAllowed => format!("Service '{service}' not allowed for team"),
            Self::PathUnknown => {
                format!("Path not allowed for service '{service}': the proxy does not say which path was asked for")
            }
            Self::PathAmbiguous => format!("Path not allowed for service '{service}': it can be read in two ways"),
            Self::PathRefused => format!("Path not allowed for service '{service}'"),
            Self::ProjectRefused => "You are not assigned to this project".to_owned(),
            Self::BudgetExceeded => {
                used_up(question.budgets).map_or_else(|| "Budget has been exceeded!".to_owned(), Budget::refusal)
            }
        }
    }
}

impl Question<'_> {
    /// The role by which policies are bypassed, if the asker has one. Keys have none (SPEC D2).
    pub fn bypass(&self) -> Option<Bypass> {
        if self.credential.is_key() {
            return None;
        }
        if self.standing.super_admin {
            return Some(Bypass::SuperAdmin);
        }
        (self.standing.org == Some(OrgRole::OrgAdmin)).then_some(Bypass::OrgAdmin)
    }

    /// Whether the asker has anything to do with the team: a member, or a bypass. A key needs an owner who may have
    /// keys there: a member, or someone who manages any key of the team (SPEC P).
    fn belongs(&self) -> bool {
        if self.credential.is_key() {
            return self.standing.team.is_some() || self.standing.may(Permission::KeysManage);
        }
        self.bypass().is_some() || (self.team.is_some() && self.standing.team.is_some())
    }

    /// Yes or no. Allocates nothing.
    ///
    /// # Errors
    /// The first rule that refuses.
    pub fn decide(&self) -> Result<Basis, Denial> {
        match self.credential {
            credential if credential.is_good() => {}
            Credential::KeyRevoked => return Err(Denial::KeyRevoked),
            Credential::KeyExpired => return Err(Denial::KeyExpired),
            _ => return Err(Denial::Deactivated),
        }
        if !self.belongs() {
            return Err(Denial::NotMember);
        }
        if self.team.is_some_and(|status| status != TeamStatus::Active) {
            return Err(Denial::TeamInactive);
        }
        let Some(service) = self.catalogued else {
            return Err(Denial::UnknownService);
        };
        let basis = if service.allowed {
            Basis::Policy
        } else {
            Basis::Bypass(self.bypass().ok_or(Denial::NotAllowed)?)
        };
        self.original.check(service.rules)?;
        if self.project == ProjectAccess::Refused {
            return Err(Denial::ProjectRefused);
        }
        // Also of those who bypass the policy: it is the team's money.
        if used_up(self.budgets).is_some() {
            return Err(Denial::BudgetExceeded);
        }
        Ok(basis)
    }
}

impl Original<'_> {
    /// Whether a service with these rules admits the request. Without rules it admits everything, known or not.
    fn check(&self, rules: &[PathRule]) -> Result<(), Denial> {
        if rules.is_empty() {
            return Ok(());
        }
        if self.contradictory {
            return Err(Denial::PathAmbiguous);
        }
        let Some(path) = self.path else {
            return Err(Denial::PathUnknown);
        };
        // A fragment is never sent by a browser, and read in two ways by what stands behind proxies.
        if !is_plain_path(path) || path.contains('#') {
            return Err(Denial::PathAmbiguous);
        }
        // An unknown method is none: only rules for every method admit it.
        let method = self.method.unwrap_or_default();
        if rules.iter().any(|rule| rule.admits(method, path)) {
            Ok(())
        } else {
            Err(Denial::PathRefused)
        }
    }
}

#[cfg(test)]
mod tests;
