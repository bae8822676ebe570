//! Organizations and teams for groups that nobody has made them for (SPEC E2–E5): with the group's own id, once, and
//! never changed afterwards.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    BudgetDuration, DEFAULT_ORGANIZATION, Limits, Money, OrganizationId, TeamId,
    directory::{Group, Mode, Provider, limits_of_group_team, name_for_group, other_names_for_group, slugs_for_group},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use uuid::Uuid;

use super::events::{self, Event, Kind};
use crate::{Backend, Caller, Ctx, Error, Method, RequestInfo, Result, audit, organizations};

/// What a new group gets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewGroups {
    /// Whether it gets an organization beside its team (`entra_groups_also_create_orgs`).
    pub also_organizations: bool,
    /// What both may have (`default_team_params`).
    pub params: Limits,
}

/// A group by its id, with the name that what is made for it gets.
#[derive(Debug, Clone)]
struct Wanted {
    id: Uuid,
    name: String,
}

/// What there is for a group.
struct Found {
    organization: bool,
    /// The organization of its team.
    team: Option<Uuid>,
    linked: bool,
    organization_linked: bool,
}

impl Found {
    /// Whether nothing is to be made. A team that stands alone keeps standing alone (SPEC E5).
    fn is_complete(&self, also_organizations: bool) -> bool {
        self.linked && (!also_organizations || self.organization && self.organization_linked)
    }
}

/// Makes what is missing for groups of Microsoft Entra ID that are assigned to the application, whether or not anybody is in
/// them. What is there stays as it is, whoever made it. When an organization cannot be made its team still is.
///
/// # Errors
/// When the database does not answer.
pub async fn provision(backend: &Backend, groups: &[Group], new: &NewGroups, request: &RequestInfo) -> Result<()> {
    let wanted: Vec<Wanted> = (groups.iter())
        .filter_map(|group| {
            let id = Uuid::try_parse(&group.id).ok()?;
            let name = name_for_group(group.name.as_deref(), &group.id);
            Some((id, Wanted { id, name }))
        })
        // In one order, each once.
        .collect::<BTreeMap<_, _>>()
        .into_values()
        .collect();
    let caller = || Caller::System("sign-in".into(), Method::System);
    let mut ctx = Ctx::read(backend, caller(), request.clone()).await?;
    let found = find(&mut ctx, &wanted).await?;
    drop(ctx);
    let wanted: Vec<Wanted> = (wanted.into_iter())
        .filter(|group| !is_complete(&found, group, new.also_organizations))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let mut ctx = Ctx::write(backend, caller(), request.clone()).await?;
    match make(&mut ctx, &wanted, new).await {
        Ok(()) => return ctx.commit().await,
        Err(error @ Error::Unavailable(..)) => return Err(error),
        Err(error) => {
            tracing::warn!(%error, groups = wanted.len(), "groups are made one by one, since together failed");
        }
    }
    drop(ctx);
    for group in &wanted {
        one(backend, group, new, caller(), request).await?;
    }
    Ok(())
}

/// Links groups to the teams that have their ids already, and makes none: for where nobody said which groups are the
/// application's (SPEC E4).
pub(super) async fn adopt(backend: &Backend, groups: &[Group], request: &RequestInfo) -> Result<()> {
    let ids: Vec<Uuid> = groups
        .iter()
        .filter_map(|group| Uuid::try_parse(&group.id).ok())
        .collect();
    let caller = Caller::System("sign-in".into(), Method::System);
    let mut ctx = Ctx::write(backend, caller, request.clone()).await?;
    let teams = sqlx::query!(
        "SELECT t.id, t.name FROM teams t WHERE t.id = ANY($1) AND NOT EXISTS (
            SELECT FROM identity_links l WHERE l.provider = 'entra' AND l.group_id = t.id::text AND l.team_id = t.id)",
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    if teams.is_empty() {
        return Ok(());
    }
    let groups: Vec<Wanted> = (teams.into_iter())
        .map(|team| Wanted {
            id: team.id,
            name: team.name,
        })
        .collect();
    make_links(&mut ctx, &groups.iter().collect::<Vec<_>>(), false).await?;
    ctx.commit().await
}

