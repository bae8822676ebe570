//! What decisions need beside people, kept in memory. All of it is used only through [`Principals`], which knows
//! whether changes are heard and counts invalidations.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, Utc};
use domain::{KeyId, OrganizationId, ProjectId, TeamId, UserId};
use moka::sync::Cache;
use sqlx::PgPool;

use super::{catalogue, catalogue::Catalogue, decide::Policy, signing::Signing};
use crate::{Principals, Result, budgets::BudgetCache, identity, keys, services};

/// How many bytes of keys are kept: about 200,000 of them.
const KEYS_BYTES: u64 = 64 * 1024 * 1024;
/// About what one key takes: 33 bytes of hash, 100 of facts, the rest is the cache's own bookkeeping.
const KEY_BYTES: u32 = 330;
/// How many bytes of policies are kept.
const POLICIES_BYTES: u64 = 64 * 1024 * 1024;
/// A key's place in `generations`; two keys in one place only forget each other now and then.
const GENERATIONS: usize = 4096;

/// What is kept of a key: it has no hash, and no name that could change unheard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CachedKey {
    pub(super) id: KeyId,
    pub(super) team: TeamId,
    pub(super) project: Option<ProjectId>,
    pub(super) owner: UserId,
    pub(super) expires_at: Option<DateTime<Utc>>,
    /// The count of its place in `generations` when it was read.
    generation: u32,
}

/// The caches.
pub(crate) struct Snapshot {
    keys: Cache<[u8; 32], CachedKey>,
    /// Notifications name a key by its id, and the cache knows it by its hash. So each id has a place here, and what
    /// was cached before the last notification for that place does not count. (A second map from id to hash would cost
    /// another entry a key, and would have to be evicted in step with the first.)
    generations: Box<[AtomicU32]>,
    policies: Cache<TeamId, Arc<Policy>>,
    catalogues: Cache<Option<OrganizationId>, Arc<Catalogue>>,
    projects: Cache<ProjectId, TeamId>,
    identities: Cache<String, UserId>,
    pub(crate) budgets: BudgetCache,
    pub(crate) signing: Signing,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            keys: Cache::builder()
                .max_capacity(KEYS_BYTES)
                .weigher(|_, _| KEY_BYTES)
                .build(),
            generations: (0..GENERATIONS).map(|_| AtomicU32::new(0)).collect(),
            policies: Cache::builder()
                .max_capacity(POLICIES_BYTES)
                .weigher(|_, policy: &Arc<Policy>| policy.weight())
                .build(),
            catalogues: Cache::new(1_000),
            projects: Cache::new(50_000),
            identities: Cache::new(20_000),
            budgets: BudgetCache::default(),
            signing: Signing::default(),
        }
    }
}

impl Snapshot {
    fn place(&self, id: KeyId) -> &AtomicU32 {
        // The last bytes of a UUIDv7 are random. The array is never empty, and the remainder is within it.
        let bytes = id.0.as_bytes();
        &self.generations[usize::from(u16::from_be_bytes([bytes[14], bytes[15]])) % GENERATIONS]
    }

    /// Drops everything.
    pub(crate) fn forget_all(&self) {
        for place in &self.generations {
            place.fetch_add(1, Ordering::AcqRel);
        }
        self.keys.invalidate_all();
        self.policies.invalidate_all();
        self.catalogues.invalidate_all();
        self.projects.invalidate_all();
        self.identities.invalidate_all();
        self.budgets.forget_all();
    }
}

impl Principals {
    /// The key with a hash, unless there is none or it is revoked. The caller compares `expires_at` with its clock.
    /// What does not exist is not remembered: nobody can fill the memory with guesses.
    pub(super) async fn key(&self, pool: &PgPool, hash: &[u8; 32]) -> Result<Option<CachedKey>> {
        let snapshot = &self.snapshot;
        if let Some(known) = self.known(&snapshot.keys, hash)
            && known.generation == snapshot.place(known.id).load(Ordering::Acquire)
        {
            return Ok(Some(known));
        }
        let epoch = self.epoch();
        let Some(key) = keys::known(pool, hash).await? else {
            return Ok(None);
        };
        let key = CachedKey {
            id: key.id,
            team: key.team,
            project: key.project.map(|(id, _)| id),
            owner: key.owner,
            expires_at: key.expires_at,
            // Read before `keep` looks at the epoch, which invalidations raise before this: so either `keep` sees that
            // something happened, or what happens later makes this entry stale.
            generation: snapshot.place(key.id).load(Ordering::Acquire),
        };
        self.keep(&snapshot.keys, hash, key, epoch);
        Ok(Some(key))
    }

