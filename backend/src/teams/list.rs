//! The list of teams: search, status, order, pages; one query whatever the size.

use std::str::FromStr;

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    Invalid, OrganizationId, Permission, Refusal, TeamStatus,
    views::{Page, Team},
};
use sqlx::{Postgres, QueryBuilder, Row};
use uuid::Uuid;

use super::{
    name_and_status,
    row::{COLUMNS, TABLES, TeamRow},
};
use crate::{
    Caller, Ctx, Error, Result,
    cursor::{Cursor, SortKey as _},
    paging::{self, Start, search},
};

/// What a list of teams is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Display name, without regard to case.
    #[default]
    Name,
    /// Creation time.
    Created,
    /// Number of members.
    Members,
    /// Number of projects.
    Projects,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Name, Self::Created, Self::Members, Self::Projects];

    /// The word in URLs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Created => "created",
            Self::Members => "members",
            Self::Projects => "projects",
        }
    }

    /// The indexed expression.
    fn expression(self) -> &'static str {
        match self {
            Self::Name => "lower(t.name)",
            Self::Created => "t.created_at",
            Self::Members => "t.member_count",
            Self::Projects => "t.project_count",
        }
    }

    /// A team's place in this order, as a cursor writes it.
    fn key(self, team: &Team) -> String {
        match self {
            // As written: PostgreSQL lowers it, see `push_key`.
            Self::Name => team.name.clone(),
            Self::Created => team.created_at.to_rfc3339_opts(SecondsFormat::Micros, true),
            Self::Members => team.member_count.to_string(),
            Self::Projects => team.project_count.to_string(),
        }
    }
}

impl FromStr for Sort {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        Self::ALL
            .into_iter()
            .find(|sort| sort.as_str() == text)
            .ok_or_else(|| Invalid::new("sort", "must be name, created, members or projects"))
    }
}

/// Which end of the order comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    #[default]
    Ascending,
    /// Largest first.
    Descending,
}

