//! The body of a `workflow_job` delivery, as far as we need it.

use std::str::FromStr;

use chrono::{DateTime, Utc};
use domain::Invalid;
use serde::{Deserialize, Deserializer};

use crate::{Code, Error, Result};

/// The longest text that is kept of a delivery, in characters.
const LONGEST: usize = 255;
/// The most labels.
const MOST_LABELS: usize = 100;

/// How far a job is. A later one is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobStatus {
    /// It waits for a runner.
    Queued,
    /// It runs.
    InProgress,
    /// It is over, for whatever reason.
    Completed,
}

impl JobStatus {
    /// GitHub's word, which is also the database's.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
        }
    }
}

impl FromStr for JobStatus {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        [Self::Queued, Self::InProgress, Self::Completed]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| Invalid::new("action", "must be queued, in_progress or completed"))
    }
}

/// One event of a job's life. Texts are free of NUL, and no longer than we keep.
#[derive(Debug, Clone)]
pub struct Event {
    /// GitHub's number of the job.
    pub id: i64,
    /// GitHub's number of the workflow run.
    pub run_id: i64,
    /// Which attempt of the run.
    pub run_attempt: i32,
    /// Who owns the repository.
    pub owner: String,
    /// The repository's name, without its owner.
    pub repo: String,
    /// The workflow's name.
    pub workflow_name: Option<String>,
    /// The job's name.
    pub name: String,
    /// Login of who started it.
    pub sender: Option<String>,
    /// What it asks of a runner.
    pub labels: Vec<String>,
    /// How far it is.
    pub status: JobStatus,
    /// How it ended.
    pub conclusion: Option<String>,
    /// When it began to run; none while it is queued, whatever GitHub says.
    pub started_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub completed_at: Option<DateTime<Utc>>,
    /// GitHub's number of the runner.
    pub runner_id: Option<i64>,
    /// The runner's name.
    pub runner_name: Option<String>,
}

impl Event {
    /// `owner/name`.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.repo)
    }

    /// Whether one of our runners could take it: queued jobs for GitHub's own machines are not kept.
    pub(super) fn may_become_ours(&self) -> bool {
        self.status == JobStatus::Queued
            && self
                .labels
                .iter()
                .any(|label| label.eq_ignore_ascii_case("self-hosted"))
    }
}

#[derive(Deserialize)]
struct Body {
    action: String,
    workflow_job: Job,
    repository: Repository,
    #[serde(default)]
    sender: Option<Account>,
}

#[derive(Deserialize)]
struct Job {
    id: i64,
    run_id: i64,
    #[serde(default)]
    run_attempt: Option<i32>,
    name: String,
    #[serde(default)]
    workflow_name: Option<String>,
    #[serde(default, deserialize_with = "null_is_empty")]
    labels: Vec<String>,
    #[serde(default)]
    conclusion: Option<String>,
    #[serde(default)]
    started_at: Option<DateTime<Utc>>,
    #[serde(default)]
    completed_at: Option<DateTime<Utc>>,
    #[serde(default)]
    runner_id: Option<i64>,
    #[serde(default)]
    runner_name: Option<String>,
}

#[derive(Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Deserialize)]
struct Account {
    login: String,
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a delivery's body; none for an action that we have no use for (`waiting`).
///
/// # Errors
/// 422 when it is not JSON, or lacks what GitHub sends.
pub fn parse(body: &[u8]) -> Result<Option<Event>> {
    let body: Body = serde_json::from_slice(body).map_err(|error| {
        Error::refused(
            Code::BadBody,
            format!("The body is no workflow_job event in JSON: {error}. The webhook's content type at GitHub must be application/json."),
        )
    })?;
    let Ok(status) = body.action.parse::<JobStatus>() else {
        return Ok(None);
    };
    let job = body.workflow_job;
    if job.id < 1 || job.run_id < 1 {
        return Err(Error::invalid("workflow_job.id", "must be a positive number"));
    }
    let (owner, repo) = body
        .repository
        .full_name
        .split_once('/')
        .filter(|(owner, repo)| !owner.is_empty() && !repo.is_empty())
        .ok_or_else(|| Error::invalid("repository.full_name", "must be owner/name"))?;
    let started_at = if status == JobStatus::Queued {
        None
    } else {
        job.started_at
    };
    let completed_at = (status == JobStatus::Completed).then_some(job.completed_at).flatten();
    Ok(Some(Event {
        id: job.id,
        run_id: job.run_id,
        run_attempt: job.run_attempt.unwrap_or(1).max(1),
        owner: clean(owner),
        repo: clean(repo),
        workflow_name: job.workflow_name.as_deref().and_then(given),
        name: clean(&job.name),
        sender: body.sender.and_then(|sender| given(&sender.login)),
        labels: job.labels.iter().take(MOST_LABELS).map(|label| clean(label)).collect(),
        status,
        conclusion: job.conclusion.as_deref().and_then(given),
        // GitHub gives jobs that were cancelled before they began a start after their end.
        started_at: match (started_at, completed_at) {
            (Some(start), Some(end)) => Some(start.min(end)),
            (start, _) => start,
        },
        completed_at,
        // A job that no runner took has the runner 0, or none, without a name.
        runner_id: job.runner_id.filter(|id| *id > 0),
        runner_name: job.runner_name.as_deref().and_then(given),
    }))
}

fn given(text: &str) -> Option<String> {
    let text = clean(text);
    (!text.trim().is_empty()).then_some(text)
}

/// What the database can keep.
fn clean(text: &str) -> String {
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}
