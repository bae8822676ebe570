//! Which keys there are, of both kinds.

use chrono::{Days, NaiveDate};
use domain::{
    ApiKeyStatus, KeyId, KeyKind, Limits, Money, Permission, TeamId, UserId,
    views::{ApiKey, ApiKeyPage, DaySpend, KeyForm, KeyFormTeam, KeyStats, TeamKeys},
};
use integrations::litellm::Breaker;
use rust_decimal::Decimal;
use uuid::Uuid;

use super::{access, create, limits, row::rows};
use crate::{Ctx, Error, Result, default_team, teams, users};

/// How many days a chart of spending has.
const DAYS: i64 = 30;

/// Whose keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The caller's own, of all teams.
    Mine,
    /// A team's: all of them for its admins and auditors, else the caller's own.
    Team(TeamId),
}

/// Which keys to list.
#[derive(Debug, Clone)]
pub struct KeyQuery {
    /// Whose.
    pub whose: Whose,
    /// Only those that may use one of these models by name; none is all.
    pub models: Option<Vec<String>>,
    /// Only those that work, or only those that do not.
    pub active: Option<bool>,
    /// Without those that are over for good.
    pub open_only: bool,
    /// The page, from 1.
    pub page: i64,
    /// Rows on a page.
    pub limit: i64,
}

/// A page of keys, newest first, and how many all pages hold.
///
/// # Errors
/// As [`teams::get`] for a team's.
pub async fn list(ctx: &mut Ctx, query: &KeyQuery) -> Result<(Vec<ApiKey>, i64)> {
    let (team, owner) = scope(ctx, query.whose).await?;
    let now = ctx.now;
    let skip = (query.page - 1).saturating_mul(query.limit);
    let rows = rows!(
        "($2::uuid IS NULL OR k.team_id = $2) AND ($3::uuid IS NULL OR k.owner_id = $3)
            AND ($2::uuid IS NOT NULL OR t.status <> 'archived')
            AND ($4::bool IS NULL OR $4 = (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
                AND (k.litellm_state IS NULL OR k.litellm_state = 'active')))
            AND ($5::text[] IS NULL OR k.models && $5)
            AND (NOT $6 OR k.revoked_at IS NULL OR k.litellm_state = 'revoking')
        ORDER BY k.created_at DESC, k.id DESC LIMIT $7 OFFSET $8",
        now,
        team,
        owner,
        query.active,
        query.models.as_deref(),
        query.open_only,
        query.limit,
        skip,
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_keys k JOIN teams t ON t.id = k.team_id
        WHERE ($2::uuid IS NULL OR k.team_id = $2) AND ($3::uuid IS NULL OR k.owner_id = $3)
            AND ($2::uuid IS NOT NULL OR t.status <> 'archived')
            AND ($4::bool IS NULL OR $4 = (k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
                AND (k.litellm_state IS NULL OR k.litellm_state = 'active')))
            AND ($5::text[] IS NULL OR k.models && $5)
            AND (NOT $6 OR k.revoked_at IS NULL OR k.litellm_state = 'revoking')"#,
        now,
        team,
        owner,
        query.active,
        query.models.as_deref(),
        query.open_only,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok((rows.into_iter().map(|row| row.into_key(now)).collect(), total))
}

/// The keys of a person that work or may work again, newest first, at most `limit`: as many as the account's page counts
/// (SPEC B26). Who sees the account sees those of the organizations that they administer or audit.
///
/// # Errors
/// 403 for someone who may see no accounts.
pub async fn of_person(ctx: &mut Ctx, owner: UserId, limit: i64) -> Result<Vec<ApiKey>> {
    let scope = users::scope(&ctx.caller)?;
    let now = ctx.now;
    let rows = rows!(
        "k.owner_id = $2 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $1)
            AND ($3 OR t.organization_id = ANY($4))
        ORDER BY k.created_at DESC, k.id DESC LIMIT $5",
        now,
        owner.0,
        scope.is_whole(),
        scope.organizations(),
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| row.into_key(now)).collect())
}

/// The team and the owner that a list is limited to.
async fn scope(ctx: &mut Ctx, whose: Whose) -> Result<(Option<Uuid>, Option<Uuid>)> {
    match whose {
        Whose::Mine => Ok((None, Some(ctx.person()?.id.0))),
        Whose::Team(id) => {
            let team = of_team(ctx, id).await?;
            let own = ctx.caller.user_id().map(|id| id.0);
            Ok((Some(id.0), if team.all { None } else { own }))
        }
    }
}

/// A team whose keys are listed, and whether all of them are.
///
/// # Errors
/// As [`teams::get`]; members of the Default Team see their own keys of it.
pub async fn of_team(ctx: &mut Ctx, id: TeamId) -> Result<TeamKeys> {
    let person = ctx.caller.user_id();
    let page = match teams::open(ctx, id).await {
        Ok(page) => page,
        Err(Error::Forbidden(refusal)) if id == default_team::ID => {
            let page = teams::load(ctx, id, teams::Lock::None).await?;
            match person {
                Some(person) if access::belongs(ctx, &page, person).await? => page,
                _ => return Err(Error::Forbidden(refusal)),
            }
        }
        Err(error) => return Err(error),
    };
    let all = access::sees_all(&page.standing);
    Ok(TeamKeys { page, all })
}

