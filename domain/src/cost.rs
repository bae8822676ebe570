//! What runners cost: the price of a minute by label, minutes and amounts, and how a report is cut into rows.
//!
//! Nothing here is a float: seconds and prices are exact decimals, multiplied exactly, and rounded once, to be shown.

use std::{fmt, str::FromStr};

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive as _};

use crate::{Fields, Invalid, Label, Money};

/// The longest list of prices.
pub const MAX_PRICES: usize = 200;

/// The highest price of a minute.
const MAX_PRICE: i64 = 10_000;

/// Decimals that a price may have.
const PRICE_SCALE: u32 = 6;

/// The price of a minute for `field`.
///
/// # Errors
/// When it is negative, above 10000, or has more than 6 decimals.
pub fn parse_price(field: &'static str, price: Decimal) -> Result<Money, Invalid> {
    let price = price.normalize();
    if (price.is_sign_negative() && !price.is_zero()) || price > MAX_PRICE.into() || price.scale() > PRICE_SCALE {
        return Err(Invalid::new(
            field,
            format!("must be a price per minute from 0 to {MAX_PRICE}, with at most {PRICE_SCALE} decimals"),
        ));
    }
    Ok(Money::trusted(price))
}

/// The prices that shall be in effect: of labels, and of runners without a priced label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices {
    /// For runners without a priced label; none: such minutes cost nothing.
    pub default: Option<Money>,
    /// By label, in lower case, sorted.
    pub labels: Vec<(String, Money)>,
}

impl Prices {
    /// Checks a list of prices.
    ///
    /// # Errors
    /// All that is wrong: labels that are none, are named twice (X20: whatever their case), or prices out of range.
    pub fn parse(default: Option<Decimal>, labels: &[(String, Decimal)]) -> Result<Self, Vec<Invalid>> {
        let mut fields = Fields::default();
        let default = default.and_then(|price| fields.take(parse_price("default_price", price)));
        let mut known: Vec<(String, Money)> = Vec::with_capacity(labels.len().min(MAX_PRICES));
        if labels.len() > MAX_PRICES {
            fields.push(Invalid::new("prices", format!("must be at most {MAX_PRICES} labels")));
        }
        for (label, price) in labels.iter().take(MAX_PRICES) {
            let label = fields.take(Label::parse(label).map_err(|invalid| invalid.on("prices")));
            let price = fields.take(parse_price("prices", *price));
            let (Some(label), Some(price)) = (label, price) else {
                continue;
            };
            let label = label.as_str().to_ascii_lowercase();
            if known.iter().any(|(known, _)| *known == label) {
                fields.push(Invalid::new("prices", format!("label '{label}' is there twice")));
            } else {
                known.push((label, price));
            }
        }
        known.sort();
        fields.finish().map(|()| Self { default, labels: known })
    }

    /// The prices that a form has as text: a line for each label, `label = 0.05` or `label 0.05`.
    ///
    /// # Errors
    /// The lines that are not of this form.
    pub fn read_lines(text: &str) -> Result<Vec<(String, Decimal)>, Vec<Invalid>> {
        let mut prices = Vec::new();
        let mut errors = Vec::new();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line
                .split(|c: char| c == '=' || c.is_whitespace())
                .filter(|part| !part.is_empty())
                .collect();
            match parts.as_slice() {
                [label, price] if price.parse::<Decimal>().is_ok() => {
                    prices.push(((*label).to_owned(), price.parse().unwrap_or_default()));
                }
                _ => {
                    let shown: String = line.chars().filter(|c| !c.is_control()).take(60).collect();
                    errors.push(Invalid::new(
                        "prices",
                        format!("'{shown}' must be a label and its price, like: gpu = 0.07"),
                    ));
                }
            }
        }
        if errors.is_empty() { Ok(prices) } else { Err(errors) }
    }

    /// The price of a minute on a runner: the highest among its labels', else the default.
    pub fn of<S: AsRef<str>>(&self, labels: &[S]) -> Option<Money> {
        self.labels
            .iter()
            .filter(|(priced, _)| labels.iter().any(|label| label.as_ref().eq_ignore_ascii_case(priced)))
            .map(|(_, price)| *price)
            .max()
            .or(self.default)
    }
}

/// Seconds as minutes with one decimal, as reports show them.
pub fn minutes(seconds: Decimal) -> Decimal {
    round(seconds / Decimal::from(60), 1)
}

/// An amount with two decimals, as people read it.
pub fn cents(amount: Money) -> Decimal {
    round(amount.decimal(), 2)
}

/// Rounded, with exactly so many decimals.
fn round(number: Decimal, decimals: u32) -> Decimal {
    let mut rounded = number.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(decimals);
    rounded
}

/// About this number: for lengths in a picture, never for amounts.
pub fn approximate(number: Decimal) -> f64 {
    number.to_f64().unwrap_or_default()
}

