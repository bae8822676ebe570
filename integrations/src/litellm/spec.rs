//! What we ask LiteLLM for.

use chrono::{DateTime, Utc};
use domain::{BudgetDuration, Money};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A team as it shall be. No limit is sent as `null`, which LiteLLM takes as unlimited and clears an older one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TeamSpec {
    /// Its id.
    pub id: String,
    /// Its name.
    pub alias: String,
    /// Its organization on LiteLLM; `None` leaves it as it is, for instances to which organizations are not pushed.
    pub organization_id: Option<String>,
    /// The models it may use; none means all. `all-org-models` has to be resolved before.
    pub models: Vec<String>,
    /// Its budget for one period.
    pub max_budget: Option<Money>,
    /// The period.
    pub budget_duration: Option<BudgetDuration>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// What to store with it; replaces what is there.
    pub metadata: Map<String, Value>,
    /// Whether its keys are refused.
    pub blocked: bool,
}

/// A user as it shall be. Never comes with a key.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UserSpec {
    /// Their id.
    pub id: String,
    /// Their e-mail address.
    pub email: Option<String>,
    /// Their name.
    pub alias: Option<String>,
    /// `internal_user`, `proxy_admin` or another of LiteLLM's words; LiteLLM's default if empty.
    pub role: String,
    /// Their own budget.
    pub max_budget: Option<Money>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// The teams to add them to, on creation only. Each has to exist: LiteLLM ignores unknown ones.
    pub teams: Vec<String>,
}

/// A key as it shall be made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeySpec {
    /// Its name; unique among all keys of the instance.
    pub alias: String,
    /// Whose it is. Has to exist: LiteLLM makes keys of unknown users, too.
    pub user_id: String,
    /// The team that pays (SPEC C10). Has to exist, too.
    pub team_id: String,
    /// The models it may use; none means all of its team.
    pub models: Vec<String>,
    /// Its budget for one period.
    pub max_budget: Option<Money>,
    /// The period.
    pub budget_duration: Option<BudgetDuration>,
    /// When it ends. LiteLLM is told the whole seconds until then.
    pub expires: Option<DateTime<Utc>>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// From here on LiteLLM warns.
    pub soft_budget: Option<Money>,
    /// Tags of its spending; need a licence.
    pub tags: Vec<String>,
    /// Guardrails that its requests pass; need a licence, and are never left out silently nor otherwise.
    pub guardrails: Vec<String>,
    /// What to store with it.
    pub metadata: Map<String, Value>,
    /// Budgets by model, as LiteLLM writes them; may need a licence.
    pub model_max_budget: Map<String, Value>,
    /// Requests per minute by model.
    pub model_rpm_limit: Map<String, Value>,
    /// Tokens per minute by model.
    pub model_tpm_limit: Map<String, Value>,
}

/// What to change of a key: what is `None` stays; `Some(None)` takes a limit away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeyChange {
    /// Its name.
    pub alias: Option<String>,
    /// The models it may use.
    pub models: Option<Vec<String>>,
    /// Its budget for one period.
    pub max_budget: Option<Option<Money>>,
    /// The period.
    pub budget_duration: Option<Option<BudgetDuration>>,
    /// When it ends.
    pub expires: Option<Option<DateTime<Utc>>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Option<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Option<i64>>,
    /// From here on LiteLLM warns.
    pub soft_budget: Option<Option<Money>>,
    /// Tags of its spending; need a licence.
    pub tags: Option<Vec<String>>,
    /// What it has spent: zero to start anew.
    pub spend: Option<Money>,
    /// What to store with it; replaces what is there.
    pub metadata: Option<Map<String, Value>>,
}

/// Which keys to list; those that match everything that is set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Of this team.
    pub team_id: Option<String>,
    /// Of this user.
    pub user_id: Option<String>,
    /// With exactly this alias.
    pub alias: Option<String>,
}

/// `null` for none.
fn or_null<T: Serialize>(value: Option<T>) -> Value {
    value.map_or(Value::Null, |value| json!(value))
}

/// `null` for no limit; a number, not the text that a decimal is by default.
fn dollars(amount: Option<Money>) -> Value {
    or_null(amount.map(Money::to_f64))
}

fn period(duration: Option<&BudgetDuration>) -> Value {
    or_null(duration.map(BudgetDuration::as_str))
}

/// A body that grows field by field.
struct Body(Map<String, Value>);

impl Body {
    fn set(&mut self, field: &str, value: Value) {
        self.0.insert(field.to_owned(), value);
    }

