//! Sets of fields, and their form in `fieldsV1`: `{"f:spec":{"f:role":{}}}`.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

pub(super) type Path = Vec<String>;

/// The leaves that somebody owns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set(BTreeSet<Path>);

impl Set {
    /// Everything in an object that can be owned: labels, annotations, finalizers and `spec`.
    pub fn of(object: &Value) -> Self {
        let mut set = BTreeSet::new();
        for root in [
            &["metadata", "labels"][..],
            &["metadata", "annotations"],
            &["metadata", "finalizers"],
            &["spec"],
        ] {
            let path: Path = root.iter().map(|&name| name.to_owned()).collect();
            if let Some(value) = get(object, &path) {
                leaves(value, path, &mut set);
            }
        }
        // An empty root says nothing.
        set.remove(&vec!["spec".to_owned()]);
        Self(set)
    }

    /// From `fieldsV1`; none if it has another shape.
    pub fn read(fields: &Value) -> Option<Self> {
        let mut set = BTreeSet::new();
        collect(fields.as_object()?, &mut Vec::new(), &mut set)?;
        Some(Self(set))
    }

    /// As `fieldsV1`.
    pub fn write(&self) -> Value {
        let mut root = Map::new();
        for path in &self.0 {
            let mut at = &mut root;
            for name in path {
                let next = at
                    .entry(format!("f:{name}"))
                    .or_insert_with(|| Value::Object(Map::new()));
                let Value::Object(next) = next else { break };
                at = next;
            }
        }
        Value::Object(root)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.iter()
    }

    /// As conflicts tell them: `.spec.role`.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.0.iter().map(|path| format!(".{}", path.join(".")))
    }

    pub fn filter(&self, keep: impl Fn(&Path) -> bool) -> Self {
        Self(self.0.iter().filter(|path| keep(path)).cloned().collect())
    }

    pub fn both(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.union(&other.0).cloned().collect())
    }

    pub fn without(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    pub fn contains(&self, path: &Path) -> bool {
        self.0.contains(path)
    }

    /// Whether something in the set is this field or is in it.
    pub fn reaches(&self, path: &Path) -> bool {
        self.0.iter().any(|own| own.starts_with(path))
    }
}

fn leaves(value: &Value, path: Path, set: &mut BTreeSet<Path>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (name, field) in fields {
                let mut path = path.clone();
                path.push(name.clone());
                leaves(field, path, set);
            }
        }
        _ => {
            set.insert(path);
        }
    }
}

/// `f:` are fields. `.` is the map itself, and `k:`, `v:` and `i:` are entries of lists, which are atomic here: each of
/// them stands for what it is in.
fn collect(fields: &Map<String, Value>, path: &mut Path, set: &mut BTreeSet<Path>) -> Option<()> {
    let mut inner = false;
    for (key, value) in fields {
        let value = value.as_object()?;
        if let Some(name) = key.strip_prefix("f:") {
            inner = true;
            path.push(name.to_owned());
            collect(value, path, set)?;
            path.pop();
        } else if key != "." && !["k:", "v:", "i:"].iter().any(|prefix| key.starts_with(prefix)) {
            return None;
        }
    }
    if !inner && !path.is_empty() {
        set.insert(path.clone());
    }
    Some(())
}

pub(super) fn get<'a>(value: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, name| value.as_object()?.get(name))
}

/// Sets a field, and makes the maps that it is in.
pub(super) fn set(value: &mut Value, path: &[String], to: Value) {
    let Some((name, rest)) = path.split_first() else {
        *value = to;
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    if let Value::Object(fields) = value {
        set(fields.entry(name.clone()).or_insert(Value::Null), rest, to);
    }
}

/// Removes a field, and the maps that are empty without it.
pub(super) fn remove(value: &mut Value, path: &[String]) {
    let (Some((name, rest)), Value::Object(fields)) = (path.split_first(), value) else {
        return;
    };
    if !rest.is_empty() {
        let Some(inner) = fields.get_mut(name) else { return };
        remove(inner, rest);
        if inner.as_object().is_none_or(|inner| !inner.is_empty()) {
            return;
        }
    }
    fields.remove(name);
}
