//! What is done about reviews beside requests: closing what is due, making removals, signing reports, reminding.
//!
//! Any number of processes may do this at once: each step takes a row that nobody else holds (`SKIP LOCKED`). Each removal
//! is a transaction of its own: locks of teams and organizations are held for one line only, and one that is refused
//! stops no others.

use std::{borrow::Cow, time::Duration};

use domain::{LineOutcome, ReviewId, views::ReviewLine};
use uuid::Uuid;

use super::{
    apply::{self, Happened},
    close::end,
    lines::LineRow,
    read::load,
    report,
};
use crate::{Backend, Caller, Ctx, Error, Method, RequestInfo, Result, measure};

/// How this is called in the audit log.
const NAME: &str = "access review";
/// The most removals of one round: a job gives way to its other work.
const ROUND: usize = 500;
/// The most removals that a request makes.
const AT_ONCE: usize = 50;
/// With so many left that others are at, it looks again after a pause, so many times in all.
const FEW: i64 = 10;
const LOOKS: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);

/// One round over all reviews.
///
/// # Errors
/// When the database does not answer.
pub async fn work(backend: &Backend) -> Result<()> {
    while close_due(backend).await? {}
    remind_due(backend).await?;
    let closing = sqlx::query_scalar!("SELECT id FROM access_reviews WHERE state = 'closing' ORDER BY ended_at, id")
        .fetch_all(&backend.pool)
        .await?;
    for id in closing {
        finish(backend, ReviewId(id), ROUND).await?;
    }
    Ok(())
}

/// Makes the removals of a review that was closed just now, if they are few, and signs its report: for a door that would
/// rather not answer "closing". Waits a moment for a job that is at them, too; what is left then is left to [`work`].
///
/// # Errors
/// When the database does not answer.
pub async fn settle(backend: &Backend, id: ReviewId) -> Result<()> {
    for _ in 0..LOOKS {
        finish(backend, id, AT_ONCE).await?;
        let left = sqlx::query_scalar!(
            r#"SELECT (SELECT count(*) FROM access_review_lines l
                WHERE l.review_id = r.id AND l.decision = 'remove' AND l.outcome IS NULL) AS "left!"
            FROM access_reviews r WHERE r.id = $1 AND r.state = 'closing'"#,
            id.0,
        )
        .fetch_optional(&backend.pool)
        .await?;
        match left {
            Some(left) if left <= FEW => tokio::time::sleep(PAUSE).await,
            _ => return Ok(()),
        }
    }
    Ok(())
}

/// Removes at most `most` lines; when none is left, signs the report.
async fn finish(backend: &Backend, id: ReviewId, most: usize) -> Result<()> {
    for _ in 0..most {
        if !remove_one(backend, id).await? {
            return report::sign(backend, id).await;
        }
    }
    Ok(())
}

/// Ends one review that is due; false when there is none.
async fn close_due(backend: &Backend) -> Result<bool> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    let due = sqlx::query_scalar!(
        "SELECT id FROM access_reviews WHERE state = 'open' AND due_at <= $1
        ORDER BY due_at, id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        ctx.now,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(id) = due else { return Ok(false) };
    let review = load(&mut ctx, ReviewId(id)).await?;
    end(&mut ctx, &review, "the due date").await?;
    ctx.commit().await?;
    tracing::info!(review = %id, name = review.name, undecided = review.undecided(), silence = review.silence.as_str(),
        "an access review is due and closes");
    Ok(true)
}

/// Reminds of reviews a week and a day before they are due, each time once.
async fn remind_due(backend: &Backend) -> Result<()> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    let now = ctx.now;
    let reminded = sqlx::query!(
        r#"UPDATE access_reviews r SET auto_reminded_at = $1
        FROM (SELECT o.id FROM access_reviews o
            WHERE o.state = 'open' AND o.due_at > $1 AND o.keep_count + o.remove_count < o.line_count AND EXISTS (
                SELECT FROM unnest(ARRAY[o.due_at - interval '7 days', o.due_at - interval '1 day']) AS moment
                WHERE moment <= $1 AND moment > coalesce(o.auto_reminded_at, o.created_at))
            FOR NO KEY UPDATE SKIP LOCKED) due
        WHERE r.id = due.id
        RETURNING r.id, r.name, r.due_at, r.line_count - r.keep_count - r.remove_count AS "undecided!""#,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    ctx.commit().await?;
    for row in reminded {
        measure::review_reminder("clock");
        tracing::info!(review = %row.id, name = row.name, due_at = %row.due_at, undecided = row.undecided,
            "an access review is due soon");
    }
    Ok(())
}

/// Removes what one line is about; false when no line is left that nobody else is at.
async fn remove_one(backend: &Backend, id: ReviewId) -> Result<bool> {
    let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
    let row = sqlx::query_as!(
        LineRow,
        "SELECT id, place, kind, team_id, team, user_id, email, display_name, deactivated, role, service_id, service,
            source, given_by, given_reason, since, last_seen_at, key_count, last_key_used_at, last_runner_at, decision,
            reason, decider, decided_at, by_silence, outcome, outcome_detail
        FROM access_review_lines l
        WHERE review_id = $1 AND decision = 'remove' AND outcome IS NULL
            AND EXISTS (SELECT FROM access_reviews r WHERE r.id = l.review_id AND r.state = 'closing')
        ORDER BY place LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(false) };
    let line = row.into_line()?;
    let review = load(&mut ctx, id).await?;
    // The audit log of what is removed says who decided it.
    let by = line.decider.as_deref().filter(|_| !line.by_silence);
    let name = format!("{NAME}, decided by {}", by.unwrap_or("nobody"));
    ctx.caller = Caller::System(Cow::Owned(name), Method::System);
    ctx.request = RequestInfo::default();
    sqlx::query!("SAVEPOINT access_review_line")
        .execute(ctx.connection())
        .await?;
    let happened = match apply::remove(&mut ctx, &review, &line).await {
        Ok(happened) => happened,
        Err(error @ Error::Unavailable(..)) => return Err(error),
        Err(error) => {
            sqlx::query!("ROLLBACK TO SAVEPOINT access_review_line")
                .execute(ctx.connection())
                .await?;
            refused(&error, &line)
        }
    };
    write(&mut ctx, line.id.0, happened).await?;
    ctx.commit().await?;
    Ok(true)
}

/// What a line says whose removal did not work. A fault of ours is told, too: else one line would keep a review from ever
/// being closed.
fn refused(error: &Error, line: &ReviewLine) -> Happened {
    let words = match error {
        Error::Internal(source) => {
            tracing::error!(line = %line.id, error = %source, "an access review could not remove something");
            "Guildhall could not do it; its log says why. Remove it by hand.".to_owned()
        }
        // The team or the account is not there at all.
        Error::Refused(crate::Code::NotFound, words) => return (LineOutcome::Gone, Some(words.clone())),
        other => other.to_string(),
    };
    (LineOutcome::Refused, Some(words))
}

async fn write(ctx: &mut Ctx, line: Uuid, (outcome, detail): Happened) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "UPDATE access_review_lines SET outcome = $2, outcome_detail = $3, outcome_at = $4 WHERE id = $1",
        line,
        outcome.as_str(),
        detail,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}
