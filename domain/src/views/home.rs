//! What the home page shows: what needs somebody, what they use, what an installation still lacks.

use chrono::{DateTime, Utc};

use super::{AccessRequest, RunnerState};
use crate::{Money, RunnerId, TeamId, TeamRole};

/// What waits for somebody's decision.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Waiting {
    /// Requests that they may decide.
    pub requests: i64,
    /// Open access reviews with lines that they may decide and nobody has.
    pub reviews: i64,
    /// When the first of these reviews is due.
    pub nearest_due: Option<DateTime<Utc>>,
}

/// The home page of a person.
#[derive(Debug, Clone, PartialEq)]
pub struct Home {
    /// What waits for their decision.
    pub waiting: Waiting,
    /// What ends soon, the next end first.
    pub ending: Vec<Ending>,
    /// Requests of theirs that wait for others, the newest first.
    pub requests: Vec<AccessRequest>,
    /// Their active teams, by name.
    pub teams: Vec<HomeTeam>,
    /// Their keys that work, the newest first.
    pub keys: Vec<HomeKey>,
    /// How many keys of theirs work.
    pub key_count: i64,
    /// Their runners that are not deleted, the newest first.
    pub runners: Vec<HomeRunner>,
    /// How many runners of theirs are not deleted.
    pub runner_count: i64,
    /// What is missing, for those who run the installation; none when nothing is.
    pub first_steps: Option<FirstSteps>,
}

/// What ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndingKind {
    /// A key of theirs for models.
    Key,
    /// A key of a project in a team that they administer.
    ProjectKey,
    /// A personal access token of theirs.
    Token,
    /// Their own membership of a team.
    OwnMembership,
    /// Their own role of a team's admin.
    OwnAdminRole,
    /// Somebody's membership of a team that they administer.
    Membership,
    /// Somebody's role of admin in such a team.
    AdminRole,
}

/// Something that ends within two weeks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    /// What.
    pub kind: EndingKind,
    /// Its name: of a key, a token, a person.
    pub name: String,
    /// The id of a key.
    pub id: Option<uuid::Uuid>,
    /// Its team, with its name.
    pub team: Option<(TeamId, String)>,
    /// The project of a project's key.
    pub project: Option<uuid::Uuid>,
    /// When.
    pub at: DateTime<Utc>,
}

/// A team of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeTeam {
    /// Id.
    pub id: TeamId,
    /// Name.
    pub name: String,
    /// The organization's name.
    pub organization: String,
    /// Their role.
    pub role: TeamRole,
    /// Runners that are not deleted.
    pub runners: i32,
    /// The most there may be.
    pub max_runners: Option<i32>,
    /// Whether it may have runners at all.
    pub runners_enabled: bool,
}

impl HomeTeam {
    /// Whether four fifths of its runners are taken: somebody should know before all are.
    pub fn is_nearly_full(&self) -> bool {
        self.runners_enabled
            && (self.max_runners).is_some_and(|max| max > 0 && i64::from(self.runners) * 5 >= i64::from(max) * 4)
    }
}

/// A key of theirs.
#[derive(Debug, Clone, PartialEq)]
pub struct HomeKey {
    /// Id.
    pub id: uuid::Uuid,
    /// Name.
    pub name: String,
    /// Its team's name.
    pub team: String,
    /// What it spent.
    pub spend: Money,
    /// What it may spend.
    pub max_budget: Option<Money>,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
}

/// A runner of theirs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HomeRunner {
    /// Id.
    pub id: RunnerId,
    /// Name.
    pub name: String,
    /// What it does.
    pub state: RunnerState,
    /// Its team's name.
    pub team: Option<String>,
    /// Since when it is in this state.
    pub since: DateTime<Utc>,
}

/// What an installation needs before people can work with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a list of what is done")]
pub struct FirstSteps {
    /// GitHub is configured.
    pub github: bool,
    /// LiteLLM is configured.
    pub litellm: bool,
    /// There is an organization beside the default one.
    pub organization: bool,
    /// Somebody administers one.
    pub org_admin: bool,
    /// There is a team beside the Default Team.
    pub team: bool,
    /// There is a service.
    pub service: bool,
}

impl FirstSteps {
    /// Whether nothing is missing.
    pub fn are_done(self) -> bool {
        self.github && self.litellm && self.organization && self.org_admin && self.team && self.service
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DEFAULT_TEAM;

    #[test]
    fn a_team_is_nearly_full_from_four_fifths_on() {
        let team = |runners, max_runners| HomeTeam {
            id: DEFAULT_TEAM,
            name: "Backend".to_owned(),
            organization: "Acme".to_owned(),
            role: TeamRole::Member,
            runners,
            max_runners,
            runners_enabled: true,
        };
        assert!(!team(7, Some(10)).is_nearly_full());
        assert!(team(8, Some(10)).is_nearly_full());
        assert!(team(i32::MAX, Some(i32::MAX)).is_nearly_full());
        assert!(!team(0, Some(0)).is_nearly_full(), "what may have none is not full");
        assert!(!team(900, None).is_nearly_full());
    }
}
