//! What the links of a group (see [`crate::identity_links`]) learn of the group itself.

use domain::{OrganizationId, UserId, directory::Provider};
use uuid::Uuid;

use crate::{Ctx, Result, identity_links};

/// Somebody linked a group: who is in it gets what the link gives, since the directory does not say it again. A group of
/// another organization gives nothing here.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn linked(ctx: &mut Ctx, organization: OrganizationId, group: &str) -> Result<()> {
    let Ok(id) = group.parse::<Uuid>() else { return Ok(()) };
    // Held, so that nobody comes or goes between what is read here and what is given.
    sqlx::query_scalar!(
        "SELECT id FROM scim_groups WHERE id = $1 AND organization_id = $2 FOR NO KEY UPDATE",
        id,
        organization.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let people = sqlx::query_scalar!(
        r#"SELECT s.user_id AS "user!" FROM scim_group_members m JOIN scim_users s ON s.id = m.member
        WHERE m.group_id = $1 AND s.organization_id = $2 AND s.active AND s.user_id IS NOT NULL
        ORDER BY s.id FOR SHARE OF s"#,
        id,
        organization.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    let people: Vec<UserId> = people.into_iter().map(UserId).collect();
    identity_links::put_in(ctx, Provider::Scim, group, Some(organization), &people).await
}

/// The group has another name now. Its team keeps its own.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn renamed(ctx: &mut Ctx, organization: OrganizationId, group: Uuid, name: &str) -> Result<()> {
    sqlx::query!(
        "WITH renamed AS (
            UPDATE identity_links SET group_name = $2
            WHERE provider = 'scim' AND group_id = $1 AND organization_id = $4 AND group_name IS DISTINCT FROM $2
            RETURNING id)
        INSERT INTO identity_link_events (id, link_id, at, kind, detail)
        SELECT gen_random_uuid(), id, $3, 'renamed', $2 FROM renamed",
        group.to_string(),
        name,
        ctx.now,
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The directory said who is in the group.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn heard(ctx: &mut Ctx, organization: OrganizationId, group: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE identity_links SET checked_at = $2 WHERE provider = 'scim' AND group_id = $1 AND organization_id = $3",
        group.to_string(),
        ctx.now,
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The group is no more. The links stay, and say so.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn gone(ctx: &mut Ctx, organization: OrganizationId, group: Uuid) -> Result<()> {
    sqlx::query!(
        "WITH missing AS (
            UPDATE identity_links SET missing_since = $2
            WHERE provider = 'scim' AND group_id = $1 AND organization_id = $3 AND missing_since IS NULL RETURNING id)
        INSERT INTO identity_link_events (id, link_id, at, kind)
        SELECT gen_random_uuid(), id, $2, 'missing' FROM missing",
        group.to_string(),
        ctx.now,
        organization.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
