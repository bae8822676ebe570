//! `/admin/sync`: what is kept the same here and elsewhere, how that goes, and what was found wrong. One section for
//! each system.

mod history;
mod litellm;

use backend::sync;
use chrono::{DateTime, Utc};
use domain::views::{RunnerFinding, SyncCounts, SyncState, SyncStatus};
use leptos::prelude::*;

use crate::{
    forms::{self, FormState},
    icon::icon,
    layout::{Rendered, page as layout},
    ssr, ui,
};

pub use litellm::{FORM as LITELLM_FORM, details};

/// The page's address.
const PAGE: &str = "/admin/sync";
/// How many passes a page of the history has.
const ROWS: i64 = 15;
/// Seconds until what changes by itself is read again.
const LIVE: &str = "5";
/// How many findings are shown.
const FINDINGS: i64 = 50;

/// `/admin/sync`.
pub fn page() -> impl IntoView {
    layout(async {
        let mut ctx = ssr::read().await?;
        let status = sync::status(&mut ctx).await?;
        let which = history::which(ssr::query("passes").as_deref());
        let passes = sync::list(&mut ctx, which, ssr::query("cursor").as_deref(), ROWS).await?;
        let findings = sync::findings(&mut ctx, FINDINGS).await?;
        let instances = backend::litellm::instances(&mut ctx).await?;
        let runs = sync::may_run(&ctx.caller) && status.state.is_enabled();
        drop(ctx);
        let form = forms::take("run-sync").await;
        let header = ui::page_header(
            "Sync",
            None,
            Some("What Guildhall and the systems around it keep the same, and how that goes.".to_owned()),
            view! {
                <a class="button" href=history::href(which, None) title=format!("As of {}", ui::moment(status.now))>{icon("sync")}"Refresh"</a>
                {runs.then(|| sync_now(&status))}
            }
            .into_any(),
        );
        // Until the pass that was asked for has begun.
        let asked = status.requested_by.is_some().then_some(LIVE);
        let body = view! {
            <div class="stack" id="sync-head" data-live=asked>{header}</div>
            {refusal(&form)}
            <div class="stack stack--wide" id="sync" data-live=LIVE>
                {github(&status)} {litellm::sections(&instances, status.now)} {wrong(&findings, status.now)}
                {history::passes(&passes, which, status.now)}
            </div>
        };
        Ok(Rendered::new("Sync", body))
    })
}

fn refusal(form: &FormState) -> Option<AnyView> {
    ui::refusal(form.refusal())
}

fn sync_now(status: &SyncStatus) -> AnyView {
    let waiting = status.requested_by.is_some();
    view! {
        <form method="post" action="/actions/sync/run">
            <button class="button button--primary" disabled=waiting>
                {icon("sync")} {if waiting { "Asked for" } else { "Sync now" }}
            </button>
        </form>
    }
    .into_any()
}

/// The section of GitHub's runners: the worker, and what its last pass did.
fn github(status: &SyncStatus) -> AnyView {
    view! {
        <section class="card" aria-labelledby="github-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="github-title">"GitHub runners "{badge(status.state)}</h2>
                    <p class="card__description">
                        "Compares our runners with GitHub's, one process for the whole installation."
                    </p>
                </div>
            </header>
            <div class="card__body">
                {advice(status)} {facts(status)}
                {status.last().map(|run| numbers(&run.counts))}
            </div>
        </section>
    }
    .into_any()
}

fn badge(state: SyncState) -> AnyView {
    let (class, label) = match state {
        SyncState::Running => ("badge badge--active", "Running"),
        SyncState::Stale => ("badge badge--failed", "Not heard of"),
        SyncState::Waiting => ("badge badge--pending", "Waiting for a worker"),
        SyncState::Off => ("badge badge--inactive", "Off"),
        SyncState::NotConfigured => ("badge badge--inactive", "Not configured"),
    };
    view! { <span class=class>{label}</span> }.into_any()
}

