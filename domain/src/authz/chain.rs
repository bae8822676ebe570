//! The chain of rules behind an answer, in words.

use serde::{Deserialize, Serialize};

use super::{Basis, Credential, Denial, ProjectAccess, Question};
use crate::{
    Permission, TeamRole, TeamStatus,
    hierarchy::{Budget, period_words},
};

/// What a rule said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Yes.
    Passed,
    /// It would say no, but does not hold for this role.
    Bypassed,
    /// No: this decides.
    Failed,
    /// Not asked any more, because an earlier one said no.
    NotReached,
}

impl Outcome {
    /// The word that APIs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Bypassed => "bypassed",
            Self::Failed => "failed",
            Self::NotReached => "not_reached",
        }
    }
}

/// One rule of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The rule.
    pub rule: String,
    /// What it said.
    pub outcome: Outcome,
    /// Why, with the facts.
    pub detail: String,
    /// Who can change what it depends on.
    pub who_can_change: String,
}

/// An answer with everything that led to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Yes or no.
    pub allowed: bool,
    /// The words of the refusal, or why it is allowed.
    pub reason: String,
    /// Every rule, in the order in which they are asked.
    pub chain: Vec<Step>,
}

impl Explanation {
    /// Whether a budget that is used up decided.
    pub fn is_over_budget(&self) -> bool {
        (self.chain.iter()).any(|step| step.outcome == Outcome::Failed && step.rule.starts_with(BUDGET))
    }
}

/// How the rule of each budget begins.
const BUDGET: &str = "budget of the ";

/// Rules, put together one after another: after the first that fails none is reached.
#[derive(Debug, Default)]
pub(super) struct Chain {
    steps: Vec<Step>,
    failed: bool,
}

impl Chain {
    /// Adds a rule that passes or fails.
    pub(super) fn rule(
        &mut self,
        rule: &str,
        passes: bool,
        detail: impl Into<String>,
        who_can_change: impl Into<String>,
    ) {
        let outcome = if passes { Outcome::Passed } else { Outcome::Failed };
        self.step(rule, outcome, detail, who_can_change);
    }

    /// Adds a rule with its outcome.
    pub(super) fn step(
        &mut self,
        rule: &str,
        outcome: Outcome,
        detail: impl Into<String>,
        who_can_change: impl Into<String>,
    ) {
        let (outcome, detail) = if self.failed {
            (Outcome::NotReached, String::new())
        } else {
            (outcome, detail.into())
        };
        self.failed |= outcome == Outcome::Failed;
        self.steps.push(Step {
            rule: rule.to_owned(),
            outcome,
            detail,
            who_can_change: who_can_change.into(),
        });
    }

    /// Adds the rule of each budget.
    pub(super) fn budgets(&mut self, budgets: &[Budget]) {
        for budget in budgets {
            let (rule, name, spend) = (format!("{BUDGET}{}", budget.level.as_str()), &budget.name, budget.spend);
            let detail = match budget.max {
                Some(max) => format!("{name} has spent ${spend} of ${max}{}.", period_words(budget)),
                None => format!(
                    "{name} has no budget of its own; ${spend} spent{}.",
                    period_words(budget)
                ),
            };
            self.rule(&rule, !budget.is_used_up(), detail, budget.who_can_raise());
        }
    }

    /// The answer.
    pub(super) fn finish(self, reason: String) -> Explanation {
        Explanation {
            allowed: !self.failed,
            reason,
            chain: self.steps,
        }
    }
}

