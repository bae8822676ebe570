//! Creating a team and changing its fields.

use domain::{
    BudgetDuration, Description, Grant, LabelPolicy, Limits, OrganizationId, Permission, Slug, StatusChange, TeamId,
    TeamRole, TeamStatus,
    hierarchy::Level,
    lower,
    views::{Team, TeamPage},
};
use rand::Rng;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Lock, NewTeam, TeamPatch, load, locked_for, require_not_archived};
use crate::{Code, Ctx, Error, Result, audit, budgets, members, organizations};

/// Creates a team.
///
/// # Errors
/// 403 when the caller may not create teams there; 409 `Team '<name>' already exists`; limits above
/// the organization's.
pub async fn create(ctx: &mut Ctx, new: NewTeam) -> Result<TeamPage> {
    let organization = match new.organization_id {
        Some(id) => id,
        None => organizations::default_for_new_team(&ctx.caller),
    };
    organizations::standing(&ctx.caller, organization).require(Permission::TeamAdminister)?;
    organizations::hold(ctx, organization).await?;
    let above = organizations::ceilings(ctx, organization).await?.limits;
    new.limits.within(&above)?;

    let (id, now, creator) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id());
    let slug = match new.slug {
        Some(slug) => slug,
        None => free_slug(ctx, organization, new.name.as_str()).await?,
    };
    sqlx::query!(
        "INSERT INTO teams (id, organization_id, name, slug, description, required_labels, optional_label_patterns,
            max_runners, models, max_budget, budget_duration, tpm_limit, rpm_limit, created_at, updated_at, created_by,
            litellm_instance)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $14, $15, $16)",
        id,
        organization.0,
        new.name.as_str(),
        slug.as_str(),
        new.description.as_ref().map(Description::as_str),
        &texts(&new.policy.required),
        &texts(&new.policy.optional),
        new.max_runners,
        &new.limits.models,
        new.limits.max_budget.map(domain::Money::decimal),
        new.limits.budget_duration.as_ref().map(BudgetDuration::as_str),
        new.limits.tpm_limit,
        new.limits.rpm_limit,
        now,
        creator.map(|id| id.0),
        new.instance,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, new.name.as_str(), || slug_taken_just_now(new.name.as_str())))?;
    let id = TeamId(id);
    let page = load(ctx, id, Lock::None).await?;
    let entry = audit::Entry::new("team.create", "team", id, new.name.as_str())
        .team(organization, id)
        .change(Value::Null, fields(&page.team));
    audit::record(ctx, entry).await?;
    if new.make_me_admin
        && let Some(creator) = creator
    {
        let origin = members::Origin::by_hand(ctx);
        members::insert(ctx, (organization, id), creator, TeamRole::Admin, origin).await?;
        let email = ctx.caller.name().to_owned();
        organizations::ensure_member(ctx, organization, creator, &email)
            .await
            .map_err(|error| match error {
                // The domain is another one, or nobody knows that the address is theirs.
                Error::Refused(Code::ForeignDomain | Code::WrongState, why) => Error::invalid(
                    "make_me_admin",
                    format!("must be left empty by who is not taken in: {why}"),
                ),
                error => error,
            })?;
        return load(ctx, id, Lock::None).await;
    }
    Ok(page)
}

