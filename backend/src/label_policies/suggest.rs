//! Which teams could take the place of people's own label policies: four queries, however many people there are.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

use domain::{
    DEFAULT_ORGANIZATION, LabelPattern, LabelPolicy, OrganizationId, TeamName, UserId, UserLabelPolicy,
    suggestions::{self, Holder, Proposal},
    views::{PersonChange, Suggestions, TeamSuggestion},
};
use uuid::Uuid;

use super::{managed, may_manage};
use crate::{
    Ctx, Result,
    users::{self, Scope},
};

/// How many policies are looked at in one go.
const MAX_PEOPLE: i64 = 2_000;

/// Teams that could take the place of the label policies that the caller may write, or may see who writes none, and what
/// that would change for each person. Of each organization its people; who is in several is suggested for the first by name.
///
/// # Errors
/// 403 for those who see nobody's policy.
pub async fn suggest(ctx: &mut Ctx) -> Result<Suggestions> {
    let scope = users::scope(&ctx.caller)?;
    let mut all = affected(ctx, &scope, None).await?;
    if may_manage(&ctx.caller) {
        let ids: Vec<UserId> = all.iter().map(|person| person.id).collect();
        let managed = managed(ctx, &ids).await?;
        all.retain(|person| managed.contains(&person.id));
    }
    let mut people: BTreeMap<Uuid, Vec<Affected>> = BTreeMap::new();
    for person in all {
        people.entry(person.organization.0).or_default().push(person);
    }
    let ids: Vec<Uuid> = people.keys().copied().collect();
    let names = organization_names(ctx, &ids).await?;
    let mut taken = team_names(ctx, &ids).await?;
    let counts = counts(ctx, &scope).await?;
    let mut found = Vec::new();
    for (organization, people) in people {
        let holders: Vec<Holder> = people
            .iter()
            .map(|person| Holder {
                id: person.id,
                policy: person.policy.clone(),
            })
            .collect();
        let taken = taken.entry(organization).or_default();
        for proposal in suggestions::propose(&holders) {
            let name = free_name(&proposal.name, taken);
            let theirs: HashSet<Uuid> = proposal.members.iter().map(|id| id.0).collect();
            let people: Vec<&Affected> = people.iter().filter(|person| theirs.contains(&person.id.0)).collect();
            found.push(TeamSuggestion {
                key: key(organization, &proposal, &people),
                organization_id: OrganizationId(organization),
                organization_name: names.get(&organization).cloned().unwrap_or_default(),
                name,
                people: people.iter().map(|person| person.change(&proposal.policy)).collect(),
                policy: proposal.policy,
                common: proposal.common,
                max_runners: proposal.max_runners,
                equal: proposal.equal,
            });
        }
    }
    // Stable: those of one size stay in the order of their organizations.
    found.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.people.len()));
    Ok(Suggestions {
        suggestions: found,
        deactivated: counts.0,
        beyond: (counts.1 - MAX_PEOPLE).max(0),
    })
}

/// Someone with a policy, and what hangs on them.
pub(super) struct Affected {
    pub(super) id: UserId,
    pub(super) email: String,
    display_name: Option<String>,
    pub(super) policy: UserLabelPolicy,
    runners: i64,
    teams: Vec<String>,
    organization: OrganizationId,
}

impl Affected {
    /// What becomes of them under a team's policy.
    pub(super) fn change(&self, after: &LabelPolicy) -> PersonChange {
        PersonChange {
            user_id: self.id,
            email: self.email.clone(),
            display_name: self.display_name.clone(),
            labels: suggestions::difference(&self.policy, after),
            max_runners: self.policy.max_runners,
            require_approval: self.policy.require_approval,
            runners: self.runners,
            teams: self.teams.clone(),
        }
    }
}

