//! Requests to join whose wish was granted by other means: somebody added the person.

use domain::{OrganizationId, RequestState, TeamId};
use serde_json::json;
use uuid::Uuid;

use crate::{Ctx, Result, audit};

/// What the decision says.
const WORDS: &str = "Added to the team";

/// Approves what people who were just added to a team had asked for: to join it. The caller was authorised, and has
/// locked the team.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn settle_joins(
    ctx: &mut Ctx,
    (organization, team): (OrganizationId, TeamId),
    people: &[Uuid],
) -> Result<()> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let settled = sqlx::query!(
        "WITH settled AS (
            UPDATE access_requests SET state = 'approved', decided_by = $3, decided_at = $4, decision = $5
            WHERE team_id = $1 AND requester = ANY($2) AND kind = 'join' AND state = 'pending' RETURNING id, requester)
        SELECT settled.id, u.email FROM settled JOIN users u ON u.id = settled.requester ORDER BY settled.id",
        team.0,
        people,
        by,
        now,
        WORDS,
    )
    .fetch_all(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = (settled.iter())
        .map(|row| {
            audit::Entry::new("request.approve", "request", row.id, &row.email)
                .team(organization, team)
                .change(
                    json!({"state": RequestState::Pending}),
                    json!({"state": RequestState::Approved, "decision": WORDS}),
                )
        })
        .collect();
    audit::record_many(ctx, &entries).await
}
