//! Whether there is room for one more runner: counted under the lock of the team's row, so that however many ask at
//! once, no more than the quota pass (SPEC B15).
//!
//! Besides living runners, places that are held for the first of a waiting list count; and for a direct request, also
//! those whom the next free places belong to.

use domain::{
    OrganizationId, Permission, TeamId,
    views::{QuotaScope, TeamPage},
};
use uuid::Uuid;

use super::QuotaRefusal;
use crate::{Ctx, Result};

/// Who asks for the place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    /// A request of its own: behind all who wait.
    Direct,
    /// The one whose turn it is, or who has this held place.
    Next(Option<Uuid>),
}

struct Usage {
    live: i64,
    held: i64,
    waiting: i64,
}

impl Usage {
    fn has_room(&self, max: i32, turn: Turn) -> bool {
        let behind = if turn == Turn::Direct { self.waiting } else { 0 };
        self.live + self.held + behind < i64::from(max)
    }
}

/// The team's quota and its organization's ceiling, whose rows are locked.
///
/// # Errors
/// The refusal that names the full one.
pub(super) async fn require(ctx: &mut Ctx, page: &TeamPage, ceiling: Option<i32>, turn: Turn) -> Result<()> {
    let team = &page.team;
    if let Some(max) = team.max_runners {
        let usage = of_team(ctx, team.id, turn).await?;
        if !usage.has_room(max, turn) {
            let offer = offer(ctx, team.id, &usage, max).await?;
            return Err(QuotaRefusal::error(
                QuotaScope::Team(team.id),
                format!(
                    "Team quota exceeded. Maximum allowed: {max}, current: {}. {offer}Remove idle or offline runners, or to raise the quota ask {}.",
                    usage.live,
                    Permission::PolicyEdit.who()
                ),
            ));
        }
    }
    let Some(max) = ceiling else { return Ok(()) };
    let usage = of_organization(ctx, team.organization_id, turn).await?;
    if usage.has_room(max, turn) {
        return Ok(());
    }
    let offer = offer(ctx, team.id, &usage, max).await?;
    Err(QuotaRefusal::error(
        QuotaScope::Organization(team.organization_id),
        format!(
            "Organization quota exceeded. Maximum allowed: {max}, current: {}, over all teams of {}. {offer}Remove idle or offline runners, or to raise the quota ask {}.",
            usage.live,
            team.organization_name,
            Permission::InstallationManage.who()
        ),
    ))
}

/// What the refusal says of the waiting list, with a space behind it; nothing where there is none.
async fn offer(ctx: &mut Ctx, team: TeamId, usage: &Usage, max: i32) -> Result<String> {
    let is_on = sqlx::query_scalar!("SELECT waiting_list FROM teams WHERE id = $1", team.0)
        .fetch_one(ctx.connection())
        .await?;
    let mut words = String::new();
    if usage.live < i64::from(max) {
        words.push_str("The free places belong to people who wait. ");
    }
    if is_on {
        words.push_str("You can wait for a place: the team has a waiting list. ");
    }
    Ok(words)
}

fn own(turn: Turn) -> Option<Uuid> {
    match turn {
        Turn::Direct => None,
        Turn::Next(wait) => wait,
    }
}

/// Counts in one statement, so that a runner that gives its place back to a held one is in one of the two.
async fn of_team(ctx: &mut Ctx, team: TeamId, turn: Turn) -> Result<Usage> {
    let row = sqlx::query!(
        r#"SELECT (SELECT count(*) FROM runners WHERE team_id = $1 AND status <> 'deleted') AS "live!",
            (SELECT count(*) FROM runner_waits WHERE team_id = $1 AND state = 'ready'
                AND ready_until > clock_timestamp() AND id IS DISTINCT FROM $2) AS "held!",
            (SELECT count(*) FROM runner_waits WHERE team_id = $1 AND state = 'waiting') AS "waiting!""#,
        team.0,
        own(turn),
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(Usage {
        live: row.live,
        held: row.held,
        waiting: row.waiting,
    })
}

/// Of those who wait only as many count as their own team's quota would let in.
async fn of_organization(ctx: &mut Ctx, organization: OrganizationId, turn: Turn) -> Result<Usage> {
    let row = sqlx::query!(
        r#"WITH line AS (
            SELECT w.team_id, count(*) FILTER (WHERE w.state = 'waiting') AS waiting,
                count(*) FILTER (WHERE w.state = 'ready' AND w.ready_until > clock_timestamp()
                    AND w.id IS DISTINCT FROM $2) AS held
            FROM runner_waits w JOIN teams t ON t.id = w.team_id
            WHERE t.organization_id = $1 AND w.state IN ('waiting', 'ready') GROUP BY w.team_id)
        SELECT coalesce(sum(t.runner_count), 0)::bigint AS "live!", coalesce(sum(l.held), 0)::bigint AS "held!",
            coalesce(sum(least(coalesce(l.waiting, 0),
                greatest(coalesce(t.max_runners, 2147483647)::bigint - t.runner_count - coalesce(l.held, 0), 0)))
                FILTER (WHERE t.status = 'active' AND t.runners_enabled), 0)::bigint AS "waiting!"
        FROM teams t LEFT JOIN line l ON l.team_id = t.id WHERE t.organization_id = $1"#,
        organization.0,
        own(turn),
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(Usage {
        live: row.live,
        held: row.held,
        waiting: row.waiting,
    })
}
