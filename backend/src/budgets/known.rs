//! What a batch counts against: locked, and the sums that it goes into.

use std::collections::{BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use domain::{BudgetDuration, Period, Zone, budget_period, hierarchy::Level};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{
    chain::{SHARE, Slot},
    count::Spent,
};
use crate::{Ctx, Result};

/// A budget of something, as far as counting needs it.
pub(super) struct Terms {
    name: String,
    max: Option<Decimal>,
    duration: Option<BudgetDuration>,
    anchor: DateTime<Utc>,
}

/// What is known of everything that a batch counts against. Its rows are locked: no limit, period or time zone changes
/// until the transaction ends, so that whoever changes one sees this batch.
#[derive(Default)]
pub(super) struct Known {
    organizations: HashMap<Uuid, (Terms, Zone)>,
    pub(super) teams: HashMap<Uuid, (Terms, Uuid)>,
    members: HashMap<(Uuid, Uuid), (String, Option<Decimal>)>,
    projects: HashMap<Uuid, Terms>,
    keys: HashMap<Uuid, Terms>,
}

/// What the slot is a slot of, for what happens when it fills.
pub(super) struct Whose<'a> {
    pub(super) organization: Uuid,
    pub(super) team: Uuid,
    pub(super) level: Level,
    pub(super) name: &'a str,
    pub(super) max: Option<Decimal>,
}

/// Locks the organizations and teams of keys of LiteLLM, for whoever locks the keys next and counts then.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn hold_above_keys(ctx: &mut Ctx, instance: &str, tokens: &[String]) -> Result<()> {
    let teams = sqlx::query_scalar!(
        "SELECT DISTINCT team_id FROM api_keys WHERE litellm_instance = $1 AND litellm_token = ANY($2)",
        instance,
        tokens,
    )
    .fetch_all(ctx.connection())
    .await?;
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id IN (SELECT organization_id FROM teams WHERE id = ANY($1))
        ORDER BY id FOR SHARE",
        &teams,
    )
    .fetch_all(ctx.connection())
    .await?;
    sqlx::query_scalar!("SELECT id FROM teams WHERE id = ANY($1) ORDER BY id FOR SHARE", &teams)
        .fetch_all(ctx.connection())
        .await?;
    Ok(())
}

