//! Moving a team that stands alone to an organization (SPEC E9): the form, and what it would do.

use backend::{organizations, teams};
use domain::{DEFAULT_ORGANIZATION, OrganizationId, Permission, TeamStatus, views::TeamMove};
use leptos::prelude::*;

use super::{Place, Tab};
use crate::{
    forms,
    ssr::{self, Ctx, Error, Result},
    ui,
};

/// The form that moves a team, in the session.
pub const MOVE_TEAM: &str = "team-move";

/// The card, for super_admins; nothing where there is nothing to move.
pub(super) async fn card(ctx: &mut Ctx, place: &Place) -> Result<Option<AnyView>> {
    let team = &place.page.team;
    let alone = team.organization_id == DEFAULT_ORGANIZATION && !team.is_system;
    if !alone || team.status == TeamStatus::Archived || !place.page.standing.may(Permission::InstallationManage) {
        return Ok(None);
    }
    let choices = organizations::choices(ctx).await?;
    let choices: Vec<_> = choices
        .into_iter()
        .filter(|(id, _)| *id != DEFAULT_ORGANIZATION)
        .collect();
    if choices.is_empty() {
        return Ok(None);
    }
    let chosen = ssr::query("move").and_then(|id| id.parse::<OrganizationId>().ok());
    let preview = match chosen {
        Some(to) => match teams::move_to(ctx, team.id, to, true).await {
            Ok(plan) => Some(preview(place, to, &plan)),
            Err(error @ (Error::Refused(..) | Error::Forbidden(_))) => ui::refusal(Some(&forms::describe(&error))),
            Err(error) => return Err(error),
        },
        None => None,
    };
    let options = choices.into_iter().map(|(id, name)| {
        view! { <option value=id.to_string() selected=chosen == Some(id)>{name}</option> }
    });
    Ok(Some(
        view! {
            <section class="card" aria-labelledby="move-title">
                <header class="card__header">
                    <div>
                        <h2 class="card__title" id="move-title">"Organization"</h2>
                        <p class="card__description">
                            "This team stands alone. It can be moved to an organization, with its members, projects and keys."
                        </p>
                    </div>
                </header>
                <div class="card__body stack">
                    <form class="inline-form" method="get" action=place.tab(Tab::Settings)>
                        <div class="field">
                            <label class="field__label" for="move">"Move to"</label>
                            <select class="select" id="move" name="move">{options.collect_view()}</select>
                        </div>
                        <button class="button">"See what would happen"</button>
                    </form>
                    {preview}
                </div>
            </section>
        }
        .into_any(),
    ))
}

/// What the move does, with the button; or what stands in its way.
fn preview(place: &Place, to: OrganizationId, plan: &TeamMove) -> AnyView {
    if !plan.obstacles.is_empty() {
        let items = plan
            .obstacles
            .iter()
            .map(|obstacle| view! { <li>{domain::roles::in_words(&obstacle.message)}</li> });
        let title = format!("It does not fit into {}", plan.organization);
        let list = view! { <ul>{items.collect_view()}</ul> }.into_any();
        return ui::callout("warning", &title, list);
    }
    let joining = i64::try_from(plan.joining.len()).unwrap_or(i64::MAX);
    let items = [
        (joining > 0).then(|| {
            format!(
                "{} of {} in the organization",
                ui::plural(joining, "new member"),
                plan.organization
            )
        }),
        Some(format!(
            "{}, {}, {} and {} move with it",
            ui::plural(plan.members, "member"),
            ui::plural(plan.projects, "project"),
            ui::plural(plan.keys, "key"),
            ui::plural(plan.runners, "runner")
        )),
        (!plan.services.is_empty()).then(|| format!("It may not use {} any more", plan.services.join(", "))),
        Some(
            "From then on the organization's limits, models and budget hold, and its admins administer the team"
                .to_owned(),
        ),
    ];
    let items = items
        .into_iter()
        .flatten()
        .map(|text| view! { <li class="consequences__item">{text}</li> });
    view! {
        <form class="stack" method="post" action="/actions/teams/move">
            {place.hidden()}
            <input type="hidden" name="organization" value=to.to_string() />
            <ul class="consequences" aria-label="What the move does">{items.collect_view()}</ul>
            <div class="form-actions">
                <button class="button button--primary">{format!("Move to {}", plan.organization)}</button>
            </div>
        </form>
    }
    .into_any()
}
