//! Budgets in the memory of decisions (SPEC D13).

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use chrono::{DateTime, Utc};
use domain::hierarchy::Budget;
use moka::sync::Cache;
use sqlx::PgPool;
use uuid::Uuid;

use super::{Spender, chain};
use crate::{Principals, Result};

/// How many chains are kept: about 50 MiB of them.
const CHAINS: u64 = 50_000;
/// An organization's or team's place in `generations`; two in one place only forget each other now and then.
const PLACES: usize = 4096;

/// A chain of budgets as it was read.
#[derive(Debug)]
struct Kept {
    budgets: Vec<Budget>,
    /// The counts of the places of its team and organization, from before it was read.
    generations: [(usize, u32); 2],
    /// When the first of its periods ends: from then on this is out of date.
    valid_until: Option<DateTime<Utc>>,
}

/// The cache. Notifications name the organization or the team in which a budget, or what was spent of a used up one, has
/// changed; each of them has a counter, and a chain that was read before the counter's last step does not count. So what
/// is kept says rightly whether a budget is used up, and not always how much of it is spent.
pub(crate) struct BudgetCache {
    chains: Cache<Spender, Arc<Kept>>,
    generations: Box<[AtomicU32]>,
}

impl Default for BudgetCache {
    fn default() -> Self {
        Self {
            chains: Cache::new(CHAINS),
            generations: (0..PLACES).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl BudgetCache {
    fn place(id: Uuid) -> usize {
        // The last bytes of an id are random, or those of the few that are not differ. The remainder is within the array.
        let bytes = id.as_bytes();
        usize::from(u16::from_be_bytes([bytes[14], bytes[15]])) % PLACES
    }

    fn count(&self, place: usize) -> u32 {
        self.generations[place].load(Ordering::Acquire)
    }

    fn is_current(&self, kept: &Kept, now: DateTime<Utc>) -> bool {
        kept.valid_until.is_none_or(|end| now < end)
            && kept
                .generations
                .iter()
                .all(|(place, count)| self.count(*place) == *count)
    }

    /// Drops everything.
    pub(crate) fn forget_all(&self) {
        for place in &self.generations {
            place.fetch_add(1, Ordering::AcqRel);
        }
        self.chains.invalidate_all();
    }
}

/// A chain that may be asked without copying it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Budgets(Option<Arc<Kept>>);

impl Budgets {
    /// From the organization down; none where nothing is known of the team.
    pub(crate) fn as_slice(&self) -> &[Budget] {
        self.0.as_ref().map_or(&[], |kept| &kept.budgets)
    }
}

impl Principals {
    /// The budgets that someone's use counts against, from memory where changes are heard. At each moment they are used
    /// up or not as they are at `now`.
    pub(crate) async fn budgets(&self, pool: &PgPool, who: Spender, now: DateTime<Utc>) -> Result<Budgets> {
        let cache = &self.snapshot.budgets;
        if let Some(known) = self.known(&cache.chains, &who)
            && cache.is_current(&known, now)
        {
            return Ok(Budgets(Some(known)));
        }
        let epoch = self.epoch();
        // Of every place: which organization it is, is not known before the read.
        let before: Vec<u32> = (0..PLACES).map(|place| cache.count(place)).collect();
        let mut connection = pool.acquire().await?;
        let Some((organization, budgets)) = chain(&mut connection, who, now).await? else {
            return Ok(Budgets::default());
        };
        drop(connection);
        let generation = |id| {
            let place = BudgetCache::place(id);
            (place, before[place])
        };
        let kept = Arc::new(Kept {
            generations: [generation(who.team.0), generation(organization.0)],
            valid_until: budgets.iter().filter_map(|budget| budget.period.end).min(),
            budgets,
        });
        self.keep(&cache.chains, &who, Arc::clone(&kept), epoch);
        Ok(Budgets(Some(kept)))
    }

    /// Drops what is known of the budgets of an organization or a team.
    pub(crate) fn forget_budget(&self, id: Uuid) {
        self.turn();
        self.snapshot.budgets.generations[BudgetCache::place(id)].fetch_add(1, Ordering::AcqRel);
    }
}
