//! Who waits, and where in the line.

use domain::{
    Permission, TeamId,
    views::{Page, RunnerWait},
};
use uuid::Uuid;

use super::not_found;
use crate::{Ctx, Error, Result, cursor::Cursor, runners::JitInput, teams};

/// The most open waits of one person that are shown: one has one for each team.
const MOST: i64 = 500;

/// Which part of a team's line to read.
#[derive(Debug, Clone)]
pub struct LineQuery {
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Waits on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for LineQuery {
    fn default() -> Self {
        Self {
            cursor: None,
            limit: 100,
        }
    }
}

/// Which waits to read.
#[derive(Default)]
struct Which {
    id: Option<Uuid>,
    team: Option<Uuid>,
    user: Option<Uuid>,
    /// Only those behind this place.
    after: Option<i64>,
}

/// The caller's open waits: at most one for each team.
///
/// # Errors
/// 403 for a program.
pub async fn mine(ctx: &mut Ctx) -> Result<Vec<RunnerWait>> {
    let user = ctx.person()?.id.0;
    let which = Which {
        user: Some(user),
        ..Which::default()
    };
    read(ctx, &which, MOST).await
}

/// A team's open waits, in their order. Pages go forwards only: whoever is served leaves the line at its front.
///
/// # Errors
/// 403 and 404 for those who do not manage its members; when the cursor is not one of this list.
pub async fn of_team(ctx: &mut Ctx, team: TeamId, query: &LineQuery) -> Result<Page<RunnerWait>> {
    teams::open(ctx, team)
        .await?
        .standing
        .require(Permission::MembersManage)?;
    let limit = query.limit.clamp(1, 1000);
    let which = Which {
        team: Some(team.0),
        after: query.cursor.as_deref().map(place_of).transpose()?,
        ..Which::default()
    };
    // One more tells whether there is a next page.
    let mut items = read(ctx, &which, limit + 1).await?;
    let shown = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = items.len() > shown;
    items.truncate(shown);
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM runner_waits WHERE team_id = $1 AND state IN ('waiting', 'ready')"#,
        team.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let next = match items.last() {
        Some(last) if more => Some(cursor_at(ctx, last.id).await?),
        _ => None,
    };
    Ok(Page {
        items,
        total,
        next,
        previous: None,
    })
}

/// The place in the line that a cursor stands for.
fn place_of(cursor: &str) -> Result<i64> {
    let cursor = Cursor::decode(cursor)?;
    cursor
        .key
        .parse()
        .map_err(|_| Error::invalid("cursor", "is not one that this list gave out"))
}

async fn cursor_at(ctx: &mut Ctx, id: Uuid) -> Result<String> {
    let place = sqlx::query_scalar!("SELECT place FROM runner_waits WHERE id = $1", id)
        .fetch_one(ctx.connection())
        .await?;
    let cursor = Cursor {
        key: place.to_string(),
        id,
        before: false,
    };
    Ok(cursor.encode())
}

/// One wait: one's own, or of a team whose members the caller manages; also one that is over.
///
/// # Errors
/// 404 for any other.
pub async fn get(ctx: &mut Ctx, id: Uuid) -> Result<RunnerWait> {
    let user = ctx.caller.user_id().map(|id| id.0);
    let which = Which {
        id: Some(id),
        ..Which::default()
    };
    let wait = read(ctx, &which, 1).await?.pop().ok_or_else(|| not_found(id))?;
    let owner = sqlx::query_scalar!("SELECT user_id FROM runner_waits WHERE id = $1", id)
        .fetch_one(ctx.connection())
        .await?;
    if Some(owner) == user {
        return Ok(wait);
    }
    match teams::open(ctx, wait.team_id).await {
        Ok(page) if page.standing.may(Permission::MembersManage) => Ok(wait),
        Err(error @ (Error::Internal(_) | Error::Unavailable(..))) => Err(error),
        Ok(_) | Err(_) => Err(not_found(id)),
    }
}

async fn read(ctx: &mut Ctx, which: &Which, limit: i64) -> Result<Vec<RunnerWait>> {
    let rows = sqlx::query!(
        r#"SELECT w.id, w.team_id, t.name AS team_name, u.email, w.request, w.created_at,
            CASE WHEN w.ready_until <= clock_timestamp() THEN 'expired' ELSE w.state END AS "state!",
            CASE WHEN w.ready_until > clock_timestamp() THEN w.ready_until END AS ready_until,
            CASE WHEN w.state = 'waiting' THEN (SELECT count(*) FROM runner_waits before
                WHERE before.team_id = w.team_id AND before.state = 'waiting' AND before.place <= w.place) END AS position
        FROM runner_waits w JOIN teams t ON t.id = w.team_id JOIN users u ON u.id = w.user_id
        WHERE ($1::uuid IS NULL OR w.id = $1) AND ($2::uuid IS NULL OR w.team_id = $2)
            AND ($3::uuid IS NULL OR w.user_id = $3) AND (w.id = $1 OR w.state IN ('waiting', 'ready'))
            AND ($5::bigint IS NULL OR w.place > $5)
        ORDER BY w.place LIMIT $4"#,
        which.id,
        which.team,
        which.user,
        limit,
        which.after,
    )
    .fetch_all(ctx.connection())
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunnerWait {
                id: row.id,
                team_id: TeamId(row.team_id),
                team_name: row.team_name,
                user: row.email,
                state: row.state,
                position: row.position,
                created_at: row.created_at,
                ready_until: row.ready_until,
                labels: serde_json::from_value::<JitInput>(row.request)?.labels,
            })
        })
        .collect()
}
