//! `/user/*`.

use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, Caller, No, Request, auth_error, detail, invalid, no_identity};
use super::state::{SimulatedKey, SimulatedUser, SimulatorState};

const ROLES: [&str; 4] = [
    "proxy_admin",
    "proxy_admin_viewer",
    "internal_user",
    "internal_user_viewer",
];

fn check_role(request: &Request) -> Result<(), No> {
    match request.text("user_role") {
        Some(role) if !ROLES.contains(&role) => Err(invalid(
            "literal_error",
            &["body", "user_role"],
            "Input should be <LitellmUserRoles.PROXY_ADMIN: 'proxy_admin'>, \
             <LitellmUserRoles.PROXY_ADMIN_VIEW_ONLY: 'proxy_admin_viewer'>, \
             <LitellmUserRoles.INTERNAL_USER: 'internal_user'> or \
             <LitellmUserRoles.INTERNAL_USER_VIEW_ONLY: 'internal_user_viewer'>",
        )),
        _ => Ok(()),
    }
}

/// 1.75.9 takes a known id as an update, and says 400 to a known e-mail address.
fn check_duplicate(state: &SimulatorState, request: &Request, id: &str) -> Result<(), No> {
    let old = request.version == Version::V1_75_9;
    if !old && state.user(id).is_some() {
        return Err(request
            .version
            .dict_error(409, &format!("User with id {id} already exists")));
    }
    if let Some(email) = request.text("user_email")
        && state.user_by_email(email).is_some_and(|user| user.id != id)
    {
        let status = if old { 400 } else { 409 };
        let message = format!("User with email {email} already exists");
        return Err(request.version.dict_error(status, &message));
    }
    Ok(())
}

pub(super) fn new(state: &mut SimulatorState, request: &Request) -> Answer {
    check_role(request)?;
    let max_budget = request.number("max_budget")?;
    let budget_duration = request.duration("budget_duration")?;
    let id = request.text("user_id").map_or_else(|| state.next_id(), str::to_owned);
    check_duplicate(state, request, &id)?;
    let user = state.ensure_user(&id);
    user.email = request.text("user_email").map(str::to_owned).or(user.email.take());
    user.alias = request.text("user_alias").map(str::to_owned).or(user.alias.take());
    user.role = request.text("user_role").map(str::to_owned).or(user.role.take());
    user.models = request.texts("models").unwrap_or_default();
    user.max_budget = max_budget;
    user.budget_duration = budget_duration;
    user.tpm_limit = request.whole("tpm_limit");
    user.rpm_limit = request.whole("rpm_limit");
    user.metadata = request.map("metadata").unwrap_or_default();
    let asked = request.texts("teams");
    for team in asked.iter().flatten() {
        // A team that does not exist is passed over in silence.
        if state.team(team).is_some() {
            state.join(team, &id, "user", None);
        }
    }
    let secret = if request.body.get("auto_create_key") == Some(&json!(false)) {
        String::new()
    } else {
        add_key(state, &id)
    };
    let user = state.user(&id).expect("it was just made");
    let mut json = state.user_json(user);
    json["teams"] = asked.map_or(Value::Null, |_| json!(user.teams));
    if let Some(json) = json.as_object_mut() {
        json.remove("budget_reset_at");
    }
    json["key"] = json!(secret);
    json["key_alias"] = Value::Null;
    json["duration"] = Value::Null;
    json["team_id"] = Value::Null;
    json["expires"] = Value::Null;
    Ok(json)
}

/// The key that comes with a user unless it is unwanted.
fn add_key(state: &mut SimulatorState, user: &str) -> String {
    let secret = state.next_secret();
    let fresh = super::keys::fresh(state, &secret);
    let of_user = state.user(user).cloned().unwrap_or_default();
    let key = SimulatedKey {
        user_id: Some(user.to_owned()),
        models: of_user.models,
        tpm_limit: of_user.tpm_limit,
        rpm_limit: of_user.rpm_limit,
        metadata: of_user.metadata,
        ..fresh
    };
    state.keys.push(key);
    secret
}

