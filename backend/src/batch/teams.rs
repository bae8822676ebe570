//! Teams: deactivated or activated again.

use std::collections::BTreeSet;

use domain::{Comment, Fields, Invalid, OrganizationId, Reason, SecurityEventType, StatusChange, TeamId, TeamStatus};

use super::{MOST, Outcome, Row, reach, record, scope_rule};
use crate::{Code, Ctx, Error, Result, teams};

/// A batch of teams, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct TeamBatchInput {
    /// UUIDs.
    pub team_ids: Vec<String>,
    /// All that the caller administers, instead.
    pub all: bool,
    /// Why.
    pub comment: String,
    /// Only say what would happen.
    pub dry_run: bool,
}

/// A batch of teams, parsed.
#[derive(Debug, Clone)]
pub struct TeamBatch {
    /// None is all.
    named: Option<Vec<String>>,
    comment: Comment,
    reason: Reason,
    /// Only say what would happen.
    pub dry_run: bool,
}

impl TeamBatchInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<TeamBatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        if let Some(rule) = scope_rule(self.team_ids.len(), &[self.all], "team_ids") {
            fields.push(rule);
        }
        let comment = fields.take(Comment::parse(&self.comment));
        let comment = fields.with(comment)?;
        Ok(TeamBatch {
            named: (!self.all).then_some(self.team_ids),
            reason: Reason::trusted(comment.to_string()),
            comment,
            dry_run: self.dry_run,
        })
    }
}

/// Deactivates or activates teams. What cannot be done for one is said of that one, and done for the others. A dry run
/// does all of it too: its caller must not commit.
///
/// # Errors
/// 403 for those who administer no organization.
pub async fn change_teams(ctx: &mut Ctx, change: StatusChange, batch: &TeamBatch) -> Result<Outcome> {
    let reach = reach(&ctx.caller, "change the status of many teams at a time")?;
    let mut rows = Vec::new();
    let ids = match &batch.named {
        Some(named) => parse(named, &mut rows),
        None => all(ctx, change, reach.as_deref()).await?,
    };
    // In one order, so that two batches do not wait for each other.
    for id in ids {
        let outcome = teams::change_status(ctx, id, change, Some(&batch.reason)).await;
        let (name, error) = match outcome {
            Ok(page) => (Some(page.team.name), None),
            Err(error @ (Error::Refused(..) | Error::Forbidden(_))) => (None, Some(error.detail())),
            Err(other) => return Err(other),
        };
        rows.push(Row {
            id: id.to_string(),
            name,
            error,
        });
    }
    let outcome = Outcome { rows };
    let kind = if change == StatusChange::Deactivate {
        SecurityEventType::BatchDeactivateTeams
    } else {
        SecurityEventType::BatchReactivateTeams
    };
    record(ctx, kind, &batch.comment, &outcome, reach.as_deref()).await?;
    Ok(outcome)
}

/// The ids, each once; what is none gets a row of its own.
fn parse(named: &[String], rows: &mut Vec<Row>) -> BTreeSet<TeamId> {
    let mut ids = BTreeSet::new();
    for text in named {
        match text.parse() {
            Ok(id) => {
                ids.insert(id);
            }
            Err(_) => {
                let shown: String = text.chars().filter(|c| !c.is_control()).take(100).collect();
                rows.push(Row {
                    error: Some(Error::not_found("Team", &shown).detail()),
                    id: shown,
                    name: None,
                });
            }
        }
    }
    ids
}

/// The teams that the change can change, as far as the caller administers them. The Default Team stays.
async fn all(ctx: &mut Ctx, change: StatusChange, reach: Option<&[OrganizationId]>) -> Result<BTreeSet<TeamId>> {
    let from = if change == StatusChange::Deactivate {
        TeamStatus::Active
    } else {
        TeamStatus::Inactive
    };
    let organizations: Option<Vec<uuid::Uuid>> = reach.map(|reach| reach.iter().map(|id| id.0).collect());
    let most = i64::try_from(MOST).unwrap_or(i64::MAX);
    let ids = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE status = $1 AND NOT is_system AND ($2::uuid[] IS NULL OR organization_id = ANY($2))
        ORDER BY id LIMIT $3",
        from.as_str(),
        organizations.as_deref(),
        most + 1,
    )
    .fetch_all(ctx.connection())
    .await?;
    if ids.len() > MOST {
        return Err(Error::refused(
            Code::WrongState,
            format!("More than {MOST} teams: name them, at most {MOST} at a time"),
        ));
    }
    Ok(ids.into_iter().map(TeamId).collect())
}
