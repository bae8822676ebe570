//! LiteLLM makes a key: no transaction is open, and every answer may get lost.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{KeyId, TeamId, UserId};
use integrations::litellm::{Error as Refusal, GeneratedKey, KeySpec, LiteLlm};
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use super::{Made, access, record};
use crate::{
    Backend, Code, Ctx, Error, Result,
    litellm::{self, Instance, Object},
    teams::{self, Lock},
};

/// How long somebody is at a key; after that others clean up first. Longer than everything below together.
pub(super) const LEASE: Duration = Duration::from_secs(45);
/// For team, person and membership.
const ENSURING: Duration = Duration::from_secs(10);
/// For one try at making it, and for removing what a lost answer may have left.
const MAKING: Duration = Duration::from_secs(8);
const CLEANING: Duration = Duration::from_secs(4);
/// How much of a key people see, to tell it from another.
const SHOWN: usize = 11;

/// A key that waits, and whoever has the lease is at it.
#[derive(Debug, Clone)]
pub(super) struct Work {
    pub(super) id: KeyId,
    pub(super) team: TeamId,
    pub(super) owner: UserId,
    pub(super) instance: String,
    pub(super) alias: String,
    /// Until when; also says whose it is.
    pub(super) lease: DateTime<Utc>,
    /// Whether somebody tried before.
    pub(super) clean_first: bool,
}

/// What LiteLLM did.
pub(super) enum Outcome {
    /// It has it.
    Key(GeneratedKey),
    /// It is out of reach. `unclean`: it may have a key that nobody knows the secret of.
    Away { why: String, unclean: bool },
    /// It will not make it as it is.
    Refused(String),
}

/// Makes it. All waiting together is shorter than the lease.
pub(super) async fn make(backend: &Backend, work: &Work) -> Result<Outcome> {
    let Some(instance) = backend.litellm.get(Some(&work.instance)) else {
        return Ok(Outcome::Away {
            why: format!("The LiteLLM instance '{}' is not configured", work.instance),
            unclean: work.clean_first,
        });
    };
    if let Some(outcome) = ensure(backend, instance, work).await? {
        return Ok(outcome);
    }
    let spec = spec(backend, work).await?;
    Ok(generate(&instance.client, &spec, work.clean_first).await)
}

/// Team, person and membership are there: LiteLLM makes keys of unknown ones, too (SPEC C10).
async fn ensure(backend: &Backend, instance: &Instance, work: &Work) -> Result<Option<Outcome>> {
    let objects = [
        Object::Team(work.team),
        Object::User(work.owner),
        Object::Member(work.team, work.owner),
    ];
    let delivered = litellm::deliver_now(backend, instance, &objects, ENSURING).await?;
    Ok(delivered.err().map(|undelivered| {
        if undelivered.transient {
            Outcome::Away {
                why: undelivered.message,
                unclean: work.clean_first,
            }
        } else {
            Outcome::Refused(undelivered.message)
        }
    }))
}

