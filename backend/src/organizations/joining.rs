//! Many people who join an organization at once.

use domain::{DEFAULT_ORGANIZATION, OrganizationId};
use uuid::Uuid;

use crate::{Ctx, Result};

/// Makes people who join a team from a list members of its organization. The caller has asked [`super::Admission`] for
/// each of them, and the organization `default` has no members of its own.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn join_many(ctx: &mut Ctx, organization: OrganizationId, people: &[Uuid]) -> Result<()> {
    if organization == DEFAULT_ORGANIZATION || people.is_empty() {
        return Ok(());
    }
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO organization_members (organization_id, user_id, role, source, created_at, added_by)
        SELECT $1, user_id, 'org_member', 'bulk', $3, $4 FROM unnest($2::uuid[]) AS user_id ON CONFLICT DO NOTHING",
        organization.0,
        people,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
