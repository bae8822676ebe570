//! A list of people between two requests: from the form that it was pasted into to the page that previews it.

use serde::{Deserialize, Serialize};

use crate::{
    forms::storable,
    ssr::{self, Result},
};

/// The longest list, in bytes: 10,000 lines of a CSV file fit.
pub(crate) const LONGEST: usize = 1024 * 1024;

const KEY: &str = "roster";

/// A list as it was typed. It stays in the session until it is added or another one takes its place, so that neither a
/// reload nor a way back loses it. The forms of the preview carry their own copy: what is added is what was shown.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Draft {
    /// The id of the team that it is for.
    pub(crate) team: String,
    /// The text.
    pub(crate) list: String,
    /// The role of those who have none in the text.
    pub(crate) role: String,
    /// Whether those without an account are invited.
    pub(crate) invite: bool,
}

impl Default for Draft {
    /// Nothing typed yet.
    fn default() -> Self {
        Self {
            team: String::new(),
            list: String::new(),
            role: String::new(),
            invite: true,
        }
    }
}

impl Draft {
    /// What was kept for a team.
    pub(crate) async fn of(team: &str) -> Option<Self> {
        let session = ssr::visit().session;
        let draft = session.get::<Self>(KEY).await.ok().flatten()?;
        (draft.team == team).then_some(draft)
    }

    /// Keeps it.
    pub(crate) async fn keep(&self) -> Result<()> {
        let stored = Self {
            list: storable(&self.list),
            ..self.clone()
        };
        let kept = ssr::visit().session.insert(KEY, stored).await;
        kept.map_err(|error| ssr::Error::internal(error.to_string()))
    }

    /// Forgets what was kept.
    pub(crate) async fn forget() {
        let session = ssr::visit().session;
        if let Err(error) = session.remove_value(KEY).await {
            tracing::warn!(%error, "a list that was added stays in the session");
        }
    }
}

/// `1 person`, `4,900 people`.
pub(crate) fn people(n: usize) -> String {
    if n == 1 {
        "1 person".to_owned()
    } else {
        format!("{} people", thousands(n))
    }
}

/// A number with a comma between its thousands.
pub(crate) fn thousands(n: usize) -> String {
    domain::cost::grouped(n.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        for (n, text) in [
            (0, "0"),
            (999, "999"),
            (4900, "4,900"),
            (10_000, "10,000"),
            (1_234_567, "1,234,567"),
        ] {
            assert_eq!(thousands(n), text);
        }
        assert_eq!(people(1), "1 person");
        assert_eq!(people(4900), "4,900 people");
    }
}
