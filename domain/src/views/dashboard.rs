//! What the dashboard shows.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{OrganizationId, RunnerId, Severity, TeamId};

/// The runners that the viewer may see, counted: all that are not deleted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RunnerCounts {
    /// All of them: pending, active and offline.
    pub total: i64,
    /// Connected to GitHub.
    pub active: i64,
    /// Known to GitHub, not connected.
    pub offline: i64,
    /// Reserved or registered, not yet seen at work.
    pub pending: i64,
    /// Of the active ones: those that run a job.
    pub busy: i64,
}

/// What happened lately, short.
#[derive(Debug, Clone, PartialEq)]
pub struct RecentEvent {
    /// Id of the entry in the audit log.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What, for example `provision_jit`.
    pub action: String,
    /// Who, as an email or a system name.
    pub actor: String,
    /// To whom or what, in words.
    pub target: String,
    /// The runner, when it happened to one.
    pub runner_id: Option<RunnerId>,
    /// The team that it happened in.
    pub team: Option<(TeamId, String)>,
    /// Whether it worked.
    pub success: bool,
}

/// The numbers of `GET /dashboard/stats` (SPEC B29).
#[derive(Debug, Clone, PartialEq)]
pub struct DashboardStats {
    /// Runners.
    pub runners: RunnerCounts,
    /// At most ten, newest first.
    pub recent: Vec<RecentEvent>,
}

/// A team's runners against its quota.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamUse {
    /// Id.
    pub id: TeamId,
    /// Display name.
    pub name: String,
    /// Its organization's display name.
    pub organization: String,
    /// Runners that count.
    pub used: i32,
    /// Most runners at a time; none is no limit.
    pub max: Option<i32>,
}

/// Teams, the fullest first, and how many there are.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamUses {
    /// The fullest ones.
    pub teams: Vec<TeamUse>,
    /// All active teams of the same scope that may have runners.
    pub total: i64,
}

/// What was provisioned on a day (UTC).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvisioningDay {
    /// The day.
    pub day: NaiveDate,
    /// Runners that were provisioned.
    pub created: i64,
    /// Requests that were refused or failed.
    pub failed: i64,
}

/// How long runners worked on a day (UTC), by when their jobs completed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MinutesDay {
    /// The day.
    pub day: NaiveDate,
    /// Seconds of completed jobs.
    pub seconds: Decimal,
}

/// The Dashboard page.
#[derive(Debug, Clone, PartialEq)]
pub struct Dashboard {
    /// Runners and recent events.
    pub stats: DashboardStats,
    /// Teams against their quotas.
    pub teams: TeamUses,
    /// The last 30 days, oldest first, none left out.
    pub provisioning: Vec<ProvisioningDay>,
    /// The same days.
    pub minutes: Vec<MinutesDay>,
    /// Security events of the last 7 days by severity, the worst first.
    pub security: Vec<(Severity, i64)>,
}

/// The numbers of `GET /admin/stats` (SPEC B29).
#[derive(Debug, Clone, PartialEq)]
pub struct AdminStats {
    /// The organizations that the numbers are of; none is all.
    pub scope: Option<Vec<OrganizationId>>,
    /// Organizations.
    pub organizations: i64,
    /// Teams: active, inactive, archived.
    pub teams: [i64; 3],
    /// People: active, deactivated.
    pub users: [i64; 2],
    /// Runners.
    pub runners: RunnerCounts,
    /// Teams against their quotas.
    pub usage: TeamUses,
    /// The last 30 days.
    pub provisioning: Vec<ProvisioningDay>,
    /// Security events of the last 7 days by severity.
    pub security: Vec<(Severity, i64)>,
}
