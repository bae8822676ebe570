//! Making a key, and the place that it takes before LiteLLM has it.

use chrono::{DateTime, Utc};
use domain::{KeyId, OrganizationId, Slug, TeamId, TeamStatus, UserId, UserRef, views::TeamPage};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    MAX_ACTIVE, Made, access, fields,
    input::NewApiKey,
    limits::{self, KeyLimits},
    make::{self, Outcome, Work},
    record,
    told::{Ended, Making},
};
use crate::{
    Backend, Caller, Code, Ctx, Error, RequestInfo, Result, default_team, identity, organizations,
    teams::{self, Lock},
};

/// Makes a key for the caller, or for somebody else of the team who stands no higher.
///
/// # Errors
/// 503 without LiteLLM; 403 and 404 without the right; 400 `Maximum 10 active API keys allowed per user` and
/// `Quota limits exceeded: …`; limits above the team's; 502 when LiteLLM refuses, and then there is no key; 409 when it
/// was revoked before LiteLLM had it.
#[tracing::instrument(skip_all)]
pub async fn create(backend: &Backend, caller: Caller, request: RequestInfo, new: NewApiKey) -> Result<Made> {
    let mut ctx = Ctx::write(backend, caller.clone(), request.clone()).await?;
    let work = reserve(&mut ctx, &new).await?;
    ctx.commit().await?;
    let mut making = Making::begin(&work, &request);
    let outcome = make::make(backend, &work, &mut making).await?;
    let mut ctx = Ctx::write(backend, caller, request).await?;
    // Also of a refusal something is kept.
    let made = match outcome {
        Outcome::Refused(words) => Err(discard(&mut ctx, &work, &words).await?),
        outcome => make::settle(&mut ctx, &work, outcome).await?,
    };
    ctx.commit().await?;
    making.ended(made.as_ref().map(Ended::from));
    made
}

/// A key that a manifest asks for (SPEC C17): it waits until its owner claims it, so that nobody else ever has its secret.
/// Who declares it may manage the owner's keys in the team.
///
/// # Errors
/// As [`create`], without what LiteLLM may answer.
pub(crate) async fn declare(ctx: &mut Ctx, new: &NewApiKey) -> Result<KeyId> {
    let work = reserve(ctx, new).await?;
    leave_unclaimed(ctx, work.id).await?;
    Ok(work.id)
}

/// A key that comes with a person (SPEC A11), as they could make it for themselves.
///
/// # Errors
/// As [`declare`].
pub(crate) async fn declare_for(
    ctx: &mut Ctx,
    organization: OrganizationId,
    owner: UserId,
    new: &NewApiKey,
) -> Result<KeyId> {
    let team = match new.team {
        Some(team) => team,
        None => default_team::primary_team(ctx, owner).await?,
    };
    organizations::hold_ceilings(ctx, team).await?;
    let team = teams::load(ctx, team, Lock::Update).await?;
    // The Default Team is everybody's; any other is its organization's affair.
    if team.team.organization_id != organization && !team.team.is_system {
        let words = "their first team is another organization's; they can make the key there themselves";
        return Err(Error::refused(Code::WrongState, words));
    }
    if team.team.status != TeamStatus::Active {
        return Err(teams::inactive());
    }
    let work = place(ctx, new, &team, owner).await?;
    leave_unclaimed(ctx, work.id).await?;
    Ok(work.id)
}

/// Nobody is making it.
async fn leave_unclaimed(ctx: &mut Ctx, id: KeyId) -> Result<()> {
    sqlx::query!("UPDATE api_keys SET making_until = NULL WHERE id = $1", id.0)
        .execute(ctx.connection())
        .await?;
    Ok(())
}

/// The first transaction: everything is checked, and the key waits.
async fn reserve(ctx: &mut Ctx, new: &NewApiKey) -> Result<Work> {
    let person = ctx.person()?.id;
    let team = match new.team {
        Some(team) => team,
        None => default_team::primary_team(ctx, person).await?,
    };
    let team = locked(ctx, team, new.team.is_some()).await?;
    let owner = owner(ctx, &team, new.owner.as_ref(), person).await?;
    place(ctx, new, &team, owner).await
}

