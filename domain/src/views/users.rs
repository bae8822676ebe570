//! People's accounts, as lists, pages and APIs show them.

use chrono::{DateTime, Utc};

use crate::{OrgRole, OrganizationId, TeamId, TeamRole, TeamStatus, UserId};

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Id.
    pub id: UserId,
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
    /// Administers the installation.
    pub super_admin: bool,
    /// Sees everything, changes nothing.
    pub auditor: bool,
    /// May provision runners.
    pub can_use_jit: bool,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Last change by an admin.
    pub updated_at: DateTime<Utc>,
    /// Last sign-in or use of a session or token, to the hour; none is never.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When it was deactivated, while it is.
    pub deactivated_at: Option<DateTime<Utc>>,
}

impl Account {
    /// The name, or the email of someone without one.
    pub fn shown(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.email)
    }
}

/// An account in a list, with what of it the viewer may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedAccount {
    /// The account.
    pub account: Account,
    /// Teams that are not archived; the Default Team does not count.
    pub team_count: i64,
    /// Names of the organizations, in order.
    pub organizations: Vec<String>,
}

/// Where a role counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLevel {
    /// Everywhere.
    Installation,
    /// In an organization.
    Organization,
    /// In a team.
    Team,
}

impl AccessLevel {
    /// The word that files use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Installation => "installation",
            Self::Organization => "organization",
            Self::Team => "team",
        }
    }
}

/// One role of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessLine {
    /// The person.
    pub user_id: UserId,
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
    /// Whether the account is deactivated: the role gives nothing then.
    pub deactivated: bool,
    /// Last sign-in or use of a session or token, to the hour; none is never.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Where the role counts; none for a person without any.
    pub level: Option<AccessLevel>,
    /// The organization's name.
    pub organization: Option<String>,
    /// The team's name.
    pub team: Option<String>,
    /// The role, as the database has it.
    pub role: Option<String>,
    /// Where it comes from.
    pub source: Option<String>,
    /// Since when.
    pub since: Option<DateTime<Utc>>,
    /// When the membership ends by itself.
    pub ends: Option<DateTime<Utc>>,
    /// When an admin becomes a member.
    pub admin_until: Option<DateTime<Utc>>,
    /// The person's keys in the team that work.
    pub keys: Option<i64>,
    /// When one that is not revoked was used last; for keys of models, to the day.
    pub last_key_used_at: Option<DateTime<Utc>>,
}

/// What LiteLLM knows of somebody (SPEC C3). With several proxies the one that has most to catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteLlmStanding {
    /// It is as it is here.
    Synced,
    /// The latest change is on its way.
    Pending,
    /// It did not take the latest change; it is tried again, or waits for an admin.
    Error,
}

impl LiteLlmStanding {
    /// The word of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Synced => "synced",
            Self::Pending => "pending",
            Self::Error => "error",
        }
    }
}

/// An account's page: memberships, and what hangs on it, in numbers. An org_admin sees of it what is in their
/// organizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountPage {
    /// The account.
    pub account: Account,
    /// Email of who deactivated it.
    pub deactivated_by: Option<String>,
    /// Why it was deactivated.
    pub deactivation_reason: Option<String>,
    /// Whether somebody vouched for the address: whoever made the account, the providers of all who sign in to it, or a
    /// super_admin. Many providers say nothing.
    pub email_verified: bool,
    /// Whether a provider says outright that the address is not verified: it may be somebody else's, and gives nothing until a
    /// super_admin confirms it.
    pub email_denied: bool,
    /// Organizations, by name.
    pub organizations: Vec<AccountOrganization>,
    /// Teams that are not archived, by name.
    pub teams: Vec<AccountTeam>,
    /// What hangs on it.
    pub counts: AccountCounts,
    /// What LiteLLM knows of it; none without LiteLLM.
    pub sync_status: Option<LiteLlmStanding>,
    /// Why LiteLLM does not know it, for those who see all of the installation.
    pub sync_error: Option<String>,
    /// Whether the viewer sees all of it: otherwise sessions and tokens are told to nobody.
    pub whole: bool,
    /// Whether the viewer may change and deactivate it.
    pub manages: bool,
}

/// A membership of an organization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountOrganization {
    /// The organization.
    pub id: OrganizationId,
    /// Its name.
    pub name: String,
    /// Its slug.
    pub slug: String,
    /// The person's role in it.
    pub role: OrgRole,
    /// Whether they were invited from outside of its email domains.
    pub guest: bool,
}

/// A membership of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountTeam {
    /// The team.
    pub id: TeamId,
    /// Its name.
    pub name: String,
    /// The name of its organization.
    pub organization_name: String,
    /// Its status.
    pub status: TeamStatus,
    /// The person's role in it.
    pub role: TeamRole,
    /// Roles in its projects.
    pub project_roles: i64,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// When the membership ends by itself; none is never.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What hangs on an account, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AccountCounts {
    /// Sessions of the console that have not ended.
    pub sessions: i64,
    /// Personal access tokens that work.
    pub tokens: i64,
    /// API keys that work.
    pub keys: i64,
    /// Runners that are not deleted.
    pub runners: i64,
    /// Roles in projects.
    pub project_roles: i64,
}

/// What deactivating an account does (SPEC B26, D12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeactivationEffects {
    /// The account.
    pub user_id: UserId,
    /// Its email.
    pub email: String,
    /// Sessions end, tokens are revoked, keys stop working, runners stay.
    pub counts: AccountCounts,
    /// Teams that then have no admin, by name.
    pub teams_without_admin: Vec<(TeamId, String)>,
}

/// What became of one account that a batch named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchRow {
    /// The account, if there is one.
    pub user_id: Option<UserId>,
    /// Its email, or what was sent instead of one.
    pub email: String,
    /// Nothing went wrong, or what did.
    pub refusal: Option<String>,
    /// What hung on the account when it was deactivated.
    pub counts: AccountCounts,
}

/// What a batch did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchResult {
    /// One row for each account that was named, or found by `all`.
    pub rows: Vec<BatchRow>,
    /// Teams that then have no admin, by name.
    pub teams_without_admin: Vec<(TeamId, String)>,
}

impl BatchResult {
    /// How many accounts were changed.
    pub fn affected(&self) -> usize {
        self.rows.iter().filter(|row| row.refusal.is_none()).count()
    }

    /// How many were not.
    pub fn failed(&self) -> usize {
        self.rows.len() - self.affected()
    }
}
