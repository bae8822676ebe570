//! Provisioning a runner: reserve, call GitHub, confirm or release (SPEC B11–B16, DESIGN rule 2).
//!
//! 1. One transaction locks the team, checks the rules and writes the runner as `pending` with a
//!    lease. From then on it counts against the quota.
//! 2. GitHub is called with no transaction open.
//! 3. A second transaction confirms the runner, or releases it when GitHub surely made none. When
//!    that is not sure, or the process dies, the lease runs out and [`super::reap`] settles it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use domain::{
    Fields, Invalid, Label, MAX_LABELS, Permission, ProjectId, RunnerId, RunnerName, RunnerNamePrefix, RunnerNaming,
    TeamId, TeamStatus, WorkFolder,
    views::{Provisioned, TeamPage},
};
use integrations::github;
use rand::Rng;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::{
    holders,
    quota::{self, Turn},
    refusal, waits,
};
use crate::{
    Backend, Caller, Code, Ctx, Error, RequestInfo, Result, audit, default_team, projects,
    teams::{self, Lock},
};

/// How long GitHub takes a just-in-time configuration (SPEC B12).
const CONFIG_LIFETIME: chrono::TimeDelta = chrono::TimeDelta::hours(1);
/// How often a generated name is drawn anew when it is taken.
const NAME_ATTEMPTS: usize = 5;
/// How soon the reaper looks after an answer of GitHub that got lost.
const AMBIGUOUS_LEASE: Duration = Duration::from_secs(15);

/// A request for a runner, as a form, a JSON body or a waiting list gives it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct JitInput {
    /// The whole name.
    pub runner_name: Option<String>,
    /// Or what the name starts with.
    pub runner_name_prefix: Option<String>,
    /// Custom labels.
    pub labels: Vec<String>,
    /// The team; required for people who have one.
    pub team_id: Option<TeamId>,
    /// A project of that team, for cost.
    pub project_id: Option<ProjectId>,
    /// GitHub's runner group.
    pub runner_group_id: Option<i64>,
    /// The folder to work in; `_work` without one.
    pub work_folder: Option<String>,
}

/// A request for a runner, parsed.
#[derive(Debug, Clone)]
pub struct JitRequest {
    naming: RunnerNaming,
    pub(super) labels: Vec<Label>,
    pub(super) team: Option<TeamId>,
    project: Option<ProjectId>,
    group: Option<i64>,
    work_folder: WorkFolder,
}

impl JitInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<JitRequest, Vec<Invalid>> {
        let mut fields = Fields::new();
        let naming = fields.take(RunnerNaming::parse(
            self.runner_name.as_deref(),
            self.runner_name_prefix.as_deref(),
        ));
        let labels = fields.take(Label::parse_list("labels", &self.labels));
        let folder = self
            .work_folder
            .as_deref()
            .filter(|text| !text.trim().is_empty())
            .unwrap_or("_work");
        let work_folder = fields.take(WorkFolder::parse(folder));
        if self.runner_group_id.is_some_and(|id| id < 1) {
            fields.push(Invalid::new("runner_group_id", "must be a positive number"));
        }
        if self.project_id.is_some() && self.team_id.is_none() {
            fields.push(Invalid::new(
                "project_id",
                "needs the team_id that the project belongs to",
            ));
        }
        let (team, project, group) = (self.team_id, self.project_id, self.runner_group_id);
        let request = (|| {
            Some(JitRequest {
                naming: naming?,
                labels: labels?,
                team,
                project,
                group,
                work_folder: work_folder?,
            })
        })();
        fields.with(request)
    }
}

/// A runner that counts against the quota and waits for GitHub.
struct Reservation {
    id: RunnerId,
    name: RunnerName,
    labels: Vec<Label>,
    group: i64,
    work_folder: WorkFolder,
    team: Option<(domain::OrganizationId, TeamId)>,
    created_at: DateTime<Utc>,
    /// The lease as we wrote it: once the reaper has another, the reservation is not ours any more.
    lease: DateTime<Utc>,
}

