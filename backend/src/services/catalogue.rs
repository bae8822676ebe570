//! The catalogue: which services an organization has.

mod input;
mod remove;

use domain::{
    DEFAULT_ORGANIZATION, Description, OrganizationId, PathRule, Permission, Refusal, ServiceId, TeamId,
    views::{Catalogue, Service, ServiceUser},
};
pub use input::{NewService, NewServiceInput, ServicePatch, ServicePatchInput};
pub use remove::{delete, preview_delete};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Caller, Code, Ctx, Error, Result, audit, organizations::standing};

/// How many services one organization may have: lists show them all.
pub(super) const MAX_SERVICES: i64 = 500;

fn may_read(caller: &Caller, organization: OrganizationId) -> bool {
    let standing = standing(caller, organization);
    standing.super_admin
        || standing.auditor
        || standing.org.is_some()
        || matches!(caller, Caller::Person(person, _)
            if person.teams.iter().any(|team| team.organization_id == organization))
}

/// Everyone of an organization may read its catalogue, to know what to ask for.
fn require_read(caller: &Caller, organization: OrganizationId) -> Result<()> {
    if may_read(caller, organization) {
        return Ok(());
    }
    Err(Error::Forbidden(Refusal {
        literal: "Access denied: not a member of this organization".to_owned(),
        rule: "see an organization's services".to_owned(),
        who_can: "a super_admin or org_admin of the organization".to_owned(),
    }))
}

fn require_change(caller: &Caller, organization: OrganizationId) -> Result<()> {
    let standing = standing(caller, organization);
    if standing.may(Permission::TeamAdminister) {
        return Ok(());
    }
    // It has no org_admin (SPEC X13).
    let who_can = if organization == DEFAULT_ORGANIZATION {
        "a super_admin".to_owned()
    } else {
        Permission::TeamAdminister.who()
    };
    Err(Error::Forbidden(Refusal {
        rule: "change an organization's services".to_owned(),
        who_can,
        ..standing.refusal(Permission::TeamAdminister)
    }))
}

/// The organizations whose catalogue the caller may read, by name.
///
/// # Errors
/// When the database does not answer.
pub async fn catalogues(ctx: &mut Ctx) -> Result<Vec<Catalogue>> {
    let (everything, mine): (bool, Vec<Uuid>) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new()),
        Caller::Machine(machine) => (false, vec![machine.organization_id.0]),
        Caller::Person(person, _) => {
            let of_teams = person.teams.iter().map(|team| team.organization_id.0);
            let own = person.organizations.iter().map(|(id, _)| id.0);
            (person.super_admin || person.auditor, own.chain(of_teams).collect())
        }
    };
    let rows = sqlx::query!(
        r#"SELECT o.id, o.slug, o.name,
            (SELECT count(*) FROM services s WHERE s.organization_id = o.id) AS "services!"
        FROM organizations o WHERE $1 OR o.id = ANY($2) ORDER BY lower(o.name), o.id LIMIT 500"#,
        everything,
        &mine,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Catalogue {
            organization_id: OrganizationId(row.id),
            slug: row.slug,
            name: row.name,
            service_count: row.services,
            may_change: standing(&ctx.caller, OrganizationId(row.id)).may(Permission::TeamAdminister),
        })
        .collect())
}

/// An organization's services by name, with the number of teams that may use each.
///
/// # Errors
/// 403 for those who are not of the organization; 404 when there is none.
pub async fn list(ctx: &mut Ctx, organization: OrganizationId) -> Result<Vec<Service>> {
    require_read(&ctx.caller, organization)?;
    require_organization(ctx, organization).await?;
    let rows = sqlx::query!(
        r#"SELECT s.id, s.name, s.description, s.kind, s.path_prefixes, s.created_at, s.updated_at,
            c.email AS "created_by?",
            (SELECT count(*) FROM team_services a JOIN teams t ON t.id = a.team_id AND t.status <> 'archived'
                WHERE a.service_id = s.id) AS "teams!"
        FROM services s LEFT JOIN users c ON c.id = s.created_by
        WHERE s.organization_id = $1 ORDER BY s.name"#,
        organization.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Service {
                id: ServiceId(row.id),
                organization_id: organization,
                name: row.name,
                description: row.description,
                kind: row.kind.parse()?,
                path_prefixes: row.path_prefixes,
                team_count: row.teams,
                created_at: row.created_at,
                updated_at: row.updated_at,
                created_by: row.created_by,
            })
        })
        .collect()
}

