//! `/team/*`.

use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, Caller, No, Request, auth_error, detail, dict, invalid};
use super::state::{PROXY_USER, SimulatedTeam, SimulatorState};

/// A limit that may be `null`: present, it replaces.
fn set<T>(slot: &mut Option<T>, request: &Request, field: &str, value: Option<T>) {
    if request.has(field) {
        *slot = value;
    }
}

fn not_found(request: &Request, id: &str) -> No {
    (request.version).dict_error(404, &format!("Team not found, passed team_id={id}"))
}

fn check_budget(request: &Request, budget: Option<f64>) -> Result<(), No> {
    match budget {
        Some(budget) if budget < 0.0 => Err(request.version.dict_error(
            400,
            &format!("max_budget must be a non-negative finite number. Received: {budget:?}"),
        )),
        _ => Ok(()),
    }
}

/// What an organization allows its teams. 1.75.9 does not ask.
fn check_organization(
    state: &SimulatorState,
    request: &Request,
    id: Option<&str>,
    budget: Option<f64>,
    models: &[String],
) -> Result<(), No> {
    let Some(organization) = id.and_then(|id| state.organization(id)) else {
        return Ok(());
    };
    let id = &organization.id;
    if let (Some(budget), Some(ceiling)) = (budget, organization.max_budget)
        && budget > ceiling
    {
        let message =
            format!("Team max_budget ({budget:?}) exceeds organization's max_budget ({ceiling:?}). Organization: {id}");
        return Err(request.version.dict_error(400, &message));
    }
    let allowed = &organization.models;
    if allowed.is_empty() || allowed.iter().any(|model| model == "all-proxy-models") {
        return Ok(());
    }
    match models.iter().find(|model| !allowed.contains(model)) {
        None => Ok(()),
        Some(model) => {
            let list: Vec<String> = allowed.iter().map(|model| format!("'{model}'")).collect();
            let list = list.join(", ");
            let message = format!(
                "Model '{model}' not in organization's allowed models. Organization allowed models=[{list}]. Organization: {id}"
            );
            Err(request.version.dict_error(400, &message))
        }
    }
}

pub(super) fn new(state: &mut SimulatorState, request: &Request) -> Answer {
    let (max_budget, of_members) = (request.number("max_budget")?, request.number("team_member_budget")?);
    let id = request.text("team_id").map_or_else(|| state.next_id(), str::to_owned);
    if state.team(&id).is_some() {
        let message = format!("Team id = {id} already exists. Please use a different team id.");
        return Err(request.version.dict_error(400, &message));
    }
    check_budget(request, max_budget)?;
    let budget_duration = request.duration("budget_duration")?;
    let organization_id = request.text("organization_id").map(str::to_owned);
    if let Some(organization) = &organization_id
        && state.organization(organization).is_none()
    {
        let status = if request.version == Version::V1_75_9 { 500 } else { 400 };
        let message = format!("Organization not found for organization_id={organization}");
        return Err(request.version.error(status, message));
    }
    let models = request.texts("models").unwrap_or_default();
    if request.version != Version::V1_75_9 {
        check_organization(state, request, organization_id.as_deref(), max_budget, &models)?;
    }
    let created_at = state.now();
    let team = SimulatedTeam {
        id: id.clone(),
        alias: request.text("team_alias").map(str::to_owned),
        organization_id,
        models,
        max_budget,
        budget_duration,
        tpm_limit: request.whole("tpm_limit"),
        rpm_limit: request.whole("rpm_limit"),
        metadata: request.map("metadata").unwrap_or_default(),
        blocked: request.body.get("blocked").and_then(Value::as_bool).unwrap_or(false),
        created_at,
        ..SimulatedTeam::default()
    };
    state.teams.insert(id.clone(), team);
    let members = request.body.get("members_with_roles").and_then(Value::as_array);
    for member in members.into_iter().flatten() {
        if let Some(user) = member["user_id"].as_str() {
            state.ensure_user(user);
            state.join(&id, user, member["role"].as_str().unwrap_or("user"), of_members);
        }
    }
    state.join(&id, PROXY_USER, "admin", of_members);
    let team = state.team(&id).expect("it was just made");
    Ok(state.team_json(team))
}

