//! What needs an operator now (SPEC C16): from the database, and from the circuit breakers of this process.

use chrono::TimeDelta;
use domain::views::{Alert, AlertKind};

use crate::{Caller, Ctx, Result, budgets, default_team, litellm, organizations, sync};

/// Whether somebody sees the alerts: whoever sees all of the installation.
pub fn may_see(caller: &Caller) -> bool {
    organizations::require_everywhere(caller, "see the alerts").is_ok()
}

/// The alerts, the worst first, and of those the oldest. Four queries, whose cost grows with what is wrong.
///
/// # Errors
/// 403 for everyone but super_admins and auditors of the installation.
pub async fn list(ctx: &mut Ctx) -> Result<Vec<Alert>> {
    organizations::require_everywhere(&ctx.caller, "see the alerts")?;
    let mut alerts = unreachable(ctx);
    if !ctx.backend.litellm.is_empty() {
        alerts.extend(waiting(ctx).await?);
        alerts.extend(default_team::over_budget(ctx).await?);
    }
    alerts.extend(sync::alerts(ctx).await?);
    alerts.extend(budgets::alerts_of_installation(ctx).await?);
    let place = |kind| AlertKind::ALL.iter().position(|known| *known == kind);
    alerts.sort_by_key(|alert| {
        (
            alert.kind.level(),
            alert.since.is_none(),
            alert.since,
            place(alert.kind),
        )
    });
    Ok(alerts)
}

/// Instances whose breaker lets nothing through.
fn unreachable(ctx: &Ctx) -> Vec<Alert> {
    let instances = ctx.backend.litellm.iter();
    instances
        .filter_map(|instance| {
            let refusing = TimeDelta::from_std(instance.client.refusing_for()?).unwrap_or_default();
            Some(Alert {
                kind: AlertKind::LiteLlmUnreachable,
                instance: Some(instance.name().to_owned()),
                count: 1,
                since: Some(ctx.now - refusing),
                detail: None,
            })
        })
        .collect()
}

/// What configured instances do not have, and should have by now. What waits for one that is configured no more is not
/// wanted there.
async fn waiting(ctx: &mut Ctx) -> Result<Vec<Alert>> {
    let waiting = litellm::waiting(ctx.connection()).await?;
    let mut alerts: Vec<Alert> = Vec::new();
    for one in waiting {
        if ctx.backend.litellm.get(Some(&one.instance)).is_none() {
            continue;
        }
        let (kind, count) = match one.state.as_str() {
            "parked" => (AlertKind::LiteLlmParked, one.count),
            litellm::REVOKING => (AlertKind::KeysRevoking, one.late),
            _ => (AlertKind::LiteLlmDelayed, one.late),
        };
        if count == 0 {
            continue;
        }
        let instance = Some(one.instance);
        // Pending and failed ones are late together.
        match alerts
            .iter_mut()
            .find(|alert| alert.kind == kind && alert.instance == instance)
        {
            Some(alert) => {
                alert.count += count;
                alert.since = alert.since.min(Some(one.since));
                alert.detail = alert.detail.take().or(one.last_error);
            }
            None => alerts.push(Alert {
                kind,
                instance,
                count,
                since: Some(one.since),
                detail: one.last_error,
            }),
        }
    }
    Ok(alerts)
}
