//! Reading one review.

use chrono::{DateTime, Utc};
use domain::{
    OrganizationId, ReviewId, TeamId,
    views::{AccessReview, ReviewCounts, ReviewPage},
};
use uuid::Uuid;

use super::rights::{self, Sees, sees};
use crate::{
    Ctx, Error, Result,
    scope::{Deciding, Scope},
};

/// The most teams that the filter of a review's lines offers.
const TEAMS: i64 = 200;

/// A row of `access_reviews`.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) organization_id: Uuid,
    pub(super) team_id: Option<Uuid>,
    pub(super) scope_name: String,
    pub(super) name: String,
    pub(super) covers_people: bool,
    pub(super) covers_services: bool,
    pub(super) silence: String,
    pub(super) state: String,
    pub(super) starter: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) due_at: DateTime<Utc>,
    pub(super) ended_at: Option<DateTime<Utc>>,
    pub(super) ended_by: Option<String>,
    pub(super) closed_at: Option<DateTime<Utc>>,
    pub(super) reminded_at: Option<DateTime<Utc>>,
    pub(super) reminded_by: Option<String>,
    pub(super) auto_reminded_at: Option<DateTime<Utc>>,
    pub(super) line_count: i32,
    pub(super) keep_count: i32,
    pub(super) remove_count: i32,
}

impl Row {
    pub(super) fn into_review(self) -> Result<AccessReview> {
        Ok(AccessReview {
            id: ReviewId(self.id),
            organization_id: OrganizationId(self.organization_id),
            team_id: self.team_id.map(TeamId),
            scope_name: self.scope_name,
            name: self.name,
            covers_people: self.covers_people,
            covers_services: self.covers_services,
            silence: self.silence.parse()?,
            state: self.state.parse()?,
            starter: self.starter,
            created_at: self.created_at,
            due_at: self.due_at,
            ended_at: self.ended_at,
            ended_by: self.ended_by,
            closed_at: self.closed_at,
            reminded_at: self.reminded_at,
            reminded_by: self.reminded_by,
            auto_reminded_at: self.auto_reminded_at,
            lines: self.line_count.into(),
            keep: self.keep_count.into(),
            remove: self.remove_count.into(),
        })
    }
}

pub(super) fn missing(id: ReviewId) -> Error {
    Error::not_found("Access review", id)
}

/// One review, with what the caller may do with it.
///
/// # Errors
/// 403 for programs; 404 `Access review not found: <id>` also for those who may not see it.
pub async fn get(ctx: &mut Ctx, id: ReviewId) -> Result<ReviewPage> {
    ctx.person()?;
    page(ctx, id).await
}

/// A review that the caller sees, and how much of it.
///
/// # Errors
/// As [`get`].
pub(super) async fn visible(ctx: &mut Ctx, id: ReviewId) -> Result<(AccessReview, Sees)> {
    ctx.person()?;
    let review = load(ctx, id).await?;
    let scope = Scope::of(&ctx.caller);
    if sees(&scope, &review) == Sees::Whole {
        return Ok((review, Sees::Whole));
    }
    let part = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM access_review_lines WHERE review_id = $1 AND team_id = ANY($2)) AS "part!""#,
        id.0,
        &scope.administered,
    )
    .fetch_one(ctx.connection())
    .await?;
    if part {
        Ok((review, Sees::Teams))
    } else {
        Err(missing(id))
    }
}

/// The page of a review that the caller sees.
pub(super) async fn page(ctx: &mut Ctx, id: ReviewId) -> Result<ReviewPage> {
    let (review, sees) = visible(ctx, id).await?;
    let whole = sees == Sees::Whole;
    let manages = match rights::require_manager(ctx, &review).await {
        Ok(()) => true,
        Err(error @ (Error::Internal(_) | Error::Unavailable(..))) => return Err(error),
        Err(_) => false,
    };
    let scope = Scope::of(&ctx.caller);
    let rows = sqlx::query!(
        r#"SELECT kind, count(*) AS "lines!", count(*) FILTER (WHERE decision = 'keep') AS "keep!",
            count(*) FILTER (WHERE decision = 'remove') AS "remove!",
            count(*) FILTER (WHERE outcome = 'removed') AS "removed!", count(*) FILTER (WHERE outcome = 'gone') AS "gone!",
            count(*) FILTER (WHERE outcome = 'refused') AS "refused!"
        FROM access_review_lines WHERE review_id = $1 AND ($2 OR team_id = ANY($3)) GROUP BY kind
        ORDER BY array_position(ARRAY['membership', 'organization_role', 'service'], kind)"#,
        id.0,
        whole,
        &scope.administered,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut counts = Vec::with_capacity(rows.len());
    for row in rows {
        counts.push(ReviewCounts {
            kind: row.kind.parse()?,
            lines: row.lines,
            keep: row.keep,
            remove: row.remove,
            removed: row.removed,
            gone: row.gone,
            refused: row.refused,
        });
    }
    let deciding = Deciding::of(&ctx.caller);
    let me = ctx.caller.user_id().map(|id| id.0);
    let everything = deciding.covers(review.organization_id.0, None);
    let mine = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM access_review_lines
        WHERE review_id = $1 AND decision IS NULL AND user_id IS DISTINCT FROM $2 AND ($3 OR team_id = ANY($4))"#,
        id.0,
        me,
        everything,
        &deciding.teams,
    )
    .fetch_one(ctx.connection())
    .await?;
    let teams = sqlx::query!(
        r#"SELECT team_id AS "id!", min(team) AS "name!" FROM access_review_lines
        WHERE review_id = $1 AND team_id IS NOT NULL AND ($2 OR team_id = ANY($3))
        GROUP BY team_id ORDER BY min(place) LIMIT $4"#,
        id.0,
        whole,
        &scope.administered,
        TEAMS,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(ReviewPage {
        mine: if review.is_open() { mine } else { 0 },
        review,
        manages,
        whole,
        counts,
        teams: teams.into_iter().map(|row| (TeamId(row.id), row.name)).collect(),
    })
}

/// A review as it is; the caller was authorised, or will be.
pub(super) async fn load(ctx: &mut Ctx, id: ReviewId) -> Result<AccessReview> {
    let row = sqlx::query_as!(
        Row,
        "SELECT id, organization_id, team_id, scope_name, name, covers_people, covers_services, silence, state, starter,
            created_at, due_at, ended_at, ended_by, closed_at, reminded_at, reminded_by, auto_reminded_at, line_count,
            keep_count, remove_count
        FROM access_reviews WHERE id = $1",
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.ok_or_else(|| missing(id))?.into_review()
}

/// As [`load`], and nobody else decides, closes or reminds until the transaction ends.
pub(super) async fn locked(ctx: &mut Ctx, id: ReviewId) -> Result<AccessReview> {
    sqlx::query_scalar!("SELECT id FROM access_reviews WHERE id = $1 FOR NO KEY UPDATE", id.0)
        .fetch_optional(ctx.connection())
        .await?;
    load(ctx, id).await
}
