//! The kinds of `auth.litellm.ai/v1alpha1`.

use std::fmt;

/// The API group.
pub const GROUP: &str = "auth.litellm.ai";
/// The version in the group.
pub const VERSION: &str = "v1alpha1";
/// Group and version, as manifests say it.
pub const API_VERSION: &str = "auth.litellm.ai/v1alpha1";

/// A kind of object. The order is the one in which manifests are applied: what others refer to comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A team of an organization.
    Team,
    /// A person in an organization.
    User,
    /// A person's membership of a team.
    TeamMemberAssociation,
    /// A key for models.
    VirtualKey,
}

impl Kind {
    /// All of them, in the order of dependence.
    pub const ALL: [Self; 4] = [Self::Team, Self::User, Self::TeamMemberAssociation, Self::VirtualKey];

    /// `Team`: the word in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Team => "Team",
            Self::User => "User",
            Self::TeamMemberAssociation => "TeamMemberAssociation",
            Self::VirtualKey => "VirtualKey",
        }
    }

    /// `teams`: the word in paths.
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Team => "teams",
            Self::User => "users",
            Self::TeamMemberAssociation => "teammemberassociations",
            Self::VirtualKey => "virtualkeys",
        }
    }

    /// `team`: what kubectl also understands.
    pub const fn singular(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::User => "user",
            Self::TeamMemberAssociation => "teammemberassociation",
            Self::VirtualKey => "virtualkey",
        }
    }

    /// The kind of a word in a path.
    pub fn from_plural(plural: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.plural() == plural)
    }

    /// The kind of a word in a manifest.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
