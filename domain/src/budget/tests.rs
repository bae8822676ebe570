//! Tests of periods (SPEC X8).

use proptest::prelude::*;

use super::*;

fn moment(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn zone(name: &str) -> Zone {
    Zone::parse(name).unwrap()
}

/// The period as texts, in UTC.
fn period(duration: &str, anchor: &str, zone_name: &str, at: &str) -> (String, String) {
    let duration = BudgetDuration::parse(duration).unwrap();
    let period = budget_period(Some(&duration), moment(anchor), zone(zone_name), moment(at));
    assert!(period.has(moment(at)));
    let text = |at: DateTime<Utc>| at.format("%Y-%m-%dT%H:%M").to_string();
    (text(period.start), period.end.map_or_else(String::new, text))
}

fn is((begins, ends): (String, String), start: &str, end: &str) {
    assert_eq!([begins, ends], [start.to_owned(), end.to_owned()]);
}

#[test]
fn x8_months_are_calendar_months_in_the_organizations_zone() {
    let anchor = "2026-01-31T12:00:00Z";
    is(
        period("monthly", anchor, "UTC", "2026-02-28T23:59:59Z"),
        "2026-02-01T00:00",
        "2026-03-01T00:00",
    );
    is(
        period("1mo", anchor, "UTC", "2028-02-29T12:00:00Z"),
        "2028-02-01T00:00",
        "2028-03-01T00:00",
    );
    // In Berlin March begins an hour before it does in UTC, and in Los Angeles eight hours after.
    is(
        period("1mo", anchor, "Europe/Berlin", "2026-02-28T23:30:00Z"),
        "2026-02-28T23:00",
        "2026-03-31T22:00",
    );
    is(
        period("1mo", anchor, "America/Los_Angeles", "2026-03-01T07:59:59Z"),
        "2026-02-01T08:00",
        "2026-03-01T08:00",
    );
    is(
        period("12mo", anchor, "UTC", "2027-01-01T00:00:00Z"),
        "2027-01-01T00:00",
        "2028-01-01T00:00",
    );
    is(
        period("3mo", "2026-02-10T00:00:00Z", "UTC", "2026-01-15T00:00:00Z"),
        "2025-11-01T00:00",
        "2026-02-01T00:00",
    );
}

#[test]
fn x8_days_are_windows_from_local_midnight_of_the_anchors_day() {
    let anchor = "2026-03-10T15:00:00Z";
    is(
        period("7d", anchor, "UTC", "2026-03-17T00:00:00Z"),
        "2026-03-17T00:00",
        "2026-03-24T00:00",
    );
    is(
        period("30d", anchor, "UTC", "2026-03-10T00:30:00Z"),
        "2026-03-10T00:00",
        "2026-04-09T00:00",
    );
    // The day on which clocks go forward has 23 hours, the one on which they go back 25.
    is(
        period("daily", anchor, "Europe/Berlin", "2026-03-29T12:00:00Z"),
        "2026-03-28T23:00",
        "2026-03-29T22:00",
    );
    is(
        period("daily", anchor, "Europe/Berlin", "2026-10-25T12:00:00Z"),
        "2026-10-24T22:00",
        "2026-10-25T23:00",
    );
    // In Beirut there was no midnight on that day; in Samoa no such day.
    is(
        period("1d", anchor, "Asia/Beirut", "2022-03-27T12:00:00Z"),
        "2022-03-26T22:00",
        "2022-03-27T21:00",
    );
    is(
        period("1d", anchor, "Pacific/Apia", "2011-12-30T09:59:59Z"),
        "2011-12-29T10:00",
        "2011-12-30T10:00",
    );
    is(
        period("1d", anchor, "Pacific/Apia", "2011-12-30T10:00:00Z"),
        "2011-12-30T10:00",
        "2011-12-31T10:00",
    );
}

#[test]
fn x8_short_windows_begin_at_the_anchor() {
    let anchor = "2026-03-10T15:10:00Z";
    is(
        period("30m", anchor, "Asia/Kolkata", "2026-03-10T15:39:59Z"),
        "2026-03-10T15:10",
        "2026-03-10T15:40",
    );
    is(
        period("30h", anchor, "UTC", "2026-03-10T15:09:59Z"),
        "2026-03-09T09:10",
        "2026-03-10T15:10",
    );
    assert_eq!(
        budget_period(None, moment(anchor), zone("UTC"), moment(anchor)),
        Period::ALWAYS
    );
}

#[test]
fn x8_zones_are_iana_names() {
    assert_eq!(zone(" europe/berlin ").name(), "Europe/Berlin");
    for wrong in ["", "CEST+1", "Mars/Olympus", "Europe"] {
        assert!(Zone::parse(wrong).is_err(), "{wrong}");
    }
    assert_eq!(Zone::trusted("Mars/Olympus"), Zone::default());
}

#[test]
fn x8_no_duration_is_too_long() {
    for duration in ["999999999mo", "999999999d", "999999999h", "999999999s"] {
        let duration = BudgetDuration::parse(duration).unwrap();
        for at in ["1970-01-01T00:00:00Z", "2026-03-10T15:10:00Z", "9998-12-31T23:59:59Z"] {
            let period = budget_period(
                Some(&duration),
                moment("2026-03-10T15:10:00Z"),
                zone("Asia/Tokyo"),
                moment(at),
            );
            assert!(period.has(moment(at)), "{duration} {at} {period:?}");
        }
    }
}

const ZONES: [&str; 9] = [
    "UTC",
    "Europe/Berlin",
    "America/Los_Angeles",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "America/Havana",
];

proptest! {
    /// Each moment is in one period, and where one ends the next begins.
    #[test]
    fn x8_periods_tile_time(
        count in 1_i64..40,
        unit in proptest::sample::select(vec!["s", "m", "h", "d", "mo"]),
        name in proptest::sample::select(ZONES.to_vec()),
        anchor in 1_000_000_000_i64..1_900_000_000,
        at in 1_000_000_000_i64..1_900_000_000,
        into in 0.0_f64..1.0,
    ) {
        let duration = BudgetDuration::parse(&format!("{count}{unit}")).unwrap();
        let of = |at| budget_period(Some(&duration), DateTime::from_timestamp(anchor, 0).unwrap(), zone(name), at);
        let at = DateTime::from_timestamp(at, 0).unwrap();
        let period = of(at);
        prop_assert!(period.has(at));
        let end = period.end.unwrap();
        let next = of(end);
        prop_assert_eq!(next.start, end, "no gap");
        prop_assert_eq!(of(period.start), period);
        prop_assert_eq!(of(end - TimeDelta::microseconds(1)), period, "until just before its end");
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any moment in it will do")]
        let inside = period.start + TimeDelta::seconds(((end - period.start).num_seconds() as f64 * into) as i64);
        prop_assert_eq!(of(inside), period, "every moment in it is in it");
        if unit == "mo" || unit == "d" {
            let local = |at: DateTime<Utc>| at.with_timezone(&zone(name).0);
            prop_assert!(unit == "d" || local(end).day() == 1);
            // A moment before it is another day there, unless the clock went back just then.
            let before = local(end - TimeDelta::hours(3)).date_naive();
            prop_assert!(before < local(end).date_naive());
        }
    }
}