/// The place of a key whose team is locked and whose owner may have it.
async fn place(ctx: &mut Ctx, new: &NewApiKey, team: &TeamPage, owner: UserId) -> Result<Work> {
    let instance = instance(ctx, team.team.id).await?;
    require_room(ctx, owner).await?;
    let above = limits::above(ctx, team, owner, None).await?;
    let own = above.fill(&new.wanted, ctx.now);
    above.check(&own, ctx.now)?;
    let place = Place {
        name: new.name.as_str(),
        team: team.team.id,
        owner,
        instance: &instance,
        limits: &own,
        details: &new.details,
    };
    let work = insert(ctx, &place).await?;
    let key = access::one(ctx, work.id).await?;
    record(ctx, team, "key.create", &key, Value::Null, fields(&key)).await?;
    Ok(work)
}

/// The team, in which the caller may make keys of some kind. Who does not see it learns no more than that.
async fn locked(ctx: &mut Ctx, id: TeamId, named: bool) -> Result<TeamPage> {
    organizations::hold_ceilings(ctx, id).await?;
    let team = teams::load(ctx, id, Lock::Update)
        .await
        .map_err(|error| match error.code() {
            Code::NotFound if named => Error::invalid("teamId", "is not one of your teams"),
            _ => error,
        })?;
    let caller = ctx.person()?.id;
    if !access::sees_all(&team.standing) && !access::belongs(ctx, &team, caller).await? {
        return Err(Error::invalid("teamId", "is not one of your teams"));
    }
    match team.team.status {
        TeamStatus::Active => Ok(team),
        TeamStatus::Inactive => Err(teams::inactive()),
        TeamStatus::Archived => {
            teams::require_not_archived(&team)?;
            Ok(team)
        }
    }
}

async fn owner(ctx: &mut Ctx, team: &TeamPage, named: Option<&UserRef>, person: UserId) -> Result<UserId> {
    let owner = match named {
        None => person,
        Some(UserRef::Id(id)) if *id == person => person,
        Some(UserRef::Email(email)) if ctx.caller.name() == email.as_str() => person,
        Some(named) => {
            // Whoever may not look behind a name learns nothing of it.
            team.standing.require(domain::Permission::KeysManage)?;
            let found = identity::find(ctx, named).await.map_err(|error| match error.code() {
                Code::NotFound => access::not_in_team(),
                _ => error,
            })?;
            found.0
        }
    };
    // The secret of a declared key is its owner's alone: nobody who declares it holds it.
    if ctx.is_declared() && owner != person {
        team.standing.require(domain::Permission::KeysManage)?;
    } else {
        access::require_hold(ctx, team, owner).await?;
    }
    if owner != person && !access::belongs(ctx, team, owner).await? {
        return Err(access::not_in_team());
    }
    Ok(owner)
}

/// The instance of a team, which is configured.
async fn instance(ctx: &mut Ctx, team: TeamId) -> Result<String> {
    let named = sqlx::query_scalar!("SELECT litellm_instance FROM teams WHERE id = $1", team.0)
        .fetch_one(ctx.connection())
        .await?;
    let instance = ctx.backend.litellm.require(named.as_deref())?;
    Ok(instance.name().to_owned())
}

/// Refuses one key too many. Those of one person are made one after another.
async fn require_room(ctx: &mut Ctx, owner: UserId) -> Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('guildhall: keys of ' || $1::text, 0))",
        owner.0.to_string(),
    )
    .execute(ctx.connection())
    .await?;
    if active(ctx, owner).await? < MAX_ACTIVE {
        return Ok(());
    }
    Err(Error::refused(
        Code::TooManyKeys,
        format!("Maximum {MAX_ACTIVE} active API keys allowed per user"),
    ))
}

/// How many keys for models someone has that work or wait, without those that are on their way out.
pub(super) async fn active(ctx: &mut Ctx, owner: UserId) -> Result<i64> {
    let now = ctx.now;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_keys WHERE owner_id = $1 AND litellm_state IN ('pending', 'active')
            AND revoked_at IS NULL AND replaced_by IS NULL AND (expires_at IS NULL OR expires_at > $2)"#,
        owner.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// What a new row says.
pub(super) struct Place<'a> {
    pub(super) name: &'a str,
    pub(super) team: TeamId,
    pub(super) owner: UserId,
    pub(super) instance: &'a str,
    pub(super) limits: &'a KeyLimits,
    pub(super) details: &'a Map<String, Value>,
}

