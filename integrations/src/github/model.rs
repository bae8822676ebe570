//! What GitHub's answers hold, as far as we need it, and the wire forms they are read from.

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// What to ask for with [`generate_jit_config`](super::GitHub::generate_jit_config).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct JitRequest<'a> {
    /// The runner's name, unique in the organization.
    pub name: &'a str,
    /// The runner group it joins; GitHub demands one. The default group is 1.
    pub runner_group_id: i64,
    /// All labels, 1 to 100; whether GitHub adds any by itself is disputed, so name each one.
    pub labels: &'a [String],
    /// The working directory below the runner's installation.
    pub work_folder: &'a str,
}

/// A just-in-time configuration: the one secret a runner needs to start, valid for one hour and one job.
#[derive(Clone, Debug)]
pub struct JitConfig {
    /// The runner that now exists, still offline.
    pub runner: Runner,
    /// For `./run.sh --jitconfig …`. Show it once, never store or log it.
    pub encoded_jit_config: SecretString,
}

/// A self-hosted runner as GitHub sees it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Runner {
    /// GitHub's number for it.
    pub id: i64,
    /// Its name, unique in the organization.
    pub name: String,
    /// `linux`, `windows`, `macos`, or `unknown` before its first start.
    #[serde(default)]
    pub os: String,
    /// GitHub's word: `online` or `offline`.
    pub status: String,
    /// Whether it runs a job now.
    #[serde(default)]
    pub busy: bool,
    /// Label names, in GitHub's order.
    #[serde(default, deserialize_with = "label_names")]
    pub labels: Vec<String>,
    /// The runner group it belongs to.
    #[serde(default)]
    pub runner_group_id: Option<i64>,
}

/// A runner group of the organization.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunnerGroup {
    /// GitHub's number for it.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// `all`, `selected` or `private`: which repositories may use it.
    #[serde(default)]
    pub visibility: String,
    /// Whether it is the organization's default group.
    #[serde(default)]
    pub default: bool,
}

/// `POST …/generate-jitconfig`.
#[derive(Deserialize)]
pub(super) struct JitAnswer {
    pub runner: Runner,
    pub encoded_jit_config: String,
}

/// `GET …/runners`.
#[derive(Deserialize)]
pub(super) struct RunnerList {
    pub total_count: u64,
    pub runners: Vec<Runner>,
}

/// `GET …/runner-groups`.
#[derive(Deserialize)]
pub(super) struct GroupList {
    pub total_count: u64,
    pub runner_groups: Vec<RunnerGroup>,
}

/// `POST /app/installations/{id}/access_tokens`.
#[derive(Deserialize)]
pub(super) struct InstallationToken {
    pub token: String,
    pub expires_at: chrono::DateTime<chrono::Utc>,
}

/// The body of an error, of which GitHub fills in what it likes.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorBody {
    pub message: String,
    pub errors: serde_json::Value,
}

impl ErrorBody {
    /// GitHub's message and the messages in its `errors` list, in one line.
    pub(super) fn text(&self) -> String {
        let details: Vec<&str> = self
            .errors
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.as_str().or_else(|| entry.get("message")?.as_str()))
            .collect();
        match (self.message.as_str(), details.is_empty()) {
            (message, true) => message.to_owned(),
            ("", false) => details.join("; "),
            (message, false) => format!("{message}: {}", details.join("; ")),
        }
    }
}

fn label_names<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    struct Label {
        name: String,
    }
    let labels = Vec::<Label>::deserialize(deserializer)?;
    Ok(labels.into_iter().map(|label| label.name).collect())
}
