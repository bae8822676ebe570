//! Reading what a request asks for, from JSON or a form.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::{RequestKind, RequestValue};
use crate::{BudgetDuration, Fields, Invalid, Label, LabelPattern, Money, TeamRole, parse_count, parse_models};

const VALUE: &str = "value";

fn wrong(rule: &'static str) -> Invalid {
    Invalid::new(VALUE, rule)
}

/// The fields of a budget, where they are.
const MAX_BUDGET: &str = "value.max_budget";
const BUDGET_DURATION: &str = "value.budget_duration";
const TPM_LIMIT: &str = "value.tpm_limit";
const RPM_LIMIT: &str = "value.rpm_limit";

impl RequestValue {
    /// Parses what a request of a kind asks for: a role for `join` (`member` when it is null), a number for `quota`, a
    /// number or an object of limits for `budget`, a list of patterns or an object of both lists for `labels`, a name for
    /// `service` and `model`. Numbers may be written as text, lists as text with commas.
    ///
    /// # Errors
    /// Each part of it that breaks a rule, on the field `value`, or in it.
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
        _ => return Err(Invalid::new(MAX_BUDGET, "must be an amount like 100 or 99.50")),
    };
    let rule = || Invalid::new(MAX_BUDGET, "must be an amount from 0 to 1000000000");
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
    let rule = "must be like 30s, 30m, 30h, 30d or 1mo, or daily, weekly, monthly or yearly";
    let period = fields
        .take(period.map_err(|_| Invalid::new(BUDGET_DURATION, rule)))
        .flatten();
    let mut rate = |name: &'static str, field: &'static str| {
        let given = match get(name) {
            Value::Null => Ok(None),
            Value::String(text) if text.trim().is_empty() => Ok(None),
            other => count(other)
                .and_then(|count| parse_count(name, count).ok())
                .map(Some)
                .ok_or_else(|| Invalid::new(field, "must be a whole number from 0 to 1000000000")),
        };
        fields.take(given).flatten()
    };
    let tpm = rate("tpm_limit", TPM_LIMIT);
    let rpm = rate("rpm_limit", RPM_LIMIT);
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
        return Err(Invalid::new(
            MAX_BUDGET,
            "must be given, or else a period, or tokens or requests per minute",
        ));
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
