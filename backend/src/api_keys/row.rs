//! Reading keys of both kinds.

use chrono::{DateTime, Utc};
use domain::{
    ApiKeyStatus, BudgetDuration, KeyId, KeyKind, Limits, Money, OrganizationId, ProjectId, TeamId, UserId,
    views::ApiKey,
};
use rust_decimal::Decimal;
use serde_json::Value;
use uuid::Uuid;

/// A key as queries give it.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) team_id: Uuid,
    pub(super) team: String,
    pub(super) organization_id: Uuid,
    pub(super) project_id: Option<Uuid>,
    pub(super) project: Option<String>,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) alias: Option<String>,
    pub(super) owner_id: Uuid,
    pub(super) owner: String,
    pub(super) state: Option<String>,
    pub(super) making_until: Option<DateTime<Utc>>,
    pub(super) models: Vec<String>,
    pub(super) max_budget: Option<Decimal>,
    pub(super) soft_budget: Option<Decimal>,
    pub(super) budget_duration: Option<String>,
    pub(super) tpm_limit: Option<i64>,
    pub(super) rpm_limit: Option<i64>,
    pub(super) tags: Vec<String>,
    pub(super) details: Value,
    pub(super) spend: Decimal,
    pub(super) spend_at: Option<DateTime<Utc>>,
    pub(super) has_access: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: Option<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) revoked_at: Option<DateTime<Utc>>,
    pub(super) replaced_by: Option<Uuid>,
    pub(super) sync_error: Option<String>,
}

impl Row {
    pub(super) fn into_key(self, now: DateTime<Utc>) -> ApiKey {
        let status = self.status(now);
        ApiKey {
            id: KeyId(self.id),
            kind: if self.state.is_some() {
                KeyKind::Models
            } else {
                KeyKind::Services
            },
            team_id: TeamId(self.team_id),
            team_name: self.team,
            organization_id: OrganizationId(self.organization_id),
            project_id: self.project_id.map(ProjectId),
            project_name: self.project,
            name: self.name,
            prefix: self.prefix,
            alias: self.alias,
            owner_id: UserId(self.owner_id),
            owner: self.owner,
            status,
            being_made: self.making_until.is_some_and(|until| until > now),
            limits: Limits {
                models: self.models,
                max_budget: self.max_budget.map(Money::trusted),
                budget_duration: self.budget_duration.map(BudgetDuration::trusted),
                tpm_limit: self.tpm_limit,
                rpm_limit: self.rpm_limit,
            },
            soft_budget: self.soft_budget.map(Money::trusted),
            tags: self.tags,
            details: match self.details {
                Value::Object(details) => details,
                _ => serde_json::Map::new(),
            },
            spend: Money::trusted(self.spend),
            spend_at: self.spend_at,
            created_at: self.created_at,
            created_by: self.created_by,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            revoked_at: self.revoked_at,
            replaced_by: self.replaced_by.map(KeyId),
            sync_error: self.sync_error,
        }
    }

    /// What it is worth. Of a key for models only what LiteLLM has confirmed is called over.
    fn status(&self, now: DateTime<Utc>) -> ApiKeyStatus {
        let expired = self.expires_at.is_some_and(|end| end <= now);
        match self.state.as_deref() {
            Some("pending") if expired => ApiKeyStatus::Expired,
            Some("pending") => ApiKeyStatus::Pending,
            Some("revoking") => ApiKeyStatus::Revoking,
            Some("gone") if self.expires_at.zip(self.revoked_at).is_some_and(|(end, at)| end <= at) => {
                ApiKeyStatus::Expired
            }
            Some("gone") => ApiKeyStatus::Revoked,
            // LiteLLM is told in a moment.
            Some(_) if expired => ApiKeyStatus::Revoking,
            None if self.revoked_at.is_some() => ApiKeyStatus::Revoked,
            None if expired => ApiKeyStatus::Expired,
            _ if !self.has_access => ApiKeyStatus::Suspended,
            _ if self.replaced_by.is_some() => ApiKeyStatus::Replaced,
            _ => ApiKeyStatus::Active,
        }
    }
}

/// Keys of both kinds, as [`Row`]s. `$now` is the query's first argument; the condition and the order follow, with the
/// others. Whether a key's owner has access is what `keys::row` says of keys for services.
macro_rules! rows {
    ($condition:literal, $now:expr, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            $crate::api_keys::row::Row,
            r#"SELECT k.id, k.team_id, t.name AS team, t.organization_id, k.project_id,
                CASE WHEN t.status = 'active' THEN p.name END AS project, k.name, k.prefix, k.litellm_alias AS "alias?",
                k.owner_id, u.email AS owner, k.litellm_state AS "state?", k.making_until, k.models, k.max_budget,
                k.soft_budget, k.budget_duration, k.tpm_limit, k.rpm_limit, k.tags, k.details, k.spend, k.spend_at,
                k.created_at, c.email AS "created_by?", k.expires_at, k.last_used_at, k.revoked_at, k.replaced_by,
                o.last_error AS "sync_error?",
                (t.status = 'active' AND u.deactivated_at IS NULL AND tm.user_id IS NOT NULL AND (k.project_id IS NULL
                    OR pm.user_id IS NOT NULL OR u.is_super_admin OR om.role = 'org_admin'
                    OR (tm.role = 'admin' AND (tm.admin_until IS NULL OR tm.admin_until > $1)))) IS TRUE AS "has_access!"
            FROM api_keys k JOIN teams t ON t.id = k.team_id JOIN users u ON u.id = k.owner_id
                LEFT JOIN projects p ON p.id = k.project_id LEFT JOIN users c ON c.id = k.created_by
                LEFT JOIN team_members tm ON tm.team_id = k.team_id AND tm.user_id = k.owner_id
                    AND (tm.expires_at IS NULL OR tm.expires_at > $1)
                LEFT JOIN project_members pm ON pm.project_id = k.project_id AND pm.user_id = k.owner_id
                LEFT JOIN organization_members om ON om.organization_id = t.organization_id AND om.user_id = k.owner_id
                LEFT JOIN litellm_objects o ON o.instance = k.litellm_instance AND o.kind = 'key' AND o.object_id = k.id
            WHERE "# + $condition,
            $now,
            $($argument),*
        )
    };
}
pub(super) use rows;