/// Writes a key that waits for LiteLLM, with a lease for whoever calls.
pub(super) async fn insert(ctx: &mut Ctx, place: &Place<'_>) -> Result<Work> {
    let (id, now) = (Uuid::now_v7(), ctx.now);
    let by = ctx.caller.user_id().map(|id| id.0);
    let alias = alias(place.name, id);
    let own = &place.limits.limits;
    let lease: DateTime<Utc> = sqlx::query_scalar!(
        r#"INSERT INTO api_keys (id, team_id, owner_id, name, prefix, created_at, created_by, expires_at, litellm_instance,
            litellm_state, litellm_alias, making_until, models, max_budget, soft_budget, budget_duration, tpm_limit,
            rpm_limit, tags, details)
        VALUES ($1, $2, $3, $4, '', $5, $6, $7, $8, 'pending', $9, clock_timestamp() + make_interval(secs => $10), $11,
            $12, $13, $14, $15, $16, $17, $18)
        RETURNING making_until AS "lease!""#,
        id,
        place.team.0,
        place.owner.0,
        place.name,
        now,
        by,
        place.limits.expires_at,
        place.instance,
        alias,
        make::LEASE.as_secs_f64(),
        &own.models,
        own.max_budget.map(domain::Money::decimal),
        place.limits.soft_budget.map(domain::Money::decimal),
        own.budget_duration.as_ref().map(domain::BudgetDuration::as_str),
        own.tpm_limit,
        own.rpm_limit,
        &place.limits.tags,
        json!(place.details),
    )
    .fetch_one(ctx.connection())
    .await
    .map_err(|error| {
        // One chance in four thousand million for keys of one name.
        Error::from(error).on_constraint("api_keys_alias_key", || {
            Error::refused(Code::NameTaken, "LiteLLM has a key of this name already; try again")
        })
    })?;
    Ok(Work {
        id: KeyId(id),
        team: place.team,
        owner: place.owner,
        instance: place.instance.to_owned(),
        alias,
        lease,
        clean_first: false,
    })
}

/// Our name for a key at LiteLLM: people find it there, and nothing else has it.
fn alias(name: &str, id: Uuid) -> String {
    let stem = Slug::from_name(name).map_or_else(|| "key".to_owned(), String::from);
    let stem: String = stem.chars().take(48).collect();
    // The end of a UUIDv7 is random, its beginning is the time.
    let id = id.simple().to_string();
    format!("{}-{}", stem.trim_end_matches('-'), &id[24..])
}

/// LiteLLM does not make it: then there is none.
pub(super) async fn discard(ctx: &mut Ctx, work: &Work, words: &str) -> Result<Error> {
    let key = access::one(ctx, work.id).await?;
    let team = teams::load(ctx, work.team, Lock::None).await?;
    // What an answer that got lost may have left at LiteLLM is removed by its alias: a trigger sees to it.
    sqlx::query!(
        "DELETE FROM api_keys WHERE id = $1 AND litellm_state IN ('pending', 'revoking') AND key_hash IS NULL",
        work.id.0,
    )
    .execute(ctx.connection())
    .await?;
    let mut entry = crate::audit::Entry::new("key.create_failed", "key", key.id, &key.name)
        .team(team.team.organization_id, team.team.id)
        .change(fields(&key), json!({"error": words}));
    entry.success = false;
    crate::audit::record(ctx, entry).await?;
    Ok(Error::refused(
        Code::LiteLlm,
        format!("LiteLLM did not make the key: {words}"),
    ))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::alias;

    #[test]
    fn c10_a_key_has_a_name_of_its_own_at_litellm() {
        let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_dead_beef);
        assert_eq!(alias("CI of Backend!", id), "ci-of-backend-deadbeef");
        assert_eq!(alias("日本語", id), "key-deadbeef");
        assert!(alias(&"long ".repeat(60), id).len() <= 57);
    }
}
