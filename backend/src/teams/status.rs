//! Active, inactive, archived.

use domain::{
    Invalid, Permission, Reason, StatusChange, TeamId, TeamStatus, UserId, hierarchy::Level, views::TeamPage,
};

use super::{Lock, edit, load};
use crate::{Code, Ctx, Error, Result, audit, budgets, organizations};

/// Changes a team's status. Runners that exist stay.
///
/// # Errors
/// 403 when the caller may not; 409 `Team '<n>' is already deactivated` and its like.
pub async fn change_status(
    ctx: &mut Ctx,
    id: TeamId,
    change: StatusChange,
    reason: Option<&Reason>,
) -> Result<TeamPage> {
    if change == StatusChange::Restore {
        organizations::hold_ceilings(ctx, id).await?;
    }
    let page = super::locked_for(ctx, id, Permission::TeamAdminister).await?;
    if change == StatusChange::Restore {
        // While it was away the organization's ceilings may have come down (SPEC E7).
        let above = organizations::ceilings(ctx, page.team.organization_id).await?.limits;
        let refused = |broken: Vec<Invalid>| {
            let why: Vec<&str> = broken.iter().map(|invalid| &*invalid.message).collect();
            let words = format!("Team '{}' cannot be restored: {}", page.team.name, why.join(" "));
            Error::refused(Code::WrongState, words)
        };
        page.team.limits.within(&above).map_err(refused)?;
        let below = budgets::above(ctx, budgets::Of::Team(id), Level::Organization, &above).await?;
        if !below.is_empty() {
            return Err(refused(below));
        }
    }
    apply(ctx, &page, change, reason).await
}

/// Archives a team and takes it away from LiteLLM (SPEC X15); restored, it comes back there.
///
/// # Errors
/// As [`change_status`].
pub(crate) async fn withdraw(ctx: &mut Ctx, id: TeamId) -> Result<TeamPage> {
    let page = change_status(ctx, id, StatusChange::Archive, None).await?;
    sqlx::query!("UPDATE teams SET litellm_withdrawn = true WHERE id = $1", id.0)
        .execute(ctx.connection())
        .await?;
    Ok(page)
}

/// The change itself, on a team that the caller has locked.
pub(super) async fn apply(
    ctx: &mut Ctx,
    page: &TeamPage,
    change: StatusChange,
    reason: Option<&Reason>,
) -> Result<TeamPage> {
    page.standing.require(Permission::TeamAdminister)?;
    let team = &page.team;
    let status = change
        .apply(team.status)
        .map_err(|why| Error::refused(Code::WrongState, format!("Team '{}' {why}", team.name)))?;
    if team.is_system {
        return Err(Error::refused(
            Code::WrongState,
            format!("Team '{}' is a system team and stays active", team.name),
        ));
    }
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let active = status == TeamStatus::Active;
    sqlx::query!(
        "UPDATE teams SET status = $2, updated_at = $3::timestamptz,
            deactivated_at = CASE WHEN $4 THEN NULL ELSE $3::timestamptz END,
            deactivated_by = CASE WHEN $4 THEN NULL ELSE $5::uuid END,
            deactivation_reason = CASE WHEN $4 THEN NULL ELSE coalesce($6::text, deactivation_reason) END
        WHERE id = $1",
        team.id.0,
        status.as_str(),
        now,
        active,
        by,
        reason.map(Reason::as_str),
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        edit::taken(error, &team.name, || {
            let (name, slug) = (&team.name, &team.slug);
            format!(
                "Team '{name}' cannot be restored: another team has its slug '{slug}' by now; archive that one first"
            )
        })
    })?;
    let members = sqlx::query_scalar!(
        "SELECT user_id FROM team_members WHERE team_id = $1 LIMIT 1000",
        team.id.0
    )
    .fetch_all(ctx.connection())
    .await?;
    for member in members {
        ctx.touch(UserId(member));
    }
    let changed = load(ctx, team.id, Lock::None).await?;
    let action = match change {
        StatusChange::Deactivate => "team.deactivate",
        StatusChange::Activate => "team.activate",
        StatusChange::Archive => "team.archive",
        StatusChange::Restore => "team.restore",
    };
    let entry = audit::Entry::new(action, "team", team.id, &team.name)
        .team(team.organization_id, team.id)
        .change(edit::fields(team), edit::fields(&changed.team));
    audit::record(ctx, entry).await?;
    Ok(changed)
}
