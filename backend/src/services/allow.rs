//! A team's service policy: what it may use of the catalogue, each with the reason why (SPEC D2, D9, X9).

mod rows;

use std::collections::HashMap;

use domain::{
    Permission, Reason, ServiceId, TeamId,
    views::{AllowedService, PolicyChange, ServiceChoice, Team, TeamPage},
};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::preview::keys_of;
use crate::{Code, Ctx, Error, Result, audit, teams};

/// A row of a team's policy, as a request gives it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AllowInput {
    /// The service's name.
    pub service: String,
    /// Why the team may use it.
    pub reason: String,
}

/// A team's policy after a change, or as it would be.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// The team.
    pub page: TeamPage,
    /// What it may use, by name.
    pub allowed: Vec<AllowedService>,
    /// What changed.
    pub change: PolicyChange,
}

/// A team's policy: the whole catalogue of its organization by name, each service allowed or not.
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team.
pub async fn of_team(ctx: &mut Ctx, team: TeamId) -> Result<(TeamPage, Vec<ServiceChoice>)> {
    let page = teams::open(ctx, team).await?;
    let choices = choices(ctx, &page.team).await?;
    Ok((page, choices))
}

/// As [`of_team`], for a page that has loaded the team and so checked the rights.
///
/// # Errors
/// When the database does not answer.
pub async fn choices(ctx: &mut Ctx, team: &Team) -> Result<Vec<ServiceChoice>> {
    let rows = sqlx::query!(
        r#"SELECT s.id, s.name, s.description, s.kind, s.created_at, a.reason AS "reason?", a.allowed_at AS "allowed_at?",
            u.email AS "allowed_by?"
        FROM services s LEFT JOIN team_services a ON a.service_id = s.id AND a.team_id = $2
            LEFT JOIN users u ON u.id = a.allowed_by
        WHERE s.organization_id = $1 ORDER BY s.name"#,
        team.organization_id.0,
        team.id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let id = ServiceId(row.id);
            let (service, allowed_by) = (row.name.clone(), row.allowed_by);
            Ok(ServiceChoice {
                id,
                name: row.name,
                description: row.description,
                kind: row.kind.parse()?,
                created_at: row.created_at,
                allowed: row
                    .reason
                    .zip(row.allowed_at)
                    .map(|(reason, allowed_at)| AllowedService {
                        service_id: id,
                        service,
                        reason,
                        allowed_at,
                        allowed_by,
                    }),
            })
        })
        .collect()
}

/// Makes these the services that a team may use, and no others. What stays for the same reason keeps who allowed it
/// and when.
///
/// # Errors
/// 403 without the right; 422 that names each row with an unknown service, one that is there twice, or no reason.
pub async fn set(ctx: &mut Ctx, team: TeamId, rows: &[AllowInput]) -> Result<Saved> {
    let plan = Plan::of_rows(ctx, team, rows).await?;
    plan.save(ctx).await
}

/// What [`set`] would do.
///
/// # Errors
/// As [`set`].
pub async fn preview(ctx: &mut Ctx, team: TeamId, rows: &[AllowInput]) -> Result<Saved> {
    Plan::of_rows(ctx, team, rows).await?.preview(ctx).await
}

/// Allows one service, or gives another reason for it. The others stay.
///
/// # Errors
/// 403 without the right; 404 when the catalogue does not have it.
pub async fn allow(ctx: &mut Ctx, team: TeamId, service: ServiceId, reason: &Reason) -> Result<Saved> {
    let mut plan = Plan::unchanged(ctx, team).await?;
    plan.require(service)?;
    plan.wanted.insert(service, reason.as_str().to_owned());
    plan.save(ctx).await
}

/// Takes one service away. The others stay.
///
/// # Errors
/// 403 without the right; 404 when the catalogue does not have it.
pub async fn stop(ctx: &mut Ctx, team: TeamId, service: ServiceId) -> Result<Saved> {
    let plan = Plan::without(ctx, team, service).await?;
    plan.save(ctx).await
}

/// What [`stop`] would do.
///
/// # Errors
/// As [`stop`].
pub async fn preview_stop(ctx: &mut Ctx, team: TeamId, service: ServiceId) -> Result<Saved> {
    Plan::without(ctx, team, service).await?.preview(ctx).await
}

/// A change that was checked and not made yet. The team is locked.
struct Plan {
    page: TeamPage,
    choices: Vec<ServiceChoice>,
    /// The reasons of what shall be allowed.
    wanted: HashMap<ServiceId, String>,
}

impl Plan {
    async fn unchanged(ctx: &mut Ctx, team: TeamId) -> Result<Self> {
        let page = teams::locked_for(ctx, team, Permission::ServicesAllow).await?;
        teams::require_not_archived(&page)?;
        // To belong to it lets nobody use a service (SPEC P: "signed in, no team"), so allowing one would promise too much.
        crate::default_team::require_other(
            &page.team,
            " and is allowed no services: allow them to people's own teams",
        )?;
        let choices = choices(ctx, &page.team).await?;
        let wanted = choices
            .iter()
            .filter_map(|choice| Some((choice.id, choice.allowed.as_ref()?.reason.clone())))
            .collect();
        Ok(Self { page, choices, wanted })
    }

