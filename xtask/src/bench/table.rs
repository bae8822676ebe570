//! What is printed at the end.

use std::fmt;

use super::rounds::Pair;

/// One measure beside its ceiling and its aim.
#[derive(Default)]
pub struct Table(Vec<[String; 6]>);

/// What a measure should be.
#[derive(Clone, Copy)]
pub enum Aim {
    AtLeast(f64),
    AtMost(f64),
    /// Only to know.
    None,
}

impl Aim {
    fn words(self, unit: &str) -> [String; 2] {
        match self {
            Self::AtLeast(aim) => [format!("≥ {aim}{unit}"), String::new()],
            Self::AtMost(aim) => [format!("≤ {aim}{unit}"), String::new()],
            Self::None => ["–".to_owned(), "–".to_owned()],
        }
    }

    fn judged(self, value: f64, unit: &str) -> [String; 2] {
        let met = match self {
            Self::AtLeast(aim) => value >= aim,
            Self::AtMost(aim) => value <= aim,
            Self::None => return self.words(unit),
        };
        let [aim, _] = self.words(unit);
        [aim, if met { "ok" } else { "below" }.to_owned()]
    }
}

impl Table {
    /// Two rates, judged by their ratio.
    pub fn pair(&mut self, measure: &str, pair: &Pair, aim: Aim) {
        let ratio = pair.ratio;
        let [aim, verdict] = aim.judged(ratio.median, "");
        let errors = if pair.errors == 0 {
            String::new()
        } else {
            format!(", {} ERRORS", pair.errors)
        };
        self.push([
            measure.to_owned(),
            format!("{:.0}/s{errors}", pair.ours.median),
            format!("{:.0}/s", pair.ceiling.median),
            format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max),
            aim,
            verdict,
        ]);
    }

    /// A number, judged by itself.
    pub fn number(&mut self, measure: &str, value: f64, unit: &str, beside: &str, aim: Aim) {
        let digits = if value < 10.0 { 2 } else { 0 };
        let [aim, verdict] = aim.judged(value, unit);
        self.push([
            measure.to_owned(),
            format!("{value:.digits$}{unit}"),
            beside.to_owned(),
            String::new(),
            aim,
            verdict,
        ]);
    }

    /// Words where they are needed.
    pub fn push(&mut self, row: [String; 6]) {
        eprintln!("bench  {} … {} {} {}", row[0], row[1], row[3], row[5]);
        self.0.push(row);
    }

    /// A ratio with what it is the ratio of.
    pub fn ratio(&mut self, measure: &str, ours: String, beside: String, ratio: super::rounds::Spread, aim: Aim) {
        let [aim, verdict] = aim.judged(ratio.median, "");
        let shown = format!("{:.2} ({:.2}–{:.2})", ratio.median, ratio.min, ratio.max);
        self.push([measure.to_owned(), ours, beside, shown, aim, verdict]);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["measure", "ours", "ceiling", "ratio (min–max)", "aim", ""].map(str::to_owned);
        let rows = || std::iter::once(&head).chain(&self.0);
        let widths: Vec<usize> = (0..6)
            .map(|column| rows().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for (number, row) in rows().enumerate() {
            for (text, width) in row.iter().zip(&widths) {
                write!(f, "| {text:width$} ")?;
            }
            writeln!(f, "|")?;
            if number == 0 {
                for width in &widths {
                    write!(f, "|{}", "-".repeat(width + 2))?;
                }
                writeln!(f, "|")?;
            }
        }
        Ok(())
    }
}
