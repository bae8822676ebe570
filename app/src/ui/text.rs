//! Words for numbers and times.

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Timelike as _, Utc};
use domain::{
    Money,
    cost::{cents, grouped},
};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

// Put together by hand: a list has hundreds of dates, and chrono reads its format anew for each.

/// A date as people write it: 3 Mar 2026.
pub fn date(at: DateTime<Utc>) -> String {
    let month = MONTHS.get(at.month0() as usize).copied().unwrap_or_default();
    format!("{} {month} {}", at.day(), at.year())
}

/// A day as people write it: 3 Mar 2026.
pub fn day(at: NaiveDate) -> String {
    format!("{} {}", short_day(at), at.year())
}

/// A day of this year: 3 Mar.
pub fn short_day(at: NaiveDate) -> String {
    let month = MONTHS.get(at.month0() as usize).copied().unwrap_or_default();
    format!("{} {month}", at.day())
}

/// A moment as people write it: 3 Mar 2026, 09:05 UTC.
pub fn moment(at: DateTime<Utc>) -> String {
    format!("{}, {:02}:{:02} UTC", date(at), at.hour(), at.minute())
}

/// A moment as machines read it, to the second.
pub fn machine(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The same text with a capital letter at its beginning.
pub fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// How long ago something was, in the largest whole unit; after a month the date.
pub fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds().max(0);
    let count = |n: i64, unit: &str| format!("{} ago", plural(n, unit));
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => count(seconds / 60, "minute"),
        3_600..86_400 => count(seconds / 3_600, "hour"),
        86_400..2_592_000 => count(seconds / 86_400, "day"),
        _ => date(at),
    }
}

/// How soon something is, in the largest whole unit that it is more than: `in 3 days`.
pub fn ahead(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (at - now).num_seconds().max(0);
    let count = |n: i64, unit: &str| format!("in {}", plural(n, unit));
    match seconds {
        0..60 => "in less than a minute".to_owned(),
        60..3_600 => count(seconds / 60, "minute"),
        3_600..172_800 => count(seconds / 3_600, "hour"),
        // To the nearest: what begins with 21 days is "in 21 days", not "in 20" a second later.
        _ => count((seconds + 43_200) / 86_400, "day"),
    }
}

/// `1 team`, `2 teams`, `2 people`.
pub fn plural(n: i64, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {}", many(noun))
    }
}

/// Several of a noun: teams, people, policies.
pub(super) fn many(noun: &str) -> String {
    match noun.strip_suffix("policy") {
        _ if noun == "person" => "people".to_owned(),
        Some(stem) => format!("{stem}policies"),
        None => format!("{noun}s"),
    }
}

/// The initials of a name or an email: at most two letters.
pub fn initials(name: &str) -> String {
    let name = name.split('@').next().unwrap_or_default();
    name.split([' ', '.', '-', '_'])
        .filter_map(|part| part.chars().next())
        .take(2)
        .flat_map(char::to_uppercase)
        .collect()
}

/// An amount: to the cent, or closer when it is less than one.
pub fn dollars(amount: Money) -> String {
    let exact = amount.decimal();
    let cents = cents(amount);
    if !exact.is_zero() && cents.is_zero() {
        format!("${}", exact.round_dp(6).normalize())
    } else {
        format!("${}", grouped(cents))
    }
}

/// An amount in a currency, with two decimals: `$19.19`, and with its name where it is none of dollars: `19.19 EUR`.
pub fn money(amount: Money, currency: &str) -> String {
    if currency == "USD" {
        dollars(amount)
    } else {
        format!("{} {currency}", grouped(cents(amount)))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    #[test]
    fn moments_read_well() {
        let at = DateTime::from_timestamp(1_772_528_705, 0).unwrap();
        assert_eq!(date(at), "3 Mar 2026");
        assert_eq!(moment(at), "3 Mar 2026, 09:05 UTC");
        assert_eq!(machine(at), "2026-03-03T09:05:05Z");
    }

    #[test]
    fn distances_read_well() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(ago(now, now), "just now");
        assert_eq!(ago(now - TimeDelta::seconds(61), now), "1 minute ago");
        assert_eq!(ago(now - TimeDelta::hours(5), now), "5 hours ago");
        assert_eq!(ago(now - TimeDelta::days(40), now), "6 Dec 2026");
        assert_eq!(ago(now + TimeDelta::hours(1), now), "just now", "clocks differ");
    }

    #[test]
    fn nouns_have_their_plurals() {
        let texts = ["team", "person", "label policy"].map(|noun| plural(2, noun));
        assert_eq!(texts, ["2 teams", "2 people", "2 label policies"]);
        assert_eq!(plural(1, "label policy"), "1 label policy");
    }

    #[test]
    fn initials_come_from_names_and_emails() {
        assert_eq!(initials("Maria Keller"), "MK");
        assert_eq!(initials("ada.lovelace@example.com"), "AL");
        assert_eq!(initials(""), "");
    }
}