/// A service by its id alone, for its page.
///
/// # Errors
/// 404 `Service not found: <id>`; 403 for those who are not of its organization.
pub async fn find(ctx: &mut Ctx, id: ServiceId) -> Result<Service> {
    let service = load(ctx, id).await?;
    require_read(&ctx.caller, service.organization_id)?;
    Ok(service)
}

/// The services with a name, at most two, in the catalogues that the caller may read.
///
/// # Errors
/// When the database does not answer.
pub async fn named(ctx: &mut Ctx, catalogues: &[Catalogue], name: &str) -> Result<Vec<ServiceId>> {
    let organizations: Vec<Uuid> = catalogues.iter().map(|catalogue| catalogue.organization_id.0).collect();
    let ids = sqlx::query_scalar!(
        "SELECT id FROM services WHERE organization_id = ANY($1) AND name = $2 LIMIT 2",
        &organizations,
        name.trim().replace('\0', ""),
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(ids.into_iter().map(ServiceId).collect())
}

/// A service of an organization.
///
/// # Errors
/// 404 `Service not found: <id>`; 403 for those who are not of the organization.
pub async fn get(ctx: &mut Ctx, organization: OrganizationId, id: ServiceId) -> Result<Service> {
    require_read(&ctx.caller, organization)?;
    require_organization(ctx, organization).await?;
    of_organization(ctx, organization, id).await
}

/// A hundred of the teams that may use a service, by name, each with its reason. For those who change the catalogue.
///
/// # Errors
/// As [`find`]; 403 without the right.
pub async fn users(ctx: &mut Ctx, service: &Service) -> Result<Vec<ServiceUser>> {
    require_change(&ctx.caller, service.organization_id)?;
    let rows = sqlx::query!(
        r#"SELECT t.id, t.name, a.reason, a.allowed_at, u.email AS "allowed_by?"
        FROM team_services a JOIN teams t ON t.id = a.team_id LEFT JOIN users u ON u.id = a.allowed_by
        WHERE a.service_id = $1 AND t.status <> 'archived' ORDER BY lower(t.name), t.id LIMIT 100"#,
        service.id.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ServiceUser {
            team_id: TeamId(row.id),
            team: row.name,
            reason: row.reason,
            allowed_at: row.allowed_at,
            allowed_by: row.allowed_by,
        })
        .collect())
}

/// Adds a service to an organization's catalogue. No team may use it yet.
///
/// # Errors
/// 403 without the right; 409 when the name is taken, or the catalogue is full.
pub async fn create(ctx: &mut Ctx, organization: OrganizationId, new: NewService) -> Result<Service> {
    require_change(&ctx.caller, organization)?;
    // One at a time, so that the count holds.
    sqlx::query_scalar!(
        "SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE",
        organization.0
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Organization", organization))?;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM services WHERE organization_id = $1"#,
        organization.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if count >= MAX_SERVICES {
        return Err(Error::refused(
            Code::WrongState,
            format!("An organization may have at most {MAX_SERVICES} services"),
        ));
    }
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO services (id, organization_id, name, description, kind, path_prefixes, created_at, updated_at,
            created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)",
        id,
        organization.0,
        new.name.as_str(),
        new.description.as_ref().map(Description::as_str),
        new.kind.as_str(),
        &texts(&new.rules),
        now,
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, new.name.as_str()))?;
    let service = load(ctx, ServiceId(id)).await?;
    record(ctx, "service.create", &service, Value::Null, fields(&service)).await?;
    Ok(service)
}

