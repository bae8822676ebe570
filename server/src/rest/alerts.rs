//! `/api/v1/admin/alerts`: what needs an operator now (SPEC C16).

use axum::response::Response;
use backend::alerts;
use chrono::{DateTime, Utc};
use domain::views;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::call::{Call, json};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list_alerts))
}

/// Something that needs an operator.
#[derive(Debug, Serialize, ToSchema)]
struct Alert {
    /// `litellm_unreachable`, `keys_revoking`, `litellm_parked`, `litellm_delayed`, `github_sync_stale`,
    /// `github_sync_failing`, `runner_findings`, `default_team_budget`, `budget_used_up`
    /// or `budget_near`.
    #[schema(example = "litellm_parked")]
    kind: &'static str,
    /// `critical`: people cannot work, or a key works that should not. `warning`: it will become worse by itself, or
    /// somebody has to decide.
    #[schema(example = "warning")]
    level: &'static str,
    /// The LiteLLM instance that it is about; null for the others.
    #[schema(example = "litellm-example")]
    instance: Option<String>,
    /// How many changes, keys, passes or runners.
    #[schema(example = 3)]
    count: i64,
    #[schema(example = "LiteLLM litellm-example refuses 3 changes")]
    title: String,
    /// What it means for people.
    meaning: &'static str,
    /// What was said last about it, such as LiteLLM's words.
    detail: Option<String>,
    /// Since when, where that is known.
    since: Option<DateTime<Utc>>,
    /// The page of the console where it is mended.
    #[schema(example = "/admin/sync/litellm?instance=litellm-example&state=parked")]
    href: String,
}

impl From<views::Alert> for Alert {
    fn from(alert: views::Alert) -> Self {
        Self {
            kind: alert.kind.as_str(),
            level: alert.kind.level().as_str(),
            title: alert.title(),
            meaning: alert.kind.meaning(),
            href: alert.href(),
            instance: alert.instance,
            count: alert.count,
            detail: alert.detail,
            since: alert.since,
        }
    }
}

/// The alerts: none is the good news.
#[derive(Debug, Serialize, ToSchema)]
struct AlertList {
    /// The worst first, and of those the oldest.
    alerts: Vec<Alert>,
    /// When this was so.
    checked_at: DateTime<Utc>,
}

/// List what needs an operator now
///
/// The circuit breakers are those of the process that answers; everything else is the same from each.
#[utoipa::path(
    get,
    path = "/admin/alerts",
    tag = "Alerts",
    responses(
        (status = 200, description = "The alerts", body = AlertList),
        (status = 403, description = "`FORBIDDEN`: only super admins and auditors of the installation see them"),
    )
)]
async fn list_alerts(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let alerts = alerts::list(&mut ctx).await?;
    let checked_at = ctx.now;
    drop(ctx);
    let alerts = alerts.into_iter().map(Alert::from).collect();
    json(StatusCode::OK, &AlertList { alerts, checked_at })
}
