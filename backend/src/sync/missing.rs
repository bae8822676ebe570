//! Our runners that no page of GitHub's list named (SPEC B21).

use chrono::{DateTime, TimeDelta, Utc};
use domain::{OrganizationId, RunnerId, RunnerStatus, TeamId};
use futures_util::{StreamExt as _, stream};
use integrations::github;
use serde_json::json;
use uuid::Uuid;

use super::{
    fence::Stop,
    page,
    pass::{Change, Pass},
};
use crate::{Result, audit, drift, runners};

/// How many are looked at together.
const CHUNK: i64 = 100;
/// How many single look-ups are under way at once: GitHub's second limit is on concurrency.
const LOOKUPS: usize = 8;
/// The most look-ups of a pass, so that a pass cannot use up GitHub's limit by the hour; the rest wait for the next.
const MOST_LOOKUPS: usize = 1000;
/// How long a registration that nobody used is good for.
const REGISTRATION: TimeDelta = TimeDelta::hours(1);

struct Missing {
    id: Uuid,
    name: String,
    status: RunnerStatus,
    number: Option<i64>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    team: Option<(OrganizationId, TeamId)>,
}

impl Missing {
    /// Why it is deleted when GitHub does not have it; none while it may still come.
    fn reason(&self, now: DateTime<Utc>) -> Option<&'static str> {
        match self.status {
            RunnerStatus::Pending if self.created_at + REGISTRATION > now => None,
            RunnerStatus::Pending => Some("registration_token_expired"),
            _ => Some("not_found_in_github"),
        }
    }
}

/// Asks GitHub for each one by itself, since a list that changes while it is read can miss some, and deletes those that
/// it does not have. Young pending ones are kept; what has a lease is the reaper's; what changed since the pass began
/// is left to the next.
pub(super) async fn settle(pass: &mut Pass<'_>) -> Result<(), Stop> {
    let mut after = Uuid::nil();
    let mut left = MOST_LOOKUPS;
    loop {
        let missing = load(pass, after).await?;
        let Some(last) = missing.last() else { return Ok(()) };
        after = last.id;
        let asked_at = pass.fence.now(pass.backend).await?;
        let (mut asked, kept): (Vec<_>, Vec<_>) = missing
            .into_iter()
            .partition(|runner| runner.reason(asked_at).is_some());
        let postponed = asked.split_off(left.min(asked.len()));
        left -= asked.len();
        for runner in kept.iter().chain(&postponed) {
            pass.note(runner.id, Change::Unchanged);
        }
        let (gone, found) = ask(pass, asked).await?;
        retire(pass, gone, asked_at).await?;
        let drifted = page::apply(pass, &found, asked_at).await?;
        drift::settle(pass, drifted).await?;
    }
}

async fn load(pass: &Pass<'_>, after: Uuid) -> Result<Vec<Missing>, Stop> {
    let rows = sqlx::query!(
        r#"SELECT r.id, r.name, r.status, r.github_runner_id, r.created_at, r.updated_at, r.team_id,
            t.organization_id AS "organization_id?"
        FROM runners r LEFT JOIN teams t ON t.id = r.team_id
        WHERE r.status <> 'deleted' AND r.id > $1 AND r.lease_until IS NULL AND r.created_at < $2 AND r.updated_at < $2
            AND (r.last_seen_at IS NULL OR r.last_seen_at < $2)
        ORDER BY r.id LIMIT $3"#,
        after,
        pass.started_at,
        CHUNK,
    )
    .fetch_all(&pass.backend.pool)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Missing {
                id: row.id,
                name: row.name,
                status: row.status.parse().map_err(crate::Error::from)?,
                number: row.github_runner_id,
                created_at: row.created_at,
                updated_at: row.updated_at,
                team: row.organization_id.map(OrganizationId).zip(row.team_id.map(TeamId)),
            })
        })
        .collect()
}

/// Those that GitHub surely does not have, and those that it has. One that it did not answer for counts as an error and
/// stays; a rate limit ends the pass.
async fn ask(pass: &mut Pass<'_>, asked: Vec<Missing>) -> Result<(Vec<Missing>, Vec<github::Runner>), Stop> {
    let github = pass.github;
    let mut answers = stream::iter(asked)
        .map(|runner| async move {
            let answer = match runner.number {
                Some(number) => github.get_runner(number).await,
                None => github.find_runner(&runner.name).await,
            };
            (runner, answer)
        })
        .buffer_unordered(LOOKUPS);
    let (mut gone, mut found) = (Vec::new(), Vec::new());
    while let Some((runner, answer)) = answers.next().await {
        match answer {
            Ok(Some(there)) if there.name.eq_ignore_ascii_case(&runner.name) => found.push(there),
            // A number that GitHub gave to another runner is not ours any more.
            Ok(_) => gone.push(runner),
            Err(error @ github::Error::RateLimited { .. }) => return Err(error.into()),
            Err(error) => {
                tracing::warn!(runner = %runner.name, %error, "runner sync: GitHub does not say whether it has it");
                pass.note(runner.id, Change::Error);
            }
        }
    }
    Ok((gone, found))
}

/// Deletes them here, a transaction for each team: the team's row is locked before its runners, as provisioning does.
async fn retire(pass: &mut Pass<'_>, mut gone: Vec<Missing>, now: DateTime<Utc>) -> Result<(), Stop> {
    gone.sort_by_key(|runner| (runner.team.map(|(_, team)| team.0), runner.id));
    for group in gone.chunk_by(|left, right| left.team == right.team) {
        let mut ctx = pass.fence.begin(pass.backend).await?;
        if let Some((_, team)) = group.first().and_then(|runner| runner.team) {
            sqlx::query!("SELECT id FROM teams WHERE id = $1 FOR NO KEY UPDATE", team.0)
                .fetch_optional(ctx.connection())
                .await?;
        }
        let ids: Vec<Uuid> = group.iter().map(|runner| runner.id).collect();
        let versions: Vec<DateTime<Utc>> = group.iter().map(|runner| runner.updated_at).collect();
        // As they were when they were found missing. Whoever is changing one at this moment knows better.
        let locked = sqlx::query_scalar!(
            "SELECT r.id FROM unnest($1::uuid[], $2::timestamptz[]) AS n(id, updated_at)
            JOIN runners r ON r.id = n.id AND r.updated_at = n.updated_at AND r.status <> 'deleted'
                AND r.lease_until IS NULL
            ORDER BY r.id FOR UPDATE OF r SKIP LOCKED",
            &ids,
            &versions,
        )
        .fetch_all(ctx.connection())
        .await?;
        let at = ctx.now;
        let mut entries = Vec::new();
        for runner in group {
            let Some(reason) = runner.reason(now).filter(|_| locked.contains(&runner.id)) else {
                pass.note(runner.id, Change::Unchanged);
                continue;
            };
            runners::retire(ctx.connection(), RunnerId(runner.id), reason, at, None).await?;
            let before = json!({"status": runner.status.as_str()});
            let entry = audit::Entry::new("runner.sync_deleted", "runner", runner.id, &runner.name)
                .change(before, json!({"status": "deleted", "reason": reason}));
            entries.push(match runner.team {
                Some((organization, team)) => entry.team(organization, team),
                None => entry,
            });
        }
        audit::record_many(&mut ctx, &entries).await?;
        ctx.commit().await?;
        for id in locked {
            pass.note(id, Change::Deleted);
        }
    }
    Ok(())
}
