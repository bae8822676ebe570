//! The lines of a review: in the order of their places, by page, filtered.

use chrono::{DateTime, Utc};
use domain::{
    LineKind, ReviewDecision, ReviewId, ReviewLineId, TeamId, UserId,
    views::{AccessReview, Page, ReviewLine},
};
use uuid::Uuid;

use super::{read::visible, rights::Sees};
use crate::{
    Ctx, Result,
    keyset::Keyset,
    paging,
    scope::{Deciding, Scope},
};

/// Which lines to list.
#[derive(Debug, Clone)]
pub struct LineQuery {
    /// Only those that nobody decided.
    pub undecided: bool,
    /// Only those that were decided so.
    pub decision: Option<ReviewDecision>,
    /// Only those that wait for a decision that the caller may make.
    pub mine: bool,
    /// Only this kind.
    pub kind: Option<LineKind>,
    /// Only this team's.
    pub team: Option<TeamId>,
    /// Part of a name, an email or a service.
    pub search: Option<String>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for LineQuery {
    fn default() -> Self {
        Self {
            undecided: false,
            decision: None,
            mine: false,
            kind: None,
            team: None,
            search: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// A row of `access_review_lines`.
pub(super) struct LineRow {
    pub(super) id: Uuid,
    pub(super) place: i32,
    pub(super) kind: String,
    pub(super) team_id: Option<Uuid>,
    pub(super) team: Option<String>,
    pub(super) user_id: Option<Uuid>,
    pub(super) email: Option<String>,
    pub(super) display_name: Option<String>,
    pub(super) deactivated: bool,
    pub(super) role: Option<String>,
    pub(super) service_id: Option<Uuid>,
    pub(super) service: Option<String>,
    pub(super) source: Option<String>,
    pub(super) given_by: Option<String>,
    pub(super) given_reason: Option<String>,
    pub(super) since: DateTime<Utc>,
    pub(super) last_seen_at: Option<DateTime<Utc>>,
    pub(super) key_count: i32,
    pub(super) last_key_used_at: Option<DateTime<Utc>>,
    pub(super) last_runner_at: Option<DateTime<Utc>>,
    pub(super) decision: Option<String>,
    pub(super) reason: Option<String>,
    pub(super) decider: Option<String>,
    pub(super) decided_at: Option<DateTime<Utc>>,
    pub(super) by_silence: bool,
    pub(super) outcome: Option<String>,
    pub(super) outcome_detail: Option<String>,
}

impl LineRow {
    pub(super) fn into_line(self) -> Result<ReviewLine> {
        Ok(ReviewLine {
            id: ReviewLineId(self.id),
            place: self.place,
            kind: self.kind.parse()?,
            team_id: self.team_id.map(TeamId),
            team: self.team,
            user_id: self.user_id.map(UserId),
            email: self.email,
            display_name: self.display_name,
            deactivated: self.deactivated,
            role: self.role,
            service_id: self.service_id.map(domain::ServiceId),
            service: self.service,
            source: self.source,
            given_by: self.given_by,
            given_reason: self.given_reason,
            since: self.since,
            last_seen_at: self.last_seen_at,
            key_count: self.key_count,
            last_key_used_at: self.last_key_used_at,
            last_runner_at: self.last_runner_at,
            decision: self.decision.map(|word| word.parse()).transpose()?,
            reason: self.reason,
            decider: self.decider,
            decided_at: self.decided_at,
            by_silence: self.by_silence,
            outcome: self.outcome.map(|word| word.parse()).transpose()?,
            outcome_detail: self.outcome_detail,
            own: false,
            decides: false,
        })
    }
}

/// One page of a review's lines that the caller sees.
///
/// # Errors
/// As [`super::get`]; a cursor of another list.
pub async fn lines(ctx: &mut Ctx, id: ReviewId, query: &LineQuery) -> Result<(AccessReview, Page<ReviewLine>)> {
    let (review, sees) = visible(ctx, id).await?;
    let (scope, deciding) = (Scope::of(&ctx.caller), Deciding::of(&ctx.caller));
    let me = ctx.caller.user_id();
    let whole = sees == Sees::Whole;
    let everything = deciding.covers(review.organization_id.0, None);
    let keyset = Keyset::<i32>::read(query.cursor.as_deref(), query.limit)?;
    let decision = query.decision.map(ReviewDecision::as_str);
    let (kind, team) = (query.kind.map(LineKind::as_str), query.team.map(|team| team.0));
    let pattern = paging::search(query.search.as_deref());
    let rows = sqlx::query_as!(
        LineRow,
        "SELECT id, place, kind, team_id, team, user_id, email, display_name, deactivated, role, service_id, service,
            source, given_by, given_reason, since, last_seen_at, key_count, last_key_used_at, last_runner_at, decision,
            reason, decider, decided_at, by_silence, outcome, outcome_detail
        FROM access_review_lines
        WHERE review_id = $1 AND ($2 OR team_id = ANY($3)) AND (NOT $4 OR decision IS NULL)
            AND ($5::text IS NULL OR decision = $5)
            AND (NOT $6 OR decision IS NULL AND user_id IS DISTINCT FROM $7 AND ($8 OR team_id = ANY($9)))
            AND ($10::text IS NULL OR kind = $10) AND ($11::uuid IS NULL OR team_id = $11)
            AND ($12::text IS NULL OR email ILIKE $12 OR display_name ILIKE $12 OR service ILIKE $12 OR team ILIKE $12)
            AND ($13::int IS NULL OR CASE WHEN $14 THEN place < $13 ELSE place > $13 END)
        ORDER BY CASE WHEN $14 THEN -place ELSE place END LIMIT $15",
        id.0,
        whole,
        &scope.administered,
        query.undecided,
        decision,
        query.mine,
        me.map(|id| id.0),
        everything,
        &deciding.teams,
        kind,
        team,
        pattern,
        keyset.key,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM access_review_lines
        WHERE review_id = $1 AND ($2 OR team_id = ANY($3)) AND (NOT $4 OR decision IS NULL)
            AND ($5::text IS NULL OR decision = $5)
            AND (NOT $6 OR decision IS NULL AND user_id IS DISTINCT FROM $7 AND ($8 OR team_id = ANY($9)))
            AND ($10::text IS NULL OR kind = $10) AND ($11::uuid IS NULL OR team_id = $11)
            AND ($12::text IS NULL OR email ILIKE $12 OR display_name ILIKE $12 OR service ILIKE $12 OR team ILIKE $12)"#,
        id.0,
        whole,
        &scope.administered,
        query.undecided,
        decision,
        query.mine,
        me.map(|id| id.0),
        everything,
        &deciding.teams,
        kind,
        team,
        pattern,
    )
    .fetch_one(ctx.connection())
    .await?;
    let mut items = rows.into_iter().map(LineRow::into_line).collect::<Result<Vec<_>>>()?;
    for line in &mut items {
        line.own = line.user_id.is_some() && line.user_id == me;
        let covered = deciding.covers(review.organization_id.0, line.team_id.map(|team| team.0));
        line.decides = review.is_open() && covered && !line.own;
    }
    let page = keyset.page(items, total, |line: &ReviewLine| (line.place.to_string(), line.id.0));
    Ok((review, page))
}
