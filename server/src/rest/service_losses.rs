//! What a change of services breaks, as the API says it.

use chrono::{DateTime, Utc};
use domain::views;
use serde::Serialize;
use utoipa::ToSchema;

/// Keys that can no longer use what is lost: those that work now, of people whose accounts are active.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct BrokenKeys {
    keys: i64,
    /// Those of them that were used in the last 30 days.
    recently_used: i64,
    /// Projects that have such keys.
    projects: i64,
    /// Ten of the keys, the last used first.
    examples: Vec<BrokenKey>,
}

/// A key that a change breaks.
#[derive(Debug, Serialize, ToSchema)]
struct BrokenKey {
    name: String,
    /// The first characters of the secret.
    prefix: String,
    team: String,
    project: Option<String>,
    /// Email of whose key it is.
    owner: String,
    last_used_at: Option<DateTime<Utc>>,
}

impl From<views::BrokenKeys> for BrokenKeys {
    fn from(broken: views::BrokenKeys) -> Self {
        Self {
            keys: broken.keys,
            recently_used: broken.recently_used,
            projects: broken.projects,
            examples: broken
                .examples
                .into_iter()
                .map(|key| BrokenKey {
                    name: key.name,
                    prefix: key.prefix,
                    team: key.team,
                    project: key.project,
                    owner: key.owner,
                    last_used_at: key.last_used_at,
                })
                .collect(),
        }
    }
}
