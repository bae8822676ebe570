//! What the home page of a person shows: a fixed number of queries, each over an index of theirs.

use chrono::TimeDelta;
use domain::{
    DEFAULT_ORGANIZATION, DEFAULT_TEAM, Money, RunnerId, TeamId, TeamRole,
    views::{Ending, EndingKind, FirstSteps, Home, HomeKey, HomeRunner, HomeTeam, RunnerState},
};

use crate::{Ctx, Result, requests, scope::Scope, waiting};

/// What ends within so many days is shown.
const SOON: TimeDelta = TimeDelta::days(14);
/// How many lines of a list the page has.
const SOME: i64 = 5;
/// How many endings it has.
const ENDINGS: i64 = 10;
/// How many teams.
const TEAMS: i64 = 12;

/// All of it.
///
/// # Errors
/// When the database does not answer.
pub async fn load(ctx: &mut Ctx) -> Result<Home> {
    let (keys, key_count) = keys(ctx).await?;
    let (runners, runner_count) = runners(ctx).await?;
    Ok(Home {
        waiting: waiting::load(ctx).await?,
        ending: ending(ctx).await?,
        requests: requests::own_waiting(ctx, SOME).await?,
        teams: teams(ctx).await?,
        keys,
        key_count,
        runners,
        runner_count,
        first_steps: first_steps(ctx).await?,
    })
}

async fn teams(ctx: &mut Ctx) -> Result<Vec<HomeTeam>> {
    let actor = ctx.caller.actor_id();
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, o.name AS organization, m.role AS "role!", t.runner_count, t.max_runners, t.runners_enabled
        FROM current_team_members m JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
        WHERE m.user_id = $1 AND t.status = 'active' ORDER BY t.is_system, lower(t.name), t.id LIMIT $2"#,
        actor,
        TEAMS,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(HomeTeam {
                id: TeamId(row.id),
                name: row.name,
                organization: row.organization,
                role: row.role.parse::<TeamRole>()?,
                runners: row.runner_count,
                max_runners: row.max_runners,
                runners_enabled: row.runners_enabled,
            })
        })
        .collect()
}

async fn keys(ctx: &mut Ctx) -> Result<(Vec<HomeKey>, i64)> {
    let (actor, now) = (ctx.caller.actor_id(), ctx.now);
    let rows = sqlx::query!(
        r#"SELECT k.id, k.name, t.name AS team, k.spend, k.max_budget, k.expires_at, count(*) OVER () AS "count!"
        FROM api_keys k JOIN teams t ON t.id = k.team_id
        WHERE k.owner_id = $1 AND k.project_id IS NULL AND k.revoked_at IS NULL AND k.replaced_by IS NULL
            AND (k.expires_at IS NULL OR k.expires_at > $2)
        ORDER BY k.created_at DESC, k.id DESC LIMIT $3"#,
        actor,
        now,
        SOME,
    )
    .fetch_all(ctx.connection())
    .await?;
    let count = rows.first().map_or(0, |row| row.count);
    let keys = rows.into_iter().map(|row| HomeKey {
        id: row.id,
        name: row.name,
        team: row.team,
        spend: Money::trusted(row.spend),
        max_budget: row.max_budget.map(Money::trusted),
        expires_at: row.expires_at,
    });
    Ok((keys.collect(), count))
}

async fn runners(ctx: &mut Ctx) -> Result<(Vec<HomeRunner>, i64)> {
    let actor = ctx.caller.actor_id();
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, r.status, r.busy, r.state_since, t.name AS "team?", count(*) OVER () AS "count!"
        FROM runners r LEFT JOIN teams t ON t.id = r.team_id
        WHERE r.provisioned_by = $1 AND r.status <> 'deleted' ORDER BY r.created_at DESC, r.id DESC LIMIT $2"#,
        actor,
        SOME,
    )
    .fetch_all(ctx.connection())
    .await?;
    let count = rows.first().map_or(0, |row| row.count);
    let runners = rows.into_iter().map(|row| {
        Ok(HomeRunner {
            id: RunnerId(row.id),
            name: row.name,
            state: RunnerState::of(row.status.parse()?, row.busy),
            team: row.team,
            since: row.state_since,
        })
    });
    Ok((runners.collect::<Result<_>>()?, count))
}

