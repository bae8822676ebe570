//! Organizations in JSON.

use backend::organizations::{NewOrganizationInput, OrganizationPatchInput};
use chrono::{DateTime, Utc};
use domain::{OrgRole, views};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::rest::{body::present, team_body::Amount};

/// An organization.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Organization {
    id: Uuid,
    #[schema(example = "Acme Corporation")]
    name: String,
    #[schema(example = "acme-corporation")]
    slug: String,
    /// The caller's role in it, if any.
    #[schema(value_type = Option<RoleInOrganization>)]
    role: Option<OrgRole>,
    /// Teams that are not archived.
    team_count: i64,
    /// People who belong to it; null for those who do not see it whole.
    people_count: Option<i64>,
    /// AI models that its teams may choose from; empty means all.
    models: Vec<String>,
    /// The most that one of its teams may have for one period, in US dollars.
    max_budget: Option<f64>,
    #[schema(example = "30d")]
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    /// Most live runners of all its teams together; null is no limit.
    max_runners: Option<i32>,
    /// Where its days and months begin.
    #[schema(example = "Europe/Berlin")]
    time_zone: String,
}

/// A role in an organization.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "the schema of domain::OrgRole, which knows nothing of OpenAPI")]
pub(in crate::rest) enum RoleInOrganization {
    /// Manages the organization and all of its teams.
    OrgAdmin,
    /// Belongs to it.
    OrgMember,
    /// Sees everything in it, changes nothing.
    Auditor,
}

impl From<views::Organization> for Organization {
    fn from(organization: views::Organization) -> Self {
        Self {
            id: organization.id.0,
            name: organization.name,
            slug: organization.slug,
            role: organization.role,
            team_count: organization.team_count,
            people_count: organization.people_count,
            models: organization.limits.models,
            max_budget: organization.limits.max_budget.map(domain::Money::to_f64),
            budget_duration: organization.limits.budget_duration.map(String::from),
            tpm_limit: organization.limits.tpm_limit,
            rpm_limit: organization.limits.rpm_limit,
            max_runners: organization.max_runners,
            time_zone: organization.time_zone,
        }
    }
}

/// Who administers an organization.
#[derive(Debug, Serialize, ToSchema)]
struct Admin {
    #[schema(example = "olga@example.com")]
    email: String,
    display_name: Option<String>,
}

/// An organization in full.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct OrganizationDetail {
    #[serde(flatten)]
    organization: Organization,
    /// Verified email domains; who has an address there counts as being in the organization. None: it takes anyone.
    #[schema(example = json!(["example.com"]))]
    domains: Vec<String>,
    /// Domains that do not count yet; empty for those who do not see it whole.
    unverified_domains: Vec<String>,
    /// Its org_admins by email, at most twenty.
    admins: Vec<Admin>,
    /// People from outside its domains.
    guest_count: Option<i64>,
    /// Org_admins whose account is active.
    admin_count: Option<i64>,
    /// Live runners of all its teams.
    runner_count: Option<i64>,
    /// Teams that nobody administers.
    teams_without_admin: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<views::OrganizationPage> for OrganizationDetail {
    fn from(page: views::OrganizationPage) -> Self {
        let (verified, others): (Vec<_>, Vec<_>) =
            (page.domains.into_iter()).partition(|known| known.verified.is_some());
        let names = |domains: Vec<views::OrganizationDomain>| domains.into_iter().map(|known| known.domain).collect();
        Self {
            organization: page.organization.into(),
            domains: names(verified),
            unverified_domains: names(others),
            admins: (page.admins.into_iter())
                .map(|admin| Admin {
                    email: admin.email,
                    display_name: admin.display_name,
                })
                .collect(),
            guest_count: page.numbers.map(|numbers| numbers.guests),
            admin_count: page.numbers.map(|numbers| numbers.admins),
            runner_count: page.numbers.map(|numbers| numbers.runners),
            teams_without_admin: page.numbers.map(|numbers| numbers.teams_without_admin),
            created_at: page.created_at,
            updated_at: page.updated_at,
        }
    }
}

/// A new organization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"name": "Acme Corporation", "domains": ["acme.example"], "max_runners": 100}))]
pub(super) struct NewOrganization {
    /// 2 to 50 characters on one line.
    #[schema(min_length = 2, max_length = 50)]
    name: String,
    /// Lowercase letters, digits and hyphens; made from the name unless given.
    #[schema(min_length = 2, max_length = 63)]
    slug: Option<String>,
    /// Email domains, at most 50; no public mail providers. None: it takes anyone.
    domains: Option<Vec<String>>,
    /// Left out or empty: all.
    models: Option<Vec<String>>,
    /// US dollars for one period.
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Amount>,
    /// `30s`, `30m`, `30h`, `30d`, `1mo`, `daily`, `weekly`, `monthly` or `yearly`.
    budget_duration: Option<String>,
    #[schema(minimum = 0)]
    tpm_limit: Option<i64>,
    #[schema(minimum = 0)]
    rpm_limit: Option<i64>,
    /// Most live runners of all its teams together; left out or null: no limit.
    #[schema(minimum = 0, maximum = 100_000)]
    max_runners: Option<i64>,
    /// Where its days and months begin: a name of the IANA list; UTC unless said otherwise.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
}

impl From<NewOrganization> for NewOrganizationInput {
    fn from(body: NewOrganization) -> Self {
        Self {
            name: body.name,
            slug: body.slug,
            domains: body.domains.unwrap_or_default(),
            models: body.models.unwrap_or_default(),
            max_budget: body.max_budget.map(Decimal::from),
            budget_duration: body.budget_duration,
            tpm_limit: body.tpm_limit,
            rpm_limit: body.rpm_limit,
            max_runners: body.max_runners,
            time_zone: body.time_zone,
        }
    }
}

/// Changes to an organization: a field that is left out stays, null clears.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"max_runners": 50, "max_budget": null}))]
pub(super) struct OrganizationPatch {
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 2, max_length = 50)]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, min_length = 2, max_length = 63)]
    slug: Option<String>,
    /// All its email domains, at most 50; null or empty: none, and it takes anyone.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    domains: Option<Option<Vec<String>>>,
    /// null or empty: all.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    models: Option<Option<Vec<String>>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<f64>, minimum = 0)]
    max_budget: Option<Option<Amount>>,
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    budget_duration: Option<Option<String>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    tpm_limit: Option<Option<i64>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0)]
    rpm_limit: Option<Option<i64>>,
    /// null: no limit.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 100_000)]
    max_runners: Option<Option<i64>>,
    /// Where its days and months begin: a name of the IANA list. Of an organization with a budget for super admins only.
    #[serde(default, deserialize_with = "present")]
    #[schema(nullable = false, example = "Europe/Berlin")]
    time_zone: Option<String>,
}

impl From<OrganizationPatch> for OrganizationPatchInput {
    fn from(body: OrganizationPatch) -> Self {
        Self {
            name: body.name,
            slug: body.slug,
            domains: body.domains.map(Option::unwrap_or_default),
            models: body.models.map(Option::unwrap_or_default),
            max_budget: body.max_budget.map(|amount| amount.map(Decimal::from)),
            budget_duration: body.budget_duration,
            tpm_limit: body.tpm_limit,
            rpm_limit: body.rpm_limit,
            max_runners: body.max_runners,
            time_zone: body.time_zone,
        }
    }
}
