//! Teams, the dearest first, each with its projects.

use domain::{
    TeamId,
    cost::{approximate, cents, grouped, minutes},
    views::{CostOverview, CostRow, CostSum},
};
use leptos::prelude::*;

use crate::ui;

pub(super) fn table(loaded: &CostOverview) -> AnyView {
    let total = loaded.report.total;
    let currency = loaded.report.currency.clone();
    let rows = loaded.teams.rows.iter().map(|team| {
        let id = team.team.as_ref().map(|team| team.id);
        let projects = loaded.report.rows.iter().filter(|row| of(row) == id);
        // A team without projects says all in its own row.
        let only: Vec<&CostRow> = projects.collect();
        let cut = only.iter().any(|row| row.project.is_some() || row.hidden_projects);
        view! {
            {team_row(team, &total)}
            {cut.then(|| only.iter().map(|row| project_row(row, &total)).collect_view())}
        }
    });
    let shown = loaded.teams.rows.len();
    let more = loaded.teams.row_count > i64::try_from(shown).unwrap_or(i64::MAX)
        || loaded.report.row_count > i64::try_from(loaded.report.rows.len()).unwrap_or(i64::MAX);
    view! {
        <div class="table-wrap">
            <table class="table cost__table">
                <caption class="visually-hidden">"Teams and projects"</caption>
                <thead>
                    <tr>
                        <th scope="col">"Team, project"</th>
                        <th scope="col" class="table__number">"Jobs"</th>
                        <th scope="col" class="table__number">"Minutes"</th>
                        <th scope="col" class="table__number table__optional">"Running now, minutes"</th>
                        <th scope="col" class="table__number">{format!("Cost, {currency}")}</th>
                        <th scope="col" class="table__number">"Share"</th>
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
        <p class="muted">
            {format!("{}.", ui::plural(loaded.teams.row_count, "team"))}
            {more.then_some(" The dearest are shown; the CSV file has all of them.")}
        </p>
    }
    .into_any()
}

fn of(row: &CostRow) -> Option<TeamId> {
    row.team.as_ref().map(|team| team.id)
}

fn team_row(row: &CostRow, total: &CostSum) -> AnyView {
    let name = match &row.team {
        Some(team) => view! {
            <a href=format!("/admin/teams/{}", team.id)>{team.name.clone()}</a>
            <small class="table__sub">{team.organization.clone()}</small>
        }
        .into_any(),
        None => "Runners of no team".into_any(),
    };
    view! {
        <tr>
            <th scope="row" class="table__title">{name}</th>
            {numbers(&row.sum, total)}
        </tr>
    }
    .into_any()
}

fn project_row(row: &CostRow, total: &CostSum) -> AnyView {
    let name = match (&row.project, row.hidden_projects) {
        (Some((_, name)), _) => name.clone(),
        (None, true) => "Other projects".to_owned(),
        (None, false) => "No project".to_owned(),
    };
    view! {
        <tr class="cost__project">
            <th scope="row" class="table__title">{name}</th>
            {numbers(&row.sum, total)}
        </tr>
    }
    .into_any()
}

fn numbers(sum: &CostSum, total: &CostSum) -> AnyView {
    let running = if sum.running_jobs == 0 {
        view! { <span class="none">"–"</span> }.into_any()
    } else {
        grouped(minutes(sum.running_seconds)).into_any()
    };
    view! {
        <td class="table__number" data-label="Jobs">{grouped(sum.jobs.into())}</td>
        <td class="table__number" data-label="Minutes">{grouped(minutes(sum.seconds))}</td>
        <td class="table__number table__optional" data-label="Running now, minutes">{running}</td>
        <td class="table__number" data-label="Cost">{grouped(cents(sum.money()))}</td>
        <td class="table__number" data-label="Share">{share(sum, total)}</td>
    }
    .into_any()
}

/// How much of the whole it is: of the cost, or of the minutes while nothing has a price.
fn share(sum: &CostSum, total: &CostSum) -> String {
    let (part, whole) = if total.amount.is_zero() {
        (sum.seconds, total.seconds)
    } else {
        (sum.amount, total.amount)
    };
    if whole.is_zero() {
        return "–".to_owned();
    }
    let percent = approximate(part) * 100.0 / approximate(whole);
    if percent > 0.0 && percent < 1.0 {
        "< 1%".to_owned()
    } else {
        format!("{percent:.0}%")
    }
}
