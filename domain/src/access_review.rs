//! Access reviews: who is in which team and role, and what each team may use, looked at line by line (SPEC D9, P).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Invalid, OrgRole, Reason, names::one_line, names::text_type};

/// Defines an enum with the words that the database and the API use, and those that people read.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $field:literal, $rule:literal, $($(#[$variant_doc:meta])* $variant:ident = $word:literal, $label:literal;)*) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The word that the database and the API use.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            /// What people call it.
            pub fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Invalid;

            fn from_str(text: &str) -> Result<Self, Invalid> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == text.trim())
                    .ok_or_else(|| Invalid::new($field, $rule))
            }
        }
    };
}

words! {
    /// What becomes of a line that nobody decides until the review closes.
    Silence, "silence", "must be keep or remove",
    /// It stays as it is.
    Keep = "keep", "Keep";
    /// It is removed.
    Remove = "remove", "Remove";
}

words! {
    /// What a reviewer says of a line.
    ReviewDecision, "decision", "must be keep or remove",
    /// It is still needed.
    Keep = "keep", "Keep";
    /// It is removed when the review closes.
    Remove = "remove", "Remove";
}

words! {
    /// Where a review stands.
    ReviewState, "state", "must be open, closing, closed or cancelled",
    /// Lines are decided.
    Open = "open", "Open";
    /// Nobody decides any more, and the removals are being made.
    Closing = "closing", "Closing";
    /// All is done, and the report is signed.
    Closed = "closed", "Closed";
    /// It was given up: nothing was removed.
    Cancelled = "cancelled", "Cancelled";
}

words! {
    /// What a line is about.
    LineKind, "kind", "must be membership, organization_role or service",
    /// Somebody is in a team.
    Membership = "membership", "Membership";
    /// Somebody has a role in the organization.
    OrganizationRole = "organization_role", "Organization role";
    /// A team may use a service.
    Service = "service", "Service";
}

words! {
    /// What happened to a line when the review closed.
    LineOutcome, "outcome", "must be kept, removed, gone or refused",
    /// It stayed.
    Kept = "kept", "Kept";
    /// It was removed.
    Removed = "removed", "Removed";
    /// It was not there any more.
    Gone = "gone", "Already gone";
    /// A rule refused the removal.
    Refused = "refused", "Not removed";
}

text_type! {
    /// What a review is called: 1 to 100 characters on one line.
    ReviewName
}

impl ReviewName {
    /// Parses a name that a person typed.
    ///
    /// # Errors
    /// When it is empty, too long or has control characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        one_line("name", text, 1, 100).map(Self)
    }
}

/// After how many days a review may be due.
pub const REVIEW_DAYS: std::ops::RangeInclusive<i64> = 1..=90;

/// The most lines of one review. A larger organization is reviewed team by team.
pub const REVIEW_LINES: i64 = 50_000;

/// How many days until a review is due.
///
/// # Errors
/// When they are not 1 to 90.
pub fn parse_review_days(days: i64) -> Result<i64, Invalid> {
    if REVIEW_DAYS.contains(&days) {
        Ok(days)
    } else {
        Err(Invalid::new("due_in_days", "must be 1 to 90"))
    }
}

/// The reason of a decision; blank is none.
///
/// # Errors
/// When it is missing from a removal, longer than 500 characters, or has control characters.
pub fn parse_review_reason(decision: ReviewDecision, text: Option<&str>) -> Result<Option<Reason>, Invalid> {
    match text.map(str::trim).filter(|text| !text.is_empty()) {
        Some(text) => Reason::parse(text).map(Some),
        None if decision == ReviewDecision::Remove => Err(Invalid::new(
            "reason",
            "must be 1 to 500 characters: the report says why something was removed",
        )),
        None => Ok(None),
    }
}

/// What removing a role in an organization does: somebody with rights in it loses them and stays in it; somebody without
/// leaves it.
pub fn role_after_removal(role: OrgRole) -> Option<OrgRole> {
    match role {
        OrgRole::OrgAdmin | OrgRole::Auditor => Some(OrgRole::OrgMember),
        OrgRole::OrgMember => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_as_they_are_written() {
        for state in ReviewState::ALL {
            assert_eq!(state.as_str().parse::<ReviewState>().unwrap(), *state);
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for kind in LineKind::ALL {
            assert_eq!(kind.as_str().parse::<LineKind>().unwrap(), *kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
        assert_eq!("perhaps".parse::<Silence>().unwrap_err().field, "silence");
    }

    #[test]
    fn a_removal_needs_a_reason_and_keeping_none() {
        let reason = |decision, text| parse_review_reason(decision, text).map(|reason| reason.map(String::from));
        assert_eq!(reason(ReviewDecision::Keep, Some("  ")).unwrap(), None);
        assert_eq!(
            reason(ReviewDecision::Keep, Some(" on call ")).unwrap().as_deref(),
            Some("on call")
        );
        assert_eq!(reason(ReviewDecision::Remove, Some(" ")).unwrap_err().field, "reason");
        assert!(reason(ReviewDecision::Remove, Some(&"x".repeat(501))).is_err());
    }

    #[test]
    fn a_review_is_due_after_1_to_90_days() {
        assert!(parse_review_days(1).is_ok() && parse_review_days(90).is_ok());
        assert!(parse_review_days(0).is_err() && parse_review_days(91).is_err());
    }

    #[test]
    fn whoever_has_rights_in_an_organization_loses_them_first() {
        assert_eq!(role_after_removal(OrgRole::OrgAdmin), Some(OrgRole::OrgMember));
        assert_eq!(role_after_removal(OrgRole::Auditor), Some(OrgRole::OrgMember));
        assert_eq!(role_after_removal(OrgRole::OrgMember), None);
    }
}
