//! One bar, cut into parts, against a limit.

use std::fmt::Write as _;

use leptos::prelude::*;

use super::{Tone, svg::escaped};

/// How wide the picture is, in its own units.
const WIDTH: f64 = 1000.0;
/// How high the bar is.
const HEIGHT: f64 = 28.0;

/// A part of the bar.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// What it is.
    pub name: String,
    /// Its colour.
    pub tone: Tone,
    /// How large it is, for the picture only.
    pub size: f64,
    /// How large it is, in words.
    pub text: String,
}

/// Parts of a whole that has a limit.
#[derive(Debug, Clone, PartialEq)]
pub struct ShareBar {
    /// The id of the figure; each chart of a page has its own.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The same in a sentence, with the sums.
    pub summary: String,
    /// The parts, from the start of the bar.
    pub parts: Vec<Part>,
    /// The limit, for the picture, and what the legend calls it.
    pub limit: Option<(f64, String)>,
    /// What brings numbers when there are none.
    pub when_empty: &'static str,
}

impl ShareBar {
    /// What the whole width stands for: the limit, or what is used when that is more.
    fn whole(&self) -> f64 {
        let used: f64 = self.parts.iter().map(|part| part.size.max(0.0)).sum();
        self.limit.as_ref().map_or(used, |(limit, _)| used.max(*limit))
    }

    fn draw(&self) -> String {
        let whole = self.whole();
        let mut svg = format!(r#"<rect class="bars__track" width="{WIDTH}" height="{HEIGHT}" rx="4"/>"#);
        if whole <= 0.0 {
            return svg;
        }
        let mut x = 0.0;
        for part in &self.parts {
            let width = part.size.max(0.0) / whole * WIDTH;
            if width <= 0.0 {
                continue;
            }
            // A hair of the background between the parts keeps them apart.
            let gap = if width > 6.0 { 2.0 } else { 0.0 };
            let _ = write!(
                svg,
                r#"<rect class="chart__bar chart__bar--{}" x="{x:.1}" width="{:.1}" height="{HEIGHT}"><title>{}</title></rect>"#,
                part.tone.class(),
                (width - gap).max(1.0),
                escaped(&format!("{}: {}", part.name, part.text)),
            );
            x += width;
        }
        if let Some((limit, words)) = &self.limit
            && *limit < whole
        {
            let x = limit / whole * WIDTH;
            let _ = write!(
                svg,
                r#"<path class="chart__limit" d="M{x:.1} -4V{:.1}"><title>{}</title></path>"#,
                HEIGHT + 4.0,
                escaped(words)
            );
        }
        svg
    }
}

/// The bar with its legend; the numbers belong in a table beside it.
pub fn share_bar(chart: &ShareBar) -> AnyView {
    let (title_id, summary_id) = (format!("{}-title", chart.id), format!("{}-summary", chart.id));
    let keys = chart.parts.iter().map(|part| {
        view! {
            <li class=format!("chart__key chart__key--{}", part.tone.class())>
                {part.name.clone()}
                <span class="chart__total">{part.text.clone()}</span>
            </li>
        }
    });
    let over = chart.limit.as_ref().filter(|(limit, _)| *limit < chart.whole());
    let limit = over.map(|(_, words)| view! { <li class="chart__key chart__key--limit">{words.clone()}</li> });
    let picture = if chart.parts.is_empty() {
        view! { <p class="chart__empty"><b>"Nothing spent yet"</b>{chart.when_empty}</p> }.into_any()
    } else {
        view! {
            <svg
                class="chart__svg chart__svg--bar"
                viewBox=format!("0 -4 {WIDTH} {}", HEIGHT + 8.0)
                preserveAspectRatio="none"
                role="img"
                aria-labelledby=title_id.clone()
                aria-describedby=summary_id.clone()
                inner_html=chart.draw()
            ></svg>
            <ul class="chart__legend" aria-label="Legend, from the start of the bar">{keys.collect_view()} {limit}</ul>
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

#[cfg(test)]
mod tests {
    use super::*;

    fn bar(sizes: &[f64], limit: Option<f64>) -> ShareBar {
        let parts = sizes.iter().map(|size| Part {
            name: "a <b>".to_owned(),
            tone: Tone::Series(1),
            size: *size,
            text: format!("${size}"),
        });
        ShareBar {
            id: "x",
            title: "x",
            summary: String::new(),
            parts: parts.collect(),
            limit: limit.map(|limit| (limit, "the limit".to_owned())),
            when_empty: "",
        }
    }

    #[test]
    fn e7_a_bar_is_as_full_as_its_limit() {
        let half = bar(&[25.0, 25.0], Some(100.0)).draw();
        assert_eq!(half.matches(r#"width="248.0""#).count(), 2, "{half}");
        assert!(!half.contains("chart__limit"), "the end of the bar is the limit");
        let over = bar(&[150.0], Some(75.0)).draw();
        assert!(over.contains(r#"width="998.0""#) && over.contains("M500.0"), "{over}");
        assert!(over.contains("a &lt;b&gt;"), "{over}");
        let none = bar(&[0.0], Some(0.0)).draw();
        assert!(!none.contains("chart__bar") && !none.contains("NaN"), "{none}");
    }
}
