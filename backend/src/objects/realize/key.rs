//! Keys for models: they wait until their owner claims them (SPEC C17).

use std::collections::BTreeMap;

use domain::{KeyId, Slug, UserId};
use kubernetes::{
    Cause, Kind, lifetime,
    spec::{User, VirtualKey},
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    super::{
        batch, keep, settle,
        store::{self, Row},
        subject::Ids,
    },
    Instance, Made, Refused, changed, instance, money, warn_of_unused,
};
use crate::{
    Ctx, Error, Result,
    api_keys::{self, ApiKeyPatchInput, LimitsInput, NewApiKeyInput},
};

pub(super) async fn make(ctx: &mut Ctx, row: &Row, spec: VirtualKey) -> Result<Made, Refused> {
    check(ctx, &spec)?;
    if let Instance::Unknown(why) = instance(ctx, &spec.connection_ref) {
        return Ok(Made::Waits(keep::reason("ConfigError", &why)));
    }
    let new = NewApiKeyInput {
        name: spec.key_alias.clone(),
        limits: limits(ctx, &VirtualKey::default(), &spec)?,
        team_id: team(ctx, row, spec.team_id.as_deref()).await?,
        owner: spec.user_id.clone(),
        guardrails: spec.guardrails.clone().unwrap_or_default(),
        metadata: texts(spec.metadata.as_ref()),
        model_max_budget: amounts(spec.model_max_budget.as_ref()),
        model_rpm_limit: numbers(spec.model_rpm_limit.as_ref()),
        model_tpm_limit: numbers(spec.model_tpm_limit.as_ref()),
    };
    let key = api_keys::declare(ctx, &new.parse()?).await?;
    ctx.warn(format!(
        "The secret of key '{}' is shown once, to its owner alone, in the console at /keys",
        spec.key_alias
    ));
    Ok(Made::There(ids(ctx, key).await?))
}

pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: VirtualKey, new: VirtualKey) -> Result<(), Refused> {
    check(ctx, &new)?;
    let Some(key) = row.ids.key else { return Ok(()) };
    let patch = ApiKeyPatchInput {
        name: None,
        limits: limits(ctx, &old, &new)?,
    };
    api_keys::update(ctx, KeyId(key), &patch.parse()?).await?;
    Ok(())
}

pub(super) async fn end(ctx: &mut Ctx, row: &Row) -> Result<()> {
    match row.ids.key {
        Some(key) => api_keys::end(ctx, KeyId(key)).await,
        None => Ok(()),
    }
}

/// The key that a User asks for (SPEC A11), as an object of its own. What is in its way is no reason to refuse the person.
pub(super) async fn come_with(ctx: &mut Ctx, row: &Row, user: UserId, spec: &User) -> Result<(), Refused> {
    let Some(alias) = spec.key_alias.clone().filter(|alias| !alias.trim().is_empty()) else {
        return Err(Cause::required("spec.keyAlias", "autoCreateKey makes a key of this name").into());
    };
    let name = Slug::from_name(&alias).map_or_else(|| "key".to_owned(), String::from);
    if let Some(known) = store::named(ctx.connection(), Kind::VirtualKey, row.organization, &name).await? {
        if known.ids.user != Some(user.0) {
            ctx.warn(format!(
                "spec.keyAlias: somebody else's key is called '{name}' here; no key was made"
            ));
        }
        return Ok(());
    }
    let written = VirtualKey {
        connection_ref: spec.connection_ref.clone(),
        key_alias: alias.clone(),
        user_id: Some(spec.user_email.clone()),
        models: spec.models.clone(),
        max_budget: spec.max_budget.clone(),
        budget_duration: spec.budget_duration.clone(),
        duration: spec.duration.clone(),
        ..VirtualKey::default()
    };
    let new = NewApiKeyInput {
        name: alias.clone(),
        limits: limits(ctx, &VirtualKey::default(), &written)?,
        ..NewApiKeyInput::default()
    };
    let parsed = new.parse()?;
    sqlx::query!("SAVEPOINT key").execute(ctx.connection()).await?;
    let key = match api_keys::declare_for(ctx, row.organization.into(), user, &parsed).await {
        Ok(key) => key,
        Err(error @ (Error::Internal(_) | Error::Unavailable(..))) => return Err(error.into()),
        Err(error) => {
            sqlx::query!("ROLLBACK TO SAVEPOINT key")
                .execute(ctx.connection())
                .await?;
            ctx.warn(format!("spec.autoCreateKey: no key '{alias}' was made: {error}"));
            return Ok(());
        }
    };
    let object = Row {
        uid: Uuid::now_v7(),
        kind: Kind::VirtualKey,
        name,
        ids: ids(ctx, key).await?,
        generation: 1,
        version: 0,
        created_at: ctx.now,
        status: Map::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        managed_fields: Vec::new(),
        written: serde_json::to_value(&written)
            .ok()
            .and_then(|value| value.as_object().cloned()),
        ..row.clone()
    };
    batch::save(ctx.connection(), &[&object]).await?;
    let now = ctx.now;
    settle::show_one(ctx.connection(), None, object, now).await?;
    ctx.warn(format!(
        "Key '{alias}' waits: {} claims its secret in the console at /keys, once",
        spec.user_email
    ));
    Ok(())
}

