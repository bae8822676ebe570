//! Whether an account is active, and the question before it is not.

use backend::users;
use domain::{Permission, UserRef, views::AccountPage};
use leptos::prelude::*;

use super::account::path;
use crate::{
    forms::{self, FormState},
    ssr::{self, Code, Ctx, Error, Result},
    ui::{self, Confirm, Field},
};

/// Since when, by whom and why an account is deactivated.
pub(super) fn deactivated(page: &AccountPage, now: chrono::DateTime<chrono::Utc>) -> Option<AnyView> {
    let at = page.account.deactivated_at?;
    let by = page.deactivated_by.clone().map(|by| format!(" by {by}"));
    let reason = page.deactivation_reason.clone();
    let body = view! {
        <p>"Deactivated "{ui::time_ago(at, now)}{by}"."</p>
        {reason.map(|reason| view! { <p>{reason}</p> })}
    };
    Some(ui::callout(
        "warning",
        "Nobody can sign in to this account",
        body.into_any(),
    ))
}

/// The end of the page: what a super_admin does with the account, or whom to ask.
pub(super) fn danger_zone(page: &AccountPage) -> AnyView {
    if !page.manages {
        let words = format!(
            "To change or deactivate this account, ask {}.",
            ui::who(Permission::AccountsManage)
        );
        return ui::callout("info", "Name, rights and status", view! { <p>{words}</p> }.into_any());
    }
    let row = if page.account.deactivated_at.is_some() {
        view! {
            <div class="row__main">
                <span class="row__title">"Reactivate account"</span>
                <span class="row__text">"The person can sign in again, with the memberships they have. Tokens stay revoked."</span>
            </div>
            <form method="post" action="/actions/users/activate">
                <input type="hidden" name="user" value=page.account.id.to_string() />
                <button class="button">"Reactivate"</button>
            </form>
        }
        .into_any()
    } else {
        view! {
            <div class="row__main">
                <span class="row__title">"Deactivate account"</span>
                <span class="row__text">"Ends all access at once. Memberships and runners stay; it can be reactivated."</span>
            </div>
            <a class="button button--danger-quiet" href=format!("{}?confirm=deactivate", path(page))>"Deactivate…"</a>
        }
        .into_any()
    };
    view! {
        <section class="card danger-zone" aria-labelledby="status-title">
            <header class="card__header"><h2 class="card__title" id="status-title">"Status"</h2></header>
            <ul class="rows"><li class="row">{row}</li></ul>
        </section>
    }
    .into_any()
}

/// The question before an account is deactivated, with what ends; or why it cannot be asked.
pub(super) async fn dialog(
    ctx: &mut Ctx,
    page: &AccountPage,
    state: &FormState,
) -> Result<(Option<AnyView>, Option<AnyView>)> {
    if !page.manages || ssr::query("confirm").as_deref() != Some("deactivate") {
        return Ok((None, None));
    }
    let effects = match users::preview_deactivation(ctx, &UserRef::Id(page.account.id)).await {
        Ok(effects) => effects,
        // Reached by an old link.
        Err(Error::Refused(Code::WrongState, _)) => return Ok((None, None)),
        Err(error @ Error::Refused(Code::LastSuperAdmin, _)) => {
            return Ok((None, ui::refusal(Some(&forms::describe(&error)))));
        }
        Err(error) => return Err(error),
    };
    let counts = effects.counts;
    let mut consequences: Vec<_> = [
        ui::counted("Ends", counts.sessions, "session", " at once", true),
        ui::counted("Revokes", counts.tokens, "access token", " for good", true),
        ui::counted("Stops", counts.keys, "API key", " from working", true),
    ]
    .into_iter()
    .flatten()
    .collect();
    let alone: Vec<&str> = (effects.teams_without_admin.iter())
        .map(|(_, team)| team.as_str())
        .collect();
    consequences.extend(without_admin(&alone).map(|words| (words, true)));
    consequences.extend(ui::counted("Leaves", counts.runners, "runner", " running", false));
    let comment = Field {
        name: "comment",
        label: "Comment",
        hint: "10 to 500 characters, shown on the account and in the audit log.",
        required: true,
        autofocus: true,
        ..Field::default()
    };
    let dialog = ui::confirm(Confirm {
        id: "deactivate-user",
        title: format!("Deactivate {}?", page.account.shown()),
        text: "Nobody can sign in to the account until it is reactivated. Memberships are kept.".to_owned(),
        consequences,
        action: "/actions/users/deactivate",
        fields: vec![("user", page.account.id.to_string())],
        input: Some(view! { {ui::refusal(state.refusal())} {comment.view(state)} }.into_any()),
        button: "Deactivate",
        danger: true,
        cancel: path(page),
    });
    Ok((Some(dialog), None))
}

/// The teams that lose their last admin, some by name.
fn without_admin(teams: &[&str]) -> Option<String> {
    match teams {
        [] => None,
        [only] => Some(format!("{only} is left without an admin")),
        [first, second, third, _, _, ..] => Some(format!(
            "{} teams are left without an admin: {first}, {second}, {third} and {} more",
            teams.len(),
            teams.len() - 3
        )),
        [some @ .., last] => Some(format!(
            "{} teams are left without an admin: {} and {last}",
            teams.len(),
            some.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::without_admin;

    #[test]
    fn of_many_teams_without_an_admin_three_are_named() {
        let said = |teams: &[&str]| without_admin(teams).unwrap_or_default();
        assert_eq!(said(&[]), "");
        assert_eq!(said(&["A"]), "A is left without an admin");
        assert_eq!(said(&["A", "B", "C"]), "3 teams are left without an admin: A, B and C");
        assert_eq!(
            said(&["A", "B", "C", "D", "E"]),
            "5 teams are left without an admin: A, B, C and 2 more"
        );
        assert_eq!(
            said(&["A", "B", "C", "D"]),
            "4 teams are left without an admin: A, B, C and D"
        );
    }
}
