//! What a manifest may say, kind by kind. All fields but the required ones may be left out; what is unknown is found by
//! `decode`. Doc comments are what `kubectl explain` prints.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

type Words = BTreeMap<String, String>;

/// Which LiteLLM the object belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConnectionRef {
    /// One of the instances that Guildhall is configured with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance_ref: Option<InstanceRef>,
    /// A Secret with address and key. Guildhall reads no Secrets: the object is kept, and not Ready (ConfigError).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_ref: Option<SecretRef>,
}

/// A configured LiteLLM instance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstanceRef {
    /// Its name in Guildhall's configuration.
    pub name: String,
    /// Its namespace in Guildhall's configuration; the object's own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A Kubernetes Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Its name.
    pub name: String,
    /// Which of its keys hold what.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<SecretKeys>,
}

/// The keys of a Secret.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeys {
    /// The key with the master key.
    pub master_key: String,
    /// The key with the address.
    pub url: String,
}

/// Another object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// Its namespace; the association's own when left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
}

/// A team of an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Which LiteLLM the team belongs to. Cannot be changed.
    pub connection_ref: ConnectionRef,
    /// The team's name, unique in its organization, 2 to 50 characters. Cannot be changed.
    pub team_alias: String,
    /// The id at LiteLLM; Guildhall gives it.
    #[serde(rename = "teamID", skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// The organization's id; must be the one of the namespace.
    #[serde(rename = "organizationID", skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<String>,
    /// The models that the team may use; empty means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Other names for models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_aliases: Option<Words>,
    /// What the team may spend in a period, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<String>,
    /// The budget's period: 30s, 30m, 30h, 30d or 1mo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<i64>,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<i64>,
    /// Whether the team is deactivated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// LiteLLM's guardrails for the team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Vec<String>>,
    /// Tags for spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Anything else, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Words>,
    /// Routes of LiteLLM that members may use, such as /key/generate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_member_permissions: Option<Vec<String>>,
}

/// A person in an organization.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct User {
    /// Which LiteLLM the person belongs to.
    pub connection_ref: ConnectionRef,
    /// The person's email address. Cannot be changed.
    pub user_email: String,
    /// The person's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_alias: Option<String>,
    /// The id at LiteLLM; Guildhall gives it.
    #[serde(rename = "userID", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The role at LiteLLM: proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer, team or customer. It
    /// grants nothing in Guildhall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_role: Option<String>,
    /// Whether to make a VirtualKey named keyAlias with the same models, budget and duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_create_key: Option<bool>,
    /// The name of that key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_alias: Option<String>,
    /// How long that key is valid: 30s, 30m, 30h or 30d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// The models that the person may use; empty means all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// Teams by name or slug; memberships are TeamMemberAssociations, this is only shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams: Option<Vec<String>>,
    /// What the person may spend in a period, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<String>,
    /// Where LiteLLM begins to warn, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<String>,
    /// What was spent; LiteLLM says it, writing it changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<String>,
    /// The budget's period: 30s, 30m, 30h, 30d or 1mo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<i64>,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<i64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<i64>,
    /// Budgets of single models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_max_budget: Option<Words>,
    /// Requests a minute of single models.
    #[serde(rename = "modelRPMLimit", skip_serializing_if = "Option::is_none")]
    pub model_rpm_limit: Option<Words>,
    /// Tokens a minute of single models.
    #[serde(rename = "modelTPMLimit", skip_serializing_if = "Option::is_none")]
    pub model_tpm_limit: Option<Words>,
    /// Other names for models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Words>,
    /// Anything else, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Words>,
    /// LiteLLM's own permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Words>,
    /// LiteLLM's cache controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_cache_controls: Option<Vec<String>>,
    /// LiteLLM's guardrails for the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Vec<String>>,
    /// Whether the person may use no models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Whether LiteLLM writes to the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_invite_email: Option<bool>,
    /// The person's id at the sign-in provider.
    #[serde(rename = "ssoUserID", skip_serializing_if = "Option::is_none")]
    pub sso_user_id: Option<String>,
}

/// A person's membership of a team.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Association {
    /// Which LiteLLM the membership belongs to.
    pub connection_ref: ConnectionRef,
    /// admin, member, or LiteLLM's word user, which means member.
    pub role: String,
    /// The team by its name. Either this or teamRef; both must agree. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_alias: Option<String>,
    /// The person by their email. Either this or userRef; both must agree. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_email: Option<String>,
    /// The Team object. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_ref: Option<Reference>,
    /// The User object. Cannot be changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_ref: Option<Reference>,
    /// What the person may spend in this team, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget_in_team: Option<String>,
}

/// A key for models. Its secret is shown once to its owner, in the console or over REST, and never here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VirtualKey {
    /// Which LiteLLM the key is for.
    pub connection_ref: ConnectionRef,
    /// The key's name, unique among its owner's. Cannot be changed.
    pub key_alias: String,
    /// Not taken: Guildhall makes keys, it stores none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The owner, by email or id; whoever writes the object when left out. Cannot be changed.
    #[serde(rename = "userID", skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The team that the key is for, by slug, name or id. Cannot be changed.
    #[serde(rename = "teamID", skip_serializing_if = "Option::is_none")]
    pub team_id: Option<String>,
    /// The models that the key may use; empty means all of its team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Vec<String>>,
    /// What the key may spend in a period, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_budget: Option<String>,
    /// Where LiteLLM begins to warn, in US dollars, as a decimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soft_budget: Option<String>,
    /// What was spent; LiteLLM says it, writing it changes nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spend: Option<String>,
    /// The budget's period: 30s, 30m, 30h, 30d or 1mo.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_duration: Option<String>,
    /// The budget's id at LiteLLM.
    #[serde(rename = "budgetID", skip_serializing_if = "Option::is_none")]
    pub budget_id: Option<String>,
    /// How long the key is valid: 30s, 30m, 30h or 30d.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// Requests a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm_limit: Option<i64>,
    /// Tokens a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tpm_limit: Option<i64>,
    /// Requests at the same time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_parallel_requests: Option<i64>,
    /// Budgets of single models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_max_budget: Option<Words>,
    /// Requests a minute of single models.
    #[serde(rename = "modelRPMLimit", skip_serializing_if = "Option::is_none")]
    pub model_rpm_limit: Option<BTreeMap<String, i64>>,
    /// Tokens a minute of single models.
    #[serde(rename = "modelTPMLimit", skip_serializing_if = "Option::is_none")]
    pub model_tpm_limit: Option<BTreeMap<String, i64>>,
    /// Other names for models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aliases: Option<Words>,
    /// LiteLLM's own configuration of the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Words>,
    /// Anything else, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Words>,
    /// LiteLLM's own permissions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions: Option<Words>,
    /// Parameters that requests must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enforced_params: Option<Vec<String>>,
    /// Routes that the key may call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_routes: Option<Vec<String>>,
    /// LiteLLM's cache controls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_cache_controls: Option<Vec<String>>,
    /// LiteLLM's guardrails for the key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub guardrails: Option<Vec<String>>,
    /// Tags for spend.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<String>>,
    /// Whether the key is revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<bool>,
    /// Whether LiteLLM writes to the owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_invite_email: Option<bool>,
}