/// What to list.
#[derive(Debug, Clone)]
pub struct TeamQuery {
    /// Part of a name or description.
    pub search: Option<String>,
    /// Statuses to show; archived teams only to those who could restore them.
    pub statuses: Vec<TeamStatus>,
    /// Only this organization.
    pub organization: Option<OrganizationId>,
    /// Order.
    pub sort: Sort,
    /// Direction.
    pub order: Order,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip; a page number's poor relation, kept because SPEC B3 has it.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for TeamQuery {
    fn default() -> Self {
        Self {
            search: None,
            statuses: vec![TeamStatus::Active, TeamStatus::Inactive],
            organization: None,
            sort: Sort::Name,
            order: Order::Ascending,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// What the caller sees: everything, or some organizations whole and some teams besides.
enum Scope {
    Everything,
    Some { organizations: Vec<Uuid>, teams: Vec<Uuid> },
}

impl Scope {
    /// Whether more than name and status of a team is shown.
    fn sees_whole(&self, team: &Team) -> bool {
        match self {
            Self::Everything => true,
            Self::Some { organizations, .. } => {
                team.status == TeamStatus::Active || organizations.contains(&team.organization_id.0)
            }
        }
    }
}

fn scope(caller: &Caller) -> Scope {
    match caller {
        Caller::System(..) => Scope::Everything,
        Caller::Machine(machine) => Scope::Some {
            organizations: Vec::new(),
            teams: vec![machine.team_id.0],
        },
        Caller::Person(person, _) if person.super_admin || person.auditor => Scope::Everything,
        Caller::Person(person, _) => Scope::Some {
            organizations: person.organizations_seen_whole(),
            teams: person.teams.iter().map(|team| team.team_id.0).collect(),
        },
    }
}

/// The teams that the caller may see.
///
/// # Errors
/// 403 for someone with no role in any team or organization; 403 `Only admins can view inactive
/// teams` when only those are asked for.
pub async fn list(ctx: &mut Ctx, query: &TeamQuery) -> Result<Page<Team>> {
    let scope = scope(&ctx.caller);
    if let Scope::Some { organizations, teams } = &scope
        && organizations.is_empty()
    {
        if teams.is_empty() {
            return Err(domain::Standing::default().refusal(Permission::TeamAdminister).into());
        }
        if !query.statuses.contains(&TeamStatus::Active) {
            return Err(Error::Forbidden(Refusal {
                literal: "Only admins can view inactive teams".to_owned(),
                rule: "list teams that are not active".to_owned(),
                who_can: Permission::TeamAdminister.who(),
            }));
        }
    }
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let descending = (query.order == Order::Descending) != backwards;
    let limit = query.limit.clamp(1, 1000);

    let mut sql = QueryBuilder::new("SELECT ");
    sql.push(COLUMNS).push(", ");
    push_total(&mut sql, query, &scope);
    sql.push(" AS total FROM ").push(TABLES).push(" WHERE ");
    push_filters(&mut sql, query, &scope);
    if let Some(cursor) = &cursor {
        sql.push(" AND (").push(query.sort.expression()).push(", t.id) ");
        sql.push(if descending { "< (" } else { "> (" });
        push_key(&mut sql, query.sort, &cursor.key)?;
        sql.push(", ").push_bind(cursor.id).push(")");
    }
    let direction = if descending { " DESC" } else { " ASC" };
    sql.push(" ORDER BY ")
        .push(query.sort.expression())
        .push(direction)
        .push(", t.id")
        .push(direction);
    // Written out, as statuses are: with a limit that it does not know PostgreSQL would plan the same list anew for
    // each request, which takes twice as long as reading it.
    sql.push(" LIMIT ").push(limit + 1);
    if query.offset > 0 {
        sql.push(" OFFSET ").push_bind(query.offset);
    }
    let rows = sql.build().fetch_all(ctx.connection()).await?;

    let mut total: Option<i64> = None;
    let mut items = Vec::with_capacity(rows.len());
    for row in &rows {
        total = Some(row.try_get("total")?);
        let team = TeamRow::by_place(row)?.into_team()?;
        // The place of what the database sorted, whatever of it is shown.
        let place = (query.sort.key(&team), team.id.0);
        let shown = if scope.sees_whole(&team) {
            team
        } else {
            name_and_status(team)
        };
        items.push((place, shown));
    }
    let total = match total {
        Some(total) => total,
        // A page beyond the end has no row to carry the total.
        None => {
            let mut sql = QueryBuilder::new("SELECT ");
            push_total(&mut sql, query, &scope);
            sql.build_query_scalar().fetch_one(ctx.connection()).await?
        }
    };
    let start = Start::of(cursor.as_ref(), query.offset);
    let page = paging::page(items, limit, start, total, |(place, _)| place.clone());
    Ok(Page {
        items: page.items.into_iter().map(|(_, team)| team).collect(),
        total: page.total,
        next: page.next,
        previous: page.previous,
    })
}

fn push_key(sql: &mut QueryBuilder<Postgres>, sort: Sort, key: &str) -> Result<()> {
    let wrong = || Error::invalid("cursor", "does not fit the order of this list");
    match sort {
        // Lowered by PostgreSQL as the index is: the two languages disagree on a few letters.
        Sort::Name => sql.push("lower(").push_bind(key.to_owned()).push(")"),
        Sort::Created => sql.push_bind(DateTime::<Utc>::read(key).ok_or_else(wrong)?),
        Sort::Members | Sort::Projects => sql.push_bind(key.parse::<i32>().map_err(|_| wrong())?),
    };
    Ok(())
}

/// The true count under the same filters: from the kept totals, or counted where there is a search
/// or a small scope.
fn push_total(sql: &mut QueryBuilder<Postgres>, query: &TeamQuery, scope: &Scope) {
    let whole = match scope {
        Scope::Everything => query.organization.map(|id| vec![id.0]),
        Scope::Some { organizations, teams } if teams.is_empty() && query.organization.is_none() => {
            Some(organizations.clone())
        }
        Scope::Some { .. } => {
            push_counted(sql, query, scope);
            return;
        }
    };
    if search_pattern(query).is_some() {
        push_counted(sql, query, scope);
        return;
    }
    sql.push("(SELECT coalesce(sum(teams), 0)::bigint FROM team_totals WHERE ")
        .push(statuses("status", query));
    if let Some(organizations) = whole {
        sql.push(" AND organization_id = ANY(")
            .push_bind(organizations)
            .push(")");
    }
    sql.push(")");
}

fn push_counted(sql: &mut QueryBuilder<Postgres>, query: &TeamQuery, scope: &Scope) {
    sql.push("(SELECT count(*) FROM teams t WHERE ");
    push_filters(sql, query, scope);
    sql.push(")");
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &TeamQuery, scope: &Scope) {
    sql.push(statuses("t.status", query));
    if let Scope::Some { organizations, teams } = scope {
        // Archived teams are hidden from their members.
        sql.push(" AND (t.organization_id = ANY(")
            .push_bind(organizations.clone());
        sql.push(") OR (t.status <> 'archived' AND t.id = ANY(")
            .push_bind(teams.clone())
            .push(")))");
    }
    if let Some(organization) = query.organization {
        sql.push(" AND t.organization_id = ").push_bind(organization.0);
    }
    if let Some(pattern) = search_pattern(query) {
        // Lowered where the column is: Rust and PostgreSQL disagree on a few letters.
        sql.push(" AND (lower(t.name) LIKE lower(").push_bind(pattern.clone());
        sql.push(") OR (lower(t.description) LIKE lower(")
            .push_bind(pattern)
            .push(")");
        if let Scope::Some { organizations, .. } = scope {
            // The description of an inactive team is not shown to its members, nor found.
            sql.push(" AND (t.status = 'active' OR t.organization_id = ANY(")
                .push_bind(organizations.clone())
                .push("))");
        }
        sql.push("))");
    }
}

/// The condition on a status, in words of our own: nobody else's text gets in here.
fn statuses(column: &str, query: &TeamQuery) -> String {
    let words: Vec<&str> = query.statuses.iter().map(|status| status.as_str()).collect();
    match words.as_slice() {
        // Partial indexes are found by it.
        [one] => format!("{column} = '{one}'"),
        words => format!("{column} = ANY('{{{}}}')", words.join(",")),
    }
}

fn search_pattern(query: &TeamQuery) -> Option<String> {
    search(query.search.as_deref())
}
