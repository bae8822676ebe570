//! Requests: to join a team, and for what a team's people may not change themselves (SPEC B31, C15, P).

use std::{fmt, str::FromStr};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    BudgetDuration, Fields, Grant, Invalid, Label, LabelPattern, LabelPolicy, Limits, Money, Permission, Refusal,
    Standing, TeamRole, lower, parse_count, parse_models,
};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestKind {
    /// To become a member.
    Join,
    /// Another runner quota.
    Quota,
    /// Another budget, or other rates.
    Budget,
    /// Another label policy.
    Labels,
    /// A service of the organization's catalogue.
    Service,
    /// An AI model.
    Model,
}

impl RequestKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Join,
        Self::Quota,
        Self::Budget,
        Self::Labels,
        Self::Service,
        Self::Model,
    ];

    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Quota => "quota",
            Self::Budget => "budget",
            Self::Labels => "labels",
            Self::Service => "service",
            Self::Model => "model",
        }
    }

    /// What people call it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Join => "Join the team",
            Self::Quota => "Runner quota",
            Self::Budget => "Budget and rates",
            Self::Labels => "Label policy",
            Self::Service => "Service",
            Self::Model => "Model",
        }
    }
}

impl FromStr for RequestKind {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| Invalid::new("kind", "must be join, quota, budget, labels, service or model"))
    }
}

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Nobody has decided it.
    Pending,
    /// The change was made.
    Approved,
    /// It was refused, with a reason.
    Denied,
    /// Its requester took it back.
    Withdrawn,
}

impl RequestState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Approved, Self::Denied, Self::Withdrawn];

    /// The word that the database and the API use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The word of C15, which calls an approved model active.
    pub fn status(self) -> &'static str {
        match self {
            Self::Approved => "active",
            other => other.as_str(),
        }
    }
}

impl FromStr for RequestState {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Invalid::new("state", "must be pending, approved, denied or withdrawn"))
    }
}

/// What is asked for, by kind. A field that is none stays as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestValue {
    /// As what to join.
    Join(TeamRole),
    /// Most runners at a time.
    Quota(i32),
    /// What the team may spend and how fast.
    Budget {
        /// Budget for one period.
        max_budget: Option<Money>,
        /// The period.
        budget_duration: Option<BudgetDuration>,
        /// Tokens per minute.
        tpm_limit: Option<i64>,
        /// Requests per minute.
        rpm_limit: Option<i64>,
    },
    /// The label policy as it shall be.
    Labels {
        /// Labels on every runner.
        required: Option<Vec<Label>>,
        /// Patterns for further labels.
        optional: Option<Vec<LabelPattern>>,
    },
    /// A service, by name.
    Service(String),
    /// A model, by name.
    Model(String),
}

const VALUE: &str = "value";

fn wrong(rule: &'static str) -> Invalid {
    Invalid::new(VALUE, rule)
}

impl RequestValue {
    /// Parses what a request of a kind asks for: a role for `join` (`member` when it is null), a number for `quota`, a
    /// number or an object of limits for `budget`, a list of patterns or an object of both lists for `labels`, a name for
    /// `service` and `model`. Numbers may be written as text, lists as text with commas.
    ///
    /// # Errors
    /// Each part of it that breaks a rule, on the field `value`.
    pub fn parse(kind: RequestKind, value: &Value) -> Result<Self, Vec<Invalid>> {
        match kind {
            RequestKind::Join => match value {
                Value::Null => Ok(Self::Join(TeamRole::Member)),
                Value::String(text) if text.trim().is_empty() => Ok(Self::Join(TeamRole::Member)),
                Value::String(text) => {
                    let role = text.parse().map_err(|_| vec![wrong("must be member or admin")])?;
                    Ok(Self::Join(role))
                }
                _ => Err(vec![wrong("must be member or admin")]),
            },
            RequestKind::Quota => {
                let rule = "must be a whole number from 0 to 100000";
                let count = count(value).and_then(|count| i32::try_from(count).ok());
                match count.filter(|count| (0..=100_000).contains(count)) {
                    Some(count) => Ok(Self::Quota(count)),
                    None => Err(vec![wrong(rule)]),
                }
            }
            RequestKind::Budget => budget(value),
            RequestKind::Labels => labels(value),
            RequestKind::Service => name(value).map(Self::Service),
            RequestKind::Model => {
                let name = name(value)?;
                if name == "all-proxy-models" || name == "all-org-models" {
                    return Err(vec![wrong("must be one model")]);
                }
                Ok(Self::Model(name))
            }
        }
    }