/// Provisions a runner for the caller.
///
/// # Errors
/// Every refusal of SPEC B14; 502 with GitHub's words when it refuses; 503 when GitHub is not
/// configured or out of reach.
pub async fn provision(
    backend: &Backend,
    caller: Caller,
    request_info: RequestInfo,
    request: JitRequest,
) -> Result<Provisioned> {
    run(backend, caller, request_info, request, None).await
}

/// Provisions a runner; with a wait, on the place that is held for it.
pub(super) async fn run(
    backend: &Backend,
    caller: Caller,
    request_info: RequestInfo,
    request: JitRequest,
    wait: Option<Uuid>,
) -> Result<Provisioned> {
    let outcome = attempt(backend, caller, request_info, request, wait).await;
    let label = match &outcome {
        Ok(_) => "created",
        Err(error) => error.code().as_str(),
    };
    metrics::counter!("guildhall_runner_provisioning_total", "outcome" => label).increment(1);
    outcome
}

async fn attempt(
    backend: &Backend,
    caller: Caller,
    request_info: RequestInfo,
    mut request: JitRequest,
    wait: Option<Uuid>,
) -> Result<Provisioned> {
    if let Caller::Machine(machine) = &caller {
        // It has one team, which it need not name (SPEC B27).
        request.team.get_or_insert(machine.team_id);
    }
    let mut ctx = Ctx::write(backend, caller.clone(), request_info.clone()).await?;
    let reservation = match reserve(&mut ctx, &request, wait).await {
        Ok(reservation) => reservation,
        Err(error) => {
            drop(ctx);
            refusal::keep(backend, caller.clone(), request_info.clone(), &request, &error).await;
            return Err(holders::attach(backend, caller, request_info, request.team, error).await);
        }
    };
    let Some(github) = backend.github.clone() else {
        return Err(Error::not_configured_github());
    };
    ctx.commit().await?;

    let labels: Vec<String> = reservation.labels.iter().map(ToString::to_string).collect();
    let call = github::JitRequest {
        name: reservation.name.as_str(),
        runner_group_id: reservation.group,
        labels: &labels,
        work_folder: reservation.work_folder.as_str(),
    };
    let answer = github.generate_jit_config(&call).await;
    let mut ctx = Ctx::write(backend, caller, request_info).await?;
    match answer {
        Ok(config) => {
            let confirmed = confirm(&mut ctx, &reservation, config.runner.id).await?;
            if let (false, Some(wait)) = (confirmed, wait) {
                waits::give_back(&mut ctx, wait, false).await?;
            }
            ctx.commit().await?;
            if !confirmed {
                // The lease ran out while GitHub was thinking, and the reaper has given the place away.
                let _ = github.delete_runner(config.runner.id).await;
                return Err(Error::Unavailable(
                    Code::GitHub,
                    "GitHub API error: it answered too late; the runner was removed. Try again.".to_owned(),
                    Some(Duration::from_secs(5)),
                ));
            }
            Ok(Provisioned {
                runner_id: reservation.id,
                runner_name: reservation.name.to_string(),
                encoded_jit_config: config.encoded_jit_config.expose_secret().to_owned(),
                labels: reservation.labels,
                expires_at: reservation.created_at + CONFIG_LIFETIME,
            })
        }
        Err(error) => {
            release(&mut ctx, &reservation, &error).await?;
            if let Some(wait) = wait {
                waits::give_back(&mut ctx, wait, !error.is_ambiguous()).await?;
            }
            ctx.commit().await?;
            Err(failure(&error, &reservation.name))
        }
    }
}

/// A request that its rules admit; whether there is room for it is another question.
pub(super) struct Prepared {
    labels: Vec<Label>,
    group: i64,
    /// What the runner's name starts with unless the request says.
    prefix: RunnerNamePrefix,
    /// The team, locked.
    pub(super) page: Option<TeamPage>,
    /// How many runners its organization may have, which is locked.
    pub(super) ceiling: Option<i32>,
}

