//! Who owns what after a write that was no server-side apply.

use chrono::{DateTime, Utc};

use super::entries::{self, Entry, Operation};
use super::fields::{self, Set};
use crate::Object;

/// Keeps `managedFields` of an object that was created or changed: the fields that have another value than before belong
/// to the manager, and to nobody else. When no field has, nothing is touched: no owner and no time.
pub fn track(before: Option<&Object>, after: &mut Object, manager: &str, now: DateTime<Utc>) {
    let new = after.to_value();
    let is = Set::of(&new);
    let old = before.map(Object::to_value).unwrap_or_default();
    let was = Set::of(&old);
    let changed = is.filter(|path| fields::get(&old, path) != fields::get(&new, path));
    let gone = was.without(&is);
    if changed.is_empty() && gone.is_empty() {
        return;
    }
    let mut all = entries::read(&after.metadata.managed_fields).unwrap_or_default();
    for entry in &mut all {
        entry.set = entry.set.without(&changed).without(&gone);
    }
    match all.iter_mut().find(|entry| entry.is(manager, Operation::Update)) {
        Some(entry) => {
            entry.set = entry.set.and(&changed);
            entry.time = super::written(now);
        }
        None => all.push(Entry::new(manager, Operation::Update, now, changed)),
    }
    after.metadata.managed_fields = entries::write(all);
}
