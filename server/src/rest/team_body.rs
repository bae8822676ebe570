//! Teams in JSON.

use backend::teams::{NewTeamInput, TeamPatchInput};
use chrono::{DateTime, Utc};
use domain::{DEFAULT_ORGANIZATION, TeamStatus, views};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::present;

/// A team. A member of a team that is not active sees its name and status, and the rest empty.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Team {
    id: Uuid,
    /// The organization; null for a team that stands alone.
    organization_id: Option<Uuid>,
    /// Display name, unique in the organization among teams that are not archived.
    #[schema(example = "Backend Team")]
    name: String,
    /// Made from the name, unique in the organization; stays when the name changes.
    #[schema(example = "backend-team")]
    slug: String,
    #[schema(example = "Backend services development")]
    description: Option<String>,
    #[schema(value_type = Status)]
    status: TeamStatus,
    /// Whether `status` is `active`.
    is_active: bool,
    /// Labels that every runner of the team carries.
    #[schema(example = json!(["linux", "docker"]))]
    required_labels: Vec<String>,
    /// Regular expressions; a custom label has to match one of them as a whole.
    #[schema(example = json!(["backend-.*", "service-.*"]))]
    optional_label_patterns: Vec<String>,
    /// Most runners at a time; null is no limit.
    #[schema(example = 10)]
    max_runners: Option<i32>,
    /// GitHub runner groups that its runners may join; empty means the default group.
    runner_group_ids: Vec<i64>,
    /// Whether its members may provision runners for it; false only for the Default Team.
    runners_enabled: bool,
    /// AI models; empty means all that the organization has.
    models: Vec<String>,
    /// Budget for one period, in US dollars; null is no limit.
    max_budget: Option<f64>,
    /// The budget's period.
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    /// Tokens per minute; null is no limit.
    tpm_limit: Option<i64>,
    /// Requests per minute; null is no limit.
    rpm_limit: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Email of who created it.
    created_by: Option<String>,
    deactivated_at: Option<DateTime<Utc>>,
    /// Email of who deactivated it.
    deactivated_by: Option<String>,
    deactivation_reason: Option<String>,
    member_count: i32,
    project_count: i32,
    /// Runners that count against the quota: all that are not deleted.
    runner_count: i32,
    /// The same as `runner_count`.
    active_runner_count: i32,
}

impl From<views::Team> for Team {
    fn from(team: views::Team) -> Self {
        Self {
            id: team.id.0,
            organization_id: (team.organization_id != DEFAULT_ORGANIZATION).then_some(team.organization_id.0),
            name: team.name,
            slug: team.slug,
            description: team.description,
            status: team.status,
            is_active: team.status == TeamStatus::Active,
            required_labels: team.policy.required.into_iter().map(String::from).collect(),
            optional_label_patterns: team.policy.optional.into_iter().map(String::from).collect(),
            max_runners: team.max_runners,
            runner_group_ids: team.runner_group_ids,
            runners_enabled: team.runners_enabled,
            models: team.limits.models,
            max_budget: team.limits.max_budget.map(domain::Money::to_f64),
            budget_duration: team.limits.budget_duration.map(String::from),
            tpm_limit: team.limits.tpm_limit,
            rpm_limit: team.limits.rpm_limit,
            created_at: team.created_at,
            updated_at: team.updated_at,
            created_by: team.created_by,
            deactivated_at: team.deactivated_at,
            deactivated_by: team.deactivated_by,
            deactivation_reason: team.deactivation_reason,
            member_count: team.member_count,
            project_count: team.project_count,
            runner_count: team.runner_count,
            active_runner_count: team.runner_count,
        }
    }
}

/// A team's status.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(
    dead_code,
    reason = "the schema of domain::TeamStatus, which knows nothing of OpenAPI"
)]
pub(super) enum Status {
    /// Full access.
    Active,
    /// Members see its name and status and nothing else.
    Inactive,
    /// Hidden from members; its data is kept.
    Archived,
}

/// One page of teams.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TeamList {
    pub(super) teams: Vec<Team>,
    /// How many teams all pages hold together.
    #[schema(example = 1)]
    pub(super) total: i64,
    /// `cursor` of the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

