//! Label drift (SPEC B22): a runner whose labels at GitHub are not those that were provisioned takes jobs that its team
//! has no right to.
//!
//! An idle one is removed at GitHub, and only when GitHub has agreed, here. A busy one is told of, and its workflow run is
//! cancelled if the operator wants that. `runner_findings` remembers what was told, so that each drift makes one security
//! event, and one more when it changes from busy to idle or back, however many passes see it.

use std::collections::HashMap;

use domain::{OrganizationId, RunnerId, SYSTEM_LABELS, SecurityEventType, TeamId};
use integrations::github;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    Ctx, DriftBusyAction, Result, audit, runners, security,
    sync::{Change, Pass, Stop},
};

/// What differs, as written on either side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Labels {
    pub(crate) current: Vec<String>,
    pub(crate) added: Vec<String>,
    pub(crate) removed: Vec<String>,
}

impl Labels {
    /// The drift as it is remembered: another one has other labels.
    fn signature(&self) -> Vec<String> {
        let sign = |sign: char, labels: &[String]| -> Vec<String> {
            let mut signed: Vec<String> = (labels.iter())
                .map(|label| format!("{sign}{}", label.to_lowercase()))
                .collect();
            signed.sort();
            signed
        };
        [sign('+', &self.added), sign('-', &self.removed)].concat()
    }
}

/// Compares labels without regard to case, order and repetition; labels of the system do not count.
pub(crate) fn compare(provisioned: &[String], current: &[String]) -> Option<Labels> {
    let system = |label: &str| SYSTEM_LABELS.iter().any(|known| known.eq_ignore_ascii_case(label));
    let without = |labels: &[String], others: &[String]| -> Vec<String> {
        let missing = |label: &&String| {
            !system(label) && !others.iter().any(|other| other.to_lowercase() == label.to_lowercase())
        };
        labels.iter().filter(missing).cloned().collect()
    };
    let (added, removed) = (without(current, provisioned), without(provisioned, current));
    let differs = !added.is_empty() || !removed.is_empty();
    differs.then(|| Labels {
        current: current.to_vec(),
        added,
        removed,
    })
}

/// A runner whose labels drifted.
pub(crate) struct Drifted {
    pub(crate) id: RunnerId,
    pub(crate) name: String,
    pub(crate) github_id: i64,
    pub(crate) busy: bool,
    pub(crate) provisioned: Vec<String>,
    pub(crate) labels: Labels,
    /// Who provisioned it.
    pub(crate) owner: (Option<Uuid>, String),
    pub(crate) team: Option<(OrganizationId, TeamId)>,
    /// What is known of a drift of this runner.
    pub(crate) finding: Option<Finding>,
}

impl Drifted {
    /// What is known of this very drift.
    fn known(&self) -> Option<&Finding> {
        let signature = self.labels.signature();
        self.finding.as_ref().filter(|finding| finding.labels == signature)
    }

    fn is_told(&self, busy: bool) -> bool {
        self.known()
            .is_some_and(|finding| if busy { finding.told_busy } else { finding.told_idle })
    }

    fn data(&self, busy: bool) -> Value {
        json!({
            "original_labels": self.provisioned,
            "current_labels": self.labels.current,
            "added_labels": self.labels.added,
            "removed_labels": self.labels.removed,
            "runner_busy": busy,
            "provisioning_method": "jit",
        })
    }
}

/// Something wrong with a runner, as it is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Finding {
    pub(crate) labels: Vec<String>,
    pub(crate) action: String,
    pub(crate) told_idle: bool,
    pub(crate) told_busy: bool,
}

/// What is known of these runners, by id and whether it is a drift.
pub(crate) async fn findings(ctx: &mut Ctx, ids: &[Uuid]) -> Result<HashMap<(Uuid, bool), Finding>> {
    let rows = sqlx::query!(
        "SELECT runner_id, kind, labels, action, told_idle, told_busy FROM runner_findings WHERE runner_id = ANY($1)",
        ids
    )
    .fetch_all(ctx.connection())
    .await?;
    let findings = rows.into_iter().map(|row| {
        let finding = Finding {
            labels: row.labels,
            action: row.action,
            told_idle: row.told_idle,
            told_busy: row.told_busy,
        };
        ((row.runner_id, row.kind == "label_drift"), finding)
    });
    Ok(findings.collect())
}

