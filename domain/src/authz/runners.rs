//! The same answers about runner labels and models.

use super::{Explanation, chain::Chain};
use crate::{
    Label, LabelPolicy, Permission, Standing, TeamRole, TeamStatus, Verdict,
    hierarchy::{Budget, Level, used_up},
    models::stops_at,
};

/// Whether someone may provision a runner with a label for a team (SPEC B13, B14).
#[derive(Debug, Clone, Copy)]
pub struct LabelQuestion<'a> {
    /// Whether the account is active.
    pub active: bool,
    /// Whether the person may provision runners at all.
    pub can_use_jit: bool,
    /// What the person is in the team.
    pub standing: Standing,
    /// The team's status.
    pub team: TeamStatus,
    /// Whether the team provisions runners: the Default Team does only when an admin says so (SPEC X4).
    pub runners_enabled: bool,
    /// The team's label policy.
    pub policy: &'a LabelPolicy,
    /// The label.
    pub label: &'a Label,
    /// Runners that count now.
    pub runners: i32,
    /// The quota; none is no limit.
    pub max_runners: Option<i32>,
}

impl LabelQuestion<'_> {
    /// The answer with every rule on the way to it.
    pub fn explain(&self) -> Explanation {
        let mut chain = Chain::default();
        let mut reason = None;
        let mut rule = |name: &str, passes: bool, literal: &str, detail: String, who: String| {
            if !passes && reason.is_none() {
                reason = Some(literal.to_owned());
            }
            chain.rule(name, passes, detail, who);
        };
        let words = |yes: bool, positive: &str, negative: &str| if yes { positive } else { negative }.to_owned();
        let deactivated = "User account is deactivated.";
        let account = words(self.active, "The account is active.", "The account is deactivated.");
        rule(
            "credential",
            self.active,
            deactivated,
            account,
            "a super_admin".to_owned(),
        );
        let jit = words(
            self.can_use_jit,
            "The person may provision runners.",
            "The person may not provision runners.",
        );
        let no_jit = "Access to JIT API not permitted for this user";
        rule(
            "runner access",
            self.can_use_jit,
            no_jit,
            jit,
            "a super_admin".to_owned(),
        );
        let own = self.standing.team.map(TeamRole::as_str);
        let membership = own.map_or_else(
            || "The person is not a member of the team; administering it is not enough.".to_owned(),
            |own| format!("The person is a member of the team, as team_{own}."),
        );
        let who = Permission::MembersManage.who();
        rule(
            "membership",
            own.is_some(),
            "User not a member of team",
            membership,
            who,
        );
        let active = self.team == TeamStatus::Active;
        let status = format!("The team is {}.", self.team.as_str());
        rule(
            "team status",
            active,
            "Team is inactive",
            status,
            Permission::TeamAdminister.who(),
        );
        let enabled = words(
            self.runners_enabled,
            "The team provisions runners.",
            "This is the Default Team, which provisions no runners: a person's own label policy counts instead.",
        );
        let who = Permission::InstallationManage.who();
        rule(
            "runners enabled",
            self.runners_enabled,
            "User not a member of team",
            enabled,
            who,
        );
        let verdict = self.policy.verdict(self.label);
        let label = self.label;
        let (admitted, detail) = match &verdict {
            Verdict::Refused => {
                let patterns: Vec<String> = self.policy.optional.iter().map(ToString::to_string).collect();
                let patterns = if patterns.is_empty() {
                    "none".to_owned()
                } else {
                    patterns.join(", ")
                };
                (
                    false,
                    format!("No optional pattern of the team admits '{label}'; the patterns are: {patterns}."),
                )
            }
            other => (true, format!("'{label}' is admitted: {}.", verdict_words(other))),
        };
        let literal = "Label not permitted by team policy";
        rule("label policy", admitted, literal, detail, Permission::PolicyEdit.who());
        let free = self.max_runners.is_none_or(|max| self.runners < max);
        let quota = self.max_runners.map_or_else(
            || "The team has no runner quota.".to_owned(),
            |max| format!("{} of {max} runners are in use.", self.runners),
        );
        rule(
            "runner quota",
            free,
            "Team quota exceeded",
            quota,
            Permission::PolicyEdit.who(),
        );
        chain.finish(reason.unwrap_or_else(|| format!("Label '{label}' is allowed for the team")))
    }
}

