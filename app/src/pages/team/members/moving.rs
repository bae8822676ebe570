//! From the Default Team to a team of one's own: what is selected, and the question before it (SPEC C4).

use backend::{
    default_team::{self, Movers},
    guides,
};
use domain::views::{ManagedTeam, Member, Moving};
use leptos::prelude::*;

use super::{Address, Place, ui};
use crate::{
    forms::{self, FormState},
    icon::icon,
    ssr::{self, Ctx, Result},
    ui::Confirm,
};

/// The form, in the session.
pub(crate) const MOVE: &str = "move-people";

/// What is done with the people who are selected, and with all who are in no other team.
pub(super) fn bulk(address: &Address) -> AnyView {
    let kept = address
        .parts()
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    view! {
        <form class="button-row move__bulk" id="selected" method="get">
            {kept}
            <button class="button button--small button--ticked" name="confirm" value="move">{icon("teams")}"Move selected to a team…"</button>
            <a class="button button--small" href=address.asking_all("unassigned")>"Move everyone in no other team…"</a>
        </form>
    }
    .into_any()
}

/// The row's menu.
pub(super) fn menu(member: &Member, address: &Address) -> AnyView {
    let href = address.asking("move", &member.user_id.to_string());
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", member.email)>{icon("more")}</summary>
            <div class="menu__list"><a class="menu__item" href=href>"Move to a team…"</a></div>
        </details>
    }
    .into_any()
}

/// What the address asks, or why it can not be asked.
pub(super) async fn asked(
    ctx: &mut Ctx,
    place: &Place,
    address: &Address,
) -> Result<(Option<AnyView>, Option<AnyView>)> {
    if ssr::query("confirm").as_deref() != Some("move") {
        return Ok((None, None));
    }
    let everyone = ssr::query("all").as_deref() == Some("unassigned");
    let movers = if everyone {
        Movers::Unassigned
    } else {
        Movers::Listed(ssr::query_all("user"))
    };
    let moving = default_team::preview_move(ctx, &movers).await?;
    if moving.people == 0 {
        let (title, text) = if everyone {
            (
                "Nobody to move",
                "Everyone whose account is active is in another team already.",
            )
        } else {
            (
                "Nobody is selected",
                "Select people first. Those whose account is deactivated cannot be moved.",
            )
        };
        return Ok((
            None,
            Some(ui::callout("warning", title, view! { <p>{text}</p> }.into_any())),
        ));
    }
    let teams = guides::managed_teams(ctx).await?;
    if teams.is_empty() {
        let text =
            view! { <p>"There is no other active team. "<a class="link" href="/admin/teams/new">"Create Team"</a></p> };
        return Ok((
            None,
            Some(ui::callout("warning", "No team to move to", text.into_any())),
        ));
    }
    let state = forms::take(MOVE).await;
    let question = question(place, address, &movers, &moving, &teams, &state);
    Ok((Some(question), None))
}

fn question(
    place: &Place,
    address: &Address,
    movers: &Movers,
    moving: &Moving,
    teams: &[ManagedTeam],
    state: &FormState,
) -> AnyView {
    let people = ui::plural(moving.people, "person");
    let title = match moving.emails.as_slice() {
        [only] if moving.people == 1 => format!("Move {only} to a team"),
        _ => format!("Move {people} to a team"),
    };
    let first = moving.people - moving.in_a_team;
    let mut consequences = vec![(format!("Adds {people} to the team"), false)];
    if first > 0 {
        let text = format!(
            "Makes it the primary team of {}: their new keys belong to it",
            ui::plural(first, "person")
        );
        consequences.push((text, false));
    }
    if moving.in_a_team > 0 {
        let (who, keep) = (
            ui::plural(moving.in_a_team, "person"),
            if moving.in_a_team == 1 { "keeps" } else { "keep" },
        );
        consequences.push((
            format!("{who} in another team already {keep} that one as primary team"),
            false,
        ));
    }
    if moving.keys > 0 {
        let stay = if moving.keys == 1 { "stays" } else { "stay" };
        consequences.push((
            format!("{} of the Default Team {stay} with it", ui::plural(moving.keys, "key")),
            false,
        ));
    }
    let mut fields = place.fields();
    match movers {
        Movers::Listed(users) => fields.push(("users", users.join(","))),
        Movers::Unassigned | Movers::Everyone => fields.push(("all", "unassigned".to_owned())),
    }
    ui::confirm(Confirm {
        id: "move-people",
        title,
        text: "Nobody leaves the Default Team by this: everyone belongs to it, and each sign-in adds who is missing."
            .to_owned(),
        consequences,
        action: "/actions/default-team/move",
        fields,
        input: Some(view! { {names(moving)} {ui::refusal(state.refusal())} {inputs(teams, state)} }.into_any()),
        button: "Move to team",
        danger: false,
        cancel: address.here(),
    })
}

/// The first ones by email, when they are several.
fn names(moving: &Moving) -> Option<AnyView> {
    if moving.people < 2 {
        return None;
    }
    let more = moving.people - i64::try_from(moving.emails.len()).unwrap_or(i64::MAX);
    let names = moving
        .emails
        .iter()
        .map(|email| view! { <li>{email.clone()}</li> })
        .collect_view();
    Some(
        view! {
            <ul class="runners__names" aria-label="People">
                {names} {(more > 0).then(|| view! { <li class="muted">{format!("and {more} more")}</li> })}
            </ul>
        }
        .into_any(),
    )
}

fn inputs(teams: &[ManagedTeam], state: &FormState) -> AnyView {
    let (chosen, role) = (state.value("target", ""), state.value("role", "member"));
    let error = state.error("target");
    let options = teams
        .iter()
        .map(|team| {
            let id = team.id.to_string();
            view! { <option value=id.clone() selected=id == chosen>{format!("{} · {}", team.name, team.organization)}</option> }
        })
        .collect_view();
    let skip = !state.value("skip", "").is_empty();
    view! {
        <div class="field-row">
            <div class="field">
                <label class="field__label" for="target">"Team"</label>
                <select
                    class="select"
                    id="target"
                    name="target"
                    required
                    autofocus
                    aria-invalid=error.is_some().then_some("true")
                    aria-describedby=error.is_some().then_some("target-error")
                >
                    <option value="">"Choose a team"</option>
                    {options}
                </select>
                {ui::error_line("target", error)}
            </div>
            <div class="field field--short">
                <label class="field__label" for="move-role">"Role"</label>
                <select class="select" id="move-role" name="role">
                    <option value="member" selected=role == "member">"Member"</option>
                    <option value="admin" selected=role == "admin">"Admin"</option>
                </select>
            </div>
        </div>
        <div class="check">
            <input type="checkbox" id="skip" name="skip" value="yes" checked=skip />
            <label for="skip">
                "Leave out who cannot be added"
                <span class="check__hint">"Such as people outside of the organization's email domains. Otherwise nobody is moved then."</span>
            </label>
        </div>
    }
    .into_any()
}
