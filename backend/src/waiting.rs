//! What waits for a decision of somebody. Each page of those who decide tells it in the navigation, so it is one statement.

use domain::views::Waiting;

use crate::{Caller, Ctx, Result, scope::Deciding};

/// Whether the caller decides requests and runs access reviews anywhere (SPEC P); costs no query.
pub fn decides_somewhere(caller: &Caller) -> bool {
    !Deciding::of(caller).is_empty()
}

/// How much waits for a decision of the caller; without a query for those who decide nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn load(ctx: &mut Ctx) -> Result<Waiting> {
    let deciding = Deciding::of(&ctx.caller);
    if deciding.is_empty() {
        return Ok(Waiting::default());
    }
    let me = ctx.caller.user_id().map(|id| id.0);
    // Requests: one rule with `requests::list`: what a team admin does not decide is raised, or a restricted model. No join:
    // to read all teams for a handful of requests would cost more than the page. Reviews: two look-ups in the index of
    // undecided lines for each open one, and no count of lines.
    let row = sqlx::query!(
        r#"SELECT count(*) AS "reviews!", min(r.due_at) AS nearest_due, (
            SELECT count(*) FROM access_requests q
            WHERE q.state = 'pending' AND ($2 OR EXISTS (SELECT FROM teams t WHERE t.id = q.team_id
                AND (t.organization_id = ANY($3)
                    OR t.id = ANY($4) AND NOT q.raises AND NOT (q.kind = 'model' AND EXISTS (
                        SELECT FROM restricted_models m WHERE m.model = q.value #>> '{}'
                            AND (m.organization_id IS NULL OR m.organization_id = t.organization_id))))))
            ) AS "requests!"
        FROM access_reviews r
        WHERE r.state = 'open' AND (($2 OR r.organization_id = ANY($3)) AND EXISTS (
                SELECT FROM access_review_lines l WHERE l.review_id = r.id AND l.decision IS NULL
                    AND l.user_id IS DISTINCT FROM $1)
            OR EXISTS (SELECT FROM access_review_lines l WHERE l.review_id = r.id AND l.decision IS NULL
                AND l.team_id = ANY($4) AND l.user_id IS DISTINCT FROM $1))"#,
        me,
        deciding.all,
        &deciding.organizations,
        &deciding.teams,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(Waiting {
        requests: row.requests,
        reviews: row.reviews,
        nearest_due: row.nearest_due,
    })
}
