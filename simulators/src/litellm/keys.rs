//! `/key/*`.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, Caller, NOT_PREMIUM, No, Request, invalid, proxy_error, seconds};
use super::render::time;
use super::state::{SimulatedKey, SimulatorState, hashed};

/// A key of that secret, and of nobody.
pub(super) fn fresh(state: &mut SimulatorState, secret: &str) -> SimulatedKey {
    let end: String = secret.chars().skip(secret.chars().count().saturating_sub(4)).collect();
    SimulatedKey {
        token: hashed(secret),
        masked: format!("sk-...{end}"),
        created_at: state.now(),
        number: state.next_number(),
        ..SimulatedKey::default()
    }
}

fn check_alias(state: &SimulatorState, alias: Option<&str>, except: &str) -> Result<(), No> {
    let Some(alias) = alias else { return Ok(()) };
    let taken = |key: &SimulatedKey| key.alias.as_deref() == Some(alias) && key.token != except;
    if state.keys.iter().any(taken) {
        let message =
            format!("Key with alias '{alias}' already exists. Unique key aliases across all keys are required.");
        return Err(proxy_error(400, message, "bad_request_error", "key_alias"));
    }
    Ok(())
}

/// `_premium_user_check` and `validate_model_max_budget`.
fn check_licence(state: &SimulatorState, request: &Request) -> Result<(), No> {
    let is_set = |field: &str| match request.body.get(field) {
        Some(Value::Array(list)) => !list.is_empty(),
        Some(Value::Object(map)) => !map.is_empty(),
        _ => false,
    };
    if state.licensed {
        return Ok(());
    }
    if is_set("model_max_budget") {
        let message = format!(
            "Invalid model_max_budget: You must have an enterprise license to set model_max_budget. {NOT_PREMIUM}. \
             Example of valid model_max_budget: https://docs.litellm.ai/docs/proxy/users"
        );
        return Err(request.version.error(500, message));
    }
    if let Some(field) = ["tags", "guardrails"].into_iter().find(|field| is_set(field)) {
        let message = format!("This feature is only available for LiteLLM Enterprise users: {field}. {NOT_PREMIUM}");
        return Err(request.version.dict_error(403, &message));
    }
    Ok(())
}

/// What `duration` says about the end.
fn lifetime(request: &Request) -> Result<Option<TimeDelta>, No> {
    match request.text("duration") {
        None => Ok(None),
        Some(text) => match seconds(text) {
            Some(seconds) => Ok(Some(TimeDelta::seconds(seconds))),
            None => Err(request.version.error(500, "Invalid duration format")),
        },
    }
}

/// Neither team nor user nor limits are checked: the master key may.
pub(super) fn generate(state: &mut SimulatorState, request: &Request) -> Answer {
    let (max_budget, alias) = (request.number("max_budget")?, request.text("key_alias"));
    check_licence(state, request)?;
    let lifetime = lifetime(request)?;
    let budget_duration = request.duration("budget_duration")?;
    let custom = request.text("key");
    if let Some(custom) = custom.filter(|custom| !custom.starts_with("sk-")) {
        let last: String = custom.chars().skip(custom.chars().count().saturating_sub(4)).collect();
        let first: String = custom.chars().take(4).collect();
        let message =
            format!("Invalid key format. LiteLLM Virtual Key must start with 'sk-'. Received: {first}****{last}");
        return Err(request.version.dict_error(400, &message));
    }
    let secret = custom.map_or_else(|| state.next_secret(), str::to_owned);
    check_alias(state, alias, &hashed(&secret))?;
    let key = match state.key(&secret) {
        Some(known) => known.clone(),
        None => {
            let fresh = fresh(state, &secret);
            SimulatedKey {
                alias: alias.map(str::to_owned),
                user_id: request.text("user_id").map(str::to_owned),
                team_id: request.text("team_id").map(str::to_owned),
                models: request.texts("models").unwrap_or_default(),
                max_budget,
                budget_duration,
                tpm_limit: request.whole("tpm_limit"),
                rpm_limit: request.whole("rpm_limit"),
                metadata: request.map("metadata").unwrap_or_default(),
                expires: lifetime.map(|lifetime| fresh.created_at + lifetime),
                ..fresh
            }
        }
    };
    let mut json = state.key_json(&key);
    json["key"] = json!(secret);
    json["key_alias"] = json!(alias);
    json["token_id"] = json!(key.token);
    json["duration"] = Value::Null;
    if let Some(json) = json.as_object_mut() {
        json.remove("budget_reset_at");
    }
    if state.key(&secret).is_none() {
        state.keys.push(key);
    }
    Ok(json)
}

