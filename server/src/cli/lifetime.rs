//! How long something lasts, as people write it: `30d`.

use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};

/// How long a token lasts when nobody says: as long as over the API.
pub(super) const DEFAULT: &str = "90d";

/// A length of time: a whole number and `m`, `h`, `d` or `w`; or `never`, which has no end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// So long.
    For(TimeDelta),
    /// Without an end.
    Never,
}

impl Lifetime {
    /// When something that begins now ends; none is never.
    pub(super) fn end(self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        match self {
            Self::For(length) => Some(now + length),
            Self::Never => None,
        }
    }
}

impl FromStr for Lifetime {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        let wrong = || "must be a whole number and a unit, such as 90m, 12h, 30d or 8w, or never".to_owned();
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
            return Err("must be between one minute and ten years, or never".to_owned());
        }
        Ok(Self::For(TimeDelta::minutes(total)))
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT, Lifetime, TimeDelta};

    #[test]
    fn people_write_lengths_of_time() {
        assert_eq!("30d".parse(), Ok(Lifetime::For(TimeDelta::days(30))));
        assert_eq!("90m".parse(), Ok(Lifetime::For(TimeDelta::minutes(90))));
        assert_eq!("never".parse(), Ok(Lifetime::Never));
        for wrong in [
            "",
            "d",
            "30",
            "0d",
            "-1d",
            "1.5h",
            "30y",
            "99999999w",
            "30ä",
            "Never",
            "always",
        ] {
            assert!(wrong.parse::<Lifetime>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_command_line_and_the_api_have_one_default() {
        assert_eq!(DEFAULT.parse(), Ok(Lifetime::For(backend::tokens::DEFAULT_LIFETIME)));
    }
}
