//! `/requests/new`: asking for something.

use backend::teams;
use domain::{RequestKind, TeamStatus, split_list};
use leptos::prelude::*;

use super::{FORM, PAGE};
use crate::{
    forms::{self, FormState},
    layout::{Rendered, page},
    ssr::{self, Caller, Ctx},
    ui::{self, Field},
};

/// `/requests/new?kind=…&team=…`: first the kind, then its form. So each form has only the fields that it needs, without
/// JavaScript.
pub fn new() -> impl IntoView {
    page(async {
        let visit = ssr::visit();
        let mut ctx = ssr::read().await?;
        let kind = ssr::query("kind").and_then(|text| text.parse::<RequestKind>().ok());
        let held = match kind {
            Some(kind @ (RequestKind::Quota | RequestKind::Labels)) => held(&mut ctx, kind).await,
            _ => None,
        };
        drop(ctx);
        let state = forms::take(FORM).await;
        let waiting = match (kind, ssr::query("team")) {
            (Some(RequestKind::Join), Some(team)) => super::waiting_join(&team).await,
            _ => None,
        };
        let body = match kind {
            _ if waiting.is_some() => ui::callout(
                "info",
                "You have asked to join this team already",
                view! {
                    <p>"Nobody has decided yet. One request is enough."</p>
                    <p class="button-row">
                        {waiting} <a class="button" href=format!("{PAGE}/new?kind=join")>"Ask for another team"</a>
                    </p>
                }
                .into_any(),
            ),
            Some(kind @ (RequestKind::Quota | RequestKind::Labels)) if several(visit.caller.as_ref()) => {
                of_which(kind, visit.caller.as_ref())
            }
            Some(kind) => form(kind, held, visit.caller.as_ref(), &state),
            None => kinds(),
        };
        let header = ui::page_header(
            "New request",
            None,
            Some("Somebody who may make the change decides it, and you see the outcome under Requests.".to_owned()),
            ().into_any(),
        );
        // Asked already, or the team is archived: the list says which.
        let asked = (state.code() == Some("WRONG_STATE"))
            .then(|| view! { <p><a class="button" href=PAGE>"See your requests"</a></p> });
        let body = view! { {header} {ui::error_summary(&state)} {ui::refusal(state.refusal())} {asked} {body} };
        Ok(Rendered::new("New request", body).under("Requests", PAGE).narrow())
    })
}

/// Whether the viewer has several teams and the address names none: what the team has now is where such a request starts.
fn several(caller: Option<&Caller>) -> bool {
    active(caller).len() > 1 && ssr::query("team").is_none_or(|team| team.is_empty())
}

/// The viewer's active teams: id, short name, name.
fn active(caller: Option<&Caller>) -> Vec<(String, String, String)> {
    let Some(Caller::Person(person, _)) = caller else {
        return Vec::new();
    };
    let active = person.teams.iter().filter(|team| team.status == TeamStatus::Active);
    active
        .map(|team| (team.team_id.to_string(), team.slug.clone(), team.name.clone()))
        .collect()
}

/// Which team it is for.
fn of_which(kind: RequestKind, caller: Option<&Caller>) -> AnyView {
    let rows = active(caller)
        .into_iter()
        .map(|(id, _, name)| {
            let href = format!("{PAGE}/new?kind={}&team={id}", kind.as_str());
            view! { <li class="row"><div class="row__main"><a class="row__title" href=href>{name}</a></div></li> }
        })
        .collect_view();
    view! {
        <section class="card" aria-labelledby="teams-title">
            <header class="card__header">
                <h2 class="card__title" id="teams-title">{format!("{}: for which team?", kind.label())}</h2>
            </header>
            <ul class="rows">{rows}</ul>
        </section>
    }
    .into_any()
}

