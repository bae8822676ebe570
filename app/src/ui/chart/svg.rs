//! What is inside of a chart's `<svg>`, as text.

use std::fmt::Write as _;

use super::{
    DayChart, labelled,
    scale::{self, BOTTOM, LEFT, RIGHT, Scale, TOP},
    tip,
};

/// Stacked columns, the first series at the bottom.
pub(super) fn columns(chart: &DayChart) -> String {
    let count = chart.days.len();
    let sums = (0..count).map(|index| {
        let values = chart.series.iter().filter_map(|series| series.values.get(index));
        values.map(|value| value.size.max(0.0)).sum::<f64>()
    });
    let scale = Scale::to(sums.fold(limit(chart), f64::max), chart.whole);
    let mut svg = axes(chart, &scale);
    let mut below = vec![0.0; count];
    for series in &chart.series {
        let class = series.tone.class();
        for (index, (at, value)) in chart.days.iter().zip(&series.values).enumerate() {
            let Some(base) = below.get_mut(index) else { continue };
            let height = scale.height(value.size);
            if height <= 0.0 {
                continue;
            }
            let (x, width) = scale::column(index, count);
            let y = BOTTOM - *base - height;
            *base += height;
            // A hair of the background between the parts keeps them apart.
            let gap = if height > 3.0 { 1.0 } else { 0.0 };
            let _ = write!(
                svg,
                r#"<rect class="chart__bar chart__bar--{class}" x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{:.1}"><title>{}</title></rect>"#,
                height - gap,
                escaped(&tip(chart, *at, series, value)),
            );
        }
    }
    svg
}

/// A line over its area; each day has a place for the pointer.
pub(super) fn area(chart: &DayChart) -> String {
    let Some(series) = chart.series.first() else {
        return String::new();
    };
    let count = chart.days.len();
    let scale = Scale::to(
        series
            .values
            .iter()
            .map(|value| value.size)
            .fold(limit(chart), f64::max),
        chart.whole,
    );
    let mut svg = axes(chart, &scale);
    let mut line = String::new();
    for (index, value) in series.values.iter().enumerate() {
        let step = if index == 0 { 'M' } else { 'L' };
        let _ = write!(
            line,
            "{step}{:.1} {:.1}",
            scale::middle(index, count),
            scale.y(value.size)
        );
    }
    let (first, last) = (scale::middle(0, count), scale::middle(count.saturating_sub(1), count));
    let class = series.tone.class();
    let _ = write!(
        svg,
        r#"<path class="chart__area chart__area--{class}" d="{line}L{last:.1} {BOTTOM:.1}L{first:.1} {BOTTOM:.1}Z"/><path class="chart__line chart__line--{class}" d="{line}"/>"#
    );
    for (index, (at, value)) in chart.days.iter().zip(&series.values).enumerate() {
        let x = scale::middle(index, count);
        let y = scale.y(value.size);
        let band = (RIGHT - LEFT) / f64::from(u32::try_from(count.max(1)).unwrap_or(u32::MAX));
        let _ = write!(
            svg,
            r#"<g class="chart__spot"><rect x="{:.1}" y="{TOP:.1}" width="{band:.1}" height="{:.1}"/><circle class="chart__dot chart__dot--{class}" cx="{x:.1}" cy="{y:.1}" r="3"/><title>{}</title></g>"#,
            x - band / 2.0,
            BOTTOM - TOP,
            escaped(&tip(chart, *at, series, value)),
        );
    }
    svg
}

/// The limit as far as the scale has to show it.
fn limit(chart: &DayChart) -> f64 {
    chart.limit.as_ref().map_or(0.0, |(_, value)| value.size)
}

/// Lines at round numbers and at the limit, and the days below.
fn axes(chart: &DayChart, scale: &Scale) -> String {
    let mut svg = String::with_capacity(8192);
    for tick in &scale.ticks {
        let y = scale.y(*tick);
        let _ = write!(
            svg,
            r#"<path class="chart__grid" d="M{LEFT} {y:.1}H{RIGHT}"/><text class="chart__axis chart__axis--y" x="{:.1}" y="{y:.1}">{}</text>"#,
            LEFT - 6.0,
            scale::short(*tick),
        );
    }
    if let Some((name, value)) = &chart.limit {
        let words = escaped(&format!("{name}: {}", value.text));
        let y = scale.y(value.size);
        let _ = write!(
            svg,
            r#"<path class="chart__limit" d="M{LEFT} {y:.1}H{RIGHT}"><title>{words}</title></path>"#
        );
    }
    let days = labelled(&chart.days);
    let last = chart.days.len().saturating_sub(1);
    for (index, text, always) in days {
        let x = scale::middle(index, chart.days.len());
        let optional = if always { "" } else { " chart__axis--optional" };
        // The last word ends where the plot does.
        let (x, end) = if index == last {
            (RIGHT, " chart__axis--end")
        } else {
            (x, "")
        };
        let _ = write!(
            svg,
            r#"<text class="chart__axis chart__axis--x{optional}{end}" x="{x:.1}" y="{:.1}">{}</text>"#,
            BOTTOM + 20.0,
            escaped(&text),
        );
    }
    svg
}

