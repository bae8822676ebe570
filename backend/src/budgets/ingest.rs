//! What programs tell of money that was spent: `POST /api/v1/spend`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use domain::{Fields, Invalid, KeyId, OrganizationId, Permission, ProjectId, Standing, TeamId, UserId, UserRef};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Source, Spent, count, tidy::DAYS_OF_ENTRIES};
use crate::{Caller, Ctx, Error, Result, audit, keys, organizations};

/// The most entries of one batch.
pub const MAX_ENTRIES: usize = 1000;
/// The most that one request can have cost, in US dollars.
const MAX_COST: i64 = 1_000_000;
/// How far ahead the clock of whoever tells may be.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// One request that cost something, as it is told.
#[derive(Debug, Clone, Default)]
pub struct EntryInput {
    /// Its name: told again it changes nothing.
    pub request_id: String,
    /// The key it was made with, whole.
    pub key: Option<SecretString>,
    /// How that key begins.
    pub key_prefix: Option<String>,
    /// The person, by UUID or email; with a key its owner, unless said otherwise.
    pub user_id: Option<String>,
    /// The team, unless the key or the project says it.
    pub team_id: Option<Uuid>,
    /// The project, unless the key says it.
    pub project_id: Option<Uuid>,
    /// The model.
    pub model: Option<String>,
    /// In US dollars.
    pub cost: Decimal,
    /// When; now unless said otherwise.
    pub at: Option<DateTime<Utc>>,
}

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    /// Entries that were new.
    pub recorded: u64,
    /// Entries that were told before.
    pub duplicates: u64,
}

/// Counts what was spent, whether or not the budgets allowed it. All of a batch or nothing of it.
///
/// # Errors
/// 403 for all but super_admins and org_admins; every field that breaks a rule, as `entries[2].cost`; what does not
/// exist, or is not in an organization that the caller administers.
pub async fn ingest(ctx: &mut Ctx, entries: Vec<EntryInput>) -> Result<Recorded> {
    let reach = Reach::of(&ctx.caller)?;
    if entries.is_empty() || entries.len() > MAX_ENTRIES {
        return Err(Error::invalid("entries", format!("must be 1 to {MAX_ENTRIES} entries")));
    }
    let mut fields = Fields::new();
    for (place, entry) in entries.iter().enumerate() {
        entry.check(place, ctx.now, &mut fields);
    }
    fields.finish()?;
    let found = Found::load(ctx, &entries).await?;
    let mut fields = Fields::new();
    let mut spent = Vec::with_capacity(entries.len());
    let mut names = HashSet::new();
    let total = entries.len();
    for (place, entry) in entries.into_iter().enumerate() {
        let resolved = found.resolve(&entry, &reach, ctx.now);
        let resolved = resolved.map_err(|(field, words)| at(place, field, words));
        if let Some(one) = fields.take(resolved)
            && names.insert((found.organization(one.team), entry.request_id))
        {
            spent.push(one);
        }
    }
    fields.finish()?;
    let recorded = count(ctx, Source::Ingest, &spent).await?;
    audited(ctx, &found, &spent, recorded).await?;
    Ok(Recorded {
        recorded,
        duplicates: u64::try_from(total).unwrap_or(u64::MAX) - recorded,
    })
}

/// One entry of the audit log for each organization of a batch that told anything new.
async fn audited(ctx: &mut Ctx, found: &Found, spent: &[Spent], recorded: u64) -> Result<()> {
    if recorded == 0 {
        return Ok(());
    }
    let mut told: BTreeMap<Uuid, (u64, Decimal)> = BTreeMap::new();
    for one in spent {
        if let Some(organization) = found.organization(one.team) {
            let sum = told.entry(organization).or_default();
            *sum = (sum.0 + 1, sum.1 + one.cost);
        }
    }
    let ids: Vec<Uuid> = told.keys().copied().collect();
    let names = sqlx::query!("SELECT id, name FROM organizations WHERE id = ANY($1)", &ids)
        .fetch_all(ctx.connection())
        .await?;
    let entries: Vec<audit::Entry<'_>> = (names.iter())
        .filter_map(|row| {
            let (entries, cost) = told.get(&row.id)?;
            let mut entry = audit::Entry::new("spend.record", "organization", row.id, &row.name)
                .change(Value::Null, json!({"entries": entries, "cost": cost.normalize()}));
            entry.organization = Some(OrganizationId(row.id));
            Some(entry)
        })
        .collect();
    audit::record_many(ctx, &entries).await
}

fn at(place: usize, field: &str, words: impl Into<std::borrow::Cow<'static, str>>) -> Invalid {
    Invalid::new(format!("entries[{place}].{field}"), words)
}

