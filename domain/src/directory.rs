//! Groups of a company's directory, and what being in one of them gives here (SPEC E2, E4–E6, X11).

#[cfg(test)]
mod tests;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Invalid, Limits, OrgRole, OrganizationId, Slug, TeamId, TeamRole, names::one_line};

/// How long a group's id may be.
const GROUP_ID: usize = 400;
/// Below this many removals nobody is asked: else a team of three could not lose one.
const FREE_REMOVALS: usize = 3;

/// Who says who is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// Microsoft Entra ID, asked through Microsoft Graph.
    Entra,
    /// The OpenID provider, by the groups in its tokens.
    Oidc,
    /// SCIM.
    Scim,
}

impl Provider {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Entra, Self::Oidc, Self::Scim];

    /// The word of the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Oidc => "oidc",
            Self::Scim => "scim",
        }
    }

    /// Its name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Entra => "Microsoft Entra ID",
            Self::Oidc => "OpenID groups claim",
            Self::Scim => "SCIM",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        (Self::ALL.into_iter())
            .find(|provider| provider.as_str() == text.trim())
            .ok_or_else(|| Invalid::new("provider", "must be entra, oidc or scim"))
    }
}

/// Whether a link also takes away what it gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It only adds, as LiteLLM's does.
    #[default]
    Additive,
    /// Who leaves the group loses what the link gave.
    Authoritative,
}

impl Mode {
    /// The word of the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Additive => "additive",
            Self::Authoritative => "authoritative",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Mode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Additive, Self::Authoritative]
            .into_iter()
            .find(|mode| mode.as_str() == text.trim())
            .ok_or_else(|| Invalid::new("mode", "must be additive or authoritative"))
    }
}

/// Where a setting is from; the last one that has it wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingSource {
    /// Nobody set it.
    #[default]
    Default,
    /// The configuration file.
    File,
    /// An environment variable.
    Environment,
    /// A super_admin, while the server ran.
    Runtime,
}

impl SettingSource {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Runtime => "runtime",
        }
    }

    /// For people.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Default => "built-in default",
            Self::File => "configuration file",
            Self::Environment => "environment variable",
            Self::Runtime => "set here",
        }
    }
}

/// What a super_admin set at runtime; what is none comes from the configuration (SPEC E1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EntraOverrides {
    /// `entra_groups_also_create_orgs`.
    pub also_create_orgs: Option<bool>,
    /// `default_team_params`.
    pub default_team_params: Option<Limits>,
}

/// The settings that are in force, and where each is from (SPEC E1).
#[derive(Debug, Clone, PartialEq)]
pub struct EntraSettings {
    /// Whether a new group gets an organization beside its team.
    pub also_create_orgs: bool,
    /// Where that is from.
    pub flag_source: SettingSource,
    /// What would be in force without what was set at runtime.
    pub flag_below: (bool, SettingSource),
    /// What a new group's organization and team may have.
    pub default_team_params: Limits,
    /// Where that is from.
    pub params_source: SettingSource,
    /// What was set at runtime.
    pub overrides: EntraOverrides,
}

/// A role in the whole installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InstallationRole {
    /// Administers it.
    SuperAdmin,
    /// Sees everything, changes nothing.
    Auditor,
}

impl InstallationRole {
    /// The word of the database and the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SuperAdmin => "super_admin",
            Self::Auditor => "auditor",
        }
    }
}

/// What being in a group gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gives {
    /// A role in a team, and membership of the team's organization.
    Team(OrganizationId, TeamId, TeamRole),
    /// A role in an organization.
    Organization(OrganizationId, OrgRole),
    /// A role in the installation.
    Installation(InstallationRole),
}

impl Gives {
    /// From the three fields that the database and the API have. Without a role it is the least one of a team or an
    /// organization; one in the installation is always named.
    ///
    /// # Errors
    /// When the role is none of those that the team, the organization or the installation has; a team comes with its
    /// organization.
    pub fn parse(
        organization: Option<OrganizationId>,
        team: Option<TeamId>,
        role: Option<&str>,
    ) -> Result<Self, Invalid> {
        match (organization, team) {
            (Some(organization), Some(team)) => {
                let role = role.map_or(Ok(TeamRole::Member), str::parse)?;
                Ok(Self::Team(organization, team, role))
            }
            (Some(organization), None) => {
                let role = role.map_or(Ok(OrgRole::OrgMember), str::parse)?;
                Ok(Self::Organization(organization, role))
            }
            (None, None) => [InstallationRole::SuperAdmin, InstallationRole::Auditor]
                .into_iter()
                .find(|known| role == Some(known.as_str()))
                .map(Self::Installation)
                .ok_or_else(|| Invalid::new("role", "must be super_admin or auditor for a link to no organization")),
            (None, Some(_)) => Err(Invalid::new("organization_id", "must be there with a team")),
        }
    }

