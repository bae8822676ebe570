//! The list of label policies: search and pages; one query for a page and one for the total.

use domain::{
    LabelPattern, UserId, UserLabelPolicy,
    views::{Page, PersonPolicy},
};
use sqlx::{Postgres, QueryBuilder, Row as _, postgres::PgRow};

use crate::{
    Ctx, Result,
    cursor::Cursor,
    paging::{self, Start},
    users::{self, Scope},
};

/// What to list, in the order of people's email addresses.
#[derive(Debug, Clone)]
pub struct PolicyQuery {
    /// Part of a person's email or name, or of a label or pattern.
    pub search: Option<String>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows to skip.
    pub offset: i64,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for PolicyQuery {
    fn default() -> Self {
        Self {
            search: None,
            cursor: None,
            offset: 0,
            limit: 50,
        }
    }
}

/// The label policies of people whom the caller may see: everybody's, or those in their organizations.
///
/// # Errors
/// 403 for those who see nobody's.
pub async fn list(ctx: &mut Ctx, query: &PolicyQuery) -> Result<Page<PersonPolicy>> {
    let scope = users::scope(&ctx.caller)?;
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let limit = query.limit.clamp(1, 1000);

    let mut sql = QueryBuilder::new(
        "SELECT u.id, u.email, u.display_name, u.deactivated_at IS NOT NULL, p.allowed_labels, p.label_patterns,
            p.max_runners, p.require_approval, p.description, c.email, p.created_at, p.updated_at,
            (SELECT count(*) FROM runners r WHERE r.provisioned_by = u.id AND r.status <> 'deleted'),
            (SELECT count(*) FROM current_team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = u.id AND t.status = 'active' AND (NOT t.is_system OR t.runners_enabled))
        FROM user_label_policies p JOIN users u ON u.id = p.user_id LEFT JOIN users c ON c.id = p.created_by WHERE ",
    );
    push_filters(&mut sql, query, &scope);
    users::push_page(&mut sql, cursor.as_ref(), backwards, limit, query.offset);
    let rows = sql.build().fetch_all(ctx.connection()).await?;
    let items = rows.iter().map(row).collect::<Result<Vec<_>, sqlx::Error>>()?;

    let mut sql =
        QueryBuilder::new("SELECT count(*) FROM user_label_policies p JOIN users u ON u.id = p.user_id WHERE ");
    push_filters(&mut sql, query, &scope);
    let total = sql.build_query_scalar().fetch_one(ctx.connection()).await?;

    let start = Start::of(cursor.as_ref(), query.offset);
    Ok(paging::page(items, limit, start, total, |item| {
        (item.email.clone(), item.user_id.0)
    }))
}

fn row(row: &PgRow) -> Result<PersonPolicy, sqlx::Error> {
    let patterns: Vec<String> = row.try_get(5)?;
    Ok(PersonPolicy {
        user_id: UserId(row.try_get(0)?),
        email: row.try_get(1)?,
        display_name: row.try_get(2)?,
        deactivated: row.try_get(3)?,
        policy: UserLabelPolicy {
            allowed: row.try_get(4)?,
            patterns: patterns.into_iter().map(LabelPattern::trusted).collect(),
            max_runners: row.try_get(6)?,
            require_approval: row.try_get(7)?,
        },
        description: row.try_get(8)?,
        created_by: row.try_get(9)?,
        created_at: row.try_get(10)?,
        updated_at: row.try_get(11)?,
        runners: row.try_get(12)?,
        teams: row.try_get(13)?,
    })
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &PolicyQuery, scope: &Scope) {
    sql.push("true");
    if !scope.is_whole() {
        sql.push(" AND EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY(");
        sql.push_bind(scope.organizations().to_vec()).push("))");
    }
    if let Some(pattern) = paging::search(query.search.as_deref()) {
        sql.push(" AND (u.email ILIKE ").push_bind(pattern.clone());
        sql.push(" OR u.display_name ILIKE ").push_bind(pattern.clone());
        // Labels and patterns hold no line breaks: a match lies within one of them.
        sql.push(" OR array_to_string(p.allowed_labels || p.label_patterns, E'\\n') ILIKE ")
            .push_bind(pattern)
            .push(")");
    }
}
