//! What Graph's answers hold, as far as we need it, and the wire forms they are read from.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// The role of an assignment that names none.
const DEFAULT_ACCESS: &str = "00000000-0000-0000-0000-000000000000";

/// A group of the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its lasting id in the directory (a UUID at Entra).
    pub id: String,
    /// Its display name; none where we may not read it.
    pub name: Option<String>,
}

/// The groups of one person. There is no half of it: what cannot be read whole is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Groups {
    /// The groups, each once, by id; of those the ones that are assigned to our application, where that is configured.
    pub groups: Vec<Group>,
    /// Ids of the application's roles (`appRoleId`) that the person has by these groups; and, when it is known who
    /// they are, those assigned to them alone. Empty where no application is configured.
    pub app_roles: BTreeSet<String>,
    /// All groups that are assigned to our application, the person's and others; none where no application is configured.
    pub assigned: Option<Vec<Group>>,
}

/// A group or a person that is assigned to our application, with a role of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The group's or person's id in the directory.
    pub principal_id: String,
    /// What the directory calls it.
    pub name: Option<String>,
    /// The role; none for plain access.
    pub app_role_id: Option<String>,
}

/// Everything that is assigned to our application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assignments {
    /// Groups, once for each role.
    pub groups: Vec<Assignment>,
    /// People, once for each role; those who have it by a group are not here.
    pub users: Vec<Assignment>,
}

/// Somebody in a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Their lasting id in the directory, which is the `oid` of their tokens.
    pub id: String,
    /// Their display name.
    pub name: Option<String>,
    /// Their address (`mail`). Guests and administrators may have none.
    pub email: Option<String>,
    /// What they sign in with (`userPrincipalName`). Looks like an address, but need not be one.
    pub user_name: Option<String>,
    /// Whether they may sign in at the directory; none where we may not read it.
    pub enabled: Option<bool>,
}

impl Assignments {
    /// Everything that is assigned, of which `mine` is what a person has by their groups and themselves.
    pub(super) fn of_person(&self, mine: Vec<Group>, directory_id: Option<&str>) -> Groups {
        let mut assigned: BTreeMap<String, &Assignment> = BTreeMap::new();
        for group in &self.groups {
            assigned.entry(folded(&group.principal_id)).or_insert(group);
        }
        let groups: Vec<Group> = distinct(mine)
            .into_iter()
            .filter_map(|group| {
                let name = assigned.get(&folded(&group.id))?.name.clone();
                Some(Group {
                    name: name.or(group.name),
                    id: group.id,
                })
            })
            .collect();
        let ids: BTreeSet<String> = groups.iter().map(|group| folded(&group.id)).collect();
        let by_group = (self.groups.iter()).filter(|assignment| ids.contains(&folded(&assignment.principal_id)));
        let directly = (self.users.iter())
            .filter(|assignment| directory_id.is_some_and(|id| assignment.principal_id.eq_ignore_ascii_case(id)));
        let app_roles = by_group
            .chain(directly)
            .filter_map(|assignment| assignment.app_role_id.clone())
            .collect();
        let assigned = self.groups.iter().map(|assignment| Group {
            id: assignment.principal_id.clone(),
            name: assignment.name.clone(),
        });
        Groups {
            groups,
            app_roles,
            assigned: Some(distinct(assigned.collect())),
        }
    }
}

/// Each group once, by id.
pub(super) fn distinct(groups: Vec<Group>) -> Vec<Group> {
    let by_id: BTreeMap<String, Group> = groups.into_iter().map(|group| (folded(&group.id), group)).collect();
    by_id.into_values().collect()
}

/// Ids of the directory do not differ by case alone.
fn folded(id: &str) -> String {
    id.to_ascii_lowercase()
}

/// One page of a list.
#[derive(Deserialize)]
pub(super) struct Page<T> {
    pub value: Vec<T>,
    #[serde(rename = "@odata.nextLink")]
    pub next_link: Option<String>,
}

