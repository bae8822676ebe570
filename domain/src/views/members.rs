//! Members of teams.

use chrono::{DateTime, Utc};

use crate::{InvitationId, Limits, MembershipSource, TeamRole, Terms, UserId};

/// A member of a team.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// The person.
    pub user_id: UserId,
    /// Their email.
    pub email: String,
    /// Their name.
    pub display_name: Option<String>,
    /// Role in the team, now.
    pub role: TeamRole,
    /// Since when.
    pub joined_at: DateTime<Utc>,
    /// Email of who added them.
    pub added_by: Option<String>,
    /// Where the membership comes from.
    pub source: MembershipSource,
    /// When the membership ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the admin becomes a member by itself.
    pub admin_until: Option<DateTime<Utc>>,
    /// When they last used Guildhall, to the hour; told to those who manage members and to auditors.
    pub last_seen_at: Option<DateTime<Utc>>,
    /// Whether their account is deactivated.
    pub deactivated: bool,
    /// What they may spend in the team, and how fast; the period is the team's.
    pub limits: Limits,
}

impl Member {
    /// Role and ends.
    pub fn terms(&self) -> Terms {
        Terms {
            role: self.role,
            expires_at: self.expires_at,
            admin_until: self.admin_until,
        }
    }
}

/// A membership that waits for an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The address that was invited.
    pub email: String,
    /// The role to come.
    pub role: TeamRole,
    /// When it was made.
    pub invited_at: DateTime<Utc>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// Email of who made it.
    pub invited_by: Option<String>,
}

/// How many members a team has, of the kinds that a review asks for (SPEC D9).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MemberCounts {
    /// All of them.
    pub members: i64,
    /// Those who can act as its admin.
    pub admins: i64,
    /// Those who joined, and were last seen, longer ago than a quarter.
    pub stale: i64,
}

/// What removing a member takes away, in numbers (SPEC D4, X12).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovalEffects {
    /// The person's email.
    pub email: String,
    /// Project roles that go.
    pub project_roles: i64,
    /// Keys of theirs in the team that are revoked.
    pub keys: i64,
    /// Live runners of theirs that stay.
    pub runners: i64,
    /// The names of those runners, newest first, at most ten.
    pub runner_names: Vec<String>,
}

/// What becomes of one row of a list of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkOutcome {
    /// The person is added, if the good rows are.
    Added,
    /// Nobody has the address yet: the membership waits for their account, if the good rows are added.
    Invited,
    /// The person is a member already.
    Exists,
    /// The row breaks a rule; nothing comes of it.
    Invalid,
}

impl BulkOutcome {
    /// The word in APIs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Invited => "invited",
            Self::Exists => "exists",
            Self::Invalid => "invalid",
        }
    }
}

/// One row of a list of people, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkRow {
    /// The person, as the request names them.
    pub user: String,
    /// The role that they get or would get; none when the row's role is none.
    pub role: Option<TeamRole>,
    /// What becomes of it.
    pub outcome: BulkOutcome,
    /// Why, unless the person is simply added.
    pub detail: Option<String>,
}

/// What adding a list of people did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkResult {
    /// Each row, in the request's order.
    pub rows: Vec<BulkRow>,
    /// How many were added, or in a dry run would be: none when a bad row stopped all of it.
    pub added: usize,
    /// How many were invited, or in a dry run would be.
    pub invited: usize,
    /// Whether this was only a look.
    pub dry_run: bool,
}

/// People of the Default Team who are to be moved to a team of their own, in numbers (SPEC C4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moving {
    /// How many they are.
    pub people: i64,
    /// How many of them have an active team already: that one stays their primary team.
    pub in_a_team: i64,
    /// Their keys of the Default Team that work; they stay with it.
    pub keys: i64,
    /// The first ones, by email.
    pub emails: Vec<String>,
}

impl BulkResult {
    /// How many rows came out so.
    pub fn count(&self, outcome: BulkOutcome) -> usize {
        self.rows.iter().filter(|row| row.outcome == outcome).count()
    }
}
