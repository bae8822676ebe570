//! What user keys are for: `/models`, `/chat/completions`, and what was used.

use chrono::NaiveDate;
use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, Caller, No, Request, invalid, proxy_error};
use super::state::{SimulatedKey, SimulatorState};

const PROMPT_TOKENS: i64 = 10;
const COMPLETION_TOKENS: i64 = 20;

/// What a list of models allows, out of those that there are.
fn allowed<'a>(models: &[String], all: &'a [String]) -> Vec<&'a String> {
    let open = |model: &String| {
        matches!(
            model.as_str(),
            "all-proxy-models" | "all-team-models" | "all-org-models"
        )
    };
    all.iter()
        .filter(|model| models.is_empty() || models.iter().any(open) || models.contains(model))
        .collect()
}

/// The models of the caller: of the key, within those of its team.
fn models_of<'a>(state: &SimulatorState, request: &Request, all: &'a [String]) -> Vec<&'a String> {
    let Caller::Key(token) = &request.caller else {
        return all.iter().collect();
    };
    let key = state.key(token).expect("it came with the request");
    let team = key.team_id.as_ref().and_then(|team| state.team(team));
    let of_team = team.map_or_else(|| all.iter().collect(), |team| allowed(&team.models, all));
    let of_key = allowed(&key.models, all);
    of_key.into_iter().filter(|model| of_team.contains(model)).collect()
}

pub(super) fn models(state: &mut SimulatorState, request: &Request, all: &[String]) -> Value {
    let models = models_of(state, request, all)
        .into_iter()
        .map(|model| json!({"id": model, "object": "model", "created": 1_677_610_602, "owned_by": "openai"}));
    json!({"data": models.collect::<Vec<_>>(), "object": "list"})
}

pub(super) fn model_info(all: &[String]) -> Value {
    let models = all.iter().map(|model| {
        json!({
            "model_name": model,
            "litellm_params": {"model": format!("openai/{model}")},
            "model_info": {
                "id": format!("id-of-{model}"),
                "db_model": false,
                "mode": "chat",
                "max_input_tokens": 8192,
                "input_cost_per_token": 1e-6,
                "output_cost_per_token": 2e-6,
                "litellm_provider": "openai",
            },
        })
    });
    json!({"data": models.collect::<Vec<_>>()})
}

/// The first budget that is used up.
fn check_budgets(state: &SimulatorState, request: &Request, key: &SimulatedKey) -> Result<(), No> {
    let mut budgets = Vec::new();
    let name = key.alias.clone().unwrap_or_else(|| "None".to_owned());
    budgets.push((format!("Key={name} ({})", key.masked), key.spend, key.max_budget));
    let team = key.team_id.as_ref().and_then(|team| state.team(team));
    if let Some(team) = team {
        budgets.push((format!("Team={}", team.id), team.spend, team.max_budget));
        let member = team
            .members
            .iter()
            .find(|member| Some(&member.user_id) == key.user_id.as_ref());
        if let Some(member) = member {
            let whose = format!("User={} in Team={}", member.user_id, team.id);
            budgets.push((whose, member.spend, member.max_budget));
        }
    }
    if let Some(user) = key.user_id.as_ref().and_then(|user| state.user(user)) {
        budgets.push((format!("User={}", user.id), user.spend, user.max_budget));
    }
    let over = budgets
        .into_iter()
        .find(|(_, spend, budget)| budget.is_some_and(|budget| *spend >= budget));
    let Some((whose, spend, budget)) = over else {
        return Ok(());
    };
    let status = match request.version {
        Version::V1_108_7 => 422,
        Version::V1_101_6 => 429,
        Version::V1_75_9 => 400,
    };
    let budget = budget.unwrap_or_default();
    let message = format!("Budget has been exceeded! {whose} Current cost: {spend:?}, Max budget: {budget:?}");
    Err(proxy_error(status, message, "budget_exceeded", Value::Null))
}

