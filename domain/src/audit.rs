//! The events of the audit log in people's words, and the times that lists of them are limited to.

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, Utc};

use crate::Invalid;

/// Events by their codes, in groups, each with what people call it. Codes that are not here are shown by
/// [`event_name`] all the same.
pub const EVENTS: &[(&str, &[(&str, &str)])] = &[
    (
        "Runners",
        &[
            ("provision_jit", "Runner provisioned"),
            ("provision_jit_failed", "Runner not provisioned"),
            ("deprovision", "Runner deleted"),
            ("deprovision_failed", "Runner not deleted"),
            ("update_status_failed", "Runner state not updated"),
            ("runner.reservation_expired", "Runner reservation expired"),
        ],
    ),
    (
        "Teams",
        &[
            ("team.create", "Team created"),
            ("team.update", "Team changed"),
            ("team.services", "Team services changed"),
            ("team.deactivate", "Team deactivated"),
            ("team.activate", "Team activated"),
            ("team.archive", "Team archived"),
            ("team.restore", "Team restored"),
        ],
    ),
    (
        "Members",
        &[
            ("member.add", "Member added"),
            ("member.role", "Member role changed"),
            ("member.update", "Membership changed"),
            ("member.remove", "Member removed"),
            ("member.expired", "Membership ended"),
            ("member.role_expired", "Admin role ended"),
        ],
    ),
    (
        "Projects and keys",
        &[
            ("project.create", "Project created"),
            ("project.update", "Project changed"),
            ("project.delete", "Project deleted"),
            ("project.member_add", "Project role given"),
            ("project.member_role", "Project role changed"),
            ("project.member_remove", "Project role taken"),
            ("key.create", "Key created"),
            ("key.rotate", "Key rotated"),
            ("key.revoke", "Key revoked"),
        ],
    ),
    (
        "Organizations",
        &[
            ("organization.create", "Organization created"),
            ("organization.update", "Organization changed"),
            ("organization.member_add", "Person joined organization"),
            ("organization.member_role", "Organization role changed"),
            ("organization.member_remove", "Person left organization"),
            ("organization.domain_add", "Domain added"),
            ("organization.domain_verify", "Domain verified"),
            ("organization.domain_remove", "Domain removed"),
            ("service.create", "Service created"),
            ("service.update", "Service changed"),
            ("service.delete", "Service deleted"),
        ],
    ),
    (
        "People",
        &[
            ("session.begin", "Signed in"),
            ("session.end", "Signed out"),
            ("token.create", "Access token created"),
            ("token.revoke", "Access token revoked"),
            ("user.create", "Account created"),
            ("user.update", "Account changed"),
            ("user.link_identity", "Identity linked"),
            ("user_deactivated", "Account deactivated"),
            ("user.activate", "Account activated"),
            ("batch_disable_users", "Accounts deactivated"),
            ("batch_restore_users", "Accounts activated"),
            ("batch_delete_runners", "Runners deleted"),
            ("batch_deactivate_teams", "Teams deactivated"),
            ("batch_reactivate_teams", "Teams activated"),
        ],
    ),
];

/// An event in people's words.
pub fn event_name(code: &str) -> String {
    let known = EVENTS.iter().flat_map(|(_, events)| events.iter());
    if let Some((_, name)) = known.into_iter().find(|(known, _)| *known == code) {
        return (*name).to_owned();
    }
    let words = code.replace(['.', '_'], " ");
    let mut letters = words.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => words,
    }
}

/// A moment as people and programs write it: RFC 3339, or a date, which is its beginning in UTC.
///
/// # Errors
/// When it is neither; `field` is named.
pub fn parse_time(field: &'static str, text: &str) -> Result<DateTime<Utc>, Invalid> {
    let text = text.trim();
    // A plus that was not encoded in a query arrives as a space.
    let moment = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).map(|at| at.to_utc());
    let date = || {
        text.parse::<NaiveDate>()
            .map(|date| date.and_time(NaiveTime::MIN).and_utc())
    };
    moment
        .or_else(|_| date())
        // What PostgreSQL can hold, and more than anybody needs.
        .ok()
        .filter(|at| (0..=9_999).contains(&at.year()))
        .ok_or_else(|| {
            Invalid::new(
                field,
                "must be a time such as 2026-03-09T10:00:00Z, or a date such as 2026-03-09",
            )
        })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn b25_every_event_has_a_name() {
        let all: Vec<_> = EVENTS.iter().flat_map(|(_, events)| events.iter()).collect();
        let codes: HashSet<_> = all.iter().map(|(code, _)| code).collect();
        let names: HashSet<_> = all.iter().map(|(_, name)| name).collect();
        assert_eq!(
            (codes.len(), names.len()),
            (all.len(), all.len()),
            "no two are called the same"
        );
        assert_eq!(event_name("team.update"), "Team changed");
        assert_eq!(event_name("label_policy.set"), "Label policy set", "one that is new");
        assert_eq!(event_name(""), "");
    }

    #[test]
    fn b24_times_are_moments_or_dates() {
        let time = |text| parse_time("since", text).map(|at| at.to_rfc3339());
        assert_eq!(time("2026-03-09").unwrap(), "2026-03-09T00:00:00+00:00");
        assert_eq!(time("2026-03-09T10:00:00 02:00").unwrap(), "2026-03-09T08:00:00+00:00");
        for wrong in [
            "",
            "yesterday",
            "2026-13-01",
            "2026-03-09T10:00",
            "-9999-01-01",
            "+200000-01-01",
        ] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
