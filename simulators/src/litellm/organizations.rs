//! `/organization/*`: for those with a licence since 1.102, for all before.

use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, NOT_PREMIUM, No, Request, auth_error, detail, dict, invalid};
use super::state::{PROXY_USER, SimulatedOrganization, SimulatorState};

const ROLES: [&str; 3] = ["org_admin", "internal_user", "internal_user_viewer"];

fn internal() -> No {
    No(
        500,
        json!({"error": {"message": "Internal server error", "type": "internal_server_error"}}),
    )
}

pub(super) fn route(state: &mut SimulatorState, request: &Request, method: &str) -> Answer {
    if request.version == Version::V1_108_7 && !state.licensed {
        let message = format!("Organizations are only available for LiteLLM Enterprise users. {NOT_PREMIUM}");
        return Err(detail(403, message));
    }
    match (method, request.path.as_str()) {
        ("POST", "/organization/new") => new(state, request),
        ("GET", "/organization/info") => info(state, request),
        ("POST", "/organization/info") => infos(state, request),
        ("GET", "/organization/list") => Ok(state.organizations.iter().map(|one| render(state, one)).collect()),
        ("PATCH", "/organization/update") => update(state, request),
        ("DELETE", "/organization/delete") => delete(state, request),
        ("POST", "/organization/member_add") => add_member(state, request),
        ("PATCH", "/organization/member_update") => update_member(state, request),
        _ => delete_member(state, request),
    }
}

fn render(state: &SimulatorState, organization: &SimulatedOrganization) -> Value {
    let id = &organization.id;
    let teams = state
        .teams
        .values()
        .filter(|team| team.organization_id.as_ref() == Some(id));
    let members = organization
        .members
        .iter()
        .map(|(user, role)| membership(id, user, role));
    json!({
        "organization_id": id,
        "organization_alias": organization.alias,
        "spend": 0.0,
        "models": organization.models,
        "created_by": PROXY_USER,
        "updated_by": PROXY_USER,
        "litellm_budget_table": {"max_budget": organization.max_budget},
        "members": members.collect::<Vec<_>>(),
        "teams": teams.map(|team| state.team_json(team)).collect::<Vec<_>>(),
    })
}

fn membership(organization: &str, user: &str, role: &str) -> Value {
    json!({"user_id": user, "organization_id": organization, "user_role": role, "spend": 0.0})
}

fn new(state: &mut SimulatorState, request: &Request) -> Answer {
    let alias = request.required("organization_alias")?.to_owned();
    let max_budget = request.number("max_budget")?;
    if let Some(budget) = max_budget.filter(|budget| *budget < 0.0) {
        let message = format!("max_budget must be a non-negative finite number. Received: {budget:?}");
        return Err(detail(400, message));
    }
    let id = request
        .text("organization_id")
        .map_or_else(|| state.next_id(), str::to_owned);
    // There are no budgets to name, and an id that is taken is a surprise to it, too.
    if request.has("budget_id") || state.organization(&id).is_some() {
        return Err(internal());
    }
    let organization = SimulatedOrganization {
        id,
        alias,
        models: request.texts("models").unwrap_or_default(),
        max_budget,
        ..SimulatedOrganization::default()
    };
    let mut answer = render(state, &organization);
    if let Some(answer) = answer.as_object_mut() {
        answer.remove("members");
        answer.remove("teams");
    }
    state.organizations.push(organization);
    Ok(answer)
}

fn info(state: &mut SimulatorState, request: &Request) -> Answer {
    let found = request.param("organization_id").and_then(|id| state.organization(id));
    let organization = found.ok_or_else(|| detail(404, "Organization not found"))?;
    Ok(render(state, organization))
}

fn infos(state: &mut SimulatorState, request: &Request) -> Answer {
    let ids = request.texts("organizations").unwrap_or_default();
    if ids.is_empty() {
        return Err(detail(400, "Specify list of organization id's to query. Passed in=[]"));
    }
    let found = ids.iter().filter_map(|id| state.organization(id));
    let json = found.map(|organization| {
        let mut json = render(state, organization);
        json["members"] = Value::Null;
        json["teams"] = Value::Null;
        json
    });
    Ok(json.collect())
}

fn find_mut<'a>(state: &'a mut SimulatorState, id: &str) -> Option<&'a mut SimulatedOrganization> {
    state
        .organizations
        .iter_mut()
        .find(|organization| organization.id == id)
}