/// What LiteLLM is asked for: the row as it is now.
async fn spec(backend: &Backend, work: &Work) -> Result<KeySpec> {
    let row = sqlx::query!(
        r#"SELECT models, max_budget, soft_budget, budget_duration, tpm_limit, rpm_limit, tags, details, expires_at,
            withheld_models(team_id) AS "withheld!"
        FROM api_keys WHERE id = $1"#,
        work.id.0,
    )
    .fetch_optional(&backend.pool)
    .await?
    .ok_or_else(|| super::not_found(work.id))?;
    let map = |name: &str| match row.details.get(name) {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    let list = |name: &str| match row.details.get(name) {
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    };
    Ok(KeySpec {
        alias: work.alias.clone(),
        user_id: work.owner.to_string(),
        team_id: work.team.to_string(),
        models: litellm::without_withheld(row.models, &row.withheld),
        max_budget: row.max_budget.map(domain::Money::trusted),
        budget_duration: row.budget_duration.map(domain::BudgetDuration::trusted),
        expires: row.expires_at,
        tpm_limit: row.tpm_limit,
        rpm_limit: row.rpm_limit,
        soft_budget: row.soft_budget.map(domain::Money::trusted),
        tags: row.tags,
        guardrails: list("guardrails"),
        metadata: map("metadata"),
        model_max_budget: map("modelMaxBudget"),
        model_rpm_limit: map("modelRpmLimit"),
        model_tpm_limit: map("modelTpmLimit"),
    })
}

/// Two tries: before the second one, and before a first one after somebody else's, what may be there is removed.
async fn generate(client: &LiteLlm, spec: &KeySpec, clean_first: bool) -> Outcome {
    let mut unclean = clean_first;
    let mut why = String::new();
    for _ in 0..2 {
        if unclean && let Err(error) = clean(client, &spec.alias).await {
            return Outcome::Away {
                why: error.user_message(),
                unclean: true,
            };
        }
        let answer = tokio::time::timeout(MAKING, client.generate_key(spec)).await;
        match answer.unwrap_or_else(|_| Err(Refusal::Ambiguous("no answer in time".to_owned()))) {
            Ok(key) => return Outcome::Key(key),
            // Its name is ours alone: an earlier try had its effect after all.
            Err(error) if error.is_ambiguous() || matches!(error, Refusal::Conflict { .. }) => {
                why = error.user_message();
                unclean = true;
            }
            Err(error) if error.is_transient() => {
                return Outcome::Away {
                    why: error.user_message(),
                    unclean,
                };
            }
            Err(error) => return Outcome::Refused(error.user_message()),
        }
    }
    Outcome::Away { why, unclean: true }
}

/// Removes whatever has this name.
pub(super) async fn clean(client: &LiteLlm, alias: &str) -> Result<(), Refusal> {
    let removal = tokio::time::timeout(CLEANING, client.delete_key_alias(alias)).await;
    removal.unwrap_or_else(|_| Err(Refusal::Ambiguous("no answer in time".to_owned())))
}

/// The last transaction: the key is kept and shown, or it waits for its owner. Commit also what this refuses.
pub(super) async fn settle(ctx: &mut Ctx, work: &Work, outcome: Outcome) -> Result<Result<Made>> {
    match outcome {
        Outcome::Key(made) => keep(ctx, work, &made).await,
        Outcome::Away { why, unclean } => {
            wait(ctx, work, unclean).await?;
            let key = access::one(ctx, work.id).await?;
            Ok(Ok(Made::Pending(Box::new(key), why)))
        }
        Outcome::Refused(words) => {
            // It stays, for its owner to claim once LiteLLM's mind has changed.
            wait(ctx, work, true).await?;
            Ok(Err(Error::refused(
                Code::LiteLlm,
                format!("LiteLLM did not make the key: {words}"),
            )))
        }
    }
}

async fn keep(ctx: &mut Ctx, work: &Work, made: &GeneratedKey) -> Result<Result<Made>> {
    if !store(ctx, work, made).await? {
        end_stray(ctx, work, made).await?;
        return Ok(Err(Error::refused(
            Code::WrongState,
            "The key was revoked while LiteLLM made it. It is shown to nobody, and is being ended there.",
        )));
    }
    let key = access::one(ctx, work.id).await?;
    let team = teams::load(ctx, work.team, Lock::None).await?;
    let before = json!({"status": "pending"});
    let mut after = json!({"status": key.status.as_str(), "prefix": key.prefix});
    if let Some(words) = litellm::dropped(&made.dropped) {
        after["not_in_force"] = json!(words);
    }
    record(ctx, &team, "key.made", &key, before, after).await?;
    Ok(Ok(Made::Ready(Box::new(key), made.key.clone())))
}

/// Keeps what is to be kept of a key, if it is still wanted and the lease still ours.
pub(super) async fn store(ctx: &mut Ctx, work: &Work, made: &GeneratedKey) -> Result<bool> {
    let secret = made.key.expose_secret();
    let prefix: String = secret.chars().take(SHOWN).collect();
    let stored = sqlx::query!(
        "UPDATE api_keys SET litellm_state = 'active', key_hash = $3, prefix = $4, litellm_token = $5, making_until = NULL,
            details = CASE WHEN $6::text[] = '{}' THEN details - 'notInForce'
                ELSE jsonb_set(details, '{notInForce}', to_jsonb($6)) END
        WHERE id = $1 AND litellm_state = 'pending' AND making_until = $2 AND revoked_at IS NULL",
        work.id.0,
        work.lease,
        &crate::secret::hash(secret)[..],
        prefix,
        made.token,
        &made.dropped.iter().map(|&field| field.to_owned()).collect::<Vec<_>>(),
    )
    .execute(ctx.connection())
    .await?;
    Ok(stored.rows_affected() == 1)
}

/// A key that LiteLLM has made and nobody wants: it is ended there by whoever delivers next.
pub(super) async fn end_stray(ctx: &mut Ctx, work: &Work, made: &GeneratedKey) -> Result<()> {
    let known = sqlx::query!(
        "UPDATE api_keys SET litellm_token = $2, litellm_state = 'revoking', making_until = NULL
        WHERE id = $1 AND litellm_state IN ('revoking', 'gone') AND litellm_token IS NULL",
        work.id.0,
        made.token,
    )
    .execute(ctx.connection())
    .await?;
    if known.rows_affected() == 1 {
        // The trigger does not look at the token, and at a key that is `revoking` already nothing else has changed.
        sqlx::query!(
            "SELECT litellm_touch(ARRAY['key'], ARRAY[$1], ARRAY[$2]::uuid[], ARRAY[$3]::uuid[])::text",
            work.instance,
            work.id.0,
            uuid::Uuid::nil(),
        )
        .fetch_one(ctx.connection())
        .await?;
        return Ok(());
    }
    // The row is gone with its team, or somebody else makes the key under the same name by now.
    let alias = format!("{}-stray-{}", work.alias, &made.token.get(..8).unwrap_or_default());
    sqlx::query!(
        "INSERT INTO litellm_orphan_keys (instance, alias, token) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        work.instance,
        alias,
        made.token,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Gives the lease back. What may be at LiteLLM leaves one that is over, which says so to whoever comes next.
pub(super) async fn wait(ctx: &mut Ctx, work: &Work, unclean: bool) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET making_until = CASE WHEN $3 THEN clock_timestamp() END
        WHERE id = $1 AND making_until = $2 AND litellm_state IN ('pending', 'revoking')",
        work.id.0,
        work.lease,
        unclean,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