impl EntryInput {
    /// Checks what needs no look at the database.
    fn check(&self, place: usize, now: DateTime<Utc>, fields: &mut Fields) {
        let text = |text: &str| {
            let length = text.chars().count();
            (1..=200).contains(&length) && !text.chars().any(char::is_control)
        };
        if !text(&self.request_id) {
            fields.push(at(
                place,
                "request_id",
                "must be 1 to 200 characters without control characters",
            ));
        }
        if self.model.as_deref().is_some_and(|model| !text(model)) {
            fields.push(at(
                place,
                "model",
                "must be 1 to 200 characters without control characters",
            ));
        }
        if self.cost.is_sign_negative() && !self.cost.is_zero() || self.cost > Decimal::from(MAX_COST) {
            fields.push(at(place, "cost", format!("must be an amount from 0 to {MAX_COST}")));
        }
        let oldest = now - TimeDelta::days(DAYS_OF_ENTRIES.into());
        if self.at.is_some_and(|at| at > now + AHEAD || at <= oldest) {
            let words =
                format!("must be in the last {DAYS_OF_ENTRIES} days: older requests are not known by name any more");
            fields.push(at(place, "at", words));
        }
        let named = [self.key.is_some(), self.key_prefix.is_some()];
        let whom = named.iter().filter(|named| **named).count();
        if whom > 1 {
            fields.push(at(place, "key_prefix", "must not be there beside key"));
        } else if whom == 0 && self.team_id.is_none() && self.project_id.is_none() {
            fields.push(at(place, "team_id", "must be there, or key, key_prefix or project_id"));
        }
        if let Some(user) = &self.user_id
            && let Err(invalid) = UserRef::parse("user_id", user)
        {
            fields.push(at(place, "user_id", invalid.message));
        }
    }
}

/// For which organizations the caller may tell what was spent.
enum Reach {
    Everywhere,
    Within(Vec<Uuid>),
}

impl Reach {
    fn of(caller: &Caller) -> Result<Self> {
        match caller {
            Caller::System(..) => Ok(Self::Everywhere),
            Caller::Person(person, _) if person.super_admin => Ok(Self::Everywhere),
            Caller::Person(person, _) => {
                let own: Vec<Uuid> = (person.organizations.iter())
                    .filter(|(id, _)| organizations::standing(caller, *id).may(Permission::TeamAdminister))
                    .map(|(id, _)| id.0)
                    .collect();
                if own.is_empty() {
                    Err(refusal())
                } else {
                    Ok(Self::Within(own))
                }
            }
            Caller::Machine(_) => Err(refusal()),
        }
    }

    fn has(&self, organization: OrganizationId) -> bool {
        match self {
            Self::Everywhere => true,
            Self::Within(own) => own.contains(&organization.0),
        }
    }
}

fn refusal() -> Error {
    let refusal = Standing::default().refusal(Permission::TeamAdminister);
    refusal.of("tell what was spent").into()
}

/// A key, as far as counting needs it.
#[derive(Clone, Copy)]
struct FoundKey {
    id: Uuid,
    team: Uuid,
    project: Option<Uuid>,
    owner: Uuid,
}

/// Everything that a batch names. Five queries at most, however long it is.
#[derive(Default)]
struct Found {
    by_secret: HashMap<Vec<u8>, FoundKey>,
    by_prefix: HashMap<String, Vec<FoundKey>>,
    /// The team of each project.
    projects: HashMap<Uuid, Uuid>,
    /// The organization of each team.
    teams: HashMap<Uuid, Uuid>,
    people: HashSet<Uuid>,
    emails: HashMap<String, Uuid>,
}

impl Found {
    async fn load(ctx: &mut Ctx, entries: &[EntryInput]) -> Result<Self> {
        let mut found = Self::default();
        let hashes: Vec<Vec<u8>> = (entries.iter())
            .filter_map(|entry| entry.key.as_ref().map(|key| keys::hash(key.expose_secret()).to_vec()))
            .collect();
        let prefixes: Vec<String> = entries
            .iter()
            .filter_map(|entry| entry.key_prefix.as_deref().map(prefix))
            .collect();
        let rows = sqlx::query!(
            // Two questions, so that each is answered by its index.
            r#"SELECT k.id AS "id!", k.team_id AS "team_id!", k.project_id, k.owner_id AS "owner_id!", k.key_hash,
                k.prefix AS "prefix!" FROM api_keys k WHERE k.key_hash = ANY($1)
            UNION SELECT k.id, k.team_id, k.project_id, k.owner_id, k.key_hash, k.prefix FROM api_keys k
            WHERE k.prefix <> '' AND k.prefix = ANY($2)"#,
            &hashes,
            &prefixes,
        )
        .fetch_all(ctx.connection())
        .await?;
        for row in rows {
            let key = FoundKey {
                id: row.id,
                team: row.team_id,
                project: row.project_id,
                owner: row.owner_id,
            };
            found.by_prefix.entry(row.prefix).or_default().push(key);
            if let Some(hash) = row.key_hash {
                found.by_secret.insert(hash, key);
            }
        }
        let projects: Vec<Uuid> = entries.iter().filter_map(|entry| entry.project_id).collect();
        let rows = sqlx::query!("SELECT id, team_id FROM projects WHERE id = ANY($1)", &projects)
            .fetch_all(ctx.connection())
            .await?;
        found.projects = rows.into_iter().map(|row| (row.id, row.team_id)).collect();
        let mut teams: BTreeSet<Uuid> = entries.iter().filter_map(|entry| entry.team_id).collect();
        teams.extend(found.projects.values());
        teams.extend(found.by_prefix.values().flatten().map(|key| key.team));
        let teams: Vec<Uuid> = teams.into_iter().collect();
        let rows = sqlx::query!("SELECT id, organization_id FROM teams WHERE id = ANY($1)", &teams)
            .fetch_all(ctx.connection())
            .await?;
        found.teams = rows.into_iter().map(|row| (row.id, row.organization_id)).collect();
        let people: Vec<UserRef> = (entries.iter())
            .filter_map(|entry| {
                entry
                    .user_id
                    .as_deref()
                    .and_then(|user| UserRef::parse("user_id", user).ok())
            })
            .collect();
        let (mut ids, mut emails) = (Vec::new(), Vec::new());
        for person in people {
            match person {
                UserRef::Id(id) => ids.push(id.0),
                UserRef::Email(email) => emails.push(email.as_str().to_owned()),
            }
        }
        let rows = sqlx::query!(
            "SELECT id, email FROM users WHERE id = ANY($1) OR email = ANY($2)",
            &ids,
            &emails,
        )
        .fetch_all(ctx.connection())
        .await?;
        for row in rows {
            found.people.insert(row.id);
            found.emails.insert(row.email, row.id);
        }
        Ok(found)
    }