fn verdict_words(verdict: &Verdict) -> String {
    match verdict {
        Verdict::System => "every runner has it".to_owned(),
        Verdict::Required => "every runner of the team has it".to_owned(),
        Verdict::Admitted(pattern) => format!("by the pattern {pattern}"),
        Verdict::Refused => "not at all".to_owned(),
    }
}

/// Whether a team may use a model (SPEC X9: an empty list is all, within the parent), and has the money for it.
#[derive(Debug, Clone, Copy)]
pub struct ModelQuestion<'a> {
    /// Whether the account, or that of the key's owner, is active.
    pub active: bool,
    /// What the person, or the key's owner, is in the team.
    pub standing: Standing,
    /// The team's status.
    pub team: TeamStatus,
    /// The model's name.
    pub model: &'a str,
    /// The lists of models, from the organization down.
    pub lists: &'a [(Level, &'a [String])],
    /// Whether it is restricted, and no request of the team for it was approved (SPEC C15).
    pub unapproved: bool,
    /// The budgets that a use counts against, from the organization down.
    pub budgets: &'a [Budget],
}

impl ModelQuestion<'_> {
    /// The answer with every rule on the way to it.
    pub fn explain(&self) -> Explanation {
        let mut chain = Chain::default();
        let model = self.model;
        let account = if self.active {
            "The account is active."
        } else {
            "The account is deactivated."
        };
        chain.rule("credential", self.active, account, "a super_admin");
        let member = self.standing.team.is_some() || self.standing.may(Permission::KeysManage);
        let membership = if member {
            "Belongs to the team, or manages it."
        } else {
            "Not a member of the team."
        };
        chain.rule("membership", member, membership, Permission::MembersManage.who());
        let active = self.team == TeamStatus::Active;
        let status = format!("The team is {}.", self.team.as_str());
        chain.rule("team status", active, status, Permission::TeamAdminister.who());
        let stops = stops_at(self.lists, model);
        for (level, models) in self.lists {
            let whose = level.as_str();
            let detail = if models.is_empty() {
                format!("The {whose} has all models.")
            } else {
                format!("The {whose} has: {}.", models.join(", "))
            };
            chain.rule(
                &format!("models of the {whose}"),
                stops != Some(*level),
                detail,
                who_lists(*level),
            );
        }
        let approval = if self.unapproved {
            "It is restricted, and no request of the team for it was approved."
        } else {
            "It needs no approval, or the team has one."
        };
        chain.rule("approval", !self.unapproved, approval, Permission::TeamAdminister.who());
        chain.budgets(self.budgets);
        let reason = match (stops, used_up(self.budgets)) {
            _ if !self.active => "User account is deactivated.".to_owned(),
            _ if !member => "You are not a member of this team".to_owned(),
            _ if !active => "Team is inactive".to_owned(),
            (Some(level), _) => format!("Model '{model}' not allowed for {}", level.as_str()),
            _ if self.unapproved => {
                format!("Model '{model}' is restricted: the team needs an approved request for it")
            }
            (None, Some(budget)) => budget.refusal(),
            (None, None) => format!("Model '{model}' is allowed for the team"),
        };
        chain.finish(reason)
    }
}

/// Who chooses the models of a level.
fn who_lists(level: Level) -> String {
    match level {
        Level::Organization => Permission::TeamAdminister,
        Level::Team => Permission::ModelsChoose,
        Level::Member => Permission::MembersManage,
        Level::Project => Permission::ProjectsManage,
        Level::Key => Permission::KeysManage,
    }
    .who()
}
