//! Reading runners (SPEC B18).

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    RunnerId, RunnerStatus, TeamId,
    views::{Page, Runner},
};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{
    row::{COLUMNS, JOINS, RunnerRow, into_runners},
    scope::{Reach, Scope, owns},
};
use crate::{
    Caller, Ctx, Error, Result,
    cursor::Cursor,
    paging::{self, Start},
    teams,
};

/// What to list.
#[derive(Debug, Clone)]
pub struct RunnerQuery {
    /// Only this status; without one, all but deleted.
    pub status: Option<RunnerStatus>,
    /// Only those that run a job, or only those that do not.
    pub busy: Option<bool>,
    /// Only ephemeral ones, or only others.
    pub ephemeral: Option<bool>,
    /// Whether deleted ones are listed, too.
    pub include_deleted: bool,
    /// A part of the name, of a label, or of the name or email of whose it is.
    pub search: Option<String>,
    /// How far the list reaches.
    pub reach: Reach,
    /// Only this team, by name or slug.
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
            busy: None,
            ephemeral: None,
            include_deleted: false,
            search: None,
            reach: Reach::All,
            team_name: None,
            team_id: None,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// The runners that the caller may see, newest first: all for super_admins and auditors; else the own, those of the own
/// active teams, and those of administered organizations; a machine client's team's. Three queries at most, whatever is
/// on the page, and none reads more rows than it shows but the count.
///
/// # Errors
/// 403 `Access denied: not a team member` for a team that the caller may not see.
pub async fn list(ctx: &mut Ctx, query: &RunnerQuery) -> Result<Page<Runner>> {
    let mut scope = Scope::seen(&ctx.caller, query.reach);
    if let Some(team) = query.team_id {
        let page = teams::get(ctx, team).await?;
        if !page.open && page.standing.team.is_none() {
            return Err(teams::inactive());
        }
        if page.open && query.reach != Reach::Own {
            // Who sees the team sees its runners: nothing else is asked about them.
            scope = Scope::Everything;
        }
    }
    let filter = Filter {
        query,
        teams: named_teams(ctx, query).await?,
        scope,
        search: paging::search(query.search.as_deref()),
    };
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let place = Place::read(cursor.as_ref(), query)?;
    let rows: Vec<RunnerRow> = filter.page(&place).build_query_as().fetch_all(ctx.connection()).await?;
    let total: i64 = filter.count().build_query_scalar().fetch_one(ctx.connection()).await?;
    let start = Start::of(cursor.as_ref(), query.offset);
    Ok(paging::page(into_runners(rows)?, place.limit, start, total, |runner| {
        let key = runner.created_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        (key, runner.id.0)
    }))
}

/// The teams that the query names, if it names any: no team is an empty list.
async fn named_teams(ctx: &mut Ctx, query: &RunnerQuery) -> Result<Option<Vec<Uuid>>> {
    let Some(name) = &query.team_name else {
        return Ok(query.team_id.map(|id| vec![id.0]));
    };
    let mut teams = sqlx::query_scalar!(
        "SELECT id FROM teams WHERE lower(name) = lower($1) OR slug = $1 ORDER BY id LIMIT 1000",
        name.replace('\0', "")
    )
    .fetch_all(ctx.connection())
    .await?;
    if let Some(id) = query.team_id {
        teams.retain(|team| *team == id.0);
    }
    Ok(Some(teams))
}

/// Where a page begins, and how it is read.
struct Place {
    at: Option<(DateTime<Utc>, Uuid)>,
    backwards: bool,
    limit: i64,
    offset: i64,
}

impl Place {
    fn read(cursor: Option<&Cursor>, query: &RunnerQuery) -> Result<Self> {
        let at = match cursor {
            Some(cursor) => Some((cursor.key()?, cursor.id)),
            None => None,
        };
        Ok(Self {
            at,
            backwards: cursor.is_some_and(|cursor| cursor.before),
            limit: query.limit.clamp(1, 1000),
            offset: query.offset.max(0),
        })
    }

    fn push_cursor(&self, sql: &mut QueryBuilder<Postgres>) {
        let Some((time, id)) = self.at else { return };
        sql.push(if self.backwards {
            " AND (r.created_at, r.id) > ("
        } else {
            " AND (r.created_at, r.id) < ("
        });
        sql.push_bind(time).push(", ").push_bind(id).push(")");
    }