/// Locks what the entries count against, from the top down and each kind in one order.
pub(super) async fn lock(ctx: &mut Ctx, entries: &[Spent]) -> Result<Known> {
    let distinct = |ids: BTreeSet<Uuid>| ids.into_iter().collect::<Vec<_>>();
    let ids = distinct(entries.iter().map(|entry| entry.team.0).collect());
    let projects = distinct(
        entries
            .iter()
            .filter_map(|entry| entry.project.map(|id| id.0))
            .collect(),
    );
    let keys = distinct(entries.iter().filter_map(|entry| entry.key.map(|id| id.0)).collect());
    let pairs: BTreeSet<(Uuid, Uuid)> = (entries.iter())
        .filter_map(|entry| entry.user.map(|user| (entry.team.0, user.0)))
        .collect();
    let (in_teams, users): (Vec<Uuid>, Vec<Uuid>) = pairs.into_iter().unzip();
    let mut known = Known::default();
    let rows = sqlx::query!(
        r#"SELECT id, name, time_zone, max_budget, budget_duration, coalesce(budget_anchor, created_at) AS "anchor!"
        FROM organizations WHERE id IN (SELECT organization_id FROM teams WHERE id = ANY($1)) ORDER BY id FOR SHARE"#,
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in rows {
        let terms = Terms::new(row.name, row.max_budget, row.budget_duration, row.anchor);
        known
            .organizations
            .insert(row.id, (terms, Zone::trusted(&row.time_zone)));
    }
    let rows = sqlx::query!(
        r#"SELECT id, organization_id, name, max_budget, budget_duration, coalesce(budget_anchor, created_at) AS "anchor!"
        FROM teams WHERE id = ANY($1) ORDER BY id FOR SHARE"#,
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in rows {
        if !known.organizations.contains_key(&row.organization_id) {
            // It moved between the two statements.
            return Err(crate::Error::moved_meanwhile());
        }
        let terms = Terms::new(row.name, row.max_budget, row.budget_duration, row.anchor);
        known.teams.insert(row.id, (terms, row.organization_id));
    }
    let rows = sqlx::query!(
        "SELECT m.team_id, m.user_id, u.email, m.max_budget FROM team_members m JOIN users u ON u.id = m.user_id
        WHERE (m.team_id, m.user_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
        ORDER BY m.team_id, m.user_id FOR SHARE OF m",
        &in_teams,
        &users,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in rows {
        known
            .members
            .insert((row.team_id, row.user_id), (row.email, row.max_budget));
    }
    let rows = sqlx::query!(
        r#"SELECT id, name, max_budget, budget_duration, coalesce(budget_anchor, created_at) AS "anchor!"
        FROM projects WHERE id = ANY($1) ORDER BY id FOR SHARE"#,
        &projects,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in rows {
        let terms = Terms::new(row.name, row.max_budget, row.budget_duration, row.anchor);
        known.projects.insert(row.id, terms);
    }
    // Not shared: whoever reads LiteLLM's figures writes these rows next.
    let rows = sqlx::query!(
        r#"SELECT id, name, max_budget, budget_duration, coalesce(budget_anchor, created_at) AS "anchor!"
        FROM api_keys WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE"#,
        &keys,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in rows {
        let terms = Terms::new(row.name, row.max_budget, row.budget_duration, row.anchor);
        known.keys.insert(row.id, terms);
    }
    Ok(known)
}

impl Terms {
    fn new(name: String, max: Option<Decimal>, duration: Option<String>, anchor: DateTime<Utc>) -> Self {
        Self {
            name,
            max,
            duration: duration.map(BudgetDuration::trusted),
            anchor,
        }
    }

    fn period(&self, zone: Zone, at: DateTime<Utc>) -> Period {
        budget_period(self.duration.as_ref(), self.anchor, zone, at)
    }
}

impl Known {
    /// The slots that an entry counts into.
    pub(super) fn slots(&self, entry: &Spent) -> Vec<(Slot, Whose<'_>)> {
        let Some((team, organization)) = self.teams.get(&entry.team.0) else {
            return Vec::new();
        };
        let Some((above, zone)) = self.organizations.get(organization) else {
            return Vec::new();
        };
        let (organization, of_team, nil) = (*organization, entry.team.0, Uuid::nil());
        let mut slots = Vec::with_capacity(6);
        let mut put = |level: Level, name: &'static str, object, part, period, called, max| {
            let slot = Slot {
                level: name,
                object,
                part,
                period,
            };
            let whose = Whose {
                organization,
                team: of_team,
                level,
                name: called,
                max,
            };
            slots.push((slot, whose));
        };
        let whole = above.period(*zone, entry.at);
        let own = team.period(*zone, entry.at);
        let level = Level::Organization;
        put(
            level,
            level.as_str(),
            organization,
            nil,
            whole,
            above.name.as_str(),
            above.max,
        );
        put(level, SHARE, organization, of_team, whole, "", None);
        put(
            Level::Team,
            Level::Team.as_str(),
            of_team,
            nil,
            own,
            &team.name,
            team.max,
        );
        if let Some(user) = entry.user {
            let (name, max) = (self.members.get(&(of_team, user.0))).map_or(("", None), |(name, max)| (name, *max));
            put(Level::Member, Level::Member.as_str(), of_team, user.0, own, name, max);
        }
        for (level, id, known) in [
            (Level::Project, entry.project.map(|id| id.0), &self.projects),
            (Level::Key, entry.key.map(|id| id.0), &self.keys),
        ] {
            if let Some((id, terms)) = id.and_then(|id| known.get(&id).map(|terms| (id, terms))) {
                let period = terms.period(*zone, entry.at);
                put(level, level.as_str(), id, nil, period, &terms.name, terms.max);
            }
        }
        slots
    }
}