/// What ends soon: the caller's own keys, tokens, memberships and admin roles; and those of people and projects in the
/// teams that they administer.
async fn ending(ctx: &mut Ctx) -> Result<Vec<Ending>> {
    let scope = Scope::of(&ctx.caller);
    let (from, to) = (ctx.now, ctx.now + SOON);
    let rows = sqlx::query!(
        r#"SELECT kind AS "kind!", name AS "name!", id AS "id?", team AS "team?", team_name AS "team_name?", project AS "project?",
            at AS "at!"
        FROM (
            SELECT 'key' AS kind, k.name, k.id, k.team_id AS team, t.name AS team_name, k.project_id AS project, k.expires_at AS at
            FROM api_keys k JOIN teams t ON t.id = k.team_id
            WHERE k.owner_id = $1 AND k.project_id IS NULL AND k.revoked_at IS NULL AND k.replaced_by IS NULL
                AND k.expires_at > $3 AND k.expires_at <= $4
            UNION ALL
            SELECT 'project_key', k.name, k.id, k.team_id, t.name, k.project_id, k.expires_at
            FROM api_keys k JOIN teams t ON t.id = k.team_id
            WHERE k.team_id = ANY($2) AND k.project_id IS NOT NULL AND k.revoked_at IS NULL AND k.replaced_by IS NULL
                AND k.expires_at > $3 AND k.expires_at <= $4
            UNION ALL
            SELECT 'token', p.name, p.id, NULL, NULL, NULL, p.expires_at FROM personal_access_tokens p
            WHERE p.user_id = $1 AND p.revoked_at IS NULL AND p.expires_at > $3 AND p.expires_at <= $4
            UNION ALL
            SELECT CASE WHEN m.user_id = $1 THEN 'own_membership' ELSE 'membership' END, coalesce(u.display_name, u.email), u.id,
                m.team_id, t.name, NULL, m.expires_at
            FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
            WHERE m.expires_at > $3 AND m.expires_at <= $4 AND t.status = 'active' AND (m.user_id = $1 OR m.team_id = ANY($2))
            UNION ALL
            SELECT CASE WHEN m.user_id = $1 THEN 'own_admin_role' ELSE 'admin_role' END, coalesce(u.display_name, u.email), u.id,
                m.team_id, t.name, NULL, m.admin_until
            FROM team_members m JOIN teams t ON t.id = m.team_id JOIN users u ON u.id = m.user_id
            WHERE m.admin_until > $3 AND m.admin_until <= $4 AND m.role = 'admin' AND t.status = 'active'
                AND (m.user_id = $1 OR m.team_id = ANY($2))
        ) soon ORDER BY at, kind, name LIMIT $5"#,
        scope.actor,
        &scope.administered,
        from,
        to,
        ENDINGS,
    )
    .fetch_all(ctx.connection())
    .await?;
    let ending = rows.into_iter().filter_map(|row| {
        Some(Ending {
            kind: match row.kind.as_str() {
                "key" => EndingKind::Key,
                "project_key" => EndingKind::ProjectKey,
                "token" => EndingKind::Token,
                "own_membership" => EndingKind::OwnMembership,
                "own_admin_role" => EndingKind::OwnAdminRole,
                "membership" => EndingKind::Membership,
                "admin_role" => EndingKind::AdminRole,
                _ => return None,
            },
            name: row.name,
            id: row.id,
            team: row.team.map(TeamId).zip(row.team_name),
            project: row.project,
            at: row.at,
        })
    });
    Ok(ending.collect())
}

/// What is missing, for super_admins only: nobody else can mend it.
async fn first_steps(ctx: &mut Ctx) -> Result<Option<FirstSteps>> {
    if !ctx.person()?.super_admin {
        return Ok(None);
    }
    let row = sqlx::query!(
        r#"SELECT EXISTS (SELECT FROM organizations WHERE id <> $1) AS "organization!",
            EXISTS (SELECT FROM organization_members WHERE role = 'org_admin') AS "org_admin!",
            EXISTS (SELECT FROM teams WHERE id <> $2) AS "team!", EXISTS (SELECT FROM services) AS "service!""#,
        DEFAULT_ORGANIZATION.0,
        DEFAULT_TEAM.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let steps = FirstSteps {
        github: ctx.backend.github.is_some(),
        litellm: ctx.backend.litellm.iter().next().is_some(),
        organization: row.organization,
        org_admin: row.org_admin,
        team: row.team,
        service: row.service,
    };
    Ok((!steps.are_done()).then_some(steps))
}