    /// The policy of a team, if there is such a team.
    pub(super) async fn policy(&self, pool: &PgPool, team: TeamId) -> Result<Option<Arc<Policy>>> {
        if let Some(known) = self.known(&self.snapshot.policies, &team) {
            return Ok(Some(known));
        }
        let epoch = self.epoch();
        let Some(policy) = services::policy(pool, team).await? else {
            return Ok(None);
        };
        let policy = Arc::new(Policy::new(policy));
        self.keep(&self.snapshot.policies, &team, Arc::clone(&policy), epoch);
        Ok(Some(policy))
    }

    /// The services of an organization, or of all of them.
    pub(super) async fn catalogue(&self, pool: &PgPool, of: Option<OrganizationId>) -> Result<Arc<Catalogue>> {
        if let Some(known) = self.known(&self.snapshot.catalogues, &of) {
            return Ok(known);
        }
        let epoch = self.epoch();
        let catalogue = Arc::new(catalogue::load(pool, of).await?);
        self.keep(&self.snapshot.catalogues, &of, Arc::clone(&catalogue), epoch);
        Ok(catalogue)
    }

    /// The team that a project belongs to.
    pub(super) async fn team_of_project(&self, pool: &PgPool, project: ProjectId) -> Result<Option<TeamId>> {
        if let Some(known) = self.known(&self.snapshot.projects, &project) {
            return Ok(Some(known));
        }
        let epoch = self.epoch();
        let team = catalogue::team_of_project(pool, project).await?;
        if let Some(team) = team {
            self.keep(&self.snapshot.projects, &project, team, epoch);
        }
        Ok(team)
    }

    /// The person of an identity at a provider, if one is known.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn person_of(&self, pool: &PgPool, issuer: &str, subject: &str) -> Result<Option<UserId>> {
        // No issuer has a space: it is a URL.
        let name = format!("{issuer} {subject}");
        if let Some(known) = self.known(&self.snapshot.identities, &name) {
            return Ok(Some(known));
        }
        let epoch = self.epoch();
        let mut connection = pool.acquire().await?;
        let user = identity::find_identity(&mut connection, issuer, subject).await?;
        if let Some(user) = user {
            self.keep(&self.snapshot.identities, &name, user, epoch);
        }
        Ok(user)
    }

    /// Drops one key.
    pub(crate) fn forget_key(&self, id: KeyId) {
        self.turn();
        self.snapshot.place(id).fetch_add(1, Ordering::AcqRel);
    }

    /// Drops all keys.
    pub(crate) fn forget_keys(&self) {
        self.turn();
        for place in &self.snapshot.generations {
            place.fetch_add(1, Ordering::AcqRel);
        }
        self.snapshot.keys.invalidate_all();
    }

    /// Drops the policy of one team.
    pub(crate) fn forget_policy(&self, team: TeamId) {
        self.turn();
        self.snapshot.policies.invalidate(&team);
    }

    /// Drops all policies and catalogues.
    pub(crate) fn forget_policies(&self) {
        self.turn();
        self.snapshot.policies.invalidate_all();
        self.snapshot.catalogues.invalidate_all();
    }

    /// Drops what is known of a project.
    pub(crate) fn forget_project(&self, project: ProjectId) {
        self.turn();
        self.snapshot.projects.invalidate(&project);
    }

    /// Drops whose identity is whose.
    pub(crate) fn forget_identities(&self) {
        self.turn();
        self.snapshot.identities.invalidate_all();
    }
}
