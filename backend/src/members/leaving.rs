//! Leaving a team, by one's own will or another's, and what goes with it (SPEC D4, X12).

use domain::{
    Permission, TeamId, TeamStatus, UserId, UserRef,
    views::{Member, RemovalEffects, TeamPage},
};
use serde_json::json;

use super::{find_member, guard::require_admin_remains, manage};
use crate::{Ctx, Result, audit, default_team, keys, teams};

/// Removes a member, with the project roles in the team and its keys of theirs (SPEC D4, X12). Runners stay. Members may
/// remove themselves.
///
/// # Errors
/// 404 `User is not a member of this team`; 400 `Cannot remove last team admin`.
pub async fn remove(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<RemovalEffects> {
    let (page, member) = removable(ctx, team, user).await?;
    require_admin_remains(ctx, team, member.user_id, Some(&member), None).await?;
    let effects = effects(ctx, team, &member).await?;
    take_everything(ctx, team, &[member.user_id]).await?;
    let entry = audit::Entry::new("member.remove", "member", member.user_id, &member.email)
        .team(page.team.organization_id, team)
        .change(
            json!({"role": member.role, "project_roles": effects.project_roles, "keys": effects.keys}),
            json!(null),
        );
    audit::record(ctx, entry).await?;
    Ok(effects)
}

/// What [`remove`] would do, in numbers.
///
/// # Errors
/// As [`remove`], but for the last admin.
pub async fn preview_removal(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<RemovalEffects> {
    let (_, member) = removable(ctx, team, user).await?;
    effects(ctx, team, &member).await
}

/// The team, locked, and the member, for someone who may remove that member: a manager, or the
/// member (leaving needs no right, even from an inactive team).
async fn removable(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<(TeamPage, Member)> {
    let page = teams::load(ctx, team, teams::Lock::Update).await?;
    default_team::require_other(&page.team, ": everyone belongs to it, and nobody leaves it")?;
    let own = match user {
        UserRef::Id(id) => ctx.caller.user_id() == Some(*id),
        UserRef::Email(email) => ctx.caller.user_id().is_some() && ctx.caller.name() == email.as_str(),
    };
    if !own || page.team.status == TeamStatus::Archived {
        manage(ctx, team).await?;
    } else if page.standing.team.is_none() {
        page.standing.require(Permission::MembersManage)?;
    }
    let member = find_member(ctx, team, user).await?;
    Ok((page, member))
}

async fn effects(ctx: &mut Ctx, team: TeamId, member: &Member) -> Result<RemovalEffects> {
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM project_members m JOIN projects p ON p.id = m.project_id
                WHERE p.team_id = $1 AND m.user_id = $2) AS "project_roles!",
            (SELECT count(*) FROM runners WHERE team_id = $1 AND provisioned_by = $2 AND status <> 'deleted') AS "runners!",
            ARRAY(SELECT name FROM runners WHERE team_id = $1 AND provisioned_by = $2 AND status <> 'deleted'
                ORDER BY created_at DESC, id DESC LIMIT 10) AS "names!: Vec<String>""#,
        team.0,
        member.user_id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(RemovalEffects {
        email: member.email.clone(),
        project_roles: row.project_roles,
        keys: keys::count_of_member(ctx, team, member.user_id).await?,
        runners: row.runners,
        runner_names: row.names,
    })
}

/// What people had in a team and lose, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) project_roles: i64,
    pub(crate) keys: u64,
}

/// Takes people's project roles in a team, their keys and their membership: what each of them lost, in their order.
/// The caller has locked the team, was authorised, and audits it.
pub(crate) async fn take_everything(ctx: &mut Ctx, team: TeamId, people: &[UserId]) -> Result<Vec<Taken>> {
    let ids: Vec<uuid::Uuid> = people.iter().map(|user| user.0).collect();
    let roles = sqlx::query_scalar!(
        "DELETE FROM project_members m USING projects p
        WHERE p.id = m.project_id AND p.team_id = $1 AND m.user_id = ANY($2) RETURNING m.user_id",
        team.0,
        &ids,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut taken = Vec::with_capacity(people.len());
    for user in people {
        let keys = keys::revoke_of_member(ctx, team, *user).await?;
        let project_roles = roles.iter().filter(|id| **id == user.0).count();
        let project_roles = i64::try_from(project_roles).unwrap_or(i64::MAX);
        taken.push(Taken { project_roles, keys });
        ctx.touch(*user);
    }
    sqlx::query!(
        "DELETE FROM team_members WHERE team_id = $1 AND user_id = ANY($2)",
        team.0,
        &ids,
    )
    .execute(ctx.connection())
    .await?;
    Ok(taken)
}