/// One group by itself; without its organization when that cannot be made.
async fn one(backend: &Backend, group: &Wanted, new: &NewGroups, caller: Caller, request: &RequestInfo) -> Result<()> {
    let alone = NewGroups {
        also_organizations: false,
        ..new.clone()
    };
    for (attempt, new) in [new, &alone].into_iter().enumerate() {
        let mut ctx = Ctx::write(backend, caller.clone(), request.clone()).await?;
        match make(&mut ctx, std::slice::from_ref(group), new).await {
            Ok(()) => return ctx.commit().await,
            Err(error @ Error::Unavailable(..)) => return Err(error),
            Err(error) if attempt == 0 && new.also_organizations => {
                tracing::error!(%error, group = %group.id, "no organization could be made for a group: its team stands alone");
            }
            Err(error) => {
                tracing::error!(%error, group = %group.id, "nothing could be made for a group");
                return Ok(());
            }
        }
    }
    Ok(())
}

fn is_complete(found: &BTreeMap<Uuid, Found>, group: &Wanted, also_organizations: bool) -> bool {
    found
        .get(&group.id)
        .is_some_and(|found| found.is_complete(also_organizations))
}

async fn find(ctx: &mut Ctx, groups: &[Wanted]) -> Result<BTreeMap<Uuid, Found>> {
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let rows = sqlx::query!(
        r#"SELECT g.id AS "id!", o.id IS NOT NULL AS "organization!", t.organization_id AS "team?",
            EXISTS (SELECT FROM identity_links l WHERE l.provider = 'entra' AND l.group_id = g.id::text
                AND l.team_id = t.id) AS "linked!",
            t.organization_id = o.id OR EXISTS (SELECT FROM identity_links l WHERE l.provider = 'entra'
                AND l.group_id = g.id::text AND l.organization_id = o.id AND l.team_id IS NULL) AS organization_linked
        FROM unnest($1::uuid[]) AS g(id) LEFT JOIN organizations o ON o.id = g.id LEFT JOIN teams t ON t.id = g.id"#,
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let found = rows.into_iter().map(|row| {
        let found = Found {
            organization: row.organization,
            team: row.team,
            linked: row.linked,
            organization_linked: row.organization_linked.unwrap_or(false),
        };
        (row.id, found)
    });
    Ok(found.collect())
}

/// Makes what is missing, in the order that everything locks in. Two sign-ins with one new group take turns.
async fn make(ctx: &mut Ctx, groups: &[Wanted], new: &NewGroups) -> Result<()> {
    let ids: Vec<String> = groups.iter().map(|group| group.id.to_string()).collect();
    sqlx::query!(
        r#"SELECT pg_advisory_xact_lock(hashtextextended('directory group ' || g.id, 0))::text AS locked
        FROM (SELECT id FROM unnest($1::text[]) AS id ORDER BY id) g"#,
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let found = find(ctx, groups).await?;
    let missing: Vec<&Wanted> = (groups.iter())
        .filter(|group| !is_complete(&found, group, new.also_organizations))
        .collect();
    if new.also_organizations {
        let organizations: Vec<&Wanted> = (missing.iter().copied())
            .filter(|group| found.get(&group.id).is_none_or(|found| !found.organization))
            .collect();
        make_organizations(ctx, &organizations, &new.params).await?;
    }
    let teams: Vec<&Wanted> = (missing.iter().copied())
        .filter(|group| found.get(&group.id).is_none_or(|found| found.team.is_none()))
        .collect();
    make_teams(ctx, &teams, new).await?;
    make_links(ctx, &missing, new.also_organizations).await
}

async fn make_organizations(ctx: &mut Ctx, groups: &[&Wanted], params: &Limits) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let choices: Vec<Vec<String>> = groups.iter().map(|group| slugs(&group.name, group.id)).collect();
    let asked: Vec<String> = choices.iter().flatten().cloned().collect();
    let taken = sqlx::query_scalar!("SELECT slug FROM organizations WHERE slug = ANY($1)", &asked)
        .fetch_all(ctx.connection())
        .await?;
    let mut taken: BTreeSet<String> = taken.into_iter().collect();
    let slugs: Vec<String> = (choices.into_iter())
        .map(|choices| first_free(&mut taken, choices, String::clone))
        .collect();
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO organizations (id, name, slug, models, max_budget, budget_duration, tpm_limit, rpm_limit,
            created_at, updated_at)
        SELECT n.id, n.name, n.slug, $4, $5, $6, $7, $8, $9, $9
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(id, name, slug) ORDER BY n.id",
        &ids,
        &names,
        &slugs,
        &params.models,
        params.max_budget.map(Money::decimal),
        params.budget_duration.as_ref().map(BudgetDuration::as_str),
        params.tpm_limit,
        params.rpm_limit,
        now,
    )
    .execute(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = (groups.iter().zip(&slugs))
        .map(|(group, slug)| {
            let after = json!({"name": group.name, "slug": slug, "limits": params, "source": "idp"});
            let mut entry = audit::Entry::new("organization.create", "organization", group.id, &group.name)
                .change(Value::Null, after);
            entry.organization = Some(OrganizationId(group.id));
            entry
        })
        .collect();
    audit::record_many(ctx, &entries).await
}

fn slugs(name: &str, id: Uuid) -> Vec<String> {
    slugs_for_group(name, id).into_iter().map(String::from).collect()
}

/// The first choice that nobody has, and from now on somebody has; the last one if there is none.
fn first_free<K: Ord>(taken: &mut BTreeSet<K>, choices: Vec<String>, key: impl Fn(&String) -> K) -> String {
    let last = choices.last().cloned().unwrap_or_default();
    choices
        .into_iter()
        .find(|choice| taken.insert(key(choice)))
        .unwrap_or(last)
}

/// A team that is made.
struct NewTeam {
    id: Uuid,
    organization: Uuid,
    name: String,
    limits: Limits,
}

async fn make_teams(ctx: &mut Ctx, groups: &[&Wanted], new: &NewGroups) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    let above = if new.also_organizations {
        let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
        organizations::held_limits(ctx, &ids).await?
    } else {
        BTreeMap::new()
    };
    let mut teams: Vec<NewTeam> = (groups.iter())
        .map(|group| {
            let above = above.get(&group.id);
            NewTeam {
                id: group.id,
                organization: above.map_or(DEFAULT_ORGANIZATION.0, |_| group.id),
                name: group.name.clone(),
                limits: limits_of_group_team(&new.params, above),
            }
        })
        .collect();
    insert_teams(ctx, &mut teams).await
}

