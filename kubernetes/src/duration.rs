//! Ages as kubectl writes them, and how long a key lives as a manifest writes it.

use chrono::{DateTime, TimeDelta, Utc};

use crate::Cause;

/// The longest life of a key, in days: a hundred years.
const LONGEST: i64 = 36_500;

/// How long a key lives, as `spec.duration` says it: `30s`, `30m`, `30h` or `30d`. A month is no length of time, so `mo`
/// is for budgets alone.
pub fn lifetime(text: &str) -> Result<TimeDelta, Cause> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = number.parse::<i64>().ok();
    let lifetime = match unit {
        "s" => number.and_then(TimeDelta::try_seconds),
        "m" => number.and_then(TimeDelta::try_minutes),
        "h" => number.and_then(TimeDelta::try_hours),
        "d" => number.and_then(TimeDelta::try_days),
        _ => None,
    };
    lifetime
        .filter(|lifetime| (TimeDelta::seconds(1)..=TimeDelta::days(LONGEST)).contains(lifetime))
        .ok_or_else(|| {
            let rule = "must be a whole number and one of s, m, h, d: 30s, 30m, 30h or 30d; at most 36500d";
            Cause::invalid("spec.duration", &text.into(), rule)
        })
}

/// How long ago something was: `30s`, `2m`, `5m10s`, `3h12m`, `5d`, `2y30d`.
pub fn age(since: DateTime<Utc>, now: DateTime<Utc>) -> String {
    short(now.signed_duration_since(since).num_seconds())
}

/// The larger the time, the fewer its parts.
fn short(seconds: i64) -> String {
    let two = |large: i64, unit: &str, small: i64, rest: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit}{small}{rest}"),
    };
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    let days = hours / 24;
    match () {
        // Clocks that differ a little.
        () if seconds < -1 => "<invalid>".to_owned(),
        () if seconds < 0 => "0s".to_owned(),
        () if seconds < 120 => format!("{seconds}s"),
        () if minutes < 10 => two(minutes, "m", seconds % 60, "s"),
        () if minutes < 180 => format!("{minutes}m"),
        () if hours < 8 => two(hours, "h", minutes % 60, "m"),
        () if hours < 48 => format!("{hours}h"),
        () if days < 8 => two(days, "d", hours % 24, "h"),
        () if days < 2 * 365 => format!("{days}d"),
        () if days < 8 * 365 => two(days / 365, "y", days % 365, "d"),
        () => format!("{}y", days / 365),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a12_a_key_lives_for_a_number_of_seconds_minutes_hours_or_days() {
        for (text, seconds) in [
            ("1s", 1),
            ("30m", 30 * 60),
            ("024h", 24 * 3600),
            ("30d", 30 * 86_400),
            ("36500d", 36_500 * 86_400),
            ("876000h", 36_500 * 86_400),
        ] {
            assert_eq!(lifetime(text), Ok(TimeDelta::seconds(seconds)), "{text}");
        }
        for bad in [
            "",
            "d",
            "30",
            "0d",
            "-1d",
            "1.5h",
            "30 d",
            " 30d",
            "1mo",
            "1y",
            "36501d",
            "876001h",
            "9223372036854775807s",
            "99999999999999999999s",
            "\u{663}d",
        ] {
            let cause = lifetime(bad).unwrap_err();
            assert_eq!(cause.field, "spec.duration", "{bad}");
            assert!(cause.message.contains("one of s, m, h, d: 30s"), "{}", cause.message);
        }
    }

    #[test]
    fn a8_ages_read_as_kubectls() {
        const MINUTE: i64 = 60;
        const HOUR: i64 = 60 * MINUTE;
        const DAY: i64 = 24 * HOUR;
        for (seconds, text) in [
            (-5, "<invalid>"),
            (-1, "0s"),
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (5 * MINUTE + 10, "5m10s"),
            (10 * MINUTE + 10, "10m"),
            (179 * MINUTE, "179m"),
            (3 * HOUR + 12 * MINUTE, "3h12m"),
            (8 * HOUR + 12 * MINUTE, "8h"),
            (47 * HOUR, "47h"),
            (2 * DAY + 3 * HOUR, "2d3h"),
            (5 * DAY, "5d"),
            (30 * DAY, "30d"),
            (730 * DAY, "2y"),
            (760 * DAY, "2y30d"),
            (3000 * DAY, "8y"),
        ] {
            assert_eq!(short(seconds), text, "{seconds}");
        }
    }
}
