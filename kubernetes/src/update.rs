//! PUT: the new object in the place of the one that is there.

use crate::{Cause, Failure, Meta, Object};

/// What clients wait for before they read again and retry.
const MODIFIED: &str = "the object has been modified; please apply your changes to the latest version and try again";

/// How much a write changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Nothing: `resourceVersion` stays, and kubectl prints `(no change)` or `unchanged`.
    Nothing,
    /// Metadata only: `resourceVersion` is another one, `generation` stays.
    Metadata,
    /// What is wanted: `generation` goes up.
    Spec,
}

/// What would change. Versions and times of the server's own count as nothing.
pub fn change(before: &Object, after: &Object) -> Change {
    if before.spec != after.spec {
        return Change::Spec;
    }
    let said = |meta: &Meta| {
        let Meta {
            labels,
            annotations,
            finalizers,
            managed_fields,
            deletion_timestamp,
            ..
        } = meta.clone();
        (labels, annotations, finalizers, managed_fields, deletion_timestamp)
    };
    if said(&before.metadata) == said(&after.metadata) {
        Change::Nothing
    } else {
        Change::Metadata
    }
}

/// The new object with what only the server says: uid, versions, times and status are the current one's.
pub fn replace(current: &Object, new: &Object) -> Result<Object, Failure> {
    let name = &current.metadata.name;
    if new.metadata.name != *name {
        return Err(Failure::bad_request(format!(
            "the name of the object ({}) does not match the name on the URL ({name})",
            new.metadata.name
        )));
    }
    preconditions(
        current,
        new.metadata.uid.as_deref(),
        new.metadata.resource_version.as_deref(),
    )?;
    let now = &current.metadata;
    if now.deletion_timestamp.is_some() {
        let added = new
            .metadata
            .finalizers
            .iter()
            .find(|finalizer| !now.finalizers.contains(finalizer));
        if let Some(added) = added {
            let rule = format!("no new finalizers can be added if the object is being deleted, found {added:?}");
            return Err(Failure::invalid(
                current.kind,
                name,
                vec![Cause::forbidden("metadata.finalizers", &rule)],
            ));
        }
    }
    let mut next = new.clone();
    next.kind = current.kind;
    next.status = current.status.clone();
    next.metadata = Meta {
        labels: new.metadata.labels.clone(),
        annotations: new.metadata.annotations.clone(),
        finalizers: new.metadata.finalizers.clone(),
        managed_fields: managed_fields(current, new),
        ..current.metadata.clone()
    };
    Ok(next)
}

/// Refuses (409) when somebody means another object than this one, or another version of it.
pub fn preconditions(current: &Object, uid: Option<&str>, resource_version: Option<&str>) -> Result<(), Failure> {
    let (kind, name, now) = (current.kind, &current.metadata.name, &current.metadata);
    if let Some(uid) = uid.filter(|uid| Some(*uid) != now.uid.as_deref()) {
        let why = format!(
            "Precondition failed: UID in precondition: {uid}, UID in object meta: {}",
            now.uid.as_deref().unwrap_or_default()
        );
        return Err(Failure::conflict(kind, name, &why));
    }
    // 0 and nothing mean any version.
    match resource_version {
        None | Some("" | "0") => Ok(()),
        version if version == now.resource_version.as_deref() => Ok(()),
        Some(_) => Err(Failure::conflict(kind, name, MODIFIED)),
    }
}

