//! What is: `status`, kind by kind.

use chrono::{DateTime, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One thing that is true, false or not known (SPEC A7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// `Ready`, `Progressing`, `Degraded`, and for associations each prerequisite.
    #[serde(rename = "type")]
    pub kind: String,
    /// True, False or Unknown.
    pub status: String,
    /// One word for programs.
    pub reason: String,
    /// A sentence for people.
    pub message: String,
    /// The generation of `spec` that this is about.
    pub observed_generation: i64,
    /// When `status` changed last, RFC 3339.
    pub last_transition_time: String,
}

/// A person in a team, as LiteLLM names them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct MemberWithRole {
    /// The id at LiteLLM.
    #[serde(rename = "userID")]
    pub user_id: String,
    /// The email address.
    pub user_email: String,
    /// admin or user: LiteLLM's words.
    pub role: String,
}

macro_rules! status {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty $(= $rename:literal)?,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_meta])* $(#[serde(rename = $rename)])? #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
            /// What is true of it.
            pub conditions: Vec<Condition>,
            /// The generation of `spec` that this is about.
            pub observed_generation: i64,
        }
    };
}

status!(
    /// Of a Team.
    Team {
        /// The name.
        team_alias: String,
        /// The id at LiteLLM.
        team_id: String = "teamID",
        /// The organization's id.
        organization_id: String = "organizationID",
        /// The models; empty means all.
        models: Vec<String>,
        /// The budget, in US dollars.
        max_budget: String,
        /// Its period.
        budget_duration: String,
        /// When the next period begins, RFC 3339.
        budget_reset_at: String,
        /// What was spent in this period, in US dollars.
        spend: String,
        /// Requests a minute.
        rpm_limit: i64,
        /// Tokens a minute.
        tpm_limit: i64,
        /// Whether it is deactivated.
        blocked: bool,
        /// Tags for spend.
        tags: Vec<String>,
        /// Who is in it; of many the first hundred.
        members_with_role: Vec<MemberWithRole>,
        /// How many people are in it.
        member_count: i64,
        /// When it was made, RFC 3339.
        created_at: String,
        /// When it changed, RFC 3339.
        updated_at: String,
    }
);

status!(
    /// Of a User.
    User {
        /// The email address.
        user_email: String,
        /// The name.
        user_alias: String,
        /// The id at LiteLLM.
        user_id: String = "userID",
        /// The role at LiteLLM.
        user_role: String,
        /// The name of the key that was made for the person.
        key_alias: String,
        /// The slugs of the person's teams in this organization.
        teams: Vec<String>,
        /// The models; empty means all.
        models: Vec<String>,
        /// The budget, in US dollars.
        max_budget: String,
        /// Its period.
        budget_duration: String,
        /// What was spent in this period, in US dollars.
        spend: String,
        /// Requests a minute.
        rpm_limit: i64,
        /// Tokens a minute.
        tpm_limit: i64,
        /// Whether the account is deactivated.
        blocked: bool,
        /// When it was made, RFC 3339.
        created_at: String,
        /// When it changed, RFC 3339.
        updated_at: String,
    }
);

status!(
    /// Of a TeamMemberAssociation.
    Association {
        /// The team's name.
        team_alias: String,
        /// The team's id at LiteLLM.
        team_id: String = "teamID",
        /// The person's email address.
        user_email: String,
        /// The person's id at LiteLLM.
        user_id: String = "userID",
        /// The role.
        role: String,
        /// Whether there is such a team.
        team_exists: bool,
        /// Whether there is such a person.
        user_exists: bool,
        /// Whether both are there and the membership is.
        association_is_valid: bool,
        /// What the person may spend in this team, in US dollars.
        max_budget_in_team: String,
    }
);

status!(
    /// Of a VirtualKey.
    VirtualKey {
        /// The name.
        key_alias: String,
        /// Guildhall's id of the key.
        key_id: String = "keyID",
        /// The first characters of the secret.
        key_name: String,
        /// The owner's email address.
        user_id: String = "userID",
        /// The team's slug.
        team_id: String = "teamID",
        /// The models; empty means all.
        models: Vec<String>,
        /// The budget, in US dollars.
        max_budget: String,
        /// Its period.
        budget_duration: String,
        /// What was spent, in US dollars.
        spend: String,
        /// Requests a minute.
        rpm_limit: i64,
        /// Tokens a minute.
        tpm_limit: i64,
        /// How long it is valid.
        duration: String,
        /// When it ends, RFC 3339.
        expires: String,
        /// Whether it is revoked.
        blocked: bool,
        /// When it was made, RFC 3339.
        created_at: String,
        /// When it changed, RFC 3339.
        updated_at: String,
    }
);

impl Condition {
    /// A condition; `at` is when its status became what it is.
    pub fn new(
        kind: &str,
        status: bool,
        reason: &str,
        message: impl Into<String>,
        generation: i64,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: kind.to_owned(),
            status: if status { "True" } else { "False" }.to_owned(),
            reason: reason.to_owned(),
            message: message.into(),
            observed_generation: generation,
            last_transition_time: time(at),
        }
    }
}

/// RFC 3339, whole seconds, `Z`: as Kubernetes writes times.
pub fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// As the `status` of an [`crate::Object`].
pub fn map(status: &impl Serialize) -> Map<String, Value> {
    match serde_json::to_value(status) {
        Ok(Value::Object(map)) => map,
        _ => Map::new(),
    }
}
