//! Whose entries someone sees, and pages of them at a cost that does not grow with the log: for the audit log and the
//! security events alike.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{Permission, Standing, TeamStatus, views::Page};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    Caller, Ctx, Error, Result,
    cursor::Cursor,
    organizations,
    paging::{self, Start},
};

/// Whose entries someone sees (SPEC P, "see audit and security events").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    All,
    /// What happened in these organizations and teams, and the own actions.
    Within {
        /// Organizations that are administered or audited.
        organizations: Vec<Uuid>,
        /// Teams that are administered.
        teams: Vec<Uuid>,
        /// The person or program.
        own: Uuid,
    },
}

/// How far someone sees, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Everything.
    All,
    /// Some organizations or teams, and the own actions.
    Within,
    /// The own actions only.
    Own,
}

/// How far the caller sees the audit log and the security events.
pub fn reach(caller: &Caller) -> Reach {
    match Scope::of(caller) {
        Scope::All => Reach::All,
        Scope::Within {
            organizations, teams, ..
        } if organizations.is_empty() && teams.is_empty() => Reach::Own,
        Scope::Within { .. } => Reach::Within,
    }
}

impl Scope {
    /// The caller's.
    pub(crate) fn of(caller: &Caller) -> Self {
        let person = match caller {
            Caller::System(..) => return Self::All,
            Caller::Machine(machine) => {
                return Self::Within {
                    organizations: Vec::new(),
                    teams: Vec::new(),
                    own: machine.id.0,
                };
            }
            Caller::Person(person, _) => person,
        };
        let sees = |standing: Standing| standing.may(Permission::AuditView);
        if sees(Standing {
            super_admin: person.super_admin,
            auditor: person.auditor,
            ..Standing::default()
        }) {
            return Self::All;
        }
        let organizations: Vec<Uuid> = (person.organizations.iter())
            .filter(|(id, _)| sees(organizations::standing(caller, *id)))
            .map(|(id, _)| id.0)
            .collect();
        // An inactive team gives its members nothing but its name.
        let teams = (person.teams.iter())
            .filter(|team| team.status == TeamStatus::Active && !organizations.contains(&team.organization_id.0))
            .filter(|team| {
                sees(Standing {
                    team: Some(team.role),
                    ..Standing::default()
                })
            })
            .map(|team| team.team_id.0)
            .collect();
        Self::Within {
            organizations,
            teams,
            own: person.id.0,
        }
    }

    /// The columns that lead to what is in scope, each with its values: each of them is the beginning of an index.
    fn ways(&self, log: &Log) -> Vec<(&'static str, Vec<Uuid>)> {
        match self {
            Self::All => Vec::new(),
            Self::Within {
                organizations,
                teams,
                own,
            } => [
                ("organization_id", organizations.clone()),
                ("team_id", teams.clone()),
                (log.own, vec![*own]),
            ]
            .into_iter()
            .filter(|(_, ids)| !ids.is_empty())
            .collect(),
        }
    }

    /// ` AND (…)`: only what is in scope.
    pub(crate) fn push(&self, sql: &mut QueryBuilder<Postgres>, log: &Log) {
        let ways = self.ways(log);
        if ways.is_empty() {
            return;
        }
        let mut between = " AND (";
        for (column, ids) in ways {
            sql.push(between).push("e.").push(column);
            sql.push(" = ANY(").push_bind(ids).push(")");
            between = " OR ";
        }
        sql.push(")");
    }
}

/// A table of what happened: with `id`, `at`, `organization_id` and `team_id`.
pub(crate) struct Log {
    /// The table, named `e` in queries.
    pub(crate) table: &'static str,
    /// The column that says whose doing it was.
    pub(crate) own: &'static str,
    /// What a row is read as: `SELECT` and joins, up to `ON …` of the last of them.
    pub(crate) columns: &'static str,
}

/// What a list is limited to, beside the scope.
pub(crate) struct Filter<'a> {
    /// Only these teams.
    pub(crate) teams: Option<Vec<Uuid>>,
    /// Whatever else: pushes ` AND …` for each.
    pub(crate) push: &'a (dyn Fn(&mut QueryBuilder<Postgres>) + Send + Sync),
}

/// Which rows of the list.
pub(crate) struct Window<'a> {
    /// The place to go on from.
    pub(crate) cursor: Option<&'a str>,
    /// Rows to skip.
    pub(crate) offset: i64,
    /// Rows on a page.
    pub(crate) limit: i64,
    /// Whether to count all of them, too.
    pub(crate) count: bool,
}

