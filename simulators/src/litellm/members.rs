//! `/team/member_*`.

use serde_json::{Value, json};

use super::Version;
use super::answer::{Answer, NOT_PREMIUM, No, Request, detail, invalid, no_identity, proxy_error};
use super::state::{SimulatedTeam, SimulatorState};

/// A member as a request names them.
struct Named {
    user_id: Option<String>,
    email: Option<String>,
    role: String,
}

/// Some routes have this text without its line break, and with another address.
fn premium(short: bool) -> String {
    let reason = if short {
        NOT_PREMIUM.replace("enterprise#trial. \nPricing", "#trial. Pricing")
    } else {
        NOT_PREMIUM.to_owned()
    };
    format!("Assigning team admins is a premium feature. {reason}")
}

fn named(member: &Value) -> Result<Named, No> {
    let text = |field: &str| member[field].as_str().map(str::to_owned);
    let role = text("role").unwrap_or_default();
    if role != "admin" && role != "user" {
        return Err(invalid(
            "literal_error",
            &["body", "role"],
            "Input should be 'admin' or 'user'",
        ));
    }
    let named = Named {
        user_id: text("user_id"),
        email: text("user_email"),
        role,
    };
    if named.user_id.is_none() && named.email.is_none() {
        return Err(no_identity());
    }
    Ok(named)
}

fn duplicate(state: &SimulatorState, team: &SimulatedTeam, named: &Named) -> No {
    let quoted = |text: Option<&String>| text.map_or_else(|| "None".to_owned(), |text| format!("'{text}'"));
    let plain = |text: Option<&String>| text.cloned().unwrap_or_else(|| "None".to_owned());
    let members = team.members.iter().map(|member| {
        let email = state.user(&member.user_id).and_then(|user| user.email.as_ref());
        let (id, email, role) = (&member.user_id, quoted(email), &member.role);
        format!("Member(user_id='{id}', user_email={email}, role='{role}')")
    });
    let message = format!(
        "User already in team. Member: user_id={}, user_email={}. Existing members=[{}]",
        plain(named.user_id.as_ref()),
        plain(named.email.as_ref()),
        members.collect::<Vec<_>>().join(", "),
    );
    proxy_error(400, message, "team_member_already_in_team", "member")
}

/// Creates users that it does not know, as the real one does.
pub(super) fn add(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("team_id")?;
    let asked = request.body.get("member").cloned().unwrap_or(Value::Null);
    let is_list = asked.is_array();
    let asked = match asked {
        Value::Array(list) => list,
        one => vec![one],
    };
    let asked = asked.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let budget = request.number("max_budget_in_team")?;
    if state.team(id).is_none() {
        let message = format!("Team doesn't exist in db. Team={id}. Create team via `/team/new` call.");
        return Err(match request.version {
            Version::V1_75_9 => request.version.dict_error(500, &message),
            _ => detail(404, message),
        });
    }
    if !state.licensed && asked.iter().any(|member| member.role == "admin") {
        return Err(detail(400, premium(false)));
    }
    let mut users = Vec::new();
    for member in &asked {
        let known = (member.email.as_ref()).and_then(|email| Some(state.user_by_email(email)?.id.clone()));
        let user = match member.user_id.clone().or(known) {
            Some(user) => user,
            None => state.next_id(),
        };
        let team = state.team(id).expect("it was just found");
        if team.members.iter().any(|existing| existing.user_id == user) {
            if is_list {
                continue;
            }
            return Err(duplicate(state, team, member));
        }
        let is_new = state.user(&user).is_none();
        let found = state.ensure_user(&user);
        if is_new {
            found.email.clone_from(&member.email);
            found.role = Some("internal_user".to_owned());
        }
        state.join(id, &user, &member.role, budget);
        users.push(user);
    }
    let team = state.team(id).expect("it was just found");
    let mut json = state.team_json(team);
    let updated = users.iter().filter_map(|user| state.user(user));
    json["updated_users"] = updated.map(|user| state.user_json(user)).collect();
    let memberships = users
        .iter()
        .map(|user| json!({"user_id": user, "team_id": id, "spend": 0.0}));
    json["updated_team_memberships"] = memberships.collect();
    Ok(json)
}

/// Who a request names by id or e-mail address.
fn identified(state: &SimulatorState, request: &Request) -> Result<String, No> {
    if let Some(id) = request.text("user_id") {
        return Ok(id.to_owned());
    }
    let email = request.text("user_email").ok_or_else(no_identity)?;
    Ok(state
        .user_by_email(email)
        .map_or_else(String::new, |user| user.id.clone()))
}

fn check_team(state: &SimulatorState, id: &str) -> Result<(), No> {
    match state.team(id) {
        Some(_) => Ok(()),
        None => Err(detail(400, format!("Team id={id} does not exist in db"))),
    }
}

pub(super) fn update(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("team_id")?;
    let user = identified(state, request)?;
    let budget = request.number("max_budget_in_team")?;
    check_team(state, id)?;
    let role = request.text("role");
    if role == Some("admin") && !state.licensed {
        return Err(No(400, json!({"detail": premium(true)})));
    }
    let email = state.user(&user).and_then(|user| user.email.clone());
    let team = state.team_mut(id).expect("it was just found");
    match team.members.iter_mut().find(|member| member.user_id == user) {
        Some(member) => {
            if let Some(role) = role {
                role.clone_into(&mut member.role);
            }
            if request.has("max_budget_in_team") {
                member.max_budget = budget;
            }
        }
        None if request.version == Version::V1_108_7 => {
            return Err(detail(404, format!("User {user} is not a member of team {id}")));
        }
        // Older ones say 200 and do nothing.
        None => {}
    }
    Ok(json!({
        "user_id": user,
        "user_email": email,
        "team_id": id,
        "max_budget_in_team": budget,
        "tpm_limit": null,
        "rpm_limit": null,
    }))
}

pub(super) fn delete(state: &mut SimulatorState, request: &Request) -> Answer {
    let id = request.required("team_id")?;
    let user = identified(state, request)?;
    check_team(state, id)?;
    let team = state.team_mut(id).expect("it was just found");
    let before = team.members.len();
    team.members.retain(|member| member.user_id != user);
    if team.members.len() == before {
        return Err(detail(400, "User not found in team"));
    }
    if let Some(user) = state.user_mut(&user) {
        user.teams.retain(|team| team != id);
    }
    let team = state.team(id).expect("it was just found");
    Ok(state.team_json(team))
}
