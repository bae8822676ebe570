//! A team's status and how it changes (SPEC X2).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Invalid;

/// Whether a team works.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TeamStatus {
    /// Full access.
    Active,
    /// Members see its name and status and nothing else; its runners stay.
    Inactive,
    /// Hidden; its data is kept and its name and slug are free again.
    Archived,
}

impl TeamStatus {
    /// All, in the order in which pages list them.
    pub const ALL: [Self; 3] = [Self::Active, Self::Inactive, Self::Archived];

    /// The word that the database, APIs and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Archived => "archived",
        }
    }
}

impl fmt::Display for TeamStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TeamStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Invalid::new("status", "must be active, inactive or archived"))
    }
}

/// What can be done to a team's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StatusChange {
    /// Active → inactive.
    Deactivate,
    /// Inactive → active. B calls it `reactivate`.
    Activate,
    /// Active or inactive → archived.
    Archive,
    /// Archived → inactive.
    Restore,
}

impl StatusChange {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Deactivate, Self::Activate, Self::Archive, Self::Restore];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Deactivate => "deactivate",
            Self::Activate => "activate",
            Self::Archive => "archive",
            Self::Restore => "restore",
        }
    }

    /// The status after the change, from `status`.
    ///
    /// # Errors
    /// In words that follow `Team '<name>' `, when the change does not apply (SPEC B6: 409).
    pub fn apply(self, status: TeamStatus) -> Result<TeamStatus, &'static str> {
        use TeamStatus::{Active, Archived, Inactive};
        match (self, status) {
            (Self::Deactivate, Active) | (Self::Restore, Archived) => Ok(Inactive),
            (Self::Deactivate, Inactive) => Err("is already deactivated"),
            (Self::Activate, Inactive) => Ok(Active),
            (Self::Activate, Active) => Err("is already active"),
            (Self::Archive, Active | Inactive) => Ok(Archived),
            (Self::Archive, Archived) => Err("is already archived"),
            (Self::Deactivate | Self::Activate, Archived) => Err("is archived; restore it first"),
            (Self::Restore, Active | Inactive) => Err("is not archived"),
        }
    }
}

impl FromStr for StatusChange {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "reactivate" {
            return Ok(Self::Activate);
        }
        Self::ALL
            .into_iter()
            .find(|change| change.as_str() == text)
            .ok_or_else(|| Invalid::new("change", "must be deactivate, activate, archive or restore"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x2_statuses() {
        use TeamStatus::{Active, Archived, Inactive};
        assert_eq!(StatusChange::Deactivate.apply(Active), Ok(Inactive));
        assert_eq!(StatusChange::Archive.apply(Active), Ok(Archived));
        assert_eq!(StatusChange::Archive.apply(Inactive), Ok(Archived));
        assert_eq!(
            StatusChange::Restore.apply(Archived),
            Ok(Inactive),
            "restore gives inactive"
        );
        assert_eq!(
            StatusChange::Deactivate.apply(Inactive),
            Err("is already deactivated"),
            "B6"
        );
        assert_eq!(StatusChange::Activate.apply(Active), Err("is already active"));
    }
}
