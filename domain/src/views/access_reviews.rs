//! Access reviews.

use chrono::{DateTime, Utc};

use crate::{
    LineKind, LineOutcome, OrgRole, OrganizationId, ReviewDecision, ReviewId, ReviewLineId, ReviewState, ServiceId,
    Silence, TeamId, UserId, role_after_removal,
};

/// A review, as lists and its own page show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessReview {
    /// Id.
    pub id: ReviewId,
    /// The organization that it is about, or its team's.
    pub organization_id: OrganizationId,
    /// The team that it is about; none is the whole organization.
    pub team_id: Option<TeamId>,
    /// What that was called at the start.
    pub scope_name: String,
    /// What it is called.
    pub name: String,
    /// Whether it covers memberships and roles.
    pub covers_people: bool,
    /// Whether it covers services.
    pub covers_services: bool,
    /// What becomes of what nobody decides.
    pub silence: Silence,
    /// Where it stands.
    pub state: ReviewState,
    /// Email of who started it.
    pub starter: String,
    /// When it was started: the moment that its lines are of.
    pub created_at: DateTime<Utc>,
    /// When it closes by itself.
    pub due_at: DateTime<Utc>,
    /// When deciding ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Who ended it: an email, or the clock.
    pub ended_by: Option<String>,
    /// When all was done, and the report signed.
    pub closed_at: Option<DateTime<Utc>>,
    /// When somebody reminded the reviewers last.
    pub reminded_at: Option<DateTime<Utc>>,
    /// Who that was.
    pub reminded_by: Option<String>,
    /// When the clock reminded them last.
    pub auto_reminded_at: Option<DateTime<Utc>>,
    /// Lines.
    pub lines: i64,
    /// Those that are kept.
    pub keep: i64,
    /// Those that are removed, or will be.
    pub remove: i64,
}

impl AccessReview {
    /// Lines that nobody has decided.
    pub fn undecided(&self) -> i64 {
        self.lines - self.keep - self.remove
    }

    /// Whether lines can be decided.
    pub fn is_open(&self) -> bool {
        self.state == ReviewState::Open
    }

    /// What it covers, in words.
    pub fn covers(&self) -> &'static str {
        match (self.covers_people, self.covers_services) {
            (true, true) => "Memberships, roles and services",
            (true, false) => "Memberships and roles",
            _ => "Services",
        }
    }
}

/// A review with what its viewer may do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewPage {
    /// The review.
    pub review: AccessReview,
    /// Whether the viewer may remind, close and cancel.
    pub manages: bool,
    /// Whether the viewer sees all lines, and not only those of their teams.
    pub whole: bool,
    /// The lines that the viewer sees, in numbers, by kind.
    pub counts: Vec<ReviewCounts>,
    /// Undecided lines that wait for the viewer.
    pub mine: i64,
    /// The teams whose lines the viewer sees, by name; at most 200.
    pub teams: Vec<(TeamId, String)>,
}

/// Lines of one kind, in numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReviewCounts {
    /// The kind.
    pub kind: LineKind,
    /// How many.
    pub lines: i64,
    /// Decided to be kept.
    pub keep: i64,
    /// Decided to be removed.
    pub remove: i64,
    /// Removed, since the review closed.
    pub removed: i64,
    /// Gone before they could be removed.
    pub gone: i64,
    /// Not removed, because a rule refused it.
    pub refused: i64,
}

impl ReviewCounts {
    /// Lines that nobody has decided.
    pub fn undecided(&self) -> i64 {
        self.lines - self.keep - self.remove
    }
}

/// A line of a review: what was so when it started, when it was used last, what was decided, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewLine {
    /// Id.
    pub id: ReviewLineId,
    /// The place in the review.
    pub place: i32,
    /// What it is about.
    pub kind: LineKind,
    /// The team; none for a role in the organization.
    pub team_id: Option<TeamId>,
    /// That team's name.
    pub team: Option<String>,
    /// Whose membership or role it is.
    pub user_id: Option<UserId>,
    /// Their email.
    pub email: Option<String>,
    /// Their name.
    pub display_name: Option<String>,
    /// Whether their account was deactivated.
    pub deactivated: bool,
    /// Their role.
    pub role: Option<String>,
    /// The service.
    pub service_id: Option<ServiceId>,
    /// Its name.
    pub service: Option<String>,
    /// How it came to be: by hand, by a directory, declared, from a list.
    pub source: Option<String>,
    /// Email of who gave it.
    pub given_by: Option<String>,
    /// Why a service was allowed.
    pub given_reason: Option<String>,
    /// Since when it was so.
    pub since: DateTime<Utc>,
    /// When the person was seen last.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Keys that worked: the person's in the team, or, of a service, the team's.
    pub key_count: i32,
    /// When one of the keys, also of those that ended, was used last.
    pub last_key_used_at: Option<DateTime<Utc>>,
    /// When the person provisioned a runner for the team last.
    pub last_runner_at: Option<DateTime<Utc>>,
    /// What was decided.
    pub decision: Option<ReviewDecision>,
    /// Why.
    pub reason: Option<String>,
    /// Email of who decided it.
    pub decider: Option<String>,
    /// When.
    pub decided_at: Option<DateTime<Utc>>,
    /// Whether nobody decided it, and what silence means was applied.
    pub by_silence: bool,
    /// What happened when the review closed.
    pub outcome: Option<LineOutcome>,
    /// Why a removal was refused, or what there was instead.
    pub outcome_detail: Option<String>,
    /// Whether it is about the viewer: they never decide it.
    pub own: bool,
    /// Whether the viewer may decide it now.
    pub decides: bool,
}

impl ReviewLine {
    /// What it is about, in words.
    pub fn what(&self) -> String {
        let team = self.team.as_deref().unwrap_or("the organization");
        match self.kind {
            LineKind::Service => format!("{} for {team}", self.service.as_deref().unwrap_or_default()),
            _ => format!("{} in {team}", self.email.as_deref().unwrap_or_default()),
        }
    }

    /// What removing it does, in words that follow "removing".
    pub fn removal(&self) -> &'static str {
        let role = self.role.as_deref().and_then(|role| role.parse::<OrgRole>().ok());
        match self.kind {
            LineKind::Membership => "ends the membership, with project roles and keys in the team",
            LineKind::Service => "takes the service away from the team",
            LineKind::OrganizationRole if role.and_then(role_after_removal).is_some() => {
                "takes the role; the person stays in the organization"
            }
            LineKind::OrganizationRole => "takes the person out of the organization",
        }
    }
}
