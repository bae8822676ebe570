//! Charts, drawn on the server: SVG whose lengths are attributes and whose colours are classes, so that no style and no
//! script is needed. Behind each there is a table with the same numbers.

mod bars;
mod scale;
mod share;
mod svg;

use chrono::NaiveDate;
use leptos::prelude::*;

pub use bars::{QuotaBar, quota_bars};
pub use share::{Part, ShareBar, share_bar};

use super::text::{day, short_day};

/// The colour of a series. The first six are far enough apart in both themes to be told from each other; the
/// legend's order, which is that of the stack, and each part's title say the same without colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// One of the palette, from 1 to 6.
    Series(u8),
    /// What stays, or went well.
    Good,
    /// What goes, or failed.
    Bad,
    /// What is neither, yet.
    Open,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Self::Series(1) => "1",
            Self::Series(2) => "2",
            Self::Series(3) => "3",
            Self::Series(4) => "4",
            Self::Series(5) => "5",
            Self::Series(_) => "6",
            Self::Good => "good",
            Self::Bad => "bad",
            Self::Open => "open",
        }
    }
}

/// A number in a chart: about how large it is, for the picture, and what it is, in words.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Value {
    /// For the picture only.
    pub size: f64,
    /// For people.
    pub text: String,
}

impl Value {
    /// A count.
    pub fn count(count: i64) -> Self {
        let size = i32::try_from(count).map_or(f64::from(i32::MAX), f64::from);
        Self {
            size,
            text: count.to_string(),
        }
    }
}

/// What is drawn in one colour.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// A value for each day.
    pub values: Vec<Value>,
    /// All of them together, in words.
    pub total: String,
}

/// Numbers over days.
#[derive(Debug, Clone, PartialEq)]
pub struct DayChart {
    /// The id of the figure; each chart of a page has its own.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The same in a sentence, with the sums.
    pub summary: String,
    /// What the numbers are, after each of them: `min`, or nothing.
    pub unit: &'static str,
    /// Whether there are no parts of one.
    pub whole: bool,
    /// The days (UTC), oldest first.
    pub days: Vec<NaiveDate>,
    /// What is drawn; in a stack, the first is at the bottom.
    pub series: Vec<Series>,
    /// What the numbers may come to, with its name: a line across.
    pub limit: Option<(&'static str, Value)>,
    /// What brings numbers when there are none.
    pub when_empty: &'static str,
}

impl DayChart {
    fn is_empty(&self) -> bool {
        (self.series.iter().flat_map(|series| &series.values)).all(|value| value.size <= 0.0)
    }
}

/// Columns over days, stacked.
pub fn columns(chart: &DayChart) -> AnyView {
    figure(chart, svg::columns)
}

/// A line with the area below it, of the first series.
pub fn area(chart: &DayChart) -> AnyView {
    figure(chart, svg::area)
}

fn figure(chart: &DayChart, draw: fn(&DayChart) -> String) -> AnyView {
    let (title_id, summary_id) = (format!("{}-title", chart.id), format!("{}-summary", chart.id));
    let picture = if chart.is_empty() {
        view! { <p class="chart__empty"><b>"No data yet"</b>{chart.when_empty}</p> }.into_any()
    } else {
        let view_box = format!("0 0 {} {}", scale::WIDTH, scale::HEIGHT);
        view! {
            <svg
                class="chart__svg"
                viewBox=view_box
                role="img"
                aria-labelledby=title_id.clone()
                aria-describedby=summary_id.clone()
                inner_html=draw(chart)
            ></svg>
            {legend(chart)}
            {table(chart)}
        }
        .into_any()
    };
    view! {
        <figure class="chart" id=chart.id>
            <figcaption>
                <span class="chart__title" id=title_id>{chart.title}</span>
                <span class="chart__summary" id=summary_id>{chart.summary.clone()}</span>
            </figcaption>
            {picture}
        </figure>
    }
    .into_any()
}

/// Which colour is what, with the sum: in the order of the stack, so that it needs no colour.
fn legend(chart: &DayChart) -> Option<AnyView> {
    if chart.series.len() < 2 && chart.limit.is_none() {
        return None;
    }
    let limit = chart.limit.as_ref().map(|(name, value)| {
        view! { <li class="chart__key chart__key--limit">{*name}" "<span class="chart__total">{value.text.clone()}</span></li> }
    });
    let stacked =
        (chart.series.len() > 1).then(|| view! { <li class="chart__order" aria-hidden="true">"Top to bottom:"</li> });
    let keys = chart.series.iter().rev().map(|series| {
        view! {
            <li class=format!("chart__key chart__key--{}", series.tone.class())>
                {series.name.clone()}
                <span class="chart__total">{series.total.clone()}</span>
            </li>
        }
    });
    Some(
        view! {
            <ul class="chart__legend" aria-label="Legend, from the top of the columns down">
                {stacked} {keys.collect_view()} {limit}
            </ul>
        }
        .into_any(),
    )
}

fn table(chart: &DayChart) -> AnyView {
    let head = chart.series.iter().map(|series| {
        view! { <th scope="col" class="table__number">{series.name.clone()}</th> }
    });
    let rows = chart.days.iter().enumerate().map(|(index, at)| {
        let cells = chart.series.iter().map(|series| {
            let text = series
                .values
                .get(index)
                .map(|value| value.text.clone())
                .unwrap_or_default();
            view! { <td class="table__number">{text}</td> }
        });
        view! {
            <tr>
                <th scope="row" class="nowrap">{day(*at)}</th>
                {cells.collect_view()}
            </tr>
        }
    });
    let sums = chart.series.iter().map(|series| {
        view! { <td class="table__number">{series.total.clone()}</td> }
    });
    view! {
        <details class="chart__details">
            <summary>"Show as table"</summary>
            <div class="table-wrap table-wrap--scroll" tabindex="0" role="region" aria-label=format!("{}: table", chart.title)>
                <table class="table table--compact">
                    <caption class="visually-hidden">{chart.title}</caption>
                    <thead><tr><th scope="col">"Day (UTC)"</th>{head.collect_view()}</tr></thead>
                    <tbody>{rows.rev().collect_view()}</tbody>
                    <tfoot><tr><th scope="row">"Total"</th>{sums.collect_view()}</tr></tfoot>
                </table>
            </div>
        </details>
    }
    .into_any()
}

/// The words that a pointer over a value gets.
fn tip(chart: &DayChart, at: NaiveDate, series: &Series, value: &Value) -> String {
    let unit = if chart.unit.is_empty() {
        String::new()
    } else {
        format!(" {}", chart.unit)
    };
    format!("{}: {} {}{unit}", day(at), series.name, value.text)
}

/// The days that get a word below the axis, with those that stay on narrow screens.
fn labelled(days: &[NaiveDate]) -> Vec<(usize, String, bool)> {
    scale::labelled(days.len(), 7)
        .into_iter()
        .enumerate()
        .filter_map(|(place, index)| Some((index, short_day(*days.get(index)?), place % 2 == 0)))
        .collect()
}
