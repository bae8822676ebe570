//! What pages and APIs show: plain data that the backend fills and every door renders.

mod access_reviews;
mod alerts;
mod api_keys;
mod audit;
mod budgets;
mod cost;
mod dashboard;
mod default_team;
mod guides;
mod home;
mod identity_links;
mod label_policies;
mod litellm;
mod machines;
mod members;
mod organization;
mod projects;
mod requests;
mod runners;
mod search;
mod services;
mod sync;
mod users;
mod waiting;

use chrono::{DateTime, NaiveDate, Utc};
use uuid::Uuid;

pub use access_reviews::*;
pub use alerts::*;
pub use api_keys::*;
pub use audit::*;
pub use budgets::*;
pub use cost::*;
pub use dashboard::*;
pub use default_team::*;
pub use guides::*;
pub use home::*;
pub use identity_links::*;
pub use label_policies::*;
pub use litellm::*;
pub use machines::*;
pub use members::*;
pub use organization::*;
pub use projects::*;
pub use requests::*;
pub use runners::*;
pub use search::*;
pub use services::*;
pub use sync::*;
pub use users::*;
pub use waiting::*;

use crate::{
    Label, LabelPattern, LabelPolicy, Limits, MachineClientId, Money, OrgRole, OrganizationId, ProjectId, RunnerId,
    RunnerStatus, Standing, TeamId, TeamRole, TeamStatus, TokenId, UserId,
};

/// One page of a keyset-paged list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The rows of this page.
    pub items: Vec<T>,
    /// How many rows all pages hold together: the true count under the same filters.
    pub total: i64,
    /// Cursor of the next page.
    pub next: Option<String>,
    /// Cursor of the page before.
    pub previous: Option<String>,
}

/// A team as every list, page and API shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Team {
    /// Id.
    pub id: TeamId,
    /// The organization it belongs to.
    pub organization_id: OrganizationId,
    /// That organization's slug.
    pub organization_slug: String,
    /// That organization's display name.
    pub organization_name: String,
    /// Display name.
    pub name: String,
    /// Slug, unique in the organization.
    pub slug: String,
    /// What the team is for.
    pub description: Option<String>,
    /// Active, inactive or archived.
    pub status: TeamStatus,
    /// The Default Team (SPEC X4).
    pub is_system: bool,
    /// Whether members may provision runners for it; false only for the Default Team.
    pub runners_enabled: bool,
    /// Label policy.
    pub policy: LabelPolicy,
    /// Most runners at a time; none is no limit.
    pub max_runners: Option<i32>,
    /// GitHub runner groups it may use; none means the default group (SPEC B30).
    pub runner_group_ids: Vec<i64>,
    /// Models, budget and rates.
    pub limits: Limits,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Email of the creator.
    pub created_by: Option<String>,
    /// When it was deactivated, while it is.
    pub deactivated_at: Option<DateTime<Utc>>,
    /// Email of who deactivated it.
    pub deactivated_by: Option<String>,
    /// Why it was deactivated.
    pub deactivation_reason: Option<String>,
    /// Members.
    pub member_count: i32,
    /// Projects.
    pub project_count: i32,
    /// Runners that count against the quota: all that are not deleted.
    pub runner_count: i32,
}

/// A team together with what the viewer is in it.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamPage {
    /// The team.
    pub team: Team,
    /// The viewer's standing, which decides what the page offers.
    pub standing: Standing,
    /// Whether the viewer sees more than name and status: members of an inactive team do not.
    pub open: bool,
    /// Whether somebody can act as the team's admin now (SPEC D12).
    pub has_admin: bool,
}

/// A day of a team.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamDay {
    /// The day (UTC).
    pub day: NaiveDate,
    /// The most runners that there were at a time.
    pub runners: i64,
    /// What was spent.
    pub spend: Money,
}

/// What the Overview tab shows.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamOverview {
    /// The team and the viewer's standing.
    pub page: TeamPage,
    /// How many of the members are admins now, with an account that is active.
    pub admin_count: i64,
    /// The team's runners, newest first, at most ten.
    pub runners: Vec<Runner>,
    /// The latest changes, newest first, at most ten.
    pub changes: Vec<Change>,
}

/// A project of a team.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Id.
    pub id: ProjectId,
    /// Its team.
    pub team_id: TeamId,
    /// Name, unique in the team.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// What it may spend, on which models, and how fast.
    pub limits: Limits,
    /// People assigned to it.
    pub member_count: i64,
    /// Keys that have not ended.
    pub key_count: i64,
    /// Live runners provisioned for it.
    pub runner_count: i64,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Email of the creator.
    pub created_by: Option<String>,
}

/// One of the viewer's teams.
#[derive(Debug, Clone, PartialEq)]
pub struct MyTeam {
    /// Id.
    pub id: TeamId,
    /// Slug.
    pub slug: String,
    /// Display name.
    pub name: String,
    /// What it is for; not shown of an inactive team.
    pub description: Option<String>,
    /// The viewer's role.
    pub role: TeamRole,
    /// Active or inactive.
    pub status: TeamStatus,
    /// Label policy.
    pub policy: LabelPolicy,
    /// Most runners at a time.
    pub max_runners: Option<i32>,
    /// Runners that count against the quota.
    pub runner_count: i32,
    /// Members.
    pub member_count: i32,
    /// The organization's display name.
    pub organization_name: String,
    /// Whether one can wait when its quota is full; false for one that is not active.
    pub waiting_list: bool,
}

