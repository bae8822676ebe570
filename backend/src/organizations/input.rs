//! What a request says of an organization, and what it parses to.

use domain::{
    BudgetDuration, Ceilings, EmailDomain, Fields, Invalid, Money, OrganizationName, Slug, Zone, parse_count,
    parse_models,
};
use rust_decimal::Decimal;

use crate::teams::{LimitsInput, parse_budget, parse_max_runners};

/// A new organization, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewOrganizationInput {
    /// Display name.
    pub name: String,
    /// Short name for addresses; made from the name unless given.
    pub slug: Option<String>,
    /// Email domains, verified by the word of the super_admin who creates it.
    pub domains: Vec<String>,
    /// AI models that its teams may choose from.
    pub models: Vec<String>,
    /// The most that a team may have for one period, in US dollars.
    pub max_budget: Option<Decimal>,
    /// The period.
    pub budget_duration: Option<String>,
    /// Tokens per minute.
    pub tpm_limit: Option<i64>,
    /// Requests per minute.
    pub rpm_limit: Option<i64>,
    /// Most live runners of all its teams together.
    pub max_runners: Option<i64>,
    /// Where its days and months begin: the name of a time zone; UTC unless said otherwise.
    pub time_zone: Option<String>,
}

/// A new organization, parsed.
#[derive(Debug, Clone)]
pub struct NewOrganization {
    pub(super) name: OrganizationName,
    pub(super) slug: Slug,
    pub(super) domains: Vec<EmailDomain>,
    pub(super) ceilings: Ceilings,
    pub(super) time_zone: Zone,
}

impl NewOrganizationInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewOrganization, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = fields.take(OrganizationName::parse(&self.name));
        let slug = match (self.slug.as_deref(), &name) {
            (Some(slug), _) => fields.take(Slug::parse(slug)),
            (None, Some(name)) => fields.take(Slug::from_name(name.as_str()).ok_or_else(|| {
                Invalid::new(
                    "slug",
                    "is required: the name has no letters or digits to make one from",
                )
            })),
            (None, None) => None,
        };
        let domains = fields.take(EmailDomain::claimable_list(&self.domains));
        let limits = LimitsInput {
            models: self.models,
            max_budget: self.max_budget,
            budget_duration: self.budget_duration,
            tpm_limit: self.tpm_limit,
            rpm_limit: self.rpm_limit,
        }
        .parse(&mut fields);
        let max_runners = fields.take(self.max_runners.map(parse_max_runners).transpose());
        let time_zone = fields.take(self.time_zone.as_deref().map_or(Ok(Zone::default()), Zone::parse));
        let organization = (|| {
            Some(NewOrganization {
                name: name?,
                slug: slug?,
                domains: domains?,
                ceilings: Ceilings {
                    limits,
                    max_runners: max_runners?,
                },
                time_zone: time_zone?,
            })
        })();
        fields.with(organization)
    }
}

/// Changes to an organization: outer `None` keeps a field, inner `None` clears it.
#[derive(Debug, Clone, Default)]
pub struct OrganizationPatchInput {
    /// Display name; the slug stays.
    pub name: Option<String>,
    /// Short name for addresses.
    pub slug: Option<String>,
    /// All its email domains.
    pub domains: Option<Vec<String>>,
    /// AI models that its teams may choose from.
    pub models: Option<Vec<String>>,
    /// The most that a team may have for one period, in US dollars.
    pub max_budget: Option<Option<Decimal>>,
    /// The period.
    pub budget_duration: Option<Option<String>>,
    /// Tokens per minute.
    pub tpm_limit: Option<Option<i64>>,
    /// Requests per minute.
    pub rpm_limit: Option<Option<i64>>,
    /// Most live runners of all its teams together.
    pub max_runners: Option<Option<i64>>,
    /// Where its days and months begin: the name of a time zone.
    pub time_zone: Option<String>,
}

/// Changes to an organization, parsed.
#[derive(Debug, Clone, Default)]
pub struct OrganizationPatch {
    pub(super) name: Option<OrganizationName>,
    pub(super) slug: Option<Slug>,
    pub(super) domains: Option<Vec<EmailDomain>>,
    pub(super) models: Option<Vec<String>>,
    pub(super) max_budget: Option<Option<Money>>,
    pub(super) budget_duration: Option<Option<BudgetDuration>>,
    pub(super) tpm_limit: Option<Option<i64>>,
    pub(super) rpm_limit: Option<Option<i64>>,
    pub(super) max_runners: Option<Option<i32>>,
    pub(super) time_zone: Option<Zone>,
}

impl OrganizationPatchInput {
    /// Parses all fields that are there.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<OrganizationPatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let count = |field: &'static str, value: Option<Option<i64>>| {
            value
                .map(|value| value.map(|count| parse_count(field, count)).transpose())
                .transpose()
        };
        let name = self.name.as_deref().map(OrganizationName::parse).transpose();
        let slug = self.slug.as_deref().map(Slug::parse).transpose();
        let domains = self.domains.map(|list| EmailDomain::claimable_list(&list)).transpose();
        let period = self
            .budget_duration
            .map(|period| period.as_deref().map(BudgetDuration::parse).transpose())
            .transpose();
        let max_runners = self
            .max_runners
            .map(|count| count.map(parse_max_runners).transpose())
            .transpose();
        let patch = OrganizationPatch {
            name: fields.take(name).flatten(),
            slug: fields.take(slug).flatten(),
            domains: fields.take(domains).flatten(),
            models: fields
                .take(self.models.map(|models| parse_models(&models)).transpose())
                .flatten(),
            max_budget: fields.take(self.max_budget.map(parse_budget).transpose()).flatten(),
            budget_duration: fields.take(period).flatten(),
            tpm_limit: fields.take(count("tpm_limit", self.tpm_limit)).flatten(),
            rpm_limit: fields.take(count("rpm_limit", self.rpm_limit)).flatten(),
            max_runners: fields.take(max_runners).flatten(),
            time_zone: fields
                .take(self.time_zone.as_deref().map(Zone::parse).transpose())
                .flatten(),
        };
        fields.finish().map(|()| patch)
    }
}
