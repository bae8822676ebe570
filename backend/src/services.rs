//! Services: the catalogue of an organization, and what each team may use of it.

mod allow;
mod catalogue;
mod preview;

pub use allow::{AllowInput, Saved, allow, choices, of_team, preview, preview_stop, set, stop};
pub use catalogue::{
    NewService, NewServiceInput, ServicePatch, ServicePatchInput, catalogues, create, delete, find, get, list, named,
    preview_delete, update, users,
};
use domain::{OrganizationId, PathRule, ServiceKind, TeamId, TeamStatus};
use sqlx::PgPool;

use crate::Result;

/// What a decision about a service needs to know of a team.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeamPolicy {
    /// The team.
    pub(crate) team: TeamId,
    /// Its name.
    pub(crate) name: String,
    /// Its organization.
    pub(crate) organization: OrganizationId,
    /// Its status.
    pub(crate) status: TeamStatus,
    /// Every service in the organization's catalogue, by name.
    pub(crate) services: Vec<CatalogueService>,
}

/// A service as decisions see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CatalogueService {
    /// Its name.
    pub(crate) name: String,
    /// What it is.
    pub(crate) kind: ServiceKind,
    /// The requests that it admits; none admits all.
    pub(crate) rules: Vec<PathRule>,
    /// Whether the team may use it (SPEC X9: not listed means no).
    pub(crate) allowed: bool,
}

/// The policy of a team, if there is such a team.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn policy(pool: &PgPool, team: TeamId) -> Result<Option<TeamPolicy>> {
    let rows = sqlx::query!(
        r#"SELECT t.name, t.organization_id, t.status, s.name AS "service?", s.kind AS "kind?",
            s.path_prefixes AS "path_prefixes?", a.team_id IS NOT NULL AS "allowed!"
        FROM teams t
            LEFT JOIN services s ON s.organization_id = t.organization_id
            LEFT JOIN team_services a ON a.service_id = s.id AND a.team_id = t.id
        WHERE t.id = $1 ORDER BY s.name"#,
        team.0,
    )
    .fetch_all(pool)
    .await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let (name, organization) = (first.name.clone(), OrganizationId(first.organization_id));
    let status = first.status.parse()?;
    let mut services = Vec::with_capacity(rows.len());
    for row in rows {
        let (Some(name), Some(kind)) = (row.service, row.kind) else {
            continue;
        };
        services.push(CatalogueService {
            name,
            kind: kind.parse()?,
            rules: domain::parse_path_rules(&row.path_prefixes.unwrap_or_default())?,
            allowed: row.allowed,
        });
    }
    Ok(Some(TeamPolicy {
        team,
        name,
        organization,
        status,
        services,
    }))
}
