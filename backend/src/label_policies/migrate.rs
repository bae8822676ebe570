//! From people's own label policies into teams, in one transaction (the seed's "Migration from User-Based Policies").

use std::collections::{HashMap, HashSet};

use domain::{
    Fields, Invalid, MAX_ROSTER, OrganizationId, TeamRole, UserRef,
    views::{BulkOutcome, MigratedTeam, Migration, PersonChange, TeamPage},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    require_manager,
    suggest::{Affected, affected},
    writable,
};
use crate::{
    Code, Ctx, Error, Result, audit,
    members::{self, BulkInput, OnInvalid, OnUnknown},
    teams::{self, NewTeam, NewTeamInput},
    users::Scope,
};

/// How many teams one migration makes at most.
const MAX_TEAMS: usize = 100;

/// A team that people with label policies go to, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct PlannedTeamInput {
    /// The new team; nobody becomes its admin.
    pub team: NewTeamInput,
    /// The people's UUIDs or email addresses.
    pub members: Vec<String>,
}

/// What to migrate, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct MigrationInput {
    /// The teams.
    pub teams: Vec<PlannedTeamInput>,
}

/// A team that people with label policies go to, parsed.
#[derive(Debug, Clone)]
pub struct PlannedTeam {
    team: NewTeam,
    members: Vec<UserRef>,
}

impl MigrationInput {
    /// Parses all teams.
    ///
    /// # Errors
    /// Every field that breaks a rule, as `suggestions[0].name`.
    pub fn parse(self) -> Result<Vec<PlannedTeam>, Vec<Invalid>> {
        let mut fields = Fields::new();
        if self.teams.is_empty() || self.teams.len() > MAX_TEAMS {
            fields.push(Invalid::new("suggestions", format!("must be 1 to {MAX_TEAMS} teams")));
        }
        let mut teams = Vec::with_capacity(self.teams.len());
        for (index, planned) in self.teams.into_iter().enumerate() {
            let at = |name: &str| format!("suggestions[{index}].{name}");
            if planned.members.is_empty() || planned.members.len() > MAX_ROSTER {
                fields.push(Invalid::new(at("members"), format!("must be 1 to {MAX_ROSTER} people")));
            }
            let mut members = Vec::with_capacity(planned.members.len());
            for member in &planned.members {
                let parsed = UserRef::parse("members", member);
                members.extend(fields.take(parsed.map_err(|wrong| Invalid::new(at("members"), wrong.message))));
            }
            match planned.team.parse() {
                Ok(team) => teams.push(PlannedTeam { team, members }),
                Err(wrong) => {
                    for invalid in wrong {
                        fields.push(Invalid::new(at(&invalid.field), invalid.message));
                    }
                }
            }
        }
        fields.finish().map(|()| teams)
    }
}

/// Makes the teams, adds the people, and removes their own policies if that is wanted. All of it or nothing; in a dry
/// run all of it is tried, and the caller has to let the transaction go.
///
/// # Errors
/// 403 for those who write nobody's policies or may not create teams there; `No policy found for user: <u>` for people
/// without one, and for those whom the caller may not decide for; 409 for someone who cannot be added, with the reason;
/// what [`teams::create`] refuses.
pub async fn migrate(ctx: &mut Ctx, plan: Vec<PlannedTeam>, remove_policies: bool, dry_run: bool) -> Result<Migration> {
    require_manager(&ctx.caller)?;
    let people = People::lock(ctx, &plan).await?;
    let mut done = Vec::with_capacity(plan.len());
    let mut moved: Vec<Uuid> = Vec::new();
    for planned in plan {
        let members: Vec<&Affected> = people.of(&planned.members)?;
        moved.extend(members.iter().map(|person| person.id.0));
        let page = teams::create(ctx, planned.team).await?;
        add(ctx, &page, &members).await?;
        let emails: Vec<&str> = members.iter().map(|person| person.email.as_str()).collect();
        let entry = audit::Entry::new("label_policy.migrate", "team", page.team.id, &page.team.name)
            .team(page.team.organization_id, page.team.id)
            .change(
                Value::Null,
                json!({"people": emails, "policies_removed": remove_policies}),
            );
        audit::record(ctx, entry).await?;
        let people: Vec<PersonChange> = members.iter().map(|person| person.change(&page.team.policy)).collect();
        done.push(MigratedTeam {
            id: (!dry_run).then_some(page.team.id),
            name: page.team.name,
            organization_name: page.team.organization_name,
            max_runners: page.team.max_runners,
            people,
        });
    }
    moved.sort_unstable();
    moved.dedup();
    if remove_policies {
        remove(ctx, &people, &moved).await?;
    }
    let removed = if remove_policies { moved.len() } else { 0 };
    Ok(Migration {
        teams: done,
        policies_removed: i64::try_from(removed).unwrap_or(i64::MAX),
        dry_run,
    })
}

