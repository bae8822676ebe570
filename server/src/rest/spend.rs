//! `POST /api/v1/spend`, and what was spent of budgets (SPEC E7, X8).

use axum::response::Response;
use backend::{
    budgets::{self, EntryInput},
    organizations::{self, OrganizationKey},
    teams,
};
use chrono::{DateTime, Utc};
use domain::{Money, TeamId, hierarchy, views};
use http::StatusCode;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    body::Json,
    call::{At, Call, json},
    team_body::Amount,
};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(report_spend))
        .routes(routes!(get_organization_budget))
        .routes(routes!(get_team_budget))
}

/// What was spent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"entries": [{"request_id": "chatcmpl-7f3a", "key_prefix": "sk-Zk3vPq81", "model": "gpt-4o", "cost": 0.0042}]}))]
struct SpendBatch {
    /// 1 to 1000 entries.
    #[schema(min_items = 1, max_items = 1000)]
    entries: Vec<SpendEntry>,
}

/// One request that cost something, and whose it was: its key, or the project, or the team.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SpendEntry {
    /// Its name, unique in the organization for 35 days: told again it changes nothing.
    #[schema(min_length = 1, max_length = 200)]
    request_id: String,
    /// The key it was made with, whole.
    key: Option<String>,
    /// How that key begins, as lists show it.
    key_prefix: Option<String>,
    /// The person, by UUID or email; the key's owner unless said otherwise.
    user_id: Option<String>,
    team_id: Option<Uuid>,
    project_id: Option<Uuid>,
    #[schema(max_length = 200)]
    model: Option<String>,
    /// In US dollars.
    #[schema(value_type = f64, minimum = 0, maximum = 1_000_000)]
    cost: Amount,
    /// When; now unless said otherwise. Not older than 35 days.
    at: Option<DateTime<Utc>>,
}

impl From<SpendEntry> for EntryInput {
    fn from(entry: SpendEntry) -> Self {
        Self {
            request_id: entry.request_id,
            key: entry.key.map(Into::into),
            key_prefix: entry.key_prefix,
            user_id: entry.user_id,
            team_id: entry.team_id,
            project_id: entry.project_id,
            model: entry.model,
            cost: Decimal::from(entry.cost),
            at: entry.at,
        }
    }
}

/// What became of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct SpendResult {
    /// Entries that were new.
    #[schema(example = 1)]
    recorded: u64,
    /// Entries that were told before, and change nothing.
    #[schema(example = 0)]
    duplicates: u64,
}

/// A budget in its current period.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Budget)]
struct BudgetBody {
    /// `organization`, `team`, `member`, `project` or `key`.
    #[schema(example = "team")]
    level: &'static str,
    id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
    /// In US dollars; null is no limit of its own.
    max_budget: Option<f64>,
    /// Null: it never starts anew.
    #[schema(example = "1mo")]
    budget_duration: Option<String>,
    /// What was spent in the period.
    #[schema(example = 12.5)]
    spend: f64,
    /// In percent; null without a limit, or with one of nothing.
    #[schema(example = 25.0)]
    budget_utilization: Option<f64>,
    /// Whether models and their gateways are refused.
    exceeded: bool,
    period_start: Option<DateTime<Utc>>,
    /// When it starts anew.
    resets_at: Option<DateTime<Utc>>,
}

impl From<hierarchy::Budget> for BudgetBody {
    fn from(budget: hierarchy::Budget) -> Self {
        Self {
            level: budget.level.as_str(),
            id: budget.id,
            budget_utilization: budget.percent(),
            exceeded: budget.is_used_up(),
            max_budget: budget.max.map(Money::to_f64),
            budget_duration: budget.duration.map(String::from),
            spend: budget.spend.to_f64(),
            period_start: budget.period.end.map(|_| budget.period.start),
            resets_at: budget.period.end,
            name: budget.name,
        }
    }
}

/// A budget that reached 50, 80 or 100 % of its limit in a period that is not over.
#[derive(Debug, Serialize, ToSchema)]
struct BudgetAlert {
    #[schema(example = "team")]
    level: String,
    #[schema(example = "Backend Team")]
    name: String,
    #[schema(example = 80)]
    threshold: i16,
    spend: f64,
    max_budget: f64,
    at: DateTime<Utc>,
}

impl From<views::BudgetAlert> for BudgetAlert {
    fn from(alert: views::BudgetAlert) -> Self {
        Self {
            level: alert.level,
            name: alert.name,
            threshold: alert.threshold,
            spend: alert.spend.to_f64(),
            max_budget: alert.max_budget.to_f64(),
            at: alert.at,
        }
    }
}

/// The budgets that bind a team.
#[derive(Debug, Serialize, ToSchema)]
struct TeamBudget {
    /// The organization's, unless the team stands alone, and the team's own.
    budgets: Vec<BudgetBody>,
    /// Of the team and what is in it: of each budget the highest.
    alerts: Vec<BudgetAlert>,
}

