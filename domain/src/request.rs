//! Requests: to join a team, and for what a team's people may not change themselves (SPEC B31, C15, P).

mod parse;
#[cfg(test)]
mod tests;
mod value;

use std::str::FromStr;

use serde::{Deserialize, Serialize};
pub use value::RequestValue;

use crate::Invalid;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    /// To become a member.
    Join,
    /// Another runner quota.
    Quota,
    /// Another budget, or other rates.
    Budget,
    /// Another label policy.
    Labels,
    /// A service of the organization's catalogue.
    Service,
    /// An AI model.
    Model,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Join,
        Self::Quota,
        Self::Budget,
        Self::Labels,
        Self::Service,
        Self::Model,
    ];

    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::Labels => "labels",
            Self::Service => "service",
            Self::Model => "model",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Join => "Join the team",
            Self::Quota => "Runner quota",
            Self::Budget => "Budget and rates",
            Self::Labels => "Label policy",
            Self::Service => "Service",
            Self::Model => "Model",
        }
    }
}

impl FromStr for RequestKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::new("kind", "must be join, quota, budget, labels, service or model"))
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Nobody has decided it.
    Pending,
    /// The change was made.
    Approved,
    /// It was refused, with a reason.
    Denied,
    /// Its requester took it back.
    Withdrawn,
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Denied, Self::Withdrawn];

    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Approved => "Approved",
            Self::Denied => "Denied",
            Self::Withdrawn => "Withdrawn",
        }
    }

    /// The word of C15, which calls an approved model active.
    pub fn status(self) -> &'static str {
        match self {
            Self::Approved => "active",
            other => other.as_str(),
        }
    }
}

impl FromStr for RequestState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Invalid::new("state", "must be pending, approved, denied or withdrawn"))
    }
}