/// Changes a service. Its name stays while a team may use it: proxies ask for it by `/authz/{name}`.
///
/// # Errors
/// 404 `Service not found: <id>`; 403 without the right; 409 when the name is taken or must stay.
pub async fn update(
    ctx: &mut Ctx,
    organization: OrganizationId,
    id: ServiceId,
    patch: ServicePatch,
) -> Result<Service> {
    require_change(&ctx.caller, organization)?;
    let service = locked(ctx, organization, id).await?;
    let name = patch
        .name
        .map_or_else(|| service.name.clone(), |name| name.as_str().to_owned());
    if name != service.name && service.team_count > 0 {
        let teams = if service.team_count == 1 {
            "team uses"
        } else {
            "teams use"
        };
        return Err(Error::refused(
            Code::WrongState,
            format!(
                "Service '{}' cannot be renamed. {} {teams} it, and proxies ask for it at /authz/{}. Add a service with \
                 the new name, allow it to the teams, then delete this one.",
                service.name, service.team_count, service.name
            ),
        ));
    }
    let changed = Service {
        description: match patch.description {
            Some(text) => text.map(String::from),
            None => service.description.clone(),
        },
        kind: patch.kind.unwrap_or(service.kind),
        path_prefixes: patch
            .rules
            .as_deref()
            .map_or_else(|| service.path_prefixes.clone(), texts),
        name,
        ..service.clone()
    };
    if fields(&changed) == fields(&service) {
        return Ok(service);
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE services SET name = $2, description = $3, kind = $4, path_prefixes = $5, updated_at = $6 WHERE id = $1",
        id.0,
        changed.name,
        changed.description,
        changed.kind.as_str(),
        &changed.path_prefixes,
        now,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, &changed.name))?;
    record(ctx, "service.update", &changed, fields(&service), fields(&changed)).await?;
    load(ctx, id).await
}

async fn require_organization(ctx: &mut Ctx, id: OrganizationId) -> Result<()> {
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM organizations WHERE id = $1) AS "there!""#,
        id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if there {
        Ok(())
    } else {
        Err(Error::not_found("Organization", id))
    }
}

/// A service that stays as it is, and is given to no further team, until the transaction ends.
async fn locked(ctx: &mut Ctx, organization: OrganizationId, id: ServiceId) -> Result<Service> {
    require_organization(ctx, organization).await?;
    sqlx::query_scalar!("SELECT id FROM services WHERE id = $1 FOR UPDATE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    of_organization(ctx, organization, id).await
}

async fn of_organization(ctx: &mut Ctx, organization: OrganizationId, id: ServiceId) -> Result<Service> {
    let service = load(ctx, id).await?;
    if service.organization_id == organization {
        Ok(service)
    } else {
        Err(Error::not_found("Service", id))
    }
}

/// A service; the caller is authorised by who asks.
async fn load(ctx: &mut Ctx, id: ServiceId) -> Result<Service> {
    let row = sqlx::query!(
        r#"SELECT s.organization_id, s.name, s.description, s.kind, s.path_prefixes, s.created_at, s.updated_at,
            c.email AS "created_by?",
            (SELECT count(*) FROM team_services a JOIN teams t ON t.id = a.team_id AND t.status <> 'archived'
                WHERE a.service_id = s.id) AS "teams!"
        FROM services s LEFT JOIN users c ON c.id = s.created_by WHERE s.id = $1"#,
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Service", id))?;
    Ok(Service {
        id,
        organization_id: OrganizationId(row.organization_id),
        name: row.name,
        description: row.description,
        kind: row.kind.parse()?,
        path_prefixes: row.path_prefixes,
        team_count: row.teams,
        created_at: row.created_at,
        updated_at: row.updated_at,
        created_by: row.created_by,
    })
}

async fn record(ctx: &mut Ctx, action: &'static str, service: &Service, before: Value, after: Value) -> Result<()> {
    let mut entry = audit::Entry::new(action, "service", service.id, &service.name).change(before, after);
    entry.organization = Some(service.organization_id);
    audit::record(ctx, entry).await
}

fn texts(rules: &[PathRule]) -> Vec<String> {
    rules.iter().map(ToString::to_string).collect()
}

fn taken(error: sqlx::Error, name: &str) -> Error {
    Error::from(error).on_constraint("services_name_key", || {
        Error::refused(
            Code::NameTaken,
            format!("Service '{name}' already exists in this organization"),
        )
    })
}

fn fields(service: &Service) -> Value {
    json!({
        "name": service.name,
        "description": service.description,
        "kind": service.kind,
        "path_prefixes": service.path_prefixes,
    })
}