/// Remembers which labels (with commas between) of which runners break their team's policy.
pub(crate) async fn keep_violations(ctx: &mut Ctx, broken: &[(Uuid, String)]) -> Result<()> {
    if broken.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = broken.iter().map(|(id, _)| *id).collect();
    let labels: Vec<String> = broken.iter().map(|(_, labels)| labels.clone()).collect();
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO runner_findings (runner_id, kind, labels, action, detected_at)
        SELECT n.id, 'policy_violation', string_to_array(n.labels, ','), 'shown', $3
        FROM unnest($1::uuid[], $2::text[]) AS n(id, labels)
        ON CONFLICT (runner_id, kind) DO UPDATE SET labels = excluded.labels",
        &ids,
        &labels,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Remembers a drift, and that a security event tells of it, of a busy runner or an idle one. What was told of the same
/// drift before stays told.
async fn keep(ctx: &mut Ctx, runner: Uuid, labels: &[String], action: &str, busy: bool) -> Result<()> {
    let now = ctx.now;
    sqlx::query!(
        "INSERT INTO runner_findings AS f (runner_id, kind, labels, action, told_idle, told_busy, detected_at)
        VALUES ($1, 'label_drift', $2, $3, $4, $5, $6)
        ON CONFLICT (runner_id, kind) DO UPDATE SET labels = excluded.labels, action = excluded.action,
            told_idle = excluded.told_idle OR (f.told_idle AND f.labels = excluded.labels),
            told_busy = excluded.told_busy OR (f.told_busy AND f.labels = excluded.labels),
            detected_at = CASE WHEN f.labels = excluded.labels THEN f.detected_at ELSE excluded.detected_at END",
        runner,
        labels,
        action,
        !busy,
        busy,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Forgets what is right again.
pub(crate) async fn forget(ctx: &mut Ctx, settled: &[(Uuid, &str)]) -> Result<()> {
    if settled.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = settled.iter().map(|(id, _)| *id).collect();
    let kinds: Vec<String> = settled.iter().map(|(_, kind)| (*kind).to_owned()).collect();
    sqlx::query!(
        "DELETE FROM runner_findings f USING unnest($1::uuid[], $2::text[]) AS n(id, kind)
        WHERE f.runner_id = n.id AND f.kind = n.kind",
        &ids,
        &kinds,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Does what is to be done about drifted runners, one after the other: GitHub asks for changes not to be made at once.
pub(crate) async fn settle(pass: &mut Pass<'_>, drifted: Vec<Drifted>) -> Result<(), Stop> {
    for runner in drifted {
        if runner.busy {
            busy(pass, &runner).await?;
        } else {
            idle(pass, &runner).await?;
        }
    }
    Ok(())
}

async fn idle(pass: &mut Pass<'_>, runner: &Drifted) -> Result<(), Stop> {
    match pass.github.delete_runner(runner.github_id).await {
        Ok(()) => removed(pass, runner).await,
        // It got a job since GitHub told of it.
        Err(github::Error::Rejected { status: 422, .. }) => busy(pass, runner).await,
        Err(error @ github::Error::RateLimited { .. }) => Err(error.into()),
        Err(error) => {
            tracing::warn!(runner = %runner.name, %error, "a runner whose labels drifted cannot be removed");
            pass.note(runner.id.0, Change::Error);
            let mut ctx = pass.fence.begin(pass.backend).await?;
            let extra = Some(("error", error.user_message()));
            tell(&mut ctx, runner, false, "delete_failed", extra).await?;
            Ok(ctx.commit().await?)
        }
    }
}

/// GitHub does not have it any more.
async fn removed(pass: &mut Pass<'_>, runner: &Drifted) -> Result<(), Stop> {
    let mut ctx = pass.fence.begin(pass.backend).await?;
    let now = ctx.now;
    if runners::retire(ctx.connection(), runner.id, "label_drift", now, None).await? {
        tell(&mut ctx, runner, false, "runner_deleted", None).await?;
        let after = json!({"status": "deleted", "reason": "label_drift", "labels": runner.labels.current});
        record(&mut ctx, "runner.drift_deleted", runner, after).await?;
        ctx.commit().await?;
        pass.note(runner.id.0, Change::Deleted);
    }
    Ok(())
}

async fn busy(pass: &mut Pass<'_>, runner: &Drifted) -> Result<(), Stop> {
    let cancels = pass.backend.settings.drift_busy_action == DriftBusyAction::Cancel;
    let cancelled_before = (runner.known()).is_some_and(|finding| finding.action == "workflow_cancelled");
    let (action, extra) = if cancels && !cancelled_before {
        match cancel(pass, runner).await? {
            Ok(run) => ("workflow_cancelled", Some(("workflow_run", run))),
            Err(why) => ("logged_only", Some(("not_cancelled", why))),
        }
    } else {
        ("logged_only", None)
    };
    if runner.is_told(true) && action == "logged_only" {
        return Ok(());
    }
    let mut ctx = pass.fence.begin(pass.backend).await?;
    tell(&mut ctx, runner, true, action, extra.clone()).await?;
    if let ("workflow_cancelled", Some((_, run))) = (action, extra) {
        let after = json!({"cancelled_run": run, "labels": runner.labels.current});
        record(&mut ctx, "runner.workflow_cancelled", runner, after).await?;
    }
    Ok(ctx.commit().await?)
}

/// Cancels the run of the job that it runs: the run as `owner/name/id`, or why not.
async fn cancel(pass: &Pass<'_>, runner: &Drifted) -> Result<Result<String, String>, Stop> {
    let job = sqlx::query!(
        "SELECT repository, run_id FROM workflow_jobs WHERE runner_id = $1 AND status = 'in_progress'
        ORDER BY started_at DESC NULLS LAST, id DESC LIMIT 1",
        runner.id.0,
    )
    .fetch_optional(&pass.backend.pool)
    .await?;
    let Some(job) = job else {
        return Ok(Err("no webhook told which job it runs".to_owned()));
    };
    let Some((owner, name)) = job.repository.split_once('/') else {
        return Ok(Err(format!("{} is no repository", job.repository)));
    };
    match pass.github.cancel_run(owner, name, job.run_id).await {
        Ok(()) => Ok(Ok(format!("{}/{}", job.repository, job.run_id))),
        Err(error @ github::Error::RateLimited { .. }) => Err(error.into()),
        Err(error) => Ok(Err(error.user_message())),
    }
}

/// Writes the security event, unless one tells of this drift already, and remembers what was done.
async fn tell(ctx: &mut Ctx, runner: &Drifted, busy: bool, action: &str, extra: Option<(&str, String)>) -> Result<()> {
    if !runner.is_told(busy) {
        let mut data = runner.data(busy);
        if let Some((name, text)) = extra {
            data[name] = text.into();
        }
        let mut event = security::Event::new(SecurityEventType::LabelDriftDetected, action, data).runner(
            runner.id,
            &runner.name,
            Some(runner.github_id),
        );
        event.identity = Some((runner.owner.0, &runner.owner.1));
        if let Some((organization, team)) = runner.team {
            event = event.team(organization, team);
        }
        security::record(ctx, event).await?;
    }
    keep(ctx, runner.id.0, &runner.labels.signature(), action, busy).await
}

async fn record(ctx: &mut Ctx, action: &'static str, runner: &Drifted, after: Value) -> Result<()> {
    let before = json!({"busy": runner.busy, "labels": runner.provisioned});
    let mut entry = audit::Entry::new(action, "runner", runner.id, &runner.name).change(before, after);
    if let Some((organization, team)) = runner.team {
        entry = entry.team(organization, team);
    }
    audit::record(ctx, entry).await
}

#[cfg(test)]
mod tests {
    use super::compare;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|&label| label.to_owned()).collect()
    }

    #[test]
    fn b22_labels_differ_without_regard_to_case_order_and_the_systems_own() {
        let provisioned = texts(&["self-hosted", "linux", "x64", "Docker", "backend-api"]);
        for same in [
            &["docker", "BACKEND-API"][..],
            &["backend-api", "docker", "Linux", "X64", "self-hosted"],
            &["docker", "docker", "backend-api"],
        ] {
            assert_eq!(compare(&provisioned, &texts(same)), None, "{same:?}");
        }
        let drift = compare(&provisioned, &texts(&["self-hosted", "docker", "Prod"])).unwrap();
        assert_eq!(
            (drift.added.clone(), drift.removed.clone()),
            (texts(&["Prod"]), texts(&["backend-api"]))
        );
        assert_eq!(drift.signature(), texts(&["+prod", "-backend-api"]));
        assert!(compare(&provisioned, &[]).is_some(), "losing all is a drift");
        assert!(compare(&texts(&["linux"]), &texts(&["self-hosted"])).is_none());
    }
}
