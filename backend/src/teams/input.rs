//! What a request says of a team, and what it parses to.

use domain::{
    BudgetDuration, Description, Fields, Invalid, Label, LabelPattern, LabelPolicy, Limits, Money, OrganizationId,
    Slug, TeamName, parse_count, parse_models,
};
use rust_decimal::Decimal;

/// A new team, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewTeamInput {
    /// Display name.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Labels on every runner.
    pub required_labels: Vec<String>,
    /// Patterns for further labels.
    pub optional_label_patterns: Vec<String>,
    /// Most runners at a time.
    pub max_runners: Option<i64>,
    /// AI models.
    pub models: Vec<String>,
    /// Budget for one period, in US dollars.
    pub max_budget: Option<Decimal>,
    /// The period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// Where it belongs; else the caller's only organization, else `default`.
    pub organization_id: Option<OrganizationId>,
    /// Whether the creator becomes its admin: the console asks, REST adds nobody (SPEC D11).
    pub make_me_admin: bool,
}

/// A new team, parsed.
#[derive(Debug, Clone)]
pub struct NewTeam {
    pub(super) name: TeamName,
    pub(super) description: Option<Description>,
    pub(super) policy: LabelPolicy,
    pub(super) max_runners: Option<i32>,
    pub(super) limits: Limits,
    pub(super) organization_id: Option<OrganizationId>,
    pub(super) make_me_admin: bool,
    /// The slug, where it is not made from the name.
    pub(super) slug: Option<Slug>,
    /// The instance of LiteLLM, where it is not the default one.
    pub(super) instance: Option<String>,
}

impl NewTeam {
    /// A team of a manifest, which says its slug and instance itself (SPEC X3, X14).
    #[must_use]
    pub(crate) fn declared(mut self, slug: Slug, instance: Option<String>) -> Self {
        (self.slug, self.instance) = (Some(slug), instance);
        self
    }
}

impl NewTeamInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewTeam, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(TeamName::parse(&self.name));
        let description = fields.take(Description::optional(self.description.as_deref().unwrap_or_default()));
        let required = fields.take(Label::parse_list("required_labels", &self.required_labels));
        let optional = fields.take(LabelPattern::parse_list(&self.optional_label_patterns));
        let max_runners = fields.take(self.max_runners.map(parse_max_runners).transpose());
        let limits = LimitsInput {
            models: self.models,
            max_budget: self.max_budget,
            budget_duration: self.budget_duration,
            tpm_limit: self.tpm_limit,
            rpm_limit: self.rpm_limit,
        }
        .parse(&mut fields);
        let (organization_id, make_me_admin) = (self.organization_id, self.make_me_admin);
        let team = (|| {
            Some(NewTeam {
                name: name?,
                description: description?,
                policy: LabelPolicy {
                    required: required?,
                    optional: optional?,
                },
                max_runners: max_runners?,
                limits,
                organization_id,
                make_me_admin,
                slug: None,
                instance: None,
            })
        })();
        fields.with(team)
    }
}

/// Limits, as a form or a JSON body gives them.
#[derive(Debug, Clone, Default)]
pub struct LimitsInput {
    /// AI models; none is all.
    pub models: Vec<String>,
    /// US dollars for one period.
    pub max_budget: Option<Decimal>,
    /// The period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
}

