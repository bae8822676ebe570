//! Label policies in JSON (SPEC B17).

use backend::{
    label_policies::{MigrationInput, NewPolicyInput, PlannedTeamInput},
    teams::NewTeamInput,
};
use chrono::{DateTime, Utc};
use domain::{OrganizationId, suggestions::LabelDifference, views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::body::present;

/// What a person in no team may put on runners.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LabelPolicy {
    /// The person's email address.
    #[schema(example = "user@example.com")]
    user_identity: String,
    user_id: Uuid,
    display_name: Option<String>,
    /// Labels by name; `*` is all of them.
    #[schema(example = json!(["gpu", "docker"]))]
    allowed_labels: Vec<String>,
    /// Regular expressions; one of them has to match a whole label.
    #[schema(example = json!(["project-.*"]))]
    label_patterns: Vec<String>,
    /// Most runners at a time; null is no limit.
    #[schema(example = 3)]
    max_runners: Option<i32>,
    /// Whether somebody has to approve each runner: until then, provisioning answers 403 `APPROVAL_REQUIRED`.
    require_approval: bool,
    description: Option<String>,
    /// The person's live runners.
    runner_count: i64,
    /// Active teams of the person: with any, their policies count and this one rests.
    team_count: i64,
    /// Email of who wrote it first.
    created_by: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<views::PersonPolicy> for LabelPolicy {
    fn from(policy: views::PersonPolicy) -> Self {
        Self {
            user_identity: policy.email,
            user_id: policy.user_id.0,
            display_name: policy.display_name,
            allowed_labels: policy.policy.allowed,
            label_patterns: policy.policy.patterns.into_iter().map(String::from).collect(),
            max_runners: policy.policy.max_runners,
            require_approval: policy.policy.require_approval,
            description: policy.description,
            runner_count: policy.runners,
            team_count: policy.teams,
            created_by: policy.created_by,
            created_at: policy.created_at,
            updated_at: policy.updated_at,
        }
    }
}

/// One page of label policies, by email.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LabelPolicyList {
    pub(super) policies: Vec<LabelPolicy>,
    /// How many there are under this search.
    #[schema(example = 1)]
    total: i64,
    /// `cursor` of the next page; null on the last one.
    next_cursor: Option<String>,
}

impl From<views::Page<views::PersonPolicy>> for LabelPolicyList {
    fn from(page: views::Page<views::PersonPolicy>) -> Self {
        Self {
            policies: page.items.into_iter().map(LabelPolicy::from).collect(),
            total: page.total,
            next_cursor: page.next,
        }
    }
}

/// A label policy, in place of the one that the person has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user_identity": "user@example.com", "allowed_labels": ["gpu", "docker"], "label_patterns": ["project-.*"], "max_runners": 3}))]
pub(super) struct NewLabelPolicy {
    /// The UUID or email address of somebody who has an account.
    user_identity: String,
    /// Letters, digits, `-` and `_`, or `*` for all; at most 100.
    allowed_labels: Vec<String>,
    /// Regular expressions without backtracking; at most 50.
    label_patterns: Option<Vec<String>>,
    /// Left out or null: no limit.
    #[schema(minimum = 0, maximum = 100_000)]
    max_runners: Option<i64>,
    /// Refuse runners until somebody has approved.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    require_approval: Option<bool>,
    #[schema(max_length = 500)]
    description: Option<String>,
}

impl From<NewLabelPolicy> for NewPolicyInput {
    fn from(body: NewLabelPolicy) -> Self {
        Self {
            user_identity: body.user_identity,
            allowed_labels: body.allowed_labels,
            label_patterns: body.label_patterns.unwrap_or_default(),
            max_runners: body.max_runners,
            require_approval: body.require_approval.unwrap_or(false),
            description: body.description,
        }
    }
}

/// What becomes of a person who moves from their own label policy to a team.
#[derive(Debug, Serialize, ToSchema)]
struct PersonInMigration {
    user_id: Uuid,
    #[schema(example = "user@example.com")]
    user_identity: String,
    /// Labels and patterns that they could use and cannot any more.
    labels_lost: Vec<String>,
    /// Labels and patterns that they could not use and can now.
    labels_gained: Vec<String>,
    /// Labels that their runners carry from then on, asked for or not.
    labels_always: Vec<String>,
    /// Patterns that cannot be compared with those of the other side.
    not_comparable: Vec<String>,
    /// The quota of their own policy; null is no limit.
    max_runners_before: Option<i32>,
    /// Whether their own policy asks for an approval, which a team's does not.
    approval_dropped: bool,
    /// Their live runners: they stay, and do not count against the team's quota.
    runner_count: i64,
    /// Their active teams. Whoever has teams has to name one when provisioning.
    teams: Vec<String>,
}

impl From<views::PersonChange> for PersonInMigration {
    fn from(person: views::PersonChange) -> Self {
        let LabelDifference {
            lost,
            gained,
            always,
            unknown,
        } = person.labels;
        Self {
            user_id: person.user_id.0,
            user_identity: person.email,
            labels_lost: lost,
            labels_gained: gained,
            labels_always: always,
            not_comparable: unknown,
            max_runners_before: person.max_runners,
            approval_dropped: person.require_approval,
            runner_count: person.runners,
            teams: person.teams,
        }
    }
}

