//! The words that somebody wrote stay as long as they mean what is true: else repeated `kubectl apply` never settles
//! (SPEC A2).

use kubernetes::Kind;
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// The fields of a kind that Guildhall keeps itself; all others are shown as they were written.
pub(super) const fn kept(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Team => &[
            "connectionRef",
            "teamAlias",
            "models",
            "maxBudget",
            "budgetDuration",
            "rpmLimit",
            "tpmLimit",
            "blocked",
        ],
        Kind::User => &[
            "connectionRef",
            "userEmail",
            "userAlias",
            "userRole",
            "maxBudget",
            "rpmLimit",
            "tpmLimit",
        ],
        Kind::TeamMemberAssociation => &["connectionRef", "role", "teamAlias", "userEmail", "maxBudgetInTeam"],
        Kind::VirtualKey => &[
            "connectionRef",
            "keyAlias",
            "userID",
            "teamID",
            "models",
            "maxBudget",
            "softBudget",
            "budgetDuration",
            "rpmLimit",
            "tpmLimit",
            "tags",
        ],
    }
}

/// Fields of which one names the same thing as another, or that have a default: where they were not written they are not
/// shown.
const OPTIONAL: [&str; 4] = ["teamAlias", "userEmail", "userID", "teamID"];

/// What is shown of a declared object: the written words where they are true, the truth elsewhere.
pub(super) fn keep(kind: Kind, written: &Map<String, Value>, truth: &Map<String, Value>) -> Map<String, Value> {
    let mut shown = written.clone();
    for field in kept(kind) {
        match (written.get(*field), truth.get(*field)) {
            (Some(words), truth) if means_same(field, words, truth) => {}
            (None, Some(_)) if OPTIONAL.contains(field) => {}
            (_, Some(truth)) => {
                shown.insert((*field).to_owned(), truth.clone());
            }
            (Some(_), None) => {
                shown.remove(*field);
            }
            (None, None) => {}
        }
    }
    shown
}

/// Whether written words mean what is there. What is not there is empty.
fn means_same(field: &str, words: &Value, truth: Option<&Value>) -> bool {
    if Some(words) == truth {
        return true;
    }
    let Some(truth) = truth else {
        return match words {
            Value::Null => true,
            Value::Array(list) => list.is_empty(),
            Value::Bool(is) => !is,
            Value::String(text) => text.is_empty(),
            _ => false,
        };
    };
    match (field, words, truth) {
        ("maxBudget" | "softBudget" | "maxBudgetInTeam", Value::String(words), Value::String(truth)) => {
            let amounts = (words.trim().parse::<Decimal>(), truth.parse::<Decimal>());
            matches!(amounts, (Ok(words), Ok(truth)) if words == truth)
        }
        // LiteLLM's word for a member.
        ("role", Value::String(words), Value::String(truth)) => words == "user" && truth == "member",
        ("userEmail" | "userID", Value::String(words), Value::String(truth)) => {
            words.trim().eq_ignore_ascii_case(truth) || uuid::Uuid::try_parse(words).is_ok()
        }
        // A team by its name, slug or id; which one it is cannot change.
        ("teamID", ..) => true,
        ("teamAlias", Value::String(words), Value::String(truth)) => {
            words.trim() == truth || domain::Slug::from_name(truth).is_some_and(|slug| slug.as_str() == words)
        }
        ("models" | "tags", Value::Array(words), Value::Array(truth)) => {
            let mut sorted = [words.clone(), truth.clone()];
            for list in &mut sorted {
                list.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                list.dedup();
            }
            sorted[0] == sorted[1]
        }
        ("connectionRef", words, truth) => instance(words).is_some() && instance(words) == instance(truth),
        ("userAlias", Value::String(words), Value::String(truth)) => words.trim() == truth,
        _ => false,
    }
}

/// The name of the instance that a reference means.
fn instance(reference: &Value) -> Option<&str> {
    reference.get("instanceRef")?.get("name")?.as_str()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => Map::new(),
        }
    }

    #[test]
    fn a2_written_words_stay_while_they_are_true() {
        let written = map(
            json!({"role": "user", "teamAlias": "ai-team", "userEmail": "Alice@example.com", "maxBudgetInTeam": "10.00"}),
        );
        let truth = map(
            json!({"role": "member", "teamAlias": "AI team", "userEmail": "alice@example.com", "maxBudgetInTeam": "10"}),
        );
        assert_eq!(keep(Kind::TeamMemberAssociation, &written, &truth), written);
        let truth = map(json!({"role": "admin", "teamAlias": "AI team", "userEmail": "alice@example.com"}));
        let shown = keep(Kind::TeamMemberAssociation, &written, &truth);
        assert_eq!(shown["role"], "admin");
        assert_eq!(shown.get("maxBudgetInTeam"), None);
    }

    #[test]
    fn what_was_not_written_shows_when_it_is_there_and_what_is_not_ours_is_left_alone() {
        let written = map(json!({"teamAlias": "a", "models": ["b", "a"], "blocked": false, "guardrails": ["pii"]}));
        let truth = map(json!({"teamAlias": "a", "models": ["a", "b"], "maxBudget": "5"}));
        let shown = keep(Kind::Team, &written, &truth);
        assert_eq!(shown["models"], json!(["b", "a"]));
        assert_eq!(shown["maxBudget"], "5");
        assert_eq!(shown["guardrails"], json!(["pii"]));
        assert_eq!(shown["blocked"], false);
    }

    #[test]
    fn a_membership_named_by_refs_gets_no_second_name() {
        let written = map(json!({"role": "admin", "teamRef": {"name": "a"}, "userRef": {"name": "b"}}));
        let truth =
            map(json!({"role": "admin", "teamAlias": "A", "userEmail": "b@example.com", "teamRef": {"name": "a"}}));
        assert_eq!(keep(Kind::TeamMemberAssociation, &written, &truth), written);
    }
}