/// Writes teams, each with a name and a slug that its organization does not have yet.
async fn insert_teams(ctx: &mut Ctx, teams: &mut [NewTeam]) -> Result<()> {
    let organizations: Vec<Uuid> = teams.iter().map(|team| team.organization).collect();
    let choices: Vec<(Vec<String>, Vec<String>)> = (teams.iter())
        .map(|team| {
            let mut names = vec![team.name.clone()];
            names.extend(other_names_for_group(&team.name, team.id));
            (names, slugs(&team.name, team.id))
        })
        .collect();
    let asked = choices
        .iter()
        .flat_map(|(names, _)| names)
        .map(|name| name.to_lowercase());
    let asked: Vec<String> = asked.collect();
    let asked_slugs: Vec<String> = choices.iter().flat_map(|(_, slugs)| slugs).cloned().collect();
    let rows = sqlx::query!(
        r#"SELECT organization_id, lower(name) AS "name!", slug FROM teams
        WHERE organization_id = ANY($1) AND status <> 'archived' AND (lower(name) = ANY($2) OR slug = ANY($3))"#,
        &organizations,
        &asked,
        &asked_slugs,
    )
    .fetch_all(ctx.connection())
    .await?;
    let (mut taken, mut taken_slugs) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        taken.insert((row.organization_id, row.name));
        taken_slugs.insert((row.organization_id, row.slug));
    }
    let mut own = Vec::with_capacity(teams.len());
    for (team, (names, slugs)) in teams.iter_mut().zip(choices) {
        let organization = team.organization;
        team.name = first_free(&mut taken, names, |name| (organization, name.to_lowercase()));
        own.push(first_free(&mut taken_slugs, slugs, |slug| (organization, slug.clone())));
    }
    let ids: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let names: Vec<String> = teams.iter().map(|team| team.name.clone()).collect();
    // A list of lists is no array that PostgreSQL could take apart.
    let models: Vec<Value> = teams.iter().map(|team| json!(team.limits.models)).collect();
    let budgets: Vec<Option<Decimal>> = teams
        .iter()
        .map(|team| team.limits.max_budget.map(Money::decimal))
        .collect();
    let durations: Vec<Option<String>> = (teams.iter())
        .map(|team| {
            team.limits
                .budget_duration
                .as_ref()
                .map(|duration| duration.as_str().to_owned())
        })
        .collect();
    let tpm: Vec<Option<i64>> = teams.iter().map(|team| team.limits.tpm_limit).collect();
    let rpm: Vec<Option<i64>> = teams.iter().map(|team| team.limits.rpm_limit).collect();
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO teams (id, organization_id, name, slug, models, max_budget, budget_duration, tpm_limit, rpm_limit,
            created_at, updated_at)
        SELECT n.id, n.organization_id, n.name, n.slug, ARRAY(SELECT jsonb_array_elements_text(n.models)), n.max_budget,
            n.budget_duration, n.tpm_limit, n.rpm_limit, $10, $10
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::numeric[], $7::text[], $8::bigint[],
            $9::bigint[]) AS n(id, organization_id, name, slug, models, max_budget, budget_duration, tpm_limit, rpm_limit)
        ORDER BY n.id",
        &ids,
        &organizations,
        &names,
        &own,
        &models,
        &budgets as &[Option<Decimal>],
        &durations as &[Option<String>],
        &tpm as &[Option<i64>],
        &rpm as &[Option<i64>],
        now,
    )
    .execute(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = (teams.iter().zip(&own))
        .map(|(team, slug)| {
            let after = json!({"name": team.name, "slug": slug, "limits": team.limits, "source": "idp"});
            audit::Entry::new("team.create", "team", team.id, &team.name)
                .team(OrganizationId(team.organization), TeamId(team.id))
                .change(Value::Null, after)
        })
        .collect();
    audit::record_many(ctx, &entries).await
}

