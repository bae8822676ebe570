//! Memberships.

use domain::{Email, TeamId, TeamRole, TermsPatch, UserId, UserRef};
use kubernetes::{Cause, spec::Association};
use serde_json::json;
use uuid::Uuid;

use super::{
    super::{access::Sight, store::Row, subject::Ids},
    Instance, Made, Refused, changed, instance, money,
};
use crate::{Code, Ctx, Result, budgets::LimitsPatchInput, members};

pub(super) async fn make(ctx: &mut Ctx, row: &Row, spec: Association) -> Result<Made, Refused> {
    let role = role(ctx, &spec)?;
    let wanted = instance(ctx, &spec.connection_ref);
    let (team, user) = (team(ctx, row, &spec).await?, user(ctx, row, &spec).await?);
    let waits = |reason: &str, message: &str| {
        json!({
            "reason": reason, "message": message, "teamExists": team.is_some(), "userExists": user.is_some(),
            "instanceReachable": matches!(wanted, Instance::Known { .. }),
        })
    };
    // Each is reported by itself (SPEC A3); the first is the reason.
    let (team, user, name) = match (team, user, &wanted) {
        (_, _, Instance::Unknown(why)) => return Ok(Made::Waits(waits("ConfigError", why))),
        (None, ..) => return Ok(Made::Waits(waits("ReconcileError", "referenced Team is not ready"))),
        (_, None, _) => return Ok(Made::Waits(waits("ReconcileError", "referenced User is not ready"))),
        (Some(team), Some(user), Instance::Known { name, .. }) => (team, user, name),
    };
    if let Some(other) = instance_of(ctx, team).await?.filter(|other| other != name) {
        let why = format!("spec.connectionRef names the instance '{name}', and the team is on '{other}'");
        return Ok(Made::Waits(waits("InvalidSpec", &why)));
    }
    let (team, who) = (TeamId(team), UserRef::Id(UserId(user)));
    // It may have been there before somebody declared it.
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM current_team_members WHERE team_id = $1 AND user_id = $2) AS "there!""#,
        team.0,
        user,
    )
    .fetch_one(ctx.connection())
    .await?;
    if there {
        members::change_role(ctx, team, &who, role).await?;
    } else {
        members::add(ctx, team, &who, role).await?;
    }
    budget(ctx, team, &who, None, spec.max_budget_in_team.as_deref()).await?;
    Ok(Made::There(Ids {
        team: Some(team.0),
        user: Some(user),
        key: None,
    }))
}

pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: Association, new: Association) -> Result<(), Refused> {
    let wanted = role(ctx, &new)?;
    let (Some(team), Some(user)) = (row.ids.team, row.ids.user) else {
        return Ok(());
    };
    let (team, who) = (TeamId(team), UserRef::Id(UserId(user)));
    members::change_role(ctx, team, &who, wanted).await?;
    budget(
        ctx,
        team,
        &who,
        old.max_budget_in_team.as_deref(),
        new.max_budget_in_team.as_deref(),
    )
    .await?;
    Ok(())
}

