//! Listing a team's members: search, filters, pages.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use domain::{
    Limits, Money, Permission, TeamId, TeamRole, UserId,
    views::{Member, MemberCounts, Page, TeamPage},
};
use rust_decimal::Decimal;
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use crate::{
    Ctx, Result,
    cursor::Cursor,
    paging::{self, Start},
    teams,
};

/// After how long without a sign-in a review asks whether someone is still there: a quarter (SPEC D9).
const STALE: TimeDelta = TimeDelta::days(90);

/// What to list.
#[derive(Debug, Clone)]
pub struct MemberQuery {
    /// Part of a name or email.
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<TeamRole>,
    /// Only people who have not been seen for a quarter, nor joined in it.
    pub stale: bool,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for MemberQuery {
    fn default() -> Self {
        Self {
            search: None,
            role: None,
            stale: false,
            cursor: None,
            limit: 50,
        }
    }
}

impl MemberQuery {
    fn is_filtered(&self) -> bool {
        self.pattern().is_some() || self.role.is_some() || self.stale
    }

    fn pattern(&self) -> Option<String> {
        paging::search(self.search.as_deref())
    }
}

#[derive(sqlx::FromRow)]
pub(super) struct MemberRow {
    pub(super) user_id: Uuid,
    pub(super) email: String,
    pub(super) display_name: Option<String>,
    pub(super) role: String,
    pub(super) joined_at: DateTime<Utc>,
    pub(super) added_by: Option<String>,
    pub(super) source: String,
    pub(super) expires_at: Option<DateTime<Utc>>,
    pub(super) admin_until: Option<DateTime<Utc>>,
    pub(super) last_seen_at: Option<DateTime<Utc>>,
    pub(super) deactivated: bool,
    pub(super) max_budget: Option<Decimal>,
    pub(super) tpm_limit: Option<i64>,
    pub(super) rpm_limit: Option<i64>,
}

impl MemberRow {
    pub(super) fn into_member(self) -> Result<Member> {
        Ok(Member {
            user_id: UserId(self.user_id),
            email: self.email,
            display_name: self.display_name,
            role: self.role.parse()?,
            joined_at: self.joined_at,
            added_by: self.added_by,
            source: self.source.parse()?,
            expires_at: self.expires_at,
            admin_until: self.admin_until,
            last_seen_at: self.last_seen_at,
            deactivated: self.deactivated,
            limits: Limits {
                max_budget: self.max_budget.map(Money::trusted),
                tpm_limit: self.tpm_limit,
                rpm_limit: self.rpm_limit,
                ..Limits::default()
            },
        })
    }
}

/// Whether the viewer is told when members were last seen: those who review memberships, and auditors.
pub fn sees_last_use(page: &TeamPage) -> bool {
    page.standing.may(Permission::MembersManage) || page.standing.may(Permission::AuditView)
}

/// A team's members by the time they joined, oldest first.
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team; 403 when the filter needs what the viewer
/// is not told.
pub async fn list(ctx: &mut Ctx, team: TeamId, query: &MemberQuery) -> Result<(TeamPage, Page<Member>)> {
    let page = teams::open(ctx, team).await?;
    let sees_last_use = sees_last_use(&page);
    if query.stale && !sees_last_use {
        page.standing.require(Permission::AuditView)?;
    }
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let limit = query.limit.clamp(1, 1000);

    let mut sql = QueryBuilder::new(
        "SELECT m.user_id, u.email, u.display_name, m.role, m.joined_at, a.email AS added_by, m.source, m.expires_at,
            m.admin_until, u.last_seen_at, u.deactivated_at IS NOT NULL AS deactivated, m.max_budget, m.tpm_limit, m.rpm_limit
        FROM current_team_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by WHERE ",
    );
    push_filters(&mut sql, ctx.now, team, query);
    if let Some(cursor) = &cursor {
        let time: DateTime<Utc> = cursor.key()?;
        sql.push(if backwards {
            " AND (m.joined_at, m.user_id) < ("
        } else {
            " AND (m.joined_at, m.user_id) > ("
        });
        sql.push_bind(time).push(", ").push_bind(cursor.id).push(")");
    }
    sql.push(if backwards {
        " ORDER BY m.joined_at DESC, m.user_id DESC LIMIT "
    } else {
        " ORDER BY m.joined_at, m.user_id LIMIT "
    });
    // Written out: see `teams::list`.
    sql.push(limit + 1);
    let rows: Vec<MemberRow> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    let total = total(ctx, &page, query).await?;

    let mut items = rows
        .into_iter()
        .map(MemberRow::into_member)
        .collect::<Result<Vec<_>>>()?;
    if !sees_last_use {
        for member in &mut items {
            member.last_seen_at = None;
        }
    }
    let start = Start::of(cursor.as_ref(), 0);
    let list = paging::page(items, limit, start, total, |member| {
        let key = member.joined_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        (key, member.user_id.0)
    });
    Ok((page, list))
}

/// The true count under the same filters. Without any it is the team's kept count, less those whose membership has
/// ended and who have not been tidied away yet.
async fn total(ctx: &mut Ctx, page: &TeamPage, query: &MemberQuery) -> Result<i64> {
    if query.is_filtered() {
        let mut sql =
            QueryBuilder::new("SELECT count(*) FROM current_team_members m JOIN users u ON u.id = m.user_id WHERE ");
        push_filters(&mut sql, ctx.now, page.team.id, query);
        return Ok(sql.build_query_scalar().fetch_one(ctx.connection()).await?);
    }
    Ok(sqlx::query_scalar!(
        r#"SELECT t.member_count - (SELECT count(*) FROM team_members m
            WHERE m.team_id = t.id AND m.expires_at <= statement_timestamp()) AS "total!"
        FROM teams t WHERE t.id = $1"#,
        page.team.id.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, now: DateTime<Utc>, team: TeamId, query: &MemberQuery) {
    sql.push("m.team_id = ").push_bind(team.0);
    if let Some(role) = query.role {
        sql.push(" AND m.role = ").push_bind(role.as_str());
    }
    if let Some(pattern) = query.pattern() {
        sql.push(" AND (u.email ILIKE ").push_bind(pattern.clone());
        sql.push(" OR u.display_name ILIKE ").push_bind(pattern).push(")");
    }
    if query.stale {
        // Who has never been seen counts from the day they joined.
        sql.push(" AND greatest(u.last_seen_at, m.joined_at) < ")
            .push_bind(now - STALE);
    }
}

/// The numbers that a review asks for; the caller was authorised by the page.
///
/// # Errors
/// When the database does not answer.
pub async fn counts(ctx: &mut Ctx, team: TeamId) -> Result<MemberCounts> {
    let quarter = ctx.now - STALE;
    let row = sqlx::query!(
        r#"SELECT count(*) AS "members!",
            count(*) FILTER (WHERE greatest(u.last_seen_at, m.joined_at) < $2) AS "stale!",
            count(*) FILTER (WHERE m.role = 'admin' AND u.deactivated_at IS NULL) AS "admins!"
        FROM current_team_members m JOIN users u ON u.id = m.user_id WHERE m.team_id = $1"#,
        team.0,
        quarter,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(MemberCounts {
        members: row.members,
        admins: row.admins,
        stale: row.stale,
    })
}
