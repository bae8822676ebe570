//! When budgets start anew (SPEC X8), and which part of them is worth a word.

use chrono::{DateTime, Datelike as _, Days, LocalResult, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};

use crate::{BudgetDuration, Invalid};

/// The percentages of a budget at which somebody is told, once a period.
pub const THRESHOLDS: [i16; 3] = [50, 80, 100];

/// A time zone by its IANA name, such as `Europe/Berlin`: where days and months begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Zone(chrono_tz::Tz);

impl Default for Zone {
    fn default() -> Self {
        Self(chrono_tz::UTC)
    }
}

impl Zone {
    /// Parses a name of the IANA list for the field `time_zone`, without regard to case.
    ///
    /// # Errors
    /// When there is no such zone.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        (chrono_tz::TZ_VARIANTS.iter())
            .find(|zone| zone.name().eq_ignore_ascii_case(text))
            .map(|zone| Self(*zone))
            .ok_or_else(|| {
                Invalid::new(
                    "time_zone",
                    "must be the name of a time zone such as UTC or Europe/Berlin",
                )
            })
    }

    /// A zone that the database holds. One that this version no longer knows is UTC.
    pub fn trusted(text: &str) -> Self {
        text.parse().map_or_else(|_| Self::default(), Self)
    }

    /// The name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// The first moment of a day there. Where midnight is skipped, the day begins later; where a whole day is skipped,
    /// it begins with the next one.
    fn midnight(self, date: NaiveDate) -> Option<DateTime<Utc>> {
        let mut local = date.and_time(NaiveTime::MIN);
        // Gaps end on quarters of an hour; the longest are those of the date line, a day.
        for _ in 0..=100 {
            match self.0.from_local_datetime(&local) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => return Some(at.to_utc()),
                LocalResult::None => local = local.checked_add_signed(TimeDelta::minutes(15))?,
            }
        }
        None
    }

    /// The day there.
    pub fn date(self, at: DateTime<Utc>) -> NaiveDate {
        at.with_timezone(&self.0).date_naive()
    }
}

/// A time for which a budget holds: from `start` until just before `end`, if it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Period {
    /// Its first moment.
    pub start: DateTime<Utc>,
    /// The first moment of the next one; none for a budget that never starts anew.
    pub end: Option<DateTime<Utc>>,
}

impl Period {
    /// All time.
    pub const ALWAYS: Self = Self {
        start: DateTime::UNIX_EPOCH,
        end: None,
    };

    /// Whether a moment is in it.
    pub fn has(&self, at: DateTime<Utc>) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }
}

/// The period that a moment is in, of a budget that began at `anchor` and is kept in `zone`.
///
/// Months are calendar months there: `1mo` begins with the first, `3mo` with the first of each third month from the
/// anchor's. Days are windows of so many days from midnight of the anchor's day. Seconds, minutes and hours are windows
/// from the anchor itself. Without a duration there is one period, for ever. Periods follow one another without a gap.
pub fn budget_period(
    duration: Option<&BudgetDuration>,
    anchor: DateTime<Utc>,
    zone: Zone,
    at: DateTime<Utc>,
) -> Period {
    let Some((count, unit)) = duration.and_then(BudgetDuration::parts) else {
        return Period::ALWAYS;
    };
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => return calendar(count, zone.date(anchor), zone, at, DAYS),
        _ => return calendar(count, zone.date(anchor), zone, at, MONTHS),
    };
    // At most 2^62: a billion hours in microseconds.
    let width = count * seconds * 1_000_000;
    let (anchor, now) = (anchor.timestamp_micros(), at.timestamp_micros());
    let start = now - (now - anchor).rem_euclid(width);
    bounded(
        DateTime::from_timestamp_micros(start),
        start.checked_add(width).and_then(DateTime::from_timestamp_micros),
    )
}

/// How many days or months lie between two dates, and the date so many windows after one.
type Steps = (fn(NaiveDate, NaiveDate) -> i64, fn(NaiveDate, i64) -> Option<NaiveDate>);

const DAYS: Steps = (
    |from, to| to.signed_duration_since(from).num_days(),
    |from, days| {
        let step = Days::new(days.unsigned_abs());
        if days < 0 {
            from.checked_sub_days(step)
        } else {
            from.checked_add_days(step)
        }
    },
);

const MONTHS: Steps = (
    |from, to| month(to) - month(from),
    |from, months| {
        let month = month(from).checked_add(months)?;
        let (year, in_year) = (month.div_euclid(12), month.rem_euclid(12));
        NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, u32::try_from(in_year).ok()? + 1, 1)
    },
);

/// A month, counted from the beginning of the calendar.
fn month(date: NaiveDate) -> i64 {
    i64::from(date.year()) * 12 + i64::from(date.month0())
}

/// The window of `count` days or months that a moment is in.
fn calendar(count: i64, anchor: NaiveDate, zone: Zone, at: DateTime<Utc>, (between, after): Steps) -> Period {
    let begin = |window: i64| zone.midnight(after(anchor, window.checked_mul(count)?)?);
    let mut window = between(anchor, zone.date(at)).div_euclid(count);
    // Where clocks go back over midnight a day begins twice: the window is what its own bounds say.
    while begin(window).is_some_and(|start| at < start) {
        window -= 1;
    }
    while begin(window + 1).is_some_and(|end| end <= at) {
        window += 1;
    }
    bounded(begin(window), begin(window + 1))
}

/// A period within what the database can hold.
fn bounded(start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Period {
    Period {
        start: start.unwrap_or(DateTime::UNIX_EPOCH).max(DateTime::UNIX_EPOCH),
        end: end.filter(|end| end.year() <= 9999),
    }
}

#[cfg(test)]
mod tests;
