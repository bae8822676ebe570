//! How long something lasts, as people write it: `30d`.

use std::str::FromStr;

use chrono::TimeDelta;

/// A length of time: a whole number and `m`, `h`, `d` or `w`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lifetime(pub TimeDelta);

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "must be a whole number and a unit, such as 90m, 12h, 30d or 8w".to_owned();
        let unit = text.chars().next_back().ok_or_else(wrong)?;
        let minutes: i64 = match unit {
            'm' => 1,
            'h' => 60,
            'd' => 24 * 60,
            'w' => 7 * 24 * 60,
            _ => return Err(wrong()),
        };
        let count: u32 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
        // Ten years: longer is a mistake, or meant to be for ever.
        let total = i64::from(count) * minutes;
        if !(1..=10 * 366 * 24 * 60).contains(&total) {
            return Err("must be between one minute and ten years".to_owned());
        }
        Ok(Self(TimeDelta::minutes(total)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Lifetime, TimeDelta};

    #[test]
    fn people_write_lengths_of_time() {
        assert_eq!("30d".parse(), Ok(Lifetime(TimeDelta::days(30))));
        assert_eq!("90m".parse(), Ok(Lifetime(TimeDelta::minutes(90))));
        for wrong in ["", "d", "30", "0d", "-1d", "1.5h", "30y", "99999999w", "30ä"] {
            assert!(wrong.parse::<Lifetime>().is_err(), "{wrong}");
        }
    }
}
