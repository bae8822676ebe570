//! Who is who, kept in memory so that a warm request needs no SQL to know its caller.
//!
//! What is kept is only used while the listening connection is up (see `listen`): triggers send a
//! `NOTIFY` in the transaction that changes a person, a membership, a token or a team's status.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use chrono::{DateTime, Utc};
use domain::{OrgRole, OrganizationId, TeamId, TeamRole, TeamStatus, TokenId, UserId};
use moka::sync::Cache;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Code, Error, Result};

/// A membership of a team, as far as rights depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The team.
    pub team_id: TeamId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: TeamStatus,
    /// Whether it is the Default Team.
    pub is_system: bool,
    /// The person's role.
    pub role: TeamRole,
}

/// A person with all that decides what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    /// Id.
    pub id: UserId,
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
    /// The subject at the OpenID provider, if known.
    pub oidc_sub: Option<String>,
    /// Administers the installation.
    pub super_admin: bool,
    /// Sees everything.
    pub auditor: bool,
    /// May provision runners.
    pub can_use_jit: bool,
    /// Roles in organizations.
    pub organizations: Vec<(OrganizationId, OrgRole)>,
    /// Memberships of teams that are not archived, and that have not ended.
    pub teams: Vec<Membership>,
    /// When the first of the memberships or roles ends: from then on this is out of date.
    pub valid_until: Option<DateTime<Utc>>,
}

impl Principal {
    /// Loads a person.
    ///
    /// # Errors
    /// When there is no such person, or the account is deactivated.
    pub async fn load(pool: &PgPool, id: UserId) -> Result<Self> {
        let row = sqlx::query!(
            r#"SELECT u.email, u.display_name, u.is_super_admin, u.is_auditor, u.can_use_jit, u.deactivated_at,
                (SELECT subject FROM user_identities i WHERE i.user_id = u.id ORDER BY i.created_at LIMIT 1) AS oidc_sub,
                ARRAY(SELECT m.organization_id FROM organization_members m WHERE m.user_id = u.id ORDER BY m.organization_id) AS "organization_ids!: Vec<Uuid>",
                ARRAY(SELECT m.role FROM organization_members m WHERE m.user_id = u.id ORDER BY m.organization_id) AS "organization_roles!: Vec<String>"
            FROM users u WHERE u.id = $1"#,
            id.0,
        )
        .fetch_optional(pool)
        .await?
        .ok_or_else(|| Error::refused(Code::BadToken, "Token validation failed: unknown user"))?;
        if row.deactivated_at.is_some() {
            return Err(Error::refused(Code::Deactivated, "User account is deactivated."));
        }
        let teams = sqlx::query!(
            r#"SELECT m.team_id, CASE WHEN m.admin_until <= now() THEN 'member' ELSE m.role END AS "role!",
                t.organization_id, t.name, t.status, t.is_system, m.expires_at,
                CASE WHEN m.admin_until > now() THEN m.admin_until END AS admin_until
            FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE m.user_id = $1 AND t.status <> 'archived' AND (m.expires_at IS NULL OR m.expires_at > now())
            ORDER BY lower(t.name), t.id"#,
            id.0,
        )
        .fetch_all(pool)
        .await?;
        let ends = teams.iter().flat_map(|team| [team.expires_at, team.admin_until]);
        let valid_until = ends.flatten().min();
        let teams = teams.into_iter().map(|team| {
            Ok(Membership {
                team_id: TeamId(team.team_id),
                organization_id: OrganizationId(team.organization_id),
                name: team.name,
                status: team.status.parse()?,
                is_system: team.is_system,
                role: team.role.parse()?,
            })
        });
        let organizations = row.organization_ids.into_iter().zip(row.organization_roles);
        Ok(Self {
            id,
            email: row.email,
            display_name: row.display_name,
            oidc_sub: row.oidc_sub,
            super_admin: row.is_super_admin,
            auditor: row.is_auditor,
            can_use_jit: row.can_use_jit,
            organizations: organizations
                .map(|(organization, role)| Ok((OrganizationId(organization), role.parse()?)))
                .collect::<Result<_>>()?,
            teams: teams.collect::<Result<_>>()?,
            valid_until,
        })
    }

    /// The person's role in an organization.
    pub fn organization_role(&self, id: OrganizationId) -> Option<OrgRole> {
        self.organizations
            .iter()
            .find_map(|(organization, role)| (*organization == id).then_some(*role))
    }

