//! `/api/v1/dashboard/stats` and `/api/v1/admin/stats` (SPEC B29).

use axum::response::Response;
use backend::dashboard;
use chrono::{DateTime, NaiveDate, Utc};
use domain::views;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::call::{Call, json, sized_json};
use crate::{problem::Problem, state::AppState};

pub(super) fn router() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(dashboard_stats))
        .routes(routes!(admin_stats))
}

/// The caller's runners in numbers, and what happened lately.
#[derive(Debug, Serialize, ToSchema)]
struct DashboardStats {
    /// Runners that are not deleted.
    #[schema(example = 12)]
    total: i64,
    #[schema(example = 8)]
    active: i64,
    #[schema(example = 3)]
    offline: i64,
    #[schema(example = 1)]
    pending: i64,
    /// At most ten, newest first.
    recent_events: Vec<RecentEvent>,
}

/// An entry of the audit log, short.
#[derive(Debug, Serialize, ToSchema)]
struct RecentEvent {
    id: Uuid,
    #[schema(example = "provision_jit")]
    event_type: String,
    runner_id: Option<Uuid>,
    runner_name: Option<String>,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    /// To whom or what it happened.
    target: String,
    /// Who did it.
    #[schema(example = "user@example.com")]
    user_identity: String,
    success: bool,
    timestamp: DateTime<Utc>,
}

impl From<views::RecentEvent> for RecentEvent {
    fn from(event: views::RecentEvent) -> Self {
        let (team_id, team_name) = event.team.map(|(id, name)| (id.0, name)).unzip();
        Self {
            id: event.id,
            event_type: event.action,
            runner_id: event.runner_id.map(Into::into),
            runner_name: event.runner_id.map(|_| event.target.clone()),
            team_id,
            team_name,
            target: event.target,
            user_identity: event.actor,
            success: event.success,
            timestamp: event.at,
        }
    }
}

/// Count runners, with recent events
///
/// Over the runners that `GET /runners` lists for the caller, and the audit entries that the caller may see.
#[utoipa::path(
    get,
    path = "/dashboard/stats",
    tag = "Statistics",
    responses((status = 200, description = "The numbers", body = DashboardStats))
)]
async fn dashboard_stats(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let stats = dashboard::stats(&mut ctx).await?;
    drop(ctx);
    let body = DashboardStats {
        total: stats.runners.total,
        active: stats.runners.active,
        offline: stats.runners.offline,
        pending: stats.runners.pending,
        recent_events: stats.recent.into_iter().map(RecentEvent::from).collect(),
    };
    sized_json(StatusCode::OK, &body, 4096)
}

/// The numbers of the installation, or of the caller's organizations.
#[derive(Debug, Serialize, ToSchema)]
struct AdminStats {
    /// The organizations that the numbers are of; null for all of them.
    organization_ids: Option<Vec<Uuid>>,
    organizations: i64,
    teams: TeamNumbers,
    users: UserNumbers,
    runners: RunnerNumbers,
    /// Runners against quotas, the fullest team first; at most 100.
    team_usage: Vec<TeamUsage>,
    /// Active teams that may have runners, listed in `team_usage` or not.
    team_usage_total: i64,
    /// The last 30 days (UTC), oldest first.
    provisioning: Vec<ProvisioningDay>,
    /// Security events of the last 7 days.
    security_events: SecurityNumbers,
}

/// Teams by status.
#[derive(Debug, Serialize, ToSchema)]
struct TeamNumbers {
    total: i64,
    active: i64,
    inactive: i64,
    archived: i64,
}

/// Accounts of people.
#[derive(Debug, Serialize, ToSchema)]
struct UserNumbers {
    total: i64,
    active: i64,
    deactivated: i64,
}

/// Runners that are not deleted, by status.
#[derive(Debug, Serialize, ToSchema)]
struct RunnerNumbers {
    total: i64,
    pending: i64,
    active: i64,
    offline: i64,
    /// Of the active ones: those that run a job.
    busy: i64,
}

/// A team's runners against its quota.
#[derive(Debug, Serialize, ToSchema)]
struct TeamUsage {
    team_id: Uuid,
    team_name: String,
    active_runner_count: i32,
    /// Null for no limit.
    max_runners: Option<i32>,
}

/// One day (UTC).
#[derive(Debug, Serialize, ToSchema)]
struct ProvisioningDay {
    day: NaiveDate,
    /// Runners that were provisioned.
    created: i64,
    /// Requests that were refused or failed.
    failed: i64,
}

/// Security events by severity.
#[derive(Debug, Default, Serialize, ToSchema)]
struct SecurityNumbers {
    critical: i64,
    high: i64,
    medium: i64,
    low: i64,
}

impl From<views::AdminStats> for AdminStats {
    fn from(stats: views::AdminStats) -> Self {
        let ([active, inactive, archived], [people, deactivated]) = (stats.teams, stats.users);
        let mut security_events = SecurityNumbers::default();
        for (severity, count) in stats.security {
            *match severity {
                domain::Severity::Critical => &mut security_events.critical,
                domain::Severity::High => &mut security_events.high,
                domain::Severity::Medium => &mut security_events.medium,
                domain::Severity::Low => &mut security_events.low,
            } = count;
        }
        Self {
            organization_ids: stats.scope.map(|ids| ids.into_iter().map(Into::into).collect()),
            organizations: stats.organizations,
            teams: TeamNumbers {
                total: active + inactive + archived,
                active,
                inactive,
                archived,
            },
            users: UserNumbers {
                total: people + deactivated,
                active: people,
                deactivated,
            },
            runners: RunnerNumbers {
                total: stats.runners.total,
                pending: stats.runners.pending,
                active: stats.runners.active,
                offline: stats.runners.offline,
                busy: stats.runners.busy,
            },
            team_usage: stats
                .usage
                .teams
                .into_iter()
                .map(|team| TeamUsage {
                    team_id: team.id.0,
                    team_name: team.name,
                    active_runner_count: team.used,
                    max_runners: team.max,
                })
                .collect(),
            team_usage_total: stats.usage.total,
            provisioning: stats
                .provisioning
                .into_iter()
                .map(|day| ProvisioningDay {
                    day: day.day,
                    created: day.created,
                    failed: day.failed,
                })
                .collect(),
            security_events,
        }
    }
}

/// Count everything
///
/// Of the whole installation for super admins and auditors; of their organizations for those who administer or audit
/// some.
#[utoipa::path(
    get,
    path = "/admin/stats",
    tag = "Statistics",
    responses(
        (status = 200, description = "The numbers", body = AdminStats),
        (status = 403, description = "`FORBIDDEN`: the caller administers and audits no organization"),
    )
)]
async fn admin_stats(call: Call) -> Result<Response, Problem> {
    let mut ctx = call.read().await?;
    let stats = dashboard::admin_stats(&mut ctx).await?;
    drop(ctx);
    json(StatusCode::OK, &AdminStats::from(stats))
}