    /// What kind it is of.
    pub fn kind(&self) -> RequestKind {
        match self {
            Self::Join(_) => RequestKind::Join,
            Self::Quota(_) => RequestKind::Quota,
            Self::Budget { .. } => RequestKind::Budget,
            Self::Labels { .. } => RequestKind::Labels,
            Self::Service(_) => RequestKind::Service,
            Self::Model(_) => RequestKind::Model,
        }
    }

    /// The one form in which it is stored and shown by the API: equal values give equal forms.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Join(role) => json!(role.as_str()),
            Self::Quota(count) => json!(count),
            Self::Budget {
                max_budget,
                budget_duration,
                tpm_limit,
                rpm_limit,
            } => {
                let mut fields = Map::new();
                if let Some(budget) = max_budget {
                    // As text: exact.
                    fields.insert("max_budget".into(), json!(budget.to_string()));
                }
                if let Some(period) = budget_duration {
                    fields.insert("budget_duration".into(), json!(period.as_str()));
                }
                for (name, count) in [("tpm_limit", tpm_limit), ("rpm_limit", rpm_limit)] {
                    if let Some(count) = count {
                        fields.insert(name.into(), json!(count));
                    }
                }
                Value::Object(fields)
            }
            Self::Labels { required, optional } => {
                let mut fields = Map::new();
                if let Some(required) = required {
                    fields.insert("required_labels".into(), json!(required));
                }
                if let Some(optional) = optional {
                    fields.insert("optional_label_patterns".into(), json!(optional));
                }
                Value::Object(fields)
            }
            Self::Service(name) | Self::Model(name) => json!(name),
        }
    }

    /// Whether it takes nothing more than the team has, so that a team admin may decide it (SPEC P).
    pub fn lowers(&self, policy: &LabelPolicy, max_runners: Option<i32>, limits: &Limits) -> bool {
        match self {
            Self::Quota(count) => lower(Some(*count), max_runners),
            Self::Budget {
                max_budget,
                budget_duration,
                tpm_limit,
                rpm_limit,
            } => {
                let asked = Limits {
                    models: limits.models.clone(),
                    max_budget: max_budget.or(limits.max_budget),
                    budget_duration: budget_duration.clone().or_else(|| limits.budget_duration.clone()),
                    tpm_limit: tpm_limit.or(limits.tpm_limit),
                    rpm_limit: rpm_limit.or(limits.rpm_limit),
                };
                asked.is_at_most(limits)
            }
            Self::Labels { required, optional } => {
                let asked = LabelPolicy {
                    required: required.clone().unwrap_or_else(|| policy.required.clone()),
                    optional: optional.clone().unwrap_or_else(|| policy.optional.clone()),
                };
                asked.is_at_most(policy)
            }
            Self::Join(_) | Self::Service(_) | Self::Model(_) => true,
        }
    }

    /// Whether someone may decide such a request: who may make the change may decide it, and nobody else (SPEC P).
    /// `lowers`: what [`lowers`](Self::lowers) says; `restricted`: whether it is about a restricted model, which is
    /// beyond what a team chooses for itself.
    ///
    /// # Errors
    /// The refusal, with who can.
    pub fn require_decider(&self, standing: &Standing, lowers: bool, restricted: bool) -> Result<(), Refusal> {
        standing.require(Permission::RequestsDecide)?;
        match self {
            Self::Join(_) => standing.require(Permission::MembersManage),
            Self::Service(_) => standing.require(Permission::ServicesAllow),
            Self::Model(_) if restricted => standing.require(Permission::TeamAdminister).map_err(|refusal| Refusal {
                rule: "decide requests for restricted models".to_owned(),
                ..refusal
            }),
            Self::Model(_) => standing.require(Permission::ModelsChoose),
            Self::Quota(_) | Self::Budget { .. } | Self::Labels { .. } => {
                match standing.grant(Permission::PolicyEdit) {
                    Grant::Yes => Ok(()),
                    Grant::Lower if lowers => Ok(()),
                    _ => Err(Refusal {
                        rule: "decide requests that raise a label policy, runner quota or budget".to_owned(),
                        ..standing.refusal(Permission::PolicyEdit)
                    }),
                }
            }
        }
    }
}

impl fmt::Display for RequestValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Join(role) => write!(f, "as {role}"),
            Self::Quota(count) => write!(f, "{count} runners at a time"),
            Self::Budget {
                max_budget,
                budget_duration,
                tpm_limit,
                rpm_limit,
            } => {
                let parts = [
                    max_budget.map(|budget| format!("${budget}")),
                    budget_duration.as_ref().map(|period| format!("every {period}")),
                    tpm_limit.map(|count| format!("{count} tokens per minute")),
                    rpm_limit.map(|count| format!("{count} requests per minute")),
                ];
                f.write_str(&parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
            }
            Self::Labels { required, optional } => {
                let mut parts = Vec::new();
                if let Some(required) = required {
                    parts.push(format!("required: {}", words(required)));
                }
                if let Some(optional) = optional {
                    parts.push(format!("patterns: {}", words(optional)));
                }
                f.write_str(&parts.join("; "))
            }
            Self::Service(name) | Self::Model(name) => f.write_str(name),
        }
    }
}

