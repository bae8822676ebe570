//! `/runners/waiting`: where one waits for a runner; and the offer to wait, beside the refusal of a full quota.

use backend::runners::waits;
use domain::{TeamId, views::RunnerWait};
use leptos::prelude::*;

use super::quota::typed;
use crate::{
    forms::FormState,
    layout::{Rendered, page as console_page},
    ssr::{self, Ctx, Result},
    ui,
};

/// The offer to wait, with what was typed; nothing where the team has no waiting list.
pub(crate) async fn offer(ctx: &mut Ctx, state: &FormState) -> Result<Option<AnyView>> {
    if state.code() != Some("QUOTA_EXCEEDED") {
        return Ok(None);
    }
    let Ok(team) = typed(state, "team_id").trim().parse::<TeamId>() else {
        return Ok(None);
    };
    if !waits::is_enabled(ctx, team).await? {
        return Ok(None);
    }
    let field = |name: &'static str| view! { <input type="hidden" name=name value=typed(state, name) /> };
    let form = view! {
        <p>"You get the next free place that is nobody else's, and claim it when it is your turn."</p>
        <form method="post" action="/actions/runners/wait">
            {field("team_id")} {field("runner_name_prefix")} {field("labels")}
            <button class="button button--primary">"Wait for a runner"</button>
        </form>
    };
    Ok(Some(ui::callout(
        "info",
        "This team has a waiting list",
        form.into_any(),
    )))
}

/// `/runners/waiting`.
pub fn waiting() -> impl IntoView {
    console_page(async {
        let mut ctx = ssr::read().await?;
        let waits = waits::mine(&mut ctx).await?;
        let now = ctx.now;
        drop(ctx);
        let refresh = view! { <a class="button" href="/runners/waiting">"Refresh"</a> }.into_any();
        let header = ui::page_header(
            "Waiting for a runner",
            None,
            Some("When it is your turn, a place is held for you for a while. Nobody overtakes you.".to_owned()),
            refresh,
        );
        let body = if waits.is_empty() {
            ui::empty(
                "runner",
                "You are not waiting for a runner",
                "Where a team's quota is full and it has a waiting list, you can join it on the provisioning page.",
                Some(("Provision JIT Runner", "/provision")),
            )
        } else {
            let cards = waits.iter().map(|wait| card(wait, now)).collect_view();
            view! { <div class="stack">{cards}</div> }.into_any()
        };
        Ok(Rendered::new("Waiting for a runner", view! { {header} {body} }).under("Runners", "/runners"))
    })
}

fn card(wait: &RunnerWait, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let place = match (wait.position, wait.ready_until) {
        (Some(position), _) => view! { <p>"Position "<strong>{position}</strong>" in the line."</p> }.into_any(),
        (None, Some(until)) => view! {
            <p>
                "It is your turn: the place is held until "
                <time datetime=ui::machine(until) title=ui::moment(until)>{until.format("%H:%M:%S UTC").to_string()}</time>
                "."
            </p>
        }
        .into_any(),
        (None, None) => view! { <p>"The place was held for you, and is not any more. Join the waiting list again."</p> }.into_any(),
    };
    let id = wait.id.to_string();
    let claim = (wait.state == "ready").then(|| {
        view! {
            <form method="post" action="/actions/runners/wait/claim">
                <input type="hidden" name="id" value=id.clone() />
                <button class="button button--primary">"Provision JIT Runner"</button>
            </form>
        }
    });
    let leave = (wait.state != "expired").then(|| {
        view! {
            <form method="post" action="/actions/runners/wait/leave">
                <input type="hidden" name="id" value=id.clone() />
                <button class="button">"Leave the line"</button>
            </form>
        }
    });
    let title = format!("wait-{id}");
    let labelled_by = title.clone();
    view! {
        <section class="card" aria-labelledby=labelled_by>
            <header class="card__header">
                <div>
                    <h2 class="card__title" id=title>{wait.team_name.clone()}</h2>
                    <p class="card__description">"Since "{ui::time_ago(wait.created_at, now)}</p>
                </div>
                <div class="card__actions">{leave} {claim}</div>
            </header>
            <div class="card__body stack">
                {place} {(!wait.labels.is_empty()).then(|| ui::runner_labels(&wait.labels))}
            </div>
        </section>
    }
    .into_any()
}