impl From<views::Page<views::Team>> for TeamList {
    fn from(page: views::Page<views::Team>) -> Self {
        Self {
            teams: page.items.into_iter().map(Team::from).collect(),
            total: page.total,
            next_cursor: page.next,
        }
    }
}

/// An amount of US dollars: a JSON number, taken as it was written.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Amount(Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The shortest text that reads as this number is the one that the client wrote.
        let text = f64::deserialize(deserializer)?.to_string();
        text.parse()
            .map(Self)
            .map_err(|_| D::Error::custom("must be an amount from 0 to 1000000000"))
    }
}

impl From<Amount> for Decimal {
    fn from(amount: Amount) -> Self {
        amount.0
    }
}

/// A new team.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "name": "Backend Team",
    "description": "Backend services development",
    "required_labels": ["linux", "docker"],
    "optional_label_patterns": ["backend-.*", "service-.*"],
    "max_runners": 10
}))]
pub(super) struct NewTeam {
    /// 2 to 50 characters on one line.
    #[schema(min_length = 2, max_length = 50)]
    name: String,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Letters, digits, `-` and `_`; at most 100 labels.
    required_labels: Option<Vec<String>>,
    /// Regular expressions without backtracking; at most 50. None admits no custom label.
    optional_label_patterns: Option<Vec<String>>,
    /// Left out or null: no limit.
    #[schema(minimum = 0, maximum = 100_000)]
    max_runners: Option<i64>,
    /// Left out or empty: all that the organization has.
    models: Option<Vec<String>>,
    /// US dollars for one period, not above the organization's.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    /// `30s`, `30m`, `30h`, `30d`, `1mo`, `daily`, `weekly`, `monthly` or `yearly`.
    budget_duration: Option<String>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
    /// Left out or null: the only organization that the caller administers, else none.
    organization_id: Option<Uuid>,
}

impl From<NewTeam> for NewTeamInput {
    fn from(body: NewTeam) -> Self {
        Self {
            name: body.name,
            description: body.description,
            required_labels: body.required_labels.unwrap_or_default(),
            optional_label_patterns: body.optional_label_patterns.unwrap_or_default(),
            max_runners: body.max_runners,
            models: body.models.unwrap_or_default(),
            max_budget: body.max_budget.map(Decimal::from),
            budget_duration: body.budget_duration,
            tpm_limit: body.tpm_limit,
            rpm_limit: body.rpm_limit,
            organization_id: body.organization_id.map(Into::into),
            make_me_admin: false,
        }
    }
}

/// Changes to a team: a field that is left out stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"required_labels": ["linux", "docker", "kubernetes"], "max_runners": 15}))]
pub(super) struct TeamPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 2, max_length = 50)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 500)]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    required_labels: Option<Option<Vec<String>>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    optional_label_patterns: Option<Option<Vec<String>>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000)]
    max_runners: Option<Option<i64>>,
    /// GitHub runner groups that its runners may join; null or empty: the default group.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<i64>>)]
    runner_group_ids: Option<Option<Vec<i64>>>,
    /// Of the Default Team only, and by super admins only: true lets its members provision runners for it, and so ends
    /// the use of people's own label policies for everybody in it.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    runners_enabled: Option<bool>,
    /// false deactivates, true activates.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    is_active: Option<bool>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    models: Option<Option<Vec<String>>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    budget_duration: Option<Option<String>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
}

impl From<TeamPatch> for TeamPatchInput {
    fn from(body: TeamPatch) -> Self {
        Self {
            name: body.name,
            description: body.description,
            required_labels: body.required_labels.map(Option::unwrap_or_default),
            optional_label_patterns: body.optional_label_patterns.map(Option::unwrap_or_default),
            max_runners: body.max_runners,
            runner_group_ids: body.runner_group_ids.map(Option::unwrap_or_default),
            runners_enabled: body.runners_enabled,
            is_active: body.is_active,
            models: body.models.map(Option::unwrap_or_default),
            max_budget: body.max_budget.map(|amount| amount.map(Decimal::from)),
            budget_duration: body.budget_duration,
            tpm_limit: body.tpm_limit,
            rpm_limit: body.rpm_limit,
        }
    }
}
