//! Pictures of the last 30 days: runners and spending against what the team may have.

use domain::{
    Money,
    hierarchy::Budget,
    views::{TeamDay, TeamPage},
};
use leptos::prelude::*;
use rust_decimal::{Decimal, prelude::ToPrimitive as _};

use super::Place;
use crate::{
    pages::budget::spent_of,
    ui::{
        self,
        chart::{self, DayChart, Series, Tone, Value},
    },
};

/// Both charts, each where there is something to show or a limit to keep.
pub(super) fn charts(days: &[TeamDay], budget: Option<&Budget>, place: &Place) -> Option<AnyView> {
    let page = &place.page;
    if days.is_empty() {
        return None;
    }
    let spent = days.iter().any(|day| !day.spend.decimal().is_zero());
    let limited = budget.filter(|budget| budget.max.is_some());
    let runners = page.team.runners_enabled.then(|| runners(days, page));
    let spending = match limited {
        Some(budget) => Some(against(days, budget)),
        None => spent.then(|| spending(days)),
    };
    Some(view! { {runners} {spending} }.into_any())
}

fn card(body: AnyView) -> AnyView {
    view! { <div class="card"><div class="card__body">{body}</div></div> }.into_any()
}

fn runners(days: &[TeamDay], page: &TeamPage) -> AnyView {
    let most = days.iter().map(|day| day.runners).max().unwrap_or_default();
    let summary = match page.team.max_runners {
        Some(max) => format!("Last 30 days: at most {} at a time, of {max}.", ui::plural(most, "runner")),
        None => format!("Last 30 days: at most {} at a time. There is no quota.", ui::plural(most, "runner")),
    };
    let chart = DayChart {
        id: "runners-over-time",
        title: "Runners at a time",
        summary,
        unit: "",
        whole: true,
        days: days.iter().map(|day| day.day).collect(),
        series: vec![Series {
            name: "Most at a time".to_owned(),
            tone: Tone::Series(1),
            values: days.iter().map(|day| Value::count(day.runners)).collect(),
            total: most.to_string(),
        }],
        limit: (page.team.max_runners).map(|max| ("Quota", Value::count(max.into()))),
        when_empty: "The most runners of each day show here.",
    };
    card(chart::columns(&chart))
}

/// What was spent on each day, of a team without a budget of its own.
fn spending(days: &[TeamDay]) -> AnyView {
    let total = ui::dollars(sum(days));
    let series = Series {
        name: "Spent".to_owned(),
        tone: Tone::Series(2),
        values: days.iter().map(|day| value(day.spend)).collect(),
        total: total.clone(),
    };
    let summary = format!("Last 30 days: {total}. The team has no budget of its own.");
    card(chart::columns(&of_money(summary, days, series, None)))
}

/// What was spent of the budget by each day of its period, as far as 30 days show it.
fn against(days: &[TeamDay], budget: &Budget) -> AnyView {
    let since = budget.period.start.date_naive();
    let days: Vec<TeamDay> = days.iter().filter(|day| day.day >= since).cloned().collect();
    // What was spent in the period before the first of these days.
    let mut so_far = (budget.spend.decimal() - sum(&days).decimal()).max(Decimal::ZERO);
    let values = days.iter().map(|day| {
        so_far += day.spend.decimal();
        value(Money::trusted(so_far))
    });
    let series = Series {
        name: "Spent so far".to_owned(),
        tone: Tone::Series(2),
        values: values.collect(),
        total: ui::dollars(budget.spend),
    };
    let limit = budget.max.map(|max| ("Budget", value(max)));
    let summary = format!("{} In this period, day by day.", spent_of(budget));
    card(chart::area(&of_money(summary, &days, series, limit)))
}

fn sum(days: &[TeamDay]) -> Money {
    Money::trusted(days.iter().map(|day| day.spend.decimal()).sum())
}

fn value(money: Money) -> Value {
    Value {
        size: money.decimal().to_f64().unwrap_or_default(),
        text: ui::dollars(money),
    }
}

fn of_money(summary: String, days: &[TeamDay], series: Series, limit: Option<(&'static str, Value)>) -> DayChart {
    DayChart {
        id: "spend-over-time",
        title: "Spent on models",
        summary,
        unit: "",
        whole: false,
        days: days.iter().map(|day| day.day).collect(),
        series: vec![series],
        limit,
        when_empty: "What keys and gateways spend shows here, on its day.",
    }
}
