//! Deciding lines, one or many at a time.

use domain::{
    Fields, Invalid, Permission, Reason, ReviewDecision, ReviewId, Standing, parse_review_reason,
    views::{AccessReview, ReviewLine},
};
use serde_json::json;
use uuid::Uuid;

use super::{
    lines::LineRow,
    read::{locked, visible},
    require_open,
    rights::{Deciders, Sees},
};
use crate::{
    Ctx, Error, Result, audit,
    batch::{Outcome, Row},
    scope::Scope,
    waiting,
};

/// The most lines of one decision.
const MOST: usize = 200;

/// A decision about some lines, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct DecideInput {
    /// The lines.
    pub ids: Vec<String>,
    /// `keep` or `remove`.
    pub decision: String,
    /// Why; a removal needs it.
    pub reason: Option<String>,
}

/// Decides lines, each by itself: one that the caller may not decide stays as it was and says why. A decision may be
/// changed until the review closes; nothing is removed before.
///
/// # Errors
/// 404 for those who do not see the review; 403 for those who decide nothing; 409 when it is not open; 422 without ids, with too many, or with a removal
/// without a reason.
pub async fn decide(ctx: &mut Ctx, id: ReviewId, input: DecideInput) -> Result<Outcome> {
    let (_, sees) = visible(ctx, id).await?;
    if !waiting::decides_somewhere(&ctx.caller) {
        return Err(Standing::default().refusal(Permission::RequestsDecide).into());
    }
    let mut fields = Fields::new();
    let decision = fields.take(input.decision.parse::<ReviewDecision>());
    let reason = decision.and_then(|decision| fields.take(parse_review_reason(decision, input.reason.as_deref())));
    if input.ids.is_empty() || input.ids.len() > MOST {
        fields.push(Invalid::new("ids", format!("must be 1 to {MOST} lines")));
    }
    let (decision, reason) = fields.with(decision.zip(reason))?;
    let review = locked(ctx, id).await?;
    require_open(&review)?;
    let found = find(ctx, &review, sees, &input.ids).await?;
    let (mut rows, mut deciders) = (Vec::with_capacity(input.ids.len()), Deciders::default());
    let mut decided: Vec<&ReviewLine> = Vec::with_capacity(found.len());
    for text in input.ids {
        let id = Uuid::try_parse(text.trim()).ok();
        let line = found.iter().find(|line| Some(line.id.0) == id);
        let error = match line {
            Some(line) => deciders.refusal(ctx, &review, line).await?,
            None => {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
                Some(Error::not_found("Line", shown).detail())
            }
        };
        if let Some(line) = line.filter(|_| error.is_none())
            && !decided.iter().any(|known| known.id == line.id)
        {
            decided.push(line);
        }
        rows.push(Row {
            id: text,
            name: line.map(ReviewLine::what),
            error,
        });
    }
    decided.retain(|line| {
        line.decision != Some(decision) || line.reason.as_deref() != reason.as_ref().map(Reason::as_str)
    });
    write(ctx, &review, &decided, decision, reason.as_ref()).await?;
    Ok(Outcome { rows })
}

/// The lines that were named, of those that the caller sees.
async fn find(ctx: &mut Ctx, review: &AccessReview, sees: Sees, ids: &[String]) -> Result<Vec<ReviewLine>> {
    let ids: Vec<Uuid> = ids
        .iter()
        .filter_map(|text| Uuid::try_parse(text.trim()).ok())
        .collect();
    let scope = Scope::of(&ctx.caller);
    let rows = sqlx::query_as!(
        LineRow,
        "SELECT id, place, kind, team_id, team, user_id, email, display_name, deactivated, role, service_id, service,
            source, given_by, given_reason, since, last_seen_at, key_count, last_key_used_at, last_runner_at, decision,
            reason, decider, decided_at, by_silence, outcome, outcome_detail
        FROM access_review_lines WHERE review_id = $1 AND id = ANY($2) AND ($3 OR team_id = ANY($4)) ORDER BY place",
        review.id.0,
        &ids,
        sees == Sees::Whole,
        &scope.administered,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter().map(LineRow::into_line).collect()
}

/// Writes a decision about lines of a locked review, with what the review counts and the audit log keeps.
async fn write(
    ctx: &mut Ctx,
    review: &AccessReview,
    lines: &[&ReviewLine],
    decision: ReviewDecision,
    reason: Option<&Reason>,
) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = lines.iter().map(|line| line.id.0).collect();
    let (by, name, now) = (
        ctx.caller.user_id().map(|id| id.0),
        ctx.caller.name().to_owned(),
        ctx.now,
    );
    sqlx::query!(
        "UPDATE access_review_lines SET decision = $2, reason = $3, decided_by = $4, decider = $5, decided_at = $6
        WHERE id = ANY($1)",
        &ids,
        decision.as_str(),
        reason.map(Reason::as_str),
        by,
        name,
        now,
    )
    .execute(ctx.connection())
    .await?;
    let was = |before: Option<ReviewDecision>| lines.iter().filter(|line| line.decision == before).count();
    let count = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
    let (kept, removed) = (was(Some(ReviewDecision::Keep)), was(Some(ReviewDecision::Remove)));
    let (keep, remove) = match decision {
        ReviewDecision::Keep => (lines.len(), 0),
        ReviewDecision::Remove => (0, lines.len()),
    };
    sqlx::query!(
        "UPDATE access_reviews SET keep_count = keep_count + $2, remove_count = remove_count + $3 WHERE id = $1",
        review.id.0,
        count(keep) - count(kept),
        count(remove) - count(removed),
    )
    .execute(ctx.connection())
    .await?;
    let names: Vec<String> = lines
        .iter()
        .map(|line| format!("{}: {}", review.name, line.what()))
        .collect();
    let entries: Vec<audit::Entry<'_>> = (lines.iter().zip(&names))
        .map(|(line, name)| {
            let mut entry = audit::Entry::new("access_review.decide", "access_review", review.id, name).change(
                json!({"decision": line.decision, "reason": line.reason}),
                json!({"decision": decision, "reason": reason}),
            );
            entry.organization = Some(review.organization_id);
            entry.team = line.team_id;
            entry
        })
        .collect();
    audit::record_many(ctx, &entries).await
}
