//! People's accounts in JSON (SPEC B26).

use backend::users::{AccountPatchInput, NewAccountInput};
use chrono::{DateTime, Utc};
use domain::{OrgRole, OrganizationId, TeamId, TeamRole, TeamStatus, views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{body::present, members::Role, organizations::RoleInOrganization, team_body::Status};

/// A person's account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct User {
    id: Uuid,
    /// The same id again.
    #[serde(rename = "user_id")]
    id_again: Uuid,
    #[schema(example = "user@example.com")]
    email: String,
    display_name: Option<String>,
    /// Administers the whole installation.
    is_admin: bool,
    /// Sees everything, changes nothing.
    is_auditor: bool,
    /// May provision runners.
    can_use_jit: bool,
    /// Whether the account is not deactivated.
    is_active: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    /// Last sign-in, or use of a session or token, to the hour; null is never.
    last_seen_at: Option<DateTime<Utc>>,
    deactivated_at: Option<DateTime<Utc>>,
}

impl From<views::Account> for User {
    fn from(account: views::Account) -> Self {
        Self {
            id: account.id.0,
            id_again: account.id.0,
            email: account.email,
            display_name: account.display_name,
            is_admin: account.super_admin,
            is_auditor: account.auditor,
            can_use_jit: account.can_use_jit,
            is_active: account.deactivated_at.is_none(),
            created_at: account.created_at,
            updated_at: account.updated_at,
            last_seen_at: account.last_seen_at,
            deactivated_at: account.deactivated_at,
        }
    }
}

/// An account in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ListedUser {
    #[serde(flatten)]
    user: User,
    /// Teams that are not archived; an org_admin sees those of their organizations.
    team_count: i64,
    /// Names of the organizations that the caller may see the person in.
    #[schema(example = json!(["Acme Corporation"]))]
    organizations: Vec<String>,
}

/// One page of people, by email.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserList {
    pub(super) users: Vec<ListedUser>,
    /// How many people there are under these filters.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

impl From<views::Page<views::ListedAccount>> for UserList {
    fn from(page: views::Page<views::ListedAccount>) -> Self {
        let users = page.items.into_iter().map(|listed| ListedUser {
            user: listed.account.into(),
            team_count: listed.team_count,
            organizations: listed.organizations,
        });
        Self {
            users: users.collect(),
            total: page.total,
            next_cursor: page.next,
        }
    }
}

/// An account with its memberships and what hangs on it. An org_admin sees of it what is in their organizations.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct UserPage {
    #[serde(flatten)]
    user: User,
    /// Email of who deactivated it.
    deactivated_by: Option<String>,
    deactivation_reason: Option<String>,
    /// False while somebody signs in to it of whose email the provider does not say that it is verified.
    email_verified: bool,
    /// True while a provider says outright that it is not: nobody adds them to a team or an organization.
    email_denied: bool,
    organizations: Vec<UserOrganization>,
    /// Teams that are not archived.
    teams: Vec<UserTeam>,
    /// Sessions of the console; null for an org_admin.
    session_count: Option<i64>,
    /// Access tokens that work; null for an org_admin.
    token_count: Option<i64>,
    /// API keys that work.
    key_count: i64,
    /// Runners that are not deleted.
    runner_count: i64,
    /// Roles in projects.
    project_role_count: i64,
    /// What LiteLLM knows of the person: `synced`, `pending` or `error`; null without LiteLLM.
    #[schema(example = "synced")]
    sync_status: Option<&'static str>,
    /// Why LiteLLM does not know the person; null for an org_admin.
    sync_error: Option<String>,
}

/// A membership of an organization.
#[derive(Debug, Serialize, ToSchema)]
struct UserOrganization {
    id: Uuid,
    #[schema(example = "Acme Corporation")]
    name: String,
    #[schema(example = "acme-corporation")]
    slug: String,
    #[schema(value_type = RoleInOrganization)]
    role: OrgRole,
    /// Whether they were invited from outside of its email domains.
    is_guest: bool,
}

/// A membership of a team.
#[derive(Debug, Serialize, ToSchema)]
struct UserTeam {
    id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
    #[schema(example = "Acme Corporation")]
    organization_name: String,
    #[schema(value_type = Status)]
    status: TeamStatus,
    #[schema(value_type = Role)]
    role: TeamRole,
    /// Roles in the team's projects.
    project_role_count: i64,
    joined_at: DateTime<Utc>,
    /// When the membership ends by itself; null is never.
    expires_at: Option<DateTime<Utc>>,
}

