//! Periods that the lists are limited to, by the word in the address.

use chrono::{DateTime, Datelike as _, Months, NaiveTime, TimeDelta, Utc};

/// From when and until when.
pub(super) type Period = (Option<DateTime<Utc>>, Option<DateTime<Utc>>);

/// Each word, what people read, and what it means.
pub(super) const PERIODS: [(&str, &str, Span); 8] = [
    ("1h", "Last hour", Span::Hours(1)),
    ("24h", "Last 24 hours", Span::Hours(24)),
    ("today", "Today (UTC)", Span::Day { ago: 0 }),
    ("yesterday", "Yesterday (UTC)", Span::Day { ago: 1 }),
    ("7d", "Last 7 days", Span::Hours(7 * 24)),
    ("30d", "Last 30 days", Span::Hours(30 * 24)),
    ("quarter", "This quarter (UTC)", Span::Quarter { ago: 0 }),
    ("last-quarter", "Last quarter (UTC)", Span::Quarter { ago: 1 }),
];

/// What a word for a period means.
#[derive(Debug, Clone, Copy)]
pub(super) enum Span {
    /// So many hours up to now.
    Hours(i64),
    /// The whole day so many days ago.
    Day { ago: i64 },
    /// The whole quarter of the calendar so many quarters ago.
    Quarter { ago: u32 },
}

impl Span {
    /// What a word means; none for a word that is none of [`PERIODS`].
    pub(super) fn named(word: &str) -> Option<Self> {
        PERIODS
            .iter()
            .find_map(|(known, _, span)| (*known == word).then_some(*span))
    }

    /// From when and until when; without an end, it goes on.
    pub(super) fn at(self, now: DateTime<Utc>) -> (DateTime<Utc>, Option<DateTime<Utc>>) {
        let today = now.date_naive();
        match self {
            Self::Hours(hours) => (now - TimeDelta::hours(hours), None),
            Self::Day { ago } => {
                let midnight = today.and_time(NaiveTime::MIN).and_utc() - TimeDelta::days(ago);
                (midnight, Some(midnight + TimeDelta::days(1)))
            }
            Self::Quarter { ago } => {
                let into = Months::new(today.month0() % 3 + 3 * ago);
                // The first of a month exists in every month.
                let first = today.with_day(1).unwrap_or(today) - into;
                let end = first + Months::new(3);
                let midnight = |day: chrono::NaiveDate| day.and_time(NaiveTime::MIN).and_utc();
                (midnight(first), Some(midnight(end)))
            }
        }
    }
}

/// The words, for whoever wrote another one.
pub(super) fn words() -> String {
    let words = PERIODS.map(|(word, ..)| word);
    let (last, rest) = words.split_last().map_or(("", &[][..]), |(last, rest)| (*last, rest));
    format!("must be {} or {last}", rest.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn quarters_are_those_of_the_calendar() {
        for (now, word, from, until) in [
            ("2026-11-22T11:00:00Z", "quarter", "2026-10-01", "2027-01-01"),
            ("2026-11-22T11:00:00Z", "last-quarter", "2026-07-01", "2026-10-01"),
            ("2026-01-31T23:59:59Z", "quarter", "2026-01-01", "2026-04-01"),
            ("2026-01-31T00:00:00Z", "last-quarter", "2025-10-01", "2026-01-01"),
            ("2028-02-29T00:00:00Z", "last-quarter", "2027-10-01", "2028-01-01"),
            ("2026-05-31T00:00:00Z", "last-quarter", "2026-01-01", "2026-04-01"),
        ] {
            let found = Span::named(word).unwrap().at(at(now));
            let day = |text: &str| at(&format!("{text}T00:00:00Z"));
            assert_eq!(found, (day(from), Some(day(until))), "{now} {word}");
        }
    }

    #[test]
    fn a_word_that_is_none_is_told_all_of_them() {
        assert!(Span::named("1y").is_none());
        assert_eq!(
            words(),
            "must be 1h, 24h, today, yesterday, 7d, 30d, quarter or last-quarter"
        );
    }
}
