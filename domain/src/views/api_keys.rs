//! Keys for models and for services, in one list (SPEC C8).

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Map, Value};

use super::TeamPage;
use crate::{
    ApiKeyStatus, KeyId, KeyKind, KeyPolicy, Limits, Money, OrganizationId, ProjectId, TeamId, UserId,
    hierarchy::Effective,
};

/// A key of either kind, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKey {
    /// Id.
    pub id: KeyId,
    /// What it opens.
    pub kind: KeyKind,
    /// Its team.
    pub team_id: TeamId,
    /// Its team's name.
    pub team_name: String,
    /// Its team's organization.
    pub organization_id: OrganizationId,
    /// The project of a key for services.
    pub project_id: Option<ProjectId>,
    /// That project's name.
    pub project_name: Option<String>,
    /// Name.
    pub name: String,
    /// The first characters of the secret; empty as long as there is none.
    pub prefix: String,
    /// Its name at LiteLLM.
    pub alias: Option<String>,
    /// Whose it is.
    pub owner_id: UserId,
    /// The owner's email.
    pub owner: String,
    /// What it is worth now.
    pub status: ApiKeyStatus,
    /// Whether somebody is making it at this moment.
    pub being_made: bool,
    /// Its own limits.
    pub limits: Limits,
    /// From here on LiteLLM warns.
    pub soft_budget: Option<Money>,
    /// Tags of its spending.
    pub tags: Vec<String>,
    /// What else LiteLLM was told: guardrails, metadata, limits by model.
    pub details: Map<String, Value>,
    /// What it has spent in its period, as LiteLLM said last.
    pub spend: Money,
    /// When LiteLLM said so.
    pub spend_at: Option<DateTime<Utc>>,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Email of who made it.
    pub created_by: Option<String>,
    /// When it ends; none is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last use at Guildhall's own doors.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The key that has taken its place.
    pub replaced_by: Option<KeyId>,
    /// Why LiteLLM does not know yet what changed last.
    pub sync_error: Option<String>,
}

impl ApiKey {
    /// How much of the budget is spent, in percent; none without a budget.
    pub fn budget_utilization(&self) -> Option<f64> {
        let budget = self
            .limits
            .max_budget
            .map(Money::to_f64)
            .filter(|budget| *budget > 0.0)?;
        Some(self.spend.to_f64() / budget * 100.0)
    }
}

/// What was spent on a day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DaySpend {
    /// The day, in UTC.
    pub day: NaiveDate,
    /// Dollars.
    pub spend: Money,
}

/// One key with what its page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiKeyPage {
    /// The key.
    pub key: ApiKey,
    /// What is in force.
    pub effective: Effective,
    /// Spending of the last 30 days, days without any included.
    pub days: Vec<DaySpend>,
    /// Whether it is the viewer's own.
    pub own: bool,
    /// Whether the viewer may change, rotate and revoke it.
    pub may_manage: bool,
    /// Whether the viewer may hold its secret: their own, or that of someone who stands no higher.
    pub may_hold: bool,
    /// Whether the viewer may start its spending anew.
    pub may_reset: bool,
    /// Whether LiteLLM could make it now, as far as we know; false while it is left alone.
    pub litellm_ready: bool,
}

/// A list of keys in numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyStats {
    /// How many there are with each status.
    pub counts: Vec<(ApiKeyStatus, i64)>,
    /// What they have spent in their periods together.
    pub total_spend: Money,
    /// Spending day by day, days without any included.
    pub days: Vec<DaySpend>,
}

/// What the form for a new key offers.
#[derive(Debug, Clone)]
pub struct KeyForm {
    /// The teams to choose from, the default one first.
    pub teams: Vec<KeyFormTeam>,
    /// Defaults and ceilings.
    pub policy: KeyPolicy,
    /// How many keys the person has that count.
    pub active: i64,
}

/// A team that a key can be of.
#[derive(Debug, Clone, PartialEq)]
pub struct KeyFormTeam {
    /// Id.
    pub id: TeamId,
    /// Name.
    pub name: String,
    /// Its limits.
    pub limits: Limits,
    /// Restricted models that no approved request of the team names: keys do not get them (SPEC C15).
    pub restricted: Vec<String>,
    /// Whether the person may make keys for others there.
    pub manages: bool,
}

/// A team's keys.
#[derive(Debug, Clone)]
pub struct TeamKeys {
    /// The team and the viewer's standing.
    pub page: TeamPage,
    /// Whether the list has everybody's keys, or only the viewer's.
    pub all: bool,
}