/// What is wrong with the sync as a whole, and what to do about it.
fn advice(status: &SyncStatus) -> Option<AnyView> {
    let say = |kind, title: &str, text: String| Some(ui::callout(kind, title, view! { <p>{text}</p> }.into_any()));
    match status.state {
        SyncState::NotConfigured => say(
            "warning",
            "GitHub is not configured",
            "Set GUILDHALL_GITHUB_ORG and either GUILDHALL_GITHUB_TOKEN or GUILDHALL_GITHUB_APP_ID with its key, then restart."
                .to_owned(),
        ),
        SyncState::Off => say(
            "warning",
            "The sync is off",
            "Runners that end stay in their quotas until somebody deprovisions them. Set GUILDHALL_RUNNER_SYNC_SECONDS to more than 0, then restart."
                .to_owned(),
        ),
        SyncState::Stale => say(
            "danger",
            "The worker has not been heard of",
            "No Guildhall process has taken over either. See whether one runs with GitHub configured, and what its log says of \"runner sync\"."
                .to_owned(),
        ),
        SyncState::Waiting => say(
            "info",
            "No pass has been made yet",
            "A process takes the work a few seconds after it has started.".to_owned(),
        ),
        SyncState::Running => match (status.rate_limited_until, status.last().and_then(|run| run.error.clone())) {
            (Some(until), _) => say(
                "warning",
                "GitHub API rate limit exceeded",
                format!("Nothing is marked. GitHub allows calls again {}.", ahead(until, status.now)),
            ),
            (None, Some(error)) => Some(ui::callout(
                "danger",
                "The last pass was not completed",
                view! {
                    <p>{error}</p>
                    <p>"Nothing that it could not see was marked; the next pass tries again."</p>
                }
                .into_any(),
            )),
            (None, None) => None,
        },
    }
}

fn facts(status: &SyncStatus) -> AnyView {
    let now = status.now;
    let worker = status.hostname.clone().map(|host| match status.pid {
        Some(pid) => format!("{host}, process {pid}"),
        None => host,
    });
    let interval = match status.interval_seconds {
        0 => "never".to_owned(),
        seconds => format!("every {}", ui::plural(seconds.try_into().unwrap_or(i64::MAX), "second")),
    };
    let moment = |at: Option<DateTime<Utc>>| match at {
        Some(at) => ui::time_ago(at, now),
        None => ui::or_dash(None),
    };
    let next = status.next_run.map(|next| {
        view! { <time datetime=ui::machine(next) title=ui::moment(next)>{ahead(next, now)}</time> }
    });
    let asked = status.requested_by.clone().map(|who| format!(", asked for by {who}"));
    view! {
        <dl class="facts">
            <div><dt>"Worker"</dt><dd>{ui::or_dash(worker.as_deref())}</dd></div>
            <div><dt>"Heartbeat"</dt><dd>{moment(status.heartbeat)}</dd></div>
            <div><dt>"Interval"</dt><dd>{interval}</dd></div>
            <div><dt>"Last pass"</dt><dd>{moment(status.last().and_then(|run| run.ended_at))}</dd></div>
            <div>
                <dt>"Next pass"</dt>
                <dd>{next.map_or_else(|| ui::or_dash(None), IntoAny::into_any)} {asked}</dd>
            </div>
        </dl>
    }
    .into_any()
}

/// How far off a moment is.
fn ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match (at - now).num_seconds() {
        ..=0 => "now".to_owned(),
        seconds @ 1..60 => format!("in {}", ui::plural(seconds, "second")),
        seconds => format!("in {}", ui::plural((seconds + 59) / 60, "minute")),
    }
}

