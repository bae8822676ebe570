//! Server functions: what the console's forms are sent to. Each opens a transaction, parses, and
//! makes one call of the backend.

mod access_reviews;
mod api_key_life;
mod api_key_settings;
mod api_keys;
mod cost;
mod default_team;
mod directory;
mod identity_links;
pub(crate) mod invitations;

mod keys;
mod label_policies;
mod litellm;
mod machines;
mod members;
mod organizations;
mod project_members;
mod projects;
mod requests;
mod restricted_models;
pub(crate) mod roster;
mod runners;
mod search;
mod services;
mod sync;
mod team_limits;
mod team_move;
mod teams;
mod tokens;
mod users;
mod waiting;

use backend::teams::{self as team_rules, Found, TeamKey};
use domain::{Invalid, TeamId};

use crate::ssr::{self, Code, Ctx, Error};

/// The page of a team that a form was on, as a path on this host: its own page when the form says
/// anything else.
fn team_page(team: &str, at: &str) -> String {
    let local = at
        .strip_prefix("/admin/teams/")
        .is_some_and(|key| !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
    if local {
        at.to_owned()
    } else {
        format!("/admin/teams/{}", domain_id(team))
    }
}

/// A team's id as text that is safe in a path.
fn domain_id(team: &str) -> String {
    team.parse::<TeamId>().map(|id| id.to_string()).unwrap_or_default()
}

/// A team's id from a hidden field.
fn team_id(text: &str) -> ssr::Result<TeamId> {
    text.parse().map_err(|_| Error::not_found("Team", text))
}

/// The id of a team that is named by its short name; an id, and what names no team, stay as they are for the rule to judge.
async fn team_named(ctx: &mut Ctx, text: &str) -> ssr::Result<String> {
    let named = text.trim();
    if named.is_empty() || named.parse::<TeamId>().is_ok() {
        return Ok(named.to_owned());
    }
    match team_rules::find(ctx, &TeamKey::parse(named)).await {
        Ok(Found::One(page)) => Ok(page.team.id.to_string()),
        Ok(Found::Several(_)) => Err(Error::invalid("team_id", "names several teams: write the id of one")),
        Err(Error::Refused(Code::NotFound, detail)) => Err(Error::invalid("team_id", detail)),
        Err(error) => Err(error),
    }
}

/// Who sent a form, for what is done outside of a transaction.
fn visitor() -> ssr::Result<(ssr::Visit, ssr::Caller)> {
    let visit = ssr::visit();
    let caller = visit.caller.clone();
    let caller = caller.ok_or_else(|| Error::refused(Code::NotAuthenticated, "Not authenticated"))?;
    Ok((visit, caller))
}

/// A limit from a text field; blank is none.
fn number(field: &'static str, text: &str) -> Result<Option<i64>, Invalid> {
    whole(field, text, "must be a whole number, or empty for no limit")
}

/// A whole number from a text field, or what it must be; blank is none.
fn whole(field: &'static str, text: &str, rule: &'static str) -> Result<Option<i64>, Invalid> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Invalid::new(field, rule))
}

/// Parses the rest of a form too when its number is none, so that all errors are shown at once.
fn with_count<T>(
    count: Result<Option<i64>, Invalid>,
    parse: impl FnOnce(Option<i64>) -> Result<T, Vec<Invalid>>,
) -> Result<T, Vec<Invalid>> {
    match count {
        Ok(count) => parse(count),
        Err(count) => {
            // In the order of the form, which ends with the number.
            let mut wrong = parse(None).err().unwrap_or_default();
            wrong.push(count);
            Err(wrong)
        }
    }
}

/// Text in the form that the inputs want it: blank is none.
fn filled(text: &str) -> Option<String> {
    (!text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_lead_back_to_a_team_on_this_host_only() {
        let id = "00000000-0000-4000-8000-000000000001";
        assert_eq!(team_page(id, "/admin/teams/backend-team"), "/admin/teams/backend-team");
        for bad in [
            "//evil.example",
            "/admin/teams//evil",
            "https://evil.example",
            "/admin/teams/a\r\nb",
            "",
        ] {
            assert_eq!(team_page(id, bad), format!("/admin/teams/{id}"), "{bad:?}");
        }
    }
}
