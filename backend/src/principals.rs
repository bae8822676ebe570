//! Who is who, kept in memory so that a warm request needs no SQL to know its caller.
//!
//! What is kept is only used while the listening connection is up (see `listen`): triggers send a
//! `NOTIFY` in the transaction that changes a person, a membership, a token or a team's status.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use domain::{OrgRole, OrganizationId, ProjectId, Standing, TeamId, TeamRole, TeamStatus, TokenId, UserId};
use moka::sync::Cache;
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Code, Error, Result, authz::Snapshot};

/// A membership of a team, as far as rights depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The team.
    pub team_id: TeamId,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its slug, unique in the organization.
    pub slug: String,
    /// Its status.
    pub status: TeamStatus,
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
    /// Memberships of teams that are not archived, and that have not ended. The Default Team is not among them: to
    /// belong to it gives no right (SPEC X4, P).
    pub teams: Vec<Membership>,
    /// Projects that the person is assigned to, each with its team.
    pub projects: Vec<(ProjectId, TeamId)>,
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
                ARRAY(SELECT m.role FROM organization_members m WHERE m.user_id = u.id ORDER BY m.organization_id) AS "organization_roles!: Vec<String>",
                ARRAY(SELECT m.project_id FROM project_members m JOIN projects p ON p.id = m.project_id
                    WHERE m.user_id = u.id ORDER BY m.project_id) AS "project_ids!: Vec<Uuid>",
                ARRAY(SELECT p.team_id FROM project_members m JOIN projects p ON p.id = m.project_id
                    WHERE m.user_id = u.id ORDER BY m.project_id) AS "project_teams!: Vec<Uuid>"
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
                t.organization_id, t.name, t.slug, t.status, m.expires_at,
                CASE WHEN m.admin_until > now() THEN m.admin_until END AS admin_until
            FROM team_members m JOIN teams t ON t.id = m.team_id
            WHERE m.user_id = $1 AND t.status <> 'archived' AND NOT t.is_system AND (m.expires_at IS NULL OR m.expires_at > now())
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
                slug: team.slug,
                status: team.status.parse()?,
                role: team.role.parse()?,
            })
        });
        let organizations = row.organization_ids.into_iter().zip(row.organization_roles);
        let projects = row.project_ids.into_iter().zip(row.project_teams);
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
            projects: projects
                .map(|(project, team)| (ProjectId(project), TeamId(team)))
                .collect(),
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

    /// The person's role in a team, while the membership lasts.
    pub fn team_role(&self, id: TeamId) -> Option<TeamRole> {
        self.teams
            .iter()
            .find_map(|team| (team.team_id == id).then_some(team.role))
    }

    /// What the person is with regard to a team of an organization.
    pub fn standing(&self, organization: OrganizationId, team: TeamId) -> Standing {
        Standing {
            super_admin: self.super_admin,
            auditor: self.auditor,
            org: self.organization_role(organization),
            team: self.team_role(team),
        }
    }

    /// About how many bytes this takes in memory.
    fn weight(&self) -> u32 {
        let texts: usize = self.teams.iter().map(|team| team.name.len() + team.slug.len()).sum();
        let rows =
            self.teams.len() * size_of::<Membership>() + self.projects.len() * 32 + self.organizations.len() * 24;
        u32::try_from(size_of::<Self>() + 300 + texts + rows).unwrap_or(u32::MAX)
    }

    /// Whether the person administers some organization, or all.
    pub fn is_admin(&self) -> bool {
        self.super_admin || self.organizations.iter().any(|(_, role)| *role == OrgRole::OrgAdmin)
    }
}