    /// The organization, if it gives something in one.
    pub fn organization(self) -> Option<OrganizationId> {
        match self {
            Self::Team(organization, ..) | Self::Organization(organization, _) => Some(organization),
            Self::Installation(_) => None,
        }
    }

    /// The team, if it gives something in one.
    pub fn team(self) -> Option<TeamId> {
        match self {
            Self::Team(_, team, _) => Some(team),
            Self::Organization(..) | Self::Installation(_) => None,
        }
    }

    /// The role's word.
    pub fn role(self) -> &'static str {
        match self {
            Self::Team(_, _, role) => role.as_str(),
            Self::Organization(_, role) => role.as_str(),
            Self::Installation(role) => role.as_str(),
        }
    }
}

/// Parses the directory's id of a group.
///
/// # Errors
/// When it is empty, longer than 400 characters or has control characters.
pub fn parse_group_id(text: &str) -> Result<String, Invalid> {
    one_line("group_id", text, 1, GROUP_ID)
}

/// A group, as a directory names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its lasting id.
    pub id: String,
    /// What it is called, when the directory says so.
    pub name: Option<String>,
}

/// What an organization or a team made for a group is called: the group's name as far as it is one, else its id.
pub fn name_for_group(name: Option<&str>, id: &str) -> String {
    let cleaned: String = (name.unwrap_or_default().chars())
        .filter(|c| !crate::text::is_forbidden(*c))
        .take(256)
        .collect();
    let cleaned = cleaned.trim();
    if cleaned.chars().count() < 2 {
        format!("Group {id}")
    } else {
        cleaned.to_owned()
    }
}

/// What it may be called instead when that is taken, in this order: the last one never is.
pub fn other_names_for_group(name: &str, id: Uuid) -> [String; 2] {
    let whole = id.simple().to_string();
    [&whole[..8], &whole].map(|mark| {
        let mark = format!(" ({mark})");
        let stem: String = name.chars().take(256 - mark.len()).collect();
        format!("{}{mark}", stem.trim_end())
    })
}

/// The slugs that it may have, in this order: the last one is never taken.
pub fn slugs_for_group(name: &str, id: Uuid) -> Vec<Slug> {
    let whole = id.simple().to_string();
    let mut slugs: Vec<Slug> = Slug::from_name(name).into_iter().collect();
    if let Some(plain) = slugs.first() {
        let stem: String = plain.as_str().chars().take(54).collect();
        slugs.push(Slug::trusted(format!("{}-{}", stem.trim_end_matches('-'), &whole[..8])));
    }
    slugs.push(Slug::trusted(format!("group-{whole}")));
    slugs
}

/// What a team made for a group may have: the configured limits, with its organization's models, and nothing above what
/// the organization has by now (SPEC E2, E7).
pub fn limits_of_group_team(configured: &Limits, organization: Option<&Limits>) -> Limits {
    let mut limits = configured.clone();
    let Some(above) = organization else {
        return limits;
    };
    limits.models = vec![crate::models::OF_THE_PARENT.to_owned()];
    if lower_of(&mut limits.max_budget, above.max_budget) {
        limits.budget_duration.clone_from(&above.budget_duration);
    }
    lower_of(&mut limits.tpm_limit, above.tpm_limit);
    lower_of(&mut limits.rpm_limit, above.rpm_limit);
    limits
}

/// Lowers a limit to its ceiling; says whether it did.
fn lower_of<T: PartialOrd + Copy>(own: &mut Option<T>, ceiling: Option<T>) -> bool {
    match (*own, ceiling) {
        (Some(own_value), Some(ceiling_value)) if own_value > ceiling_value => {
            *own = ceiling;
            true
        }
        _ => false,
    }
}

/// Whether a pass may take `leaving` of the `present` people of a link without asking: up to `limit` percent of them,
/// and always three.
pub fn may_remove(leaving: usize, present: usize, limit: u8) -> bool {
    leaving <= FREE_REMOVALS || leaving * 100 <= present * usize::from(limit)
}
