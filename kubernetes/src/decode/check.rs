//! Rules of values that need no database. What needs one, or what the domain says of names and emails, is checked behind.

use serde_json::{Map, Value};

use crate::{Cause, Kind, Object, lifetime};

/// What somebody may write; `user` is LiteLLM's word for a member.
const ROLES: [&str; 3] = ["admin", "member", "user"];
const USER_ROLES: [&str; 6] = [
    "proxy_admin",
    "proxy_admin_viewer",
    "internal_user",
    "internal_user_viewer",
    "team",
    "customer",
];
const DECIMALS: [&str; 4] = ["maxBudget", "softBudget", "spend", "maxBudgetInTeam"];
const LIMITS: [&str; 3] = ["rpmLimit", "tpmLimit", "maxParallelRequests"];
const MODEL_LIMITS: [&str; 2] = ["modelRPMLimit", "modelTPMLimit"];
const REFERENCES: [&str; 2] = ["teamRef", "userRef"];

/// What is wrong with the values of an object's `spec`.
pub fn check(object: &Object) -> Vec<Cause> {
    let spec = &object.spec;
    let mut causes = Vec::new();
    connection(spec, &mut causes);
    match object.kind {
        Kind::Team => filled(spec, &["teamAlias"], &mut causes),
        Kind::User => {
            filled(spec, &["userEmail"], &mut causes);
            if let Some(role) = spec.get("userRole").filter(|role| !is_one_of(role, &USER_ROLES)) {
                causes.push(Cause::unsupported("spec.userRole", role, &USER_ROLES));
            }
        }
        Kind::TeamMemberAssociation => association(spec, &mut causes),
        Kind::VirtualKey => {
            filled(spec, &["keyAlias"], &mut causes);
            if spec.contains_key("key") {
                let rule = "Guildhall makes keys; their secrets are shown once to their owner";
                causes.push(Cause::forbidden("spec.key", rule));
            }
        }
    }
    numbers(spec, &mut causes);
    causes
}

/// Exactly one way to LiteLLM, with a name.
fn connection(spec: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let path = "spec.connectionRef";
    let Some(Value::Object(reference)) = spec.get("connectionRef") else {
        return;
    };
    match (reference.get("instanceRef"), reference.get("secretRef")) {
        (None, None) => causes.push(Cause::required(
            path,
            "exactly one of instanceRef and secretRef must be set",
        )),
        (Some(_), Some(_)) => {
            let both = Value::Object(reference.clone());
            causes.push(Cause::invalid(
                path,
                &both,
                "exactly one of instanceRef and secretRef must be set, not both",
            ));
        }
        _ => {}
    }
    for way in ["instanceRef", "secretRef"] {
        named(reference.get(way), &format!("{path}.{way}"), causes);
    }
}

fn association(spec: &Map<String, Value>, causes: &mut Vec<Cause>) {
    if let Some(role) = spec.get("role").filter(|role| !is_one_of(role, &ROLES)) {
        let mut cause = Cause::unsupported("spec.role", role, &ROLES[..2]);
        cause.message.push_str(" (\"user\" is accepted and means \"member\")");
        causes.push(cause);
    }
    let is_set = |name: &str| spec.get(name).is_some_and(|value| value != "");
    for (alias, reference) in [("teamAlias", "teamRef"), ("userEmail", "userRef")] {
        if !is_set(alias) && !is_set(reference) {
            causes.push(Cause::required(
                format!("spec.{alias}"),
                &format!("{alias} or {reference} must be set"),
            ));
        }
    }
    for reference in REFERENCES {
        named(spec.get(reference), &format!("spec.{reference}"), causes);
    }
}

/// A reference's name is there by its type; an empty one says nothing.
fn named(reference: Option<&Value>, path: &str, causes: &mut Vec<Cause>) {
    if reference.is_some_and(|reference| reference["name"] == "") {
        causes.push(Cause::required(format!("{path}.name"), "must not be empty"));
    }
}

fn filled(spec: &Map<String, Value>, names: &[&str], causes: &mut Vec<Cause>) {
    for name in names {
        if spec
            .get(*name)
            .and_then(Value::as_str)
            .is_some_and(|text| text.trim().is_empty())
        {
            causes.push(Cause::required(format!("spec.{name}"), "must not be empty"));
        }
    }
}

fn numbers(spec: &Map<String, Value>, causes: &mut Vec<Cause>) {
    let text = |name: &str| spec.get(name).and_then(Value::as_str).map(str::to_owned);
    for name in DECIMALS {
        causes.extend(text(name).and_then(|text| decimal(&format!("spec.{name}"), &text)));
    }
    if let Some(period) = text("budgetDuration").filter(|text| !is_period(text)) {
        let rule = "must be a whole number and one of s, m, h, d, mo: 30s, 30m, 30h, 30d or 1mo";
        causes.push(Cause::invalid("spec.budgetDuration", &period.into(), rule));
    }
    causes.extend(text("duration").and_then(|text| lifetime(&text).err()));
    for name in LIMITS {
        causes.extend(spec.get(name).and_then(|value| limit(&format!("spec.{name}"), value)));
    }
    for (model, value) in spec
        .get("modelMaxBudget")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        causes.extend(
            value
                .as_str()
                .and_then(|text| decimal(&format!("spec.modelMaxBudget.{model}"), text)),
        );
    }
    for name in MODEL_LIMITS {
        for (model, value) in spec.get(name).and_then(Value::as_object).into_iter().flatten() {
            causes.extend(limit(&format!("spec.{name}.{model}"), value));
        }
    }
}

