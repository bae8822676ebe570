//! What one page of GitHub's list says, written in one transaction.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use domain::{Label, LabelPattern, LabelPolicy, OrganizationId, RunnerId, RunnerStatus, TeamId, Verdict};
use integrations::github;
use serde_json::json;
use uuid::Uuid;

use super::{
    fence::Stop,
    pass::{Change, Pass},
};
use crate::{
    Ctx, Result, audit,
    drift::{self, Drifted, Finding},
};

/// One of ours that GitHub told of.
struct Ours {
    id: Uuid,
    name: String,
    status: RunnerStatus,
    busy: bool,
    labels: Vec<String>,
    updated_at: DateTime<Utc>,
    has_number: bool,
    owner_id: Option<Uuid>,
    owner: String,
    team: Option<(OrganizationId, TeamId)>,
    policy: LabelPolicy,
    /// Where GitHub told of it, on its page.
    place: usize,
}

/// Writes what GitHub told of our runners; what it told of others' is no business of ours. Returns the runners whose
/// labels drifted. `asked_at` is when the question went out: what changed here since is newer than the answer.
pub(super) async fn apply(
    pass: &mut Pass<'_>,
    told: &[github::Runner],
    asked_at: DateTime<Utc>,
) -> Result<Vec<Drifted>, Stop> {
    let mut ctx = pass.fence.begin(pass.backend).await?;
    let ours = load(&mut ctx, told).await?;
    let ids: Vec<Uuid> = ours.iter().map(|runner| runner.id).collect();
    let findings = drift::findings(&mut ctx, &ids).await?;

    let mut rows = Rows::default();
    let mut entries = Vec::new();
    let mut drifted = Vec::new();
    let mut seen = Vec::new();
    for runner in &ours {
        let Some(github) = told.get(runner.place) else { continue };
        let fresh = runner.updated_at <= asked_at;
        let (status, busy) = if fresh {
            (runner.status.seen(&github.status), github.busy)
        } else {
            (runner.status, runner.busy)
        };
        let changed = status != runner.status || busy != runner.busy || !runner.has_number;
        rows.push(runner.id, github.id, status, busy, changed);
        pass.note(runner.id, if changed { Change::Updated } else { Change::Unchanged });
        if changed {
            entries.push(entry(runner, github.id, status, busy));
        }
        if fresh {
            let refused = refused(pass, runner);
            if refused.is_empty() {
                pass.violating.remove(&runner.id);
            } else {
                pass.violating.insert(runner.id);
            }
            seen.push((runner.id, refused));
            let finding = findings.get(&(runner.id, true));
            drifted.extend(drift::compare(&runner.labels, &github.labels).map(|labels| Drifted {
                id: RunnerId(runner.id),
                name: runner.name.clone(),
                github_id: github.id,
                busy,
                provisioned: runner.labels.clone(),
                labels,
                owner: (runner.owner_id, runner.owner.clone()),
                team: runner.team,
                finding: finding.cloned(),
            }));
        }
    }
    rows.write(&mut ctx).await?;
    audit::record_many(&mut ctx, &entries).await?;
    drop(entries);
    keep_findings(&mut ctx, &seen, &drifted, &findings).await?;
    ctx.commit().await?;
    for runner in &drifted {
        pass.note_drift(runner.id.0);
    }
    Ok(drifted)
}

/// Ours among them, locked: by GitHub's number and the name; by the name alone while we know no number. One that
/// somebody else is changing at this moment is left to the end of the pass, and so is one with a lease to the reaper.
async fn load(ctx: &mut Ctx, told: &[github::Runner]) -> Result<Vec<Ours>> {
    let numbers: Vec<i64> = told.iter().map(|runner| runner.id).collect();
    let names: Vec<String> = told.iter().map(|runner| runner.name.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, r.status, r.busy, r.labels, r.updated_at, r.github_runner_id IS NOT NULL AS "has_number!",
            r.provisioned_by, coalesce(u.email, c.name) AS "owner!", r.team_id, t.organization_id AS "organization_id?",
            t.required_labels AS "required?", t.optional_label_patterns AS "patterns?", n.place AS "place!"
        FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS n(number, name, place)
        JOIN runners r ON lower(r.name) = lower(n.name) AND r.status <> 'deleted' AND r.lease_until IS NULL
            AND (r.github_runner_id = n.number OR r.github_runner_id IS NULL)
        LEFT JOIN teams t ON t.id = r.team_id LEFT JOIN users u ON u.id = r.provisioned_by
        LEFT JOIN machine_clients c ON c.id = r.machine_client_id
        ORDER BY r.id FOR NO KEY UPDATE OF r SKIP LOCKED"#,
        &numbers,
        &names,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            let labels = row.required.unwrap_or_default();
            let patterns = row.patterns.unwrap_or_default();
            Ok(Ours {
                id: row.id,
                name: row.name,
                status: row.status.parse()?,
                busy: row.busy,
                labels: row.labels,
                updated_at: row.updated_at,
                has_number: row.has_number,
                owner_id: row.provisioned_by,
                owner: row.owner,
                team: row.organization_id.map(OrganizationId).zip(row.team_id.map(TeamId)),
                policy: LabelPolicy {
                    required: labels.into_iter().map(Label::trusted).collect(),
                    optional: patterns.into_iter().map(LabelPattern::trusted).collect(),
                },
                place: usize::try_from(row.place - 1).unwrap_or(usize::MAX),
            })
        })
        .collect()
}

