//! What runners cost, as reports show it.

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;

use crate::{Money, OrganizationId, ProjectId, TeamId};

/// The prices that are in effect.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelPrices {
    /// ISO code of the currency that all prices are in.
    pub currency: String,
    /// For runners without a priced label.
    pub default: Option<LabelPrice>,
    /// By label.
    pub labels: Vec<LabelPrice>,
    /// Whether there has ever been a price.
    pub ever: bool,
}

/// The price of a label.
#[derive(Debug, Clone, PartialEq)]
pub struct LabelPrice {
    /// The label, in lower case; empty for the default.
    pub label: String,
    /// Per minute.
    pub price: Money,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// Jobs with their minutes and what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct CostSum {
    /// Jobs that completed in the period.
    pub jobs: i64,
    /// How long they ran, in seconds.
    pub seconds: Decimal,
    /// What that cost; exact to a millionth.
    pub amount: Decimal,
    /// Jobs that run now and started in the period; they count when they complete.
    pub running_jobs: i64,
    /// How long they have run until now, in seconds.
    pub running_seconds: Decimal,
}

impl CostSum {
    /// What it cost.
    pub fn money(&self) -> Money {
        Money::trusted(self.amount)
    }
}

/// A team in a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostTeam {
    /// Id.
    pub id: TeamId,
    /// Display name.
    pub name: String,
    /// Its organization.
    pub organization_id: OrganizationId,
    /// That organization's display name.
    pub organization: String,
}

/// One row of a report. What it is not cut by is none.
#[derive(Debug, Clone, PartialEq)]
pub struct CostRow {
    /// The team; none for runners of no team.
    pub team: Option<CostTeam>,
    /// The project; none for runners of no project, and for projects that the viewer does not see.
    pub project: Option<(ProjectId, String)>,
    /// Whether this is the sum of projects that the viewer does not see.
    pub hidden_projects: bool,
    /// The label that set the price; none for the default price and for no price.
    pub label: Option<String>,
    /// The day (UTC) on which the jobs completed.
    pub day: Option<NaiveDate>,
    /// What it comes to.
    pub sum: CostSum,
}

/// A report: one page of its rows, and the whole.
#[derive(Debug, Clone, PartialEq)]
pub struct CostReport {
    /// Its first moment.
    pub from: DateTime<Utc>,
    /// The moment after its last one.
    pub to: DateTime<Utc>,
    /// ISO code of the currency.
    pub currency: String,
    /// Rows of this page, the dearest first; days in their order.
    pub rows: Vec<CostRow>,
    /// How many rows all pages hold.
    pub row_count: i64,
    /// All rows together, computed from the jobs, not from rounded rows.
    pub total: CostSum,
}

/// The Cost page: the report, and its days by team.
#[derive(Debug, Clone, PartialEq)]
pub struct CostOverview {
    /// A row for each project of each team.
    pub report: CostReport,
    /// A row for each team.
    pub teams: CostReport,
    /// A row for each day and team of the dearest five; without a team: all others.
    pub days: Vec<CostRow>,
}
