//! Budgets on the pages of organizations and teams (SPEC E7): what was spent, what binds, when it starts anew.

use chrono::{DateTime, Utc};
use domain::{
    Money,
    hierarchy::{Budget, Level},
    roles::in_words,
    views::{BudgetAlert, BudgetSplit, TeamBudget, TeamShare},
};
use leptos::prelude::*;
use rust_decimal::prelude::ToPrimitive as _;

use crate::ui::{
    self,
    chart::{Part, ShareBar, Tone, share_bar},
};

/// How many teams have a colour of their own; the others share the last one.
const OWN_COLOUR: usize = 5;

/// The card "Budget" of an organization: split over its teams. `settings` is where it is changed, for those who may.
pub fn split_card(split: &BudgetSplit, settings: Option<String>, now: DateTime<Utc>) -> AnyView {
    let budget = &split.budget;
    let edit = settings.map(|href| view! { <a class="button button--small" href=href>"Edit"</a> });
    view! {
        <section class="card" aria-labelledby="budget-title">
            <header class="card__header">
                <div>
                    <h2 class="card__title" id="budget-title">"Budget"</h2>
                    <p class="card__description">{period(budget)}</p>
                </div>
                <div class="card__actions">{edit}</div>
            </header>
            <div class="card__body stack">
                {refusing(budget)}
                {share_bar(&bar(split))}
                {over_allotted(split)}
                {alerts(&split.alerts, now)}
            </div>
            {table(split)}
        </section>
    }
    .into_any()
}

/// When a budget starts anew, in a sentence: the day as it is in the budget's time zone.
fn period(budget: &Budget) -> AnyView {
    match (&budget.duration, budget.period.end) {
        (Some(duration), Some(end)) => {
            let shown = if duration.is_of_days() {
                ui::day(budget.zone.date(end))
            } else {
                ui::moment(end)
            };
            view! {
                {format!("Every {} ({}); starts anew on ", duration.in_words(), budget.zone.name())}
                <time datetime=ui::machine(end) title=ui::moment(end)>{shown}</time>"."
            }
            .into_any()
        }
        _ if budget.max.is_some() => "It has no period: it never starts anew.".into_any(),
        _ => "No limit is set. What is spent is counted all the same.".into_any(),
    }
}

/// Said first where nothing more may be used.
fn refusing(budget: &Budget) -> Option<AnyView> {
    budget.is_used_up().then(|| {
        let words = format!(
            "Models and their gateways are refused. To raise it, ask {}.",
            in_words(&budget.who_can_raise())
        );
        let title = match budget.level {
            Level::Organization => "The organization's budget is used up",
            _ => "The team's budget is used up",
        };
        ui::callout("danger", title, view! { <p>{words}</p> }.into_any())
    })
}

fn size(money: Money) -> f64 {
    money.decimal().to_f64().unwrap_or_default()
}

fn bar(split: &BudgetSplit) -> ShareBar {
    let spent: Vec<&TeamShare> = (split.teams.iter())
        .filter(|team| !team.spend.decimal().is_zero())
        .collect();
    let mut parts: Vec<Part> = (spent.iter().take(OWN_COLOUR).zip(1..))
        .map(|(team, place)| Part {
            name: team.name.clone(),
            tone: Tone::Series(place),
            size: size(team.spend),
            text: ui::dollars(team.spend),
        })
        .collect();
    let rest = spent.iter().skip(OWN_COLOUR).map(|team| team.spend.decimal());
    let rest = Money::trusted(rest.sum::<rust_decimal::Decimal>() + split.more_spend.decimal());
    if !rest.decimal().is_zero() {
        parts.push(Part {
            name: "Others".to_owned(),
            tone: Tone::Series(6),
            size: size(rest),
            text: ui::dollars(rest),
        });
    }
    let budget = &split.budget;
    ShareBar {
        id: "budget-split",
        title: "Spent, by team",
        summary: spent_of(budget),
        parts,
        limit: budget
            .max
            .map(|max| (size(max), format!("The limit, {}", ui::dollars(max)))),
        when_empty: "What keys and gateways spend shows here.",
    }
}

/// `$12.50 of $100.00 spent, $87.50 left.`
pub(super) fn spent_of(budget: &Budget) -> String {
    let spend = ui::dollars(budget.spend);
    match budget.max {
        None => format!("{spend} spent."),
        Some(max) if budget.spend >= max => format!("{spend} of {} spent, nothing left.", ui::dollars(max)),
        Some(max) => {
            let left = Money::trusted(max.decimal() - budget.spend.decimal());
            format!("{spend} of {} spent, {} left.", ui::dollars(max), ui::dollars(left))
        }
    }
}

/// Limits of teams may come to more than the organization's, since each is only a ceiling: said plainly.
fn over_allotted(split: &BudgetSplit) -> Option<AnyView> {
    let (sum, limited) = split.allotted;
    let max = split.budget.max.filter(|max| sum > *max)?;
    let words = format!(
        "The limits of {} come to {}, more than the organization's {}. Both hold: once the organization's is spent, teams are refused that have some of theirs left.",
        ui::plural(limited, "team"),
        ui::dollars(sum),
        ui::dollars(max)
    );
    Some(view! { <p class="muted">{words}</p> }.into_any())
}