/// Checks everything but a team's quota.
pub(super) async fn prepare(ctx: &mut Ctx, request: &JitRequest) -> Result<Prepared> {
    // A machine client may by being registered (SPEC B27).
    if matches!(&ctx.caller, Caller::Person(person, _) if !person.can_use_jit) {
        return Err(Error::refused(
            Code::JitNotPermitted,
            "Access to JIT API not permitted for this user. Ask a super_admin to allow it.",
        ));
    }
    let default_group = ctx.backend.settings.default_runner_group;
    let prepared = match request.team {
        Some(team) => {
            let (page, ceiling) = member_of(ctx, team).await?;
            if let Some(project) = request.project {
                projects::require_use(ctx, team, project).await?;
            }
            Prepared {
                labels: team_labels(&page, &request.labels)?,
                group: team_group(&page, request.group, default_group)?,
                prefix: RunnerNamePrefix::from_slug(Some(&page.team.slug)),
                page: Some(page),
                ceiling,
            }
        }
        None => {
            let labels = own_labels(ctx, &request.labels).await?;
            if request.group.is_some_and(|asked| asked != default_group) {
                return Err(Error::invalid("runner_group_id", format!("must be {default_group}")));
            }
            Prepared {
                labels,
                group: default_group,
                prefix: RunnerNamePrefix::from_slug(None),
                page: None,
                ceiling: None,
            }
        }
    };
    if prepared.labels.len() > MAX_LABELS {
        return Err(Error::invalid(
            "labels",
            format!("must be at most {MAX_LABELS} labels, required ones included"),
        ));
    }
    Ok(prepared)
}

/// Checks the rules and writes the pending runner, in the transaction of `ctx`; with a wait, on its held place.
async fn reserve(ctx: &mut Ctx, request: &JitRequest, wait: Option<Uuid>) -> Result<Reservation> {
    let prepared = prepare(ctx, request).await?;
    if let Some(wait) = wait {
        waits::take(ctx, wait).await?;
    }
    if let Some(page) = &prepared.page {
        let turn = wait.map_or(Turn::Direct, |wait| Turn::Next(Some(wait)));
        quota::require(ctx, page, prepared.ceiling, turn).await?;
    }
    let reservation = place(ctx, request, prepared).await?;
    if let Some(wait) = wait {
        waits::claimed(ctx, wait, reservation.id).await?;
    }
    Ok(reservation)
}

/// Writes the pending runner.
async fn place(ctx: &mut Ctx, request: &JitRequest, prepared: Prepared) -> Result<Reservation> {
    let Prepared {
        labels,
        group,
        prefix,
        page,
        ..
    } = prepared;
    let team = page.map(|page| (page.team.organization_id, page.team.id));
    let mut reservation = Reservation {
        id: RunnerId(Uuid::now_v7()),
        name: RunnerName::trusted(String::new()),
        labels,
        group,
        work_folder: request.work_folder.clone(),
        team,
        created_at: ctx.now,
        lease: ctx.now,
    };
    match &request.naming {
        RunnerNaming::Exact(name) => {
            reservation.name = name.clone();
            if insert(ctx, &mut reservation, request.project).await? {
                return Ok(reservation);
            }
        }
        RunnerNaming::Prefix(_) | RunnerNaming::Generated => {
            let prefix = if let RunnerNaming::Prefix(own) = &request.naming {
                own
            } else {
                &prefix
            };
            for _ in 0..NAME_ATTEMPTS {
                reservation.name = prefix.with_suffix(rand::rng().next_u32());
                if insert(ctx, &mut reservation, request.project).await? {
                    return Ok(reservation);
                }
            }
        }
    }
    Err(name_taken(&reservation.name))
}

fn name_taken(name: &RunnerName) -> Error {
    Error::refused(
        Code::RunnerNameTaken,
        format!("Runner with name '{name}' is currently active. Use a different name or wait until it's deleted."),
    )
}