impl LimitsInput {
    /// The limits; what breaks a rule is noted in `fields`.
    pub fn parse(self, fields: &mut Fields) -> Limits {
        let count = |field, value: Option<i64>| value.map(|count| parse_count(field, count)).transpose();
        Limits {
            models: fields.take(parse_models(&self.models)).unwrap_or_default(),
            max_budget: fields.take(parse_budget(self.max_budget)).flatten(),
            budget_duration: fields
                .take(self.budget_duration.as_deref().map(BudgetDuration::parse).transpose())
                .flatten(),
            tpm_limit: fields.take(count("tpm_limit", self.tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpm_limit", self.rpm_limit)).flatten(),
        }
    }
}

pub(crate) fn parse_budget(amount: Option<Decimal>) -> Result<Option<Money>, Invalid> {
    amount.map(|amount| Money::parse("max_budget", amount)).transpose()
}

fn parse_runner_groups(ids: Vec<i64>) -> Result<Vec<i64>, Invalid> {
    if ids.len() > 100 || ids.iter().any(|id| *id < 1) {
        return Err(Invalid::new("runner_group_ids", "must be at most 100 positive numbers"));
    }
    let mut groups: Vec<i64> = Vec::with_capacity(ids.len());
    for id in ids {
        if !groups.contains(&id) {
            groups.push(id);
        }
    }
    Ok(groups)
}

pub(crate) fn parse_max_runners(count: i64) -> Result<i32, Invalid> {
    i32::try_from(count)
        .ok()
        .filter(|count| (0..=100_000).contains(count))
        .ok_or_else(|| {
            Invalid::new(
                "max_runners",
                "must be a whole number from 0 to 100000, or empty for no limit",
            )
        })
}

/// Changes to a team: outer `None` keeps a field, inner `None` clears it (SPEC B5).
#[derive(Debug, Clone, Default)]
pub struct TeamPatchInput {
    /// Display name; the slug stays.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<Option<String>>,
    /// Labels on every runner.
    pub required_labels: Option<Vec<String>>,
    /// Patterns for further labels.
    pub optional_label_patterns: Option<Vec<String>>,
    /// Most runners at a time.
    pub max_runners: Option<Option<i64>>,
    /// GitHub runner groups it may use; none means the default group.
    pub runner_group_ids: Option<Vec<i64>>,
    /// Whether members may provision runners for it: of the Default Team only (SPEC X4).
    pub runners_enabled: Option<bool>,
    /// Active or inactive.
    pub is_active: Option<bool>,
    /// AI models.
    pub models: Option<Vec<String>>,
    /// Budget for one period, in US dollars.
    pub max_budget: Option<Option<Decimal>>,
    /// The period.
    pub budget_duration: Option<Option<String>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Option<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Option<i64>>,
}

/// Changes to a team, parsed.
#[derive(Debug, Clone, Default)]
pub struct TeamPatch {
    pub(super) name: Option<TeamName>,
    pub(super) description: Option<Option<Description>>,
    pub(super) required: Option<Vec<Label>>,
    pub(super) optional: Option<Vec<LabelPattern>>,
    pub(super) max_runners: Option<Option<i32>>,
    pub(super) runner_group_ids: Option<Vec<i64>>,
    pub(super) runners_enabled: Option<bool>,
    pub(super) is_active: Option<bool>,
    pub(super) models: Option<Vec<String>>,
    pub(super) max_budget: Option<Option<Money>>,
    pub(super) budget_duration: Option<Option<BudgetDuration>>,
    pub(super) tpm_limit: Option<Option<i64>>,
    pub(super) rpm_limit: Option<Option<i64>>,
}

impl TeamPatch {
    /// Whether it names something that the organization has a ceiling for.
    pub(super) fn changes_limits(&self) -> bool {
        self.models.is_some()
            || self.max_budget.is_some()
            || self.budget_duration.is_some()
            || self.tpm_limit.is_some()
            || self.rpm_limit.is_some()
    }
}

impl TeamPatchInput {
    /// Parses all fields that are there.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<TeamPatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let count = |field: &'static str, value: Option<Option<i64>>| {
            value
                .map(|value| value.map(|count| parse_count(field, count)).transpose())
                .transpose()
        };
        let patch = TeamPatch {
            name: fields
                .take(self.name.as_deref().map(TeamName::parse).transpose())
                .flatten(),
            description: fields
                .take(
                    self.description
                        .map(|text| Description::optional(text.as_deref().unwrap_or_default()))
                        .transpose(),
                )
                .flatten(),
            required: fields
                .take(
                    self.required_labels
                        .map(|labels| Label::parse_list("required_labels", &labels))
                        .transpose(),
                )
                .flatten(),
            optional: fields
                .take(
                    self.optional_label_patterns
                        .map(|patterns| LabelPattern::parse_list(&patterns))
                        .transpose(),
                )
                .flatten(),
            max_runners: fields
                .take(
                    self.max_runners
                        .map(|count| count.map(parse_max_runners).transpose())
                        .transpose(),
                )
                .flatten(),
            runner_group_ids: fields
                .take(self.runner_group_ids.map(parse_runner_groups).transpose())
                .flatten(),
            runners_enabled: self.runners_enabled,
            is_active: self.is_active,
            models: fields
                .take(self.models.map(|models| parse_models(&models)).transpose())
                .flatten(),
            max_budget: fields.take(self.max_budget.map(parse_budget).transpose()).flatten(),
            budget_duration: fields
                .take(
                    self.budget_duration
                        .map(|period| period.as_deref().map(BudgetDuration::parse).transpose())
                        .transpose(),
                )
                .flatten(),
            tpm_limit: fields.take(count("tpm_limit", self.tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpm_limit", self.rpm_limit)).flatten(),
        };
        fields.finish().map(|()| patch)
    }
}
