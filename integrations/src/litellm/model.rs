//! What LiteLLM tells. Fields that some version leaves out are optional or empty; unknown ones are ignored.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use domain::Money;
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

/// The proxy's own user, which `/team/new` adds to each team as an admin. Never shown as a member.
pub(super) const PROXY_USER: &str = "default_user_id";

/// Whether a call made the thing or found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was made.
    New,
    /// There was one with that id, perhaps from an earlier attempt whose answer got lost.
    Existed,
}

/// What a member may do in a team on LiteLLM.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// May administer the team; needs a LiteLLM Enterprise licence to be given.
    Admin,
    /// May use the team.
    User,
}

impl Role {
    /// LiteLLM's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

/// How a membership stands after [`add_member`](super::LiteLlm::add_member) or
/// [`update_member`](super::LiteLlm::update_member).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// The role that LiteLLM took: `User` instead of `Admin` where the licence is missing.
    pub role: Role,
    /// Whether the user was a member already.
    pub existed: bool,
}

/// A member as a team lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamMember {
    /// The user.
    pub user_id: String,
    /// What they may do.
    pub role: Role,
    /// What they may spend in this team; only [`team_info`](super::LiteLlm::team_info) tells.
    pub max_budget: Option<Money>,
    /// What they have spent in this team; only [`team_info`](super::LiteLlm::team_info) tells.
    pub spend: Option<Money>,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Team {
    /// Its id.
    #[serde(rename = "team_id")]
    pub id: String,
    /// Its name; not unique on LiteLLM.
    #[serde(default, rename = "team_alias")]
    pub alias: Option<String>,
    /// Its organization.
    #[serde(default)]
    pub organization_id: Option<String>,
    /// The models it may use; none means all.
    #[serde(default, deserialize_with = "or_default")]
    pub models: Vec<String>,
    /// Its budget for one period.
    #[serde(default, deserialize_with = "money")]
    pub max_budget: Option<Money>,
    /// The period, in LiteLLM's words.
    #[serde(default)]
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    #[serde(default)]
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    #[serde(default)]
    pub rpm_limit: Option<i64>,
    /// What was spent in the current period.
    #[serde(default = "nothing", deserialize_with = "spend")]
    pub spend: Money,
    /// Whether its keys are refused.
    #[serde(default, deserialize_with = "or_default")]
    pub blocked: bool,
    /// What was stored with it.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
    /// Its members, the proxy's own user left out.
    #[serde(default, rename = "members_with_roles", deserialize_with = "members")]
    pub members: Vec<TeamMember>,
}

impl Team {
    /// The member with that user id.
    pub fn member(&self, user_id: &str) -> Option<&TeamMember> {
        self.members.iter().find(|member| member.user_id == user_id)
    }
}

/// A user.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct User {
    /// Their id.
    #[serde(rename = "user_id")]
    pub id: String,
    /// Their e-mail address.
    #[serde(default, rename = "user_email")]
    pub email: Option<String>,
    /// Their name.
    #[serde(default, rename = "user_alias")]
    pub alias: Option<String>,
    /// `internal_user`, `proxy_admin` or another of LiteLLM's words.
    #[serde(default, rename = "user_role")]
    pub role: Option<String>,
    /// The teams they are in, by id.
    #[serde(default, deserialize_with = "or_default")]
    pub teams: Vec<String>,
    /// Their own budget.
    #[serde(default, deserialize_with = "money")]
    pub max_budget: Option<Money>,
    /// Tokens per minute.
    #[serde(default)]
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    #[serde(default)]
    pub rpm_limit: Option<i64>,
    /// What they have spent.
    #[serde(default = "nothing", deserialize_with = "spend")]
    pub spend: Money,
}

impl User {
    /// SPEC C2: whether the user is usable. One without teams exists, and is not: no key of theirs would belong to a
    /// team, and old versions tell unknown users in just that way.
    pub fn is_integrated(&self) -> bool {
        !self.teams.is_empty()
    }
}

/// A model that the proxy offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// The name that requests and limits use.
    pub name: String,
    /// Who serves it, such as `openai`.
    pub provider: Option<String>,
    /// What it is for: `chat`, `embedding` and so on.
    pub mode: Option<String>,
    /// The longest input in tokens.
    pub max_input_tokens: Option<i64>,
    /// Dollars for one token of input.
    pub input_cost_per_token: Option<Decimal>,
    /// Dollars for one token of output.
    pub output_cost_per_token: Option<Decimal>,
}

/// A new key. Its secret is told this one time.
#[derive(Clone, Debug)]
pub struct GeneratedKey {
    /// The secret.
    pub key: SecretString,
    /// The SHA-256 of the secret in hex: LiteLLM's name for the key.
    pub token: String,
    /// When it ends.
    pub expires: Option<DateTime<Utc>>,
    /// Fields that were left out because LiteLLM wants an Enterprise licence for them; tell the user (SPEC C7).
    pub dropped: Vec<&'static str>,
}

