//! What happened, as a line of a timeline: one wording and one set of icons wherever events are told in sentences.

use chrono::{DateTime, Utc};
use domain::audit::event_verb;
use leptos::prelude::*;

use super::time_ago;
use crate::icon::icon;

/// One event.
pub struct Happened<'a> {
    /// When.
    pub at: DateTime<Utc>,
    /// Its code in the audit log.
    pub action: &'a str,
    /// Who, as an email or a system name.
    pub actor: &'a str,
    /// To whom or what.
    pub target: &'a str,
    /// The target's page, if the viewer may be led there.
    pub href: Option<String>,
    /// Whether it worked.
    pub success: bool,
    /// What changed, after the sentence.
    pub detail: Option<String>,
    /// The team that it happened in, with its page, where the list is not of one team.
    pub team: Option<(String, String)>,
}

/// The event as an item of `timeline`.
pub fn happened(event: Happened<'_>, now: DateTime<Utc>) -> AnyView {
    let (kind, name) = look(event.action, event.success);
    let target = (!is_own(&event)).then(|| match event.href {
        Some(href) => view! { " "<a href=href>{event.target.to_owned()}</a> }.into_any(),
        None => view! { " "<b>{event.target.to_owned()}</b> }.into_any(),
    });
    // The team is said once.
    let team = event.team.filter(|(name, _)| name != event.target);
    view! {
        <li class=format!("timeline__item{kind}")>
            <span class="timeline__icon">{icon(name)}</span>
            <div class="timeline__body">
                <p><b>{event.actor.to_owned()}</b>" "{verb(event.action)}{target}{event.detail}</p>
                <p class="timeline__meta">
                    {time_ago(event.at, now)} {team.map(|(name, href)| view! { " · "<a href=href>{name}</a> })}
                </p>
            </div>
        </li>
    }
    .into_any()
}

/// The words between the actor and the target. In the log a session's target is the person, who is said already.
fn verb(action: &str) -> &'static str {
    match action {
        "session.begin" => "signed in",
        _ => event_verb(action),
    }
}

/// Whether the sentence ends with its verb: somebody signed in or out.
fn is_own(event: &Happened<'_>) -> bool {
    event.action.starts_with("session.")
}

/// The class and the icon of an event.
fn look(action: &str, success: bool) -> (&'static str, &'static str) {
    if !success || action.ends_with("_failed") {
        return (" timeline__item--security", "warning");
    }
    match action {
        "session.begin" => return ("", "user"),
        "session.end" => return ("", "sign-out"),
        _ => {}
    }
    match action.rsplit(['.', '_']).next().unwrap_or_default() {
        "create" | "add" | "jit" | "made" | "activate" | "enable" | "restore" | "join" => {
            (" timeline__item--add", "plus")
        }
        "remove" | "delete" | "deleted" | "revoke" | "archive" | "deactivate" | "deactivated" | "disable"
        | "deprovision" | "expired" | "leave" => (" timeline__item--remove", "minus"),
        "approve" => (" timeline__item--add", "check"),
        "deny" => (" timeline__item--remove", "close"),
        "sync" | "status" => ("", "sync"),
        _ => ("", "edit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sentence(action: &str, target: &str) -> String {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let event = Happened {
            at: now,
            action,
            actor: "ada",
            target,
            href: None,
            success: true,
            detail: None,
            team: Some(("Backend".to_owned(), "/admin/teams/backend".to_owned())),
        };
        let html = happened(event, now).to_html();
        let text = html
            .split("<p>")
            .nth(1)
            .and_then(|rest| rest.split("</p>").next())
            .unwrap_or_default();
        let mut words = String::new();
        let mut tag = false;
        for letter in text.chars() {
            match letter {
                '<' => tag = true,
                '>' => tag = false,
                letter if !tag => words.push(letter),
                _ => {}
            }
        }
        words
    }

    #[test]
    fn nobody_signs_in_as_themselves() {
        assert_eq!(sentence("session.begin", "ada"), "ada signed in");
        assert_eq!(sentence("session.end", "ada"), "ada signed out");
        assert_eq!(sentence("key.create", "nightly"), "ada created key nightly");
    }

    #[test]
    fn what_failed_looks_so() {
        assert_eq!(look("team.create", false).1, "warning");
        assert_eq!(look("provision_jit_failed", true).1, "warning");
        assert_eq!(look("provision_jit", true).1, "plus");
        assert_eq!(look("user_deactivated", true).1, "minus");
    }
}