/// The team, locked, if the caller is a member and it is active; with the ceiling over all runners of its organization,
/// which is locked before the team is. Without a ceiling nothing of the organization is locked.
async fn member_of(ctx: &mut Ctx, team: TeamId) -> Result<(TeamPage, Option<i32>)> {
    let locked = sqlx::query!(
        r#"WITH ceiling AS MATERIALIZED (
            SELECT max_runners FROM organizations
            WHERE id = (SELECT organization_id FROM teams WHERE id = $1) AND max_runners IS NOT NULL FOR NO KEY UPDATE)
        SELECT t.id, c.max_runners AS "ceiling?" FROM teams t LEFT JOIN ceiling c ON true
        WHERE t.id = $1 FOR UPDATE OF t"#,
        team.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let ceiling = locked.and_then(|row| row.ceiling);
    let mut page = teams::load(ctx, team, Lock::None).await.map_err(|error| match error {
        // Whether a team exists is told to those who may see it.
        Error::Refused(Code::NotFound, _) => domain::Standing::default().refusal(Permission::RunnerProvision).into(),
        other => other,
    })?;
    if page.team.is_system
        && let Some(person) = ctx.caller.user_id()
        && default_team::has(ctx, person).await?
    {
        // What it gives once a super_admin has enabled runners on it (SPEC X4), and nothing else.
        page.standing.team = Some(domain::TeamRole::Member);
    }
    page.standing.require(Permission::RunnerProvision)?;
    if page.team.status != TeamStatus::Active {
        return Err(teams::inactive());
    }
    if !page.team.runners_enabled {
        return Err(Error::refused(
            Code::Forbidden,
            format!(
                "Team '{}' may not have runners. To enable them, ask a super_admin.",
                page.team.name
            ),
        ));
    }
    Ok((page, ceiling))
}

fn team_labels(page: &TeamPage, custom: &[Label]) -> Result<Vec<Label>> {
    page.team.policy.resolve(custom).map_err(|refused| {
        Error::refused(
            Code::LabelNotPermitted,
            format!("{refused}; to change the policy, ask {}", Permission::PolicyEdit.who()),
        )
    })
}

fn team_group(page: &TeamPage, asked: Option<i64>, default: i64) -> Result<i64> {
    let allowed = page.team.runner_group_ids.as_slice();
    let group = asked.unwrap_or_else(|| allowed.first().copied().unwrap_or(default));
    if allowed.contains(&group) || (allowed.is_empty() && group == default) {
        return Ok(group);
    }
    let list = if allowed.is_empty() {
        vec![default]
    } else {
        allowed.to_vec()
    };
    Err(Error::invalid(
        "runner_group_id",
        format!("must be one of the team's runner groups: {list:?}"),
    ))
}

/// Labels of someone in no team, under their own policy and quota (SPEC B16, B17).
async fn own_labels(ctx: &mut Ctx, custom: &[Label]) -> Result<Vec<Label>> {
    let person = ctx.person()?.id;
    // One row to lock for each person, so that the count below holds, and the policy stays what it is.
    sqlx::query_scalar!("SELECT id FROM users WHERE id = $1 FOR NO KEY UPDATE", person.0)
        .fetch_one(ctx.connection())
        .await?;
    let has_team = teams::mine(ctx)
        .await?
        .iter()
        .any(|team| team.status == TeamStatus::Active);
    if has_team {
        return Err(Error::refused(
            Code::TeamRequired,
            "team_id is required. You belong to at least one team: name the one that the runner is for.",
        ));
    }
    let who = Permission::DirectoryManage.who();
    let Some(own) = teams::own_label_policy(ctx).await? else {
        return Err(Error::refused(
            Code::LabelNotPermitted,
            format!(
                "Labels not permitted by policy. You belong to no active team and have no label policy. To join a team, ask one of its admins; for a policy, ask {who}.",
            ),
        ));
    };
    let policy = own.policy;
    let labels = policy.resolve(custom).map_err(|why| {
        Error::refused(
            Code::LabelNotPermitted,
            format!("{why}; to change the policy, ask {who}"),
        )
    })?;
    if let Some(max) = policy.max_runners {
        let current = teams::own_runners(ctx).await?;
        if current >= i64::from(max) {
            return Err(Error::refused(
                Code::QuotaExceeded,
                format!(
                    "Runner quota exceeded. Maximum allowed: {max}, current: {current}. Remove idle or offline runners, or to raise the quota ask {who}."
                ),
            ));
        }
    }
    if policy.require_approval {
        // Last: what is refused anyway needs nobody's approval.
        return Err(Error::refused(
            Code::ApprovalRequired,
            format!(
                "Approval required. Your label policy lets nobody provision with it before someone has approved: ask {who} to lift that, or one of a team's admins to add you to the team."
            ),
        ));
    }
    Ok(labels)
}

