//! A team as the database gives it.

use chrono::{DateTime, Utc};
use domain::{BudgetDuration, Label, LabelPattern, LabelPolicy, Limits, Money, OrganizationId, TeamId, views::Team};
use rust_decimal::Decimal;
use sqlx::{PgConnection, Row as _, postgres::PgRow};
use uuid::Uuid;

use crate::Result;

/// The columns of a team in every query, in the order of [`TeamRow::by_place`]; `o` is its organization, `c` and `d` who created and
/// deactivated it.
pub(super) const COLUMNS: &str = "t.id, t.organization_id, o.slug AS organization_slug, o.name AS organization_name,
    t.name, t.slug, t.description, t.status, t.is_system, t.runners_enabled, t.required_labels,
    t.optional_label_patterns, t.max_runners, t.runner_group_ids, t.models, t.max_budget, t.budget_duration,
    t.tpm_limit, t.rpm_limit, t.created_at, t.updated_at, c.email AS created_by, t.deactivated_at,
    d.email AS deactivated_by, t.deactivation_reason, t.member_count, t.project_count, t.runner_count";

/// The tables of [`COLUMNS`].
pub(super) const TABLES: &str = "teams t JOIN organizations o ON o.id = t.organization_id
    LEFT JOIN users c ON c.id = t.created_by LEFT JOIN users d ON d.id = t.deactivated_by";

#[derive(Debug)]
pub(super) struct TeamRow {
    pub(super) id: Uuid,
    organization_id: Uuid,
    organization_slug: String,
    organization_name: String,
    name: String,
    slug: String,
    description: Option<String>,
    status: String,
    is_system: bool,
    runners_enabled: bool,
    required_labels: Vec<String>,
    optional_label_patterns: Vec<String>,
    max_runners: Option<i32>,
    runner_group_ids: Vec<i64>,
    models: Vec<String>,
    max_budget: Option<Decimal>,
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    created_by: Option<String>,
    deactivated_at: Option<DateTime<Utc>>,
    deactivated_by: Option<String>,
    deactivation_reason: Option<String>,
    member_count: i32,
    project_count: i32,
    runner_count: i32,
    pub(super) viewer_super_admin: bool,
    pub(super) viewer_auditor: bool,
    pub(super) viewer_org_role: Option<String>,
    pub(super) viewer_team_role: Option<String>,
    /// Whether somebody can act as its admin now; a list does not ask.
    pub(super) has_admin: bool,
}

impl TeamRow {
    /// Reads the [`COLUMNS`] that a query begins with, by place: looking up each by its name takes as long as reading
    /// it, 28 times for each team of a list.
    pub(super) fn by_place(row: &PgRow) -> Result<Self, sqlx::Error> {
        let mut place = 0..;
        let mut next = || place.next().unwrap_or(usize::MAX);
        Ok(Self {
            id: row.try_get(next())?,
            organization_id: row.try_get(next())?,
            organization_slug: row.try_get(next())?,
            organization_name: row.try_get(next())?,
            name: row.try_get(next())?,
            slug: row.try_get(next())?,
            description: row.try_get(next())?,
            status: row.try_get(next())?,
            is_system: row.try_get(next())?,
            runners_enabled: row.try_get(next())?,
            required_labels: row.try_get(next())?,
            optional_label_patterns: row.try_get(next())?,
            max_runners: row.try_get(next())?,
            runner_group_ids: row.try_get(next())?,
            models: row.try_get(next())?,
            max_budget: row.try_get(next())?,
            budget_duration: row.try_get(next())?,
            tpm_limit: row.try_get(next())?,
            rpm_limit: row.try_get(next())?,
            created_at: row.try_get(next())?,
            updated_at: row.try_get(next())?,
            created_by: row.try_get(next())?,
            deactivated_at: row.try_get(next())?,
            deactivated_by: row.try_get(next())?,
            deactivation_reason: row.try_get(next())?,
            member_count: row.try_get(next())?,
            project_count: row.try_get(next())?,
            runner_count: row.try_get(next())?,
            viewer_super_admin: false,
            viewer_auditor: false,
            viewer_org_role: None,
            viewer_team_role: None,
            has_admin: false,
        })
    }

    pub(super) fn into_team(self) -> Result<Team> {
        Ok(Team {
            id: TeamId(self.id),
            organization_id: OrganizationId(self.organization_id),
            organization_slug: self.organization_slug,
            organization_name: self.organization_name,
            name: self.name,
            slug: self.slug,
            description: self.description,
            status: self.status.parse()?,
            is_system: self.is_system,
            runners_enabled: self.runners_enabled,
            policy: LabelPolicy {
                required: self.required_labels.into_iter().map(Label::trusted).collect(),
                optional: self
                    .optional_label_patterns
                    .into_iter()
                    .map(LabelPattern::trusted)
                    .collect(),
            },
            max_runners: self.max_runners,
            runner_group_ids: self.runner_group_ids,
            limits: Limits {
                models: self.models,
                max_budget: self.max_budget.map(Money::trusted),
                budget_duration: self.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: self.tpm_limit,
                rpm_limit: self.rpm_limit,
            },
            created_at: self.created_at,
            updated_at: self.updated_at,
            created_by: self.created_by,
            deactivated_at: self.deactivated_at,
            deactivated_by: self.deactivated_by,
            deactivation_reason: self.deactivation_reason,
            member_count: self.member_count,
            project_count: self.project_count,
            runner_count: self.runner_count,
        })
    }
}

/// One team, with what `viewer` is with regard to it. To belong to the Default Team gives no right (SPEC P: "signed in,
/// no team"), or everyone would see everyone.
pub(super) async fn by_id(connection: &mut PgConnection, id: TeamId, viewer: Option<Uuid>) -> Result<Option<TeamRow>> {
    Ok(sqlx::query_as!(
        TeamRow,
        r#"SELECT t.id, t.organization_id, o.slug AS organization_slug, o.name AS organization_name,
            t.name, t.slug, t.description, t.status, t.is_system, t.runners_enabled, t.required_labels,
            t.optional_label_patterns, t.max_runners, t.runner_group_ids, t.models, t.max_budget, t.budget_duration,
            t.tpm_limit, t.rpm_limit, t.created_at, t.updated_at, c.email AS "created_by?", t.deactivated_at,
            d.email AS "deactivated_by?", t.deactivation_reason, t.member_count, t.project_count, t.runner_count,
            coalesce(v.is_super_admin, false) AS "viewer_super_admin!",
            coalesce(v.is_auditor, false) AS "viewer_auditor!",
            om.role AS "viewer_org_role?", tm.role AS "viewer_team_role?",
            EXISTS (SELECT FROM current_team_admins a WHERE a.team_id = t.id) AS "has_admin!"
        FROM teams t JOIN organizations o ON o.id = t.organization_id
            LEFT JOIN users c ON c.id = t.created_by LEFT JOIN users d ON d.id = t.deactivated_by
            LEFT JOIN users v ON v.id = $2 AND v.deactivated_at IS NULL
            LEFT JOIN organization_members om ON om.organization_id = t.organization_id AND om.user_id = v.id
            LEFT JOIN current_team_members tm ON tm.team_id = t.id AND tm.user_id = v.id AND NOT t.is_system
        WHERE t.id = $1"#,
        id.0,
        viewer,
    )
    .fetch_optional(connection)
    .await?)
}