async fn ids(ctx: &mut Ctx, key: KeyId) -> Result<Ids> {
    let row = sqlx::query!("SELECT team_id, owner_id FROM api_keys WHERE id = $1", key.0)
        .fetch_one(ctx.connection())
        .await?;
    Ok(Ids {
        team: Some(row.team_id),
        user: Some(row.owner_id),
        key: Some(key.0),
    })
}

/// The limits that differ.
fn limits(ctx: &Ctx, old: &VirtualKey, new: &VirtualKey) -> Result<LimitsInput, Refused> {
    let amount = |field: &'static str, old: &Option<String>, new: &Option<String>| -> Result<_, Refused> {
        Ok(changed(&money(field, old.as_deref())?, &money(field, new.as_deref())?))
    };
    let models = changed(
        &old.models.clone().unwrap_or_default(),
        &new.models.clone().unwrap_or_default(),
    );
    let expires_at = match changed(&old.duration, &new.duration) {
        None => None,
        Some(None) => Some(None),
        Some(Some(duration)) => Some(Some(ctx.now + lifetime(&duration)?)),
    };
    Ok(LimitsInput {
        // No list is all that the team has.
        model_ids: models.map(|models| {
            if models.is_empty() {
                vec!["all-team-models".to_owned()]
            } else {
                models
            }
        }),
        expires_at,
        max_budget: amount("maxBudget", &old.max_budget, &new.max_budget)?,
        soft_budget: amount("softBudget", &old.soft_budget, &new.soft_budget)?,
        budget_duration: changed(&old.budget_duration, &new.budget_duration),
        tpm_limit: changed(&old.tpm_limit, &new.tpm_limit),
        rpm_limit: changed(&old.rpm_limit, &new.rpm_limit),
        tags: changed(
            &old.tags.clone().unwrap_or_default(),
            &new.tags.clone().unwrap_or_default(),
        ),
    })
}

/// The id of a team that a spec names by slug, name or id.
async fn team(ctx: &mut Ctx, row: &Row, named: Option<&str>) -> Result<Option<String>, Refused> {
    let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else {
        return Ok(None);
    };
    let found = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE organization_id = $1 AND status <> 'archived' AND (slug = $2 OR name = $2 OR id = $3)
        ORDER BY slug = $2 DESC LIMIT 1",
        row.organization,
        named,
        Uuid::try_parse(named).ok(),
    )
    .fetch_optional(ctx.connection())
    .await?;
    match found {
        Some(id) => Ok(Some(id.to_string())),
        None => Err(Cause::invalid("spec.teamID", &json!(named), "is no team of this namespace").into()),
    }
}

fn texts(map: Option<&BTreeMap<String, String>>) -> Map<String, Value> {
    map.into_iter()
        .flatten()
        .map(|(name, text)| (name.clone(), json!(text)))
        .collect()
}

fn numbers(map: Option<&BTreeMap<String, i64>>) -> Map<String, Value> {
    map.into_iter()
        .flatten()
        .map(|(name, number)| (name.clone(), json!(number)))
        .collect()
}

/// Budgets are decimals in manifests' manner, as text; what is none is refused by the function that makes the key.
fn amounts(map: Option<&BTreeMap<String, String>>) -> Map<String, Value> {
    let value = |text: &String| text.parse::<f64>().map_or_else(|_| json!(text), |number| json!(number));
    map.into_iter()
        .flatten()
        .map(|(name, text)| (name.clone(), value(text)))
        .collect()
}

fn check(ctx: &mut Ctx, spec: &VirtualKey) -> Result<(), Refused> {
    if spec.blocked == Some(true) {
        return Err(Cause::forbidden(
            "spec.blocked",
            "a key that shall not work is deleted; a new one takes its place",
        )
        .into());
    }
    warn_of_unused(
        ctx,
        &[
            ("spend", spec.spend.is_some()),
            ("budgetID", spec.budget_id.is_some()),
            ("maxParallelRequests", spec.max_parallel_requests.is_some()),
            ("aliases", spec.aliases.is_some()),
            ("config", spec.config.is_some()),
            ("permissions", spec.permissions.is_some()),
            ("enforcedParams", spec.enforced_params.is_some()),
            ("allowedRoutes", spec.allowed_routes.is_some()),
            ("allowedCacheControls", spec.allowed_cache_controls.is_some()),
            ("sendInviteEmail", spec.send_invite_email == Some(true)),
        ],
    );
    Ok(())
}
