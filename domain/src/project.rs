//! Projects of a team: roles in them, and who may do what in one (SPEC D1, D8).
//!
//! Nothing here grants by itself: rights come from the permission table by the standing in the team, and from the
//! role in the project for people of the team.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Grant, Invalid, OrgRole, Permission, Refusal, Standing, TeamRole};

/// A person's role in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProjectRole {
    /// Manages the project's members and keys.
    Admin,
    /// Uses it, with keys of their own.
    Member,
}

impl ProjectRole {
    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl fmt::Display for ProjectRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ProjectRole {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim() {
            "admin" => Ok(Self::Admin),
            "member" => Ok(Self::Member),
            _ => Err(Invalid::new("role", "must be admin or member. Verify role spelling")),
        }
    }
}

/// What can be done in one project, beside what its team's admins do with projects as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProjectRight {
    /// See it, its members and the own keys.
    See,
    /// Assign people to it, change their roles, take them out.
    ManageMembers,
    /// See, make, rotate and revoke everybody's keys.
    ManageKeys,
    /// Make, rotate and revoke own keys.
    OwnKeys,
}

impl ProjectRight {
    /// What is done, in words that follow "to".
    fn label(self) -> &'static str {
        match self {
            Self::See => "see the project",
            Self::ManageMembers => "assign people to the project",
            Self::ManageKeys => "manage the project's keys",
            Self::OwnKeys => "have keys of the project",
        }
    }

    /// The row of the permission table that gives it over all of a team's projects.
    fn permission(self) -> Permission {
        match self {
            Self::See | Self::ManageMembers => Permission::ProjectsManage,
            Self::ManageKeys | Self::OwnKeys => Permission::KeysManage,
        }
    }

    /// Who has it, in words that begin a sentence.
    pub fn who(self) -> String {
        match self {
            Self::OwnKeys => "a team admin, or someone assigned to the project".to_owned(),
            _ => self.permission().who().replacen(" or ", ", ", 1) + " or project admin",
        }
    }
}

/// What someone is with regard to one project.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ProjectStanding {
    /// In the team.
    pub team: Standing,
    /// In the project.
    pub role: Option<ProjectRole>,
}

/// How high someone stands: of two people, nobody gets the rights of the higher one by a key made for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Nobody,
    Member,
    ProjectAdmin,
    TeamAdmin,
    OrgAdmin,
    SuperAdmin,
}

impl ProjectStanding {
    /// The role in the project, which counts for people of the team only.
    fn assigned(&self) -> Option<ProjectRole> {
        self.role.filter(|_| self.team.team.is_some())
    }

    /// Access without a role in the project: to all projects of the team.
    pub fn implicit(&self) -> bool {
        self.team.may(Permission::ProjectsManage)
    }

    /// Whether someone with this standing in a team sees all of its projects: who manages them, and auditors.
    pub fn sees_all(team: &Standing) -> bool {
        team.may(Permission::ProjectsManage)
            || (team.may(Permission::TeamView) && team.grant(Permission::AuditView) == Grant::Yes)
    }

    /// Whether a right is granted.
    pub fn may(&self, right: ProjectRight) -> bool {
        let assigned = self.assigned();
        match right {
            ProjectRight::See => Self::sees_all(&self.team) || assigned.is_some(),
            ProjectRight::ManageMembers | ProjectRight::ManageKeys => {
                self.team.may(right.permission()) || assigned == Some(ProjectRole::Admin)
            }
            // A key ends with its owner's membership of the team, so that there has to be one.
            ProjectRight::OwnKeys => {
                self.team.team.is_some()
                    && self.team.grant(Permission::KeysManage) >= Grant::Own
                    && (self.implicit() || assigned.is_some())
            }
        }
    }

    /// Asks for a right.
    ///
    /// # Errors
    /// The refusal, with the seeds' literal first (SPEC X16) and then who can do it.
    pub fn require(&self, right: ProjectRight) -> Result<(), Refusal> {
        if self.may(right) {
            return Ok(());
        }
        Err(Refusal {
            literal: self.team.refusal(right.permission()).literal,
            rule: right.label().to_owned(),
            who_can: right.who(),
        })
    }

    /// Whether someone may hold the secret of another person's key: what it opens is no more than what is open to them.
    pub fn may_act_for(&self, owner: &Self) -> bool {
        self.may(ProjectRight::ManageKeys) && self.rank() >= owner.rank()
    }

    fn rank(&self) -> Rank {
        match (self.team, self.assigned()) {
            (Standing { super_admin: true, .. }, _) => Rank::SuperAdmin,
            (
                Standing {
                    org: Some(OrgRole::OrgAdmin),
                    ..
                },
                _,
            ) => Rank::OrgAdmin,
            (
                Standing {
                    team: Some(TeamRole::Admin),
                    ..
                },
                _,
            ) => Rank::TeamAdmin,
            (_, Some(ProjectRole::Admin)) => Rank::ProjectAdmin,
            (_, Some(ProjectRole::Member)) => Rank::Member,
            _ => Rank::Nobody,
        }
    }
}

/// What a key is worth now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It works.
    Active,
    /// Another key has taken its place; it works until it expires.
    Replaced,
    /// It does not work as long as its owner has no access to the project, or the team is not active.
    Suspended,
    /// Its time is over.
    Expired,
}

