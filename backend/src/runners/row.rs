//! A runner as the database gives it.

use chrono::{DateTime, Utc};
use domain::{
    MachineClientId, OrganizationId, ProjectId, RunnerId, TeamId, UserId,
    views::{Runner, RunnerOwner},
};
use uuid::Uuid;

use crate::{Error, Result};

/// The columns of a runner in every query, and the tables that they are from.
pub(super) const COLUMNS: &str = "r.id, r.name, r.status, r.busy, r.github_runner_id, r.runner_group_id, r.labels,
    r.ephemeral, r.team_id, t.name AS team_name, t.organization_id, r.project_id, r.provisioned_by AS person_id,
    r.machine_client_id, coalesce(u.email, c.name) AS provisioned_by,
    r.status <> 'deleted' AND r.team_id IS NOT NULL AND r.provisioned_by IS NOT NULL AND NOT EXISTS (
        SELECT FROM current_team_members m WHERE m.team_id = r.team_id AND m.user_id = r.provisioned_by) AS owner_left,
    r.created_at, r.updated_at, r.state_since,
    r.last_seen_at, r.registered_at, r.deleted_at, r.deletion_reason";

/// What [`COLUMNS`] needs beside `runners r`.
pub(super) const JOINS: &str = " LEFT JOIN teams t ON t.id = r.team_id LEFT JOIN users u ON u.id = r.provisioned_by
    LEFT JOIN machine_clients c ON c.id = r.machine_client_id";

#[derive(sqlx::FromRow)]
pub(super) struct RunnerRow {
    id: Uuid,
    name: String,
    status: String,
    busy: bool,
    github_runner_id: Option<i64>,
    runner_group_id: i64,
    labels: Vec<String>,
    ephemeral: bool,
    team_id: Option<Uuid>,
    team_name: Option<String>,
    organization_id: Option<Uuid>,
    project_id: Option<Uuid>,
    person_id: Option<Uuid>,
    machine_client_id: Option<Uuid>,
    provisioned_by: String,
    owner_left: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    state_since: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
    registered_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    deletion_reason: Option<String>,
}

impl RunnerRow {
    pub(super) fn into_runner(self) -> Result<Runner> {
        Ok(Runner {
            id: RunnerId(self.id),
            name: self.name,
            status: self.status.parse()?,
            busy: self.busy,
            github_runner_id: self.github_runner_id,
            runner_group_id: self.runner_group_id,
            labels: self.labels,
            ephemeral: self.ephemeral,
            team_id: self.team_id.map(TeamId),
            team_name: self.team_name,
            organization_id: self.organization_id.map(OrganizationId),
            project_id: self.project_id.map(ProjectId),
            owner: match (self.person_id, self.machine_client_id) {
                (Some(person), _) => RunnerOwner::Person(UserId(person)),
                (None, Some(machine)) => RunnerOwner::Machine(MachineClientId(machine)),
                (None, None) => return Err(Error::internal(format!("runner {} is nobody's", self.id))),
            },
            provisioned_by: self.provisioned_by,
            owner_left: self.owner_left,
            created_at: self.created_at,
            updated_at: self.updated_at,
            state_since: self.state_since,
            last_seen_at: self.last_seen_at,
            registered_at: self.registered_at,
            deleted_at: self.deleted_at,
            deletion_reason: self.deletion_reason,
        })
    }
}

pub(super) fn into_runners(rows: Vec<RunnerRow>) -> Result<Vec<Runner>> {
    rows.into_iter().map(RunnerRow::into_runner).collect()
}
