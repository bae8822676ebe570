//! The events of the audit log in people's words, and the times that lists of them are limited to.

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

use crate::{Invalid, is_storable};

/// A kind of event: its code in the log and the API, what people call it, and what it is in a sentence between who and
/// what.
pub struct Event {
    /// The code, such as `team.create`.
    pub code: &'static str,
    /// Its name in lists.
    pub name: &'static str,
    /// Its words between the actor and the target.
    pub verb: &'static str,
}

impl Event {
    /// Whether somebody does this who administers nothing: leaves a team, makes a key of their own.
    pub fn is_anybodys(&self) -> bool {
        ANYBODYS.iter().any(|beginning| self.code.starts_with(beginning))
    }
}

const fn event(code: &'static str, name: &'static str, verb: &'static str) -> Event {
    Event { code, name, verb }
}

/// Beginnings of the codes of what somebody does who administers nothing.
const ANYBODYS: [&str; 9] = [
    "provision_jit",
    "deprovision",
    "runner_wait.",
    "member.remove",
    "key.",
    "session.",
    "token.",
    "request.",
    "access_review.decide",
];

/// Every kind of event, in groups. Codes that are not here, from a newer process, are shown by [`event_name`] all the
/// same.
pub const EVENTS: &[(&str, &[Event])] = &[
    (
        "Runners",
        &[
            event("provision_jit", "Runner provisioned", "provisioned runner"),
            event(
                "provision_jit_failed",
                "Runner not provisioned",
                "could not provision runner",
            ),
            event("deprovision", "Runner deleted", "deleted runner"),
            event("deprovision_failed", "Runner not deleted", "could not delete runner"),
            event(
                "update_status_failed",
                "Runner state not updated",
                "could not update the state of runner",
            ),
            event("runner.sync", "Runner state synced", "saw a new state of runner"),
            event(
                "runner.sync_deleted",
                "Runner gone at GitHub",
                "noticed the end of runner",
            ),
            event(
                "runner.not_found",
                "Runner not found at GitHub",
                "did not find at GitHub the runner",
            ),
            event(
                "runner.update_status",
                "Runner state reported",
                "reported a new state of runner",
            ),
            event(
                "runner.drift_deleted",
                "Runner deleted for its labels",
                "removed, for its labels, runner",
            ),
            event(
                "runner.workflow_cancelled",
                "Workflow run cancelled",
                "cancelled the workflow run of runner",
            ),
            event(
                "runner.reservation_expired",
                "Runner reservation expired",
                "released the place of runner",
            ),
            event("runner_wait.join", "Waiting list joined", "joined the waiting list of"),
            event("runner_wait.leave", "Waiting list left", "left the waiting list of"),
            event("runner_wait.ready", "Place held", "may now provision for"),
            event("sync.request", "Sync requested", "asked for a sync with"),
            event("litellm.retry", "LiteLLM tried again", "tries again what waits for"),
            event("litellm.compare", "LiteLLM compared", "compared with"),
            event("litellm.push", "LiteLLM corrected", "delivered again to"),
            event("litellm.remove", "Removed at LiteLLM", "removed at"),
            event("prices.update", "Prices changed", "changed the prices of"),
        ],
    ),
    (
        "Teams",
        &[
            event("team.create", "Team created", "created the team"),
            event("team.update", "Team changed", "changed the team"),
            event("team.services", "Team services changed", "changed the services of"),
            event("team.deactivate", "Team deactivated", "deactivated the team"),
            event("team.activate", "Team activated", "activated the team"),
            event("team.archive", "Team archived", "archived the team"),
            event("team.restore", "Team restored", "restored the team"),
        ],
    ),
    (
        "Directory",
        &[
            event("identity_link.create", "Group linked", "linked the group"),
            event(
                "identity_link.update",
                "Group link changed",
                "changed the link of the group",
            ),
            event(
                "identity_link.delete",
                "Group link deleted",
                "deleted the link of the group",
            ),
            event(
                "identity_link.confirm",
                "Removals confirmed",
                "confirmed the removals of the group",
            ),
            event("settings.entra", "Entra settings changed", "changed the settings of"),
        ],
    ),
    (
        "Members",
        &[
            event("member.add", "Member added", "added"),
            event("member.role", "Member role changed", "changed the role of"),
            event("member.update", "Membership changed", "changed the membership of"),
            event("member.remove", "Member removed", "removed"),
            event("member.expired", "Membership ended", "ended the membership of"),
            event("member.role_expired", "Admin role ended", "ended the admin role of"),
            event("invitation.create", "Person invited", "invited"),
            event(
                "invitation.withdraw",
                "Invitation withdrawn",
                "withdrew the invitation of",
            ),
            event("invitation.end", "Invitation ended", "ended the invitation of"),
        ],
    ),
    (
        "Projects and keys",
        &[
            event("project.create", "Project created", "created project"),
            event("project.update", "Project changed", "changed project"),
            event("project.delete", "Project deleted", "deleted project"),
            event("project.member_add", "Project role given", "gave a project role to"),
            event(
                "project.member_role",
                "Project role changed",
                "changed the project role of",
            ),
            event(
                "project.member_remove",
                "Project role taken",
                "took the project role of",
            ),
            event("key.create", "Key created", "created key"),
            event("key.rotate", "Key rotated", "rotated key"),
            event("key.revoke", "Key revoked", "revoked key"),
            event("key.update", "Key changed", "changed key"),
            event("key.made", "Key made at LiteLLM", "was shown their new key"),
            event("key.create_failed", "Key not made at LiteLLM", "could not make key"),
            event("key.expired", "Key expired", "ended, as its time was over, key"),
            event("key.reset_spend", "Key's spending reset", "reset the spending of key"),
            event(
                "settings.api_key_defaults",
                "Key defaults changed",
                "changed the defaults and maximums of",
            ),
            event(
                "settings.user_defaults",
                "User defaults changed",
                "changed the defaults of",
            ),
        ],
    ),
    (
        "Organizations",
        &[
            event("organization.create", "Organization created", "created organization"),
            event("organization.update", "Organization changed", "changed organization"),
            event(
                "organization.member_add",
                "Person joined organization",
                "added to the organization",
            ),
            event(
                "organization.member_role",
                "Organization role changed",
                "changed the role in the organization of",
            ),
            event(
                "organization.member_remove",
                "Person left organization",
                "removed from the organization",
            ),
            event("organization.domain_add", "Domain added", "added the domain"),
            event("organization.domain_verify", "Domain verified", "verified the domain"),
            event("organization.domain_remove", "Domain removed", "removed the domain"),
            event("scim_token.create", "SCIM token created", "created SCIM token"),
            event("scim_token.revoke", "SCIM token revoked", "revoked SCIM token"),
            event("scim.user_create", "Directory sent a person", "sent, as a new person,"),
            event("scim.user_update", "Directory changed a person", "sent changes of"),
            event(
                "scim.user_delete",
                "Directory removed a person",
                "removed from its people",
            ),
            event("scim.group_create", "Directory sent a group", "sent the new group"),
            event("scim.group_update", "Directory renamed a group", "changed the group"),
            event(
                "scim.group_members",
                "Directory changed who is in a group",
                "changed who is in the group",
            ),
            event("scim.group_delete", "Directory removed a group", "removed the group"),
            event("service.create", "Service created", "added service"),
            event("service.update", "Service changed", "changed service"),
            event("service.delete", "Service deleted", "deleted service"),
        ],
    ),
    (
        "People and programs",
        &[
            event("session.begin", "Signed in", "signed in as"),
            event("session.end", "Signed out", "signed out"),
            event("token.create", "Access token created", "created token"),
            event("token.revoke", "Access token revoked", "revoked token"),
            event("user.create", "Account created", "created the account of"),
            event("user.update", "Account changed", "changed the account of"),
            event(
                "user.link_identity",
                "Identity linked",
                "joined a sign-in to the account of",
            ),
            event("user_deactivated", "Account deactivated", "deactivated the account of"),
            event("user.activate", "Account activated", "activated the account of"),
            event(
                "label_policy.create",
                "Label policy created",
                "created the label policy of",
            ),
            event(
                "label_policy.update",
                "Label policy changed",
                "changed the label policy of",
            ),
            event(
                "label_policy.delete",
                "Label policy deleted",
                "deleted the label policy of",
            ),
            event(
                "label_policy.migrate",
                "People moved to a team",
                "moved people with label policies to",
            ),
            event(
                "machine_client.create",
                "Machine client registered",
                "registered machine client",
            ),
            event(
                "machine_client.update",
                "Machine client changed",
                "changed machine client",
            ),
            event(
                "machine_client.disable",
                "Machine client disabled",
                "disabled machine client",
            ),
            event(
                "machine_client.enable",
                "Machine client enabled",
                "enabled machine client",
            ),
            event(
                "machine_client.delete",
                "Machine client deleted",
                "deleted machine client",
            ),
            event("spend.record", "Spend reported", "reported what was spent in"),
            event(
                "budget.threshold",
                "Budget reached a threshold",
                "spent a good part of the budget of",
            ),
            event("team.move", "Team moved", "moved to another organization the team"),
            event("request.create", "Request made", "asked for"),
            event("request.approve", "Request approved", "approved the request for"),
            event("request.deny", "Request denied", "denied the request for"),
            event("request.withdraw", "Request withdrawn", "withdrew the request for"),
            event("request.revert", "Request reopened", "reopened the request for"),
            event(
                "access_review.start",
                "Access review started",
                "started the access review",
            ),
            event("access_review.decide", "Access review decided", "decided a line of"),
            event(
                "access_review.remind",
                "Reviewers reminded",
                "reminded the reviewers of the access review",
            ),
            event(
                "access_review.close",
                "Access review closed",
                "closed the access review",
            ),
            event(
                "access_review.cancel",
                "Access review cancelled",
                "cancelled the access review",
            ),
            event(
                "access_review.report",
                "Access review signed",
                "signed the report of the access review",
            ),
            event(
                "organization.restricted_models",
                "Restricted models changed",
                "changed the restricted models of",
            ),
            event("batch_disable_users", "Accounts deactivated", "carried out the batch"),
            event("batch_restore_users", "Accounts activated", "carried out the batch"),
            event("batch_delete_runners", "Runners deleted", "carried out the batch"),
            event("batch_deactivate_teams", "Teams deactivated", "carried out the batch"),
            event("batch_reactivate_teams", "Teams activated", "carried out the batch"),
        ],
    ),
];