    async fn without(ctx: &mut Ctx, team: TeamId, service: ServiceId) -> Result<Self> {
        let mut plan = Self::unchanged(ctx, team).await?;
        plan.require(service)?;
        plan.wanted.remove(&service);
        Ok(plan)
    }

    async fn of_rows(ctx: &mut Ctx, team: TeamId, rows: &[AllowInput]) -> Result<Self> {
        let mut plan = Self::unchanged(ctx, team).await?;
        plan.wanted = rows::parse(rows, &plan.choices, &plan.page.team.organization_name)?;
        Ok(plan)
    }

    fn require(&self, service: ServiceId) -> Result<()> {
        if self.choices.iter().any(|choice| choice.id == service) {
            Ok(())
        } else {
            Err(Error::not_found("Service", service))
        }
    }

    async fn change(&self, ctx: &mut Ctx) -> Result<PolicyChange> {
        let mut change = PolicyChange::default();
        for choice in &self.choices {
            let was = choice.allowed.as_ref().map(|allowed| &allowed.reason);
            let list = match (was, self.wanted.get(&choice.id)) {
                (None, Some(_)) => &mut change.gained,
                (Some(_), None) => &mut change.lost,
                (Some(old), Some(new)) if old != new => &mut change.reasoned,
                _ => continue,
            };
            list.push(choice.name.clone());
        }
        if !change.lost.is_empty() {
            change.broken = keys_of(ctx, &[self.page.team.id]).await?;
        }
        Ok(change)
    }

    async fn preview(self, ctx: &mut Ctx) -> Result<Saved> {
        let change = self.change(ctx).await?;
        let (now, by) = (ctx.now, ctx.person().ok().map(|person| person.email.clone()));
        let allowed = self.choices.into_iter().filter_map(|choice| {
            let reason = self.wanted.get(&choice.id)?;
            Some(match choice.allowed {
                Some(allowed) if allowed.reason == *reason => allowed,
                _ => AllowedService {
                    service_id: choice.id,
                    service: choice.name,
                    reason: reason.clone(),
                    allowed_at: now,
                    allowed_by: by.clone(),
                },
            })
        });
        Ok(Saved {
            allowed: allowed.collect(),
            page: self.page,
            change,
        })
    }

    async fn save(self, ctx: &mut Ctx) -> Result<Saved> {
        let change = self.change(ctx).await?;
        if !change.is_empty() {
            self.write(ctx).await?;
        }
        let allowed = choices(ctx, &self.page.team).await?;
        Ok(Saved {
            allowed: allowed.into_iter().filter_map(|choice| choice.allowed).collect(),
            page: self.page,
            change,
        })
    }

    async fn write(&self, ctx: &mut Ctx) -> Result<()> {
        let team = &self.page.team;
        let (ids, reasons): (Vec<Uuid>, Vec<String>) =
            self.wanted.iter().map(|(id, reason)| (id.0, reason.clone())).unzip();
        let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
        sqlx::query!(
            "DELETE FROM team_services WHERE team_id = $1 AND service_id <> ALL($2)",
            team.id.0,
            &ids,
        )
        .execute(ctx.connection())
        .await?;
        sqlx::query!(
            "INSERT INTO team_services (team_id, service_id, reason, allowed_at, allowed_by)
            SELECT $1, wanted.service_id, wanted.reason, $4, $5
            FROM unnest($2::uuid[], $3::text[]) AS wanted(service_id, reason)
            ON CONFLICT (team_id, service_id) DO UPDATE
                SET reason = excluded.reason, allowed_at = excluded.allowed_at, allowed_by = excluded.allowed_by
                WHERE team_services.reason <> excluded.reason",
            team.id.0,
            &ids,
            &reasons,
            now,
            by,
        )
        .execute(ctx.connection())
        .await
        .map_err(|error| {
            Error::from(error).on_constraint("team_services_service_id_fkey", || {
                Error::refused(
                    Code::WrongState,
                    "A service was deleted meanwhile. Look at the catalogue again.",
                )
            })
        })?;
        let before = reasons_of(&self.choices, |choice| {
            choice.allowed.as_ref().map(|allowed| &allowed.reason)
        });
        let after = reasons_of(&self.choices, |choice| self.wanted.get(&choice.id));
        let entry = audit::Entry::new("team.services", "team", team.id, &team.name)
            .team(team.organization_id, team.id)
            .change(before, after);
        audit::record(ctx, entry).await
    }
}

/// Reasons by service, for the audit log.
fn reasons_of<'a>(choices: &'a [ServiceChoice], reason: impl Fn(&'a ServiceChoice) -> Option<&'a String>) -> Value {
    let reasons = choices
        .iter()
        .filter_map(|choice| Some((choice.name.clone(), Value::from(reason(choice)?.as_str()))));
    Value::Object(reasons.collect::<Map<_, _>>())
}