/// Text as SVG can hold it.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::*;
    use crate::ui::chart::{Series, Tone, Value};

    fn chart(series: &[(&str, &[i64])]) -> DayChart {
        let first = NaiveDate::from_ymd_opt(2026, 3, 1).unwrap();
        let days = series[0].1.len();
        DayChart {
            id: "c",
            title: "Provisioning",
            summary: String::new(),
            unit: "",
            whole: true,
            days: first.iter_days().take(days).collect(),
            series: series
                .iter()
                .zip(1..)
                .map(|((name, values), place)| Series {
                    name: (*name).to_owned(),
                    tone: Tone::Series(place),
                    values: values.iter().copied().map(Value::count).collect(),
                    total: values.iter().sum::<i64>().to_string(),
                })
                .collect(),
            limit: None,
            when_empty: "",
        }
    }

    #[test]
    fn a_limit_is_a_line_that_the_scale_has_room_for() {
        let mut chart = chart(&[("runners", &[1, 2])]);
        chart.limit = Some(("Quota", Value::count(10)));
        let svg = columns(&chart);
        let line = svg.split("chart__limit").nth(1).unwrap();
        let y: f64 = line
            .split("d=\"M46 ")
            .nth(1)
            .unwrap()
            .split('H')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!((TOP..BOTTOM).contains(&y), "{y}");
        assert!(line.contains("<title>Quota: 10</title>"), "{line}");
        let tallest = numbers(&svg, "rect", "height").into_iter().fold(0.0, f64::max);
        assert!(tallest < (BOTTOM - y) / 4.0, "two of ten are a fifth: {tallest}");
    }

    /// The numbers of an attribute, in order.
    fn numbers(svg: &str, element: &str, name: &str) -> Vec<f64> {
        svg.split(&format!("<{element} "))
            .skip(1)
            .map(|rest| {
                let value = rest.split(&format!(" {name}=\"")).nth(1).unwrap();
                value.split('"').next().unwrap().parse().unwrap()
            })
            .collect()
    }

    #[test]
    fn b28_columns_are_stacked_in_proportion() {
        let svg = columns(&chart(&[("created", &[4, 0]), ("failed", &[4, 2])]));
        let heights = numbers(&svg, "rect", "height");
        // Each is a hair shorter than it is high.
        assert_eq!(heights.len(), 3, "nothing is drawn for zero");
        assert!((heights[0] - heights[1]).abs() < 0.2 && (heights[0] + 1.0 - 2.0 * (heights[2] + 1.0)).abs() < 0.3);
        let tops = numbers(&svg, "rect", "y");
        assert!(
            (tops[0] - tops[1] - (heights[0] + 1.0)).abs() < 0.2,
            "one upon the other"
        );
        assert!(tops.iter().all(|top| *top >= TOP - 0.1));
        let plot = svg.split("<rect").skip(1).collect::<String>();
        assert!(!plot.contains("<text"), "a number in a bar reads as its value: {svg}");
        assert!(
            plot.contains("<title>1 Mar 2026: failed 4</title>"),
            "each part is named: {svg}"
        );
    }

    #[test]
    fn b28_names_in_a_chart_are_only_text() {
        let svg = columns(&chart(&[("<script>alert(\"x\")</script> & co", &[3])]));
        assert!(
            !svg.contains("<script") && svg.contains("&lt;script&gt;alert(&quot;x&quot;)"),
            "{svg}"
        );
        assert!(!svg.contains("style="), "the policy forbids inline styles");
    }

    #[test]
    fn b28_a_line_goes_through_each_day() {
        let svg = area(&chart(&[("minutes", &[0, 5, 10])]));
        let line = svg.split("chart__line--").nth(1).unwrap();
        let d = line.split("d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((d.matches('M').count(), d.matches('L').count()), (1, 2), "{d}");
        assert_eq!(svg.matches("<title>").count(), 3);
        assert!(svg.contains("<title>2 Mar 2026: minutes 5</title>"), "{svg}");
        assert!(!svg.contains("NaN"));
    }
}
