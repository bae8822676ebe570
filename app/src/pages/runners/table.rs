//! The table of runners.

use backend::{Caller, runners};
use chrono::{DateTime, Utc};
use domain::views::{Page, Runner, RunnerState};
use leptos::prelude::*;

use super::{address::Address, runner_badge};
use crate::{icon::icon, ui};

pub(super) fn table(list: &Page<Runner>, address: &Address, caller: &Caller, now: DateTime<Utc>) -> AnyView {
    let shown = list.items.len();
    let deletes: Vec<bool> = list
        .items
        .iter()
        .map(|runner| runner.state() != RunnerState::Deleted && runners::may_delete(caller, runner))
        .collect();
    let acts = deletes.contains(&true);
    let rows = list
        .items
        .iter()
        .zip(&deletes)
        .map(|(runner, deletes)| row(runner, address, acts.then_some(*deletes), now))
        .collect_view();
    view! {
        {acts.then(|| bulk(address))}
        <div class="table-wrap">
            <table class="table">
                <caption class="visually-hidden">"Runners"</caption>
                <thead>
                    <tr>
                        {acts.then(ui::select_all)}
                        <th scope="col">"Name"</th>
                        <th scope="col">"Status"</th>
                        <th scope="col" class="table__optional">"Labels"</th>
                        <th scope="col">"Team"</th>
                        <th scope="col">"Provisioned By"</th>
                        <th scope="col" class="table__optional">"Created"</th>
                        {acts.then(|| view! { <th scope="col" class="table__actions"><span class="visually-hidden">"Actions"</span></th> })}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
        {ui::pagination(
            shown,
            list.total,
            "runner",
            list.previous.clone(),
            list.next.clone(),
            |cursor| address.with("cursor", Some(cursor)),
        )}
    }
    .into_any()
}

/// What is done with the selected rows: their boxes belong to this form.
fn bulk(address: &Address) -> AnyView {
    let kept = address
        .parts()
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.clone()?)))
        .map(|(name, value)| view! { <input type="hidden" name=name value=value /> })
        .collect_view();
    view! {
        <form class="runners__bulk" id="selected" method="get">
            {kept}
            <button class="button button--small button--ticked" name="confirm" value="deprovision">
                {icon("trash")}"Deprovision selected…"
            </button>
        </form>
    }
    .into_any()
}

/// `deletes` is none where nobody acts on any row.
fn row(runner: &Runner, address: &Address, deletes: Option<bool>, now: DateTime<Utc>) -> AnyView {
    let gone = runner.state() == RunnerState::Deleted;
    let href = format!("/runners/{}", runner.id);
    let id = runner.id.to_string();
    let select = deletes.map(|deletes| {
        view! {
            <td class="table__check">
                {deletes
                    .then(|| {
                        view! {
                            <input type="checkbox" name="id" form="selected" value=id aria-label=format!("Select {}", runner.name) />
                        }
                    })}
            </td>
        }
    });
    view! {
        <tr class=gone.then_some("table__row--muted")>
            {select}
            <th scope="row" class="table__title"><a class="mono" href=href>{runner.name.clone()}</a></th>
            <td class="table__state" data-label="Status">
                {runner_badge(runner)} <small class="table__sub runners__since">{ui::time_ago(runner.state_since, now)}</small>
            </td>
            <td data-label="Labels" class="table__optional runners__labels">{own_labels(runner)}</td>
            <td data-label="Team">{ui::or_dash(runner.team_name.as_deref())}</td>
            <td data-label="Provisioned By" class="runners__person">
                {ui::address(&runner.provisioned_by)} {runner.owner_left.then(owner_left)}
            </td>
            <td data-label="Created" class="table__optional">{ui::time_ago(runner.created_at, now)}</td>
            {deletes.map(|deletes| view! { <td class="table__actions">{deletes.then(|| menu(runner, address))}</td> })}
        </tr>
    }
    .into_any()
}

/// That whose runner it is does not belong to its team (any more): somebody else decides about it.
pub(super) fn owner_left() -> AnyView {
    view! {
        <span class="badge badge--warning" title="It goes on counting against the team's quota">"Owner not in the team"</span>
    }
    .into_any()
}

/// The labels that tell runners apart: those of the system, which each has, are on the runner's page.
fn own_labels(runner: &Runner) -> AnyView {
    let is_system = |label: &String| (domain::SYSTEM_LABELS.iter()).any(|system| label.eq_ignore_ascii_case(system));
    let labels: Vec<String> = runner
        .labels
        .iter()
        .filter(|label| !is_system(label))
        .cloned()
        .collect();
    if labels.is_empty() {
        return ui::or_dash(None);
    }
    ui::chips("Labels", "custom", &labels)
}

fn menu(runner: &Runner, address: &Address) -> AnyView {
    let id = runner.id.to_string();
    view! {
        <details class="menu" name="row-menu">
            <summary class="button button--icon button--ghost" aria-label=format!("Actions for {}", runner.name)>{icon("more")}</summary>
            <div class="menu__list">
                <form method="post" action="/actions/runners/refresh">
                    <input type="hidden" name="id" value=id.clone() />
                    <input type="hidden" name="back" value=address.here() />
                    <button class="menu__item">"Ask GitHub now"</button>
                </form>
                <hr />
                <a class="menu__item menu__item--danger" href=address.asking(&[&id])>"Deprovision…"</a>
            </div>
        </details>
    }
    .into_any()
}