pub(super) fn info(state: &mut SimulatorState, request: &Request) -> Answer {
    let own = match &request.caller {
        Caller::Master => None,
        Caller::Key(token) => Some(state.key(token).and_then(|key| key.user_id.clone()).unwrap_or_default()),
    };
    let asked = request.param("user_id").map(str::to_owned);
    if let (Some(own), Some(asked)) = (&own, &asked)
        && own != asked
    {
        let message = format!("key not allowed to access this user's info. user_id={asked}, key's user_id={own}");
        return Err(auth_error(403, message));
    }
    let id = asked.or(own).unwrap_or_else(|| super::state::PROXY_USER.to_owned());
    let Some(user) = state.user(&id) else {
        return match request.version {
            Version::V1_75_9 => Ok(json!({"user_id": id, "user_info": {"spend": 0}, "keys": [], "teams": []})),
            version => Err(version.error(404, format!("User {id} not found"))),
        };
    };
    let keys = state.keys.iter().filter(|key| key.user_id.as_deref() == Some(&id));
    let keys: Vec<Value> = keys.map(|key| state.key_json(key)).collect();
    let teams = user.teams.iter().filter_map(|team| state.team(team));
    let teams: Vec<Value> = teams.map(|team| state.team_json(team)).collect();
    Ok(json!({"user_id": id, "user_info": state.user_json(user), "keys": keys, "teams": teams}))
}

/// Creates a user that it does not know, as the real one does. Of the limits `null` clears the budget only, and in 1.75.9
/// none (`_update_internal_user_params`).
pub(super) fn update(state: &mut SimulatorState, request: &Request) -> Answer {
    check_role(request)?;
    let max_budget = request.number("max_budget")?;
    let budget_duration = request.duration("budget_duration")?;
    let by_email = |email: &str| state.user_by_email(email).map(|user| user.id.clone());
    let id = match (request.text("user_id"), request.text("user_email")) {
        (Some(id), _) => id.to_owned(),
        (None, Some(email)) => match by_email(email) {
            Some(id) => id,
            None => state.next_id(),
        },
        (None, None) => return Err(no_identity()),
    };
    let clears = request.has("max_budget") && request.version != Version::V1_75_9;
    let user = state.ensure_user(&id);
    if clears || max_budget.is_some() {
        user.max_budget = max_budget;
    }
    let text = |field: &str, old: Option<String>| request.text(field).map(str::to_owned).or(old);
    user.email = text("user_email", user.email.take());
    user.alias = text("user_alias", user.alias.take());
    user.role = text("user_role", user.role.take());
    user.budget_duration = budget_duration.or(user.budget_duration.take());
    user.tpm_limit = request.whole("tpm_limit").or(user.tpm_limit);
    user.rpm_limit = request.whole("rpm_limit").or(user.rpm_limit);
    let user = state.user(&id).expect("it was just made");
    Ok(json!({"user_id": id, "data": state.user_json(user)}))
}

pub(super) fn delete(state: &mut SimulatorState, request: &Request) -> Answer {
    let missing = || invalid("missing", &["body", "user_ids"], "Field required");
    let ids = request.texts("user_ids").ok_or_else(missing)?;
    if let Some(unknown) = ids.iter().find(|id| state.user(id).is_none()) {
        return Err(detail(404, format!("User not found, passed user_id={unknown}")));
    }
    for id in &ids {
        state.remove_user(id);
    }
    Ok(json!(ids.len()))
}

pub(super) fn list(state: &mut SimulatorState, request: &Request) -> Value {
    let ids: Option<Vec<&str>> = request.param("user_ids").map(|ids| ids.split(',').collect());
    let email = request.param("user_email");
    let matches = |user: &&SimulatedUser| {
        ids.as_ref().is_none_or(|ids| ids.contains(&user.id.as_str()))
            && email.is_none_or(|part| user.email.as_ref().is_some_and(|email| email.contains(part)))
    };
    let page = request.page(state.users.values().filter(matches).collect(), "page_size", 25);
    let users = page.items.iter().map(|user| {
        let mut json = state.user_json(user);
        let keys = state.keys.iter().filter(|key| key.user_id.as_ref() == Some(&user.id));
        json["key_count"] = json!(keys.count());
        json
    });
    json!({
        "users": users.collect::<Vec<_>>(),
        "total": page.total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": page.pages,
    })
}