pub(super) fn info(state: &mut SimulatorState, request: &Request) -> Answer {
    let Some(id) = request.param("team_id") else {
        return Err(auth_error(
            422,
            dict("message", "Malformed request. No team id passed in."),
        ));
    };
    let Some(team) = state.team(id) else {
        return Err(auth_error(
            404,
            dict("message", &format!("Team not found, passed team id: {id}.")),
        ));
    };
    if let Caller::Key(token) = &request.caller {
        let key = state.key(token);
        let user = key.and_then(|key| key.user_id.clone()).unwrap_or_default();
        let own = key.is_some_and(|key| key.team_id.as_deref() == Some(id));
        if !own && !team.members.iter().any(|member| member.user_id == user) {
            let message = format!("User={user} not authorized to access this team={id}");
            return Err(auth_error(403, dict("error", &message)));
        }
    }
    let keys = state.keys.iter().filter(|key| key.team_id.as_deref() == Some(id));
    let keys: Vec<Value> = keys.map(|key| state.key_json(key)).collect();

    Ok(json!({
        "team_id": id,
        "team_info": state.team_json(team),
        "keys": keys,
        "team_memberships": SimulatorState::memberships_json(team, request.version, None),
    }))
}

pub(super) fn update(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("team_id")?;
    let max_budget = request.number("max_budget")?;
    let Some(team) = state.team(id) else {
        return Err(not_found(request, id));
    };
    check_budget(request, max_budget)?;
    let budget_duration = request.duration("budget_duration")?;
    let asked = request.text("organization_id");
    if let Some(organization) = asked
        && state.organization(organization).is_none()
    {
        let message = format!("Organization not found, passed organization_id={organization}");
        return Err(request.version.dict_error(404, &message));
    }
    if request.version != Version::V1_75_9 {
        let organization = asked.or(team.organization_id.as_deref());
        // 1.101.6 looks at the models only.
        let budget = max_budget.filter(|_| request.version == Version::V1_108_7);
        check_organization(
            state,
            request,
            organization,
            budget,
            &request.texts("models").unwrap_or_default(),
        )?;
    }
    let team = state.team_mut(id).expect("it was just found");
    set(
        &mut team.alias,
        request,
        "team_alias",
        request.text("team_alias").map(str::to_owned),
    );
    set(
        &mut team.organization_id,
        request,
        "organization_id",
        asked.map(str::to_owned),
    );
    set(&mut team.max_budget, request, "max_budget", max_budget);
    set(&mut team.budget_duration, request, "budget_duration", budget_duration);
    set(&mut team.tpm_limit, request, "tpm_limit", request.whole("tpm_limit"));
    set(&mut team.rpm_limit, request, "rpm_limit", request.whole("rpm_limit"));
    if let Some(models) = request.texts("models") {
        team.models = models;
    }
    if let Some(metadata) = request.map("metadata") {
        team.metadata = metadata;
    }
    if let Some(blocked) = request.body.get("blocked").and_then(Value::as_bool) {
        team.blocked = blocked;
    }
    let team = state.team(id).expect("it was just found");
    Ok(json!({"team_id": id, "data": state.team_json(team)}))
}

pub(super) fn block(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("team_id")?;
    let team = state.team_mut(id).ok_or_else(|| not_found(request, id))?;
    team.blocked = request.path == "/team/block";
    let team = state.team(id).expect("it was just found");
    Ok(state.team_json(team))
}

pub(super) fn delete(state: &mut SimulatorState, request: &Request) -> Answer {
    let missing = || invalid("missing", &["body", "team_ids"], "Field required");
    let ids = request.texts("team_ids").ok_or_else(missing)?;
    if let Some(unknown) = ids.iter().find(|id| state.team(id).is_none()) {
        return Err(detail(404, format!("Team not found, passed team_id={unknown}")));
    }
    for id in &ids {
        state.remove_team(id);
    }
    Ok(json!({"deleted_teams": ids}))
}

fn matches(team: &SimulatedTeam, request: &Request) -> bool {
    let organization = request.param("organization_id");
    let user = request.param("user_id");
    let alias = request.param("team_alias").map(str::to_lowercase);
    organization.is_none_or(|id| team.organization_id.as_deref() == Some(id))
        && user.is_none_or(|id| team.members.iter().any(|member| member.user_id == id))
        && alias.is_none_or(|part| {
            team.alias
                .as_ref()
                .is_some_and(|alias| alias.to_lowercase().contains(&part))
        })
}

/// `/team/list`: all at once.
pub(super) fn list(state: &mut SimulatorState, request: &Request) -> Value {
    let teams = state.teams.values().filter(|team| matches(team, request));
    let json = teams.map(|team| {
        let mut json = state.team_json(team);
        json["team_memberships"] = SimulatorState::memberships_json(team, request.version, request.param("user_id"));
        json["keys"] = json!([]);
        json
    });
    json.collect()
}

/// `/v2/team/list`: in pages.
pub(super) fn pages(state: &mut SimulatorState, request: &Request) -> Value {
    let teams = state.teams.values().filter(|team| matches(team, request)).collect();
    let page = request.page(teams, "page_size", 10);
    let teams: Vec<Value> = page.items.iter().map(|team| state.team_json(team)).collect();
    json!({
        "teams": teams,
        "total": page.total,
        "page": page.number,
        "page_size": page.size,
        "total_pages": page.pages,
    })
}
