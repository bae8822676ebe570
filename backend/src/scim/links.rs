//! What the links of a group (see [`crate::identity_links`]) learn of the group itself.

use uuid::Uuid;

use crate::{Ctx, Result};

/// The group has another name now. Its team keeps its own.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn renamed(ctx: &mut Ctx, group: Uuid, name: &str) -> Result<()> {
    sqlx::query!(
        "WITH renamed AS (
            UPDATE identity_links SET group_name = $2
            WHERE provider = 'scim' AND group_id = $1 AND group_name IS DISTINCT FROM $2 RETURNING id)
        INSERT INTO identity_link_events (id, link_id, at, kind, detail)
        SELECT gen_random_uuid(), id, $3, 'renamed', $2 FROM renamed",
        group.to_string(),
        name,
        ctx.now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The directory said who is in the group.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn heard(ctx: &mut Ctx, group: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE identity_links SET checked_at = $2 WHERE provider = 'scim' AND group_id = $1",
        group.to_string(),
        ctx.now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// The group is no more. The links stay, and say so.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn gone(ctx: &mut Ctx, group: Uuid) -> Result<()> {
    sqlx::query!(
        "WITH missing AS (
            UPDATE identity_links SET missing_since = $2
            WHERE provider = 'scim' AND group_id = $1 AND missing_since IS NULL RETURNING id)
        INSERT INTO identity_link_events (id, link_id, at, kind)
        SELECT gen_random_uuid(), id, $2, 'missing' FROM missing",
        group.to_string(),
        ctx.now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
