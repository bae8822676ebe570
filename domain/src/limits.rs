//! Money, budget periods and rate limits.

use std::fmt;

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::{Invalid, hierarchy::Level, names::text_type};

/// An amount in US dollars, never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Money(Decimal);

impl Money {
    /// The largest amount that is taken for a limit.
    const MAX: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

    /// An amount for `field`.
    ///
    /// # Errors
    /// When it is negative or larger than a billion.
    pub fn parse(field: &'static str, amount: Decimal) -> Result<Self, Invalid> {
        if amount.is_sign_negative() && !amount.is_zero() || amount > Self::MAX {
            return Err(Invalid::new(field, "must be an amount from 0 to 1000000000"));
        }
        Ok(Self(amount.normalize()))
    }

    /// The number in a text field; blank is none. [`Money::parse`] checks its size.
    ///
    /// # Errors
    /// When it is no number.
    pub fn read(field: &'static str, text: &str) -> Result<Option<Decimal>, Invalid> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        let wrong = |_| Invalid::new(field, "must be an amount like 100 or 99.50, or empty");
        text.parse().map(Some).map_err(wrong)
    }

    /// An amount that the database already holds.
    pub fn trusted(amount: Decimal) -> Self {
        Self(amount.normalize())
    }

    /// The exact amount.
    pub fn decimal(self) -> Decimal {
        self.0
    }

    /// This amount in percent of another; none of nothing (SPEC C5).
    pub fn percent_of(self, whole: Self) -> Option<f64> {
        let percent = self.0.checked_mul(Decimal::ONE_HUNDRED)?.checked_div(whole.0)?;
        percent.round_dp(2).to_f64()
    }

    /// The amount as JSON APIs write it.
    pub fn to_f64(self) -> f64 {
        self.0.to_f64().unwrap_or(f64::MAX)
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

text_type! {
    /// How often a budget starts anew: `30s`, `30m`, `30h`, `30d`, `1mo`, or `daily`, `weekly`,
    /// `monthly`, `yearly` (SPEC X8).
    BudgetDuration
}

impl BudgetDuration {
    /// Parses a period; `monthly` becomes `1mo` and so on, so that equal periods are equal texts.
    ///
    /// # Errors
    /// When it is none of these forms or zero.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_ascii_lowercase();
        let canonical = match text.as_str() {
            "daily" => "1d",
            "weekly" => "7d",
            "monthly" => "1mo",
            "yearly" => "12mo",
            other => other,
        };
        let digits = canonical.bytes().take_while(u8::is_ascii_digit).count();
        let (count, unit) = canonical.split_at(digits);
        let fits =
            matches!(unit, "s" | "m" | "h" | "d" | "mo") && count.parse::<u32>().is_ok_and(|n| n > 0) && digits <= 9;
        if fits {
            Ok(Self(canonical.to_owned()))
        } else {
            Err(Invalid::new(
                "budget_duration",
                "must be like 30s, 30m, 30h, 30d or 1mo, or daily, weekly, monthly or yearly",
            ))
        }
    }

    /// How many of which unit: `s`, `m`, `h`, `d` or `mo`.
    pub(crate) fn parts(&self) -> Option<(i64, &str)> {
        let text = self.as_str();
        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        count.parse().ok().filter(|count| *count > 0).map(|count| (count, unit))
    }

    /// Whether it begins with a day: of days or months, and not of hours.
    pub fn is_of_days(&self) -> bool {
        matches!(self.parts(), Some((_, "d" | "mo")))
    }

    /// The period in words that go after "every" or "per": `month`, `30 days`.
    pub fn in_words(&self) -> String {
        let text = self.as_str();
        let (count, unit) = text.split_at(text.bytes().take_while(u8::is_ascii_digit).count());
        let unit = match (count, unit) {
            ("7", "d") => return "week".to_owned(),
            ("12", "mo") => return "year".to_owned(),
            (_, "s") => "second",
            (_, "m") => "minute",
            (_, "h") => "hour",
            (_, "d") => "day",
            (_, "mo") => "month",
            (_, unit) => unit,
        };
        if count == "1" {
            unit.to_owned()
        } else {
            format!("{count} {unit}s")
        }
    }
}

/// What a team or an organization may spend and how fast; none of a kind is no limit of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// AI models by name; none means all that the parent has (SPEC X9).
    pub models: Vec<String>,
    /// Budget for one period.
    pub max_budget: Option<Money>,
    /// The period.
    pub budget_duration: Option<BudgetDuration>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
}

impl Limits {
    /// Checks a team's limits against its organization's: equal is fine, more is not (SPEC E7, E8).
    ///
    /// # Errors
    /// One error for each limit that is above its ceiling.
    pub fn within(&self, parent: &Self) -> Result<(), Vec<Invalid>> {
        crate::hierarchy::check(Level::Team, self, Level::Organization, parent)
    }

