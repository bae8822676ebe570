//! Lists of the directory's objects, a page at a time.

use std::fmt::Write as _;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::{Shared, SimulatedGroup, SimulatedPerson, State};

/// What is given unless asked.
const USUAL: usize = 100;
/// The most there is.
const MOST: usize = 999;

/// The query of a list.
#[derive(Debug, Deserialize)]
pub(super) struct Paging {
    #[serde(rename = "$top")]
    top: Option<usize>,
    #[serde(rename = "$select")]
    select: Option<String>,
    #[serde(rename = "$skiptoken")]
    skip_token: Option<String>,
}

impl Paging {
    /// Counted from 1.
    pub(super) fn page(&self) -> usize {
        let token = self.skip_token.as_deref().and_then(|token| token.strip_prefix("page-"));
        token.and_then(|page| page.parse().ok()).unwrap_or(1)
    }

    /// The page of `items` that is asked for, at `path`.
    pub(super) fn answer(&self, shared: &Shared, path: &str, items: Vec<Value>) -> Response {
        let size = self.top.unwrap_or(USUAL).clamp(1, MOST);
        let size = shared.options.page_size.map_or(size, |most| size.min(most));
        let (page, total) = (self.page(), items.len());
        let shown = items.into_iter().skip((page - 1) * size).take(size);
        let shown: Vec<Value> = shown.map(|item| self.selected(item)).collect();
        let url = shared.url.lock().expect("not poisoned").clone();
        let mut body = json!({"@odata.context": format!("{url}/v1.0/$metadata#directoryObjects"), "value": shown});
        if page * size < total {
            let mut link = format!("{url}{path}?$skiptoken=page-{}", page + 1);
            // Writing into a String cannot fail.
            if let Some(select) = &self.select {
                let _ = write!(link, "&$select={select}");
            }
            if let Some(top) = self.top {
                let _ = write!(link, "&$top={top}");
            }
            body["@odata.nextLink"] = json!(link);
        }
        Json(body).into_response()
    }

    /// Only what `$select` names, as at Graph: `id` and the type are always there.
    pub(super) fn selected(&self, mut item: Value) -> Value {
        if let (Some(select), Some(fields)) = (&self.select, item.as_object_mut()) {
            let wanted: Vec<&str> = select.split(',').map(str::trim).collect();
            fields.retain(|name, _| name.starts_with('@') || name == "id" || wanted.contains(&name.as_str()));
        }
        item
    }
}

pub(super) fn group_json(group: &SimulatedGroup) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.group",
        "id": group.id,
        "displayName": group.name,
        "securityEnabled": true,
    })
}

fn person_json(person: &SimulatedPerson) -> Value {
    json!({
        "@odata.type": "#microsoft.graph.user",
        "id": person.id,
        "displayName": person.name,
        "mail": person.email,
        "userPrincipalName": person.email,
        "accountEnabled": person.enabled,
    })
}

/// What somebody is a member of: groups, and a role of the directory.
pub(super) fn member_of(state: &State, person: &SimulatedPerson, transitive: bool) -> Vec<Value> {
    let ids = state.groups_with(&person.id, transitive);
    let groups = ids.iter().filter_map(|id| state.groups.get(id)).map(group_json);
    let role = person.directory_role.as_ref().map(|name| {
        json!({
            "@odata.type": "#microsoft.graph.directoryRole",
            "id": super::directory_id(name),
            "displayName": name,
        })
    });
    role.into_iter().chain(groups).collect()
}

/// Who and what is in a group.
pub(super) fn members(state: &State, group: &SimulatedGroup, transitive: bool) -> Vec<Value> {
    let ids = state.members_of(group, transitive);
    let one = |id: &String| {
        let person = state.people.get(id).map(person_json);
        person.or_else(|| state.groups.get(id).map(group_json))
    };
    ids.iter().filter_map(one).collect()
}

/// What is assigned to the application.
pub(super) fn assigned(state: &State, service_principal: &str) -> Vec<Value> {
    let one = |assignment: &super::SimulatedAssignment| {
        let id = &assignment.principal_id;
        let group = state.groups.get(id).map(|group| ("Group", &group.name));
        let (kind, name) = group.or_else(|| state.people.get(id).map(|person| ("User", &person.name)))?;
        let role = assignment.app_role_id.as_deref();
        Some(json!({
            "id": super::directory_id(&format!("{id} {role:?}")),
            "appRoleId": role.unwrap_or("00000000-0000-0000-0000-000000000000"),
            "principalDisplayName": name,
            "principalId": id,
            "principalType": kind,
            "resourceDisplayName": "Guildhall",
            "resourceId": service_principal,
        }))
    };
    state.assignments.iter().filter_map(one).collect()
}