    fn set_some<T: Serialize>(&mut self, field: &str, value: Option<T>) {
        if let Some(value) = value {
            self.set(field, json!(value));
        }
    }

    fn set_map(&mut self, field: &str, map: &Map<String, Value>) {
        if !map.is_empty() {
            self.set(field, Value::Object(map.clone()));
        }
    }

    fn set_list(&mut self, field: &str, list: &[String]) {
        if !list.is_empty() {
            self.set(field, json!(list));
        }
    }
}

impl TeamSpec {
    /// For `/team/new` and `/team/update`: all fields, so that what is not wanted is cleared.
    pub(super) fn body(&self) -> Value {
        let mut body = Body(Map::new());
        body.set("team_id", json!(self.id));
        body.set("team_alias", json!(self.alias));
        // A null would take the team out of an organization that somebody chose on LiteLLM.
        body.set_some("organization_id", self.organization_id.as_ref());
        body.set("models", json!(self.models));
        body.set("max_budget", dollars(self.max_budget));
        body.set("budget_duration", period(self.budget_duration.as_ref()));
        body.set("tpm_limit", or_null(self.tpm_limit));
        body.set("rpm_limit", or_null(self.rpm_limit));
        body.set("metadata", Value::Object(self.metadata.clone()));
        body.set("blocked", json!(self.blocked));
        Value::Object(body.0)
    }
}

impl UserSpec {
    /// For `/user/update`.
    pub(super) fn body(&self) -> Map<String, Value> {
        let mut body = Body(Map::new());
        body.set("user_id", json!(self.id));
        body.set_some("user_email", self.email.as_ref());
        body.set_some("user_alias", self.alias.as_ref());
        body.set_some("user_role", (!self.role.is_empty()).then_some(&self.role));
        body.set("max_budget", dollars(self.max_budget));
        body.set("tpm_limit", or_null(self.tpm_limit));
        body.set("rpm_limit", or_null(self.rpm_limit));
        body.0
    }

    /// For `/user/new`: with the teams, and without a key.
    pub(super) fn new_body(&self) -> Value {
        let mut body = self.body();
        body.insert("teams".to_owned(), json!(self.teams));
        body.insert("auto_create_key".to_owned(), json!(false));
        Value::Object(body)
    }
}

impl KeySpec {
    /// For `/key/generate`; `lifetime` is what is left until the key ends, in LiteLLM's words.
    pub(super) fn body(&self, lifetime: Option<String>) -> Map<String, Value> {
        let mut body = Body(Map::new());
        body.set("key_alias", json!(self.alias));
        body.set("user_id", json!(self.user_id));
        body.set("team_id", json!(self.team_id));
        body.set("models", json!(self.models));
        body.set("max_budget", dollars(self.max_budget));
        body.set("budget_duration", period(self.budget_duration.as_ref()));
        body.set("tpm_limit", or_null(self.tpm_limit));
        body.set("rpm_limit", or_null(self.rpm_limit));
        body.set("metadata", Value::Object(self.metadata.clone()));
        body.set_some("duration", lifetime);
        body.set_some("soft_budget", self.soft_budget.map(Money::to_f64));
        body.set_list("tags", &self.tags);
        body.set_list("guardrails", &self.guardrails);
        body.set_map("model_max_budget", &self.model_max_budget);
        body.set_map("model_rpm_limit", &self.model_rpm_limit);
        body.set_map("model_tpm_limit", &self.model_tpm_limit);
        body.0
    }
}

impl KeyChange {
    /// For `/key/update`; `lifetime` as in [`KeySpec::body`], `-1` for a key that shall not end.
    pub(super) fn body(&self, token: &str, lifetime: Option<String>) -> Value {
        let mut body = Body(Map::new());
        body.set("key", json!(token));
        body.set_some("key_alias", self.alias.as_ref());
        body.set_some("models", self.models.as_ref());
        body.set_some("max_budget", self.max_budget.map(dollars));
        body.set_some(
            "budget_duration",
            self.budget_duration.as_ref().map(|d| period(d.as_ref())),
        );
        body.set_some("duration", lifetime);
        body.set_some("tpm_limit", self.tpm_limit.map(or_null));
        body.set_some("rpm_limit", self.rpm_limit.map(or_null));
        body.set_some("soft_budget", self.soft_budget.map(dollars));
        body.set_some("tags", self.tags.as_ref());
        body.set_some("spend", self.spend.map(Money::to_f64));
        body.set_some("metadata", self.metadata.as_ref());
        Value::Object(body.0)
    }
}
