//! The guard that keeps a team's last admin (SPEC D5). It works under the lock of the team's row, so that two admins
//! can not remove each other at the same time. Deactivated people do not count.
//!
//! Ends are part of it: a team has admins whose role ends by itself only beside one whose role does not. So no clock
//! takes the last admin away, and [`super::expiry`] need not ask. Deactivation may (SPEC D12); then the team is flagged.

use domain::{Permission, TeamId, Terms, UserId, views::Member};

use crate::{
    Code, Ctx, Error, Result,
    teams::{self, Lock},
};

/// The literal and the fix that the seed prints beside it (SPEC D5).
const LAST_ADMIN: &str =
    "Cannot remove last team admin. First promote another member to team_admin, then remove or demote this one.";
/// What an admin of all teams is told instead who declared it so (SPEC X21).
const LAST_ADMIN_DECLARED: &str = "Make another member admin of it.";
/// The same, where the other admins are there for a time only.
const LAST_WITHOUT_END: &str = "Cannot remove last team admin. The role of every other one ends by itself: \
     first make someone team_admin without an end.";
/// For a role that would end with nobody to take over.
const NEEDS_ONE_WITHOUT_END: &str = "Cannot remove last team admin. A role that ends by itself must leave another \
     one behind: first make someone else team_admin without an end.";

/// Checks that the team keeps its admins when `user` goes from `before` to `after`; none is no member. The caller has
/// locked the team.
///
/// # Errors
/// 400 `Cannot remove last team admin`.
pub(super) async fn require_admin_remains(
    ctx: &mut Ctx,
    team: TeamId,
    user: UserId,
    before: Option<&Member>,
    after: Option<Terms>,
) -> Result<()> {
    let counts_now = before.is_some_and(|member| member.role == domain::TeamRole::Admin && !member.deactivated);
    let counts_then = after.is_some_and(|terms| terms.role == domain::TeamRole::Admin);
    let will_end = after.is_some_and(|terms| terms.is_admin_with_end());
    let is_lost = counts_now && !counts_then;
    if !is_lost && !will_end {
        return Ok(());
    }
    let others = sqlx::query!(
        r#"SELECT count(*) AS "all!", count(*) FILTER (WHERE without_end) AS "without_end!"
        FROM current_team_admins WHERE team_id = $1 AND user_id <> $2"#,
        team.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let was_without_end = before.is_some_and(|member| member.terms().is_admin_without_end());
    let words = if others.without_end > 0 {
        return Ok(());
    } else if will_end {
        NEEDS_ONE_WITHOUT_END
    } else if others.all == 0 {
        LAST_ADMIN
    } else if was_without_end {
        LAST_WITHOUT_END
    } else {
        // Deactivation has taken the one without end; of those who are left, one may go as long as another stays.
        return Ok(());
    };
    if ctx.is_declared() {
        let page = teams::load(ctx, team, Lock::None).await?;
        if page.standing.may(Permission::TeamAdminister) {
            let left = if others.all == 0 {
                "has no admin any more"
            } else {
                "has only admins whose role ends by itself"
            };
            ctx.warn(format!("Team '{}' {left}. {LAST_ADMIN_DECLARED}", page.team.name));
            return Ok(());
        }
    }
    Err(Error::refused(Code::LastAdmin, words))
}