pub(super) fn info(state: &mut SimulatorState, request: &Request) -> Answer {
    let asked = match (request.param("key"), &request.caller) {
        (Some(key), _) => key.to_owned(),
        (None, Caller::Key(token)) => token.clone(),
        (None, Caller::Master) => String::new(),
    };
    let not_found = || proxy_error(404, "Key not found in database", "not_found_error", "key");
    let key = state.key(&asked).ok_or_else(not_found)?;
    let mut info = state.key_json(key);
    if let Some(info) = info.as_object_mut() {
        info.remove("token");
        if request.version == Version::V1_108_7 {
            let expired = key.expires.is_some_and(|end| end <= state.now());
            info.insert("status".to_owned(), json!(if expired { "expired" } else { "active" }));
        }
    }
    Ok(json!({"key": asked, "info": info}))
}

fn unknown() -> No {
    proxy_error(404, "Key not found.", "not_found_error", "key")
}

pub(super) fn update(state: &mut SimulatorState, request: &Request) -> Answer {
    let asked = request.required("key")?;
    let (max_budget, spend) = (request.number("max_budget")?, request.number("spend")?);
    let token = state.key(asked).ok_or_else(unknown)?.token.clone();
    check_licence(state, request)?;
    let ends = request.text("duration").is_some_and(|duration| duration != "-1");
    let lifetime = if ends { lifetime(request)? } else { None };
    let budget_duration = request.duration("budget_duration")?;
    check_alias(state, request.text("key_alias"), &token)?;
    let now = state.now();
    let key = state.key_mut(&token).expect("it was just found");
    if let Some(alias) = request.text("key_alias") {
        key.alias = Some(alias.to_owned());
    }
    if let Some(models) = request.texts("models") {
        key.models = models;
    }
    if let Some(metadata) = request.map("metadata") {
        key.metadata = metadata;
    }
    if request.has("max_budget") {
        key.max_budget = max_budget;
    }
    if request.has("budget_duration") {
        key.budget_duration = budget_duration;
    }
    if request.has("tpm_limit") {
        key.tpm_limit = request.whole("tpm_limit");
    }
    if request.has("rpm_limit") {
        key.rpm_limit = request.whole("rpm_limit");
    }
    if request.has("duration") {
        key.expires = lifetime.map(|lifetime| now + lifetime);
    }
    key.spend = spend.unwrap_or(key.spend);
    let key = state.key(&token).expect("it was just found");
    let mut json = state.key_json(key);
    json["key"] = json!(asked);
    Ok(json)
}

pub(super) fn block(state: &mut SimulatorState, request: &Request) -> Answer {
    let asked = request.required("key")?;
    let blocked = request.path == "/key/block";
    let key = state.key_mut(asked).ok_or_else(unknown)?;
    key.blocked = blocked;
    let key = state.key(asked).ok_or_else(unknown)?;
    let mut json = state.key_json(key);
    json["blocked"] = json!(blocked);
    if let Some(json) = json.as_object_mut().filter(|_| blocked) {
        json.remove("organization_id");
    }
    Ok(json)
}

pub(super) fn delete(state: &mut SimulatorState, request: &Request) -> Answer {
    let (by_key, by_alias) = (request.texts("keys"), request.texts("key_aliases"));
    let Some(asked) = by_key.as_ref().or(by_alias.as_ref()) else {
        let msg = "Value error, At least one of 'keys' or 'key_aliases' must be provided.";
        return Err(invalid("value_error", &["body"], msg));
    };
    let tokens: Vec<String> = by_key.iter().flatten().map(|key| hashed(key)).collect();
    let aliases: Vec<&String> = by_alias.iter().flatten().collect();
    let before = state.keys.len();
    state.keys.retain(|key| {
        !tokens.contains(&key.token) && !key.alias.as_ref().is_some_and(|alias| aliases.contains(&alias))
    });
    if state.keys.len() == before {
        return Err(request.version.dict_error(404, "No keys found"));
    }
    Ok(json!({"deleted_keys": asked}))
}

pub(super) fn list(state: &mut SimulatorState, request: &Request) -> Value {
    let is = |param: &str, value: Option<&String>| {
        let asked = request.param(param);
        asked.is_none_or(|asked| value.is_some_and(|value| value == asked))
    };
    let keys = state.keys.iter().filter(|key| {
        is("team_id", key.team_id.as_ref())
            && is("user_id", key.user_id.as_ref())
            && is("key_alias", key.alias.as_ref())
    });
    let page = request.page(keys.collect(), "size", 10);
    let full = request.param("return_full_object") == Some("true");
    let keys = page.items.iter().map(|key| {
        if !full {
            return json!(key.token);
        }
        let mut json = state.key_json(key);
        json["org_id"] = json
            .as_object_mut()
            .and_then(|json| json.remove("organization_id"))
            .unwrap_or_default();
        json["last_active"] = Value::Null;
        json["created_at"] = json!(time(key.created_at));
        json
    });
    json!({
        "keys": keys.collect::<Vec<_>>(),
        "total_count": page.total,
        "current_page": page.number,
        "total_pages": page.pages,
    })
}

pub(super) fn regenerate(request: &Request) -> Answer {
    let message = format!("Regenerating Virtual Keys is an Enterprise feature, {NOT_PREMIUM}");
    Err(request.version.error(500, message))
}
