//! Lists of reviews, and how many wait for somebody.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    OrganizationId, ReviewState, TeamId,
    views::{AccessReview, Page},
};

use super::read::Row;
use crate::{Ctx, Result, keyset::Keyset, scope::Scope};

/// What to list.
#[derive(Debug, Clone)]
pub struct ReviewQuery {
    /// Only those that stand there.
    pub state: Option<ReviewState>,
    /// Only this organization's, with its teams'.
    pub organization: Option<OrganizationId>,
    /// Only this team's own.
    pub team: Option<TeamId>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for ReviewQuery {
    fn default() -> Self {
        Self {
            state: None,
            organization: None,
            team: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// One page of the reviews that the caller sees, newest first: those of teams and organizations that they administer or
/// audit, and those of organizations with lines of a team of theirs.
///
/// # Errors
/// 403 for programs; a cursor of another list.
pub async fn list(ctx: &mut Ctx, query: &ReviewQuery) -> Result<Page<AccessReview>> {
    ctx.person()?;
    let scope = Scope::of(&ctx.caller);
    let keyset = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), query.limit)?;
    let state = query.state.map(ReviewState::as_str);
    let (organization, team) = (query.organization.map(|id| id.0), query.team.map(|id| id.0));
    let rows = sqlx::query_as!(
        Row,
        "SELECT r.id, r.organization_id, r.team_id, r.scope_name, r.name, r.covers_people, r.covers_services, r.silence,
            r.state, r.starter, r.created_at, r.due_at, r.ended_at, r.ended_by, r.closed_at, r.reminded_at, r.reminded_by,
            r.auto_reminded_at, r.line_count, r.keep_count, r.remove_count
        FROM access_reviews r
        WHERE ($1 OR r.organization_id = ANY($2) OR r.team_id = ANY($3) OR EXISTS (
                SELECT FROM access_review_lines l WHERE l.review_id = r.id AND l.team_id = ANY($3)))
            AND ($4::text IS NULL OR r.state = $4) AND ($5::uuid IS NULL OR r.organization_id = $5)
            AND ($6::uuid IS NULL OR r.team_id = $6)
            AND ($7::timestamptz IS NULL OR CASE WHEN $9 THEN (r.created_at, r.id) > ($7, $8)
                ELSE (r.created_at, r.id) < ($7, $8) END)
        ORDER BY CASE WHEN $9 THEN r.created_at END, CASE WHEN $9 THEN r.id END, r.created_at DESC, r.id DESC
        LIMIT $10",
        scope.all,
        &scope.organizations,
        &scope.administered,
        state,
        organization,
        team,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM access_reviews r
        WHERE ($1 OR r.organization_id = ANY($2) OR r.team_id = ANY($3) OR EXISTS (
                SELECT FROM access_review_lines l WHERE l.review_id = r.id AND l.team_id = ANY($3)))
            AND ($4::text IS NULL OR r.state = $4) AND ($5::uuid IS NULL OR r.organization_id = $5)
            AND ($6::uuid IS NULL OR r.team_id = $6)"#,
        scope.all,
        &scope.organizations,
        &scope.administered,
        state,
        organization,
        team,
    )
    .fetch_one(ctx.connection())
    .await?;
    let items = rows.into_iter().map(Row::into_review).collect::<Result<Vec<_>>>()?;
    Ok(keyset.page(items, total, |review: &AccessReview| {
        let key = review.created_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        (key, review.id.0)
    }))
}
