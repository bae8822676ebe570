//! Many accounts at a time (SPEC B26).

use std::collections::HashSet;

use domain::{
    Comment, Fields, Invalid, SecurityEventType, UserId, UserRef,
    views::{AccountCounts, BatchResult, BatchRow},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Scope, begin_change, counts,
    deactivate::{begin, end, ended, last_admin},
    other_super_admin, teams_left_without_admin,
};
use crate::{Ctx, Result, audit, security};

/// How many accounts a batch may name.
const MAX_NAMED: usize = 1000;

/// What to do with the accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchAction {
    /// Deactivate them.
    Disable,
    /// Bring them back.
    Restore,
}

impl BatchAction {
    /// The word in answers and in the audit log, after `batch_`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Disable => "disable_users",
            Self::Restore => "restore_users",
        }
    }
}

/// A batch, as a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct BatchInput {
    /// UUIDs or email addresses.
    pub user_ids: Vec<String>,
    /// Everybody, instead.
    pub all: bool,
    /// Why.
    pub comment: String,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// A batch, parsed.
#[derive(Debug, Clone)]
pub struct Batch {
    /// None is everybody.
    named: Option<Vec<String>>,
    comment: Comment,
    dry_run: bool,
}

impl BatchInput {
    /// Parses all fields. Nobody is never everybody: that has to be said.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<Batch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let rule = match (self.user_ids.len(), self.all) {
            (0, false) => Some("must name someone; for everybody send all: true"),
            (1.., true) => Some("must be left out with all: true"),
            (count, _) if count > MAX_NAMED => Some("must name at most 1000 people"),
            _ => None,
        };
        if let Some(rule) = rule {
            fields.push(Invalid::new("user_ids", rule));
        }
        let comment = fields.take(Comment::parse(&self.comment));
        let comment = fields.with(comment)?;
        Ok(Batch {
            named: (!self.all).then_some(self.user_ids),
            comment,
            dry_run: self.dry_run,
        })
    }
}

/// An account that a batch is about.
struct Candidate {
    id: Uuid,
    email: String,
    super_admin: bool,
    active: bool,
}

/// Deactivates or restores accounts, or says what that would do. Neither the caller nor the last active super_admin is
/// among the deactivated. What cannot be done for one person is said of that person, and done for the others.
///
/// # Errors
/// 403 for everyone but super_admins.
pub async fn batch(ctx: &mut Ctx, action: BatchAction, batch: &Batch) -> Result<BatchResult> {
    begin_change(ctx).await?;
    let mut rows = Vec::new();
    let candidates = match &batch.named {
        Some(named) => find(ctx, named, &mut rows).await?,
        None => everybody(ctx, action).await?,
    };
    let disables = action == BatchAction::Disable;
    let keep = if disables {
        last_one(ctx, &candidates).await?
    } else {
        None
    };
    let caller = ctx.caller.user_id().map(|id| id.0);
    let (mut chosen, mut refused) = (Vec::new(), Vec::new());
    for candidate in candidates {
        let email = &candidate.email;
        let why = if disables && caller == Some(candidate.id) {
            Some("Nobody deactivates their own account in a batch".to_owned())
        } else if keep == Some(candidate.id) {
            Some(last_admin().detail())
        } else if disables != candidate.active {
            let state = if disables { "deactivated" } else { "active" };
            Some(format!("User {email} is already {state}"))
        } else {
            None
        };
        match why {
            // Nobody named them.
            Some(_) if batch.named.is_none() => {}
            Some(why) => refused.push(row(&candidate, Some(why), AccountCounts::default())),
            None => chosen.push(candidate),
        }
    }
    let ids: Vec<Uuid> = chosen.iter().map(|candidate| candidate.id).collect();
    let (numbers, teams) = if disables {
        let numbers = counts(ctx, &ids, &Scope::Everybody).await?;
        (numbers, teams_left_without_admin(ctx, &ids).await?)
    } else {
        (vec![AccountCounts::default(); ids.len()], Vec::new())
    };
    if !batch.dry_run && !ids.is_empty() {
        if disables {
            end(ctx, &ids, &batch.comment).await?;
        } else {
            begin(ctx, &ids).await?;
        }
        record(ctx, action, &batch.comment, &chosen, &numbers).await?;
    }
    rows.extend(
        chosen
            .iter()
            .zip(numbers)
            .map(|(candidate, counts)| row(candidate, None, counts)),
    );
    rows.extend(refused);
    Ok(BatchResult {
        rows,
        teams_without_admin: teams,
    })
}