    /// The models that the parent's list does not have.
    pub(crate) fn models_beyond(&self, parent: &Self) -> Vec<&str> {
        if parent.has_all_models() {
            return Vec::new();
        }
        (self.models.iter().map(String::as_str))
            .filter(|model| *model != "all-org-models" && !parent.models.iter().any(|known| known == model))
            .collect()
    }

    /// Whether the list of models restricts nothing (SPEC E8, X9).
    pub fn has_all_models(&self) -> bool {
        self.models.is_empty() || self.models.iter().any(|model| model == "all-proxy-models")
    }

    /// Whether the list of models takes all that the parent has.
    pub(crate) fn inherits_models(&self) -> bool {
        self.has_all_models() || self.models.iter().any(|model| model == "all-org-models")
    }

    /// Whether this list of models, taken for itself, has none that `current` has not.
    pub(crate) fn has_no_model_beyond(&self, current: &Self) -> bool {
        current.has_all_models() || (!self.has_all_models() && self.models_beyond(current).is_empty())
    }

    /// Whether these limits allow no more than `current` does.
    pub fn is_at_most(&self, current: &Self) -> bool {
        lower(self.max_budget, current.max_budget)
            && lower(self.tpm_limit, current.tpm_limit)
            && lower(self.rpm_limit, current.rpm_limit)
            && (self.budget_duration == current.budget_duration || current.max_budget.is_none())
    }
}

/// Whether a limit is not above another, none being no limit.
pub fn lower<T: PartialOrd>(new: Option<T>, current: Option<T>) -> bool {
    match (new, current) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(new), Some(current)) => new <= current,
    }
}

/// Parses a list of model names for the field `models`.
///
/// # Errors
/// When there are more than 200, or one is empty, longer than 200 characters or has control characters.
pub fn parse_models<S: AsRef<str>>(texts: &[S]) -> Result<Vec<String>, Invalid> {
    if texts.len() > 200 {
        return Err(Invalid::new("models", "must be at most 200 models"));
    }
    let mut models: Vec<String> = Vec::with_capacity(texts.len());
    for text in texts {
        let text = text.as_ref().trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(crate::text::is_forbidden) {
            return Err(Invalid::new(
                "models",
                "each model must be 1 to 200 characters on one line",
            ));
        }
        if !models.iter().any(|known| known == text) {
            models.push(text.to_owned());
        }
    }
    Ok(models)
}

/// Parses a limit that counts something: a whole number that is not negative.
///
/// # Errors
/// When it is negative or above a billion.
pub fn parse_count(field: &'static str, count: i64) -> Result<i64, Invalid> {
    if (0..=1_000_000_000).contains(&count) {
        Ok(count)
    } else {
        Err(Invalid::new(field, "must be a whole number from 0 to 1000000000"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(budget: i64, models: &[&str]) -> Limits {
        Limits {
            max_budget: Some(Money::trusted(budget.into())),
            models: models.iter().map(ToString::to_string).collect(),
            ..Limits::default()
        }
    }

    #[test]
    fn x8_durations() {
        for (written, canonical) in [
            ("monthly", "1mo"),
            ("30d", "30d"),
            ("1mo", "1mo"),
            ("Daily", "1d"),
            ("30s", "30s"),
        ] {
            assert_eq!(BudgetDuration::parse(written).unwrap().as_str(), canonical);
        }
        for (text, words) in [
            ("monthly", "month"),
            ("1d", "day"),
            ("30d", "30 days"),
            ("weekly", "week"),
            ("12mo", "year"),
        ] {
            assert_eq!(BudgetDuration::parse(text).unwrap().in_words(), words);
        }
        for bad in ["", "d", "0d", "1y", "-1d", "1.5h", "99999999999d", "5\u{d7}"] {
            assert!(BudgetDuration::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn e7_a_team_stays_within_its_organization() {
        assert!(limits(100, &[]).within(&limits(100, &[])).is_ok(), "equal is fine");
        let errors = limits(101, &["gpt-4"]).within(&limits(100, &["claude"])).unwrap_err();
        assert_eq!(
            errors[0].message,
            "Team max_budget (101) exceeds organization's max_budget (100)."
        );
        assert!(errors[1].message.contains("not in organization's allowed models"));
        assert!(limits(1, &["all-org-models"]).within(&limits(1, &["claude"])).is_ok());
    }

    #[test]
    fn money_is_never_negative() {
        assert!(Money::parse("max_budget", Decimal::NEGATIVE_ONE).is_err());
        assert!(Money::parse("max_budget", Decimal::MAX).is_err());
        assert_eq!(Money::read("max_budget", " 99.50 "), Ok(Some(Decimal::new(9950, 2))));
        assert_eq!(Money::read("max_budget", " "), Ok(None));
        assert!(Money::read("max_budget", "much").is_err());
        assert_eq!(
            Money::parse("max_budget", Decimal::new(50, 1)).unwrap().to_string(),
            "5"
        );
    }
}
