//! Settles reservations whose lease ran out: a process died, or an answer of GitHub got lost.

use chrono::{DateTime, Utc};
use domain::{OrganizationId, RunnerId, TeamId};
use serde_json::json;

use super::provision::lease_seconds;
use crate::{Backend, Ctx, Error, Method, Result, audit};

struct Expired {
    id: RunnerId,
    name: String,
    team: Option<(OrganizationId, TeamId)>,
    lease_until: DateTime<Utc>,
}

/// Settles what is overdue; returns how many reservations. Several processes may do this at once:
/// each takes its own.
///
/// Nobody has the configuration of such a runner, so it is of no use to anyone: GitHub is asked for
/// the name, told to remove the runner if it has it, and only then is the place in the quota free.
///
/// # Errors
/// When the database does not answer. When GitHub does not, the reservations wait for the next lease.
pub async fn reap(backend: &Backend) -> Result<usize> {
    let expired = take(backend).await?;
    let mut settled = 0;
    for mut reservation in expired {
        match remove_at_github(backend, &mut reservation).await {
            Ok(true) => settled += usize::from(settle(backend, &reservation).await?),
            Ok(false) => {}
            Err(Failure::Database(error)) => return Err(error),
            Err(Failure::GitHub(error)) => {
                tracing::warn!(runner = %reservation.name, %error, "cannot settle a reservation yet");
            }
        }
    }
    Ok(settled)
}

/// Takes overdue reservations by giving them a new lease of our own.
async fn take(backend: &Backend) -> Result<Vec<Expired>> {
    let rows = sqlx::query!(
        r#"UPDATE runners r SET lease_until = clock_timestamp() + make_interval(secs => $1)
        FROM (SELECT id FROM runners WHERE lease_until < clock_timestamp()
            ORDER BY lease_until LIMIT 100 FOR UPDATE SKIP LOCKED) overdue
        WHERE r.id = overdue.id
        RETURNING r.id, r.name, r.team_id, r.lease_until AS "lease_until!",
            (SELECT organization_id FROM teams t WHERE t.id = r.team_id) AS organization_id"#,
        lease_seconds(backend.settings.reservation_lease),
    )
    .fetch_all(&backend.pool)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Expired {
            id: RunnerId(row.id),
            name: row.name,
            team: row.organization_id.map(OrganizationId).zip(row.team_id.map(TeamId)),
            lease_until: row.lease_until,
        })
        .collect())
}

enum Failure {
    Database(Error),
    GitHub(integrations::github::Error),
}

/// Sees to it that GitHub has no runner of that name. False when another process has taken the
/// reservation meanwhile: what GitHub found may be a living runner that took the name since.
async fn remove_at_github(backend: &Backend, reservation: &mut Expired) -> Result<bool, Failure> {
    let Some(github) = &backend.github else { return Ok(true) };
    let found = github.find_runner(&reservation.name).await.map_err(Failure::GitHub)?;
    if let Some(runner) = found {
        // Still ours after the answer: then nobody could take the name before it, and the number is
        // the number of what we look for, however long removing it takes.
        if !renew(backend, reservation).await.map_err(Failure::Database)? {
            return Ok(false);
        }
        github.delete_runner(runner.id).await.map_err(Failure::GitHub)?;
    }
    Ok(true)
}

/// Takes the lease anew; false when it is not ours any more.
async fn renew(backend: &Backend, reservation: &mut Expired) -> Result<bool> {
    let renewed = sqlx::query_scalar!(
        r#"UPDATE runners SET lease_until = clock_timestamp() + make_interval(secs => $3)
        WHERE id = $1 AND lease_until = $2 RETURNING lease_until AS "lease_until!""#,
        reservation.id.0,
        reservation.lease_until,
        lease_seconds(backend.settings.reservation_lease),
    )
    .fetch_optional(&backend.pool)
    .await?;
    reservation.lease_until = renewed.unwrap_or(reservation.lease_until);
    Ok(renewed.is_some())
}

async fn settle(backend: &Backend, reservation: &Expired) -> Result<bool> {
    let mut ctx = Ctx::system(backend, "reaper", Method::System).await?;
    let now = ctx.now;
    let lease = Some(reservation.lease_until);
    if !super::retire(ctx.connection(), reservation.id, "reservation_expired", now, lease).await? {
        return Ok(false);
    }
    let mut entry = audit::Entry::new(
        "runner.reservation_expired",
        "runner",
        reservation.id,
        &reservation.name,
    )
    .change(json!({"status": "pending"}), json!({"status": "deleted"}));
    if let Some((organization, team)) = reservation.team {
        entry = entry.team(organization, team);
    }
    audit::record(&mut ctx, entry).await?;
    ctx.commit().await?;
    Ok(true)
}
