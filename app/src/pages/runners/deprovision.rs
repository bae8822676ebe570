//! The question before runners are deprovisioned: one from its menu, or all that were selected.

use backend::runners;
use domain::{RunnerId, views::Runner, views::RunnerState};
use leptos::prelude::*;

use super::{DEPROVISION, address::Address, state_age};
use crate::{
    forms::{self, FormState},
    ssr::{self, Ctx, Result},
    ui::{self, Confirm},
};

/// The most runners of one question: a page of the list.
pub(crate) const MOST: usize = 100;
/// How many are named.
const NAMED: usize = 20;

/// What the address asks, on a list.
pub(super) async fn asked(ctx: &mut Ctx, address: &Address) -> Result<Option<AnyView>> {
    if ssr::query("confirm").as_deref() != Some("deprovision") {
        return Ok(None);
    }
    question(ctx, &ssr::query_all("id"), address.here()).await.map(Some)
}

/// The question about these runners. `back` is the page without it.
pub(super) async fn question(ctx: &mut Ctx, ids: &[String], back: String) -> Result<AnyView> {
    let ids: Vec<RunnerId> = ids.iter().filter_map(|id| id.parse().ok()).take(MOST).collect();
    let found = runners::deletable(ctx, &ids).await?;
    let state = forms::take(DEPROVISION).await;
    let now = ctx.now;
    let [first, ..] = found.as_slice() else {
        let text = view! { <p>"Select runners first. Those that are gone already, or that you may not remove, cannot be selected."</p> };
        return Ok(ui::callout("warning", "No runner is selected", text.into_any()));
    };
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    let title = match count {
        1 => format!("Deprovision {}?", first.name),
        _ => format!("Deprovision {}?", ui::plural(count, "runner")),
    };
    let in_state = |state| found.iter().filter(|runner| runner.state() == state).count();
    let busy = i64::try_from(in_state(RunnerState::Busy)).unwrap_or(i64::MAX);
    let consequences = consequences(count - busy, busy);
    let list: Vec<String> = found.iter().map(|runner| runner.id.to_string()).collect();
    Ok(ui::confirm(Confirm {
        id: "deprovision",
        title,
        text: if count == 1 {
            "Its place in the quota is free as soon as GitHub has removed it. This cannot be undone.".to_owned()
        } else {
            "Their places in the quota are free as soon as GitHub has removed them. This cannot be undone.".to_owned()
        },
        consequences,
        action: "/actions/runners/deprovision",
        fields: vec![("ids", list.join(",")), ("back", back.clone())],
        input: Some(view! { {names(&found, now)} {ui::refusal(state.refusal())} {reason(&state)} }.into_any()),
        button: "Deprovision",
        danger: true,
        cancel: back,
    }))
}

/// What becomes of those that do nothing, and of those that run a job.
fn consequences(idle: i64, busy: i64) -> Vec<(String, bool)> {
    let mut lines = Vec::with_capacity(2);
    if idle > 0 {
        let line = format!("Removes {} at GitHub and here", ui::plural(idle, "runner"));
        lines.push((line, true));
    }
    if busy > 0 {
        let verb = if busy == 1 {
            "runs a job and stays"
        } else {
            "run a job and stay"
        };
        let line = format!("{} {verb} as long as GitHub says so", ui::plural(busy, "runner"));
        lines.push((line, false));
    }
    lines
}

/// The runners by name, with what they do.
fn names(found: &[Runner], now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let more = found.len().saturating_sub(NAMED);
    let rows = found
        .iter()
        .take(NAMED)
        .map(|runner| {
            view! { <li><code>{runner.name.clone()}</code>" "<span class="muted">{state_age(runner, now)}</span></li> }
        })
        .collect_view();
    view! {
        <ul class="runners__names" aria-label="Runners">
            {rows} {(more > 0).then(|| view! { <li class="muted">{format!("and {more} more")}</li> })}
        </ul>
    }
    .into_any()
}

fn reason(state: &FormState) -> AnyView {
    let error = state.error("reason");
    view! {
        <div class="field">
            <label class="field__label" for="reason">"Reason "<span class="field__mark">"required"</span></label>
            <input
                class="input"
                id="reason"
                name="reason"
                required
                maxlength="500"
                autocomplete="off"
                placeholder="Not needed any more"
                value=state.value("reason", "")
                aria-invalid=error.is_some().then_some("true")
                aria-describedby=error.is_some().then_some("reason-error")
            />
            {ui::error_line("reason", error)}
        </div>
    }
    .into_any()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b28_the_question_counts_only_what_goes() {
        let lines =
            |idle, busy| -> Vec<String> { consequences(idle, busy).into_iter().map(|(line, _)| line).collect() };
        assert_eq!(
            lines(9, 2),
            [
                "Removes 9 runners at GitHub and here",
                "2 runners run a job and stay as long as GitHub says so"
            ]
        );
        assert_eq!(lines(1, 0), ["Removes 1 runner at GitHub and here"]);
        assert_eq!(lines(0, 1), ["1 runner runs a job and stays as long as GitHub says so"]);
    }
}
