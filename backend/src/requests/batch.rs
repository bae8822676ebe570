//! Deciding many requests at a time.

use domain::{Fields, Invalid, Permission, Reason, RequestId, Standing, views::RequestPage};
use uuid::Uuid;

use super::{decide, parse_decision};
use crate::{
    Ctx, Error, Result,
    batch::{Outcome, Row},
    waiting,
};

/// The most requests of one batch.
const MOST: usize = 200;

/// Which way a request is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The change is made.
    Approve,
    /// It is refused.
    Deny,
}

/// Many decisions, as a form or a JSON body gives them.
#[derive(Debug, Clone)]
pub struct BatchInput {
    /// Which way.
    pub verdict: Verdict,
    /// The requests.
    pub ids: Vec<String>,
    /// Why; a denial needs it.
    pub reason: Option<String>,
    /// Whether to only say what would happen.
    pub dry_run: bool,
}

/// Decides many requests in one transaction, each by itself: one that is refused stays as it was and says why, and the
/// others are decided. With `dry_run` all is tried and nothing is kept.
///
/// # Errors
/// 403 for those who decide nothing; 422 without ids, with too many, or with a reason that is none.
pub async fn decide_many(ctx: &mut Ctx, input: BatchInput) -> Result<Outcome> {
    ctx.person()?;
    if !waiting::decides_somewhere(&ctx.caller) {
        return Err(Standing::default().refusal(Permission::RequestsDecide).into());
    }
    let mut fields = Fields::new();
    let reason = fields
        .take(parse_decision(input.verdict, input.reason.as_deref()))
        .flatten();
    if input.ids.is_empty() || input.ids.len() > MOST {
        fields.push(Invalid::new("ids", format!("must be 1 to {MOST} requests")));
    }
    fields.finish()?;
    let mut ids: Vec<(String, Option<Uuid>)> = Vec::with_capacity(input.ids.len());
    for text in input.ids {
        let id = Uuid::try_parse(text.trim()).ok();
        if !ids
            .iter()
            .any(|(known, known_id)| *known == text || (id.is_some() && *known_id == id))
        {
            ids.push((text, id));
        }
    }
    sqlx::query!("SAVEPOINT requests_batch")
        .execute(ctx.connection())
        .await?;
    let known: Vec<Uuid> = ids.iter().filter_map(|(_, id)| *id).collect();
    decide::lock(ctx, &known).await?;
    let mut rows = Vec::with_capacity(ids.len());
    for (text, id) in ids {
        rows.push(one(ctx, text, id, input.verdict, reason.as_ref()).await?);
    }
    if input.dry_run {
        sqlx::query!("ROLLBACK TO SAVEPOINT requests_batch")
            .execute(ctx.connection())
            .await?;
    }
    Ok(Outcome { rows })
}

async fn one(ctx: &mut Ctx, text: String, id: Option<Uuid>, verdict: Verdict, reason: Option<&Reason>) -> Result<Row> {
    let Some(id) = id else {
        return Ok(Row {
            error: Some(Error::not_found("Request", text.chars().take(100).collect::<String>()).detail()),
            id: text,
            name: None,
        });
    };
    sqlx::query!("SAVEPOINT requests_one").execute(ctx.connection()).await?;
    let decided: Result<RequestPage> = match (verdict, reason) {
        (Verdict::Approve, reason) => decide::approve(ctx, RequestId(id), reason).await,
        (Verdict::Deny, Some(reason)) => decide::deny(ctx, RequestId(id), reason).await,
        (Verdict::Deny, None) => Err(Error::internal("a denial without a reason got past its parser")),
    };
    let row = match decided {
        Ok(page) => Row {
            id: text,
            name: Some(format!("{} ({})", page.request.what(), page.request.requester)),
            error: None,
        },
        Err(error @ (Error::Internal(_) | Error::Unavailable(..))) => return Err(error),
        Err(error) => {
            sqlx::query!("ROLLBACK TO SAVEPOINT requests_one")
                .execute(ctx.connection())
                .await?;
            Row {
                id: text,
                name: None,
                error: Some(error.to_string()),
            }
        }
    };
    sqlx::query!("RELEASE SAVEPOINT requests_one")
        .execute(ctx.connection())
        .await?;
    Ok(row)
}