/// The new states, as columns.
#[derive(Default)]
struct Rows {
    ids: Vec<Uuid>,
    numbers: Vec<i64>,
    statuses: Vec<String>,
    busy: Vec<bool>,
    changed: Vec<bool>,
}

impl Rows {
    fn push(&mut self, id: Uuid, number: i64, status: RunnerStatus, busy: bool, changed: bool) {
        self.ids.push(id);
        self.numbers.push(number);
        self.statuses.push(status.as_str().to_owned());
        self.busy.push(busy);
        self.changed.push(changed);
    }

    async fn write(&self, ctx: &mut Ctx) -> Result<()> {
        let now = ctx.now;
        sqlx::query!(
            "UPDATE runners r SET status = n.status, busy = n.busy, github_runner_id = n.number, last_seen_at = $6,
                updated_at = CASE WHEN n.changed THEN $6 ELSE r.updated_at END,
                registered_at = CASE WHEN n.status = 'active' THEN coalesce(r.registered_at, $6) ELSE r.registered_at END
            FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::boolean[], $5::boolean[])
                AS n(id, number, status, busy, changed)
            WHERE r.id = n.id",
            &self.ids,
            &self.numbers,
            &self.statuses,
            &self.busy,
            &self.changed,
            now,
        )
        .execute(ctx.connection())
        .await?;
        Ok(())
    }
}

fn entry(runner: &Ours, number: i64, status: RunnerStatus, busy: bool) -> audit::Entry<'_> {
    let before = json!({"status": runner.status.as_str(), "busy": runner.busy});
    let mut after = json!({"status": status.as_str(), "busy": busy});
    if !runner.has_number {
        after["github_runner_id"] = number.into();
    }
    let entry = audit::Entry::new("runner.sync", "runner", runner.id, &runner.name).change(before, after);
    match runner.team {
        Some((organization, team)) => entry.team(organization, team),
        None => entry,
    }
}

/// The labels of a team's runner that the team's present policy does not admit.
fn refused(pass: &mut Pass<'_>, runner: &Ours) -> Vec<String> {
    let Some((_, team)) = runner.team else {
        return Vec::new();
    };
    let mut admits = |label: &String| {
        let key = (team.0, label.to_ascii_lowercase());
        *pass.verdicts.entry(key).or_insert_with(|| {
            let label = Label::trusted(label.clone());
            runner.policy.verdict(&label) != Verdict::Refused
        })
    };
    runner.labels.iter().filter(|label| !admits(label)).cloned().collect()
}

/// Keeps what breaks a policy, and forgets what is right again: drifts, too.
async fn keep_findings(
    ctx: &mut Ctx,
    seen: &[(Uuid, Vec<String>)],
    drifted: &[Drifted],
    known: &HashMap<(Uuid, bool), Finding>,
) -> Result<()> {
    let (mut settled, mut broken) = (Vec::new(), Vec::new());
    for (id, refused) in seen {
        let policy = known.get(&(*id, false));
        if refused.is_empty() {
            settled.extend(policy.map(|_| (*id, "policy_violation")));
        } else if policy.is_none_or(|finding| finding.labels != *refused) {
            broken.push((*id, refused.join(",")));
        }
        if known.contains_key(&(*id, true)) && !drifted.iter().any(|runner| runner.id.0 == *id) {
            settled.push((*id, "label_drift"));
        }
    }
    drift::keep_violations(ctx, &broken).await?;
    drift::forget(ctx, &settled).await
}