fn words<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A whole number, also as text.
fn count(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn name(value: &Value) -> Result<String, Vec<Invalid>> {
    let text = value.as_str().ok_or_else(|| vec![wrong("must be a name")])?;
    let mut models = parse_models(&[text]).map_err(|_| vec![wrong("must be a name of 1 to 200 characters")])?;
    models.pop().ok_or_else(|| vec![wrong("must be a name")])
}

/// An amount, as a number or as text.
fn amount(value: &Value) -> Result<Option<Money>, Invalid> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return Err(wrong("max_budget must be an amount like 100 or 99.50")),
    };
    let rule = || wrong("max_budget must be an amount from 0 to 1000000000");
    let exact = |text: &str| Decimal::from_scientific(text).ok();
    match Money::read(VALUE, &text) {
        Ok(None) => Ok(None),
        Ok(Some(amount)) => Money::parse(VALUE, amount).map(Some).map_err(|_| rule()),
        Err(_) => {
            let amount = exact(text.trim()).ok_or_else(rule)?;
            Money::parse(VALUE, amount).map(Some).map_err(|_| rule())
        }
    }
}

fn budget(value: &Value) -> Result<RequestValue, Vec<Invalid>> {
    let mut fields = Fields::new();
    let Value::Object(object) = value else {
        let max_budget = amount(value).map_err(|error| vec![error])?;
        return some_budget(max_budget, None, None, None).map_err(|error| vec![error]);
    };
    unknown(
        &mut fields,
        object,
        &["max_budget", "budget_duration", "tpm_limit", "rpm_limit"],
    );
    let get = |name: &str| object.get(name).unwrap_or(&Value::Null);
    let max_budget = fields.take(amount(get("max_budget"))).flatten();
    let period = match get("budget_duration") {
        Value::Null => Ok(None),
        Value::String(text) if text.trim().is_empty() => Ok(None),
        Value::String(text) => BudgetDuration::parse(text).map(Some),
        _ => Err(wrong("")),
    };
    let rule = "budget_duration must be like 30s, 30m, 30h, 30d or 1mo, or daily, weekly, monthly or yearly";
    let period = fields.take(period.map_err(|_| wrong(rule))).flatten();
    let mut rate = |name: &'static str, rule: &'static str| {
        let given = match get(name) {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            other => count(other)
                .and_then(|count| parse_count(name, count).ok())
                .map(Some)
                .ok_or_else(|| wrong(rule)),
        };
        fields.take(given).flatten()
    };
    let tpm = rate("tpm_limit", "tpm_limit must be a whole number from 0 to 1000000000");
    let rpm = rate("rpm_limit", "rpm_limit must be a whole number from 0 to 1000000000");
    fields.finish()?;
    some_budget(max_budget, period, tpm, rpm).map_err(|error| vec![error])
}

fn some_budget(
    max_budget: Option<Money>,
    budget_duration: Option<BudgetDuration>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
) -> Result<RequestValue, Invalid> {
    if max_budget.is_none() && budget_duration.is_none() && tpm_limit.is_none() && rpm_limit.is_none() {
        return Err(wrong("must name a budget, a period, tpm_limit or rpm_limit"));
    }
    Ok(RequestValue::Budget {
        max_budget,
        budget_duration,
        tpm_limit,
        rpm_limit,
    })
}

