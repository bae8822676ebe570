//! What is in force for a team, and what binds (SPEC E7).

use backend::teams;
use domain::{Grant, Permission, TeamStatus, hierarchy::Bound, views::TeamPage};
use leptos::prelude::*;

use super::Place;
use crate::{
    forms::FormState,
    pages::limit_fields::{Hints, limit_fields},
    ssr::{Ctx, Result},
    ui,
};

/// The form of a team's own limits, in the session.
pub const LIMITS: &str = "team-limits";

/// The card "Effective limits".
pub(super) async fn card(ctx: &mut Ctx, page: &TeamPage) -> Result<AnyView> {
    let limits = teams::limits_of(ctx, &page.team).await?;
    let budget = row("Budget", limits.max_budget.as_ref(), |(amount, period)| match period {
        Some(period) => format!("{} every {}", ui::dollars(*amount), period.in_words()),
        None => ui::dollars(*amount),
    });
    let models = row("Models", limits.models.as_ref(), |models| {
        if models.is_empty() {
            "none".to_owned()
        } else {
            models.join(", ")
        }
    });
    Ok(view! {
        <section class="card" aria-labelledby="limits-title">
            <header class="card__header"><h2 class="card__title" id="limits-title">"Effective limits"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    {budget} {row("Tokens per minute", limits.tpm_limit.as_ref(), ToString::to_string)}
                    {row("Requests per minute", limits.rpm_limit.as_ref(), ToString::to_string)}
                    {row("Runners at a time", limits.max_runners.as_ref(), ToString::to_string)} {models}
                </dl>
            </div>
            {ask(page)}
        </section>
    }
    .into_any())
}

/// The form of the team's own limits, for those who may change them, be it downwards only (SPEC P, X20).
pub(super) fn form(place: &Place, state: &FormState) -> Option<AnyView> {
    let (team, grant) = (&place.page.team, place.page.standing.grant(Permission::PolicyEdit));
    if grant < Grant::Lower || team.status == TeamStatus::Archived {
        return None;
    }
    let description = if grant == Grant::Yes {
        "Of the team as a whole: none of its projects and keys can have more."
    } else {
        "Of the team itself. You may lower these; to raise one, ask for it."
    };
    let hints = Hints {
        models: "One per line or separated by commas. Leave empty for all that the organization has.",
        budget: "Leave empty for no limit of its own.",
        rate: "Leave empty for no limit of its own.",
    };
    Some(
        view! {
            {ui::error_summary(state)}
            {ui::refusal(state.refusal())}
            <form class="card" method="post" action="/actions/teams/limits">
                <header class="card__header">
                    <div>
                        <h2 class="card__title">"Limits"</h2>
                        <p class="card__description">{description}</p>
                    </div>
                </header>
                <div class="card__body stack">
                    {place.hidden()} {limit_fields(state, &team.limits, &hints)}
                </div>
                <footer class="card__footer"><button class="button button--primary">"Save limits"</button></footer>
            </form>
        }
        .into_any(),
    )
}

/// For people of the team who may not raise its limits themselves (SPEC P): the way to ask.
fn ask(page: &TeamPage) -> Option<AnyView> {
    let (team, standing) = (&page.team, &page.standing);
    let asks = standing.team.is_some() && !standing.may(Permission::PolicyEdit) && team.status == TeamStatus::Active;
    let to = |kind: &str| format!("{}/new?kind={kind}&team={}", crate::pages::requests::PAGE, team.id);
    asks.then(|| {
        view! {
            <footer class="card__footer">
                <div class="button-row">
                    <a class="button button--small" href=to("budget")>"Request a budget"</a>
                    <a class="button button--small" href=to("model")>"Request a model"</a>
                </div>
            </footer>
        }
        .into_any()
    })
}

fn row<T>(label: &'static str, bound: Option<&Bound<T>>, shown: impl FnOnce(&T) -> String) -> AnyView {
    let text = match bound {
        Some(bound) => {
            let by = format!(", bound by {} {}", bound.level.as_str(), bound.name);
            view! { {shown(&bound.value)}<span class="muted">{by}</span> }.into_any()
        }
        None => view! { <span class="none">"no limit"</span> }.into_any(),
    };
    view! { <div><dt>{label}</dt><dd>{text}</dd></div> }.into_any()
}
