//! A runner's own page: facts, labels, and all that happened to it.

use backend::runners;
use chrono::{DateTime, Utc};
use domain::{
    RunnerId,
    views::{Runner, RunnerDetail, RunnerEvent, RunnerEventKind, RunnerState},
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;

use super::{deprovision, lasting, reason_words, runner_badge, state_age, table::owner_left};
use crate::{
    icon::icon,
    layout::{Rendered, page},
    ssr::{self, Code, Error},
    ui,
};

/// `/runners/{id}`.
pub fn detail() -> impl IntoView {
    let id = use_params_map().with_untracked(|params| params.get("runner").unwrap_or_default());
    page(async move {
        let id: RunnerId = id.parse().map_err(|_| {
            Error::refused(
                Code::NotFound,
                "Runner not found or not owned by you. The address has no runner's id.",
            )
        })?;
        let mut ctx = ssr::read().await?;
        let detail = runners::detail(&mut ctx, id).await?;
        let now = ctx.now;
        let here = format!("/runners/{id}");
        let asked = if ssr::query("confirm").as_deref() == Some("deprovision") {
            Some(deprovision::question(&mut ctx, &[id.to_string()], here.clone()).await?)
        } else {
            None
        };
        drop(ctx);
        let runner = &detail.runner;
        let lives = runner.state() != RunnerState::Deleted;
        let live = lives.then(|| "5".to_owned());
        let body = view! {
            <div class="stack runners__detail" id="runner" data-live=live>
                {header(&detail, &here)}
                <div class="split">
                    <div class="split__main">{timeline(&detail, now)}</div>
                    <aside class="split__aside" aria-label="Details">{facts(&detail, now)} {labels(runner)}</aside>
                </div>
            </div>
            {asked}
        };
        let title = runner.name.clone();
        Ok(Rendered::new(title, body).under("Runners", "/runners"))
    })
}

fn header(detail: &RunnerDetail, here: &str) -> AnyView {
    let runner = &detail.runner;
    let refresh = detail.may_refresh.then(|| {
        view! {
            <form method="post" action="/actions/runners/refresh" data-busy="">
                <input type="hidden" name="id" value=runner.id.to_string() />
                <input type="hidden" name="back" value=here.to_owned() />
                <button class="button">{icon("sync")}"Refresh"</button>
            </form>
        }
    });
    let delete = detail.may_delete.then(|| {
        view! { <a class="button button--danger" href=format!("{here}?confirm=deprovision")>{icon("trash")}"Deprovision…"</a> }
    });
    let whose = match &runner.team_name {
        Some(team) => format!("A runner of {team}, provisioned by {}.", runner.provisioned_by),
        None => format!("Provisioned by {}, for no team.", runner.provisioned_by),
    };
    ui::page_header(
        &runner.name,
        Some(runner_badge(runner)),
        Some(whose),
        view! { {refresh} {delete} }.into_any(),
    )
}

fn facts(detail: &RunnerDetail, now: DateTime<Utc>) -> AnyView {
    let runner = &detail.runner;
    let fact = |name: &'static str, value: AnyView| view! { <div><dt>{name}</dt><dd>{value}</dd></div> };
    let moment = |at: Option<DateTime<Utc>>| match at {
        Some(at) => ui::time_ago(at, now),
        None => view! { <span class="none">"not yet"</span> }.into_any(),
    };
    let team = match (runner.team_id, &runner.team_name) {
        (Some(id), Some(name)) => {
            view! { <a class="link" href=format!("/admin/teams/{id}")>{name.clone()}</a> }.into_any()
        }
        _ => ui::or_dash(None),
    };
    let number = runner.github_runner_id.map(|number| number.to_string());
    let kind = if runner.ephemeral {
        "One job, then gone"
    } else {
        "Several jobs"
    };
    let deleted = runner.deleted_at.map(|at| {
        let why = reason_words(runner.deletion_reason.as_deref().unwrap_or("deleted"));
        view! { {fact("Deleted", ui::time_ago(at, now))} {fact("Why", why.into_any())} }
    });
    view! {
        <section class="card" aria-labelledby="facts-title">
            <header class="card__header"><h2 class="card__title" id="facts-title">"Facts"</h2></header>
            <div class="card__body">
                <dl class="facts facts--stacked">
                    {fact("Status", state_age(runner, now))}
                    {deleted}
                    {fact("Team", team)}
                    {fact("Project", ui::or_dash(detail.project_name.as_deref()))}
                    {fact("Provisioned by", view! { {runner.provisioned_by.clone()} {runner.owner_left.then(owner_left)} }.into_any())}
                    {fact("Created", ui::time_ago(runner.created_at, now))}
                    {fact("First connected", moment(runner.registered_at))}
                    {fact("Last seen at GitHub", moment(runner.last_seen_at))}
                    {fact("GitHub's number", ui::or_dash(number.as_deref()))}
                    {fact("Runner group", runner.runner_group_id.to_string().into_any())}
                    {fact("Takes", kind.into_any())}
                    <div>
                        <dt>"Id"</dt>
                        <dd>
                            <span class="copyable">
                                <code id="runner-id">{runner.id.to_string()}</code>
                                <button
                                    class="button button--icon button--ghost button--small"
                                    type="button"
                                    data-copy="runner-id"
                                    aria-label="Copy the id"
                                >
                                    {icon("copy")}
                                </button>
                            </span>
                        </dd>
                    </div>
                </dl>
            </div>
        </section>
    }
    .into_any()
}

fn labels(runner: &Runner) -> AnyView {
    view! {
        <section class="card" aria-labelledby="labels-title">
            <header class="card__header"><h2 class="card__title" id="labels-title">"Labels"</h2></header>
            <div class="card__body">{ui::runner_labels(&runner.labels)}</div>
        </section>
    }
    .into_any()
}

fn timeline(detail: &RunnerDetail, now: DateTime<Utc>) -> AnyView {
    let events = detail.events.iter().filter(|event| !is_told(event, &detail.events));
    let items = events.map(|event| item(event, now)).collect_view();
    let more = detail
        .more
        .then(|| view! { <p class="muted">"Older events are in the audit log."</p> });
    view! {
        <section class="card" aria-labelledby="history-title">
            <header class="card__header"><h2 class="card__title" id="history-title">"History"</h2></header>
            <div class="card__body"><ol class="timeline">{items}</ol>{more}</div>
        </section>
    }
    .into_any()
}

/// Whether a state is what somebody's act, which is in the list too, says already.
fn is_told(event: &RunnerEvent, all: &[RunnerEvent]) -> bool {
    let act = match &event.kind {
        RunnerEventKind::State {
            state: RunnerState::Pending,
            ..
        } => "provision_jit",
        RunnerEventKind::State {
            state: RunnerState::Deleted,
            ..
        } => "deprovision",
        _ => return false,
    };
    all.iter()
        .any(|other| matches!(&other.kind, RunnerEventKind::Action { action, success: true, .. } if action == act))
}

fn item(event: &RunnerEvent, now: DateTime<Utc>) -> AnyView {
    let told = told(&event.kind);
    let class = match told.tone {
        "" => "timeline__item".to_owned(),
        tone => format!("timeline__item timeline__item--{tone}"),
    };
    view! {
        <li class=class>
            <span class="timeline__icon">{icon(told.icon)}</span>
            <div class="timeline__body">
                <p>{told.text}</p>
                <p class="timeline__meta">{ui::time_ago(event.at, now)}{told.note.map(|note| format!(" · {note}"))}</p>
            </div>
        </li>
    }
    .into_any()
}

/// An event, as it is told.
struct Told {
    tone: &'static str,
    icon: &'static str,
    text: String,
    note: Option<String>,
}

fn told(kind: &RunnerEventKind) -> Told {
    match kind {
        RunnerEventKind::State { state, reason } => {
            let (tone, icon, text) = match state {
                RunnerState::Pending => ("add", "plus", "Created, waiting to be started"),
                RunnerState::Idle => ("", "check", "Connected, waiting for a job"),
                RunnerState::Busy => ("", "runner", "Runs a job"),
                RunnerState::Offline => ("", "blocked", "Not connected"),
                RunnerState::Deleted => ("remove", "minus", "Deleted"),
            };
            let text = match reason.as_deref() {
                Some(reason) => format!("{text}: {}", reason_words(reason)),
                None => text.to_owned(),
            };
            Told {
                tone,
                icon,
                text,
                note: None,
            }
        }
        RunnerEventKind::Action {
            action,
            actor,
            success,
            detail,
        } => {
            let what = match action.as_str() {
                "provision_jit" => "provisioned it",
                "provision_jit_failed" => "could not provision it",
                "deprovision" => "deprovisioned it",
                "deprovision_failed" => "could not deprovision it",
                "runner.not_found" => "asked GitHub, which does not know it any more",
                "runner.reservation_expired" => "gave its place away",
                other => other,
            };
            Told {
                tone: if *success { "" } else { "remove" },
                icon: if *success { "user" } else { "error" },
                text: format!("{actor} {what}"),
                note: detail.as_deref().map(reason_words),
            }
        }
        RunnerEventKind::Security {
            event_type,
            severity,
            action_taken,
        } => Told {
            tone: "remove",
            icon: "shield",
            text: format!("Security event: {}", event_type.replace('_', " ")),
            note: Some(match action_taken {
                Some(action) => format!("{severity}, {}", action.replace('_', " ")),
                None => severity.clone(),
            }),
        },
        RunnerEventKind::Job {
            repository,
            name,
            status,
            conclusion,
            seconds,
            sender,
        } => {
            let outcome = conclusion.as_deref().unwrap_or(status).replace('_', " ");
            let mut notes: Vec<String> = seconds
                .map(|seconds| format!("for {}", lasting(seconds)))
                .into_iter()
                .collect();
            notes.extend(sender.as_ref().map(|sender| format!("started by {sender}")));
            Told {
                tone: "",
                icon: "terminal",
                text: format!("Job {name} of {repository}: {outcome}"),
                note: (!notes.is_empty()).then(|| notes.join(", ")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b28_one_act_is_told_once() {
        let at = DateTime::from_timestamp(1_772_528_705, 0).unwrap();
        let state = |state| RunnerEvent {
            at,
            kind: RunnerEventKind::State { state, reason: None },
        };
        let act = |success| RunnerEvent {
            at,
            kind: RunnerEventKind::Action {
                action: "deprovision".into(),
                actor: "max@acme.example".into(),
                success,
                detail: None,
            },
        };
        let gone = state(RunnerState::Deleted);
        assert!(is_told(&gone, &[gone.clone(), act(true)]));
        // Who may not see the act is told of the state, and so is everybody when something else took it away.
        assert!(!is_told(&gone, &[gone.clone(), act(false)]) && !is_told(&gone, std::slice::from_ref(&gone)));
        let made = state(RunnerState::Pending);
        assert!(!is_told(&made, &[made.clone(), act(true)]));
    }

    #[test]
    fn what_happened_reads_well() {
        let deleted = told(&RunnerEventKind::State {
            state: RunnerState::Deleted,
            reason: Some("Wrong labels".into()),
        });
        assert_eq!(deleted.text, "Deleted: Wrong labels");
        let job = told(&RunnerEventKind::Job {
            repository: "acme/web".into(),
            name: "build".into(),
            status: "completed".into(),
            conclusion: Some("success".into()),
            seconds: Some(130),
            sender: Some("octo".into()),
        });
        assert_eq!(job.text, "Job build of acme/web: success");
        assert_eq!(job.note.as_deref(), Some("for 2 minutes, started by octo"));
        let failed = told(&RunnerEventKind::Action {
            action: "deprovision_failed".into(),
            actor: "max@acme.example".into(),
            success: false,
            detail: Some("GitHub API rate limit exceeded".into()),
        });
        assert_eq!(failed.text, "max@acme.example could not deprovision it");
    }
}
