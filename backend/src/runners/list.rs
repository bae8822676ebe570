//! Reading runners (SPEC B18).

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    MachineClientId, ProjectId, RunnerId, RunnerStatus, TeamId, UserId,
    views::{Page, Runner, RunnerOwner},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    Caller, Ctx, Error, Result,
    cursor::Cursor,
    paging::{self, Start},
    teams,
};

const COLUMNS: &str = "r.id, r.name, r.status, r.busy, r.github_runner_id, r.runner_group_id, r.labels, r.ephemeral,
    r.team_id, t.name AS team_name, r.project_id, r.provisioned_by AS person_id, r.machine_client_id,
    coalesce(u.email, c.name) AS provisioned_by, r.created_at, r.updated_at, r.state_since, r.last_seen_at,
    r.registered_at, r.deleted_at, r.deletion_reason
    FROM runners r LEFT JOIN teams t ON t.id = r.team_id LEFT JOIN users u ON u.id = r.provisioned_by
    LEFT JOIN machine_clients c ON c.id = r.machine_client_id WHERE ";

#[derive(sqlx::FromRow)]
struct RunnerRow {
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
    project_id: Option<Uuid>,
    person_id: Option<Uuid>,
    machine_client_id: Option<Uuid>,
    provisioned_by: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    state_since: DateTime<Utc>,
    last_seen_at: Option<DateTime<Utc>>,
    registered_at: Option<DateTime<Utc>>,
    deleted_at: Option<DateTime<Utc>>,
    deletion_reason: Option<String>,
}

