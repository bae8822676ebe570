//! Many runners or teams at a time (SPEC B26); accounts are in [`users`](crate::users). An admin's tool: a scope is
//! always said, and nothing named is never everything.

mod runners;
mod teams;

use domain::{Comment, Invalid, OrgRole, OrganizationId, Permission, SecurityEventType, Standing};
pub use runners::{RunnerBatch, RunnerBatchInput, delete_runners};
use serde_json::{Value, json};
pub use teams::{TeamBatch, TeamBatchInput, change_teams};
use uuid::Uuid;

use crate::{Caller, Ctx, Result, audit, security};

/// The most objects that one batch changes.
const MOST: usize = 1000;

/// What became of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id, or what was sent instead.
    pub id: String,
    /// Its name; none when there is no such object.
    pub name: Option<String>,
    /// Why nothing was done; none when it was, or would be.
    pub error: Option<String>,
}

/// What a batch did, or would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// One row for each object.
    pub rows: Vec<Row>,
}

impl Outcome {
    /// How many were changed, or would be.
    pub fn affected(&self) -> usize {
        self.rows.iter().filter(|row| row.error.is_none()).count()
    }

    /// How many were not.
    pub fn failed(&self) -> usize {
        self.rows.len() - self.affected()
    }
}

/// How far the caller's batches reach: none is everywhere. `rule` is what the batch does.
fn reach(caller: &Caller, rule: &str) -> Result<Option<Vec<OrganizationId>>> {
    let administered: Vec<OrganizationId> = match caller {
        Caller::System(..) => return Ok(None),
        Caller::Person(person, _) if person.super_admin => return Ok(None),
        Caller::Person(person, _) => (person.organizations.iter())
            .filter(|(_, role)| *role == OrgRole::OrgAdmin)
            .map(|(id, _)| *id)
            .collect(),
        Caller::Machine(_) => Vec::new(),
    };
    if administered.is_empty() {
        return Err(Standing::default().refusal(Permission::TeamAdminister).of(rule).into());
    }
    Ok(Some(administered))
}

/// One scope and no more, since nothing named must not mean everything.
fn scope_rule(named: usize, others: &[bool], field: &'static str) -> Option<Invalid> {
    let said = usize::from(named > 0) + others.iter().filter(|said| **said).count();
    match (said, named) {
        (0, _) => Some(Invalid::new(
            field,
            "must name something; for everything send all: true",
        )),
        (2.., _) => Some(Invalid::new(
            field,
            "must be left out when another scope is given: one at a time",
        )),
        (_, count) if count > MOST => Some(Invalid::new(field, format!("must name at most {MOST}"))),
        _ => None,
    }
}

/// The batch itself, in the audit log and among the security events.
async fn record(
    ctx: &mut Ctx,
    kind: SecurityEventType,
    comment: &Comment,
    outcome: &Outcome,
    reach: Option<&[OrganizationId]>,
) -> Result<()> {
    let data = json!({"affected": outcome.affected(), "failed": outcome.failed(), "comment": comment});
    let only = match reach {
        Some([one]) => Some(*one),
        _ => None,
    };
    let mut entry =
        audit::Entry::new(kind.as_str(), "batch", Uuid::now_v7(), kind.as_str()).change(Value::Null, data.clone());
    entry.organization = only;
    entry.success = outcome.failed() == 0;
    audit::record(ctx, entry).await?;
    let mut event = security::Event::new(kind, "carried_out", data);
    event.organization = only;
    security::record(ctx, event).await
}

#[cfg(test)]
mod tests {
    use super::scope_rule;

    #[test]
    fn b26_nothing_named_is_not_everything() {
        assert!(scope_rule(0, &[false, false], "team_ids").is_some());
        assert!(scope_rule(3, &[true], "team_ids").is_some());
        assert!(scope_rule(1001, &[false], "team_ids").is_some());
        assert!(scope_rule(0, &[true, true], "team_ids").is_some());
        assert!(scope_rule(0, &[true, false], "team_ids").is_none());
        assert!(scope_rule(1000, &[false], "team_ids").is_none());
    }
}