/// The teams that spent something or have a limit of their own; the others are worth no row, and without any there is
/// no table.
fn table(split: &BudgetSplit) -> Option<AnyView> {
    let told: Vec<&TeamShare> = (split.teams.iter())
        .filter(|team| !team.spend.decimal().is_zero() || team.max_budget.is_some())
        .collect();
    if told.is_empty() && split.more_spend.decimal().is_zero() {
        return None;
    }
    let silent = i64::try_from(split.teams.len() - told.len()).unwrap_or_default() + split.more_teams;
    let whole = split.budget.max.unwrap_or(split.budget.spend);
    let what = if split.budget.max.is_some() {
        "Of the whole budget"
    } else {
        "Of all spending"
    };
    let share = |spend: Money| {
        spend
            .percent_of(whole)
            .map_or_else(|| "–".to_owned(), |share| format!("{share:.1}%"))
    };
    let rows = told.into_iter().map(|team| {
        let limit = match team.max_budget {
            Some(max) => ui::dollars(max).into_any(),
            None => view! { <span class="none">"none of its own"</span> }.into_any(),
        };
        view! {
            <tr>
                <th scope="row" class="table__title"><a href=format!("/admin/teams/{}", team.team)>{team.name.clone()}</a></th>
                <td class="table__number" data-label="Limit">{limit}</td>
                <td class="table__number" data-label="Spent">{ui::dollars(team.spend)}</td>
                <td class="table__number" data-label=what>{share(team.spend)}</td>
            </tr>
        }
    });
    let others = (silent > 0 || !split.more_spend.decimal().is_zero()).then(|| {
        let name = if silent > 0 {
            format!("{} more", ui::plural(silent, "team"))
        } else {
            "Teams that moved away".to_owned()
        };
        view! {
            <tr class="table__row--muted">
                <th scope="row" class="table__title">{name}</th>
                <td class="table__number" data-label="Limit"><span class="none">"–"</span></td>
                <td class="table__number" data-label="Spent">{ui::dollars(split.more_spend)}</td>
                <td class="table__number" data-label=what>{share(split.more_spend)}</td>
            </tr>
        }
    });
    let table = view! {
        <div class="card__body--flush">
            <div class="table-wrap table-wrap--numbers">
                <table class="table table--compact">
                    <caption class="visually-hidden">"The budget, split over teams"</caption>
                    <thead>
                        <tr>
                            <th scope="col">"Team"</th>
                            <th scope="col" class="table__number">"Limit"</th>
                            <th scope="col" class="table__number">"Spent"</th>
                            <th scope="col" class="table__number">{what}</th>
                        </tr>
                    </thead>
                    <tbody>{rows.collect_view()} {others}</tbody>
                </table>
            </div>
        </div>
    };
    Some(table.into_any())
}

/// The card "Budget" of a team: what it has spent, and the limit that binds.
pub fn team_card(budget: &TeamBudget, now: DateTime<Utc>) -> Option<AnyView> {
    let own = budget.own()?;
    let shown = budget.binding().unwrap_or(own);
    let (percent, class) = match (shown.percent(), shown.is_used_up()) {
        (_, true) => (100.0, "usage usage--full"),
        (Some(percent), _) if percent >= 80.0 => (percent, "usage usage--near"),
        (percent, _) => (percent.unwrap_or_default(), "usage"),
    };
    let whose = match shown.level {
        Level::Organization => format!("{}'s budget", shown.name),
        _ => "The team's budget".to_owned(),
    };
    let usage = match shown.max {
        Some(max) => view! {
            <div class=class>
                <div class="usage__head">
                    <span class="usage__label" id="budget-label">{whose}</span>
                    <span class="usage__value"><b>{ui::dollars(shown.spend)}</b>{format!(" of {}", ui::dollars(max))}</span>
                </div>
                <progress class="usage__bar" value=percent.min(100.0).to_string() max="100" aria-labelledby="budget-label">
                    {spent_of(shown)}
                </progress>
                <p class="usage__note">{period(shown)}</p>
            </div>
        }
        .into_any(),
        None => view! { <p class="muted">"No limit is set: not by the team, nor by its organization."</p> }.into_any(),
    };
    let also = (shown.level != own.level || shown.max.is_none()).then(|| {
        let words = match own.max {
            Some(max) => format!(
                "The team itself has spent {} of {}",
                ui::dollars(own.spend),
                ui::dollars(max)
            ),
            None => format!("The team itself has spent {}", ui::dollars(own.spend)),
        };
        let per = own
            .duration
            .as_ref()
            .map(|duration| format!(" this {}", duration.in_words()));
        view! { <p class="muted">{words}{per}"."</p> }
    });
    Some(
        view! {
            <section class="card" aria-labelledby="budget-title">
                <header class="card__header"><h2 class="card__title" id="budget-title">"Budget"</h2></header>
                <div class="card__body stack">{refusing(shown)} {usage} {also} {alerts(&budget.alerts, now)}</div>
            </section>
        }
        .into_any(),
    )
}

/// What was told of thresholds, in a list.
fn alerts(alerts: &[BudgetAlert], now: DateTime<Utc>) -> Option<AnyView> {
    if alerts.is_empty() {
        return None;
    }
    let items = alerts.iter().map(|alert| {
        let class = match alert.threshold {
            100 => "badge badge--danger",
            80 => "badge badge--warning",
            _ => "badge",
        };
        let of = format!(
            " {} {}: {} of {}, ",
            alert.level,
            alert.name,
            ui::dollars(alert.spend),
            ui::dollars(alert.max_budget)
        );
        view! {
            <li>
                <span class=class>{format!("{}%", alert.threshold)}</span>{of}{ui::time_ago(alert.at, now)}
            </li>
        }
    });
    Some(
        view! {
            <div>
                <h3 class="budget__told">"Reached in this period"</h3>
                <ul class="budget__alerts">{items.collect_view()}</ul>
            </div>
        }
        .into_any(),
    )
}