    /// The order in which the rows are read.
    fn order(&self) -> &'static str {
        if self.backwards {
            " ORDER BY r.created_at, r.id"
        } else {
            " ORDER BY r.created_at DESC, r.id DESC"
        }
    }
}

/// A query with all that is known about it.
struct Filter<'a> {
    query: &'a RunnerQuery,
    /// Only these teams.
    teams: Option<Vec<Uuid>>,
    scope: Scope,
    /// A pattern.
    search: Option<String>,
}

impl Filter<'_> {
    /// Whether deleted runners are asked for: those that are not are few, and have an index of their own.
    fn reads_history(&self) -> bool {
        self.query.include_deleted || self.query.status == Some(RunnerStatus::Deleted)
    }

    /// The person, teams and organizations of someone who sees a part of the history, and asks for all of that.
    fn parts(&self) -> Option<(Uuid, &[Uuid], &[Uuid])> {
        match &self.scope {
            Scope::Of {
                person,
                teams,
                organizations,
            } if self.reads_history() && self.teams.is_none() => Some((person.0, teams, organizations)),
            _ => None,
        }
    }

    fn page(&self, place: &Place) -> QueryBuilder<Postgres> {
        match self.parts() {
            Some((person, teams, organizations)) => self.page_of_each(place, person, teams, organizations),
            None => self.page_of_all(place),
        }
    }

    fn page_of_all(&self, place: &Place) -> QueryBuilder<Postgres> {
        let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE "));
        self.scope.push(&mut sql);
        self.push_conditions(&mut sql);
        place.push_cursor(&mut sql);
        sql.push(place.order()).push(" LIMIT ").push_bind(place.limit + 1);
        sql.push(" OFFSET ").push_bind(place.offset);
        sql
    }

    /// The page of someone who sees a part of the history: a page of the own, and one of each team, each from its index,
    /// put together. Over all of them at once PostgreSQL would either read every runner there ever was until the page
    /// is full, or sort all that the person may see.
    fn page_of_each(
        &self,
        place: &Place,
        person: Uuid,
        teams: &[Uuid],
        organizations: &[Uuid],
    ) -> QueryBuilder<Postgres> {
        let rows = place.offset.saturating_add(place.limit + 1);
        let mut sql = with_scope(teams, organizations);
        sql.push(", place AS ((SELECT r.id, r.created_at FROM runners r WHERE r.provisioned_by = ")
            .push_bind(person);
        self.push_conditions(&mut sql);
        place.push_cursor(&mut sql);
        sql.push(place.order()).push(" LIMIT ").push_bind(rows);
        sql.push(
            ") UNION SELECT part.id, part.created_at FROM scope CROSS JOIN LATERAL (
                SELECT r.id, r.created_at FROM runners r WHERE r.team_id = scope.team_id",
        );
        self.push_conditions(&mut sql);
        place.push_cursor(&mut sql);
        sql.push(place.order()).push(" LIMIT ").push_bind(rows);
        sql.push(") part ORDER BY ")
            .push(if place.backwards {
                "created_at, id"
            } else {
                "created_at DESC, id DESC"
            })
            .push(" LIMIT ")
            .push_bind(place.limit + 1);
        sql.push(" OFFSET ").push_bind(place.offset);
        sql.push(format!(
            ") SELECT {COLUMNS} FROM place JOIN runners r ON r.id = place.id{JOINS}"
        ))
        .push(place.order());
        sql
    }

    /// The count. Of a part of the history it is counted in parts, too: a team's can be read off its index alone.
    fn count(&self) -> QueryBuilder<Postgres> {
        if let Some((person, teams, organizations)) = self.parts() {
            let mut sql = with_scope(teams, organizations);
            sql.push(
                " SELECT (SELECT coalesce(sum(part.n), 0)::bigint FROM scope CROSS JOIN LATERAL (
                    SELECT count(*) AS n FROM runners r WHERE r.team_id = scope.team_id",
            );
            self.push_conditions(&mut sql);
            sql.push(") part) + (SELECT count(*) FROM runners r WHERE r.provisioned_by = ")
                .push_bind(person)
                .push(" AND (r.team_id IS NULL OR r.team_id NOT IN (SELECT team_id FROM scope))");
            self.push_conditions(&mut sql);
            sql.push(")");
            return sql;
        }
        let mut sql = QueryBuilder::new("SELECT count(*) FROM runners r WHERE ");
        self.scope.push(&mut sql);
        self.push_conditions(&mut sql);
        sql
    }

    /// All conditions but the scope, each after an `AND`.
    fn push_conditions(&self, sql: &mut QueryBuilder<Postgres>) {
        if !self.reads_history() {
            // Written out, so that it always fits the partial indexes.
            sql.push(" AND r.status <> 'deleted'");
        }
        if let Some(status) = self.query.status {
            sql.push(" AND r.status = ").push_bind(status.as_str());
        }
        if let Some(busy) = self.query.busy {
            sql.push(" AND r.busy = ").push_bind(busy);
        }
        if let Some(ephemeral) = self.query.ephemeral {
            sql.push(" AND r.ephemeral = ").push_bind(ephemeral);
        }
        match self.teams.as_deref() {
            None => {}
            // One team's runners are read from its index in their order.
            Some([team]) => {
                sql.push(" AND r.team_id = ").push_bind(*team);
            }
            Some(teams) => {
                sql.push(" AND r.team_id = ANY(").push_bind(teams.to_vec()).push(")");
            }
        }
        if let Some(pattern) = &self.search {
            sql.push(" AND (r.name ILIKE ").push_bind(pattern.clone());
            sql.push(" OR EXISTS (SELECT FROM unnest(r.labels) label WHERE label ILIKE ")
                .push_bind(pattern.clone());
            sql.push(") OR r.provisioned_by IN (SELECT id FROM users WHERE email ILIKE ")
                .push_bind(pattern.clone())
                .push(" OR display_name ILIKE ")
                .push_bind(pattern.clone());
            sql.push(") OR r.machine_client_id IN (SELECT id FROM machine_clients WHERE name ILIKE ")
                .push_bind(pattern.clone())
                .push("))");
        }
    }
}

