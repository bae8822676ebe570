//! Creating an organization and changing its settings.

use domain::{
    BudgetDuration, Ceilings, Limits, Money, OrganizationId, Permission, VerifiedHow,
    hierarchy::{Level, check_children},
    views::OrganizationPage,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Loaded, Lock, NewOrganization, OrganizationKey, OrganizationPatch, detail, domains, load, require,
    super_admins_only,
};
use crate::{Code, Ctx, Error, Result, audit, budgets};

/// Creates an organization. Nobody is added to it.
///
/// # Errors
/// 403 for all but super_admins; 409 `Organization '<slug>' already exists`.
pub async fn create(ctx: &mut Ctx, new: NewOrganization) -> Result<OrganizationPage> {
    super::standing(&ctx.caller, domain::DEFAULT_ORGANIZATION).require(Permission::InstallationManage)?;
    let (id, now) = (Uuid::now_v7(), ctx.now);
    let NewOrganization {
        name,
        slug,
        domains,
        ceilings: Ceilings { limits, max_runners },
        time_zone,
    } = new;
    sqlx::query!(
        "INSERT INTO organizations (id, name, slug, models, max_budget, budget_duration, tpm_limit, rpm_limit,
            max_runners, created_at, updated_at, time_zone)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)",
        id,
        name.as_str(),
        slug.as_str(),
        &limits.models,
        limits.max_budget.map(Money::decimal),
        limits.budget_duration.as_ref().map(BudgetDuration::as_str),
        limits.tpm_limit,
        limits.rpm_limit,
        max_runners,
        now,
        time_zone.name(),
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, slug.as_str()))?;
    let id = OrganizationId(id);
    domains::set(ctx, id, &domains, Some(VerifiedHow::Word)).await?;
    let loaded = load(ctx, &id.into(), Lock::None).await?;
    let after = fields(ctx, &loaded).await?;
    record(ctx, "organization.create", &loaded, Value::Null, after).await?;
    detail::complete(ctx, loaded).await
}

/// Changes settings of an organization: those that the patch names. Its org_admins may rename it, lower what binds it,
/// and add domains that still have to be verified.
///
/// # Errors
/// 403 without the right, or when an org_admin raises a ceiling, changes the slug, the time zone of a budget or gives up a verified domain; limits
/// below what a team or a key already has; 409 when the slug is taken, or the default organization would get limits.
pub async fn update(ctx: &mut Ctx, key: &OrganizationKey, patch: OrganizationPatch) -> Result<OrganizationPage> {
    let loaded = load(ctx, key, Lock::Update).await?;
    require(&loaded.standing, Permission::TeamAdminister)?;
    let before = fields(ctx, &loaded).await?;
    let current = &loaded.organization;
    let name = patch.name.map_or_else(|| current.name.clone(), String::from);
    let slug = patch.slug.map_or_else(|| current.slug.clone(), String::from);
    let limits = Limits {
        models: patch.models.unwrap_or_else(|| current.limits.models.clone()),
        max_budget: patch.max_budget.unwrap_or(current.limits.max_budget),
        budget_duration: patch
            .budget_duration
            .unwrap_or_else(|| current.limits.budget_duration.clone()),
        tpm_limit: patch.tpm_limit.unwrap_or(current.limits.tpm_limit),
        rpm_limit: patch.rpm_limit.unwrap_or(current.limits.rpm_limit),
    };
    let ceilings = Ceilings {
        limits,
        max_runners: patch.max_runners.unwrap_or(current.max_runners),
    };
    let time_zone = patch
        .time_zone
        .map_or_else(|| current.time_zone.clone(), |zone| zone.name().to_owned());
    check(&loaded, &slug, &ceilings, &time_zone)?;
    if ceilings.limits != current.limits {
        require_below(ctx, loaded.id(), &ceilings.limits).await?;
    }
    let now = ctx.now;
    let same_name = name == current.name && slug == current.slug;
    if !same_name || ceilings != loaded.ceilings() || time_zone != current.time_zone {
        let Ceilings { limits, max_runners } = &ceilings;
        sqlx::query!(
            "UPDATE organizations SET name = $2, slug = $3, models = $4, max_budget = $5, budget_duration = $6,
                tpm_limit = $7, rpm_limit = $8, max_runners = $9, updated_at = $10, time_zone = $11
            WHERE id = $1",
            loaded.id().0,
            name,
            slug,
            &limits.models,
            limits.max_budget.map(Money::decimal),
            limits.budget_duration.as_ref().map(BudgetDuration::as_str),
            limits.tpm_limit,
            limits.rpm_limit,
            *max_runners,
            now,
            time_zone,
        )
        .execute(ctx.connection())
        .await
        .map_err(|error| taken(error, &slug))?;
    }
    if let Some(list) = patch.domains {
        domains::replace(ctx, &loaded, &list).await?;
    }
    let changed = load(ctx, &loaded.id().into(), Lock::None).await?;
    let after = fields(ctx, &changed).await?;
    if before != after {
        record(ctx, "organization.update", &changed, before, after).await?;
    }
    detail::complete(ctx, changed).await
}