/// People with policies whose accounts are active, by email: all in the scope, or these.
pub(super) async fn affected(ctx: &mut Ctx, scope: &Scope, only: Option<&[Uuid]>) -> Result<Vec<Affected>> {
    let rows = sqlx::query!(
        r#"SELECT u.id, u.email, u.display_name, p.allowed_labels, p.label_patterns, p.max_runners, p.require_approval,
            (SELECT count(*) FROM runners r WHERE r.provisioned_by = u.id AND r.status <> 'deleted') AS "runners!",
            ARRAY(SELECT CASE WHEN $1 OR t.organization_id = ANY($2) THEN t.name ELSE 'a team elsewhere' END
                FROM current_team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = u.id AND t.status = 'active' AND (NOT t.is_system OR t.runners_enabled)
                ORDER BY lower(t.name), t.id) AS "teams!: Vec<String>",
            (SELECT m.organization_id FROM organization_members m JOIN organizations o ON o.id = m.organization_id
                WHERE m.user_id = u.id AND ($1 OR m.organization_id = ANY($2))
                ORDER BY lower(o.name), o.id LIMIT 1) AS organization
        FROM user_label_policies p JOIN users u ON u.id = p.user_id
        WHERE u.deactivated_at IS NULL AND ($3::uuid[] IS NULL OR u.id = ANY($3))
            AND ($1 OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($2)))
        ORDER BY u.email LIMIT $4"#,
        scope.is_whole(),
        scope.organizations(),
        only,
        only.map_or(MAX_PEOPLE, |only| i64::try_from(only.len()).unwrap_or(i64::MAX)),
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Affected {
            id: UserId(row.id),
            email: row.email,
            display_name: row.display_name,
            policy: UserLabelPolicy {
                allowed: row.allowed_labels,
                patterns: row.label_patterns.into_iter().map(LabelPattern::trusted).collect(),
                max_runners: row.max_runners,
                require_approval: row.require_approval,
            },
            runners: row.runners,
            teams: row.teams,
            organization: row.organization.map_or(DEFAULT_ORGANIZATION, OrganizationId),
        })
        .collect())
}

pub(super) async fn organization_names(ctx: &mut Ctx, ids: &[Uuid]) -> Result<HashMap<Uuid, String>> {
    let rows = sqlx::query!("SELECT id, name FROM organizations WHERE id = ANY($1)", ids)
        .fetch_all(ctx.connection())
        .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// The names that teams have, in lower case, by organization.
async fn team_names(ctx: &mut Ctx, organizations: &[Uuid]) -> Result<HashMap<Uuid, HashSet<String>>> {
    let rows = sqlx::query!(
        r#"SELECT organization_id, lower(name) AS "name!" FROM teams
        WHERE organization_id = ANY($1) AND status <> 'archived'"#,
        organizations,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut names: HashMap<Uuid, HashSet<String>> = HashMap::new();
    for row in rows {
        names.entry(row.organization_id).or_default().insert(row.name);
    }
    Ok(names)
}

/// Policies in the scope of people whose accounts are deactivated, and of the others.
async fn counts(ctx: &mut Ctx, scope: &Scope) -> Result<(i64, i64)> {
    let row = sqlx::query!(
        r#"SELECT count(*) FILTER (WHERE u.deactivated_at IS NOT NULL) AS "deactivated!",
            count(*) FILTER (WHERE u.deactivated_at IS NULL) AS "active!"
        FROM user_label_policies p JOIN users u ON u.id = p.user_id
        WHERE $1 OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($2))"#,
        scope.is_whole(),
        scope.organizations(),
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok((row.deactivated, row.active))
}

/// The name, numbered when it is taken; then it is taken.
fn free_name(wanted: &str, taken: &mut HashSet<String>) -> String {
    let numbered = (2..).map(|n: u32| format!("{wanted} {n}"));
    let name = std::iter::once(wanted.to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(&name.to_lowercase()) && TeamName::parse(name).is_ok())
        .unwrap_or_else(|| wanted.to_owned());
    taken.insert(name.to_lowercase());
    name
}

/// What a suggestion is known by: it changes with the people and with what they are allowed.
fn key(organization: Uuid, proposal: &Proposal, people: &[&Affected]) -> String {
    let mut hasher = DefaultHasher::new();
    organization.hash(&mut hasher);
    proposal.max_runners.hash(&mut hasher);
    for pattern in &proposal.policy.optional {
        pattern.as_str().hash(&mut hasher);
    }
    for person in people {
        person.id.0.hash(&mut hasher);
        person.policy.require_approval.hash(&mut hasher);
    }
    // Forms have fields of this name in brackets: one that begins with a digit would be taken for a place in a list.
    format!("t{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbered_when_they_are_taken() {
        let mut taken = HashSet::from(["backend runners".to_owned(), "backend runners 2".to_owned()]);
        assert_eq!(free_name("Backend runners", &mut taken), "Backend runners 3");
        assert_eq!(free_name("Backend runners", &mut taken), "Backend runners 4");
        assert_eq!(free_name("Gpu runners", &mut taken), "Gpu runners");
    }
}
