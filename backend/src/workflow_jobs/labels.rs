//! Whether a job may run on the labels that it asked for (SPEC B23).

use domain::{Label, LabelPattern, LabelPolicy, SecurityEventType, UserLabelPolicy, Verdict};
use serde_json::json;

use super::{Event, runner::Matched};
use crate::{Backend, Ctx, Result, security, settings::WorkflowLabelCheck};

/// What stands in the security event until GitHub has agreed: true also when this process dies before it has.
const FAILED: &str = "cancel_failed";

/// A workflow run that has to be cancelled.
#[derive(Debug, Clone)]
pub struct Cancellation {
    owner: String,
    repo: String,
    run_id: i64,
    job_id: i64,
    runner: uuid::Uuid,
}

/// Compares the labels of a job that has just begun with the policy of its runner's team, or of its owner when it has
/// none. A violation is one security event; with `enforce` the run has to be cancelled once the transaction is over.
pub(super) async fn check(ctx: &mut Ctx, runner: &Matched, event: &Event) -> Result<Option<Cancellation>> {
    let refused = refused(ctx, runner, event).await?;
    if refused.is_empty() {
        return Ok(None);
    }
    let enforce = ctx.backend.settings.workflow_label_check == WorkflowLabelCheck::Enforce;
    let data = json!({
        "job_id": event.id,
        "run_id": event.run_id,
        "repository": event.repository(),
        "workflow_name": event.workflow_name,
        "job_name": event.name,
        "sender": event.sender,
        "labels": event.labels,
        "refused_labels": refused,
    });
    let action = if enforce { FAILED } else { "logged_only" };
    let mut violation = security::Event::new(SecurityEventType::LabelPolicyViolationWorkflow, action, data).runner(
        runner.id,
        &runner.name,
        runner.github_id,
    );
    if let Some((organization, team)) = runner.team {
        violation = violation.team(organization, team);
    }
    if let Some(sender) = &event.sender {
        violation.identity = Some((None, sender));
    }
    security::record(ctx, violation).await?;
    Ok(enforce.then(|| Cancellation {
        owner: event.owner.clone(),
        repo: event.repo.clone(),
        run_id: event.run_id,
        job_id: event.id,
        runner: runner.id.0,
    }))
}

/// The labels that the policy in force now does not admit. Nothing without a policy: then none was broken.
async fn refused(ctx: &mut Ctx, runner: &Matched, event: &Event) -> Result<Vec<String>> {
    // A label that no policy could name is admitted by none.
    let admits = |admits: &dyn Fn(&Label) -> bool| {
        let refused = event
            .labels
            .iter()
            .filter(|text| !Label::parse(text).is_ok_and(|label| admits(&label)));
        refused.cloned().collect()
    };
    if let Some((_, team)) = runner.team {
        let row = sqlx::query!(
            "SELECT required_labels, optional_label_patterns FROM teams WHERE id = $1",
            team.0
        )
        .fetch_one(ctx.connection())
        .await?;
        let policy = LabelPolicy {
            required: row.required_labels.into_iter().map(Label::trusted).collect(),
            optional: row
                .optional_label_patterns
                .into_iter()
                .map(LabelPattern::trusted)
                .collect(),
        };
        return Ok(admits(&|label| policy.verdict(label) != Verdict::Refused));
    }
    let Some(owner) = runner.owner else {
        return Ok(Vec::new());
    };
    let row = sqlx::query!(
        "SELECT allowed_labels, label_patterns FROM user_label_policies WHERE user_id = $1",
        owner.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(Vec::new()) };
    let policy = UserLabelPolicy {
        allowed: row.allowed_labels,
        patterns: row.label_patterns.into_iter().map(LabelPattern::trusted).collect(),
        ..UserLabelPolicy::default()
    };
    Ok(admits(&|label| policy.resolve(std::slice::from_ref(label)).is_ok()))
}

/// Cancels a run at GitHub, with no connection held, and writes into the security event that it worked. What went wrong
/// is logged; the event then says `cancel_failed`, as it has from the beginning.
pub async fn cancel(backend: &Backend, cancellation: &Cancellation) {
    let Cancellation {
        owner,
        repo,
        run_id,
        job_id,
        runner,
    } = cancellation;
    let Some(github) = &backend.github else {
        tracing::error!(
            run_id,
            "a workflow run on refused labels cannot be cancelled: GitHub is not configured"
        );
        return;
    };
    if let Err(error) = github.cancel_run(owner, repo, *run_id).await {
        tracing::error!(%error, run_id, repository = %format!("{owner}/{repo}"), "a workflow run on refused labels was not cancelled");
        return;
    }
    let written = sqlx::query!(
        "UPDATE security_events SET action_taken = 'workflow_cancelled'
        WHERE runner_id = $1 AND event_type = $2 AND action_taken = $3 AND violation_data->>'job_id' = $4::bigint::text",
        runner,
        SecurityEventType::LabelPolicyViolationWorkflow.as_str(),
        FAILED,
        job_id,
    )
    .execute(&backend.pool)
    .await;
    if let Err(error) = written {
        tracing::error!(%error, run_id, "a workflow run was cancelled, and its security event does not say so");
    }
}