/// A team that could take the place of some people's label policies.
#[derive(Debug, Serialize, ToSchema)]
struct Suggestion {
    organization_id: Uuid,
    organization_name: String,
    /// A name that is free there.
    #[schema(example = "Backend runners")]
    name: String,
    /// Empty: what a policy allows is not what every runner has to carry.
    required_labels: Vec<String>,
    #[schema(example = json!(["docker", "backend-.*"]))]
    optional_label_patterns: Vec<String>,
    /// Labels that all of these people may use, and that could be made required.
    common_labels: Vec<String>,
    /// The sum of the people's quotas; null is no limit.
    max_runners: Option<i32>,
    /// Whether all of the policies are equal; otherwise they are similar.
    equal: bool,
    members: Vec<PersonInMigration>,
}

/// Teams that could take the place of label policies.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SuggestionList {
    /// The largest first.
    suggestions: Vec<Suggestion>,
    #[schema(example = 1)]
    total: usize,
    /// Policies of people whose accounts are deactivated, which are left out.
    deactivated: i64,
    /// Policies beyond the 2000 that are looked at in one go.
    beyond: i64,
}

impl From<views::Suggestions> for SuggestionList {
    fn from(found: views::Suggestions) -> Self {
        let suggestions: Vec<Suggestion> = found
            .suggestions
            .into_iter()
            .map(|team| Suggestion {
                organization_id: team.organization_id.0,
                organization_name: team.organization_name,
                name: team.name,
                required_labels: team.policy.required.into_iter().map(String::from).collect(),
                optional_label_patterns: team.policy.optional.into_iter().map(String::from).collect(),
                common_labels: team.common,
                max_runners: team.max_runners,
                equal: team.equal,
                members: team.people.into_iter().map(PersonInMigration::from).collect(),
            })
            .collect();
        Self {
            total: suggestions.len(),
            suggestions,
            deactivated: found.deactivated,
            beyond: found.beyond,
        }
    }
}

/// What to migrate.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"suggestions": [{"name": "Backend runners", "optional_label_patterns": ["docker", "backend-.*"], "max_runners": 6, "members": ["user@example.com"]}], "dry_run": true, "remove_policies": true}))]
pub(super) struct NewMigration {
    /// The teams to make: as they were suggested, or otherwise.
    suggestions: Vec<PlannedTeam>,
    /// Try all of it, and do nothing.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub(super) dry_run: Option<bool>,
    /// Remove the people's own policies afterwards.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false)]
    pub(super) remove_policies: Option<bool>,
}

/// A team and the people who go to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PlannedTeam {
    /// 2 to 50 characters on one line.
    #[schema(min_length = 2, max_length = 50)]
    name: String,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// Left out or null: the only organization that the caller administers, else none.
    organization_id: Option<Uuid>,
    /// Labels that every runner of the team is to carry.
    required_labels: Option<Vec<String>>,
    /// Regular expressions; at most 50.
    optional_label_patterns: Option<Vec<String>>,
    /// Left out or null: no limit.
    #[schema(minimum = 0, maximum = 100_000)]
    max_runners: Option<i64>,
    /// UUIDs or email addresses of people who have a label policy.
    members: Vec<String>,
}

impl From<NewMigration> for MigrationInput {
    fn from(body: NewMigration) -> Self {
        let teams = body.suggestions.into_iter().map(|planned| PlannedTeamInput {
            team: NewTeamInput {
                name: planned.name,
                description: planned.description,
                required_labels: planned.required_labels.unwrap_or_default(),
                optional_label_patterns: planned.optional_label_patterns.unwrap_or_default(),
                max_runners: planned.max_runners,
                organization_id: planned.organization_id.map(OrganizationId),
                ..NewTeamInput::default()
            },
            members: planned.members,
        });
        Self { teams: teams.collect() }
    }
}

/// What a migration has done, or in a dry run would do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Migration {
    teams: Vec<NewTeamOfMigration>,
    /// Label policies that were removed.
    policies_removed: i64,
    dry_run: bool,
}

/// A team that was made.
#[derive(Debug, Serialize, ToSchema)]
struct NewTeamOfMigration {
    /// Null in a dry run.
    id: Option<Uuid>,
    #[schema(example = "Backend runners")]
    name: String,
    organization_name: String,
    max_runners: Option<i32>,
    /// As they were before.
    members: Vec<PersonInMigration>,
}

impl From<views::Migration> for Migration {
    fn from(done: views::Migration) -> Self {
        let teams = done.teams.into_iter().map(|team| NewTeamOfMigration {
            id: team.id.map(|id| id.0),
            name: team.name,
            organization_name: team.organization_name,
            max_runners: team.max_runners,
            members: team.people.into_iter().map(PersonInMigration::from).collect(),
        });
        Self {
            teams: teams.collect(),
            policies_removed: done.policies_removed,
            dry_run: done.dry_run,
        }
    }
}