/// The kind of event of a code.
pub fn find_event(code: &str) -> Option<&'static Event> {
    EVENTS
        .iter()
        .flat_map(|(_, events)| events.iter())
        .find(|event| event.code == code)
}

/// What an event is in a sentence: who `verb` what.
pub fn event_verb(code: &str) -> &'static str {
    find_event(code).map_or("changed", |event| event.verb)
}

/// An event in people's words.
pub fn event_name(code: &str) -> String {
    if let Some(event) = find_event(code) {
        return event.name.to_owned();
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
        .ok()
        .filter(|at| is_storable(*at))
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
        let codes: HashSet<_> = all.iter().map(|event| event.code).collect();
        let names: HashSet<_> = all.iter().map(|event| event.name).collect();
        assert_eq!(
            (codes.len(), names.len()),
            (all.len(), all.len()),
            "no two are called the same"
        );
        assert_eq!(event_name("team.update"), "Team changed");
        assert_eq!(event_name("orchard.prune"), "Orchard prune", "one that is new");
        assert_eq!(event_verb("orchard.prune"), "changed");
        assert_eq!(event_name(""), "");
    }

    #[test]
    fn somebody_without_a_role_is_offered_what_they_do() {
        let offered = |code| find_event(code).unwrap().is_anybodys();
        assert!(offered("session.begin") && offered("member.remove") && offered("provision_jit_failed"));
        assert!(!offered("team.create") && !offered("member.role") && !offered("batch_disable_users"));
        // Each of the beginnings is one.
        for beginning in ANYBODYS {
            let known = |(_, events): &(&str, &[Event])| events.iter().any(|event| event.code.starts_with(beginning));
            assert!(EVENTS.iter().any(known), "{beginning}");
        }
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