    /// Organizations whose teams the person sees all of.
    pub fn organizations_seen_whole(&self) -> Vec<Uuid> {
        self.organizations
            .iter()
            .filter(|(_, role)| matches!(role, OrgRole::OrgAdmin | OrgRole::Auditor))
            .map(|(organization, _)| organization.0)
            .collect()
    }

    /// Whether the person administers some organization, or all.
    pub fn is_admin(&self) -> bool {
        self.super_admin || self.organizations.iter().any(|(_, role)| *role == OrgRole::OrgAdmin)
    }
}

fn clock() -> DateTime<Utc> {
    #[expect(
        clippy::disallowed_methods,
        reason = "what is kept in memory outlives the request that took its time"
    )]
    Utc::now()
}

/// What is known of a token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownToken {
    pub(crate) id: TokenId,
    pub(crate) user: UserId,
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// The cache. Empty and unused until [`Principals::set_listening`] says that changes are heard.
pub struct Principals {
    listening: AtomicBool,
    /// Counts invalidations, so that what was read before one is not kept after it.
    epoch: AtomicU64,
    people: Cache<UserId, Arc<Principal>>,
    tokens: Cache<[u8; 32], KnownToken>,
    sessions: Cache<String, Arc<serde_json::Value>>,
}

impl Default for Principals {
    fn default() -> Self {
        Self {
            listening: AtomicBool::new(false),
            epoch: AtomicU64::new(0),
            people: Cache::new(20_000),
            tokens: Cache::new(100_000),
            sessions: Cache::new(20_000),
        }
    }
}

impl Principals {
    /// The person, from memory or the database.
    ///
    /// # Errors
    /// As [`Principal::load`].
    pub async fn get(&self, pool: &PgPool, id: UserId) -> Result<Arc<Principal>> {
        if let Some(known) = self.known(&self.people, &id)
            && known.valid_until.is_none_or(|end| end > clock())
        {
            return Ok(known);
        }
        let epoch = self.epoch();
        let principal = Arc::new(Principal::load(pool, id).await?);
        self.keep(&self.people, &id, Arc::clone(&principal), epoch);
        Ok(principal)
    }

    pub(crate) fn token(&self, hash: &[u8; 32]) -> Option<KnownToken> {
        self.known(&self.tokens, hash)
    }

    pub(crate) fn keep_token(&self, hash: [u8; 32], token: KnownToken, epoch: u64) {
        self.keep(&self.tokens, &hash, token, epoch);
    }

    pub(crate) fn session(&self, id: &str) -> Option<Arc<serde_json::Value>> {
        if self.listening.load(Ordering::Acquire) {
            self.sessions.get(id)
        } else {
            None
        }
    }

    pub(crate) fn keep_session(&self, id: &str, data: Arc<serde_json::Value>, epoch: u64) {
        self.keep(&self.sessions, &id.to_owned(), data, epoch);
    }

    /// The count of invalidations; take it before a read whose answer is to be kept.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn known<K, V>(&self, cache: &Cache<K, V>, key: &K) -> Option<V>
    where
        K: std::hash::Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if self.listening.load(Ordering::Acquire) {
            cache.get(key)
        } else {
            None
        }
    }

    fn keep<K, V>(&self, cache: &Cache<K, V>, key: &K, value: V, epoch: u64)
    where
        K: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if !self.listening.load(Ordering::Acquire) || self.epoch() != epoch {
            return;
        }
        cache.insert(key.clone(), value);
        // An invalidation between the check and the insert has missed the new entry: take it out.
        if self.epoch() != epoch {
            cache.invalidate(key);
        }
    }

    /// Drops what is known of a person.
    pub fn forget_user(&self, id: UserId) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.people.invalidate(&id);
    }

    /// Drops what is known of a session.
    pub(crate) fn forget_session(&self, id: &str) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.sessions.invalidate(id);
    }

    /// Drops all tokens: one was revoked, and only its id is known, not its hash.
    pub(crate) fn forget_tokens(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.tokens.invalidate_all();
    }

    /// Drops everything.
    pub fn forget_all(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.people.invalidate_all();
        self.tokens.invalidate_all();
        self.sessions.invalidate_all();
    }

    /// Says whether changes are being heard. While they are not, nothing is served from memory.
    pub fn set_listening(&self, listening: bool) {
        self.listening.store(listening, Ordering::Release);
        self.forget_all();
    }
}
