//! How someone belongs to a team: where the membership comes from, and when it ends by itself.

use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Fields, Invalid, TeamRole, check_end};

/// Where a membership comes from: a sync removes only what it made (SPEC X11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MembershipSource {
    /// Someone added the person.
    Manual,
    /// A group of the directory.
    Idp,
    /// An object of the Kubernetes API.
    Declared,
    /// A list of people.
    Bulk,
    /// An invitation that waited for the person's account.
    Invitation,
}

impl MembershipSource {
    /// The word that the database and APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Idp => "idp",
            Self::Declared => "declared",
            Self::Bulk => "bulk",
            Self::Invitation => "invitation",
        }
    }
}

impl FromStr for MembershipSource {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Manual, Self::Idp, Self::Declared, Self::Bulk, Self::Invitation]
            .into_iter()
            .find(|source| source.as_str() == text)
            .ok_or_else(|| Invalid::new("source", "must be manual, idp, declared, bulk or invitation"))
    }
}

/// What someone is in a team, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The role.
    pub role: TeamRole,
    /// When the membership ends by itself; none is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the admin becomes a member by itself; only with the role admin.
    pub admin_until: Option<DateTime<Utc>>,
}

impl From<TeamRole> for Terms {
    fn from(role: TeamRole) -> Self {
        Self {
            role,
            expires_at: None,
            admin_until: None,
        }
    }
}

impl Terms {
    /// Whether this is an admin whom no clock takes away.
    pub fn is_admin_without_end(&self) -> bool {
        self.role == TeamRole::Admin && self.expires_at.is_none() && self.admin_until.is_none()
    }

    /// Whether this is an admin who will be none some day.
    pub fn is_admin_with_end(&self) -> bool {
        self.role == TeamRole::Admin && !self.is_admin_without_end()
    }
}

/// Changes to [`Terms`]: an absent field keeps, an inner `None` clears.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TermsPatch {
    /// The new role.
    pub role: Option<TeamRole>,
    /// The new end of the membership.
    pub expires_at: Option<Option<DateTime<Utc>>>,
    /// The new end of the role.
    pub admin_until: Option<Option<DateTime<Utc>>>,
}

impl TermsPatch {
    /// The terms after the change. A new end must pass [`check_end`], and only admins have `admin_until`; whoever stops
    /// being one loses it.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn apply(self, before: Terms, now: DateTime<Utc>) -> Result<Terms, Vec<Invalid>> {
        let role = self.role.unwrap_or(before.role);
        let mut fields = Fields::new();
        for (field, end) in [("expires_at", self.expires_at), ("admin_until", self.admin_until)] {
            fields.take(check_end(field, end.flatten(), now));
        }
        if role != TeamRole::Admin && self.admin_until.flatten().is_some() {
            fields.push(Invalid::new("admin_until", "can be set for the role admin only"));
        }
        fields.finish()?;
        let kept = before.admin_until.filter(|_| role == TeamRole::Admin);
        Ok(Terms {
            role,
            expires_at: self.expires_at.unwrap_or(before.expires_at),
            admin_until: self.admin_until.unwrap_or(kept),
        })
    }
}

/// Reads a moment that a person typed or a browser's date field sent, as UTC: `2026-11-27T18:00`, with seconds or
/// without, with a space for the T, with an offset; or a date, which stands for the end of that day. Blank is none.
///
/// # Errors
/// When it is none of these, or before the year 1970 or after 9999; the error carries `field`.
pub fn parse_moment(field: &'static str, text: &str) -> Result<Option<DateTime<Utc>>, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let with_offset = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let without = || {
        [
            "%Y-%m-%dT%H:%M",
            "%Y-%m-%dT%H:%M:%S",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%d %H:%M:%S",
        ]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|at| at.and_utc())
    };
    let date = || {
        let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
        date.and_hms_opt(0, 0, 0)?
            .and_utc()
            .checked_add_signed(TimeDelta::days(1))
    };
    with_offset()
        .or_else(without)
        .or_else(date)
        .filter(is_sane)
        .map(Some)
        .ok_or_else(|| Invalid::new(field, "must be a date and time like 2026-11-27T18:00"))
}

/// Whether the database and every client can write the moment.
fn is_sane(at: &DateTime<Utc>) -> bool {
    (0..253_402_300_800).contains(&at.timestamp())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn x11_sources_read_as_they_are_written() {
        for source in ["manual", "idp", "declared", "bulk", "invitation"] {
            assert_eq!(source.parse::<MembershipSource>().unwrap().as_str(), source);
        }
        assert!("Manual".parse::<MembershipSource>().is_err());
    }

    #[test]
    fn moments_are_read_as_utc() {
        for text in [
            "2026-11-27T18:00",
            " 2026-11-27T18:00:00 ",
            "2026-11-27 18:00",
            "2026-11-27T19:00:00+01:00",
            "2026-11-27T18:00:00Z",
        ] {
            assert_eq!(
                parse_moment("expires_at", text).unwrap(),
                Some(at("2026-11-27T18:00:00Z")),
                "{text}"
            );
        }
        assert_eq!(
            parse_moment("expires_at", "2026-11-27").unwrap(),
            Some(at("2026-11-28T00:00:00Z")),
            "to its end"
        );
        assert_eq!(parse_moment("expires_at", "  ").unwrap(), None);
        for bad in [
            "Friday",
            "2026-13-01",
            "2026-11-27T25:00",
            "27.11.2026",
            "+12026-01-01",
            "1969-12-30",
            "9999-12-31",
        ] {
            assert_eq!(
                parse_moment("expires_at", bad).unwrap_err().field,
                "expires_at",
                "{bad}"
            );
        }
    }

    #[test]
    fn ends_lie_in_the_future_and_only_admins_stop_being_admins() {
        let now = at("2026-11-21T00:00:00Z");
        let (past, later) = (at("2026-11-20T00:00:00Z"), at("2026-11-27T00:00:00Z"));
        let admin = Terms::from(TeamRole::Admin);
        let until = TermsPatch {
            admin_until: Some(Some(later)),
            ..TermsPatch::default()
        };
        let ended = until.apply(admin, now).unwrap();
        assert!(ended.is_admin_with_end() && !ended.is_admin_without_end());
        let kept = TermsPatch::default().apply(ended, now).unwrap();
        assert_eq!(kept, ended, "what is absent stays");
        let demoted = TermsPatch {
            role: Some(TeamRole::Member),
            ..TermsPatch::default()
        };
        assert_eq!(demoted.apply(ended, now).unwrap(), Terms::from(TeamRole::Member));
        let cleared = TermsPatch {
            admin_until: Some(None),
            ..TermsPatch::default()
        };
        assert_eq!(cleared.apply(ended, now).unwrap(), admin);
        let wrong = TermsPatch {
            role: Some(TeamRole::Member),
            expires_at: Some(Some(past)),
            admin_until: Some(Some(later)),
        };
        let errors = wrong.apply(admin, now).unwrap_err();
        assert_eq!(
            errors.iter().map(|error| &*error.field).collect::<Vec<_>>(),
            ["expires_at", "admin_until"]
        );
        assert!(until.apply(Terms::from(TeamRole::Member), now).is_err());
        let far = TermsPatch {
            expires_at: Some(Some(at("+10000-01-01T00:00:00Z"))),
            ..TermsPatch::default()
        };
        assert_eq!(
            far.apply(admin, now).unwrap_err(),
            [Invalid::new("expires_at", "must be before the year 10000")]
        );
    }

    proptest! {
        #[test]
        fn reading_a_moment_never_panics(text in ".{0,40}") {
            let _ = parse_moment("expires_at", &text);
        }
    }
}