/// Ends the membership. What is not there any more, or never was, is no reason to refuse (SPEC A6).
pub(super) async fn end(ctx: &mut Ctx, row: &Row) -> Result<()> {
    let (Some(team), Some(user)) = (row.ids.team, row.ids.user) else {
        return Ok(());
    };
    match members::remove(ctx, TeamId(team), &UserRef::Id(UserId(user))).await {
        Ok(_) => Ok(()),
        Err(error) if error.code() == Code::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn role(ctx: &mut Ctx, spec: &Association) -> Result<TeamRole, Cause> {
    match spec.role.as_str() {
        "admin" => Ok(TeamRole::Admin),
        "member" => Ok(TeamRole::Member),
        "user" => {
            ctx.warn("spec.role: \"user\" is LiteLLM's word; it is taken as \"member\"");
            Ok(TeamRole::Member)
        }
        other => Err(Cause::unsupported("spec.role", &json!(other), &["admin", "member"])),
    }
}

/// The team that a spec means, by its ref, its alias, or both (SPEC A4). A namespace that the caller does not see has none
/// (SPEC A15).
pub(super) async fn team(ctx: &mut Ctx, row: &Row, spec: &Association) -> Result<Option<Uuid>, Refused> {
    let alias = spec
        .team_alias
        .as_deref()
        .map(str::trim)
        .filter(|alias| !alias.is_empty());
    let Some(reference) = &spec.team_ref else {
        let Some(alias) = alias else { return Ok(None) };
        let found = sqlx::query_scalar!(
            "SELECT id FROM teams WHERE organization_id = $1 AND status <> 'archived' AND NOT is_system AND (name = $2 OR slug = $2)
            ORDER BY name = $2 DESC LIMIT 1",
            row.organization,
            alias,
        )
        .fetch_optional(ctx.connection())
        .await?;
        return Ok(found);
    };
    let Some(organization) = namespace(ctx, row, reference.namespace.as_deref()).await? else {
        return Ok(None);
    };
    let found = sqlx::query!(
        "SELECT id, name, slug FROM teams WHERE organization_id = $1 AND status <> 'archived' AND NOT is_system AND slug = $2",
        organization,
        reference.name,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(found) = found else { return Ok(None) };
    if let Some(alias) = alias.filter(|alias| *alias != found.name && *alias != found.slug) {
        let rule = "is not the team of spec.teamRef; the two must agree";
        return Err(Cause::invalid("spec.teamAlias", &json!(alias), rule).into());
    }
    Ok(Some(found.id))
}

/// The person that a spec means, by their ref, their email, or both.
async fn user(ctx: &mut Ctx, row: &Row, spec: &Association) -> Result<Option<Uuid>, Refused> {
    let email = spec
        .user_email
        .as_deref()
        .map(str::trim)
        .filter(|email| !email.is_empty());
    let email = email.map(|email| {
        Email::parse(email).map_err(|broken| Cause::invalid("spec.userEmail", &json!(email), &broken.message))
    });
    let email = email.transpose()?;
    let Some(reference) = &spec.user_ref else {
        let Some(email) = email else { return Ok(None) };
        let found = sqlx::query_scalar!(
            "SELECT id FROM users WHERE email = $1 AND deactivated_at IS NULL",
            email.as_str()
        )
        .fetch_optional(ctx.connection())
        .await?;
        return Ok(found);
    };
    let Some(organization) = namespace(ctx, row, reference.namespace.as_deref()).await? else {
        return Ok(None);
    };
    let found = sqlx::query!(
        r#"SELECT u.id, u.email FROM objects o JOIN users u ON u.id = o.user_id
        WHERE o.kind = 'User' AND o.organization_id = $1 AND o.name = $2 AND o.deleting_at IS NULL AND u.deactivated_at IS NULL"#,
        organization,
        reference.name,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(found) = found else { return Ok(None) };
    if let Some(email) = email.filter(|email| email.as_str() != found.email) {
        let rule = "is not the address of spec.userRef; the two must agree";
        return Err(Cause::invalid("spec.userEmail", &json!(email.as_str()), rule).into());
    }
    Ok(Some(found.id))
}

/// The organization of a ref: the association's own unless another is named that the caller sees.
async fn namespace(ctx: &mut Ctx, row: &Row, named: Option<&str>) -> Result<Option<Uuid>> {
    let Some(named) = named.filter(|named| !named.is_empty() && *named != row.namespace) else {
        return Ok(Some(row.organization));
    };
    let found = sqlx::query_scalar!("SELECT id FROM organizations WHERE slug = $1", named)
        .fetch_optional(ctx.connection())
        .await?;
    let sight = Sight::of(&ctx.caller);
    Ok(found.filter(|organization| sight.sees_namespace(*organization)))
}

/// The name of a team's instance, where one is configured.
async fn instance_of(ctx: &mut Ctx, team: Uuid) -> Result<Option<String>> {
    let named = sqlx::query_scalar!("SELECT litellm_instance FROM teams WHERE id = $1", team)
        .fetch_one(ctx.connection())
        .await?;
    let known = ctx.backend.litellm.get(named.as_deref());
    Ok(known.map(|instance| instance.name().to_owned()))
}

async fn budget(
    ctx: &mut Ctx,
    team: TeamId,
    who: &UserRef,
    old: Option<&str>,
    new: Option<&str>,
) -> Result<(), Refused> {
    let (old, new) = (money("maxBudgetInTeam", old)?, money("maxBudgetInTeam", new)?);
    if let Some(budget) = changed(&old, &new) {
        let patch = LimitsPatchInput {
            max_budget: Some(budget),
            ..LimitsPatchInput::default()
        };
        members::change(ctx, team, who, TermsPatch::default(), &patch.parse_of_member()?).await?;
    }
    Ok(())
}