fn row(candidate: &Candidate, refusal: Option<String>, counts: AccountCounts) -> BatchRow {
    BatchRow {
        user_id: Some(UserId(candidate.id)),
        email: candidate.email.clone(),
        refusal,
        counts,
    }
}

/// The accounts that were named, each once and locked in one order; who is not found gets a row of their own.
async fn find(ctx: &mut Ctx, named: &[String], rows: &mut Vec<BatchRow>) -> Result<Vec<Candidate>> {
    let mut missing = |text: &str, refusal: String| {
        rows.push(BatchRow {
            user_id: None,
            email: shown(text),
            refusal: Some(refusal),
            counts: AccountCounts::default(),
        });
    };
    let mut users = Vec::with_capacity(named.len());
    for text in named {
        match UserRef::parse("user_ids", text) {
            Ok(user) => users.push(user),
            Err(invalid) => missing(text, invalid.to_string()),
        }
    }
    let (mut ids, mut emails) = (Vec::new(), Vec::new());
    for user in &users {
        match user {
            UserRef::Id(id) => ids.push(id.0),
            UserRef::Email(email) => emails.push(email.to_string()),
        }
    }
    let found = sqlx::query!(
        "SELECT id, email, is_super_admin, deactivated_at FROM users WHERE id = ANY($1) OR email = ANY($2)
        ORDER BY id FOR NO KEY UPDATE",
        &ids,
        &emails,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut told: HashSet<String> = found
        .iter()
        .flat_map(|user| [user.id.to_string(), user.email.clone()])
        .collect();
    for user in users.iter().map(ToString::to_string) {
        if told.insert(user.clone()) {
            missing(&user, format!("User not found: {user}"));
        }
    }
    Ok(found
        .into_iter()
        .map(|user| Candidate {
            id: user.id,
            email: user.email,
            super_admin: user.is_super_admin,
            active: user.deactivated_at.is_none(),
        })
        .collect())
}

/// A client's text, no longer than a name should be.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Everybody whom the action can change.
async fn everybody(ctx: &mut Ctx, action: BatchAction) -> Result<Vec<Candidate>> {
    let active = action == BatchAction::Disable;
    let found = sqlx::query!(
        "SELECT id, email, is_super_admin FROM users WHERE (deactivated_at IS NULL) = $1 ORDER BY id FOR NO KEY UPDATE",
        active,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(found
        .into_iter()
        .map(|user| Candidate {
            id: user.id,
            email: user.email,
            super_admin: user.is_super_admin,
            active,
        })
        .collect())
}

/// The super_admin who has to stay, when otherwise none would. A caller who is one stays anyway.
async fn last_one(ctx: &mut Ctx, candidates: &[Candidate]) -> Result<Option<Uuid>> {
    if ctx.caller.user_id().is_some() {
        return Ok(None);
    }
    let ids: Vec<Uuid> = candidates.iter().map(|candidate| candidate.id).collect();
    if other_super_admin(ctx, &ids).await? {
        return Ok(None);
    }
    Ok(candidates
        .iter()
        .find(|candidate| candidate.super_admin && candidate.active)
        .map(|candidate| candidate.id))
}

/// One entry for each account, and one for the batch.
async fn record(
    ctx: &mut Ctx,
    action: BatchAction,
    comment: &Comment,
    chosen: &[Candidate],
    numbers: &[AccountCounts],
) -> Result<()> {
    let mut entries: Vec<audit::Entry<'_>> = chosen
        .iter()
        .zip(numbers)
        .map(|(candidate, counts)| {
            let (name, before, after) = match action {
                BatchAction::Disable => ("user_deactivated", json!({"active": true}), ended(comment, counts)),
                BatchAction::Restore => (
                    "user.activate",
                    json!({"active": false}),
                    json!({"active": true, "comment": comment}),
                ),
            };
            audit::Entry::new(name, "user", candidate.id, &candidate.email).change(before, after)
        })
        .collect();
    let name = match action {
        BatchAction::Disable => "batch_disable_users",
        BatchAction::Restore => "batch_restore_users",
    };
    entries.push(
        audit::Entry::new(name, "batch", Uuid::now_v7(), action.as_str())
            .change(Value::Null, json!({"affected": chosen.len(), "comment": comment})),
    );
    audit::record_many(ctx, &entries).await?;
    let kind = match action {
        BatchAction::Disable => SecurityEventType::BatchDisableUsers,
        BatchAction::Restore => SecurityEventType::BatchRestoreUsers,
    };
    let data = json!({"affected": chosen.len(), "comment": comment});
    security::record(ctx, security::Event::new(kind, "carried_out", data)).await
}
