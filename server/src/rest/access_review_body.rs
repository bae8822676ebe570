//! Access reviews in JSON.

use chrono::{DateTime, Utc};
use domain::views;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// An access review.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReview {
    id: Uuid,
    #[schema(example = "Fourth quarter")]
    name: String,
    organization_id: Uuid,
    /// Null: the whole organization.
    team_id: Option<Uuid>,
    /// What was reviewed: the organization's name, or the team's.
    #[schema(example = "Engineering")]
    scope: String,
    /// `people`: memberships and roles. `services`: what teams may use.
    covers: Vec<&'static str>,
    /// What becomes of lines that nobody decides: `keep` or `remove`.
    #[schema(example = "keep")]
    silence: &'static str,
    /// `open`, `closing` (removals are being made), `closed` or `cancelled`.
    #[schema(example = "open")]
    state: &'static str,
    /// Email of who started it.
    #[schema(example = "tess@example.com")]
    started_by: String,
    created_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
    /// When deciding ended.
    ended_at: Option<DateTime<Utc>>,
    /// Email of who ended it, or `the due date`.
    ended_by: Option<String>,
    /// When the last removal was made, and the report signed.
    closed_at: Option<DateTime<Utc>>,
    reminded_at: Option<DateTime<Utc>>,
    reminded_by: Option<String>,
    /// The last of the reminders that come by themselves, a week and a day before it is due.
    auto_reminded_at: Option<DateTime<Utc>>,
    #[schema(example = 42)]
    lines: i64,
    #[schema(example = 30)]
    keep: i64,
    #[schema(example = 2)]
    remove: i64,
    #[schema(example = 10)]
    undecided: i64,
}

impl From<views::AccessReview> for AccessReview {
    fn from(review: views::AccessReview) -> Self {
        let covers = [(review.covers_people, "people"), (review.covers_services, "services")];
        Self {
            id: review.id.0,
            organization_id: review.organization_id.0,
            team_id: review.team_id.map(|id| id.0),
            covers: covers
                .into_iter()
                .filter_map(|(yes, word)| yes.then_some(word))
                .collect(),
            silence: review.silence.as_str(),
            state: review.state.as_str(),
            created_at: review.created_at,
            due_at: review.due_at,
            ended_at: review.ended_at,
            closed_at: review.closed_at,
            reminded_at: review.reminded_at,
            auto_reminded_at: review.auto_reminded_at,
            lines: review.lines,
            keep: review.keep,
            remove: review.remove,
            undecided: review.undecided(),
            name: review.name,
            scope: review.scope_name,
            started_by: review.starter,
            ended_by: review.ended_by,
            reminded_by: review.reminded_by,
        }
    }
}

/// A review, with what the caller may do with it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReviewDetail {
    #[serde(flatten)]
    review: AccessReview,
    /// Whether the caller may remind, close and cancel.
    can_manage: bool,
    /// Whether the caller sees all lines; else those of teams that they administer.
    sees_all: bool,
    /// Undecided lines that wait for the caller.
    #[schema(example = 4)]
    waiting: i64,
    /// The lines that the caller sees, by kind.
    counts: Vec<AccessReviewCounts>,
}

impl From<views::ReviewPage> for AccessReviewDetail {
    fn from(page: views::ReviewPage) -> Self {
        Self {
            can_manage: page.manages && page.review.is_open(),
            sees_all: page.whole,
            waiting: page.mine,
            counts: page.counts.iter().map(AccessReviewCounts::from).collect(),
            review: page.review.into(),
        }
    }
}

/// Lines of one kind, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReviewCounts {
    /// `membership`, `organization_role` or `service`.
    #[schema(example = "membership")]
    kind: &'static str,
    lines: i64,
    keep: i64,
    remove: i64,
    undecided: i64,
    /// Removed, since the review closed.
    removed: i64,
    /// Gone before they could be removed.
    gone: i64,
    /// Not removed, because a rule refused it.
    refused: i64,
}

impl From<&views::ReviewCounts> for AccessReviewCounts {
    fn from(counts: &views::ReviewCounts) -> Self {
        Self {
            kind: counts.kind.as_str(),
            lines: counts.lines,
            keep: counts.keep,
            remove: counts.remove,
            undecided: counts.undecided(),
            removed: counts.removed,
            gone: counts.gone,
            refused: counts.refused,
        }
    }
}

/// One page of reviews, newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReviewList {
    pub(super) reviews: Vec<AccessReview>,
    /// How many all pages hold together.
    #[schema(example = 1)]
    pub(super) total: i64,
    /// `cursor` of the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