fn labels(value: &Value) -> Result<RequestValue, Vec<Invalid>> {
    let mut fields = Fields::new();
    let (required, optional) = match value {
        Value::Object(object) => {
            unknown(&mut fields, object, &["required_labels", "optional_label_patterns"]);
            (object.get("required_labels"), object.get("optional_label_patterns"))
        }
        other => (None, Some(other)),
    };
    let list = |value: &Value| -> Result<Option<Vec<String>>, Invalid> {
        match value {
            Value::Null => Ok(None),
            Value::String(text) => Ok(Some(crate::split_patterns(text))),
            Value::Array(items) => (items.iter())
                .map(|item| item.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>()
                .map(Some)
                .ok_or_else(|| wrong("must be lists of texts")),
            _ => Err(wrong("must be lists of texts")),
        }
    };
    let named = |invalid: Invalid| Invalid::new(VALUE, format!("{} {}", invalid.field, invalid.message));
    let required = required.map_or(Ok(None), list).and_then(|texts| {
        let parse = |texts: Vec<String>| Label::parse_list("required_labels", &texts).map_err(named);
        texts.map(parse).transpose()
    });
    let optional = optional.map_or(Ok(None), list).and_then(|texts| {
        let parse = |texts: Vec<String>| LabelPattern::parse_list(&texts).map_err(named);
        texts.map(parse).transpose()
    });
    let (required, optional) = (fields.take(required).flatten(), fields.take(optional).flatten());
    fields.finish()?;
    if required.is_none() && optional.is_none() {
        return Err(vec![wrong("must name required_labels or optional_label_patterns")]);
    }
    Ok(RequestValue::Labels { required, optional })
}

fn unknown(fields: &mut Fields, object: &Map<String, Value>, known: &[&str]) {
    for name in object.keys().filter(|name| !known.contains(&name.as_str())) {
        fields.push(Invalid::new(VALUE, format!("has an unknown field: {name}")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OrgRole;

    fn parse(kind: RequestKind, value: &Value) -> Result<RequestValue, Vec<Invalid>> {
        RequestValue::parse(kind, value)
    }

    #[test]
    fn b31_each_kind_has_its_values() {
        use RequestKind::{Budget, Join, Labels, Model, Quota, Service};
        for (kind, written, stored) in [
            (Join, json!(null), json!("member")),
            (Join, json!("team_admin"), json!("admin")),
            (Quota, json!("12"), json!(12)),
            (Budget, json!(100.50), json!({"max_budget": "100.5"})),
            (
                Budget,
                json!({"rpm_limit": 60, "budget_duration": "monthly"}),
                json!({"rpm_limit": 60, "budget_duration": "1mo"}),
            ),
            (Labels, json!("gpu-.*"), json!({"optional_label_patterns": ["gpu-.*"]})),
            (Service, json!(" llm "), json!("llm")),
            (Model, json!("gpt-4o"), json!("gpt-4o")),
        ] {
            let value = parse(kind, &written).unwrap_or_else(|error| panic!("{written}: {error:?}"));
            assert_eq!(value.to_json(), stored);
            assert_eq!(parse(kind, &stored).unwrap(), value, "what is stored reads as it was");
            assert_eq!(value.kind(), kind);
        }
        for (kind, bad) in [
            (Join, json!("owner")),
            (Join, json!(1)),
            (Quota, json!(-1)),
            (Quota, json!(1.5)),
            (Quota, json!(null)),
            (Budget, json!(-1)),
            (Budget, json!(null)),
            (Budget, json!({})),
            (Budget, json!({"max_runners": 1})),
            (Budget, json!({"tpm_limit": -1})),
            (Budget, json!({"budget_duration": "1y"})),
            (Labels, json!(["("])),
            (Labels, json!([1])),
            (Labels, json!({})),
            (Service, json!("")),
            (Model, json!("all-proxy-models")),
            (Model, json!({"a": 1})),
        ] {
            let errors = parse(kind, &bad).unwrap_err();
            assert!(errors.iter().all(|error| error.field == "value"), "{bad}: {errors:?}");
        }
    }

    #[test]
    fn p_a_team_admin_decides_what_they_may_do_themselves() {
        let admin = Standing {
            org: Some(OrgRole::OrgMember),
            team: Some(TeamRole::Admin),
            ..Standing::default()
        };
        let org_admin = Standing {
            org: Some(OrgRole::OrgAdmin),
            ..Standing::default()
        };
        let member = Standing {
            team: Some(TeamRole::Member),
            ..admin
        };
        let auditor = Standing {
            auditor: true,
            ..Standing::default()
        };
        let (policy, limits) = (LabelPolicy::default(), Limits::default());
        for (value, by_admin) in [
            (RequestValue::Join(TeamRole::Member), true),
            (RequestValue::Service("llm".into()), true),
            (RequestValue::Model("gpt".into()), true),
            (RequestValue::Quota(5), true),
            (RequestValue::Quota(11), false),
            (parse(RequestKind::Labels, &json!(["gpu"])).unwrap(), false),
            (parse(RequestKind::Budget, &json!(5)).unwrap(), true),
        ] {
            let lowers = value.lowers(&policy, Some(10), &limits);
            assert_eq!(
                value.require_decider(&admin, lowers, false).is_ok(),
                by_admin,
                "{value}"
            );
            assert!(value.require_decider(&org_admin, lowers, true).is_ok(), "{value}");
            for nobody in [member, auditor, Standing::default()] {
                assert!(value.require_decider(&nobody, true, false).is_err(), "{value}");
            }
        }
        let model = RequestValue::Model("gpt".into());
        assert!(model.require_decider(&admin, true, true).is_err(), "a restricted one");
    }
}