fn update(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("organization_id")?;
    let max_budget = request.number("max_budget")?;
    let organization = find_mut(state, id).ok_or_else(internal)?;
    if let Some(alias) = request.text("organization_alias") {
        alias.clone_into(&mut organization.alias);
    }
    if let Some(models) = request.texts("models") {
        organization.models = models;
    }
    if request.has("max_budget") {
        organization.max_budget = max_budget;
    }
    let organization = state.organization(id).ok_or_else(internal)?;
    Ok(render(state, organization))
}

fn delete(state: &mut SimulatorState, request: &Request) -> Answer {
    let ids = request.texts("organization_ids").unwrap_or_default();
    if let Some(unknown) = ids.iter().find(|id| state.organization(id).is_none()) {
        return Err(detail(404, format!("Organization={unknown} not found")));
    }
    let gone = ids.iter().filter_map(|id| state.organization(id)).map(|organization| {
        let mut json = render(state, organization);
        json["members"] = json!([]);
        json["teams"] = json!([]);
        json
    });
    let gone: Vec<Value> = gone.collect();
    state
        .organizations
        .retain(|organization| !ids.contains(&organization.id));
    Ok(json!(gone))
}

/// Creates users that it does not know by id, and stumbles over e-mail addresses that it does not know.
fn add_member(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("organization_id")?;
    let asked = match request.body.get("member") {
        Some(Value::Array(list)) => list.clone(),
        Some(one) => vec![one.clone()],
        None => return Err(invalid("missing", &["body", "member"], "Field required")),
    };
    if asked
        .iter()
        .any(|member| !member["role"].as_str().is_some_and(|role| ROLES.contains(&role)))
    {
        let msg = "Input should be <LitellmUserRoles.ORG_ADMIN: 'org_admin'>, <LitellmUserRoles.INTERNAL_USER: \
                   'internal_user'> or <LitellmUserRoles.INTERNAL_USER_VIEW_ONLY: 'internal_user_viewer'>";
        return Err(invalid("literal_error", &["body", "role"], msg));
    }
    if state.organization(id).is_none() {
        let message = format!("Organization not found for organization_id={id}");
        return Err(auth_error(404, dict("error", &message)));
    }
    let (mut users, mut memberships) = (Vec::new(), Vec::new());
    for member in &asked {
        let role = member["role"].as_str().unwrap_or_default();
        let Some(user) = member["user_id"].as_str() else {
            let email = member["user_email"].as_str().unwrap_or_default();
            return Err(auth_error(
                500,
                format!("Authentication Error, Error adding member user_email='{email}'"),
            ));
        };
        if state
            .organization(id)
            .is_some_and(|organization| organization.members.contains_key(user))
        {
            let message = format!(
                "Authentication Error, Error adding member=user_id='{user}' user_email=None role={} to \
                 organization={id}: Unique constraint failed on the fields: (`user_id`,`organization_id`)",
                python_role(role)
            );
            return Err(auth_error(500, message));
        }
        let is_new = state.user(user).is_none();
        let found = state.ensure_user(user);
        if is_new {
            found.role = Some("internal_user".to_owned());
        }
        if let Some(organization) = find_mut(state, id) {
            organization.members.insert(user.to_owned(), role.to_owned());
        }
        users.extend(state.user(user).map(|user| state.user_json(user)));
        memberships.push(membership(id, user, role));
    }
    Ok(json!({"organization_id": id, "updated_users": users, "updated_organization_memberships": memberships}))
}

fn python_role(role: &str) -> String {
    let name = match role {
        "org_admin" => "ORG_ADMIN",
        "internal_user" => "INTERNAL_USER",
        _ => "INTERNAL_USER_VIEW_ONLY",
    };
    format!("<LitellmUserRoles.{name}: '{role}'>")
}

fn update_member(state: &mut SimulatorState, request: &Request) -> Answer {
    let (id, user) = (request.required("organization_id")?, request.required("user_id")?);
    let organization = find_mut(state, id).ok_or_else(internal)?;
    let role = organization.members.get_mut(user).ok_or_else(internal)?;
    if let Some(asked) = request.text("role") {
        asked.clone_into(role);
    }
    Ok(membership(id, user, role))
}

fn delete_member(state: &mut SimulatorState, request: &Request) -> Answer {
    let (id, user) = (request.required("organization_id")?, request.required("user_id")?);
    let role = find_mut(state, id).and_then(|organization| organization.members.remove(user));
    Ok(role.map_or(Value::Null, |role| membership(id, user, &role)))
}
