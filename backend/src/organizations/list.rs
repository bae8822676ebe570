//! The list of organizations: search and pages.

use domain::{
    BudgetDuration, Limits, Money, OrganizationId, Permission,
    views::{Organization, OwnOrganization, Page},
};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{sees_whole, standing};
use crate::{
    Caller, Ctx, Result,
    cursor::Cursor,
    paging::{self, Start},
};

/// What to list.
#[derive(Debug, Clone)]
pub struct OrganizationQuery {
    /// Part of a name or slug.
    pub search: Option<String>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for OrganizationQuery {
    fn default() -> Self {
        Self {
            search: None,
            cursor: None,
            limit: 50,
        }
    }
}

/// The organizations that the caller may choose from in a filter, by name, the first 500: id and name. Costs no query for
/// someone who has no choice, and counts nothing.
///
/// # Errors
/// When the database does not answer.
pub async fn choices(ctx: &mut Ctx) -> Result<Vec<(OrganizationId, String)>> {
    let (everything, mine): (bool, Vec<Uuid>) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new()),
        Caller::Machine(_) => (false, Vec::new()),
        Caller::Person(person, _) => (
            person.super_admin || person.auditor,
            person.organizations.iter().map(|(id, _)| id.0).collect(),
        ),
    };
    if !everything && mine.len() < 2 {
        return Ok(Vec::new());
    }
    named(ctx, everything, &mine).await
}

/// The organizations that the caller may create teams in, and review, by name, the first 500: id and name. For choosers.
///
/// # Errors
/// When the database does not answer.
pub async fn administered(ctx: &mut Ctx) -> Result<Vec<(OrganizationId, String)>> {
    let (everything, mine): (bool, Vec<Uuid>) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new()),
        Caller::Machine(_) => (false, Vec::new()),
        Caller::Person(person, _) => {
            let mine = (person.organizations.iter())
                .filter(|(id, _)| standing(&ctx.caller, *id).may(Permission::TeamAdminister));
            (person.super_admin, mine.map(|(id, _)| id.0).collect())
        }
    };
    if !everything && mine.is_empty() {
        return Ok(Vec::new());
    }
    named(ctx, everything, &mine).await
}

/// All organizations, or these, by name, the first 500: id and name.
async fn named(ctx: &mut Ctx, everything: bool, mine: &[Uuid]) -> Result<Vec<(OrganizationId, String)>> {
    let rows = sqlx::query!(
        "SELECT id, name FROM organizations WHERE $1 OR id = ANY($2) ORDER BY lower(name), id LIMIT 500",
        everything,
        mine,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (OrganizationId(row.id), row.name)).collect())
}

/// The organizations that the caller has a role in, by name, at most fifty: for navigation.
///
/// # Errors
/// When the database does not answer.
pub async fn mine(ctx: &mut Ctx) -> Result<Vec<OwnOrganization>> {
    let Some(user) = ctx.caller.user_id() else {
        return Ok(Vec::new());
    };
    let rows = sqlx::query!(
        "SELECT o.id, o.name, o.slug, m.role FROM organization_members m JOIN organizations o ON o.id = m.organization_id
        WHERE m.user_id = $1 ORDER BY lower(o.name), o.id LIMIT 50",
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OwnOrganization {
                id: OrganizationId(row.id),
                name: row.name,
                slug: row.slug,
                role: row.role.parse()?,
            })
        })
        .collect()
}

/// One page of the organizations that the caller belongs to, all of them for a super_admin or auditor, by name.
///
/// # Errors
/// A cursor that is none.
pub async fn page(ctx: &mut Ctx, query: &OrganizationQuery) -> Result<Page<Organization>> {
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let rows = rows(ctx, query, cursor.as_ref()).await?;
    let mut sql = QueryBuilder::new("SELECT count(*) FROM organizations o WHERE ");
    push_filters(&mut sql, query, &ctx.caller);
    let total: i64 = sql.build_query_scalar().fetch_one(ctx.connection()).await?;
    let limit = query.limit.clamp(1, 1000);
    Ok(paging::page(
        rows,
        limit,
        Start::of(cursor.as_ref(), 0),
        total,
        |organization| {
            // As written: PostgreSQL lowers it.
            (organization.name.clone(), organization.id.0)
        },
    ))
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    name: String,
    slug: String,
    models: Vec<String>,
    max_budget: Option<Decimal>,
    budget_duration: Option<String>,
    tpm_limit: Option<i64>,
    rpm_limit: Option<i64>,
    max_runners: Option<i32>,
    time_zone: String,
    teams: i64,
    people: i64,
}

/// One row more than the limit, in the cursor's direction.
async fn rows(ctx: &mut Ctx, query: &OrganizationQuery, cursor: Option<&Cursor>) -> Result<Vec<Organization>> {
    let mut sql = QueryBuilder::new(
        "SELECT o.id, o.name, o.slug, o.models, o.max_budget, o.budget_duration, o.tpm_limit, o.rpm_limit, o.max_runners,
            o.time_zone, coalesce((SELECT sum(teams) FROM team_totals t
                WHERE t.organization_id = o.id AND t.status <> 'archived'), 0)::bigint AS teams,
            (SELECT count(*) FROM organization_members m WHERE m.organization_id = o.id) AS people
        FROM organizations o WHERE ",
    );
    push_filters(&mut sql, query, &ctx.caller);
    let backwards = cursor.is_some_and(|cursor| cursor.before);
    if let Some(cursor) = cursor {
        sql.push(" AND (lower(o.name), o.id) ")
            .push(if backwards { "<" } else { ">" })
            .push(" (lower(")
            .push_bind(cursor.key.clone())
            .push("), ")
            .push_bind(cursor.id)
            .push(")");
    }
    let direction = if backwards { " DESC" } else { " ASC" };
    sql.push(" ORDER BY lower(o.name)")
        .push(direction)
        .push(", o.id")
        .push(direction)
        .push(" LIMIT ")
        .push_bind(query.limit.clamp(1, 1000) + 1);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let standing = standing(&ctx.caller, OrganizationId(row.id));
            Organization {
                id: OrganizationId(row.id),
                name: row.name,
                slug: row.slug,
                role: standing.org,
                team_count: row.teams,
                limits: Limits {
                    models: row.models,
                    max_budget: row.max_budget.map(Money::trusted),
                    budget_duration: row.budget_duration.map(BudgetDuration::trusted),
                    tpm_limit: row.tpm_limit,
                    rpm_limit: row.rpm_limit,
                },
                max_runners: row.max_runners,
                time_zone: row.time_zone,
                people_count: sees_whole(&standing).then_some(row.people),
            }
        })
        .collect())
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &OrganizationQuery, caller: &Caller) {
    match caller {
        Caller::Person(person, _) if !person.super_admin && !person.auditor => {
            let own: Vec<Uuid> = person.organizations.iter().map(|(id, _)| id.0).collect();
            sql.push("o.id = ANY(").push_bind(own).push(")");
        }
        Caller::Machine(_) => {
            sql.push("false");
        }
        Caller::Person(..) | Caller::System(..) => {
            sql.push("true");
        }
    }
    if let Some(pattern) = paging::search(query.search.as_deref()) {
        sql.push(" AND (lower(o.name) LIKE lower(")
            .push_bind(pattern.clone())
            .push(") OR o.slug LIKE lower(")
            .push_bind(pattern)
            .push("))");
    }
}