/// A runner, without its configuration, which is shown once and never kept.
#[derive(Debug, Clone, PartialEq)]
pub struct Runner {
    /// Id.
    pub id: RunnerId,
    /// Name at GitHub.
    pub name: String,
    /// State.
    pub status: RunnerStatus,
    /// Whether it runs a job now.
    pub busy: bool,
    /// GitHub's id, once registered.
    pub github_runner_id: Option<i64>,
    /// GitHub's runner group.
    pub runner_group_id: i64,
    /// Labels.
    pub labels: Vec<String>,
    /// Whether it takes one job only.
    pub ephemeral: bool,
    /// Its team, if any.
    pub team_id: Option<TeamId>,
    /// Its team's name.
    pub team_name: Option<String>,
    /// Its team's organization.
    pub organization_id: Option<OrganizationId>,
    /// Its project, if any.
    pub project_id: Option<ProjectId>,
    /// Who provisioned it.
    pub owner: RunnerOwner,
    /// Email of who provisioned it, or the machine client's name.
    pub provisioned_by: String,
    /// Whether it lives on in a team that this person is no member of any more.
    pub owner_left: bool,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// Since when status and busy are what they are.
    pub state_since: DateTime<Utc>,
    /// When GitHub last told of it.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// When GitHub confirmed it.
    pub registered_at: Option<DateTime<Utc>>,
    /// When it was deleted.
    pub deleted_at: Option<DateTime<Utc>>,
    /// And why.
    pub deletion_reason: Option<String>,
}

/// Whose a runner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunnerOwner {
    /// A person's.
    Person(UserId),
    /// A machine client's.
    Machine(MachineClientId),
}

/// What provisioning gives, once.
#[derive(Clone)]
pub struct Provisioned {
    /// Our id.
    pub runner_id: RunnerId,
    /// The runner's name.
    pub runner_name: String,
    /// GitHub's just-in-time configuration, base64: a secret.
    pub encoded_jit_config: String,
    /// Final labels.
    pub labels: Vec<Label>,
    /// Until when the configuration can be used.
    pub expires_at: DateTime<Utc>,
}

impl Provisioned {
    /// The command that starts the runner. Holds the secret.
    pub fn run_command(&self) -> String {
        format!("./run.sh --jitconfig {}", self.encoded_jit_config)
    }
}

impl std::fmt::Debug for Provisioned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provisioned")
            .field("runner_name", &self.runner_name)
            .finish_non_exhaustive()
    }
}

/// A user label policy's patterns and labels, or the team's, as the provisioning form needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProvisionForm {
    /// The viewer's active teams that may have runners.
    pub teams: Vec<MyTeam>,
    /// The one of them that the viewer's newest runner is of; asked only where there are several.
    pub last_team: Option<TeamId>,
    /// Without teams: the viewer's own label policy.
    pub own_policy: Option<crate::UserLabelPolicy>,
    /// Whether that is nobody's in particular, but what the installation allows to people without one.
    pub policy_by_default: bool,
    /// Without teams: the viewer's live runners, which count against the policy's number.
    pub own_runners: i32,
    /// Whether the viewer may provision at all.
    pub can_use_jit: bool,
}

/// An entry of the audit log, short.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, as an email or a system name.
    pub actor: String,
    /// What, for example `team.update`.
    pub action: String,
    /// To whom or what, in words.
    pub target: String,
    /// The fields that changed, with the value before and after.
    pub fields: Vec<FieldChange>,
}

/// One field of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// The field.
    pub field: String,
    /// The value before, as text; none if there was none.
    pub before: Option<String>,
    /// The value after.
    pub after: Option<String>,
}

/// A signed-in person, for navigation and `auth/me`.
#[derive(Debug, Clone, PartialEq)]
pub struct Me {
    /// Id.
    pub id: UserId,
    /// Email.
    pub email: String,
    /// Name.
    pub display_name: Option<String>,
    /// The subject at the OpenID provider, if the person signed in by it.
    pub oidc_sub: Option<String>,
    /// Administers the installation.
    pub super_admin: bool,
    /// Administers some organization.
    pub org_admin: bool,
    /// Sees people's accounts: all of them, or those of some organization.
    pub sees_people: bool,
    /// Sees the whole installation: a super_admin or an auditor of it.
    pub sees_everything: bool,
    /// May provision runners.
    pub can_use_jit: bool,
    /// Active teams: id, name, role.
    pub teams: Vec<(TeamId, String, TeamRole)>,
}

/// A personal access token, without its secret.
#[derive(Debug, Clone, PartialEq)]
pub struct Token {
    /// Id.
    pub id: TokenId,
    /// The owner's name for it.
    pub name: String,
    /// The first characters of the secret.
    pub prefix: String,
    /// Creation time.
    pub created_at: DateTime<Utc>,
    /// When it ends; none is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Last use, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// An organization, short.
#[derive(Debug, Clone, PartialEq)]
pub struct Organization {
    /// Id.
    pub id: OrganizationId,
    /// Display name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// The viewer's role in it.
    pub role: Option<OrgRole>,
    /// Teams that are not archived.
    pub team_count: i64,
    /// Ceilings for its teams.
    pub limits: Limits,
    /// Most live runners of all its teams together; none is no limit.
    pub max_runners: Option<i32>,
    /// Where its days and months begin: the name of a time zone.
    pub time_zone: String,
    /// How many people belong to it, for those who see it whole.
    pub people_count: Option<i64>,
}

/// An id of any kind in a link.
pub fn short_id(id: impl Into<Uuid>) -> String {
    let mut text = id.into().simple().to_string();
    text.truncate(8);
    text
}

/// The texts of labels, for forms.
pub fn label_list(labels: &[Label]) -> String {
    labels.iter().map(Label::as_str).collect::<Vec<_>>().join(", ")
}

/// The texts of patterns, for forms.
pub fn pattern_list(patterns: &[LabelPattern]) -> String {
    patterns.iter().map(LabelPattern::as_str).collect::<Vec<_>>().join(", ")
}