/// A number with commas between thousands.
pub fn grouped(number: Decimal) -> String {
    let text = number.to_string();
    let (whole, rest) = text.find('.').map_or((text.as_str(), ""), |dot| text.split_at(dot));
    let mut grouped = String::with_capacity(text.len() + text.len() / 3);
    let digits = whole.trim_start_matches('-');
    if digits.len() < whole.len() {
        grouped.push('-');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// How a report is cut into rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CostGroup {
    /// A row for each team.
    #[default]
    Team,
    /// A row for each project of each team.
    Project,
    /// A row for each label that set the price.
    Label,
    /// A row for each day (UTC).
    Day,
}

impl CostGroup {
    /// The word that APIs and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Project => "project",
            Self::Label => "label",
            Self::Day => "day",
        }
    }
}

impl fmt::Display for CostGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CostGroup {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Team, Self::Project, Self::Label, Self::Day]
            .into_iter()
            .find(|group| group.as_str() == text)
            .ok_or_else(|| Invalid::new("group_by", "must be team, project, label or day"))
    }
}

/// A cell of a CSV file (RFC 4180), harmless to spreadsheets: one that they would take for a formula gets a `'` in
/// front.
pub fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    fn prices(default: Option<&str>, labels: &[(&str, &str)]) -> Result<Prices, Vec<Invalid>> {
        let labels: Vec<_> = labels
            .iter()
            .map(|(label, price)| ((*label).to_owned(), decimal(price)))
            .collect();
        Prices::parse(default.map(decimal), &labels)
    }

    #[test]
    fn cost_the_highest_price_among_the_labels_counts_whatever_their_case() {
        let list = prices(Some("0.008"), &[("GPU", "0.07"), ("linux", "0.01")]).unwrap();
        assert_eq!(list.labels[0].0, "gpu");
        let of = |labels: &[&str]| list.of(labels).map(|price| price.to_string());
        assert_eq!(of(&["self-hosted", "Linux", "gpu"]).as_deref(), Some("0.07"));
        assert_eq!(of(&["LINUX"]).as_deref(), Some("0.01"));
        assert_eq!(of(&["docker"]).as_deref(), Some("0.008"), "the default");
        assert_eq!(prices(None, &[]).unwrap().of(&["docker"]), None);
    }

    #[test]
    fn cost_all_that_is_wrong_with_prices_is_said_at_once() {
        let errors = prices(
            Some("-1"),
            &[
                ("a b", "1"),
                ("gpu", "1"),
                ("GPU", "2"),
                ("x", "0.0000001"),
                ("y", "10001"),
            ],
        )
        .unwrap_err();
        let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), 5, "{texts:?}");
        assert_eq!(errors[0].field, "default_price");
        assert!(
            texts.iter().any(|text| text.contains("label 'gpu' is there twice")),
            "{texts:?}"
        );
    }

    #[test]
    fn cost_prices_are_read_from_lines() {
        let read = Prices::read_lines("gpu = 0.07\n\n linux\t0.01\nsize-l=1\n").unwrap();
        assert_eq!(
            read,
            [("gpu", "0.07"), ("linux", "0.01"), ("size-l", "1")]
                .map(|(label, price)| (label.to_owned(), decimal(price)))
        );
        let errors = Prices::read_lines("gpu\nlinux = much\na b 3\nok = 1").unwrap_err();
        assert_eq!(errors.len(), 3);
        assert!(errors[0].message.contains("'gpu' must be a label and its price"));
    }

    #[test]
    fn cost_is_rounded_once_and_half_away_from_zero() {
        assert_eq!(minutes(decimal("90")).to_string(), "1.5");
        assert_eq!(minutes(decimal("3")).to_string(), "0.1", "0.05 goes up");
        assert_eq!(minutes(decimal("0")).to_string(), "0.0");
        assert_eq!(cents(Money::trusted(decimal("0.125"))).to_string(), "0.13");
        assert_eq!(cents(Money::trusted(decimal("7"))).to_string(), "7.00");
        assert_eq!(grouped(decimal("1234567.80")), "1,234,567.80");
        assert_eq!(grouped(decimal("-123456")), "-123,456");
        assert_eq!(grouped(decimal("999")), "999");
    }

    #[test]
    fn cost_csv_cells_are_quoted_and_never_formulas() {
        for (text, cell) in [
            ("Backend Team", "Backend Team"),
            ("a, b", "\"a, b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=HYPERLINK(\"x\")", "\"'=HYPERLINK(\"\"x\"\")\""),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM", "'@SUM"),
            ("\tx", "'\tx"),
            ("", ""),
        ] {
            assert_eq!(csv_cell(text), cell);
        }
    }

    #[test]
    fn cost_groups_have_words() {
        for group in [CostGroup::Team, CostGroup::Project, CostGroup::Label, CostGroup::Day] {
            assert_eq!(group.to_string().parse(), Ok(group));
        }
        assert!("week".parse::<CostGroup>().is_err());
    }

    proptest! {
        /// Whatever a cell holds, a reader gets it back, with at most a `'` in front.
        #[test]
        fn cost_csv_cells_read_back(text in "\\PC*|[=+@,\"\n\r-]{0,6}") {
            let cell = csv_cell(&text);
            let read = match cell.strip_prefix('"') {
                Some(quoted) => quoted.strip_suffix('"').unwrap().replace("\"\"", "\""),
                None => cell.clone(),
            };
            prop_assert!(read == text || read.strip_prefix('\'') == Some(&text));
            prop_assert!(!read.starts_with(['=', '+', '-', '@', '\t', '\r']));
        }
    }
}
