//! Access reviews: who is in which team and role, and what teams may use, looked at line by line (SPEC D9, P).
//!
//! There is no second rule. Who may remove a member, change a role or take a service away decides that line; and when the
//! review closes, what is removed is removed by the functions that remove it anyway, so that the guards of last admins
//! hold. Nobody decides on their own line.

mod apply;
mod close;
mod decide;
mod lines;
mod list;
mod read;
mod report;
mod rights;
mod start;
mod work;

pub use close::{cancel, close, remind};
pub use decide::{DecideInput, decide};
use domain::views::{AccessReview, ReviewPage};
pub use lines::{LineQuery, lines};
pub use list::{ReviewQuery, list};
pub use read::get;
pub use report::{Report, public_keys, report};
pub use rights::reads_somewhere;
use serde_json::{Value, json};
pub use start::{NewReview, NewReviewInput, start};
pub use work::{settle, work};

use crate::{Code, Ctx, Error, Result, audit};

/// A review's fields as the audit log keeps them.
fn fields(review: &AccessReview) -> Value {
    json!({
        "scope": review.scope_name,
        "covers": review.covers(),
        "silence": review.silence,
        "due_at": review.due_at,
        "state": review.state,
        "lines": review.lines,
        "keep": review.keep,
        "remove": review.remove,
    })
}

async fn record(ctx: &mut Ctx, action: &'static str, review: &AccessReview, before: Value, after: Value) -> Result<()> {
    let mut entry = audit::Entry::new(action, "access_review", review.id, &review.name).change(before, after);
    entry.organization = Some(review.organization_id);
    entry.team = review.team_id;
    audit::record(ctx, entry).await
}

/// Refuses what can only be done while lines are decided.
fn require_open(review: &AccessReview) -> Result<()> {
    if review.is_open() {
        return Ok(());
    }
    let by = review.ended_by.as_deref().map(|by| format!(", by {by}"));
    Err(Error::refused(
        Code::WrongState,
        format!("The review is {}{}", review.state.as_str(), by.unwrap_or_default()),
    ))
}

/// The page after a change.
async fn changed(ctx: &mut Ctx, review: &AccessReview) -> Result<ReviewPage> {
    read::page(ctx, review.id).await
}