/// A line: what was so when the review started, when it was used last, what was decided, and what became of it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReviewLine {
    id: Uuid,
    /// Its place in the review, from 1.
    #[schema(example = 1)]
    place: i32,
    /// `membership`, `organization_role` or `service`.
    #[schema(example = "membership")]
    kind: &'static str,
    /// Null for a role in the organization.
    team_id: Option<Uuid>,
    team: Option<String>,
    /// Null for a service.
    user_id: Option<Uuid>,
    #[schema(example = "max@example.com")]
    email: Option<String>,
    display_name: Option<String>,
    /// Whether the account was deactivated.
    deactivated: bool,
    #[schema(example = "member")]
    role: Option<String>,
    service_id: Option<Uuid>,
    service: Option<String>,
    /// `manual`, `idp`, `declared`, `bulk` or `invitation`; null for a service.
    #[schema(example = "manual")]
    source: Option<String>,
    given_by: Option<String>,
    /// Why a service was allowed.
    given_reason: Option<String>,
    since: DateTime<Utc>,
    /// When the person was seen last; null for never.
    last_seen_at: Option<DateTime<Utc>>,
    /// Working keys: the person's in the team; of a service, the team's.
    key_count: i32,
    /// The last use of any of those keys, also of ended ones; null for never. Use by service is not recorded.
    last_key_used_at: Option<DateTime<Utc>>,
    /// When the person provisioned a runner for the team last; null for never.
    last_runner_at: Option<DateTime<Utc>>,
    /// `keep`, `remove`, or null while nobody has decided.
    decision: Option<&'static str>,
    reason: Option<String>,
    decided_by: Option<String>,
    decided_at: Option<DateTime<Utc>>,
    /// Whether nobody decided it, and what silence means was applied.
    by_silence: bool,
    /// `kept`, `removed`, `gone` (was not there any more) or `refused`; null until the review closes.
    outcome: Option<&'static str>,
    outcome_detail: Option<String>,
    /// Whether the caller may decide it now; nobody decides on their own line.
    can_decide: bool,
}

impl From<views::ReviewLine> for AccessReviewLine {
    fn from(line: views::ReviewLine) -> Self {
        Self {
            id: line.id.0,
            place: line.place,
            kind: line.kind.as_str(),
            team_id: line.team_id.map(|id| id.0),
            team: line.team,
            user_id: line.user_id.map(|id| id.0),
            email: line.email,
            display_name: line.display_name,
            deactivated: line.deactivated,
            role: line.role,
            service_id: line.service_id.map(|id| id.0),
            service: line.service,
            source: line.source,
            given_by: line.given_by,
            given_reason: line.given_reason,
            since: line.since,
            last_seen_at: line.last_seen_at,
            key_count: line.key_count,
            last_key_used_at: line.last_key_used_at,
            last_runner_at: line.last_runner_at,
            decision: line.decision.map(domain::ReviewDecision::as_str),
            reason: line.reason,
            decided_by: line.decider,
            decided_at: line.decided_at,
            by_silence: line.by_silence,
            outcome: line.outcome.map(domain::LineOutcome::as_str),
            outcome_detail: line.outcome_detail,
            can_decide: line.decides,
        }
    }
}

/// One page of lines, in their order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccessReviewLines {
    pub(super) lines: Vec<AccessReviewLine>,
    /// How many all pages hold together.
    #[schema(example = 1)]
    pub(super) total: i64,
    /// `cursor` of the next page; null on the last one.
    pub(super) next_cursor: Option<String>,
}

/// A review to start, of a team or of an organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"team_id": "0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e", "name": "Fourth quarter", "covers": ["people", "services"], "due_in_days": 14, "silence": "keep"}))]
pub(super) struct NewAccessReview {
    /// The team. Either this, or an organization.
    #[schema(value_type = Option<Uuid>)]
    pub(super) team_id: Option<String>,
    /// The organization, for all of it.
    #[schema(value_type = Option<Uuid>)]
    pub(super) organization_id: Option<String>,
    #[schema(min_length = 1, max_length = 100)]
    pub(super) name: String,
    /// `people`: memberships and roles. `services`: what teams may use. Both unless said otherwise.
    #[serde(default)]
    pub(super) covers: Option<Vec<Covers>>,
    #[schema(minimum = 1, maximum = 90)]
    pub(super) due_in_days: i64,
    /// What becomes of lines that nobody decides: `keep` or `remove`.
    pub(super) silence: String,
}

/// What a review covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Covers {
    /// Memberships and roles.
    People,
    /// What teams may use.
    Services,
}

/// A decision about lines.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"ids": ["0199a3c8-6c1e-7d7f-9a83-0c2f6f1f5b0e"], "decision": "remove", "reason": "Left the project in May"}))]
pub(super) struct LineDecision {
    #[schema(min_items = 1, max_items = 200, value_type = Vec<Uuid>)]
    pub(super) ids: Vec<String>,
    /// `keep` or `remove`.
    pub(super) decision: String,
    /// A removal needs one: the report says why.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: Option<String>,
}

/// What became of the decision, line by line.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LineDecisions {
    /// Whether all lines were decided.
    pub(super) success: bool,
    pub(super) affected_count: usize,
    pub(super) failed_count: usize,
    pub(super) details: Vec<LineDecided>,
}

/// What became of one.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct LineDecided {
    pub(super) id: String,
    /// What the line is about.
    #[schema(example = "max@example.com in Engineering")]
    pub(super) name: Option<String>,
    /// Why it stays as it was; null when it was decided.
    pub(super) error: Option<String>,
}