impl KeyState {
    /// The word that APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Replaced => "replaced",
            Self::Suspended => "suspended",
            Self::Expired => "expired",
        }
    }

    /// The state of a key that is not revoked.
    pub fn of(expired: bool, owner_has_access: bool, replaced: bool) -> Self {
        match (expired, owner_has_access, replaced) {
            (true, ..) => Self::Expired,
            (_, false, _) => Self::Suspended,
            (_, _, true) => Self::Replaced,
            _ => Self::Active,
        }
    }
}

#[cfg(test)]
mod tests {
    use ProjectRight::{ManageKeys, ManageMembers, OwnKeys, See};

    use super::*;

    const RIGHTS: [ProjectRight; 4] = [See, ManageMembers, ManageKeys, OwnKeys];

    fn standing(team: Option<TeamRole>, role: Option<ProjectRole>) -> ProjectStanding {
        ProjectStanding {
            team: Standing {
                team,
                ..Standing::default()
            },
            role,
        }
    }

    fn rights(standing: ProjectStanding) -> [bool; 4] {
        RIGHTS.map(|right| standing.may(right))
    }

    #[test]
    fn d8_what_each_role_may_do_in_a_project() {
        let member = Some(TeamRole::Member);
        for (who, expected) in [
            (standing(None, None), [false; 4]),
            (standing(member, None), [false; 4]),
            (standing(member, Some(ProjectRole::Member)), [true, false, false, true]),
            (standing(member, Some(ProjectRole::Admin)), [true; 4]),
            (standing(Some(TeamRole::Admin), None), [true; 4]),
            (standing(Some(TeamRole::Admin), Some(ProjectRole::Member)), [true; 4]),
        ] {
            assert_eq!(rights(who), expected, "{who:?}");
        }
    }

    #[test]
    fn d4_a_project_role_without_the_team_is_worth_nothing() {
        for role in [ProjectRole::Admin, ProjectRole::Member] {
            assert_eq!(rights(standing(None, Some(role))), [false; 4]);
        }
    }

    #[test]
    fn p_those_above_manage_all_projects_and_own_keys_as_people_of_the_team_only() {
        for team in [
            Standing {
                super_admin: true,
                ..Standing::default()
            },
            Standing {
                org: Some(OrgRole::OrgAdmin),
                ..Standing::default()
            },
        ] {
            let above = ProjectStanding { team, role: None };
            assert_eq!(rights(above), [true, true, true, false]);
            let team = Standing {
                team: Some(TeamRole::Member),
                ..team
            };
            assert_eq!(rights(ProjectStanding { team, role: None }), [true; 4]);
        }
    }

    #[test]
    fn p_an_auditor_sees_and_changes_nothing() {
        for team in [
            Standing {
                auditor: true,
                ..Standing::default()
            },
            Standing {
                org: Some(OrgRole::Auditor),
                ..Standing::default()
            },
        ] {
            assert_eq!(
                rights(ProjectStanding { team, role: None }),
                [true, false, false, false]
            );
        }
    }

    #[test]
    fn x16_refusals_have_the_literal_and_say_who_can() {
        let words = |standing: ProjectStanding, right| standing.require(right).unwrap_err().to_string();
        assert_eq!(
            words(
                standing(Some(TeamRole::Member), Some(ProjectRole::Member)),
                ManageMembers
            ),
            "Insufficient permissions. To assign people to the project, ask a super_admin, org_admin of the organization, team admin or project admin."
        );
        let stranger = standing(None, None).require(ManageKeys).unwrap_err();
        assert_eq!(stranger.literal, "Admin privileges required for team management");
    }

    #[test]
    fn d11_no_key_gives_its_maker_the_rights_of_someone_above() {
        let member = Some(TeamRole::Member);
        let ladder = [
            standing(member, Some(ProjectRole::Member)),
            standing(member, Some(ProjectRole::Admin)),
            standing(Some(TeamRole::Admin), None),
            ProjectStanding {
                team: Standing {
                    org: Some(OrgRole::OrgAdmin),
                    team: member,
                    ..Standing::default()
                },
                role: None,
            },
            ProjectStanding {
                team: Standing {
                    super_admin: true,
                    team: member,
                    ..Standing::default()
                },
                role: Some(ProjectRole::Member),
            },
        ];
        for (maker, by) in ladder.iter().enumerate() {
            for (owner, of) in ladder.iter().enumerate() {
                // A plain member acts for nobody.
                assert_eq!(by.may_act_for(of), maker > 0 && maker >= owner, "{by:?} for {of:?}");
            }
        }
    }

    #[test]
    fn the_state_of_a_key() {
        assert_eq!(KeyState::of(false, true, false), KeyState::Active);
        assert_eq!(KeyState::of(false, true, true), KeyState::Replaced);
        assert_eq!(KeyState::of(false, false, true), KeyState::Suspended);
        assert_eq!(KeyState::of(true, false, true), KeyState::Expired);
    }

    #[test]
    fn roles_are_read_as_they_are_written() {
        for role in [ProjectRole::Admin, ProjectRole::Member] {
            assert_eq!(role.as_str().parse::<ProjectRole>().unwrap(), role);
        }
        assert!("owner".parse::<ProjectRole>().is_err());
    }
}
