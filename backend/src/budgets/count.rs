//! Counting what was spent: once into its key, person, project, team and organization.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{KeyId, OrganizationId, ProjectId, TeamId, UserId, hierarchy::Level};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    alerts::{self, Reached},
    chain::{Columns, SHARE, Slot},
    known::{Known, Whose, lock},
};
use crate::{Ctx, Result, measure};

/// Who told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// LiteLLM, which tells sums.
    LiteLlm,
    /// A program, which tells of single requests.
    Ingest,
}

impl Source {
    fn as_str(self) -> &'static str {
        match self {
            Self::LiteLlm => "litellm",
            Self::Ingest => "ingest",
        }
    }
}

/// Something that was spent, and what it counts against.
#[derive(Debug, Clone)]
pub(crate) struct Spent {
    /// Its name, if it has one: told again it changes nothing.
    pub(crate) request_id: Option<String>,
    /// The team.
    pub(crate) team: TeamId,
    /// The person.
    pub(crate) user: Option<UserId>,
    /// The project.
    pub(crate) project: Option<ProjectId>,
    /// The key.
    pub(crate) key: Option<KeyId>,
    /// The model.
    pub(crate) model: Option<String>,
    /// How much, in US dollars.
    pub(crate) cost: Decimal,
    /// When.
    pub(crate) at: DateTime<Utc>,
}