/// What a team has of its organization's budget.
#[derive(Debug, Serialize, ToSchema)]
struct TeamShare {
    team_id: Uuid,
    #[schema(example = "Backend Team")]
    name: String,
    /// Its own limit; null is the organization's.
    max_budget: Option<f64>,
    /// What it spent in the organization's period.
    spend: f64,
}

/// An organization's budget, split over its teams.
#[derive(Debug, Serialize, ToSchema)]
struct OrganizationBudget {
    /// Null for the organization of teams that stand alone.
    budget: Option<BudgetBody>,
    /// Where its days and months begin.
    #[schema(example = "Europe/Berlin")]
    time_zone: Option<String>,
    /// Those that spent the most first, at most 25.
    teams: Vec<TeamShare>,
    /// What others spent, and teams that have moved away.
    other_spend: f64,
    /// The limits of all teams that have one together: they may be above the organization's.
    allotted: f64,
    alerts: Vec<BudgetAlert>,
}

fn alerts(alerts: Vec<views::BudgetAlert>) -> Vec<BudgetAlert> {
    alerts.into_iter().map(BudgetAlert::from).collect()
}

/// Report what was spent
///
/// For gateways that LiteLLM does not tell of. Each entry counts once into its key, person, project, team and
/// organization, also above their budgets: it happened. All of a batch is recorded or nothing of it. Do not send what
/// was spent with keys that LiteLLM made: LiteLLM tells that itself.
#[utoipa::path(
    post,
    path = "/spend",
    tag = "Budgets",
    request_body = SpendBatch,
    responses(
        (status = 200, description = "How many entries were new", body = SpendResult),
        (status = 403, description = "`FORBIDDEN`: only super admins, and org_admins for their own organization, tell what was spent"),
        (status = 409, description = "`WRONG_STATE`: a team was moved just now; send it again"),
    )
)]
async fn report_spend(call: Call, Json(body): Json<SpendBatch>) -> Result<Response, Problem> {
    let entries = body.entries.into_iter().map(EntryInput::from).collect();
    let mut ctx = call.write().await?;
    let done = budgets::ingest(&mut ctx, entries).await?;
    ctx.commit().await?;
    let result = SpendResult {
        recorded: done.recorded,
        duplicates: done.duplicates,
    };
    json(StatusCode::OK, &result)
}

/// Get an organization's budget
///
/// What was spent of it in its current period, and by which teams. Limits of teams may together be above the
/// organization's: both hold.
#[utoipa::path(
    get,
    path = "/admin/organizations/{id}/budget",
    tag = "Budgets",
    params(("id" = String, Path, description = "The organization's id or slug")),
    responses(
        (status = 200, description = "The budget", body = OrganizationBudget),
        (status = 403, description = "`FORBIDDEN`: the caller does not see the organization whole"),
        (status = 404, description = "`NOT_FOUND`: there is no such organization"),
    )
)]
async fn get_organization_budget(call: Call, At(key): At<OrganizationKey>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let page = organizations::get_whole(&mut ctx, &key).await?;
    let Some(split) = budgets::split(&mut ctx, &page).await? else {
        let none = OrganizationBudget {
            budget: None,
            time_zone: None,
            teams: Vec::new(),
            other_spend: 0.0,
            allotted: 0.0,
            alerts: Vec::new(),
        };
        return json(StatusCode::OK, &none);
    };
    let body = OrganizationBudget {
        budget: Some(split.budget.into()),
        time_zone: Some(split.time_zone),
        teams: (split.teams.into_iter())
            .map(|team| TeamShare {
                team_id: team.team.0,
                name: team.name,
                max_budget: team.max_budget.map(Money::to_f64),
                spend: team.spend.to_f64(),
            })
            .collect(),
        other_spend: split.more_spend.to_f64(),
        allotted: split.allotted.0.to_f64(),
        alerts: alerts(split.alerts),
    };
    json(StatusCode::OK, &body)
}

/// Get the budgets that bind a team
#[utoipa::path(
    get,
    path = "/admin/teams/{id}/budget",
    tag = "Budgets",
    params(("id" = Uuid, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The budgets", body = TeamBudget),
        (status = 403, description = "`FORBIDDEN`: the caller is not a member; `TEAM_INACTIVE`: the team is not active"),
        (status = 404, description = "`NOT_FOUND`: there is no such team"),
    )
)]
async fn get_team_budget(call: Call, At(team): At<TeamId>) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let budget = teams::budget(&mut ctx, team).await?;
    let body = TeamBudget {
        budgets: budget.chain.into_iter().map(BudgetBody::from).collect(),
        alerts: alerts(budget.alerts),
    };
    json(StatusCode::OK, &body)
}
