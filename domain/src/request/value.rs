//! What a request asks for, and who may decide it.

use std::fmt;

use serde_json::{Map, Value, json};

use super::RequestKind;
use crate::{
    BudgetDuration, Grant, Label, LabelPattern, LabelPolicy, Limits, Money, Permission, Refusal, Standing, TeamRole,
    lower,
};

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

impl RequestValue {
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
        // The refusal names everybody who may: where fewer may than decide requests at all, theirs comes first.
        let fewer = match self {
            Self::Quota(_) | Self::Budget { .. } | Self::Labels { .. } => !lowers,
            Self::Model(_) => restricted,
            Self::Join(_) | Self::Service(_) => false,
        };
        if fewer {
            self.require_change(standing, lowers, restricted)?;
        }
        standing.require(Permission::RequestsDecide)?;
        self.require_change(standing, lowers, restricted)
    }

    /// Whether someone may make the change that it asks for.
    fn require_change(&self, standing: &Standing, lowers: bool, restricted: bool) -> Result<(), Refusal> {
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