/// Writes the pending runner; false when a live runner has the name.
async fn insert(ctx: &mut Ctx, reservation: &mut Reservation, project: Option<ProjectId>) -> Result<bool> {
    let (person, machine) = match &ctx.caller {
        Caller::Machine(machine) => (None, Some(machine.id.0)),
        Caller::Person(..) | Caller::System(..) => (Some(ctx.person()?.id.0), None),
    };
    let labels: Vec<String> = reservation.labels.iter().map(ToString::to_string).collect();
    let lease = lease_seconds(ctx.backend.settings.reservation_lease);
    let written = sqlx::query_scalar!(
        r#"INSERT INTO runners (id, team_id, project_id, name, status, labels, runner_group_id, provisioned_by,
            machine_client_id, created_at, updated_at, state_since, lease_until)
        VALUES ($1, $2, $3, $4, 'pending', $5, $6, $7, $8, $9, $9, $9, clock_timestamp() + make_interval(secs => $10))
        ON CONFLICT (lower(name)) WHERE status <> 'deleted' DO NOTHING
        RETURNING lease_until AS "lease_until!""#,
        reservation.id.0,
        reservation.team.map(|(_, team)| team.0),
        project.map(|id| id.0),
        reservation.name.as_str(),
        &labels,
        reservation.group,
        person,
        machine,
        reservation.created_at,
        lease,
    )
    .fetch_optional(ctx.connection())
    .await?;
    reservation.lease = written.unwrap_or(reservation.lease);
    Ok(written.is_some())
}

pub(super) fn lease_seconds(lease: Duration) -> f64 {
    lease.as_secs_f64()
}

/// GitHub made the runner: it is ours. False when the lease ran out and the reaper has taken the
/// reservation: it may be removing the runner at this moment.
async fn confirm(ctx: &mut Ctx, reservation: &Reservation, github_id: i64) -> Result<bool> {
    let now = ctx.now;
    let done = sqlx::query!(
        "UPDATE runners SET github_runner_id = $2, lease_until = NULL, updated_at = $3
        WHERE id = $1 AND lease_until = $4 AND status = 'pending'",
        reservation.id.0,
        github_id,
        now,
        reservation.lease,
    )
    .execute(ctx.connection())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    let after = json!({
        "labels": reservation.labels,
        "runner_group_id": reservation.group,
        "github_runner_id": github_id,
    });
    audit::record(ctx, entry(reservation, "provision_jit").change(json!(null), after)).await?;
    Ok(true)
}

/// GitHub made none, or nobody knows: the reservation ends now, or as soon as the reaper has asked.
async fn release(ctx: &mut Ctx, reservation: &Reservation, error: &github::Error) -> Result<()> {
    let now = ctx.now;
    if error.is_ambiguous() {
        sqlx::query!(
            "UPDATE runners SET lease_until = clock_timestamp() + make_interval(secs => $2), updated_at = $3
            WHERE id = $1 AND lease_until = $4",
            reservation.id.0,
            lease_seconds(AMBIGUOUS_LEASE),
            now,
            reservation.lease,
        )
        .execute(ctx.connection())
        .await?;
    } else {
        super::retire(
            ctx.connection(),
            reservation.id,
            "provisioning_failed",
            now,
            Some(reservation.lease),
        )
        .await?;
    }
    let mut entry = entry(reservation, "provision_jit_failed").change(
        json!(null),
        json!({"error": error.user_message(), "ambiguous": error.is_ambiguous()}),
    );
    entry.success = false;
    audit::record(ctx, entry).await
}

fn entry<'a>(reservation: &'a Reservation, action: &'static str) -> audit::Entry<'a> {
    let entry = audit::Entry::new(action, "runner", reservation.id, reservation.name.as_str());
    match reservation.team {
        Some((organization, team)) => entry.team(organization, team),
        None => entry,
    }
}

/// GitHub's refusal in the caller's words (SPEC B20).
fn failure(error: &github::Error, name: &RunnerName) -> Error {
    match error {
        github::Error::NameConflict => name_taken(name),
        github::Error::RateLimited { retry_after } => {
            Error::Unavailable(Code::GitHubRateLimit, error.user_message(), *retry_after)
        }
        _ => Error::refused(Code::GitHub, error.user_message()),
    }
}