impl RunnerRow {
    fn into_runner(self) -> Result<Runner> {
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
            project_id: self.project_id.map(ProjectId),
            owner: match (self.person_id, self.machine_client_id) {
                (Some(person), _) => RunnerOwner::Person(UserId(person)),
                (None, Some(machine)) => RunnerOwner::Machine(MachineClientId(machine)),
                (None, None) => return Err(Error::internal(format!("runner {} is nobody's", self.id))),
            },
            provisioned_by: self.provisioned_by,
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

/// What to list.
#[derive(Debug, Clone)]
pub struct RunnerQuery {
    /// Only this status; without one, all but deleted.
    pub status: Option<RunnerStatus>,
    /// Only ephemeral ones, or only others.
    pub ephemeral: Option<bool>,
    /// Only this team, by name.
    pub team_name: Option<String>,
    /// Only this team, by id.
    pub team_id: Option<TeamId>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for RunnerQuery {
    fn default() -> Self {
        Self {
            status: None,
            ephemeral: None,
            team_name: None,
            team_id: None,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// The runners that the caller may see, newest first: all for super_admins and auditors; else the
/// own, those of the own active teams, and those of administered organizations.
///
/// # Errors
/// 403 `Access denied: not a team member` for a team that the caller may not see.
pub async fn list(ctx: &mut Ctx, query: &RunnerQuery) -> Result<Page<Runner>> {
    if let Some(team) = query.team_id {
        let page = teams::get(ctx, team).await?;
        if !page.open && page.standing.team.is_none() {
            return Err(teams::inactive());
        }
    }
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let limit = query.limit.clamp(1, 1000);
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS);
    push_filters(&mut sql, query, &ctx.caller);
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    if let Some(cursor) = &cursor {
        let time: DateTime<Utc> = cursor
            .key
            .parse()
            .map_err(|_| Error::invalid("cursor", "does not fit this list"))?;
        sql.push(if backwards {
            " AND (r.created_at, r.id) > ("
        } else {
            " AND (r.created_at, r.id) < ("
        });
        sql.push_bind(time).push(", ").push_bind(cursor.id).push(")");
    }
    sql.push(if backwards {
        " ORDER BY r.created_at, r.id"
    } else {
        " ORDER BY r.created_at DESC, r.id DESC"
    });
    sql.push(" LIMIT ")
        .push_bind(limit + 1)
        .push(" OFFSET ")
        .push_bind(query.offset.max(0));
    let rows: Vec<RunnerRow> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    let mut sql = QueryBuilder::new("SELECT count(*) FROM runners r LEFT JOIN teams t ON t.id = r.team_id WHERE ");
    push_filters(&mut sql, query, &ctx.caller);
    let total: i64 = sql.build_query_scalar().fetch_one(ctx.connection()).await?;

    let items = rows
        .into_iter()
        .map(RunnerRow::into_runner)
        .collect::<Result<Vec<_>>>()?;
    let start = Start::of(cursor.as_ref(), query.offset);
    Ok(paging::page(items, limit, start, total, |runner| {
        let key = runner.created_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        (key, runner.id.0)
    }))
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &RunnerQuery, caller: &Caller) {
    match query.status {
        Some(status) => sql.push("r.status = ").push_bind(status.as_str()),
        None => sql.push("r.status <> 'deleted'"),
    };
    if let Some(ephemeral) = query.ephemeral {
        sql.push(" AND r.ephemeral = ").push_bind(ephemeral);
    }
    if let Some(team) = query.team_id {
        sql.push(" AND r.team_id = ").push_bind(team.0);
    }
    if let Some(name) = &query.team_name {
        sql.push(" AND (lower(t.name) = lower(")
            .push_bind(name.replace('\0', ""));
        sql.push(") OR t.slug = ").push_bind(name.replace('\0', "")).push(")");
    }
    match caller {
        Caller::System(..) => {}
        Caller::Person(person, _) if person.super_admin || person.auditor => {}
        Caller::Machine(machine) => {
            sql.push(" AND r.team_id = ").push_bind(machine.team_id.0);
        }
        Caller::Person(person, _) => {
            // Own runners stay visible when the team is not active any more (SPEC B35).
            let teams: Vec<Uuid> = (person.teams.iter())
                .filter(|team| team.status == domain::TeamStatus::Active)
                .map(|team| team.team_id.0)
                .collect();
            sql.push(" AND (r.provisioned_by = ").push_bind(person.id.0);
            sql.push(" OR r.team_id = ANY(").push_bind(teams);
            sql.push(") OR t.organization_id = ANY(")
                .push_bind(person.organizations_seen_whole())
                .push("))");
        }
    }
}

/// The refusal of SPEC B19, of a runner that there is not, and of one that the caller may not see.
pub(super) fn not_found(id: RunnerId) -> Error {
    Error::refused(
        crate::Code::NotFound,
        format!("Runner with ID '{id}' not found or not owned by you"),
    )
}

/// One runner that the caller may see.
///
/// # Errors
/// 404 `Runner with ID '<id>' not found or not owned by you`.
pub async fn get(ctx: &mut Ctx, id: RunnerId) -> Result<Runner> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push("r.id = ").push_bind(id.0);
    let row: Option<RunnerRow> = sql.build_query_as().fetch_optional(ctx.connection()).await?;
    let missing = || not_found(id);
    let runner = row.ok_or_else(missing)?.into_runner()?;
    let sees = match &ctx.caller {
        Caller::Person(person, _) => {
            runner.owner == RunnerOwner::Person(person.id) || person.super_admin || person.auditor
        }
        Caller::Machine(machine) => runner.team_id == Some(machine.team_id),
        Caller::System(..) => true,
    };
    if sees {
        return Ok(runner);
    }
    let Some(team) = runner.team_id else {
        return Err(missing());
    };
    match teams::get(ctx, team).await {
        Ok(page) if page.open => Ok(runner),
        Ok(_) | Err(Error::Forbidden(_) | Error::Refused(..)) => Err(missing()),
        Err(error) => Err(error),
    }
}

/// A team's newest runners that are not deleted; the caller was authorised by the page.
pub(crate) async fn newest_of_team(ctx: &mut Ctx, team: TeamId, limit: i64) -> Result<Vec<Runner>> {
    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS)
        .push("r.status <> 'deleted' AND r.team_id = ")
        .push_bind(team.0);
    sql.push(" ORDER BY r.created_at DESC, r.id DESC LIMIT ")
        .push_bind(limit);
    let rows: Vec<RunnerRow> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    rows.into_iter().map(RunnerRow::into_runner).collect()
}
