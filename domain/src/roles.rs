//! Who may do what: the one permission table (SPEC P).
//!
//! The backend asks it first in each function, the console asks it before it shows a button, and
//! `docs/PERMISSIONS.md` is printed from it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// A person's role in an organization.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrgRole {
    /// Manages the organization and all of its teams.
    OrgAdmin,
    /// Belongs to it.
    OrgMember,
    /// Sees everything in it, changes nothing.
    Auditor,
}

impl OrgRole {
    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OrgAdmin => "org_admin",
            Self::OrgMember => "org_member",
            Self::Auditor => "auditor",
        }
    }
}

impl FromStr for OrgRole {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::OrgAdmin, Self::OrgMember, Self::Auditor]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| Invalid::new("role", "must be org_admin, org_member or auditor"))
    }
}

/// A person's role in a team.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeamRole {
    /// Manages the team's members, projects and keys.
    Admin,
    /// Uses what the team may use.
    Member,
}

impl TeamRole {
    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}

impl fmt::Display for TeamRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TeamRole {
    type Err = Invalid;

    /// Takes our words, Atlas's (`team_admin`) and LiteLLM's (`user`): SPEC X1.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text.trim() {
            "admin" | "team_admin" => Ok(Self::Admin),
            "member" | "team_member" | "user" => Ok(Self::Member),
            _ => Err(Invalid::new("role", "must be admin or member. Verify role spelling")),
        }
    }
}

/// What someone is with regard to one team, or to one organization.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Administers the installation.
    pub super_admin: bool,
    /// Sees everything in the installation.
    pub auditor: bool,
    /// Role in the organization.
    pub org: Option<OrgRole>,
    /// Role in the team.
    pub team: Option<TeamRole>,
}

/// How far a permission goes for one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Grant {
    /// Not at all.
    No,
    /// For oneself only: leave a team, own runners, own actions, assigned projects.
    Own,
    /// Downwards only: a smaller quota, fewer patterns, a lower budget.
    Lower,
    /// Fully.
    Yes,
}

/// The rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// See a team, its members and the projects it shares.
    TeamView,
    /// Create a team, change its status; organization settings.
    TeamAdminister,
    /// Edit a team's name and description.
    TeamEdit,
    /// Add and remove members, change roles.
    MembersManage,
    /// Create, rename and delete projects, assign people to them.
    ProjectsManage,
    /// Allow services, with a reason each.
    ServicesAllow,
    /// Choose the team's models.
    ModelsChoose,
    /// Label policy, runner quota, budgets, tpm and rpm.
    PolicyEdit,
    /// API keys.
    KeysManage,
    /// Provision a runner for the team.
    RunnerProvision,
    /// Use a service through forward auth.
    ServiceUse,
    /// Delete a runner.
    RunnerDelete,
    /// Decide requests, run reviews.
    RequestsDecide,
    /// Settings of the installation; batch operations over all of it.
    InstallationManage,
    /// See audit and security events.
    AuditView,
    /// Users, user label policies, identity links, machine clients, instances.
    DirectoryManage,
    /// Accounts themselves: create, deactivate, make super_admin or auditor, allow runners.
    AccountsManage,
}

/// One row: what each role is granted.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The permission.
    pub permission: Permission,
    /// The row in words.
    pub label: &'static str,
    /// Everywhere.
    pub super_admin: Grant,
    /// In the own organization.
    pub org_admin: Grant,
    /// In the own team.
    pub team_admin: Grant,
    /// In the own team.
    pub team_member: Grant,
    /// Signed in, with no role here.
    pub nobody: Grant,
    /// An auditor, in scope.
    pub auditor: Grant,
}

const fn row(permission: Permission, label: &'static str, grants: [Grant; 6]) -> Row {
    let [super_admin, org_admin, team_admin, team_member, nobody, auditor] = grants;
    Row {
        permission,
        label,
        super_admin,
        org_admin,
        team_admin,
        team_member,
        nobody,
        auditor,
    }
}

use Grant::{Lower, No, Own, Yes};

