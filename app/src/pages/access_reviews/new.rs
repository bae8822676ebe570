//! `/admin/access-reviews/new`: starting one.

use backend::{organizations, teams};
use chrono::{DateTime, Datelike as _, Utc};
use domain::{OrgRole, TeamId, TeamRole, TeamStatus};
use leptos::prelude::*;

use super::{FORM, PAGE};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Ctx, Result},
    ui::{self, Field},
};

/// `/admin/access-reviews/new?team=…` or `?organization=…`.
pub fn new() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let choices = choices(&mut ctx).await?;
        let now = ctx.now;
        drop(ctx);
        let state = forms::take(FORM).await;
        let words = "What is so now is written down, line by line. Nothing is removed before the review closes.";
        let header = ui::page_header("Start an access review", None, Some(words.to_owned()), ().into_any());
        let body = if choices.is_empty() {
            ui::empty(
                "shield",
                "Nothing to review",
                "Access reviews are run by admins of teams and organizations.",
                None,
            )
        } else {
            form(&choices, now, &state)
        };
        let body = view! { {header} {ui::error_summary(&state)} {ui::refusal(state.refusal())} {body} };
        Ok(Rendered::new("Start an access review", body)
            .under("Access reviews", PAGE)
            .narrow())
    })
}

/// What somebody may review: a value for the form, and its name.
async fn choices(ctx: &mut Ctx) -> Result<Vec<(String, String)>> {
    let person = ctx.person()?.clone();
    let mut choices = Vec::new();
    let administers = person.super_admin || person.organizations.iter().any(|(_, role)| *role == OrgRole::OrgAdmin);
    if administers {
        for (id, name) in organizations::administered(ctx).await? {
            choices.push((format!("organization:{id}"), format!("{name} (whole organization)")));
        }
    }
    let own = (person.teams.iter()).filter(|team| team.role == TeamRole::Admin && team.status == TeamStatus::Active);
    choices.extend(own.map(|team| (format!("team:{}", team.team_id), team.name.clone())));
    // A team that an admin of its organization comes from.
    let asked = ssr::query("team").and_then(|text| text.parse::<TeamId>().ok());
    if let Some(id) = asked
        && !choices.iter().any(|(value, _)| *value == format!("team:{id}"))
        && administers
    {
        let page = teams::get(ctx, id).await?;
        choices.push((format!("team:{id}"), page.team.name));
    }
    Ok(choices)
}

fn form(choices: &[(String, String)], now: DateTime<Utc>, state: &FormState) -> AnyView {
    let asked = ["team", "organization"]
        .into_iter()
        .find_map(|kind| ssr::query(kind).map(|id| format!("{kind}:{id}")));
    let chosen = state.value("scope", &asked.unwrap_or_default());
    let options = choices
        .iter()
        .map(|(value, name)| view! { <option value=value.clone() selected=*value == chosen>{name.clone()}</option> })
        .collect_view();
    let quarter = format!("Q{} {}", now.month0() / 3 + 1, now.year());
    let check = |name: &'static str, label: &'static str, hint: &'static str| {
        // What was not ticked comes back blank.
        let checked = !state.value(name, "on").is_empty();
        view! {
            <div class="check">
                <input type="checkbox" id=name name=name value="on" checked=checked />
                <label for=name>{label}<span class="check__hint">{hint}</span></label>
            </div>
        }
    };
    let silence = state.value("silence", "keep");
    let choice = |value: &'static str, title: &'static str, text: &'static str| {
        view! {
            <label class="choice">
                <input type="radio" name="silence" value=value checked=silence == value />
                <span class="choice__text"><b>{title}</b><span>{text}</span></span>
            </label>
        }
    };
    view! {
        <form class="card" method="post" action="/actions/access-reviews/start" data-busy="">
            <div class="card__body stack">
                <div class="field field--medium">
                    <label class="field__label" for="team_id">"What to review"</label>
                    <select class="select" id="team_id" name="scope" required>{options}</select>
                    {ui::error_line("team_id", state.error("team_id"))}
                </div>
                {Field { name: "name", label: "Name", hint: "1 to 100 characters.", current: &quarter, required: true, ..Field::default() }
                    .view(state)}
                <fieldset class="field-group" id="covers">
                    <legend>"Covers"</legend>
                    {check("people", "Memberships and roles", "Of an organization also its admins and auditors, and who is in none of its teams.")}
                    {check("services", "Services", "What each team may use, with the reason that was given.")}
                    {ui::error_line("covers", state.error("covers"))}
                </fieldset>
                {Field {
                    name: "due_in_days",
                    label: "Due in days",
                    hint: "1 to 90. Then it closes by itself; reviewers are reminded a week and a day before.",
                    current: "14",
                    required: true,
                    kind: "number",
                    ..Field::default()
                }
                    .view(state)}
                <fieldset class="choices" id="silence">
                    <legend class="field__label">"What nobody decides"</legend>
                    {choice("keep", "is kept", "Only what somebody decided to remove is removed.")}
                    {choice("remove", "is removed", "What nobody vouches for ends. Last admins stay all the same.")}
                    {ui::error_line("silence", state.error("silence"))}
                </fieldset>
            </div>
            <footer class="card__footer"><button class="button button--primary">"Start review"</button></footer>
        </form>
    }
    .into_any()
}