fn kinds() -> AnyView {
    let words = |kind: RequestKind| match kind {
        RequestKind::Join => "Become a member of a team.",
        RequestKind::Quota => "More runners at a time for a team.",
        RequestKind::Budget => "More money, tokens or requests for a team.",
        RequestKind::Labels => "Other labels on a team's runners.",
        RequestKind::Service => "A service of your organization's catalogue.",
        RequestKind::Model => "An AI model that your team does not have, or that is restricted.",
    };
    view! {
        <section class="card" aria-labelledby="kinds-title">
            <header class="card__header"><h2 class="card__title" id="kinds-title">"What do you need?"</h2></header>
            <ul class="rows">
                {RequestKind::ALL
                    .into_iter()
                    .map(|kind| {
                        view! {
                            <li class="row">
                                <div class="row__main">
                                    <a class="row__title" href=format!("{PAGE}/new?kind={}", kind.as_str())>{kind.label()}</a>
                                    <span class="row__text">{words(kind)}</span>
                                </div>
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        </section>
    }
    .into_any()
}

fn form(kind: RequestKind, held: Option<String>, caller: Option<&Caller>, state: &FormState) -> AnyView {
    let reviews = ssr::query("reviews").unwrap_or_default();
    view! {
        <form class="card" method="post" action="/actions/requests/create">
            <header class="card__header"><h2 class="card__title">{kind.label()}</h2></header>
            <div class="card__body stack">
                <input type="hidden" name="kind" value=kind.as_str() />
                <input type="hidden" name="reviews" value=reviews />
                {team(kind, caller, state)}
                {value(kind, held, state)}
                {ui::required_text_area(state, "reason", "Reason", "Who decides reads it; at most 500 characters.", "")}
            </div>
            <footer class="card__footer"><button class="button button--primary">"Send request"</button></footer>
        </form>
    }
    .into_any()
}

/// The team: one of one's own, but to join it, any.
fn team(kind: RequestKind, caller: Option<&Caller>, state: &FormState) -> AnyView {
    let asked = ssr::query("team").unwrap_or_default();
    let mut own = if kind == RequestKind::Join {
        Vec::new()
    } else {
        active(caller)
    };
    let known = own.iter().any(|(id, slug, _)| *id == asked || *slug == asked);
    let starts_from_it = matches!(kind, RequestKind::Quota | RequestKind::Labels);
    let another = (starts_from_it && known && own.len() > 1).then(|| {
        // The list below is this team's: another team is another page.
        own.retain(|(id, slug, _)| *id == asked || *slug == asked);
        let href = format!("{PAGE}/new?kind={}", kind.as_str());
        view! { <p class="field__hint"><a class="link" href=href>"Choose another team"</a></p> }
    });
    if kind == RequestKind::Join || own.is_empty() || (!asked.is_empty() && !known) {
        return Field {
            name: "team_id",
            label: "Team",
            hint: "Its short name, as in the address of its page, or its id.",
            current: &asked,
            required: true,
            placeholder: "backend-team",
            ..Field::default()
        }
        .view(state);
    }
    view! {
        <div class="field field--medium">
            <label class="field__label" for="team_id">"Team "<span class="field__mark">"required"</span></label>
            <select class="select" id="team_id" name="team_id" required>
                {own
                    .into_iter()
                    .map(|(id, slug, name)| {
                        let selected = id == asked || slug == asked;
                        view! { <option value=id selected=selected>{name}</option> }
                    })
                    .collect_view()}
            </select>
            {another}
            {ui::error_line("team_id", state.error("team_id"))}
        </div>
    }
    .into_any()
}

/// What the team has now of what is asked for, where the form asks for the whole of it.
async fn held(ctx: &mut Ctx, kind: RequestKind) -> Option<String> {
    let person = ctx.person().ok()?.clone();
    let asked = ssr::query("team");
    let own = person.teams.iter().filter(|team| team.status == TeamStatus::Active);
    let mut own = own.filter(|team| {
        let wanted = asked.as_deref();
        wanted.is_none_or(|wanted| team.slug == wanted || team.team_id.to_string() == wanted)
    });
    // Of several teams nobody knows which one will be chosen.
    let (team, None) = (own.next()?, own.next()) else {
        return None;
    };
    let team = teams::get(ctx, team.team_id).await.ok()?.team;
    match kind {
        RequestKind::Quota => team.max_runners.map(|max| max.to_string()),
        RequestKind::Labels => {
            let patterns: Vec<String> = team.policy.optional.iter().map(ToString::to_string).collect();
            // Those that a link adds: a point in a pattern stands for any character.
            let add = ssr::query("add").unwrap_or_default();
            let added = split_list(&add).into_iter().map(|label| label.replace('.', "\\."));
            Some(patterns.into_iter().chain(added).collect::<Vec<_>>().join(", "))
        }
        _ => None,
    }
}

fn value(kind: RequestKind, held: Option<String>, state: &FormState) -> AnyView {
    let current = ssr::query("value").or(held).unwrap_or_default();
    let field = |label, hint, placeholder, input| {
        Field {
            name: "value",
            label,
            hint,
            current: &current,
            placeholder,
            kind: input,
            required: true,
            ..Field::default()
        }
        .view(state)
    };
    match kind {
        RequestKind::Join => view! { <input type="hidden" name="value" value="member" /> }.into_any(),
        RequestKind::Quota => field(
            "Max runners",
            "How many runners the team shall have at a time, with those that it has now.",
            "20",
            "number",
        ),
        RequestKind::Labels => field(
            "Label patterns",
            "All that shall be allowed, comma-separated: what the team has now, and what you add. What is left out is taken away.",
            "gpu-.*, backend-.*",
            "text",
        ),
        RequestKind::Service => field("Service", "Its name in the catalogue.", "llm-service", "text"),
        RequestKind::Model => field("Model", "Its name, exactly.", "gpt-4o", "text"),
        RequestKind::Budget => {
            let rate = |name, label| {
                Field {
                    name,
                    label,
                    hint: "Leave empty to keep it.",
                    kind: "number",
                    ..Field::default()
                }
                .view(state)
            };
            let period = Field {
                name: "budget_duration",
                label: "Budget period",
                hint: "Like daily, weekly, monthly or 30d. Leave empty to keep it.",
                offers: ui::PERIODS,
                ..Field::default()
            };
            view! {
                {Field {
                    name: "max_budget",
                    label: "Budget in US dollars",
                    hint: "For one period. Leave empty to keep it.",
                    current: &current,
                    placeholder: "500",
                    kind: "number",
                    ..Field::default()
                }
                    .view(state)}
                {period.view(state)}
                {rate("tpm_limit", "Tokens per minute")}
                {rate("rpm_limit", "Requests per minute")}
            }
            .into_any()
        }
    }
}
