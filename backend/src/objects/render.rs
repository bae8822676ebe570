//! What is, read from the tables of teams, people, memberships and keys: a spec in our words, and a status.

mod associations;
mod keys;
mod ready;
mod teams;
mod users;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use kubernetes::Kind;
pub(super) use ready::{Standing, conditions, deleting, waits};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};
use sqlx::PgConnection;
use uuid::Uuid;

use super::subject::{Ids, Subject};
use crate::Result;

/// What a subject is, now.
#[derive(Debug)]
pub(super) struct Truth {
    pub(super) kind: Kind,
    pub(super) organization: Uuid,
    pub(super) ids: Ids,
    /// The name of an object that nobody named.
    pub(super) name: String,
    pub(super) created_at: DateTime<Utc>,
    /// In our words; without what is empty.
    pub(super) spec: Map<String, Value>,
    /// Without conditions.
    pub(super) status: Map<String, Value>,
    /// What is true of it, `Ready` first.
    pub(super) standings: Vec<Standing>,
}

/// The truth of each of these that there is.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn truths(
    connection: &mut PgConnection,
    subjects: impl Iterator<Item = &Subject>,
) -> Result<BTreeMap<Subject, Truth>> {
    let (mut team_ids, mut key_ids) = (Vec::new(), Vec::new());
    let (mut people, mut pairs) = (Vec::new(), Vec::new());
    for subject in subjects {
        match *subject {
            Subject::Team(team) => team_ids.push(team),
            Subject::User { organization, user } => people.push((organization, user)),
            Subject::Member { team, user } => pairs.push((team, user)),
            Subject::Key(key) => key_ids.push(key),
            Subject::Waiting(_) => {}
        }
    }
    let mut truths = BTreeMap::new();
    teams::read(&mut *connection, &team_ids, &mut truths).await?;
    users::read(&mut *connection, &people, &mut truths).await?;
    associations::read(&mut *connection, &pairs, &mut truths).await?;
    keys::read(&mut *connection, &key_ids, &mut truths).await?;
    Ok(truths)
}

/// The reference that a manifest would make to an instance.
fn connection_ref(name: Option<&str>, namespace: Option<&str>) -> Value {
    let mut instance = Map::new();
    instance.insert("name".to_owned(), name.unwrap_or("litellm-example").into());
    instance.insert("namespace".to_owned(), namespace.unwrap_or("litellm").into());
    serde_json::json!({ "instanceRef": instance })
}

/// Puts what there is into a spec.
fn put(spec: &mut Map<String, Value>, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        spec.insert(field.to_owned(), value.into());
    }
}

/// A decimal as manifests write it: without zeros at its end.
fn decimal(amount: Decimal) -> String {
    amount.normalize().to_string()
}

/// What was spent, to a millionth of a dollar: sums of what LiteLLM counts in binary have long tails.
fn spent(amount: Decimal) -> String {
    decimal(amount.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero))
}

/// A list, or nothing when it is empty.
fn some(list: &[String]) -> Option<Vec<String>> {
    (!list.is_empty()).then(|| list.to_vec())
}

/// The part of an email address before the `@` as a name for an object.
pub(super) fn name_of(email: &str) -> String {
    let local = email.split('@').next().unwrap_or_default().to_lowercase();
    let mut name = String::with_capacity(local.len());
    for letter in local.chars() {
        match letter {
            'a'..='z' | '0'..='9' => name.push(letter),
            _ if name.ends_with('-') || name.is_empty() => {}
            _ => name.push('-'),
        }
    }
    let name: String = name.chars().take(100).collect();
    match name.trim_matches('-') {
        "" => "user".to_owned(),
        name => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{name_of, spent};

    #[test]
    fn what_was_spent_has_no_tail() {
        for (amount, shown) in [
            ("166.7450000000000003", "166.745"),
            ("0.0000005", "0.000001"),
            ("12.50", "12.5"),
            ("0", "0"),
        ] {
            assert_eq!(spent(amount.parse().unwrap()), shown);
        }
    }

    #[test]
    fn names_of_people_are_names_of_objects() {
        for (email, name) in [
            ("alice@example.com", "alice"),
            ("Ada.Lovelace+x@example.com", "ada-lovelace-x"),
            ("__@example.com", "user"),
            ("ümit@example.com", "mit"),
        ] {
            assert_eq!(name_of(email), name);
        }
    }
}
