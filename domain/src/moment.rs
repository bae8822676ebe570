//! Moments that the database and every client can write, and the ends that things are given.

use chrono::{DateTime, Datelike as _, TimeDelta, Utc};

use crate::Invalid;

/// The last second of the year 9999: nothing ends later.
const LAST: i64 = 253_402_300_799;

/// Whether a moment is one of the years 0 to 9999: what PostgreSQL can hold, and more than anybody needs.
pub fn is_storable(at: DateTime<Utc>) -> bool {
    (0..=9_999).contains(&at.year())
}

/// Checks when something is to end; none is never.
///
/// # Errors
/// When it is not in the future, or after the year 9999; the error carries `field`.
pub fn check_end(field: &'static str, end: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Invalid> {
    match end {
        Some(end) if end <= now => Err(Invalid::new(field, "must be in the future")),
        Some(end) if !is_storable(end) => Err(Invalid::new(field, "must be before the year 10000")),
        _ => Ok(()),
    }
}

/// When something ends that begins now and lives that long: at the end of the year 9999 at the latest.
pub fn end_after(now: DateTime<Utc>, lifetime: TimeDelta) -> DateTime<Utc> {
    let last = DateTime::from_timestamp(LAST, 0).unwrap_or(now);
    now.checked_add_signed(lifetime).map_or(last, |end| end.min(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn ends_lie_ahead_and_before_the_year_10000() {
        let now = at("2026-11-21T00:00:00Z");
        for good in [None, Some("2026-11-21T00:00:01Z"), Some("9999-12-31T23:59:59.999Z")] {
            assert_eq!(check_end("expires_at", good.map(at), now), Ok(()), "{good:?}");
        }
        for (bad, rule) in [
            ("2026-11-21T00:00:00Z", "must be in the future"),
            ("-0001-12-31T23:59:59Z", "must be in the future"),
            ("+10000-01-01T00:00:00Z", "must be before the year 10000"),
            ("9999-12-31T23:59:59-01:00", "must be before the year 10000"),
            ("+262142-12-31T23:59:59Z", "must be before the year 10000"),
        ] {
            assert_eq!(
                check_end("expires_at", Some(at(bad)), now),
                Err(Invalid::new("expires_at", rule)),
                "{bad}"
            );
        }
    }

    #[test]
    fn no_lifetime_leads_beyond_the_last_moment() {
        let now = at("2026-11-21T00:00:00Z");
        assert_eq!(end_after(now, TimeDelta::days(6)), at("2026-11-27T00:00:00Z"));
        for long in [
            at("9999-12-31T23:59:59Z") - at("2020-01-01T00:00:00Z"),
            at("+262142-12-31T23:59:59Z") - at("2020-01-01T00:00:00Z"),
            TimeDelta::MAX,
        ] {
            assert_eq!(end_after(now, long), at("9999-12-31T23:59:59Z"), "{long}");
        }
    }

    #[test]
    fn what_is_far_away_is_not_stored() {
        assert!(is_storable(at("0000-01-01T00:00:00Z")) && is_storable(at("9999-12-31T23:59:59Z")));
        assert!(!is_storable(DateTime::<Utc>::MIN_UTC) && !is_storable(DateTime::<Utc>::MAX_UTC));
    }
}