/// Everyone whom a plan names, with their policies, which stay what they are until the transaction ends.
struct People {
    all: HashMap<Uuid, Affected>,
    by_email: HashMap<String, Uuid>,
    /// The organization that the audit log keeps the end of a policy under.
    organizations: HashMap<Uuid, OrganizationId>,
}

impl People {
    async fn lock(ctx: &mut Ctx, plan: &[PlannedTeam]) -> Result<Self> {
        let (mut ids, mut emails) = (Vec::new(), Vec::new());
        for user in plan.iter().flat_map(|planned| &planned.members) {
            match user {
                UserRef::Id(id) => ids.push(id.0),
                UserRef::Email(email) => emails.push(email.as_str().to_owned()),
            }
        }
        // The accounts are locked as provisioning and `set` lock them, in one order.
        let locked = sqlx::query_scalar!(
            "SELECT id FROM users WHERE id = ANY($1) OR email = ANY($2) ORDER BY id FOR NO KEY UPDATE",
            &ids,
            &emails,
        )
        .fetch_all(ctx.connection())
        .await?;
        let writable = writable(ctx, &locked).await?;
        let ids: Vec<Uuid> = writable.keys().copied().collect();
        // Who may be touched was decided above.
        let people = affected(ctx, &Scope::Everybody, Some(&ids)).await?;
        Ok(Self {
            organizations: (writable.into_iter())
                .filter_map(|(id, organization)| Some((id, organization?)))
                .collect(),
            by_email: people
                .iter()
                .map(|person| (person.email.clone(), person.id.0))
                .collect(),
            all: people.into_iter().map(|person| (person.id.0, person)).collect(),
        })
    }

    /// The people of one team, each once.
    fn of(&self, members: &[UserRef]) -> Result<Vec<&Affected>> {
        let mut seen = HashSet::new();
        let mut people = Vec::with_capacity(members.len());
        for user in members {
            let id = match user {
                UserRef::Id(id) => Some(&id.0),
                UserRef::Email(email) => self.by_email.get(email.as_str()),
            };
            let person = id.and_then(|id| self.all.get(id)).ok_or_else(|| super::missing(user))?;
            if seen.insert(person.id.0) {
                people.push(person);
            }
        }
        Ok(people)
    }
}

/// Adds the people to their new team, as members.
async fn add(ctx: &mut Ctx, page: &TeamPage, people: &[&Affected]) -> Result<()> {
    let rows: Vec<BulkInput> = people
        .iter()
        .map(|person| BulkInput {
            user: person.id.to_string(),
            role: Some(TeamRole::Member.to_string()),
        })
        .collect();
    let result = members::add_many(ctx, page.team.id, &rows, OnInvalid::Abort, OnUnknown::Refuse, false).await?;
    let bad = result.rows.into_iter().find(|row| row.outcome == BulkOutcome::Invalid);
    match bad {
        Some(row) => Err(Error::refused(
            Code::WrongState,
            format!(
                "Team '{}' was not created, and nothing else either: {}",
                page.team.name,
                row.detail.unwrap_or(row.user)
            ),
        )),
        None => Ok(()),
    }
}

/// Removes the policies of people who have moved, with a record for each.
async fn remove(ctx: &mut Ctx, people: &People, moved: &[Uuid]) -> Result<()> {
    let rows = sqlx::query!(
        "DELETE FROM user_label_policies WHERE user_id = ANY($1) RETURNING user_id, description",
        moved,
    )
    .fetch_all(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = rows
        .iter()
        .filter_map(|row| {
            let person = people.all.get(&row.user_id)?;
            let before = json!({
                "allowed_labels": person.policy.allowed,
                "label_patterns": person.policy.patterns,
                "max_runners": person.policy.max_runners,
                "require_approval": person.policy.require_approval,
                "description": row.description,
            });
            let mut entry = audit::Entry::new("label_policy.delete", "label_policy", row.user_id, &person.email)
                .change(before, Value::Null);
            entry.organization = people.organizations.get(&row.user_id).copied();
            Some(entry)
        })
        .collect();
    audit::record_many(ctx, &entries).await
}