/// The time, for what outlives the request that asks.
pub(crate) fn clock() -> DateTime<Utc> {
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

/// For how long one proof that the listening connection lives is good. A notification or an answered ping is such a
/// proof (see `listen`): a connection that is silently dead, or a task that hangs, ends what memory answers by itself.
const PROOF: Duration = Duration::from_millis(900);
const _: () = assert!(PROOF.as_millis() < 1000, "docs/FORWARD_AUTH.md promises a second");

/// How many bytes of people are kept.
const PEOPLE_BYTES: u64 = 128 * 1024 * 1024;

/// How many bytes of sessions are kept: tens of thousands of usual ones, and of those that carry a long list not many.
const SESSION_BYTES: u64 = 64 * 1024 * 1024;

/// About how many bytes a session takes in memory.
fn session_weight(id: &str, data: &serde_json::Value) -> u32 {
    let size = serde_json::to_vec(data).map_or(usize::MAX, |json| json.len());
    u32::try_from(size.saturating_add(id.len() + 200)).unwrap_or(u32::MAX)
}

/// The cache. Empty and unused until [`Principals::set_listening`] says that changes are heard.
pub struct Principals {
    /// Until when memory may answer, in milliseconds after `born`; 0 is not at all.
    good_until: AtomicU64,
    born: Instant,
    /// Counts invalidations, so that what was read before one is not kept after it.
    epoch: AtomicU64,
    people: Cache<UserId, Arc<Principal>>,
    tokens: Cache<[u8; 32], KnownToken>,
    sessions: Cache<String, Arc<serde_json::Value>>,
    /// What decisions about services need beside people.
    pub(crate) snapshot: Snapshot,
}

impl Default for Principals {
    fn default() -> Self {
        let people = Cache::builder()
            .max_capacity(PEOPLE_BYTES)
            .weigher(|_, person: &Arc<Principal>| person.weight())
            .build();
        let sessions = Cache::builder()
            .max_capacity(SESSION_BYTES)
            .weigher(|id: &String, data: &Arc<serde_json::Value>| session_weight(id, data))
            .build();
        Self {
            good_until: AtomicU64::new(0),
            born: Instant::now(),
            epoch: AtomicU64::new(0),
            people,
            tokens: Cache::new(100_000),
            sessions,
            snapshot: Snapshot::default(),
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
        if self.is_listening() {
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

    /// Whether memory may answer: changes are being heard, and were a moment ago.
    pub(crate) fn is_listening(&self) -> bool {
        match self.good_until.load(Ordering::Acquire) {
            0 => false,
            u64::MAX => true,
            until => self.elapsed() < until,
        }
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }

    pub(crate) fn known<K, V>(&self, cache: &Cache<K, V>, key: &K) -> Option<V>
    where
        K: std::hash::Hash + Eq + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if self.is_listening() { cache.get(key) } else { None }
    }

    pub(crate) fn keep<K, V>(&self, cache: &Cache<K, V>, key: &K, value: V, epoch: u64)
    where
        K: std::hash::Hash + Eq + Clone + Send + Sync + 'static,
        V: Clone + Send + Sync + 'static,
    {
        if !self.is_listening() || self.epoch() != epoch {
            return;
        }
        cache.insert(key.clone(), value);
        // An invalidation between the check and the insert has missed the new entry: take it out.
        if self.epoch() != epoch {
            cache.invalidate(key);
        }
    }

    /// Notes an invalidation. Before anything is dropped: what was read earlier must not be kept from now on.
    pub(crate) fn turn(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Drops what is known of a person.
    pub fn forget_user(&self, id: UserId) {
        self.turn();
        self.people.invalidate(&id);
    }

    /// Drops what is known of a session.
    pub(crate) fn forget_session(&self, id: &str) {
        self.turn();
        self.sessions.invalidate(id);
    }

    /// Drops all tokens: one was revoked, and only its id is known, not its hash.
    pub(crate) fn forget_tokens(&self) {
        self.turn();
        self.tokens.invalidate_all();
    }

    /// Drops everything.
    pub fn forget_all(&self) {
        self.turn();
        self.people.invalidate_all();
        self.tokens.invalidate_all();
        self.sessions.invalidate_all();
        self.snapshot.forget_all();
    }

    /// Says whether changes are being heard, until it is said otherwise. While they are not, nothing is served from
    /// memory. A listener that may die silently uses [`Principals::heard`] instead.
    pub fn set_listening(&self, listening: bool) {
        let until = if listening { u64::MAX } else { 0 };
        self.good_until.store(until, Ordering::Release);
        self.forget_all();
    }

    /// The listening connection has begun: nothing that was known before is believed.
    pub(crate) fn begin_listening(&self) {
        self.forget_all();
        self.heard();
    }

    /// The listening connection lives: what is in memory may be used for another moment. If none came for a while
    /// nothing was missed either, as it is the same connection: what it said in between comes first.
    pub(crate) fn heard(&self) {
        let until = self.elapsed() + u64::try_from(PROOF.as_millis()).unwrap_or(0);
        self.good_until.store(until, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_are_kept_by_their_size() {
        let principals = Principals::default();
        principals.good_until.store(u64::MAX, Ordering::Release);
        let epoch = principals.epoch();
        let large =
            Arc::new(serde_json::json!([{"roster": {"list": "x".repeat(1024 * 1024)}}, "2026-11-21T00:00:00Z"]));
        assert!(session_weight("id", &large) > 1024 * 1024);
        for n in 0..100 {
            principals.keep(&principals.sessions, &n.to_string(), Arc::clone(&large), epoch);
        }
        principals.sessions.run_pending_tasks();
        assert!(principals.sessions.weighted_size() <= SESSION_BYTES);
        assert!((1..64).contains(&principals.sessions.entry_count()));
    }
}
