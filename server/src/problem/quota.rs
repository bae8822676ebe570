//! Who holds a full quota, in the refusal that it is the reason of.

use chrono::{DateTime, Utc};
use domain::{
    RunnerStatus,
    views::{QuotaHolders, Runner},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

/// A full quota: who holds it, and for how long.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaBody {
    /// Whose quota: `team`, `organization` or `user`.
    #[schema(example = "team")]
    scope: &'static str,
    /// How many runners count against it.
    #[schema(example = 10)]
    total: i64,
    /// How many of them are idle or offline and can be deleted by the caller: see `POST /runners/cleanup`.
    #[schema(example = 3)]
    removable: i64,
}

/// A runner that counts against a quota.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaHolder {
    runner_id: Uuid,
    #[schema(example = "backend-runner-a1b2c3")]
    runner_name: String,
    /// Email of who provisioned it, or the machine client's name.
    #[schema(example = "user@example.com")]
    provisioned_by: String,
    /// `pending`, `active` or `offline`.
    #[schema(value_type = String, example = "active")]
    status: RunnerStatus,
    /// Whether it runs a job now.
    busy: bool,
    /// Since when `status` and `busy` are what they are.
    since: DateTime<Utc>,
    /// The same, in seconds.
    #[schema(example = 3600)]
    age_seconds: i64,
}

impl From<&QuotaHolders> for QuotaBody {
    fn from(holders: &QuotaHolders) -> Self {
        Self {
            scope: holders.scope.as_str(),
            total: holders.total,
            removable: holders.removable,
        }
    }
}

impl QuotaHolder {
    fn of(runner: &Runner, now: DateTime<Utc>) -> Self {
        Self {
            runner_id: runner.id.0,
            runner_name: runner.name.clone(),
            provisioned_by: runner.provisioned_by.clone(),
            status: runner.status,
            busy: runner.busy,
            since: runner.state_since,
            age_seconds: (now - runner.state_since).num_seconds().max(0),
        }
    }

    pub(super) fn all(holders: &QuotaHolders) -> Vec<Self> {
        holders
            .runners
            .iter()
            .map(|runner| Self::of(runner, holders.at))
            .collect()
    }
}