/// The beginning of a query over these teams and those of these organizations.
fn with_scope(teams: &[Uuid], organizations: &[Uuid]) -> QueryBuilder<Postgres> {
    let mut sql = QueryBuilder::new("WITH scope AS (SELECT unnest(");
    sql.push_bind(teams.to_vec())
        .push(") AS team_id UNION SELECT id FROM teams WHERE organization_id = ANY(")
        .push_bind(organizations.to_vec())
        .push("))");
    sql
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
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE r.id = "));
    sql.push_bind(id.0);
    let row: Option<RunnerRow> = sql.build_query_as().fetch_optional(ctx.connection()).await?;
    let runner = row.ok_or_else(|| not_found(id))?.into_runner()?;
    let sees = owns(&ctx.caller, &runner)
        || match &ctx.caller {
            Caller::Person(person, _) => person.super_admin || person.auditor,
            Caller::Machine(machine) => runner.team_id == Some(machine.team_id),
            Caller::System(..) => true,
        };
    if sees {
        return Ok(runner);
    }
    let Some(team) = runner.team_id else {
        return Err(not_found(id));
    };
    match teams::get(ctx, team).await {
        Ok(page) if page.open => Ok(runner),
        Ok(_) | Err(Error::Forbidden(_) | Error::Refused(..)) => Err(not_found(id)),
        Err(error) => Err(error),
    }
}

/// Those of these runners that live and that the caller may delete, in the order of their names: what a question names.
///
/// # Errors
/// When the database does not answer.
pub async fn deletable(ctx: &mut Ctx, ids: &[RunnerId]) -> Result<Vec<Runner>> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE r.id = ANY("));
    sql.push_bind(ids).push(") AND r.status <> 'deleted' AND ");
    Scope::deletable(&ctx.caller).push(&mut sql);
    sql.push(" ORDER BY r.name, r.id LIMIT 1000");
    into_runners(sql.build_query_as().fetch_all(ctx.connection()).await?)
}

/// A team's newest runners that are not deleted; the caller was authorised by the page.
pub(crate) async fn newest_of_team(ctx: &mut Ctx, team: TeamId, limit: i64) -> Result<Vec<Runner>> {
    let mut sql = QueryBuilder::new(format!("SELECT {COLUMNS} FROM runners r{JOINS} WHERE r.team_id = "));
    sql.push_bind(team.0);
    sql.push(" AND r.status <> 'deleted' ORDER BY r.created_at DESC, r.id DESC LIMIT ")
        .push_bind(limit);
    into_runners(sql.build_query_as().fetch_all(ctx.connection()).await?)
}