/// A group, a person, or another kind of thing that a list of the directory's objects may hold.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DirectoryObject {
    #[serde(rename = "@odata.type")]
    kind: Option<String>,
    id: String,
    display_name: Option<String>,
    mail: Option<String>,
    user_principal_name: Option<String>,
    account_enabled: Option<bool>,
}

impl DirectoryObject {
    /// The group, if it is one. What does not say what it is, is one: it was asked for groups.
    pub(super) fn into_group(self) -> Option<Group> {
        self.is("#microsoft.graph.group").then(|| Group {
            id: self.id,
            name: present(self.display_name),
        })
    }

    /// The person, if it is one.
    pub(super) fn into_member(self) -> Option<Member> {
        self.is("#microsoft.graph.user").then(|| Member {
            id: self.id,
            name: present(self.display_name),
            email: present(self.mail),
            user_name: present(self.user_principal_name),
            enabled: self.account_enabled,
        })
    }

    fn is(&self, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(kind))
    }
}

/// `appRoleAssignedTo`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AppRoleAssignment {
    principal_type: String,
    principal_id: String,
    principal_display_name: Option<String>,
    app_role_id: Option<String>,
}

impl FromIterator<AppRoleAssignment> for Assignments {
    fn from_iter<I: IntoIterator<Item = AppRoleAssignment>>(items: I) -> Self {
        let mut all = Self::default();
        for item in items {
            let assignment = Assignment {
                principal_id: item.principal_id,
                name: present(item.principal_display_name),
                app_role_id: present(item.app_role_id).filter(|role| role != DEFAULT_ACCESS),
            };
            match item.principal_type.as_str() {
                "Group" => all.groups.push(assignment),
                "User" => all.users.push(assignment),
                // Programs.
                _ => {}
            }
        }
        all
    }
}

/// The token endpoint.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub access_token: String,
    /// Seconds; some authorities write it as text.
    pub expires_in: serde_json::Value,
}

fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::{Assignments, Group};

    fn assignments(json: serde_json::Value) -> Assignments {
        let list: Vec<super::AppRoleAssignment> = serde_json::from_value(json).expect("assignments");
        list.into_iter().collect()
    }

    fn group(id: &str) -> Group {
        Group {
            id: id.to_owned(),
            name: Some(format!("own name of {id}")),
        }
    }

    #[test]
    fn e6_a_person_has_what_is_theirs_and_assigned() {
        let all = assignments(serde_json::json!([
            {"principalType": "Group", "principalId": "A", "principalDisplayName": "Assigned A", "appRoleId": "r1"},
            {"principalType": "Group", "principalId": "a", "principalDisplayName": "Assigned A", "appRoleId": "r2"},
            {"principalType": "Group", "principalId": "b", "principalDisplayName": "Assigned B", "appRoleId": "r3"},
            {"principalType": "Group", "principalId": "c", "appRoleId": "00000000-0000-0000-0000-000000000000"},
            {"principalType": "User", "principalId": "MAX", "appRoleId": "r4"},
            {"principalType": "User", "principalId": "nora", "appRoleId": "r5"},
            {"principalType": "ServicePrincipal", "principalId": "d", "appRoleId": "r6"},
        ]));
        let mine = || vec![group("a"), group("c"), group("d"), group("a")];
        let max = all.of_person(mine(), Some("max"));
        let seen: Vec<_> = (max.groups.iter())
            .map(|group| (group.id.as_str(), group.name.as_deref()))
            .collect();
        assert_eq!(seen, [("a", Some("Assigned A")), ("c", Some("own name of c"))]);
        assert_eq!(Vec::from_iter(max.app_roles), ["r1", "r2", "r4"]);
        // What others have, too: each group of the application gets a team (E2).
        let all_groups: Vec<_> = max
            .assigned
            .expect("an application")
            .into_iter()
            .map(|group| group.id)
            .collect();
        assert_eq!(all_groups, ["a", "b", "c"]);
        assert_eq!(Vec::from_iter(all.of_person(mine(), None).app_roles), ["r1", "r2"]);
    }
}
