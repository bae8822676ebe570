//! Typed identifiers: one newtype over [`Uuid`] for each kind of thing, so that a team's id can
//! not be handed to a function that wants a project's.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Email, Invalid};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Uuid::try_parse(text.trim()).map(Self).map_err(|_| Invalid::new("id", "must be a UUID"))
            }
        }
    )*};
}

ids! {
    /// An organization.
    OrganizationId,
    /// A person.
    UserId,
    /// A team.
    TeamId,
    /// A project of a team.
    ProjectId,
    /// A CI runner, in our books (GitHub has a number of its own).
    RunnerId,
    /// A personal access token (not its secret).
    TokenId,
    /// A service in an organization's catalogue.
    ServiceId,
    /// An API key (not its secret).
    KeyId,
    /// An entry of the audit log.
    AuditId,
    /// A program that provisions runners for one team.
    MachineClientId,
    /// A security event.
    SecurityEventId,
    /// A link of a directory's group to what being in it gives.
    LinkId,
    /// A request to join a team, or for something that one may not change oneself.
    RequestId,
    /// An access review.
    ReviewId,
    /// A membership that waits for an account.
    InvitationId,
    /// A line of an access review.
    ReviewLineId,
}

/// The organization `default` that every installation has. It holds the teams that stand alone
/// (SPEC X13); APIs show its teams with `organization_id: null`.
pub const DEFAULT_ORGANIZATION: OrganizationId =
    OrganizationId(Uuid::from_u128(0x0000_0000_0000_4000_8000_0000_0000_0001));

/// The team that everyone belongs to (SPEC C1); the same in every installation.
pub const DEFAULT_TEAM: TeamId = TeamId(Uuid::from_u128(0xa000_0000_0000_4000_8000_0000_0000_0001));

/// How a request names a person: by id or by email (SPEC B8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(UserId),
    /// By email address.
    Email(Email),
}

impl UserRef {
    /// Reads a UUID or an email address.
    ///
    /// # Errors
    /// When the text is neither; the error carries `field`.
    pub fn parse(field: &'static str, text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        if let Ok(id) = Uuid::try_parse(text) {
            return Ok(Self::Id(UserId(id)));
        }
        Email::parse(text)
            .map(Self::Email)
            .map_err(|_| Invalid::new(field, "must be a user's UUID or email address"))
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => email.fmt(f),
        }
    }
}