/// Counts, in the caller's transaction, and returns how many of the entries were new. What is above a budget counts like
/// everything else: it happened. Teams that are gone count for nothing.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn count(ctx: &mut Ctx, source: Source, entries: &[Spent]) -> Result<u64> {
    if entries.is_empty() {
        return Ok(0);
    }
    let known = lock(ctx, entries).await?;
    let entries: Vec<&Spent> = (entries.iter())
        .filter(|entry| known.teams.contains_key(&entry.team.0))
        .collect();
    let slots: Vec<Vec<(Slot, Whose<'_>)>> = entries.iter().map(|entry| known.slots(entry)).collect();
    let all: BTreeSet<Slot> = slots.iter().flatten().map(|(slot, _)| *slot).collect();
    begin(ctx, &all).await?;
    let new = insert(ctx, source, &entries, &known).await?;
    let mut added: BTreeMap<Slot, (Decimal, &Whose<'_>)> = BTreeMap::new();
    let mut recorded = 0;
    for ((entry, slots), _) in entries.iter().zip(&slots).zip(&new).filter(|(_, new)| **new) {
        recorded += 1;
        for (slot, whose) in slots {
            added.entry(*slot).or_insert((Decimal::ZERO, whose)).0 += entry.cost;
        }
    }
    let sums = add(ctx, &added).await?;
    let now = ctx.now;
    let mut reached = Vec::new();
    let mut changed = BTreeSet::new();
    for ((slot, (cost, whose)), after) in added.iter().zip(sums) {
        let (Some(max), true) = (whose.max, slot.level != SHARE && slot.period.has(now)) else {
            continue;
        };
        if after >= max && !cost.is_zero() {
            changed.insert(match whose.level {
                Level::Organization => whose.organization,
                _ => whose.team,
            });
        }
        reached.push(Reached {
            level: whose.level,
            object: slot.object,
            part: slot.part,
            organization: OrganizationId(whose.organization),
            team: (whose.level != Level::Organization).then_some(TeamId(whose.team)),
            name: whose.name.to_owned(),
            period: slot.period,
            spend: after,
            max,
        });
    }
    tell(ctx, &changed).await?;
    alerts::note(ctx, &reached).await?;
    measure::spend_entries(source.as_str(), recorded);
    Ok(recorded)
}

/// Sees to it that each sum is kept, before the new entries are written: what is there already counts, too.
async fn begin(ctx: &mut Ctx, slots: &BTreeSet<Slot>) -> Result<()> {
    let columns = Columns::of(slots.iter());
    sqlx::query!(
        "INSERT INTO budget_spend (level, object_id, part_id, period_start, period_end, spend)
        SELECT s.level, s.object, s.part, s.since, s.until, budget_sum(s.level, s.object, s.part, s.since, s.until)
        FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[])
            AS s(level, object, part, since, until)
        WHERE NOT EXISTS (SELECT FROM budget_spend b WHERE b.level = s.level AND b.object_id = s.object
            AND b.part_id = s.part AND b.period_start = s.since)
        ORDER BY 1, 2, 3, 4 ON CONFLICT DO NOTHING",
        &columns.levels,
        &columns.objects,
        &columns.parts,
        &columns.since,
        &columns.until as &[Option<DateTime<Utc>>],
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Writes the entries, and says of each whether it was new.
async fn insert(ctx: &mut Ctx, source: Source, entries: &[&Spent], known: &Known) -> Result<Vec<bool>> {
    let organization = |entry: &Spent| known.teams.get(&entry.team.0).map_or(Uuid::nil(), |(_, id)| *id);
    let column = |of: fn(&Spent) -> Option<Uuid>| entries.iter().map(|entry| of(entry)).collect::<Vec<_>>();
    let organizations: Vec<Uuid> = entries.iter().map(|entry| organization(entry)).collect();
    let requests: Vec<Option<String>> = entries.iter().map(|entry| entry.request_id.clone()).collect();
    let models: Vec<Option<String>> = entries.iter().map(|entry| entry.model.clone()).collect();
    let costs: Vec<Decimal> = entries.iter().map(|entry| entry.cost).collect();
    let times: Vec<DateTime<Utc>> = entries.iter().map(|entry| entry.at).collect();
    let written = sqlx::query!(
        "INSERT INTO spend_entries (organization_id, request_id, team_id, user_id, project_id, key_id, model, cost, at, source)
        SELECT e.*, $10 FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[],
            $8::numeric[], $9::timestamptz[]) AS e(organization, request, team, person, project, key, model, cost, at)
        ORDER BY e.organization, e.request
        ON CONFLICT (organization_id, request_id) DO NOTHING RETURNING organization_id, request_id",
        &organizations,
        &requests as &[Option<String>],
        &column(|entry| Some(entry.team.0)) as &[Option<Uuid>],
        &column(|entry| entry.user.map(|id| id.0)) as &[Option<Uuid>],
        &column(|entry| entry.project.map(|id| id.0)) as &[Option<Uuid>],
        &column(|entry| entry.key.map(|id| id.0)) as &[Option<Uuid>],
        &models as &[Option<String>],
        &costs,
        &times,
        source.as_str(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut named: BTreeSet<(Uuid, String)> = (written.into_iter())
        .filter_map(|row| Some((row.organization_id, row.request_id?)))
        .collect();
    let new = (entries.iter()).map(|entry| match &entry.request_id {
        None => true,
        // Taken out: of two entries of one name in a batch only the first was written.
        Some(request) => named.remove(&(organization(entry), request.clone())),
    });
    Ok(new.collect())
}

/// Adds to the sums, and returns them.
async fn add(ctx: &mut Ctx, added: &BTreeMap<Slot, (Decimal, &Whose<'_>)>) -> Result<Vec<Decimal>> {
    let columns = Columns::of(added.keys());
    let costs: Vec<Decimal> = added.values().map(|(cost, _)| *cost).collect();
    let rows = sqlx::query!(
        "INSERT INTO budget_spend AS b (level, object_id, part_id, period_start, period_end, spend)
        SELECT * FROM unnest($1::text[], $2::uuid[], $3::uuid[], $4::timestamptz[], $5::timestamptz[], $6::numeric[])
            AS s(level, object, part, since, until, cost)
        ORDER BY 1, 2, 3, 4
        ON CONFLICT (level, object_id, part_id, period_start) DO UPDATE SET spend = b.spend + excluded.spend
        RETURNING level, object_id, part_id, period_start, spend",
        &columns.levels,
        &columns.objects,
        &columns.parts,
        &columns.since,
        &columns.until as &[Option<DateTime<Utc>>],
        &costs,
    )
    .fetch_all(ctx.connection())
    .await?;
    let sums: HashMap<_, _> = (rows.into_iter())
        .map(|row| ((row.level, row.object_id, row.part_id, row.period_start), row.spend))
        .collect();
    let sum = |slot: &Slot| {
        sums.get(&(slot.level.to_owned(), slot.object, slot.part, slot.period.start))
            .copied()
    };
    Ok(added.keys().map(|slot| sum(slot).unwrap_or_default()).collect())
}

/// Tells all processes whose budgets are used up now, or further.
async fn tell(ctx: &mut Ctx, changed: &BTreeSet<Uuid>) -> Result<()> {
    if changed.is_empty() {
        return Ok(());
    }
    let changed: Vec<Uuid> = changed.iter().copied().collect();
    sqlx::query!(
        "SELECT pg_notify('guildhall', 'budget:' || id) FROM unnest($1::uuid[]) AS id",
        &changed,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(())
}