/// Changes fields of a team: those that the patch names.
///
/// # Errors
/// 403 when the caller may not change one of them, or may only lower it; 409 when the new name is
/// taken or the team is archived; limits above the organization's, or below those of a key.
pub async fn update(ctx: &mut Ctx, id: TeamId, patch: TeamPatch) -> Result<TeamPage> {
    if patch.changes_limits() {
        organizations::hold_ceilings(ctx, id).await?;
    }
    let page = locked_for(ctx, id, Permission::TeamEdit).await?;
    let team = &page.team;
    if let Some(active) = patch.is_active
        && active != (team.status == TeamStatus::Active)
    {
        let change = if active {
            StatusChange::Activate
        } else {
            StatusChange::Deactivate
        };
        super::status::apply(ctx, &page, change, None).await?;
    }
    let page = load(ctx, id, Lock::None).await?;
    let team = &page.team;
    let policy = LabelPolicy {
        required: patch.required.unwrap_or_else(|| team.policy.required.clone()),
        optional: patch.optional.unwrap_or_else(|| team.policy.optional.clone()),
    };
    let limits = Limits {
        models: patch.models.unwrap_or_else(|| team.limits.models.clone()),
        max_budget: patch.max_budget.unwrap_or(team.limits.max_budget),
        budget_duration: patch
            .budget_duration
            .unwrap_or_else(|| team.limits.budget_duration.clone()),
        tpm_limit: patch.tpm_limit.unwrap_or(team.limits.tpm_limit),
        rpm_limit: patch.rpm_limit.unwrap_or(team.limits.rpm_limit),
    };
    let max_runners = patch.max_runners.unwrap_or(team.max_runners);
    let groups = patch.runner_group_ids.unwrap_or_else(|| team.runner_group_ids.clone());
    let runners_enabled = patch.runners_enabled.unwrap_or(team.runners_enabled);
    let name = patch.name.map_or_else(|| team.name.clone(), String::from);
    let description = patch
        .description
        .map_or_else(|| team.description.clone(), |text| text.map(String::from));

    let unchanged = policy == team.policy
        && limits == team.limits
        && max_runners == team.max_runners
        && groups == team.runner_group_ids
        && runners_enabled == team.runners_enabled
        && name == team.name
        && description == team.description;
    if unchanged {
        return Ok(page);
    }
    require_not_archived(&page)?;
    if name != team.name {
        crate::default_team::require_other(team, " and keeps its name")?;
    }
    require_policy_rights(&page, &policy, max_runners, &limits)?;
    if groups != team.runner_group_ids {
        page.standing.require(Permission::PolicyEdit)?;
    }
    if runners_enabled != team.runners_enabled {
        require_runners_switch(&page)?;
    }
    if limits != team.limits {
        let above = organizations::ceilings(ctx, team.organization_id).await?.limits;
        limits.within(&above)?;
        let own = limits.with_models_of(&above);
        budgets::require_within(ctx, budgets::Of::Team(id), Level::Team, &own).await?;
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE teams SET name = $2, description = $3, required_labels = $4, optional_label_patterns = $5,
            max_runners = $6, models = $7, max_budget = $8, budget_duration = $9, tpm_limit = $10, rpm_limit = $11,
            updated_at = $12, runner_group_ids = $13, runners_enabled = $14
        WHERE id = $1",
        id.0,
        name,
        description,
        &texts(&policy.required),
        &texts(&policy.optional),
        max_runners,
        &limits.models,
        limits.max_budget.map(domain::Money::decimal),
        limits.budget_duration.as_ref().map(BudgetDuration::as_str),
        limits.tpm_limit,
        limits.rpm_limit,
        now,
        &groups,
        runners_enabled,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, &name, || slug_taken_just_now(&name)))?;
    let before = fields(team);
    let changed = load(ctx, id, Lock::None).await?;
    let entry = audit::Entry::new("team.update", "team", id, &changed.team.name)
        .team(changed.team.organization_id, id)
        .change(before, fields(&changed.team));
    audit::record(ctx, entry).await?;
    Ok(changed)
}

