//! Runner names and states (SPEC B11, B15).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{Invalid, labels::is_word, names::text_type};

text_type! {
    /// A runner's name: 1 to 64 letters, digits, `-` or `_`.
    RunnerName
}

impl RunnerName {
    /// Parses a whole name.
    ///
    /// # Errors
    /// When it has other characters or the wrong length.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        word("runner_name", text, 64).map(Self)
    }
}

text_type! {
    /// What a generated runner name starts with: 1 to 50 letters, digits, `-` or `_`.
    RunnerNamePrefix
}

impl RunnerNamePrefix {
    /// Parses a prefix.
    ///
    /// # Errors
    /// When it has other characters or the wrong length.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        word("runner_name_prefix", text, 50).map(Self)
    }

    /// The prefix that a team's slug gives, or `runner` without one.
    pub fn from_slug(slug: Option<&str>) -> Self {
        Self(slug.map_or("runner", |slug| &slug[..slug.len().min(50)]).to_owned())
    }

    /// `<prefix>-<6 hex>`, from 24 random bits.
    pub fn with_suffix(&self, random: u32) -> RunnerName {
        RunnerName(format!("{}-{:06x}", self.0, random & 0xff_ffff))
    }
}

fn word(field: &'static str, text: &str, max: usize) -> Result<String, Invalid> {
    let text = text.trim();
    if text.is_empty() || text.len() > max || !is_word(text) {
        return Err(Invalid::new(
            field,
            format!("must be 1 to {max} letters, digits, '-' or '_'"),
        ));
    }
    Ok(text.to_owned())
}

/// How a request names the runner it wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunnerNaming {
    /// Exactly this name.
    Exact(RunnerName),
    /// A name that starts like this.
    Prefix(RunnerNamePrefix),
    /// A name that starts with the team's slug, or `runner`.
    Generated,
}

impl RunnerNaming {
    /// Reads the two fields of SPEC B11; blank counts as absent.
    ///
    /// # Errors
    /// When both are given, or the one given is no name.
    pub fn parse(name: Option<&str>, prefix: Option<&str>) -> Result<Self, Invalid> {
        let given = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        match (given(name), given(prefix)) {
            (Some(_), Some(_)) => Err(Invalid::new(
                "runner_name",
                "Only one of 'runner_name' or 'runner_name_prefix' can be provided, not both",
            )),
            (Some(name), None) => RunnerName::parse(&name).map(Self::Exact),
            (None, Some(prefix)) => RunnerNamePrefix::parse(&prefix).map(Self::Prefix),
            (None, None) => Ok(Self::Generated),
        }
    }
}

text_type! {
    /// The folder that a runner works in: 1 to 100 characters, relative, inside its own folder.
    WorkFolder
}

impl WorkFolder {
    /// Parses a folder.
    ///
    /// # Errors
    /// When it is absolute, leaves its own folder or has other characters than a path's.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let fits = !text.is_empty()
            && text.len() <= 100
            && !text.starts_with('/')
            && text.split('/').all(|part| part != "..")
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new(
                "work_folder",
                "must be a relative path of letters, digits and - _ . /",
            ))
        }
    }
}

/// Where a runner is in its life. GitHub's `online` is [`Active`](Self::Active); busy is kept beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunnerStatus {
    /// Reserved or registered, not yet seen at work.
    Pending,
    /// Connected to GitHub.
    Active,
    /// Known to GitHub, not connected.
    Offline,
    /// Gone.
    Deleted,
}

impl RunnerStatus {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Active, Self::Offline, Self::Deleted];

    /// The word that the database, APIs and URLs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Offline => "offline",
            Self::Deleted => "deleted",
        }
    }

    /// GitHub's word for a runner's connection, in ours (SPEC B15): the one place that maps it. `online` is
    /// [`Active`](Self::Active); `offline`, and any word that GitHub may invent, is not connected.
    pub fn from_github(word: &str) -> Self {
        if word.eq_ignore_ascii_case("online") {
            Self::Active
        } else {
            Self::Offline
        }
    }

    /// What a runner of this status is, once GitHub has said `word` of it. One that never connected stays pending while
    /// GitHub calls it offline, and what is deleted stays deleted.
    #[must_use]
    pub fn seen(self, word: &str) -> Self {
        match (self, Self::from_github(word)) {
            (Self::Deleted, _) => Self::Deleted,
            (Self::Pending, Self::Offline) => Self::Pending,
            (_, seen) => seen,
        }
    }
}

impl fmt::Display for RunnerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunnerStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Invalid::new("status", "must be pending, active, offline or deleted"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn b11_names() {
        assert_eq!(RunnerNaming::parse(None, Some(" ")), Ok(RunnerNaming::Generated));
        let both = RunnerNaming::parse(Some("a"), Some("b")).unwrap_err();
        assert_eq!(
            both.message,
            "Only one of 'runner_name' or 'runner_name_prefix' can be provided, not both"
        );
        assert!(RunnerName::parse("has space").is_err());
        assert!(RunnerNamePrefix::parse(&"a".repeat(51)).is_err());
        let name = RunnerNamePrefix::parse("backend-runner")
            .unwrap()
            .with_suffix(0xffa1_b2c3);
        assert_eq!(name.as_str(), "backend-runner-a1b2c3");
        assert_eq!(RunnerNamePrefix::from_slug(Some(&"s".repeat(63))).as_str().len(), 50);
        assert_eq!(RunnerNamePrefix::from_slug(None).as_str(), "runner");
    }

    #[test]
    fn b15_githubs_words_are_mapped_once() {
        use RunnerStatus::{Active, Deleted, Offline, Pending};
        assert_eq!(RunnerStatus::from_github("online"), Active);
        assert_eq!(RunnerStatus::from_github("Online"), Active);
        assert_eq!(RunnerStatus::from_github("offline"), Offline);
        assert_eq!(RunnerStatus::from_github("hibernating"), Offline);
        assert_eq!(Pending.seen("online"), Active);
        assert_eq!(Pending.seen("offline"), Pending, "it never connected");
        assert_eq!(Active.seen("offline"), Offline);
        assert_eq!(Offline.seen("online"), Active);
        assert_eq!(Deleted.seen("online"), Deleted, "its configuration is used up");
    }

    #[test]
    fn work_folders_stay_inside() {
        assert!(WorkFolder::parse("_work").is_ok());
        for bad in ["", "/etc", "../x", "a/../b", "a b"] {
            assert!(WorkFolder::parse(bad).is_err(), "{bad}");
        }
    }
}
