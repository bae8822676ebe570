//! What people in no team may put on runners, and what becomes of them in a team (SPEC B16, B17).

use chrono::{DateTime, Utc};

use crate::{LabelPolicy, OrganizationId, TeamId, UserId, UserLabelPolicy, suggestions::LabelDifference};

/// The label policy of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonPolicy {
    /// Whose it is.
    pub user_id: UserId,
    /// Their email.
    pub email: String,
    /// Their name, if they have one here.
    pub display_name: Option<String>,
    /// Whether their account is deactivated.
    pub deactivated: bool,
    /// What it allows.
    pub policy: UserLabelPolicy,
    /// What it is for.
    pub description: Option<String>,
    /// Email of who wrote it first.
    pub created_by: Option<String>,
    /// When it was written first.
    pub created_at: DateTime<Utc>,
    /// When it was changed last.
    pub updated_at: DateTime<Utc>,
    /// The person's live runners, which count against its number.
    pub runners: i64,
    /// Active teams whose policies count instead of this one.
    pub teams: i64,
}

impl PersonPolicy {
    /// What the person is called.
    pub fn shown(&self) -> &str {
        self.display_name.as_deref().unwrap_or(&self.email)
    }
}

/// What becomes of a person who moves from their own label policy to a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonChange {
    /// Who.
    pub user_id: UserId,
    /// Their email.
    pub email: String,
    /// Their name, if they have one here.
    pub display_name: Option<String>,
    /// The labels that they lose and gain.
    pub labels: LabelDifference,
    /// How many runners they may have by their own policy; none is no limit.
    pub max_runners: Option<i32>,
    /// Whether their own policy asks for an approval, which a team's does not.
    pub require_approval: bool,
    /// Their live runners. Those stay as they are, and do not count against the team's quota.
    pub runners: i64,
    /// Their active teams: with any, they choose among them and their own policy is at rest already.
    pub teams: Vec<String>,
}

/// A team that could take the place of some people's own label policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TeamSuggestion {
    /// What it is known by, as long as the policies that it comes from stay as they are.
    pub key: String,
    /// The organization that the team would belong to.
    pub organization_id: OrganizationId,
    /// Its name.
    pub organization_name: String,
    /// A name that is free there.
    pub name: String,
    /// The team's label policy.
    pub policy: LabelPolicy,
    /// Labels that every one of the people may use: these could be made required.
    pub common: Vec<String>,
    /// The team's quota: the sum of the people's; none is no limit.
    pub max_runners: Option<i32>,
    /// Whether all of the people have the same policy; otherwise they are similar.
    pub equal: bool,
    /// The people, by email.
    pub people: Vec<PersonChange>,
}

/// All suggestions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Suggestions {
    /// The largest first.
    pub suggestions: Vec<TeamSuggestion>,
    /// Policies of people whose accounts are deactivated: nobody can add those to a team.
    pub deactivated: i64,
    /// Policies beyond those that were looked at in one go.
    pub beyond: i64,
}

/// A team that has taken the place of policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigratedTeam {
    /// The team; none when it was only tried.
    pub id: Option<TeamId>,
    /// Its name.
    pub name: String,
    /// Its organization's name.
    pub organization_name: String,
    /// Its quota.
    pub max_runners: Option<i32>,
    /// Who is in it now, and what that means to them.
    pub people: Vec<PersonChange>,
}

/// What a migration has done, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migration {
    /// The teams, in the order of the request.
    pub teams: Vec<MigratedTeam>,
    /// How many policies are removed.
    pub policies_removed: i64,
    /// Whether nothing was done.
    pub dry_run: bool,
}

/// What the end of a person's label policy means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRemoval {
    /// Active teams: with any, the policy is at rest anyway.
    pub teams: i64,
    /// Live runners; they stay.
    pub runners: i64,
    /// Whether the installation allows everything to people without a policy.
    pub everything_without: bool,
}

/// Whom it concerns when runners are enabled on the Default Team (SPEC X4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DefaultTeamEffects {
    /// Its members.
    pub members: i64,
    /// Those of them in no other active team: their own label policies end.
    pub by_own_policy: i64,
}
