//! The chart: each day's cost, or minutes while nothing has a price, by the dearest teams.

use backend::cost::CHART_TEAMS;
use chrono::NaiveDate;
use domain::{
    TeamId,
    cost::{approximate, cents, grouped, minutes},
    views::{CostOverview, CostRow, CostSum},
};
use leptos::prelude::*;

use super::period::Period;
use crate::ui::chart::{self, DayChart, Series, Tone, Value};

pub(super) fn chart(loaded: &CostOverview, period: &Period) -> AnyView {
    let days = period.days();
    let priced = !loaded.report.total.amount.is_zero();
    let teams: Vec<_> = loaded
        .teams
        .rows
        .iter()
        .filter_map(|row| row.team.as_ref())
        .take(CHART_TEAMS)
        .collect();
    let mut series: Vec<Series> = (teams.iter())
        .zip(1..)
        .map(|(team, place)| {
            of(
                &team.name,
                Some(team.id),
                Tone::Series(place),
                &days,
                &loaded.days,
                priced,
            )
        })
        .collect();
    let others = of("All others", None, Tone::Series(6), &days, &loaded.days, priced);
    if others.values.iter().any(|value| value.size > 0.0) {
        series.push(others);
    }
    let total = &loaded.report.total;
    let (title, unit, sum) = if priced {
        (
            "Cost per day",
            "",
            crate::ui::money(total.money(), &loaded.report.currency),
        )
    } else {
        (
            "Minutes per day",
            "min",
            format!("{} minutes", grouped(minutes(total.seconds))),
        )
    };
    chart::columns(&DayChart {
        id: "days",
        title,
        summary: format!("{sum} in all, on the days (UTC) that jobs completed on."),
        unit,
        whole: false,
        days,
        series,
        limit: None,
        when_empty: "Jobs count on the day that they complete on.",
    })
}

/// The days of one team, or of all that are none of the dearest.
fn of(name: &str, team: Option<TeamId>, tone: Tone, days: &[NaiveDate], rows: &[CostRow], priced: bool) -> Series {
    let own: Vec<&CostRow> = rows
        .iter()
        .filter(|row| row.team.as_ref().map(|team| team.id) == team)
        .collect();
    let value = |sum: &CostSum| {
        if priced {
            Value {
                size: approximate(sum.amount),
                text: grouped(cents(sum.money())),
            }
        } else {
            Value {
                size: approximate(sum.seconds) / 60.0,
                text: grouped(minutes(sum.seconds)),
            }
        }
    };
    let mut total = CostSum::default();
    for row in &own {
        total.amount += row.sum.amount;
        total.seconds += row.sum.seconds;
    }
    Series {
        name: name.to_owned(),
        tone,
        values: days
            .iter()
            .map(|day| {
                let sum = own.iter().find(|row| row.day == Some(*day)).map(|row| row.sum);
                value(&sum.unwrap_or_default())
            })
            .collect(),
        total: value(&total).text,
    }
}