/// SPEC P, as code. Columns: super_admin, org_admin, team admin, team member, nobody, auditor.
pub const TABLE: [Row; 17] = [
    row(
        Permission::TeamView,
        "see a team, its members and projects",
        [Yes, Yes, Yes, Yes, No, Yes],
    ),
    row(
        Permission::TeamAdminister,
        "create a team, change its status or organization settings",
        [Yes, Yes, No, No, No, No],
    ),
    row(
        Permission::TeamEdit,
        "edit a team's name and description",
        [Yes, Yes, Yes, No, No, No],
    ),
    row(
        Permission::MembersManage,
        "add and remove members and change roles",
        [Yes, Yes, Yes, Own, No, No],
    ),
    row(
        Permission::ProjectsManage,
        "create and delete projects",
        [Yes, Yes, Yes, No, No, No],
    ),
    row(Permission::ServicesAllow, "allow services", [Yes, Yes, Yes, No, No, No]),
    row(
        Permission::ModelsChoose,
        "choose the team's models",
        [Yes, Yes, Yes, No, No, No],
    ),
    row(
        Permission::PolicyEdit,
        "change label policy, runner quota and budgets",
        [Yes, Yes, Lower, No, No, No],
    ),
    row(Permission::KeysManage, "manage keys", [Yes, Yes, Yes, Own, Own, No]),
    row(
        Permission::RunnerProvision,
        "provision a runner for the team",
        [No, No, Yes, Yes, No, No],
    ),
    row(Permission::ServiceUse, "use a service", [Yes, Yes, Yes, Yes, No, No]),
    row(
        Permission::RunnerDelete,
        "delete runners",
        [Yes, Yes, Yes, Own, Own, No],
    ),
    row(
        Permission::RequestsDecide,
        "decide requests and run reviews",
        [Yes, Yes, Yes, No, No, No],
    ),
    row(
        Permission::InstallationManage,
        "change settings of the installation",
        [Yes, No, No, No, No, No],
    ),
    row(
        Permission::AuditView,
        "see audit and security events",
        [Yes, Yes, Yes, Own, Own, Yes],
    ),
    row(
        Permission::DirectoryManage,
        "manage users, links and machine clients",
        [Yes, Yes, No, No, No, No],
    ),
    row(
        Permission::AccountsManage,
        "create, change and deactivate accounts",
        [Yes, No, No, No, No, No],
    ),
];

impl Permission {
    /// The permission's row.
    pub fn row(self) -> &'static Row {
        // The table has a row for each permission (tested), so the fallback is never taken.
        TABLE.iter().find(|row| row.permission == self).unwrap_or(&TABLE[0])
    }

    /// Who has it in full, in words that begin a sentence.
    pub fn who(self) -> String {
        let row = self.row();
        let mut roles: Vec<&str> = Vec::with_capacity(4);
        for (grant, role) in [
            (row.super_admin, "super_admin"),
            (row.org_admin, "org_admin of the organization"),
            (row.team_admin, "team admin"),
            (row.team_member, "team member"),
        ] {
            if grant == Yes {
                roles.push(role);
            }
        }
        match roles.as_slice() {
            [] => "nobody".to_owned(),
            [only] => format!("a {only}"),
            [first @ .., last] => format!("a {} or {last}", first.join(", ")),
        }
    }
}

/// The roles that a text names, as people call them: the API says `super_admin`, a page "super admin".
pub fn in_words(text: &str) -> String {
    const WORDS: [(&str, &str); 4] = [
        ("org_admin of the organization", "organization admin"),
        ("org_admin", "organization admin"),
        ("org_member", "organization member"),
        ("super_admin", "super admin"),
    ];
    WORDS
        .into_iter()
        .fold(text.to_owned(), |text, (name, words)| text.replace(name, words))
}

impl Standing {
    /// How far a permission goes here: the best of what each of the person's roles grants.
    pub fn grant(&self, permission: Permission) -> Grant {
        let row = permission.row();
        [
            (self.super_admin, row.super_admin),
            (self.org == Some(OrgRole::OrgAdmin), row.org_admin),
            (self.team == Some(TeamRole::Admin), row.team_admin),
            (self.team == Some(TeamRole::Member), row.team_member),
            (self.auditor || self.org == Some(OrgRole::Auditor), row.auditor),
        ]
        .into_iter()
        .filter_map(|(holds, grant)| holds.then_some(grant))
        .fold(row.nobody, Grant::max)
    }

    /// Whether the permission is granted in full.
    pub fn may(&self, permission: Permission) -> bool {
        self.grant(permission) == Yes
    }

