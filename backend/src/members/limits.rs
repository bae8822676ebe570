//! What one person may spend in one team, and how fast (SPEC E7).

use domain::{Limits, Money, TeamId, TermsPatch, UserRef, hierarchy::Level, views::Member};
use serde_json::json;

use super::{find_member, get, manage, update};
use crate::{
    Ctx, Error, Result,
    api_keys::{self, KeysOf},
    audit,
    budgets::{self, LimitsPatch},
    organizations,
};

/// Changes a member's role and ends, and their limits in the team. The period of their budget is the team's, and what
/// models they may use is the team's.
///
/// # Errors
/// As [`update`]; limits above the team's or the organization's, or below those of one of their keys.
pub async fn change(
    ctx: &mut Ctx,
    team: TeamId,
    user: &UserRef,
    terms: TermsPatch,
    limits: &LimitsPatch,
) -> Result<Member> {
    if !limits.changes() {
        return update(ctx, team, user, terms).await;
    }
    // The organization before the team, as everything does that locks both.
    organizations::hold_ceilings(ctx, team).await?;
    update(ctx, team, user, terms).await?;
    set(ctx, team, user, limits).await.map_err(|error| match error {
        Error::Invalid(broken) => Error::Invalid(budgets::of_member(broken)),
        other => other,
    })
}

async fn set(ctx: &mut Ctx, team: TeamId, user: &UserRef, patch: &LimitsPatch) -> Result<Member> {
    let page = manage(ctx, team).await?;
    let member = find_member(ctx, team, user).await?;
    let before = member.limits.clone();
    let after = Limits {
        models: Vec::new(),
        budget_duration: None,
        ..patch.apply(&before)
    };
    if after == before {
        return Ok(member);
    }
    budgets::require_within_team(ctx, &page.team, Level::Member, &after).await?;
    api_keys::require_within(ctx, KeysOf::Member(team, member.user_id), Level::Member, &after).await?;
    sqlx::query!(
        "UPDATE team_members SET max_budget = $3, tpm_limit = $4, rpm_limit = $5 WHERE team_id = $1 AND user_id = $2",
        team.0,
        member.user_id.0,
        after.max_budget.map(Money::decimal),
        after.tpm_limit,
        after.rpm_limit,
    )
    .execute(ctx.connection())
    .await?;
    let fields = |limits: &Limits| json!({"max_budget_in_team": limits.max_budget, "tpm_limit": limits.tpm_limit, "rpm_limit": limits.rpm_limit});
    let entry = audit::Entry::new("member.update", "member", member.user_id, &member.email)
        .team(page.team.organization_id, team)
        .change(fields(&before), fields(&after));
    audit::record(ctx, entry).await?;
    get(ctx, team, member.user_id)
        .await?
        .ok_or_else(|| Error::internal("a member that was just changed is not there"))
}