impl Question<'_> {
    /// The answer of [`decide`](Question::decide) with every rule on the way to it.
    pub fn explain(&self) -> Explanation {
        let answer = self.decide();
        let denied = |denials: &[Denial]| answer.is_err_and(|denial| denials.contains(&denial));
        let mut chain = Chain::default();
        let bad = [Denial::Deactivated, Denial::KeyRevoked, Denial::KeyExpired];
        chain.rule(
            "credential",
            !denied(&bad),
            self.credential_words(),
            self.credential_owner(),
        );
        self.membership(&mut chain, !denied(&[Denial::NotMember]));
        let status = self.team.map_or("No team is acted for.".to_owned(), |status| {
            format!("The team is {}; only an active team uses services.", status.as_str())
        });
        chain.rule(
            "team status",
            self.team.is_none_or(|status| status == TeamStatus::Active),
            status,
            Permission::TeamAdminister.who(),
        );
        let service = self.service;
        let known = self.catalogued.is_some();
        let catalogue = if known {
            format!("The catalogue has '{service}'.")
        } else {
            format!("The organization's catalogue has no '{service}'.")
        };
        chain.rule("service catalogue", known, catalogue, Permission::TeamAdminister.who());
        self.policy(&mut chain);
        self.paths(&mut chain, &answer);
        let project = match self.project {
            ProjectAccess::None => "No project is named.",
            ProjectAccess::Assigned => "Assigned to the project.",
            ProjectAccess::Implicit => "Has access to all projects of the team.",
            ProjectAccess::Refused => "Not assigned to the project, or the team has no such project.",
        };
        chain.rule(
            "project",
            self.project != ProjectAccess::Refused,
            project,
            Permission::ProjectsManage.who(),
        );
        chain.budgets(self.budgets);
        chain.finish(match answer {
            Ok(Basis::Policy) => format!("Service '{service}' is allowed for the team"),
            Ok(Basis::Bypass(role)) => format!("A person who is {} bypasses the team's policy", role.as_str()),
            Err(denial) => denial.literal(self),
        })
    }

    fn credential_words(&self) -> &'static str {
        match self.credential {
            Credential::Person => "The account is active.",
            Credential::Deactivated => "The account is deactivated.",
            Credential::Key => "The key works. It acts for its team, never with its owner's own rights.",
            Credential::KeyRevoked => "The key was revoked.",
            Credential::KeyExpired => "The key has expired.",
            Credential::OwnerDeactivated => "The account of the key's owner is deactivated.",
        }
    }

    fn credential_owner(&self) -> String {
        match self.credential {
            Credential::Person | Credential::Deactivated | Credential::OwnerDeactivated => "a super_admin".to_owned(),
            _ => format!("the key's owner, or {}", Permission::KeysManage.who()),
        }
    }

    fn membership(&self, chain: &mut Chain, passes: bool) {
        let whose = if self.credential.is_key() {
            "The key's owner"
        } else {
            "The person"
        };
        let role = match self.standing.team {
            Some(TeamRole::Admin) => Some("team_admin"),
            Some(TeamRole::Member) => Some("team_member"),
            None => None,
        };
        let who = Permission::MembersManage.who();
        match (role, self.bypass()) {
            _ if !passes => chain.step(
                "membership",
                Outcome::Failed,
                format!("{whose} is not a member of the team."),
                who,
            ),
            (Some(role), _) => chain.step(
                "membership",
                Outcome::Passed,
                format!("{whose} is a member of the team, as {role}."),
                who,
            ),
            (None, Some(bypass)) => chain.step(
                "membership",
                Outcome::Bypassed,
                format!(
                    "{whose} is no member of the team, and as {} need not be.",
                    bypass.as_str()
                ),
                who,
            ),
            (None, None) => chain.step(
                "membership",
                Outcome::Passed,
                format!("{whose} is no member of the team, but manages its keys."),
                who,
            ),
        }
    }

    fn policy(&self, chain: &mut Chain) {
        let service = self.service;
        let listed = self.catalogued.is_some_and(|service| service.allowed);
        let (outcome, detail) = match (listed, self.bypass()) {
            (true, _) => (
                Outcome::Passed,
                format!("The team's allowed_services list '{service}'."),
            ),
            (false, Some(role)) => (
                Outcome::Bypassed,
                format!(
                    "The team's allowed_services do not list '{service}'; {} bypasses them.",
                    role.as_str()
                ),
            ),
            (false, None) => (
                Outcome::Failed,
                format!(
                    "The team's allowed_services do not list '{service}'. To allow it: Admin → Teams → the team → Policy, add the service, save."
                ),
            ),
        };
        chain.step("service policy", outcome, detail, Permission::ServicesAllow.who());
    }

    fn paths(&self, chain: &mut Chain, answer: &Result<Basis, Denial>) {
        let rules = self.catalogued.map_or(&[][..], |service| service.rules);
        let passes = !matches!(
            answer,
            Err(Denial::PathUnknown | Denial::PathAmbiguous | Denial::PathRefused)
        );
        let asked = match (self.original.method, self.original.path) {
            (Some(method), Some(path)) => format!("{method} {path}"),
            (None, Some(path)) => path.to_owned(),
            (_, None) => "a path that the proxy did not name".to_owned(),
        };
        let detail = if rules.is_empty() {
            "The service admits every method and path.".to_owned()
        } else {
            let admitted: Vec<String> = rules.iter().map(ToString::to_string).collect();
            format!("The service admits {}; asked for: {asked}.", admitted.join(", "))
        };
        chain.rule("method and path", passes, detail, Permission::TeamAdminister.who());
    }
}
