//! Which runners a caller sees (SPEC B18, B35), and which they may delete (SPEC P), as SQL over `runners r`.

use domain::{
    DEFAULT_ORGANIZATION, MachineClientId, OrgRole, Permission, TeamId, TeamRole, TeamStatus, UserId,
    views::{Runner, RunnerOwner},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{Caller, organizations};

/// How far a list reaches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reach {
    /// All that the caller may see.
    #[default]
    All,
    /// The caller's own and those of their own teams, also where the caller sees more.
    Teams,
    /// The caller's own.
    Own,
}

/// A set of runners.
#[derive(Debug, Clone)]
pub(super) enum Scope {
    /// All there are.
    Everything,
    /// A machine client's team's.
    Team(TeamId),
    /// A machine client's own.
    Machine(MachineClientId),
    /// The own, those of teams, and those of whole organizations.
    Of {
        person: UserId,
        teams: Vec<Uuid>,
        organizations: Vec<Uuid>,
    },
}

impl Scope {
    /// What the caller sees.
    pub(super) fn seen(caller: &Caller, reach: Reach) -> Self {
        match caller {
            Caller::System(..) => Self::Everything,
            Caller::Machine(machine) if reach == Reach::Own => Self::Machine(machine.id),
            Caller::Machine(machine) => Self::Team(machine.team_id),
            Caller::Person(person, _) if reach == Reach::All && (person.super_admin || person.auditor) => {
                Self::Everything
            }
            Caller::Person(person, _) => {
                let teams = (person.teams.iter()).filter(|team| team.status == TeamStatus::Active);
                Self::Of {
                    person: person.id,
                    // Own runners stay visible when the team is not active any more (SPEC B35).
                    teams: match reach {
                        Reach::Own => Vec::new(),
                        Reach::All | Reach::Teams => teams.map(|team| team.team_id.0).collect(),
                    },
                    organizations: match reach {
                        Reach::All => person.organizations_seen_whole(),
                        Reach::Teams | Reach::Own => Vec::new(),
                    },
                }
            }
        }
    }

    /// What the caller may delete.
    pub(super) fn deletable(caller: &Caller) -> Self {
        match caller {
            Caller::System(..) => Self::Everything,
            Caller::Machine(machine) => Self::Machine(machine.id),
            Caller::Person(person, _) if person.super_admin => Self::Everything,
            Caller::Person(person, _) => Self::Of {
                person: person.id,
                teams: (person.teams.iter())
                    .filter(|team| team.status == TeamStatus::Active && team.role == TeamRole::Admin)
                    .map(|team| team.team_id.0)
                    .collect(),
                organizations: (person.organizations.iter())
                    .filter(|(_, role)| *role == OrgRole::OrgAdmin)
                    .map(|(organization, _)| organization.0)
                    .collect(),
            },
        }
    }

    /// The condition, in parentheses where it needs them.
    pub(super) fn push(&self, sql: &mut QueryBuilder<Postgres>) {
        match self {
            Self::Everything => {
                sql.push("true");
            }
            Self::Team(team) => {
                sql.push("r.team_id = ").push_bind(team.0);
            }
            Self::Machine(machine) => {
                sql.push("r.machine_client_id = ").push_bind(machine.0);
            }
            Self::Of {
                person,
                teams,
                organizations,
            } => {
                sql.push("(r.provisioned_by = ").push_bind(person.0);
                if !teams.is_empty() {
                    sql.push(" OR r.team_id = ANY(").push_bind(teams.clone()).push(")");
                }
                if !organizations.is_empty() {
                    sql.push(" OR r.team_id IN (SELECT id FROM teams WHERE organization_id = ANY(")
                        .push_bind(organizations.clone())
                        .push("))");
                }
                sql.push(")");
            }
        }
    }
}

/// Whether a caller owns a runner.
pub(super) fn owns(caller: &Caller, runner: &Runner) -> bool {
    match caller {
        Caller::System(..) => false,
        Caller::Person(person, _) => runner.owner == RunnerOwner::Person(person.id),
        Caller::Machine(machine) => runner.owner == RunnerOwner::Machine(machine.id),
    }
}

/// Whether a caller may delete a runner, as far as this process knows: for what a page offers. [`super::delete`] asks
/// the database.
pub fn may_delete(caller: &Caller, runner: &Runner) -> bool {
    let mut standing = organizations::standing(caller, runner.organization_id.unwrap_or(DEFAULT_ORGANIZATION));
    if let Caller::Person(person, _) = caller {
        standing.team = (person.teams.iter())
            .find(|team| Some(team.team_id) == runner.team_id && team.status == TeamStatus::Active)
            .map(|team| team.role);
    }
    owns(caller, runner) || standing.may(Permission::RunnerDelete)
}