/// Who wrote which fields: what was sent, if it can be read. One empty entry forgets all, as in Kubernetes; none at all
/// is somebody who does not know of it.
fn managed_fields(current: &Object, new: &Object) -> Vec<serde_json::Value> {
    let sent = &new.metadata.managed_fields;
    let resets = matches!(sent.as_slice(), [one] if one.as_object().is_some_and(serde_json::Map::is_empty));
    if resets {
        return Vec::new();
    }
    if sent.is_empty() || crate::apply::entries::read(sent).is_none() {
        return current.metadata.managed_fields.clone();
    }
    sent.clone()
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;
    use crate::{Kind, Reason};

    fn current() -> Object {
        let metadata = Meta {
            name: "backend".to_owned(),
            namespace: "acme".to_owned(),
            uid: Some("u-1".to_owned()),
            resource_version: Some("7".to_owned()),
            generation: Some(2),
            managed_fields: vec![entry()],
            ..Meta::default()
        };
        let spec = json!({ "teamAlias": "Backend" }).as_object().unwrap().clone();
        let status = json!({ "spend": "1" }).as_object().unwrap().clone();
        Object {
            kind: Kind::Team,
            metadata,
            spec,
            status,
        }
    }

    fn entry() -> serde_json::Value {
        json!({ "manager": "kubectl-create", "operation": "Update", "apiVersion": "auth.litellm.ai/v1alpha1",
            "time": "2026-01-01T00:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": { "f:spec": { "f:teamAlias": {} } } })
    }

    fn sent() -> Object {
        let mut new = current();
        new.metadata = Meta {
            name: "backend".to_owned(),
            namespace: "acme".to_owned(),
            ..Meta::default()
        };
        new.metadata.labels.insert("a".to_owned(), "b".to_owned());
        new.status = Map::new();
        new
    }

    #[test]
    fn what_only_the_server_says_stays() {
        let mut new = sent();
        new.metadata.generation = Some(99);
        let next = replace(&current(), &new).unwrap();
        assert_eq!(next.metadata.uid.as_deref(), Some("u-1"));
        assert_eq!(next.metadata.generation, Some(2));
        assert_eq!(next.metadata.managed_fields, [entry()]);
        assert_eq!(next.metadata.labels.len(), 1);
        assert_eq!(next.status["spend"], "1");
        assert_eq!(change(&current(), &next), Change::Metadata);
    }

    #[test]
    fn a_stale_version_or_another_uid_is_409() {
        let mut new = sent();
        new.metadata.resource_version = Some("6".to_owned());
        let failure = replace(&current(), &new).unwrap_err();
        assert_eq!(
            failure.message,
            "Operation cannot be fulfilled on teams.auth.litellm.ai \"backend\": the object has been modified; please apply \
             your changes to the latest version and try again"
        );
        assert_eq!(failure.reason, Reason::Conflict);
        new.metadata.resource_version = Some("7".to_owned());
        assert!(replace(&current(), &new).is_ok());
        new.metadata.uid = Some("u-2".to_owned());
        assert_eq!(replace(&current(), &new).unwrap_err().reason, Reason::Conflict);
        new.metadata.name = "other".to_owned();
        assert_eq!(replace(&current(), &new).unwrap_err().reason, Reason::BadRequest);
    }

    #[test]
    fn managed_fields_are_taken_if_they_can_be_read() {
        let mut new = sent();
        new.metadata.managed_fields = vec![json!({})];
        assert!(replace(&current(), &new).unwrap().metadata.managed_fields.is_empty());
        new.metadata.managed_fields = vec![json!({ "manager": "x", "operation": "Guess" })];
        assert_eq!(replace(&current(), &new).unwrap().metadata.managed_fields, [entry()]);
    }

    #[test]
    fn what_is_being_deleted_gets_no_new_finalizers() {
        let mut current = current();
        current.metadata.deletion_timestamp = Some(chrono::DateTime::UNIX_EPOCH);
        current.metadata.finalizers = vec!["a/b".to_owned()];
        let mut new = sent();
        assert!(replace(&current, &new).unwrap().metadata.finalizers.is_empty());
        new.metadata.finalizers = vec!["c/d".to_owned()];
        assert_eq!(replace(&current, &new).unwrap_err().reason, Reason::Invalid);
    }

    #[test]
    fn nothing_is_nothing() {
        let mut same = current();
        same.metadata.resource_version = None;
        same.metadata.generation = None;
        assert_eq!(change(&current(), &same), Change::Nothing);
        same.spec.insert("blocked".to_owned(), true.into());
        assert_eq!(change(&current(), &same), Change::Spec);
    }
}