/// Whether the caller may make these changes to policy and limits: in full, or downwards (SPEC P, X20).
fn require_policy_rights(
    page: &TeamPage,
    policy: &LabelPolicy,
    max_runners: Option<i32>,
    limits: &Limits,
) -> Result<()> {
    let (team, standing) = (&page.team, &page.standing);
    if limits.models != team.limits.models {
        standing.require(Permission::ModelsChoose)?;
    }
    let same_rates = Limits {
        models: team.limits.models.clone(),
        ..limits.clone()
    } == team.limits;
    if *policy == team.policy && max_runners == team.max_runners && same_rates {
        return Ok(());
    }
    let lowers =
        policy.is_at_most(&team.policy) && lower(max_runners, team.max_runners) && limits.is_at_most(&team.limits);
    match standing.grant(Permission::PolicyEdit) {
        Grant::Yes => Ok(()),
        Grant::Lower if lowers => Ok(()),
        Grant::Lower => {
            let mut refusal = standing.refusal(Permission::PolicyEdit);
            refusal.rule = "raise the label policy, runner quota or budgets (a team admin may lower them)".to_owned();
            Err(refusal.into())
        }
        Grant::Own | Grant::No => Err(standing.refusal(Permission::PolicyEdit).into()),
    }
}

/// Whether the caller may let the team have runners, or end that: it is the Default Team's only switch, and changes the
/// rule of SPEC B16 for the whole installation (SPEC X4).
fn require_runners_switch(page: &TeamPage) -> Result<()> {
    if !page.team.is_system {
        return Err(Error::invalid(
            "runners_enabled",
            "can be changed for the Default Team only; to stop a team's runners, set max_runners to 0",
        ));
    }
    Ok(page.standing.require(Permission::InstallationManage)?)
}

/// The slug that a name gives, numbered when it is taken.
async fn free_slug(ctx: &mut Ctx, organization: OrganizationId, name: &str) -> Result<Slug> {
    let Some(slug) = Slug::from_name(name) else {
        let random: u32 = rand::rng().next_u32() & 0xff_ffff;
        return Ok(Slug::trusted(format!("team-{random:06x}")));
    };
    let stem: String = slug.as_str().chars().take(58).collect();
    let taken = sqlx::query_scalar!(
        "SELECT slug FROM teams WHERE organization_id = $1 AND status <> 'archived' AND starts_with(slug, $2)",
        organization.0,
        stem,
    )
    .fetch_all(ctx.connection())
    .await?;
    let is_free = |slug: &Slug| !taken.iter().any(|known| known == slug.as_str());
    if is_free(&slug) {
        return Ok(slug);
    }
    (2..=u32::MAX)
        .map(|n| slug.numbered(n))
        .find(is_free)
        .ok_or_else(|| Error::internal("no slug is free"))
}

/// A name or slug that another team has; `slug` says what to do about the latter.
pub(super) fn taken(error: sqlx::Error, name: &str, slug: impl FnOnce() -> String) -> Error {
    Error::from(error)
        .on_constraint("teams_name_key", || {
            Error::refused(Code::NameTaken, format!("Team '{name}' already exists"))
        })
        .on_constraint("teams_slug_key", || Error::refused(Code::NameTaken, slug()))
}

/// Two names that give one slug, at the same moment.
fn slug_taken_just_now(name: &str) -> String {
    format!("Another team took the slug of '{name}' just now; try again")
}

fn texts<T: Clone + Into<String>>(items: &[T]) -> Vec<String> {
    items.iter().cloned().map(Into::into).collect()
}

/// A team's fields as the audit log keeps them.
pub(super) fn fields(team: &Team) -> Value {
    let mut fields = json!({
        "name": team.name,
        "slug": team.slug,
        "description": team.description,
        "status": team.status,
        "required_labels": team.policy.required,
        "optional_label_patterns": team.policy.optional,
        "max_runners": team.max_runners,
        "runner_group_ids": team.runner_group_ids,
        "models": team.limits.models,
        "max_budget": team.limits.max_budget,
        "budget_duration": team.limits.budget_duration,
        "tpm_limit": team.limits.tpm_limit,
        "rpm_limit": team.limits.rpm_limit,
        "deactivation_reason": team.deactivation_reason,
    });
    if team.is_system {
        fields["runners_enabled"] = json!(team.runners_enabled);
    }
    fields
}