    /// Asks for a permission in full.
    ///
    /// # Errors
    /// The refusal, with the seeds' literal first (SPEC X16) and then who can do it.
    pub fn require(&self, permission: Permission) -> Result<(), Refusal> {
        if self.may(permission) {
            Ok(())
        } else {
            Err(self.refusal(permission))
        }
    }

    /// The refusal of a permission to someone with this standing.
    pub fn refusal(&self, permission: Permission) -> Refusal {
        let literal = match permission {
            Permission::RunnerProvision => "User not a member of team",
            Permission::ServiceUse => "You are not a member of this team",
            Permission::TeamView => "Access denied: not a team member",
            Permission::DirectoryManage | Permission::AccountsManage => "Admin privileges required",
            _ if self.team.is_some() => "Insufficient permissions",
            _ => "Admin privileges required for team management",
        };
        let who_can = match permission {
            // Nobody provisions for a team from outside, so those who can are no help: who lets one in is.
            Permission::RunnerProvision => "a team admin to add you".to_owned(),
            _ => permission.who(),
        };
        Refusal {
            literal: literal.into(),
            rule: permission.row().label.into(),
            who_can,
        }
    }
}

impl Refusal {
    /// The same refusal with what was tried in closer words than the table's.
    #[must_use]
    pub fn of(mut self, rule: &str) -> Self {
        rule.clone_into(&mut self.rule);
        self
    }
}

/// Why something was refused: the literal, the rule behind it, and who can do it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The seeds' words.
    pub literal: String,
    /// What was tried, in the table's words.
    pub rule: String,
    /// Who can do it.
    pub who_can: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. To {}, ask {}.", self.literal, self.rule, self.who_can)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBER: Standing = Standing {
        super_admin: false,
        auditor: false,
        org: Some(OrgRole::OrgMember),
        team: Some(TeamRole::Member),
    };

    #[test]
    fn p_each_permission_has_one_row() {
        for (index, row) in TABLE.iter().enumerate() {
            assert!(
                TABLE[..index]
                    .iter()
                    .all(|earlier| earlier.permission != row.permission)
            );
            assert_eq!(row.permission.row().label, row.label);
        }
    }

    #[test]
    fn roles_are_called_what_people_call_them() {
        assert_eq!(
            in_words(&Permission::MembersManage.who()),
            "a super admin, organization admin or team admin"
        );
        assert_eq!(
            in_words("its org_admins may lower it"),
            "its organization admins may lower it"
        );
        assert_eq!(in_words("Insufficient permissions"), "Insufficient permissions");
    }

    #[test]
    fn x16_literals() {
        let refusal = |standing: Standing, permission| standing.require(permission).unwrap_err().literal;
        assert_eq!(refusal(MEMBER, Permission::MembersManage), "Insufficient permissions");
        let nobody = Standing::default();
        assert_eq!(
            refusal(nobody, Permission::TeamAdminister),
            "Admin privileges required for team management"
        );
        assert_eq!(
            refusal(nobody, Permission::TeamView),
            "Access denied: not a team member"
        );
        assert_eq!(
            refusal(nobody, Permission::RunnerProvision),
            "User not a member of team"
        );
        assert_eq!(
            refusal(nobody, Permission::ServiceUse),
            "You are not a member of this team"
        );
    }

    #[test]
    fn p_a_super_admin_provisions_only_as_a_member() {
        let super_admin = Standing {
            super_admin: true,
            ..Standing::default()
        };
        assert!(!super_admin.may(Permission::RunnerProvision));
        assert!(
            Standing {
                team: Some(TeamRole::Member),
                ..super_admin
            }
            .may(Permission::RunnerProvision)
        );
    }

    #[test]
    fn p_an_auditor_changes_nothing() {
        let auditor = Standing {
            auditor: true,
            ..Standing::default()
        };
        for row in &TABLE {
            let grant = auditor.grant(row.permission);
            let reads = matches!(row.permission, Permission::TeamView | Permission::AuditView);
            assert_eq!(grant == Yes, reads, "{}", row.label);
        }
    }

    #[test]
    fn refusals_say_who_can() {
        let text = MEMBER.refusal(Permission::TeamAdminister).to_string();
        assert_eq!(
            text,
            "Insufficient permissions. To create a team, change its status or organization settings, ask a super_admin or org_admin of the organization."
        );
    }
}
