//! Services without a team: what those who bypass policies may use, and the team of a project.

use domain::{OrganizationId, PathRule, ProjectId, TeamId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::Result;

/// The services of an organization, or of all organizations, sorted by name. Several organizations may have one of the
/// same name, each with rules of its own.
#[derive(Debug, Default)]
pub(crate) struct Catalogue(Vec<(Box<str>, Vec<PathRule>)>);

impl Catalogue {
    /// The rules of each service of that name.
    pub(super) fn find<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [PathRule]> {
        let first = self.0.partition_point(|(known, _)| **known < *name);
        self.0[first..]
            .iter()
            .take_while(move |(known, _)| **known == *name)
            .map(|(_, rules)| rules.as_slice())
    }
}

/// Loads a catalogue.
pub(super) async fn load(pool: &PgPool, of: Option<OrganizationId>) -> Result<Catalogue> {
    let rows = sqlx::query!(
        "SELECT name, path_prefixes FROM services WHERE $1::uuid IS NULL OR organization_id = $1",
        of.map(|id| id.0),
    )
    .fetch_all(pool)
    .await?;
    let mut services: Vec<(Box<str>, Vec<PathRule>)> = Vec::with_capacity(rows.len());
    for row in rows {
        services.push((row.name.into(), domain::parse_path_rules(&row.path_prefixes)?));
    }
    services.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(Catalogue(services))
}

/// The team that a project belongs to.
pub(super) async fn team_of_project(pool: &PgPool, project: ProjectId) -> Result<Option<TeamId>> {
    let team = sqlx::query_scalar!("SELECT team_id FROM projects WHERE id = $1", project.0)
        .fetch_optional(pool)
        .await?;
    Ok(team.map(TeamId))
}

/// The teams of a slug that are not archived, in some organizations or in all.
pub(super) async fn teams_by_slug(pool: &PgPool, slug: &str, within: Option<&Vec<Uuid>>) -> Result<Vec<TeamId>> {
    let teams = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE slug = $1 AND status <> 'archived'
            AND ($2::uuid[] IS NULL OR organization_id = ANY($2)) LIMIT 2",
        slug,
        within as _,
    )
    .fetch_all(pool)
    .await?;
    Ok(teams.into_iter().map(TeamId).collect())
}

/// Whether a team has this slug.
pub(super) async fn has_slug(pool: &PgPool, team: TeamId, slug: &str) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM teams WHERE id = $1 AND slug = $2) AS "has!""#,
        team.0,
        slug,
    )
    .fetch_one(pool)
    .await?)
}
