//! What of all teams somebody sees: as lists that SQL can filter by.

use domain::{OrgRole, Permission, Standing, TeamRole, TeamStatus};
use uuid::Uuid;

use crate::{Caller, Result};

/// The organizations whose directories somebody sees: links of groups, machine clients. None is all of them.
///
/// # Errors
/// 403 for those who see none.
pub(crate) fn organizations_seen(caller: &Caller) -> Result<Option<Vec<Uuid>>> {
    let seen = match caller {
        Caller::System(..) => return Ok(None),
        Caller::Person(person, _) if person.super_admin || person.auditor => return Ok(None),
        Caller::Person(person, _) => person.organizations_seen_whole(),
        Caller::Machine(_) => Vec::new(),
    };
    if seen.is_empty() {
        return Err(Standing::default().refusal(Permission::DirectoryManage).into());
    }
    Ok(Some(seen))
}

/// The teams that somebody sees, and how much of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Scope {
    /// Sees everything: super_admins, auditors of the installation, the system.
    pub(crate) all: bool,
    /// Organizations that are seen whole.
    pub(crate) organizations: Vec<Uuid>,
    /// Active teams that the caller belongs to.
    pub(crate) teams: Vec<Uuid>,
    /// Those of them that the caller administers.
    pub(crate) administered: Vec<Uuid>,
    /// Projects that the caller is assigned to.
    pub(crate) projects: Vec<Uuid>,
    /// The caller.
    pub(crate) actor: Option<Uuid>,
}

impl Scope {
    /// What this caller sees.
    pub(crate) fn of(caller: &Caller) -> Self {
        match caller {
            Caller::System(..) => Self {
                all: true,
                ..Self::default()
            },
            Caller::Machine(machine) => Self {
                teams: vec![machine.team_id.0],
                actor: caller.actor_id(),
                ..Self::default()
            },
            Caller::Person(person, _) => {
                let active = person.teams.iter().filter(|team| team.status == TeamStatus::Active);
                let administered = active.clone().filter(|team| team.role == TeamRole::Admin);
                Self {
                    all: person.super_admin || person.auditor,
                    organizations: person.organizations_seen_whole(),
                    administered: administered.map(|team| team.team_id.0).collect(),
                    teams: active.map(|team| team.team_id.0).collect(),
                    projects: person.projects.iter().map(|(project, _)| project.0).collect(),
                    actor: caller.actor_id(),
                }
            }
        }
    }

    /// Whether there is any team in it, or could be.
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.organizations.is_empty() && self.teams.is_empty()
    }

    /// Whether it is more than some teams: the numbers of organizations.
    pub(crate) fn is_administrative(&self) -> bool {
        self.all || !self.organizations.is_empty()
    }
}

/// Where somebody decides requests and runs reviews (SPEC P): for lists and counts; what changes something asks the
/// database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Deciding {
    /// Everywhere.
    pub(crate) all: bool,
    /// Organizations that the caller administers.
    pub(crate) organizations: Vec<Uuid>,
    /// Active teams that the caller administers.
    pub(crate) teams: Vec<Uuid>,
}

impl Deciding {
    /// Where this caller decides; programs and jobs nowhere.
    pub(crate) fn of(caller: &Caller) -> Self {
        let Caller::Person(person, _) = caller else {
            return Self::default();
        };
        let administered = (person.organizations.iter()).filter(|(_, role)| *role == OrgRole::OrgAdmin);
        Self {
            all: person.super_admin,
            organizations: administered.map(|(id, _)| id.0).collect(),
            teams: Scope::of(caller).administered,
        }
    }

    /// Whether that is nowhere.
    pub(crate) fn is_empty(&self) -> bool {
        !self.all && self.organizations.is_empty() && self.teams.is_empty()
    }

    /// Whether it covers something of an organization and, if it is a team's, of that team.
    pub(crate) fn covers(&self, organization: Uuid, team: Option<Uuid>) -> bool {
        self.all || self.organizations.contains(&organization) || team.is_some_and(|team| self.teams.contains(&team))
    }
}
