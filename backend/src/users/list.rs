//! The list of people: search, filters, pages; one query for a page and one for the total.

use domain::{
    UserId,
    views::{Account, ListedAccount, Page},
};
use sqlx::{Postgres, QueryBuilder, Row as _, postgres::PgRow};

use super::{Scope, scope};
use crate::{
    Ctx, Result,
    cursor::Cursor,
    paging::{self, Start},
    teams::Order,
};

/// What to list. People are in the order of their email addresses.
#[derive(Debug, Clone)]
pub struct AccountQuery {
    /// Part of an email or name.
    pub search: Option<String>,
    /// Only accounts that are active, or only those that are not.
    pub active: Option<bool>,
    /// Only super_admins, or only others.
    pub super_admin: Option<bool>,
    /// Only auditors of the installation, or only others.
    pub auditor: Option<bool>,
    /// Direction.
    pub order: Order,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for AccountQuery {
    fn default() -> Self {
        Self {
            search: None,
            active: None,
            super_admin: None,
            auditor: None,
            order: Order::Ascending,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// The accounts that the caller may see: everybody's for super_admins and auditors, those in their organizations for
/// org_admins and the auditors of an organization.
///
/// # Errors
/// 403 for everyone else.
pub async fn list(ctx: &mut Ctx, query: &AccountQuery) -> Result<Page<ListedAccount>> {
    let scope = scope(&ctx.caller)?;
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let descending = (query.order == Order::Descending) != backwards;
    let limit = query.limit.clamp(1, 1000);

    let mut sql = QueryBuilder::new(
        "SELECT u.id, u.email, u.display_name, u.is_super_admin, u.is_auditor, u.can_use_jit, u.created_at, u.updated_at,
            u.last_seen_at, u.deactivated_at,
            (SELECT count(*) FROM team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = u.id AND t.status <> 'archived' AND NOT t.is_system
                    AND (m.expires_at IS NULL OR m.expires_at > ",
    );
    sql.push_bind(ctx.now).push(")");
    push_within(&mut sql, "t.organization_id", &scope);
    sql.push(
        "), ARRAY(SELECT o.name FROM organization_members m JOIN organizations o ON o.id = m.organization_id
            WHERE m.user_id = u.id",
    );
    push_within(&mut sql, "o.id", &scope);
    sql.push(" ORDER BY lower(o.name), o.id) FROM users u WHERE ");
    push_filters(&mut sql, query, &scope);
    push_page(&mut sql, cursor.as_ref(), descending, limit, query.offset);
    let rows = sql.build().fetch_all(ctx.connection()).await?;
    let items = rows.iter().map(listed).collect::<Result<Vec<_>, sqlx::Error>>()?;

    let mut sql = QueryBuilder::new("SELECT count(*) FROM users u WHERE ");
    push_filters(&mut sql, query, &scope);
    let total = sql.build_query_scalar().fetch_one(ctx.connection()).await?;

    let start = Start::of(cursor.as_ref(), query.offset);
    Ok(paging::page(items, limit, start, total, |item| {
        (item.account.email.clone(), item.account.id.0)
    }))
}

fn listed(row: &PgRow) -> Result<ListedAccount, sqlx::Error> {
    Ok(ListedAccount {
        account: Account {
            id: UserId(row.try_get(0)?),
            email: row.try_get(1)?,
            display_name: row.try_get(2)?,
            super_admin: row.try_get(3)?,
            auditor: row.try_get(4)?,
            can_use_jit: row.try_get(5)?,
            created_at: row.try_get(6)?,
            updated_at: row.try_get(7)?,
            last_seen_at: row.try_get(8)?,
            deactivated_at: row.try_get(9)?,
        },
        team_count: row.try_get(10)?,
        organizations: row.try_get(11)?,
    })
}

fn push_within(sql: &mut QueryBuilder<Postgres>, column: &str, scope: &Scope) {
    if let Scope::Within(organizations) = scope {
        sql.push(" AND ").push(column).push(" = ANY(");
        sql.push_bind(organizations.clone()).push(")");
    }
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &AccountQuery, scope: &Scope) {
    sql.push("true");
    if let Scope::Within(organizations) = scope {
        sql.push(" AND EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY(");
        sql.push_bind(organizations.clone()).push("))");
    }
    // In words of our own, so that the partial indexes are found.
    sql.push(match query.active {
        Some(true) => " AND u.deactivated_at IS NULL",
        Some(false) => " AND u.deactivated_at IS NOT NULL",
        None => "",
    });
    sql.push(match query.super_admin {
        Some(true) => " AND u.is_super_admin",
        Some(false) => " AND NOT u.is_super_admin",
        None => "",
    });
    sql.push(match query.auditor {
        Some(true) => " AND u.is_auditor",
        Some(false) => " AND NOT u.is_auditor",
        None => "",
    });
    if let Some(pattern) = paging::search(query.search.as_deref()) {
        sql.push(" AND (u.email ILIKE ").push_bind(pattern.clone());
        sql.push(" OR u.display_name ILIKE ").push_bind(pattern).push(")");
    }
}

/// Ends a query over `users u`, after its filters, with one page in the order of email addresses and one row more, which
/// tells whether there are others.
pub(crate) fn push_page(
    sql: &mut QueryBuilder<Postgres>,
    cursor: Option<&Cursor>,
    descending: bool,
    limit: i64,
    offset: i64,
) {
    if let Some(cursor) = cursor {
        sql.push(if descending {
            " AND (u.email, u.id) < ("
        } else {
            " AND (u.email, u.id) > ("
        });
        sql.push_bind(cursor.key.clone())
            .push(", ")
            .push_bind(cursor.id)
            .push(")");
    }
    sql.push(if descending {
        " ORDER BY u.email DESC, u.id DESC LIMIT "
    } else {
        " ORDER BY u.email, u.id LIMIT "
    });
    sql.push_bind(limit + 1);
    if offset > 0 {
        sql.push(" OFFSET ").push_bind(offset);
    }
}
