//! Server-side apply: somebody says the fields that they want to own, and `metadata.managedFields` remembers who owns what.
//!
//! Lists are atomic, maps are not. A manager is a name and a way of writing: what `kubectl` applies and what `kubectl`
//! updates has two owners.

pub(crate) mod entries;
mod fields;
mod track;

use chrono::{DateTime, Utc};
use serde_json::Value;

pub use track::track;

use self::entries::{Entry, Operation};
use self::fields::Set;
use crate::{
    Cause, Failure, Kind, Object, Reason,
    decode::{self, Decoded, Validation},
    status, update,
};

/// Who applies what, and how.
#[derive(Debug, Clone, Copy)]
pub struct Applying<'a> {
    /// The kind in the path.
    pub kind: Kind,
    /// The namespace in the path.
    pub namespace: &'a str,
    /// The name in the path.
    pub name: &'a str,
    /// `fieldManager`.
    pub manager: &'a str,
    /// Whether fields that others own are taken from them.
    pub force: bool,
    /// What happens to unknown fields.
    pub validation: Validation,
    /// The time that is remembered.
    pub now: DateTime<Utc>,
}

/// The object with what was applied. Fields that this manager applied before and no longer does go, unless somebody else
/// owns them too. Without `current` the object is new.
pub fn apply(current: Option<&Object>, applied: &Value, by: &Applying<'_>) -> Result<Decoded, Failure> {
    if by.manager.is_empty() {
        let causes = vec![Cause::required("fieldManager", "is required for apply patch")];
        return Err(Failure::invalid(by.kind, by.name, causes));
    }
    let sent = decode::partial(by.kind, by.namespace, applied, by.validation)?;
    if sent.object.metadata.name != by.name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({})",
            sent.object.metadata.name, by.name
        )));
    }
    if !sent.object.metadata.managed_fields.is_empty() {
        return Err(Failure::bad_request("metadata.managedFields must be nil"));
    }
    match current {
        None => create(applied, by),
        Some(current) => merge(current, sent, by),
    }
}

fn create(applied: &Value, by: &Applying<'_>) -> Result<Decoded, Failure> {
    let mut decoded = decode::object(by.kind, by.namespace, applied, by.validation)?;
    let metadata = &decoded.object.metadata;
    if metadata.uid.is_some() || metadata.resource_version.is_some() {
        let why = "uid or resourceVersion was given, but there is no such object";
        return Err(Failure::conflict(by.kind, by.name, why));
    }
    let set = Set::of(&decoded.object.to_value());
    decoded.object.metadata.managed_fields =
        entries::write(vec![Entry::new(by.manager, Operation::Apply, by.now, set)]);
    Ok(decoded)
}

fn merge(current: &Object, sent: Decoded, by: &Applying<'_>) -> Result<Decoded, Failure> {
    let metadata = &sent.object.metadata;
    update::preconditions(current, metadata.uid.as_deref(), metadata.resource_version.as_deref())?;
    let wanted = sent.object.to_value();
    let wants = Set::of(&wanted);
    let live = current.to_value();
    let all = entries::read(&current.metadata.managed_fields).unwrap_or_default();
    let is_own = |entry: &Entry| entry.is(by.manager, Operation::Apply);
    let (own, mut others): (Vec<Entry>, Vec<Entry>) = all.into_iter().partition(is_own);

    let changes = |path: &fields::Path| match (fields::get(&live, path), fields::get(&wanted, path)) {
        // An empty map wants nothing of a map that has something in it.
        (Some(Value::Object(_)), Some(Value::Object(_))) => false,
        (is, wanted) => is != wanted,
    };
    let contested = wants.filter(changes);
    let conflicts: Vec<(String, String)> = (others.iter())
        .flat_map(|other| {
            other
                .set
                .both(&contested)
                .paths()
                .map(|path| (other.told(), path))
                .collect::<Vec<_>>()
        })
        .collect();
    if !conflicts.is_empty() && !by.force {
        return Err(conflict(current, &conflicts));
    }
    for other in &mut others {
        other.set = other.set.without(&contested);
    }

    let owned_before = own.iter().fold(Set::default(), |all, entry| all.and(&entry.set));
    let is_kept = |path: &fields::Path| wants.reaches(path) || others.iter().any(|other| other.set.reaches(path));
    let abandoned = owned_before.without(&wants).filter(|path| !is_kept(path));
    let mut merged = live.clone();
    for path in abandoned.iter() {
        fields::remove(&mut merged, path);
    }
    for path in wants.iter() {
        let is_there = fields::get(&merged, path).is_some();
        if let Some(value) = fields::get(&wanted, path).filter(|_| !is_there || contested.contains(path)) {
            fields::set(&mut merged, path, value.clone());
        }
    }

    let decoded = decode::object(by.kind, by.namespace, &merged, Validation::Ignore)?;
    let mut next = update::replace(current, &decoded.object)?;
    let same = update::change(current, &next) == update::Change::Nothing && owned_before == wants;
    let mut entry = Entry::new(by.manager, Operation::Apply, by.now, wants);
    if let (true, Some(own)) = (same, own.into_iter().next()) {
        entry.time = own.time;
    }
    others.push(entry);
    next.metadata.managed_fields = entries::write(others);
    Ok(Decoded {
        object: next,
        warnings: sent.warnings,
    })
}

/// 409 in Kubernetes' words.
fn conflict(current: &Object, conflicts: &[(String, String)]) -> Failure {
    let message = match conflicts {
        [(manager, path)] => format!("Apply failed with 1 conflict: conflict with {manager}: {path}"),
        many => {
            let mut managers: Vec<&String> = many.iter().map(|(manager, _)| manager).collect();
            managers.sort();
            managers.dedup();
            let one = |manager: &String| {
                let paths = many
                    .iter()
                    .filter(|(other, _)| other == manager)
                    .map(|(_, path)| format!("- {path}"));
                format!("conflicts with {manager}:\n{}", paths.collect::<Vec<_>>().join("\n"))
            };
            let lists: Vec<String> = managers.into_iter().map(one).collect();
            format!("Apply failed with {} conflicts: {}", many.len(), lists.join("\n"))
        }
    };
    let cause = |(manager, path): &(String, String)| Cause {
        reason: "FieldManagerConflict",
        field: path.clone(),
        message: format!("conflict with {manager}"),
    };
    let mut failure = Failure::new(Reason::Conflict, message).about(current.kind, &current.metadata.name);
    failure.causes = conflicts.iter().map(cause).collect();
    failure
}

fn written(now: DateTime<Utc>) -> String {
    status::time(now)
}

#[cfg(test)]
mod tests;
