//! Links, read.

use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, TeamId,
    directory::{Gives, Provider},
};
use uuid::Uuid;

use super::Link;
use crate::{Ctx, Error, Result};

/// A link's row.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) provider: String,
    pub(super) group_id: String,
    pub(super) group_name: Option<String>,
    pub(super) organization_id: Option<Uuid>,
    pub(super) team_id: Option<Uuid>,
    pub(super) role: String,
    pub(super) mode: String,
    pub(super) removal_limit: i16,
    pub(super) held_at: Option<DateTime<Utc>>,
}

impl Row {
    pub(super) fn into_link(self) -> Result<Link> {
        Ok(Link {
            id: self.id,
            provider: self.provider.parse()?,
            group_id: self.group_id,
            group_name: self.group_name,
            gives: Gives::parse(
                self.organization_id.map(OrganizationId),
                self.team_id.map(TeamId),
                Some(&self.role),
            )?,
            mode: self.mode.parse()?,
            removal_limit: u8::try_from(self.removal_limit)
                .map_err(|_| Error::internal("a removal limit is out of bounds"))?,
            held_at: self.held_at,
        })
    }
}

/// The links of some groups, and those by which somebody has something, whatever their group.
pub(super) async fn of_groups(
    ctx: &mut Ctx,
    provider: Provider,
    groups: &[String],
    person: Option<Uuid>,
) -> Result<Vec<Link>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, provider, group_id, group_name, organization_id, team_id, role, mode, removal_limit, held_at
        FROM identity_links WHERE provider = $1 AND (group_id = ANY($2)
            OR id IN (SELECT link_id FROM identity_link_members WHERE user_id = $3 AND left_at IS NULL))
        ORDER BY id",
        provider.as_str(),
        groups,
        person,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter().map(Row::into_link).collect()
}

/// Links by id.
pub(super) async fn by_ids(ctx: &mut Ctx, ids: &[Uuid]) -> Result<Vec<Link>> {
    let rows = sqlx::query_as!(
        Row,
        "SELECT id, provider, group_id, group_name, organization_id, team_id, role, mode, removal_limit, held_at
        FROM identity_links WHERE id = ANY($1) ORDER BY id",
        ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter().map(Row::into_link).collect()
}
