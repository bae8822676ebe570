//! What stands in for a page that cannot be shown.

use domain::roles::in_words;
use leptos::prelude::*;

use super::Rendered;
use crate::{
    forms, pages,
    ssr::{self, Caller, Error, Visit},
    ui::capitalised,
};

/// The page that says what went wrong: the reason, the rule, and who can change it.
pub(super) fn page(visit: &Visit, error: &Error, join: Option<AnyView>) -> Rendered {
    let status = error.code().status();
    ssr::set_status(status);
    let request = visit.request.id.clone().unwrap_or_default();
    let (title, lead) = match error {
        Error::Internal(_) => (
            forms::describe(error),
            "Try again. If it stays like this, tell your administrator the request id.".to_owned(),
        ),
        Error::Forbidden(refusal) => (refusal.literal.clone(), String::new()),
        Error::Invalid(_) => (
            "This address is not valid".to_owned(),
            "A part of it breaks a rule. Without what follows the question mark, the page shows everything.".to_owned(),
        ),
        _ if status == 404 => not_found(&error.detail()),
        _ => (forms::describe(error), String::new()),
    };
    let refusal = error.refusal();
    let wrong: Vec<_> = match error {
        Error::Invalid(fields) => fields
            .iter()
            .map(|one| view! { <div><dt><code>{one.field.to_string()}</code></dt><dd>{one.message.to_string()}</dd></div> })
            .collect(),
        _ => Vec::new(),
    };
    let back = (!wrong.is_empty())
        .then(|| view! { <a class="button button--primary" href=ssr::path()>"Show the whole list"</a> });
    let start = if back.is_some() {
        "button"
    } else {
        "button button--primary"
    };
    let explains = status == 403 && matches!(visit.caller, Some(Caller::Person(..)));
    let why = match team_of_page() {
        Some(team) => format!("/admin/explain?team={team}"),
        None => "/admin/explain".to_owned(),
    };
    let body = view! {
        <div class="error-page">
            <p class="error-page__status">{status}</p>
            <h1 class="error-page__title">{title.clone()}</h1>
            {(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}
            <dl class="facts error-page__facts">
                {wrong}
                {refusal
                    .map(|refusal| {
                        view! {
                            <div>
                                <dt>"Rule"</dt>
                                <dd>{format!("You may not {}.", refusal.rule)}</dd>
                            </div>
                            <div>
                                <dt>"Who can"</dt>
                                <dd>{capitalised(&in_words(&refusal.who_can))}</dd>
                            </div>
                        }
                    })}
                <div>
                    <dt>"Request id"</dt>
                    <dd><code>{request}</code></dd>
                </div>
            </dl>
            <div class="button-row">
                {back}
                <a class=start href="/">"Go to the start page"</a>
                {join}
                {explains.then(|| view! { <a class="button" href=why>"Ask why"</a> })}
            </div>
        </div>
    };
    Rendered::new(title, body)
}

/// Title and words of what is not there: "Team not found: ops" is about a team.
fn not_found(detail: &str) -> (String, String) {
    match detail.split_once(" not found: ") {
        Some((kind, which)) => (
            format!("{kind} not found"),
            format!("There is no {} “{which}”, or you may not see it.", in_a_sentence(kind)),
        ),
        None => ("Page not found".to_owned(), detail.to_owned()),
    }
}

/// The team whose page this is, as the address has it: by id or short name.
fn team_of_page() -> Option<String> {
    let path = ssr::path();
    let key = path.strip_prefix("/admin/teams/")?.split('/').next()?;
    let plain = !key.is_empty() && key != "new" && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    plain.then(|| key.to_owned())
}

/// What somebody who may not see a team is offered: to ask to join it, or what became of having asked.
pub(super) async fn join(visit: &Visit, error: &Error) -> Option<AnyView> {
    let (Error::Forbidden(refusal), Some(Caller::Person(..))) = (error, &visit.caller) else {
        return None;
    };
    let team = team_of_page().filter(|_| refusal.literal == "Access denied: not a team member")?;
    Some(match pages::requests::waiting_join(&team).await {
        Some(waiting) => waiting,
        None => {
            let href = format!("{}/new?kind=join&team={team}", pages::requests::PAGE);
            view! { <a class="button" href=href>"Request to join"</a> }.into_any()
        }
    })
}

/// A kind within a sentence: "Team" is a team, "SCIM token" stays as it is.
fn in_a_sentence(kind: &str) -> String {
    let mut letters = kind.chars();
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if second.is_lowercase() && !kind.starts_with("LiteLLM") => {
            format!("{}{}", first.to_lowercase(), &kind[first.len_utf8()..])
        }
        _ => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::not_found;

    #[test]
    fn what_is_not_there_is_named() {
        let (title, words) = not_found("Team not found: ops");
        assert_eq!(
            (title.as_str(), words.as_str()),
            ("Team not found", "There is no team “ops”, or you may not see it.")
        );
        assert_eq!(not_found("Service not found").0, "Page not found");
        for (detail, words) in [
            (
                "OAuth client not found: x",
                "There is no OAuth client “x”, or you may not see it.",
            ),
            (
                "LiteLLM instance not found: x",
                "There is no LiteLLM instance “x”, or you may not see it.",
            ),
        ] {
            assert_eq!(not_found(detail).1, words);
        }
    }
}