impl From<views::AccountPage> for UserPage {
    fn from(page: views::AccountPage) -> Self {
        let counts = page.counts;
        let organizations = page.organizations.into_iter().map(|organization| UserOrganization {
            id: organization.id.0,
            name: organization.name,
            slug: organization.slug,
            role: organization.role,
            is_guest: organization.guest,
        });
        let teams = page.teams.into_iter().map(|team| UserTeam {
            id: team.id.0,
            name: team.name,
            organization_name: team.organization_name,
            status: team.status,
            role: team.role,
            project_role_count: team.project_roles,
            joined_at: team.joined_at,
            expires_at: team.expires_at,
        });
        Self {
            user: page.account.into(),
            deactivated_by: page.deactivated_by,
            deactivation_reason: page.deactivation_reason,
            email_verified: page.email_verified,
            email_denied: page.email_denied,
            organizations: organizations.collect(),
            teams: teams.collect(),
            session_count: page.whole.then_some(counts.sessions),
            token_count: page.whole.then_some(counts.tokens),
            key_count: counts.keys,
            runner_count: counts.runners,
            project_role_count: counts.project_roles,
            sync_status: page.sync_status.map(views::LiteLlmStanding::as_str),
            sync_error: page.sync_error,
        }
    }
}

/// A new account.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"email": "user@example.com", "display_name": "Ursula User"}))]
pub(super) struct NewUser {
    /// The address that they sign in with.
    email: String,
    /// 1 to 200 characters on one line.
    #[schema(max_length = 200)]
    display_name: Option<String>,
    /// Let them administer the whole installation.
    #[serde(default)]
    is_admin: bool,
    /// Let them see everything.
    #[serde(default)]
    is_auditor: bool,
    /// Let them provision runners; yes unless said otherwise.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    can_use_jit: Option<bool>,
    /// An organization that they belong to.
    organization_id: Option<Uuid>,
    /// `org_admin`, `org_member` or `auditor`; `org_member` unless said otherwise.
    organization_role: Option<String>,
}

impl From<NewUser> for NewAccountInput {
    fn from(new: NewUser) -> Self {
        Self {
            email: new.email,
            display_name: new.display_name,
            super_admin: new.is_admin,
            auditor: new.is_auditor,
            can_use_jit: new.can_use_jit,
            organization_id: new.organization_id.map(OrganizationId),
            organization_role: new.organization_role,
        }
    }
}

/// Changes to an account. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"can_use_jit": false}))]
pub(super) struct UserPatch {
    /// Null clears it.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 200)]
    display_name: Option<Option<String>>,
    /// Let them administer the whole installation.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    is_admin: Option<bool>,
    /// Let them see everything.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    is_auditor: Option<bool>,
    /// Let them provision runners.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    can_use_jit: Option<bool>,
    /// Confirm that the address is theirs; only true.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    email_verified: Option<bool>,
}

impl From<UserPatch> for AccountPatchInput {
    fn from(patch: UserPatch) -> Self {
        Self {
            display_name: patch.display_name,
            super_admin: patch.is_admin,
            auditor: patch.is_auditor,
            can_use_jit: patch.can_use_jit,
            email_verified: patch.email_verified,
        }
    }
}

/// What a deactivation did, or would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Deactivation {
    #[serde(flatten)]
    user: User,
    /// Whether nothing was changed.
    dry_run: bool,
    #[serde(flatten)]
    effects: Effects,
    /// Teams that have no admin any more.
    teams_without_admin: Vec<TeamWithoutAdmin>,
}

impl Deactivation {
    pub(super) fn new(account: views::Account, effects: views::DeactivationEffects, dry_run: bool) -> Self {
        Self {
            user: account.into(),
            dry_run,
            effects: effects.counts.into(),
            teams_without_admin: without_admin(effects.teams_without_admin),
        }
    }
}

/// What ends with an account, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Effects {
    /// Sessions of the console that end.
    sessions_ended: i64,
    /// Access tokens that are revoked, and stay so.
    tokens_revoked: i64,
    /// API keys that stop working until the account is active again.
    keys_stopped: i64,
    /// Runners that stay.
    runners_left: i64,
}

impl From<views::AccountCounts> for Effects {
    fn from(counts: views::AccountCounts) -> Self {
        Self {
            sessions_ended: counts.sessions,
            tokens_revoked: counts.tokens,
            keys_stopped: counts.keys,
            runners_left: counts.runners,
        }
    }
}

/// A team that has no admin.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TeamWithoutAdmin {
    id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
}

pub(super) fn without_admin(teams: Vec<(TeamId, String)>) -> Vec<TeamWithoutAdmin> {
    teams
        .into_iter()
        .map(|(id, name)| TeamWithoutAdmin { id: id.0, name })
        .collect()
}