/// A key as LiteLLM keeps it; the secret is not part of it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct KeyInfo {
    /// The SHA-256 of the secret in hex.
    #[serde(default)]
    pub token: String,
    /// Its name; unique on new versions.
    #[serde(default, rename = "key_alias")]
    pub alias: Option<String>,
    /// The end of the secret: `sk-...abcd`.
    #[serde(default, rename = "key_name")]
    pub masked: Option<String>,
    /// Whose it is.
    #[serde(default)]
    pub user_id: Option<String>,
    /// The team that pays.
    #[serde(default)]
    pub team_id: Option<String>,
    /// The models it may use; none means all of its team.
    #[serde(default, deserialize_with = "or_default")]
    pub models: Vec<String>,
    /// Its budget for one period.
    #[serde(default, deserialize_with = "money")]
    pub max_budget: Option<Money>,
    /// The period, in LiteLLM's words.
    #[serde(default)]
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    #[serde(default)]
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    #[serde(default)]
    pub rpm_limit: Option<i64>,
    /// What was spent in the current period.
    #[serde(default = "nothing", deserialize_with = "spend")]
    pub spend: Money,
    /// Whether it is refused.
    #[serde(default, deserialize_with = "or_default")]
    pub blocked: bool,
    /// When it ends.
    #[serde(default, deserialize_with = "time")]
    pub expires: Option<DateTime<Utc>>,
    /// What was stored with it.
    #[serde(default, deserialize_with = "or_default")]
    pub metadata: Map<String, Value>,
}

/// What was used in a time, day by day.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The days with any use, in order.
    pub days: Vec<ActivityDay>,
}

impl Activity {
    /// The dollars of all days.
    pub fn spend(&self) -> Money {
        Money::trusted(self.days.iter().map(|day| day.spend.decimal()).sum())
    }
}

/// What was used on one day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActivityDay {
    /// The day, UTC.
    pub date: NaiveDate,
    /// Dollars.
    pub spend: Money,
    /// Tokens in.
    pub prompt_tokens: i64,
    /// Tokens out.
    pub completion_tokens: i64,
    /// Requests that were answered.
    pub successful_requests: i64,
    /// Requests that failed.
    pub failed_requests: i64,
}

// How answers look on the wire.

#[derive(Deserialize)]
pub(super) struct TeamInfoAnswer {
    team_info: Team,
    #[serde(default, deserialize_with = "or_default")]
    team_memberships: Vec<Membership>,
}

#[derive(Deserialize)]
struct Membership {
    user_id: String,
    #[serde(default, deserialize_with = "money")]
    spend: Option<Money>,
    #[serde(default)]
    litellm_budget_table: Option<Budget>,
}

#[derive(Deserialize)]
struct Budget {
    #[serde(default, deserialize_with = "money")]
    max_budget: Option<Money>,
}

impl TeamInfoAnswer {
    pub(super) fn into_team(self) -> Team {
        let mut memberships: BTreeMap<String, Membership> = (self
            .team_memberships
            .into_iter()
            .map(|member| (member.user_id.clone(), member)))
        .collect();
        let mut team = self.team_info;
        for member in &mut team.members {
            if let Some(found) = memberships.remove(&member.user_id) {
                member.max_budget = found.litellm_budget_table.and_then(|budget| budget.max_budget);
                member.spend = found.spend;
            }
        }
        team
    }
}