pub(super) fn completions(state: &mut SimulatorState, request: &Request, all: &[String]) -> Answer {
    let model = request.required("model")?;
    if !request.body.get("messages").is_some_and(Value::is_array) {
        return Err(invalid("missing", &["body", "messages"], "Field required"));
    }
    let key = match &request.caller {
        Caller::Master => None,
        Caller::Key(token) => state.key(token).cloned(),
    };
    if let Some(key) = &key {
        check_budgets(state, request, key)?;
        let known = all.iter().any(|known| known == model);
        if (known || !key.models.is_empty()) && !models_of(state, request, all).iter().any(|known| *known == model) {
            let message = if request.version == Version::V1_108_7 {
                format!(
                    "The requested model '{model}' is not available for this API key, or the model name is invalid. \
                     Check the models available to you and try again."
                )
            } else {
                let list: Vec<String> = key.models.iter().map(|model| format!("'{model}'")).collect();
                let list = list.join(", ");
                format!(
                    "key not allowed to access model. This key can only access models=[{list}]. Tried to access {model}"
                )
            };
            return Err(proxy_error(403, message, "key_model_access_denied", "model"));
        }
    }
    if !all.iter().any(|known| known == model) {
        let message = format!(
            "/chat/completions: Invalid model name passed in model={model}. Call `/v1/models` to view available models \
             for your key."
        );
        let mut no = proxy_error(400, message.clone(), "invalid_request_error", Value::Null);
        no.1["error"]["provider_specific_fields"] = json!({"error": message});
        return Err(no);
    }
    if let Some(key) = &key {
        charge(state, key);
    }
    let id = state.next_id();
    Ok(json!({
        "id": format!("chatcmpl-{id}"),
        "created": state.now().timestamp(),
        "model": model,
        "object": "chat.completion",
        "choices": [{
            "finish_reason": "stop",
            "index": 0,
            "message": {"content": "hello from mock", "role": "assistant"},
        }],
        "usage": {
            "completion_tokens": COMPLETION_TOKENS,
            "prompt_tokens": PROMPT_TOKENS,
            "total_tokens": PROMPT_TOKENS + COMPLETION_TOKENS,
        },
    }))
}

/// Adds a call to its key, its user, its team, their membership and the day.
fn charge(state: &mut SimulatorState, key: &SimulatedKey) {
    let (spend, day) = (state.call_spend, state.now().date_naive());
    let (user, team) = (
        key.user_id.clone().unwrap_or_default(),
        key.team_id.clone().unwrap_or_default(),
    );
    if let Some(key) = state.key_mut(&key.token) {
        key.spend += spend;
    }
    if let Some(user) = state.user_mut(&user) {
        user.spend += spend;
    }
    if let Some(team) = state.team_mut(&team) {
        team.spend += spend;
        if let Some(member) = team.members.iter_mut().find(|member| member.user_id == user) {
            member.spend += spend;
        }
    }
    let sum = state.uses.entry((user, team, day)).or_default();
    sum.spend += spend;
    sum.prompt_tokens += PROMPT_TOKENS;
    sum.completion_tokens += COMPLETION_TOKENS;
    sum.requests += 1;
}

/// `/user/daily/activity` and `/team/daily/activity`, newest day first.
pub(super) fn activity(state: &mut SimulatorState, request: &Request) -> Answer {
    let date = |param: &str| request.param(param).and_then(|text| text.parse::<NaiveDate>().ok());
    let (Some(from), Some(to)) = (date("start_date"), date("end_date")) else {
        return Err(super::answer::detail(400, "Please provide start_date and end_date"));
    };
    let (user, team) = (request.param("user_id"), request.param("team_ids"));
    let matching = state.uses.iter().filter(|((of_user, of_team, day), _)| {
        user.is_none_or(|id| id == of_user) && team.is_none_or(|id| id == of_team) && (from..=to).contains(day)
    });
    let mut days = std::collections::BTreeMap::new();
    for ((_, _, day), used) in matching {
        let sum: &mut super::state::Use = days.entry(*day).or_default();
        sum.spend += used.spend;
        sum.prompt_tokens += used.prompt_tokens;
        sum.completion_tokens += used.completion_tokens;
        sum.requests += used.requests;
    }
    let page = request.page(days.into_iter().collect(), "page_size", 50);
    let results = page.items.iter().map(|(day, used)| {
        json!({
            "date": day.to_string(),
            "metrics": {
                "spend": used.spend,
                "prompt_tokens": used.prompt_tokens,
                "completion_tokens": used.completion_tokens,
                "total_tokens": used.prompt_tokens + used.completion_tokens,
                "successful_requests": used.requests,
                "failed_requests": 0,
                "api_requests": used.requests,
            },
            "breakdown": {},
        })
    });
    let results: Vec<Value> = results.collect();
    let has_more = page.number < page.pages;
    Ok(json!({
        "results": results,
        "metadata": {"page": page.number, "total_pages": page.pages, "has_more": has_more},
    }))
}
