//! Deleting a service, and what is lost with it.

use domain::{
    OrganizationId, ServiceId, TeamId,
    views::{Service, ServiceDeletion},
};
use serde_json::{Value, json};

use super::{fields, locked, of_organization, record, require_change, require_organization};
use crate::{Ctx, Result, audit, services::preview};

/// What [`delete`] would take away.
///
/// # Errors
/// As [`delete`].
pub async fn preview_delete(ctx: &mut Ctx, organization: OrganizationId, id: ServiceId) -> Result<ServiceDeletion> {
    require_change(&ctx.caller, organization)?;
    require_organization(ctx, organization).await?;
    let service = of_organization(ctx, organization, id).await?;
    Ok(losses(ctx, &service).await?.0)
}

/// Deletes a service; every team loses it.
///
/// # Errors
/// 404 `Service not found: <id>`; 403 without the right.
pub async fn delete(ctx: &mut Ctx, organization: OrganizationId, id: ServiceId) -> Result<ServiceDeletion> {
    require_change(&ctx.caller, organization)?;
    let service = locked(ctx, organization, id).await?;
    let (deletion, users) = losses(ctx, &service).await?;
    sqlx::query!("DELETE FROM services WHERE id = $1", id.0)
        .execute(ctx.connection())
        .await?;
    let mut before = fields(&service);
    before["teams"] = users.iter().map(|(_, name, _)| name.as_str()).collect();
    record(ctx, "service.delete", &service, before, Value::Null).await?;
    // The teams' own history says it too.
    let entries = users.iter().map(|(team, name, reason)| {
        audit::Entry::new("team.services", "team", *team, name)
            .team(organization, *team)
            .change(json!({&service.name: reason}), json!({}))
    });
    audit::record_all(ctx, &entries.collect::<Vec<_>>()).await?;
    Ok(deletion)
}

/// What is lost with a service, and which teams (id, name, reason) lose it.
async fn losses(ctx: &mut Ctx, service: &Service) -> Result<(ServiceDeletion, Vec<(TeamId, String, String)>)> {
    let rows = sqlx::query!(
        "SELECT t.id, t.name, a.reason FROM team_services a JOIN teams t ON t.id = a.team_id
        WHERE a.service_id = $1 AND t.status <> 'archived' ORDER BY lower(t.name), t.id",
        service.id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let users: Vec<_> = rows
        .into_iter()
        .map(|row| (TeamId(row.id), row.name, row.reason))
        .collect();
    let teams: Vec<TeamId> = users.iter().map(|(team, ..)| *team).collect();
    let deletion = ServiceDeletion {
        service: service.name.clone(),
        teams: i64::try_from(users.len()).unwrap_or(i64::MAX),
        team_names: users.iter().take(10).map(|(_, name, _)| name.clone()).collect(),
        broken: preview::keys_of(ctx, &teams).await?,
    };
    Ok((deletion, users))
}