/// One key, with what is in force for it and what it has spent.
///
/// # Errors
/// 404, also for keys of others that the caller does not manage.
pub async fn get(ctx: &mut Ctx, id: KeyId) -> Result<ApiKeyPage> {
    let seen = access::seen(ctx, id, teams::Lock::None).await?;
    let may_hold = seen.may_hold(ctx).await?;
    let above = limits::above(ctx, &seen.team, seen.key.owner_id, seen.key.project_id).await?;
    let today = ctx.now.date_naive();
    let days = sqlx::query!(
        "SELECT day, spend FROM key_spend_daily WHERE key_id = $1 AND day > $2::date - $3::int ORDER BY day",
        id.0,
        today,
        i32::try_from(DAYS).unwrap_or(i32::MAX),
    )
    .fetch_all(ctx.connection())
    .await?;
    let days = every_day(days.into_iter().map(|row| (row.day, row.spend)), today, DAYS);
    let breaker = ctx.backend.litellm.get(None).map(|instance| instance.client.breaker());
    Ok(ApiKeyPage {
        effective: above.effective(&seen.key.name, &seen.key.limits),
        days,
        own: seen.own,
        may_manage: seen.may_manage(),
        may_hold,
        may_reset: seen.key.kind == KeyKind::Models && seen.team.standing.may(Permission::KeysManage),
        litellm_ready: matches!(breaker, Some(Breaker::Closed { .. } | Breaker::HalfOpen)),
        key: seen.key,
    })
}

/// All of somebody's or a team's keys in numbers.
///
/// # Errors
/// As [`list`]; when there are fewer days than one or more than 366.
pub async fn stats(ctx: &mut Ctx, whose: Whose, days: Option<i64>) -> Result<KeyStats> {
    let days = days.unwrap_or(DAYS);
    if !(1..=366).contains(&days) {
        return Err(Error::invalid("days", "must be from 1 to 366"));
    }
    let (team, owner) = scope(ctx, whose).await?;
    let now = ctx.now;
    // A person has few keys, and a team some hundreds: their states are told by the one function that tells them.
    let rows = rows!(
        "($2::uuid IS NULL OR k.team_id = $2) AND ($3::uuid IS NULL OR k.owner_id = $3)
            AND ($2::uuid IS NOT NULL OR t.status <> 'archived')",
        now,
        team,
        owner,
    )
    .fetch_all(ctx.connection())
    .await?;
    let keys: Vec<ApiKey> = rows.into_iter().map(|row| row.into_key(now)).collect();
    let counts = ApiKeyStatus::ALL.map(|status| {
        let count = keys.iter().filter(|key| key.status == status).count();
        (status, i64::try_from(count).unwrap_or(i64::MAX))
    });
    let total: Decimal = keys.iter().map(|key| key.spend.decimal()).sum();
    let today = now.date_naive();
    let spent = sqlx::query!(
        r#"SELECT d.day, sum(d.spend) AS "spend!" FROM key_spend_daily d
            JOIN api_keys k ON k.id = d.key_id JOIN teams t ON t.id = k.team_id
        WHERE ($1::uuid IS NULL OR k.team_id = $1) AND ($2::uuid IS NULL OR k.owner_id = $2)
            AND ($1::uuid IS NOT NULL OR t.status <> 'archived') AND d.day > $3::date - $4::int
        GROUP BY d.day ORDER BY d.day"#,
        team,
        owner,
        today,
        i32::try_from(days).unwrap_or(i32::MAX),
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(KeyStats {
        counts: counts.to_vec(),
        total_spend: Money::trusted(total),
        days: every_day(spent.into_iter().map(|row| (row.day, row.spend)), today, days),
    })
}

/// The days up to `last`, those without any spending included.
fn every_day(spent: impl Iterator<Item = (NaiveDate, Decimal)>, last: NaiveDate, days: i64) -> Vec<DaySpend> {
    let spent: std::collections::BTreeMap<NaiveDate, Decimal> = spent.collect();
    let count = u64::try_from(days).unwrap_or_default();
    (0..count)
        .rev()
        .filter_map(|back| last.checked_sub_days(Days::new(back)))
        .map(|day| DaySpend {
            day,
            spend: Money::trusted(spent.get(&day).copied().unwrap_or_default()),
        })
        .collect()
}

/// What the form for a new key offers: the caller's teams, and those that they administer by role in them.
///
/// # Errors
/// When a program asks.
pub async fn form(ctx: &mut Ctx) -> Result<KeyForm> {
    let person = ctx.person()?.clone();
    let primary = default_team::primary_team(ctx, person.id).await?;
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, t.models, o.models AS organization_models, t.max_budget, t.budget_duration, t.tpm_limit,
            t.rpm_limit, withheld_models(t.id) AS "restricted!", (m.role = 'admin' AND NOT t.is_system) AS "manages!"
        FROM current_team_members m JOIN teams t ON t.id = m.team_id JOIN organizations o ON o.id = t.organization_id
        WHERE m.user_id = $1 AND t.status = 'active'
        ORDER BY t.id <> $2, t.is_system, lower(t.name), t.id"#,
        person.id.0,
        primary.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let teams = rows
        .into_iter()
        .map(|row| KeyFormTeam {
            id: TeamId(row.id),
            name: row.name,
            limits: Limits {
                models: row.models,
                max_budget: row.max_budget.map(Money::trusted),
                budget_duration: row.budget_duration.map(domain::BudgetDuration::trusted),
                tpm_limit: row.tpm_limit,
                rpm_limit: row.rpm_limit,
            }
            .with_models_of(&Limits {
                models: row.organization_models,
                ..Limits::default()
            }),
            restricted: row.restricted,
            manages: row.manages || person.super_admin,
        })
        .collect();
    Ok(KeyForm {
        teams,
        policy: super::settings::load_keys(ctx).await?,
        active: create::active(ctx, person.id).await?,
    })
}