/// Links groups to the teams with their ids; to the organizations, where the team is not in it.
async fn make_links(ctx: &mut Ctx, groups: &[&Wanted], also_organizations: bool) -> Result<()> {
    let ids: Vec<Uuid> = groups.iter().map(|group| group.id).collect();
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    let made = sqlx::query_scalar!(
        "INSERT INTO identity_links (id, provider, group_id, group_name, organization_id, team_id, role, created_at)
        SELECT gen_random_uuid(), 'entra', g.id::text, g.name, made.organization_id, made.team_id, made.role, $4
        FROM unnest($1::uuid[], $2::text[]) AS g(id, name) CROSS JOIN LATERAL (
            SELECT t.organization_id, t.id AS team_id, 'member' AS role FROM teams t WHERE t.id = g.id
                AND NOT EXISTS (SELECT FROM identity_links l WHERE l.provider = 'entra' AND l.group_id = g.id::text
                    AND l.team_id = t.id)
            UNION ALL
            SELECT o.id, NULL::uuid, 'org_member' FROM organizations o WHERE $3 AND o.id = g.id
                AND NOT EXISTS (SELECT FROM teams t WHERE t.id = g.id AND t.organization_id = o.id)
                AND NOT EXISTS (SELECT FROM identity_links l WHERE l.provider = 'entra' AND l.group_id = g.id::text
                    AND l.organization_id = o.id AND l.team_id IS NULL)) made
        ORDER BY g.id ON CONFLICT DO NOTHING RETURNING id",
        &ids,
        &names,
        also_organizations,
        ctx.now,
    )
    .fetch_all(ctx.connection())
    .await?;
    let made: Vec<Event> = made.into_iter().map(|link| Event::of(link, Kind::Created)).collect();
    events::note(ctx, &made).await
}

/// A team of an organization for a group of another directory, and a link to it; none when the organization has a team of
/// that name, which no group takes over.
pub(super) async fn team_for(
    ctx: &mut Ctx,
    provider: Provider,
    group: &str,
    name: &str,
    organization: OrganizationId,
    mode: Mode,
) -> Result<Option<TeamId>> {
    organizations::hold(ctx, organization).await?;
    let name = name_for_group(Some(name), group);
    let taken = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM teams WHERE organization_id = $1 AND lower(name) = lower($2)
            AND status <> 'archived') AS "taken!""#,
        organization.0,
        name,
    )
    .fetch_one(ctx.connection())
    .await?;
    if taken {
        return Ok(None);
    }
    let id = Uuid::now_v7();
    let limits = Limits::default();
    let team = NewTeam {
        id,
        organization: organization.0,
        name: name.clone(),
        limits,
    };
    insert_teams(ctx, &mut [team]).await?;
    let (link, now) = (Uuid::now_v7(), ctx.now);
    sqlx::query!(
        "INSERT INTO identity_links (id, provider, group_id, group_name, organization_id, team_id, role, mode, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, 'member', $7, $8)",
        link,
        provider.as_str(),
        group,
        name,
        organization.0,
        id,
        mode.as_str(),
        now,
    )
    .execute(ctx.connection())
    .await?;
    events::note(ctx, &[Event::of(link, Kind::Created)]).await?;
    Ok(Some(TeamId(id)))
}
