//! From people's own label policies into teams: what is suggested, what it changes for each person, and what was done.

use std::collections::HashMap;

use backend::label_policies;
use domain::{
    suggestions::LabelDifference,
    views::{Migration, PersonChange, TeamSuggestion},
};
use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::BASE;
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    once, ssr,
    ui::{self, Confirm},
};

/// The form with the suggestions, in the session.
pub const MIGRATE: &str = "migrate-label-policies";
const PATH: &str = "/admin/label-policies/migrate";

/// What an admin has chosen, on the way from the form to the question and back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Names of the teams, by the suggestions' keys.
    pub names: HashMap<String, String>,
    /// The keys of the suggestions that were ticked, each with any value.
    pub picked: HashMap<String, String>,
    /// Whether people's own policies are removed afterwards.
    pub remove: bool,
    /// What would be done, in numbers: teams, people, policies.
    pub numbers: (i64, i64, i64),
}

/// A team that was made, for the page that says so.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MadeTeam {
    id: String,
    name: String,
    organization: String,
    people: Vec<String>,
}

/// What the next page shows, once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Kept {
    /// The question before it is done.
    Asked(Plan),
    /// What was done: the teams, and how many policies were removed.
    Done(Vec<MadeTeam>, i64),
}

impl Kept {
    /// What was done.
    pub fn done(done: &Migration) -> Self {
        let teams = done.teams.iter().map(|team| MadeTeam {
            id: team.id.map(|id| id.to_string()).unwrap_or_default(),
            name: team.name.clone(),
            organization: team.organization_name.clone(),
            people: team.people.iter().map(|person| person.email.clone()).collect(),
        });
        Self::Done(teams.collect(), done.policies_removed)
    }
}

/// Keeps something for the next page.
pub async fn keep(kept: &Kept) {
    if once::put(MIGRATE, kept).await.is_none() {
        ssr::set_flash("warning", "What was chosen could not be kept; look at the list again.").await;
    }
}

/// `/admin/label-policies/migrate`.
pub fn migrate() -> impl IntoView {
    page(async {
        let mut ctx = ssr::read().await?;
        let kept = once::take::<Kept>(MIGRATE).await;
        if let Some(Kept::Done(teams, removed)) = kept {
            return Ok(Rendered::new("People moved to teams", result(&teams, removed))
                .under("Label policies", BASE)
                .under("Move to teams", PATH));
        }
        let found = label_policies::suggest(&mut ctx).await?;
        let manages = label_policies::may_manage(&ctx.caller);
        drop(ctx);
        let state = forms::take(MIGRATE).await;
        let typed: Plan = serde_json::from_str(&state.value("plan", "")).unwrap_or_default();
        let (plan, asks) = match kept {
            Some(Kept::Asked(plan)) => (plan, true),
            _ => (typed, false),
        };
        let header = ui::page_header(
            "Move to teams",
            None,
            Some("People with equal or similar label policies, as teams that allow them what they are allowed now. Whoever is in a team has to choose one when provisioning.".to_owned()),
            ().into_any(),
        );
        let mut notes = Vec::new();
        if found.deactivated > 0 {
            notes.push(format!(
                "{} of people whose accounts are deactivated are left out.",
                ui::plural(found.deactivated, "policy").replace("policys", "policies")
            ));
        }
        if found.beyond > 0 {
            notes.push(format!("{} more come after these have been moved.", found.beyond));
        }
        let notes = (!notes.is_empty()).then(|| {
            ui::callout(
                "info",
                "Not all are here",
                view! { <p>{notes.join(" ")}</p> }.into_any(),
            )
        });
        let body = if found.suggestions.is_empty() {
            ui::empty(
                "teams",
                "Nobody to move",
                "No person whom you may see has a label policy of their own.",
                Some(("Label policies", BASE)),
            )
        } else {
            form(&found.suggestions, &plan, &state, manages)
        };
        let dialog = asks.then(|| dialog(&plan));
        let body =
            view! { {header} {ui::error_summary(&state)} {ui::refusal(state.refusal())} {notes} {body} {dialog} };
        Ok(Rendered::new("Move to teams", body).under("Label policies", BASE))
    })
}