#[derive(Deserialize)]
pub(super) struct UserInfoAnswer {
    /// 1.75.9 says `{"spend": 0}` of a user that it does not know, older ones `null`.
    #[serde(default)]
    pub user_info: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct ModelsAnswer {
    pub data: Vec<ModelAnswer>,
}

#[derive(Deserialize)]
pub(super) struct ModelAnswer {
    pub model_name: String,
    #[serde(default, deserialize_with = "or_default")]
    pub model_info: ModelInfo,
}

#[derive(Default, Deserialize)]
pub(super) struct ModelInfo {
    #[serde(default)]
    pub litellm_provider: Option<String>,
    #[serde(default)]
    pub mode: Option<String>,
    #[serde(default)]
    pub max_input_tokens: Option<i64>,
    #[serde(default)]
    pub input_cost_per_token: Option<Number>,
    #[serde(default)]
    pub output_cost_per_token: Option<Number>,
}

impl From<ModelAnswer> for Model {
    fn from(answer: ModelAnswer) -> Self {
        let info = answer.model_info;
        Self {
            name: answer.model_name,
            provider: info.litellm_provider,
            mode: info.mode,
            max_input_tokens: info.max_input_tokens,
            input_cost_per_token: info.input_cost_per_token.as_ref().and_then(decimal),
            output_cost_per_token: info.output_cost_per_token.as_ref().and_then(decimal),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct KeyAnswer {
    pub key: String,
    #[serde(default)]
    pub token: Option<String>,
    #[serde(default)]
    pub token_id: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub expires: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
pub(super) struct KeyInfoAnswer {
    pub info: KeyInfo,
}

#[derive(Deserialize)]
pub(super) struct ActivityAnswer {
    #[serde(default)]
    pub results: Vec<ActivityResult>,
    #[serde(default)]
    pub metadata: ActivityPage,
}

#[derive(Default, Deserialize)]
pub(super) struct ActivityPage {
    #[serde(default, deserialize_with = "or_default")]
    pub has_more: bool,
}

#[derive(Deserialize)]
pub(super) struct ActivityResult {
    pub date: NaiveDate,
    #[serde(default)]
    pub metrics: Metrics,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metrics {
    #[serde(deserialize_with = "money")]
    pub spend: Option<Money>,
    pub prompt_tokens: i64,
    pub completion_tokens: i64,
    pub successful_requests: i64,
    pub failed_requests: i64,
}

fn nothing() -> Money {
    Money::trusted(Decimal::ZERO)
}

/// `null` as the default: versions differ in what they leave out and what they write as `null`.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A number as it is written, without the noise that a binary fraction would add.
fn decimal(number: &Number) -> Option<Decimal> {
    let text = number.to_string();
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}

/// LiteLLM lets a budget be negative, which allows as little as 0 does; and more than any number of dollars is the most
/// that a decimal holds.
fn to_money(number: &Number) -> Money {
    let amount = decimal(number).unwrap_or_else(|| {
        let vast = number.as_f64().is_some_and(|number| number.abs() >= 1.0);
        if vast { Decimal::MAX } else { Decimal::ZERO }
    });
    let negative = number.as_f64().is_some_and(|number| number < 0.0);
    Money::trusted(if negative { Decimal::ZERO } else { amount })
}

fn money<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let number = Option::<Number>::deserialize(deserializer)?;
    Ok(number.as_ref().map(to_money))
}

fn spend<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
    Ok(money(deserializer)?.unwrap_or_else(nothing))
}

/// With or without a zone; without one it is UTC.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<DateTime<Utc>>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else {
        return Ok(None);
    };
    let zoned = DateTime::parse_from_rfc3339(&text).map(|time| time.with_timezone(&Utc));
    zoned
        .or_else(|_| text.parse::<NaiveDateTime>().map(|time| time.and_utc()))
        .map(Some)
        .map_err(|_| serde::de::Error::custom("a time was expected"))
}

fn members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<TeamMember>, D::Error> {
    #[derive(Deserialize)]
    struct Wire {
        #[serde(default)]
        user_id: Option<String>,
        role: String,
    }
    let members = Option::<Vec<Wire>>::deserialize(deserializer)?.unwrap_or_default();
    let known = members.into_iter().filter_map(|member| {
        // A member that was invited by e-mail only, and has not come yet, has no id.
        let user_id = member.user_id.filter(|id| id != PROXY_USER)?;
        let role = if member.role == "admin" {
            Role::Admin
        } else {
            Role::User
        };
        Some(TeamMember {
            user_id,
            role,
            max_budget: None,
            spend: None,
        })
    });
    Ok(known.collect())
}

#[cfg(test)]
mod tests {
    use super::{KeyInfo, Team, User};

    #[test]
    fn money_is_read_as_written() {
        let team = |budget: &str| -> Team {
            serde_json::from_str(&format!(r#"{{"team_id":"t","max_budget":{budget},"spend":5e-07}}"#)).expect("a team")
        };
        assert_eq!(team("0.1").max_budget.expect("a budget").to_string(), "0.1");
        assert_eq!(team("20.0").max_budget.expect("a budget").to_string(), "20");
        assert_eq!(team("null").max_budget, None);
        assert_eq!(team("-1.0").max_budget.expect("a budget").to_string(), "0");
        assert!(team("1e300").max_budget.expect("a budget") > team("1e9").max_budget.expect("a budget"));
        assert_eq!(team("1").spend.to_string(), "0.0000005");
    }

    #[test]
    fn nulls_and_times_of_all_versions_are_read() {
        for expires in [
            "2026-12-20T15:50:41.198622Z",
            "2026-12-20T15:50:41.198000+00:00",
            "2026-12-20T15:50:41.198",
        ] {
            let text =
                format!(r#"{{"expires":"{expires}","blocked":null,"models":null,"metadata":null,"spend":null}}"#);
            let key: KeyInfo = serde_json::from_str(&text).expect("a key");
            assert_eq!(key.expires.expect("an end").timestamp(), 1_797_781_841, "{expires}");
        }
        let user: User = serde_json::from_str(r#"{"user_id":"u","teams":null}"#).expect("a user");
        assert!(!user.is_integrated());
    }
}