/// One page of a log, newest first, with the true total under the same filter when that is asked for. Two queries at most.
pub(crate) async fn page<R, T>(
    ctx: &mut Ctx,
    log: &Log,
    filter: &Filter<'_>,
    window: &Window<'_>,
    read: impl Fn(R) -> Result<T>,
    place: impl Fn(&T) -> (DateTime<Utc>, Uuid),
) -> Result<Page<T>>
where
    R: for<'r> sqlx::FromRow<'r, sqlx::postgres::PgRow> + Send + Unpin,
{
    let scope = Scope::of(&ctx.caller);
    let cursor = window.cursor.map(Cursor::decode).transpose()?;
    let start = Start::of(cursor.as_ref(), window.offset);
    let place_at = match &cursor {
        Some(cursor) => Some((cursor.key::<DateTime<Utc>>()?, cursor.id)),
        None => None,
    };
    let backwards = start == Start::Before;
    let order = if backwards {
        " ORDER BY at, id"
    } else {
        " ORDER BY at DESC, id DESC"
    };
    // A cursor says where to begin: an offset beside it would skip what nobody has seen.
    let offset = if cursor.is_some() { 0 } else { window.offset.max(0) };
    let wanted = window.limit + 1;

    let push_rest = |sql: &mut QueryBuilder<Postgres>| {
        (filter.push)(sql);
        if let Some((at, id)) = place_at {
            sql.push(" AND (e.at, e.id) ").push(if backwards { ">" } else { "<" });
            sql.push(" (").push_bind(at).push(", ").push_bind(id).push(")");
        }
        sql.push(if backwards {
            " ORDER BY e.at, e.id"
        } else {
            " ORDER BY e.at DESC, e.id DESC"
        });
        sql.push(" LIMIT ").push_bind(wanted.saturating_add(offset));
    };
    let ways = match &filter.teams {
        Some(teams) => vec![("team_id", teams.clone())],
        None => scope.ways(log),
    };
    let mut sql = QueryBuilder::new(log.columns);
    sql.push(" JOIN (SELECT id, at FROM (");
    if ways.is_empty() {
        sql.push("SELECT e.id, e.at FROM ")
            .push(log.table)
            .push(" e WHERE true");
        push_rest(&mut sql);
    }
    // Each index gives its newest, and of these the newest are taken: however much there is of one team, and however
    // little of another, no more rows are read than a page has for each.
    for (number, (column, ids)) in ways.into_iter().enumerate() {
        sql.push(if number > 0 { " UNION " } else { "" });
        sql.push("SELECT found.id, found.at FROM unnest(").push_bind(ids);
        sql.push("::uuid[]) AS way(id) CROSS JOIN LATERAL (SELECT e.id, e.at FROM ")
            .push(log.table);
        sql.push(" e WHERE e.").push(column).push(" = way.id");
        if filter.teams.is_some() {
            scope.push(&mut sql, log);
        }
        push_rest(&mut sql);
        sql.push(") AS found");
    }
    sql.push(") AS all_ways").push(order).push(" LIMIT ").push_bind(wanted);
    sql.push(" OFFSET ")
        .push_bind(offset)
        .push(") AS page ON page.id = e.id");
    sql.push(if backwards {
        " ORDER BY e.at, e.id"
    } else {
        " ORDER BY e.at DESC, e.id DESC"
    });
    let rows: Vec<R> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    let items = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;

    let total = if window.count {
        count(ctx, log, &scope, filter).await?
    } else {
        0
    };
    Ok(paging::page(items, window.limit, start, total, |item| {
        let (at, id) = place(item);
        (at.to_rfc3339_opts(SecondsFormat::Micros, true), id)
    }))
}

/// How many rows all pages hold together. Each way to what is in scope counts what no way before it has: so that each
/// reads an index of its own, and what lies in an organization needs no look at its rows.
async fn count(ctx: &mut Ctx, log: &Log, scope: &Scope, filter: &Filter<'_>) -> Result<i64> {
    let ways = match &filter.teams {
        Some(teams) => vec![("team_id", teams.clone())],
        None => scope.ways(log),
    };
    let mut sql = QueryBuilder::new("SELECT 0");
    let mut push = |ways: &[(&'static str, Vec<Uuid>)]| {
        sql.push(" + (SELECT count(*) FROM ")
            .push(log.table)
            .push(" e WHERE true");
        if let Some(((column, ids), before)) = ways.split_last() {
            sql.push(" AND e.")
                .push(*column)
                .push(" = ANY(")
                .push_bind(ids.clone())
                .push(")");
            for (column, ids) in before {
                sql.push(" AND (e.").push(*column).push(" IS NULL OR e.").push(*column);
                sql.push(" <> ALL(").push_bind(ids.clone()).push("))");
            }
        }
        if filter.teams.is_some() {
            scope.push(&mut sql, log);
        }
        (filter.push)(&mut sql);
        sql.push(")");
    };
    if ways.is_empty() {
        push(&[]);
    }
    for number in 1..=ways.len() {
        push(&ways[..number]);
    }
    Ok(sql.build_query_scalar().fetch_one(ctx.connection()).await?)
}

/// ` AND …` for a time from which and a time until which.
pub(crate) fn push_period(
    sql: &mut QueryBuilder<Postgres>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) {
    if let Some(since) = since {
        sql.push(" AND e.at >= ").push_bind(since);
    }
    if let Some(until) = until {
        sql.push(" AND e.at < ").push_bind(until);
    }
}

/// A period that ends before it begins holds nothing, and is most likely a mistake.
pub(crate) fn check_period(since: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> Result<()> {
    match (since, until) {
        (Some(since), Some(until)) if since >= until => Err(Error::invalid("until", "must be later than since")),
        _ => Ok(()),
    }
}

/// A text that a client sent, as it can be compared with what is stored.
pub(crate) fn clean(text: &str) -> String {
    text.trim().replace('\0', "")
}
