//! What the simulated directory knows.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

use serde::Serialize;

use super::faults::Fault;
use super::{GraphOptions, directory_id};

/// Somebody in the directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedPerson {
    /// The directory's lasting id (`oid`).
    pub id: String,
    /// Their address, which they also sign in with.
    pub email: String,
    /// Their full name.
    pub name: String,
    /// Whether they may sign in.
    pub enabled: bool,
    /// A directory role of theirs, which is in the list of what they are a member of.
    pub directory_role: Option<String>,
}

impl SimulatedPerson {
    /// Somebody whose id is derived from their address.
    pub fn new(email: &str, name: &str) -> Self {
        Self {
            id: directory_id(email),
            email: email.to_owned(),
            name: name.to_owned(),
            enabled: true,
            directory_role: None,
        }
    }
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedGroup {
    /// The directory's lasting id.
    pub id: String,
    /// Its display name.
    pub name: String,
    /// Ids of the people and the groups in it.
    pub members: BTreeSet<String>,
}

impl SimulatedGroup {
    /// A group with these people (by id or address) or groups (by id) in it.
    pub fn new(id: &str, name: &str, members: &[&str]) -> Self {
        let id_of = |member: &&str| {
            if member.contains('@') {
                directory_id(member)
            } else {
                (*member).to_owned()
            }
        };
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            members: members.iter().map(id_of).collect(),
        }
    }
}

/// A group or person that is assigned to the application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SimulatedAssignment {
    /// The group or person.
    pub principal_id: String,
    /// The role; none for plain access.
    pub app_role_id: Option<String>,
}

pub(super) struct Shared {
    pub options: GraphOptions,
    pub url: Mutex<String>,
    pub faults: Mutex<Vec<Fault>>,
    state: Mutex<State>,
}

pub(super) struct State {
    pub people: BTreeMap<String, SimulatedPerson>,
    pub groups: BTreeMap<String, SimulatedGroup>,
    pub assignments: Vec<SimulatedAssignment>,
    pub people_read_assignments: bool,
    /// And when they end.
    pub app_tokens: HashMap<String, Instant>,
    /// Those that were made here, with whose they are.
    access_tokens: HashMap<String, String>,
    pub calls: BTreeMap<String, u64>,
}

impl Shared {
    pub(super) fn new(options: GraphOptions) -> Self {
        let mut state = State {
            people: BTreeMap::new(),
            groups: BTreeMap::new(),
            assignments: Vec::new(),
            people_read_assignments: true,
            app_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            calls: BTreeMap::new(),
        };
        for person in &options.people {
            state.put_person(person.clone());
        }
        for group in &options.groups {
            state.groups.insert(group.id.clone(), group.clone());
        }
        for principal in &options.assigned {
            state.assign(principal, None);
        }
        Self {
            options,
            url: Mutex::default(),
            faults: Mutex::default(),
            state: Mutex::new(state),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("not poisoned")
    }

    /// Whose access token that is: an id. Somebody who may not sign in has none.
    pub(super) fn person_of(&self, token: &str) -> Option<String> {
        // Without our lock: whoever is asked may take theirs.
        let told = self.options.who.as_ref().and_then(|who| who(token));
        let state = self.state();
        let who = state.access_tokens.get(token).cloned().or(told)?;
        let person = state.people.get(&state.id_of(&who)?)?;
        person.enabled.then(|| person.id.clone())
    }
}

impl State {
    /// The id of somebody known by id or address.
    pub(super) fn id_of(&self, person: &str) -> Option<String> {
        if self.people.contains_key(person) {
            return Some(person.to_owned());
        }
        let mut people = self.people.values();
        let found = people.find(|known| known.email.eq_ignore_ascii_case(person))?;
        Some(found.id.clone())
    }

    pub(super) fn person_mut(&mut self, person: &str) -> Option<&mut SimulatedPerson> {
        let id = self.id_of(person)?;
        self.people.get_mut(&id)
    }

    pub(super) fn put_person(&mut self, person: SimulatedPerson) {
        self.people.insert(person.id.clone(), person);
    }

    pub(super) fn put_group(&mut self, id: &str, name: &str) {
        let fresh = || SimulatedGroup::new(id, "", &[]);
        let group = self.groups.entry(id.to_owned()).or_insert_with(fresh);
        name.clone_into(&mut group.name);
    }

    /// A person or a group is deleted: from every group and from the application, too.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        let id = self.id_of(id).unwrap_or_else(|| id.to_owned());
        for group in self.groups.values_mut() {
            group.members.remove(&id);
        }
        self.unassign(&id);
        self.people.remove(&id).is_some() | self.groups.remove(&id).is_some()
    }

    pub(super) fn add_member(&mut self, group: &str, member: &str) -> bool {
        let member = self.id_of(member).unwrap_or_else(|| member.to_owned());
        let known = self.people.contains_key(&member) || self.groups.contains_key(&member);
        let group = self.groups.get_mut(group).filter(|_| known);
        group.map(|group| group.members.insert(member)).is_some()
    }

    pub(super) fn remove_member(&mut self, group: &str, member: &str) -> bool {
        let member = self.id_of(member).unwrap_or_else(|| member.to_owned());
        let group = self.groups.get_mut(group);
        group.is_some_and(|group| group.members.remove(&member))
    }

    pub(super) fn assign(&mut self, principal: &str, app_role_id: Option<&str>) {
        let assignment = SimulatedAssignment {
            principal_id: self.id_of(principal).unwrap_or_else(|| principal.to_owned()),
            app_role_id: app_role_id.map(str::to_owned),
        };
        if !self.assignments.contains(&assignment) {
            self.assignments.push(assignment);
        }
    }

    pub(super) fn unassign(&mut self, principal: &str) -> bool {
        let id = self.id_of(principal).unwrap_or_else(|| principal.to_owned());
        let before = self.assignments.len();
        self.assignments.retain(|assignment| assignment.principal_id != id);
        self.assignments.len() < before
    }

    pub(super) fn access_token_of(&mut self, person: &str) -> String {
        let token = crate::random_text();
        self.access_tokens.insert(token.clone(), person.to_owned());
        token
    }

    /// The groups that have the person or group in them, directly or also by groups in between.
    pub(super) fn groups_with(&self, id: &str, transitive: bool) -> BTreeSet<String> {
        let direct = |id: &str| -> Vec<&String> {
            let with = self.groups.values().filter(|group| group.members.contains(id));
            with.map(|group| &group.id).collect()
        };
        spread(direct(id), transitive, direct)
    }

    /// Who and what is in a group, directly or also by the groups in it.
    pub(super) fn members_of(&self, group: &SimulatedGroup, transitive: bool) -> BTreeSet<String> {
        let direct = |id: &str| -> Vec<&String> {
            let group = self.groups.get(id);
            group.into_iter().flat_map(|group| &group.members).collect()
        };
        spread(direct(&group.id), transitive, direct)
    }
}

/// Everything that is reached from `first`; groups may contain each other in circles.
fn spread<'a>(first: Vec<&'a String>, transitive: bool, next: impl Fn(&str) -> Vec<&'a String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut ahead = first;
    while let Some(id) = ahead.pop() {
        if found.insert(id.clone()) && transitive {
            ahead.extend(next(id));
        }
    }
    found
}