/// What the last pass did.
fn numbers(counts: &SyncCounts) -> AnyView {
    let stat = |label: &'static str, value: i32, note: &'static str| {
        view! {
            <div class="stat">
                <span class="stat__label">{label}</span>
                <span class="stat__value">{value}</span>
                <span class="stat__note">{note}</span>
            </div>
        }
    };
    view! {
        <div class="stats" role="group" aria-label="The last pass">
            {stat("Runners", counts.total, "looked at")}
            {stat("Updated", counts.updated, "changed state")}
            {stat("Deleted", counts.deleted, "gone at GitHub")}
            {stat("Errors", counts.errors, "tried again")}
            {stat("Label drifts", counts.label_drifts, "not as provisioned")}
            {stat("Policy violations", counts.policy_violations, "not admitted now")}
        </div>
    }
    .into_any()
}

/// What is wrong with living runners.
fn wrong((findings, total): &(Vec<RunnerFinding>, i64), now: DateTime<Utc>) -> Option<AnyView> {
    if findings.is_empty() {
        return None;
    }
    let more = total - i64::try_from(findings.len()).unwrap_or_default();
    let rows = findings.iter().map(|finding| finding_row(finding, now)).collect_view();
    Some(
        view! {
            <section class="section" aria-labelledby="findings-title">
                <h2 class="section__title" id="findings-title">"Runners to look at"</h2>
                <div class="table-wrap">
                    <table class="table">
                        <caption class="visually-hidden">"Runners with labels that they should not have"</caption>
                        <thead>
                            <tr>
                                <th scope="col">"Runner"</th>
                                <th scope="col">"Team"</th>
                                <th scope="col">"What is wrong"</th>
                                <th scope="col">"Labels"</th>
                                <th scope="col">"Since"</th>
                            </tr>
                        </thead>
                        <tbody>{rows}</tbody>
                    </table>
                </div>
                {(more > 0).then(|| view! { <p class="muted">{format!("and {more} more")}</p> })}
            </section>
        }
        .into_any(),
    )
}

fn finding_row(finding: &RunnerFinding, now: DateTime<Utc>) -> AnyView {
    let what = match (finding.drift, finding.action.as_str()) {
        (false, _) => "The team's policy does not admit it now",
        (true, "delete_failed") => "Labels drifted; GitHub did not delete it yet",
        (true, "workflow_cancelled") => "Labels drifted; its workflow run was cancelled",
        (true, _) => "Labels drifted while it runs a job",
    };
    let team = finding.team.clone().map(|(id, name)| {
        view! { <a class="link" href=format!("/admin/teams/{id}")>{name}</a> }
    });
    view! {
        <tr>
            <th scope="row" class="table__title">{finding.runner_name.clone()}</th>
            <td data-label="Team">{team.map_or_else(|| ui::or_dash(None), IntoAny::into_any)}</td>
            <td data-label="What is wrong">{what}</td>
            <td data-label="Labels">{labels(finding)}</td>
            <td data-label="Since">{ui::time_ago(finding.since, now)}</td>
        </tr>
    }
    .into_any()
}

/// The labels in question: what GitHub has beside what was provisioned, and what it has not.
fn labels(finding: &RunnerFinding) -> AnyView {
    if !finding.drift {
        return ui::chips("Labels", "refused", &finding.labels);
    }
    let signed = |sign| -> Vec<String> {
        let labels = finding.labels.iter().filter_map(|label| label.strip_prefix(sign));
        labels.map(str::to_owned).collect()
    };
    let part = |name: &'static str, kind: &str, labels: Vec<String>| {
        (!labels.is_empty()).then(|| view! { <small class="help">{name}</small> {ui::chips(name, kind, &labels)} })
    };
    view! { {part("Added", "refused", signed('+'))} {part("Missing", "pattern", signed('-'))} }.into_any()
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn distances_ahead_read_well() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        for (seconds, words) in [
            (-5, "now"),
            (0, "now"),
            (1, "in 1 second"),
            (59, "in 59 seconds"),
            (60, "in 1 minute"),
            (61, "in 2 minutes"),
        ] {
            assert_eq!(ahead(now + TimeDelta::seconds(seconds), now), words);
        }
    }
}