/// Digits, and perhaps a point and more digits: no sign, no exponent, no thousands.
fn decimal(path: &str, text: &str) -> Option<Cause> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(part) && text.len() <= 28 {
        return None;
    }
    Some(Cause::invalid(
        path,
        &text.into(),
        "must be a decimal of 0 or more, such as 100 or 0.5, in quotes",
    ))
}

/// A number of 0 or more; a User's limits of single models are written as text.
fn limit(path: &str, value: &Value) -> Option<Cause> {
    let number = match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    };
    match number {
        Some(0..) => None,
        Some(_) => Some(Cause::invalid(path, value, "must be greater than or equal to 0")),
        None => Some(Cause::invalid(path, value, "must be a whole number")),
    }
}

/// Whether it is how long a budget lasts until it begins anew.
fn is_period(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    matches!(unit, "s" | "m" | "h" | "d" | "mo")
        && number.len() <= 9
        && number.parse().is_ok_and(|number: u32| number > 0)
}

fn is_one_of(value: &Value, words: &[&str]) -> bool {
    value.as_str().is_some_and(|word| words.contains(&word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Meta;

    fn of(kind: Kind, spec: &Value) -> Vec<String> {
        let spec = spec.as_object().unwrap().clone();
        let object = Object {
            kind,
            metadata: Meta::default(),
            spec,
            status: Map::new(),
        };
        check(&object)
            .into_iter()
            .map(|cause| format!("{}: {}", cause.field, cause.message))
            .collect()
    }

    fn instance() -> Value {
        json!({ "instanceRef": { "name": "main" } })
    }

    #[test]
    fn a2_roles_are_admin_member_and_litellms_user() {
        for role in ["admin", "member", "user"] {
            let spec =
                json!({ "connectionRef": instance(), "role": role, "teamAlias": "t", "userRef": { "name": "u" } });
            assert!(of(Kind::TeamMemberAssociation, &spec).is_empty());
        }
        let spec = json!({ "connectionRef": instance(), "role": "owner", "teamRef": { "name": "t" } });
        assert_eq!(
            of(Kind::TeamMemberAssociation, &spec),
            [
                "spec.role: Unsupported value: \"owner\": supported values: \"admin\", \"member\" \
                 (\"user\" is accepted and means \"member\")",
                "spec.userEmail: Required value: userEmail or userRef must be set",
            ]
        );
    }

    #[test]
    fn a1_a_connection_is_an_instance_or_a_secret() {
        let team = |connection: Value| {
            of(
                Kind::Team,
                &json!({ "connectionRef": connection, "teamAlias": "Backend" }),
            )
        };
        assert!(team(json!({ "secretRef": { "name": "s" } })).is_empty());
        assert!(team(json!({}))[0].starts_with("spec.connectionRef: Required value"));
        assert!(team(json!({ "secretRef": { "name": "s" }, "instanceRef": { "name": "i" } }))[0].contains("not both"));
        assert!(team(json!({ "instanceRef": { "name": "" } }))[0].starts_with("spec.connectionRef.instanceRef.name"));
    }

    #[test]
    fn a10_budgets_durations_and_limits() {
        let team = |field: &str, value: Value| {
            of(
                Kind::Team,
                &json!({ "connectionRef": instance(), "teamAlias": "Backend", field: value }),
            )
        };
        for good in ["0", "100", "100.50", "0.000001"] {
            assert!(team("maxBudget", json!(good)).is_empty(), "{good}");
        }
        for bad in [
            "",
            "-1",
            "1e3",
            "1,000",
            ".5",
            "5.",
            "NaN",
            "+1",
            "12345678901234567890123456789",
        ] {
            assert_eq!(team("maxBudget", json!(bad)).len(), 1, "{bad}");
        }
        for good in ["30s", "30m", "30h", "30d", "1mo"] {
            assert!(team("budgetDuration", json!(good)).is_empty(), "{good}");
        }
        for bad in ["", "30", "d", "0d", "1y", "1.5h", "-1d", "30 d", "9999999999s"] {
            assert_eq!(team("budgetDuration", json!(bad)).len(), 1, "{bad}");
        }
        let key = |duration: &str| {
            let spec = json!({ "connectionRef": instance(), "keyAlias": "ci", "duration": duration });
            of(Kind::VirtualKey, &spec)
        };
        assert!(key("30d").is_empty());
        assert_eq!(
            key("1mo"),
            [
                "spec.duration: Invalid value: \"1mo\": must be a whole number and one of s, m, h, d: 30s, 30m, 30h or 30d; \
              at most 36500d"
            ]
        );
        assert!(team("rpmLimit", json!(0)).is_empty());
        assert!(team("tpmLimit", json!(-1))[0].ends_with("must be greater than or equal to 0"));
        let user = json!({ "connectionRef": instance(), "userEmail": "a@b.c", "modelRPMLimit": { "gpt-4": "ten" },
            "modelMaxBudget": { "gpt-4": "-1" }, "userRole": "king" });
        let causes = of(Kind::User, &user);
        assert!(
            causes[0].starts_with("spec.userRole: Unsupported value: \"king\""),
            "{causes:?}"
        );
        assert!(causes[1].starts_with("spec.modelMaxBudget.gpt-4: "), "{causes:?}");
        assert!(causes[2].starts_with("spec.modelRPMLimit.gpt-4: "), "{causes:?}");
    }

    #[test]
    fn a12_keys_are_made_here() {
        let spec = json!({ "connectionRef": instance(), "keyAlias": "ci", "key": "sk-1" });
        let causes = of(Kind::VirtualKey, &spec);
        assert_eq!(causes.len(), 1);
        assert!(causes[0].starts_with("spec.key: Forbidden: Guildhall makes keys"));
        assert!(!causes[0].contains("sk-1"));
    }
}
