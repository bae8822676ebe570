//! Reading keys.

use chrono::{DateTime, Utc};
use domain::{KeyId, KeyState, ProjectId, TeamId, UserId, views::Key};
use uuid::Uuid;

/// A key as queries give it.
pub(super) struct KeyRow {
    pub(super) id: Uuid,
    pub(super) team_id: Uuid,
    pub(super) team: String,
    pub(super) project_id: Option<Uuid>,
    pub(super) project: Option<String>,
    pub(super) name: String,
    pub(super) prefix: String,
    pub(super) owner_id: Uuid,
    pub(super) owner: String,
    pub(super) has_access: bool,
    pub(super) created_at: DateTime<Utc>,
    pub(super) created_by: Option<String>,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) last_used_at: Option<DateTime<Utc>>,
    pub(super) replaced_by: Option<Uuid>,
}

impl KeyRow {
    pub(super) fn into_key(self, now: DateTime<Utc>) -> Key {
        let expired = self.expires_at.is_some_and(|end| end <= now);
        Key {
            id: KeyId(self.id),
            team_id: TeamId(self.team_id),
            team_name: self.team,
            project_id: self.project_id.map(ProjectId),
            project_name: self.project,
            name: self.name,
            prefix: self.prefix,
            owner_id: UserId(self.owner_id),
            owner: self.owner,
            state: KeyState::of(expired, self.has_access, self.replaced_by.is_some()),
            created_at: self.created_at,
            created_by: self.created_by,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
            replaced_by: self.replaced_by.map(KeyId),
        }
    }
}

/// Keys that are not revoked, as [`KeyRow`]s. `$now` is the query's first argument; the condition and the order follow,
/// with the others.
///
/// Whether a key's owner has access is SPEC P's "assigned projects" again, for many keys at once.
macro_rules! key_rows {
    ($condition:literal, $now:expr, $($argument:expr),* $(,)?) => {
        sqlx::query_as!(
            $crate::keys::row::KeyRow,
            r#"SELECT k.id, k.team_id, t.name AS team, k.project_id,
                CASE WHEN t.status = 'active' THEN p.name END AS project, k.name, k.prefix,
                k.owner_id, u.email AS owner, k.created_at, c.email AS "created_by?", k.expires_at, k.last_used_at,
                k.replaced_by,
                (t.status = 'active' AND u.deactivated_at IS NULL AND tm.user_id IS NOT NULL AND (k.project_id IS NULL
                    OR pm.user_id IS NOT NULL OR u.is_super_admin OR om.role = 'org_admin'
                    OR (tm.role = 'admin' AND (tm.admin_until IS NULL OR tm.admin_until > $1)))) IS TRUE AS "has_access!"
            FROM api_keys k JOIN teams t ON t.id = k.team_id JOIN users u ON u.id = k.owner_id
                LEFT JOIN projects p ON p.id = k.project_id LEFT JOIN users c ON c.id = k.created_by
                LEFT JOIN team_members tm ON tm.team_id = k.team_id AND tm.user_id = k.owner_id
                    AND (tm.expires_at IS NULL OR tm.expires_at > $1)
                LEFT JOIN project_members pm ON pm.project_id = k.project_id AND pm.user_id = k.owner_id
                LEFT JOIN organization_members om ON om.organization_id = t.organization_id AND om.user_id = k.owner_id
            WHERE k.revoked_at IS NULL AND "# + $condition,
            $now,
            $($argument),*
        )
    };
}
pub(super) use key_rows;
