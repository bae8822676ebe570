//! Organizations and teams for groups that nobody has made them for (SPEC E2–E5): with the group's own id, once, and
//! never changed afterwards.

use std::collections::{BTreeMap, BTreeSet};

use domain::{
    BudgetDuration, DEFAULT_ORGANIZATION, Limits, Money, OrganizationId, TeamId,
    directory::{
        Group, Mode, Provider, distinct_name_for_group, limits_of_group_team, name_for_group, slug_for_group,
    },
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
        Err(error) => tracing::warn!(%error, groups = wanted.len(), "groups are made one by one, since together failed"),
    }
    drop(ctx);
    for group in &wanted {
        one(backend, group, new, caller(), request).await?;
    }
    Ok(())
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
    found.get(&group.id).is_some_and(|found| found.is_complete(also_organizations))
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
    let plain: Vec<String> = groups.iter().map(|group| slug(&group.name, group.id, false)).collect();
    let mut taken: BTreeSet<String> =
        sqlx::query_scalar!("SELECT slug FROM organizations WHERE slug = ANY($1)", &plain)
            .fetch_all(ctx.connection())
            .await?
            .into_iter()
            .collect();
    let slugs: Vec<String> = (groups.iter().zip(plain))
        .map(|(group, plain)| if taken.insert(plain.clone()) { plain } else { slug(&group.name, group.id, true) })
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

fn slug(name: &str, id: Uuid, taken: bool) -> String {
    slug_for_group(name, id, taken).into()
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
    let names: Vec<String> = teams.iter().map(|team| team.name.to_lowercase()).collect();
    let plain: Vec<String> = teams.iter().map(|team| slug(&team.name, team.id, false)).collect();
    let rows = sqlx::query!(
        r#"SELECT t.organization_id, lower(t.name) AS "name!", t.slug
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS n(organization_id, name, slug)
            JOIN teams t ON t.organization_id = n.organization_id AND t.status <> 'archived'
                AND (lower(t.name) = lower(n.name) OR t.slug = n.slug)"#,
        &organizations,
        &names,
        &plain,
    )
    .fetch_all(ctx.connection())
    .await?;
    let (mut names, mut slugs) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        names.insert((row.organization_id, row.name));
        slugs.insert((row.organization_id, row.slug));
    }
    let mut own = Vec::with_capacity(teams.len());
    for (team, plain) in teams.iter_mut().zip(plain) {
        if !names.insert((team.organization, team.name.to_lowercase())) {
            team.name = distinct_name_for_group(&team.name, team.id);
        }
        let taken = !slugs.insert((team.organization, plain.clone()));
        own.push(if taken { slug(&team.name, team.id, true) } else { plain });
    }
    let ids: Vec<Uuid> = teams.iter().map(|team| team.id).collect();
    let names: Vec<String> = teams.iter().map(|team| team.name.clone()).collect();
    // A list of lists is no array that PostgreSQL could take apart.
    let models: Vec<Value> = teams.iter().map(|team| json!(team.limits.models)).collect();
    let budgets: Vec<Option<Decimal>> = teams.iter().map(|team| team.limits.max_budget.map(Money::decimal)).collect();
    let durations: Vec<Option<String>> = (teams.iter())
        .map(|team| team.limits.budget_duration.as_ref().map(|duration| duration.as_str().to_owned()))
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