    fn organization(&self, team: TeamId) -> Option<Uuid> {
        self.teams.get(&team.0).copied()
    }

    /// What an entry counts against, or the field that names something else.
    fn resolve(&self, entry: &EntryInput, reach: &Reach, now: DateTime<Utc>) -> Result<Spent, (&'static str, String)> {
        let unknown = |what: &str| format!("is no {what} of an organization that you administer");
        let key = match (&entry.key, &entry.key_prefix) {
            (Some(secret), _) => {
                let found = self.by_secret.get(&keys::hash(secret.expose_secret())[..]).copied();
                Some(found.ok_or_else(|| ("key", unknown("key")))?)
            }
            (None, Some(begins)) => {
                let found = self.by_prefix.get(&prefix(begins)).map_or(&[][..], Vec::as_slice);
                // Those of others are none: nobody learns that there are any.
                let mut own = found.iter().filter(|key| self.within(key.team, reach));
                match (own.next(), own.next()) {
                    (Some(key), None) => Some(*key),
                    (None, _) => return Err(("key_prefix", unknown("key"))),
                    (Some(_), Some(_)) => {
                        return Err(("key_prefix", "is how several keys begin: name the key whole".to_owned()));
                    }
                }
            }
            (None, None) => None,
        };
        let project = entry.project_id.or(key.and_then(|key| key.project));
        let of_project = entry.project_id.map(|id| self.projects.get(&id).copied());
        let team = match (key, of_project, entry.team_id) {
            (Some(key), ..) => key.team,
            (None, Some(Some(team)), _) | (None, None, Some(team)) => team,
            (None, Some(None), _) => return Err(("project_id", unknown("project"))),
            (None, None, None) => return Err(("team_id", unknown("team"))),
        };
        if !self.within(team, reach) {
            let field = match (key, entry.team_id) {
                (Some(_), _) if entry.key.is_some() => "key",
                (Some(_), _) => "key_prefix",
                (None, Some(_)) => "team_id",
                (None, None) => "project_id",
            };
            return Err((field, unknown(if key.is_some() { "key" } else { "team" })));
        }
        if entry.team_id.is_some_and(|named| named != team) {
            return Err(("team_id", "must be the team of the key or project".to_owned()));
        }
        if of_project.is_some_and(|of| of != Some(team))
            || key.is_some_and(|key| key.project.is_some_and(|own| Some(own) != project))
        {
            return Err((
                "project_id",
                "must be a project of the team, and the key's where it has one".to_owned(),
            ));
        }
        let user = match entry.user_id.as_deref().map(|user| UserRef::parse("user_id", user)) {
            None => key.map(|key| key.owner),
            Some(Ok(UserRef::Id(id))) if self.people.contains(&id.0) => Some(id.0),
            Some(Ok(UserRef::Email(email))) if self.emails.contains_key(email.as_str()) => {
                self.emails.get(email.as_str()).copied()
            }
            Some(_) => return Err(("user_id", "is nobody with an account".to_owned())),
        };
        Ok(Spent {
            request_id: Some(entry.request_id.clone()),
            team: TeamId(team),
            user: user.map(UserId),
            project: project.map(ProjectId),
            key: key.map(|key| KeyId(key.id)),
            model: entry.model.clone(),
            cost: entry.cost,
            at: entry.at.map_or(now, |at| at.min(now)),
        })
    }

    fn within(&self, team: Uuid, reach: &Reach) -> bool {
        self.teams.get(&team).is_some_and(|id| reach.has(OrganizationId(*id)))
    }
}

/// How a key begins, as people cut it out of a list.
fn prefix(text: &str) -> String {
    text.trim().trim_end_matches(['…', '.', '*']).to_owned()
}