/// Whether the caller may make these changes to what binds the organization.
fn check(loaded: &Loaded, slug: &str, ceilings: &Ceilings, time_zone: &str) -> Result<()> {
    let current = loaded.ceilings();
    let renamed = slug != loaded.organization.slug;
    if loaded.is_default() && (renamed || *ceilings != current) {
        return Err(Error::refused(
            Code::WrongState,
            "The default organization has no limits and keeps its slug: it holds the teams that stand alone",
        ));
    }
    if loaded.standing.super_admin {
        return Ok(());
    }
    if time_zone != loaded.organization.time_zone && current.limits.max_budget.is_some() {
        return Err(super_admins_only(
            "change the time zone of an organization with a budget (it moves the budget's period)",
        ));
    }
    if renamed {
        return Err(super_admins_only("change the slug of an organization"));
    }
    if !ceilings.is_at_most(&current) {
        return Err(super_admins_only(
            "raise the ceilings of an organization (its org_admins may lower them)",
        ));
    }
    Ok(())
}

/// Refuses ceilings below what a team, or a member, project or key of one, already has: each limit once, with their names (SPEC E7). A key of a team
/// without limits of its own has only these above it.
async fn require_below(ctx: &mut Ctx, id: OrganizationId, ceiling: &Limits) -> Result<()> {
    // The rule is `hierarchy::check`; SQL only leaves out teams that it cannot be about.
    let rows = sqlx::query!(
        "SELECT name, models, max_budget, budget_duration, tpm_limit, rpm_limit FROM teams
        WHERE organization_id = $1 AND status <> 'archived'
            AND (max_budget > $2 OR tpm_limit > $3 OR rpm_limit > $4 OR models <> '{}')
        ORDER BY lower(name), id",
        id.0,
        ceiling.max_budget.map(Money::decimal),
        ceiling.tpm_limit,
        ceiling.rpm_limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    let teams = rows.into_iter().map(|row| {
        let limits = Limits {
            models: row.models,
            max_budget: row.max_budget.map(Money::trusted),
            budget_duration: row.budget_duration.map(BudgetDuration::trusted),
            tpm_limit: row.tpm_limit,
            rpm_limit: row.rpm_limit,
        };
        (row.name, limits)
    });
    let mut above = (check_children(Level::Organization, ceiling, Level::Team, teams).err()).unwrap_or_default();
    above.extend(budgets::above(ctx, budgets::Of::Organization(id), Level::Organization, ceiling).await?);
    if above.is_empty() {
        Ok(())
    } else {
        Err(Error::Invalid(above))
    }
}

fn taken(error: sqlx::Error, slug: &str) -> Error {
    Error::from(error).on_constraint("organizations_slug_key", || {
        Error::refused(Code::NameTaken, format!("Organization '{slug}' already exists"))
    })
}

/// An organization's fields as the audit log keeps them.
async fn fields(ctx: &mut Ctx, loaded: &Loaded) -> Result<Value> {
    let organization = &loaded.organization;
    let (verified, unverified) = domains::names(ctx, loaded.id()).await?;
    Ok(json!({
        "name": organization.name,
        "slug": organization.slug,
        "domains": verified,
        "domains_not_verified": unverified,
        "models": organization.limits.models,
        "max_budget": organization.limits.max_budget,
        "budget_duration": organization.limits.budget_duration,
        "tpm_limit": organization.limits.tpm_limit,
        "rpm_limit": organization.limits.rpm_limit,
        "max_runners": organization.max_runners,
        "time_zone": organization.time_zone,
    }))
}

async fn record(ctx: &mut Ctx, action: &'static str, loaded: &Loaded, before: Value, after: Value) -> Result<()> {
    let name = loaded.organization.name.clone();
    let mut entry = audit::Entry::new(action, "organization", loaded.id(), &name).change(before, after);
    entry.organization = Some(loaded.id());
    audit::record(ctx, entry).await
}