fn form(suggestions: &[TeamSuggestion], plan: &Plan, state: &FormState, manages: bool) -> AnyView {
    let cards = suggestions
        .iter()
        .map(|team| card(team, plan, state, manages))
        .collect_view();
    if !manages {
        return view! { <div class="stack">{cards}</div> }.into_any();
    }
    view! {
        <form class="stack" method="post" action="/actions/label-policies/migrate">
            {cards}
            <section class="card" aria-labelledby="after-title">
                <header class="card__header"><h2 class="card__title" id="after-title">"Afterwards"</h2></header>
                <div class="card__body">
                    <div class="check">
                        <input type="checkbox" id="remove_policies" name="remove_policies" value="yes" checked=plan.remove />
                        <label for="remove_policies">
                            "Remove their own policies"
                            <span class="check__hint">
                                "Left in place, a policy counts again for somebody who is in no active team any more."
                            </span>
                        </label>
                    </div>
                </div>
                <footer class="card__footer">
                    <button class="button button--primary">"Move to teams…"</button>
                    <a class="button" href=BASE>"Cancel"</a>
                </footer>
            </section>
        </form>
    }
    .into_any()
}

fn card(team: &TeamSuggestion, plan: &Plan, state: &FormState, manages: bool) -> AnyView {
    let key = &team.key;
    let (title_id, pick_id, name_id) = (format!("title-{key}"), format!("pick-{key}"), format!("name-{key}"));
    let name = plan.names.get(key).unwrap_or(&team.name).clone();
    let ticked = plan.picked.contains_key(key);
    let error = state.error(&name_id);
    let count = i64::try_from(team.people.len()).unwrap_or(i64::MAX);
    let alike = if team.equal {
        "the same policy"
    } else {
        "similar policies"
    };
    let patterns: Vec<String> = team.policy.optional.iter().map(ToString::to_string).collect();
    let patterns = if patterns.is_empty() {
        "none: no custom labels".into_any()
    } else {
        ui::chips("Optional patterns", "pattern", &patterns)
    };
    let quota = team.max_runners.map_or_else(
        || "no limit, as somebody here has none".to_owned(),
        |max| format!("{max}, the sum of theirs"),
    );
    let common = (!team.common.is_empty()).then(|| {
        let text = format!(
            "All of them may use {}. Make a label required on the team's policy page if every runner is to carry it.",
            team.common.join(", ")
        );
        view! { <p class="field__hint">{text}</p> }
    });
    let pick = manages.then(|| {
        view! {
            <div class="check">
                <input type="checkbox" id=pick_id.clone() name=format!("picked[{key}]") value="yes" checked=ticked />
                <label for=pick_id.clone()>{format!("Create this team with {}", ui::plural(count, "person"))}</label>
            </div>
            <div class="field">
                <label class="field__label" for=name_id.clone()>"Team name"</label>
                <input
                    class="input"
                    id=name_id.clone()
                    name=format!("names[{key}]")
                    value=name
                    autocomplete="off"
                    aria-invalid=error.is_some().then_some("true")
                    aria-describedby=error.is_some().then(|| format!("{name_id}-error"))
                />
                {ui::error_line(&name_id, error)}
            </div>
        }
    });
    view! {
        <section class="card" aria-labelledby=title_id.clone()>
            <header class="card__header">
                <div>
                    <h2 class="card__title" id=title_id.clone()>{team.name.clone()}</h2>
                    <p class="card__description">
                        {format!("{} with {alike}, in {}", ui::plural(count, "person"), team.organization_name)}
                    </p>
                </div>
            </header>
            <div class="card__body stack">
                {pick}
                <dl class="facts">
                    <div><dt>"Required labels"</dt><dd>"none"</dd></div>
                    <div><dt>"Optional patterns"</dt><dd>{patterns}</dd></div>
                    <div><dt>"Max runners"</dt><dd>{quota}</dd></div>
                </dl>
                {common}
            </div>
            {people(&team.people, team.max_runners)}
        </section>
    }
    .into_any()
}

fn people(people: &[PersonChange], quota: Option<i32>) -> AnyView {
    let number = |max: Option<i32>| max.map_or_else(|| "no limit".to_owned(), |max| max.to_string());
    let rows = people
        .iter()
        .map(|person| {
            let teams = (!person.teams.is_empty()).then(|| {
                let text = format!("Also in {}: chooses a team when provisioning.", person.teams.join(", "));
                view! { <small class="table__sub">{text}</small> }
            });
            view! {
                <tr>
                    <th scope="row" class="table__title">
                        {ui::person(&person.email, person.display_name.as_deref())}
                        {teams}
                    </th>
                    <td data-label="Labels">{difference(&person.labels)}</td>
                    <td data-label="Max runners">
                        <span class="nowrap">{format!("{} → {} shared", number(person.max_runners), number(quota))}</span>
                        {person.require_approval.then(|| view! { <small class="table__sub">"approval no longer needed"</small> })}
                    </td>
                    <td class="table__number" data-label="Live runners">{person.runners}</td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="card__body card__body--flush">
            <div class="table-wrap">
                <table class="table">
                    <caption class="visually-hidden">"What changes for each person"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Person"</th>
                            <th scope="col">"Labels"</th>
                            <th scope="col">"Max runners"</th>
                            <th scope="col" class="table__number">"Live runners"</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
        </div>
    }
    .into_any()
}

/// What somebody gains and loses, in words.
fn difference(labels: &LabelDifference) -> AnyView {
    if labels.is_none() {
        return view! { <span class="muted">"no change"</span> }.into_any();
    }
    let line = |what: &'static str, kind: &'static str, texts: &[String]| {
        (!texts.is_empty()).then(|| {
            view! { <div class="stack--tight"><small class="muted">{what}</small>{ui::chips(what, kind, texts)}</div> }
        })
    };
    view! {
        {line("no longer", "refused", &labels.lost)} {line("new", "custom", &labels.gained)}
        {line("on every runner", "required", &labels.always)}
        {line("cannot be compared", "pattern", &labels.unknown)}
    }
    .into_any()
}

fn dialog(plan: &Plan) -> AnyView {
    let (teams, people, policies) = plan.numbers;
    let mut consequences = vec![
        (
            format!("Creates {}, without an admin", ui::plural(teams, "team")),
            false,
        ),
        (
            format!(
                "Adds {}, who must choose a team when provisioning",
                ui::plural(people, "person")
            ),
            false,
        ),
        ("Leaves all runners running".to_owned(), false),
    ];
    if plan.remove {
        consequences.push((format!("Removes {}", ui::plural(policies, "label policy")), true));
    }
    let plan_text = serde_json::to_string(plan).unwrap_or_default();
    ui::confirm(Confirm {
        id: "migrate-dialog",
        title: format!(
            "Move {} to {}?",
            ui::plural(people, "person"),
            ui::plural(teams, "team")
        ),
        text: "It has been tried and works. All of it happens, or nothing.".to_owned(),
        consequences,
        action: "/actions/label-policies/migrate",
        fields: vec![("plan", plan_text)],
        input: None,
        button: "Move to teams",
        danger: plan.remove,
        cancel: PATH.to_owned(),
    })
}

fn result(teams: &[MadeTeam], removed: i64) -> AnyView {
    let rows = teams
        .iter()
        .map(|team| {
            let count = i64::try_from(team.people.len()).unwrap_or(i64::MAX);
            view! {
                <li class="row">
                    <div class="row__main">
                        <a class="row__title" href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
                        <span class="row__text">{format!("{}: {}", team.organization, team.people.join(", "))}</span>
                    </div>
                    <span class="badge">{ui::plural(count, "member")}</span>
                    <a class="button button--small" href=format!("/admin/teams/{}/members", team.id)>
                        "Manage Members"<span class="visually-hidden">{format!(" of {}", team.name)}</span>
                    </a>
                </li>
            }
        })
        .collect_view();
    let policies = match removed {
        0 => "Their own policies are kept, and rest while they are in an active team.".to_owned(),
        1 => "1 label policy was removed.".to_owned(),
        n => format!("{n} label policies were removed."),
    };
    view! {
        {ui::page_header("People moved to teams", None, Some(policies), ().into_any())}
        {ui::callout(
            "info",
            "Next",
            view! { <p>"The teams have no admin yet: make one of the members team admin. The members choose their team when they provision."</p> }.into_any(),
        )}
        <section class="card" aria-labelledby="made-title">
            <header class="card__header"><h2 class="card__title" id="made-title">"Teams"</h2></header>
            <ul class="rows">{rows}</ul>
        </section>
        <p><a class="link" href=BASE>"Label policies"</a></p>
    }
    .into_any()
}
