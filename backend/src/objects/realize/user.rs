//! People.

use domain::{DEFAULT_ORGANIZATION, Email, OrgRole, OrganizationId, Permission, UserId, UserRef};
use kubernetes::{Cause, spec::User};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    super::{keep, store::Row, subject::Ids},
    Instance, Made, Refused, changed, instance, key, money, warn_of_unused,
};
use crate::{
    Code, Ctx, Result, identity, members,
    organizations::{self, OrganizationKey, people},
    users::{self, AccountPatchInput, NewAccountInput},
};

pub(super) async fn make(ctx: &mut Ctx, row: &Row, spec: User) -> Result<Made, Refused> {
    warn(ctx, &spec);
    if let Instance::Unknown(why) = instance(ctx, &spec.connection_ref) {
        return Ok(Made::Waits(keep::reason("ConfigError", &why)));
    }
    let organization = OrganizationId::from(row.organization);
    let email = Email::parse(&spec.user_email)?;
    let user = match identity::find(ctx, &UserRef::Email(email)).await {
        Ok((user, _)) => {
            join(ctx, organization, user).await?;
            rename(ctx, user, spec.user_alias.as_deref()).await?;
            user
        }
        Err(error) if error.code() == Code::NotFound => {
            let new = NewAccountInput {
                email: spec.user_email.clone(),
                display_name: spec.user_alias.clone(),
                organization_id: (organization != DEFAULT_ORGANIZATION).then_some(organization),
                ..NewAccountInput::default()
            };
            users::create(ctx, new.parse()?).await?.account.id
        }
        Err(error) => return Err(error.into()),
    };
    terms(ctx, organization, user, &User::default(), &spec).await?;
    if spec.auto_create_key == Some(true) {
        key::come_with(ctx, row, user, &spec).await?;
    }
    Ok(Made::There(Ids {
        user: Some(user.0),
        ..Ids::default()
    }))
}

pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: User, new: User) -> Result<(), Refused> {
    warn(ctx, &new);
    let Some(user) = row.ids.user.map(UserId) else {
        return Ok(());
    };
    // In the organization `default`, where nobody has such a role, this is a super_admin's.
    organizations::standing(&ctx.caller, row.organization.into()).require(Permission::DirectoryManage)?;
    if old.user_alias != new.user_alias {
        rename(ctx, user, new.user_alias.as_deref()).await?;
    }
    terms(ctx, row.organization.into(), user, &old, &new).await?;
    if new.auto_create_key == Some(true) && old.auto_create_key != Some(true) {
        key::come_with(ctx, row, user, &new).await?;
    }
    Ok(())
}

/// The person leaves this organization, and no other (SPEC A15).
pub(super) async fn end(ctx: &mut Ctx, row: &Row) -> Result<()> {
    let Some(user) = row.ids.user.map(UserId) else {
        return Ok(());
    };
    let organization = OrganizationId::from(row.organization);
    if organization != DEFAULT_ORGANIZATION {
        people::remove(ctx, &OrganizationKey::Id(organization), &UserRef::Id(user)).await?;
        return forget_terms(ctx, user).await;
    }
    // It has no members of its own: what ends are the memberships of its teams.
    organizations::standing(&ctx.caller, organization).require(Permission::DirectoryManage)?;
    let (_, email) = identity::find(ctx, &UserRef::Id(user)).await?;
    members::organization::depart(ctx, organization, user, &email).await?;
    forget_terms(ctx, user).await
}

/// Makes an account that is there one of the organization's people.
async fn join(ctx: &mut Ctx, organization: OrganizationId, user: UserId) -> Result<()> {
    organizations::standing(&ctx.caller, organization).require(Permission::DirectoryManage)?;
    if organization == DEFAULT_ORGANIZATION {
        return Ok(());
    }
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM organization_members WHERE organization_id = $1 AND user_id = $2) AS "there!""#,
        organization.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    if !there {
        people::add(
            ctx,
            &OrganizationKey::Id(organization),
            &UserRef::Id(user),
            OrgRole::OrgMember,
            false,
        )
        .await?;
    }
    Ok(())
}

/// The account's name: an account is everybody's, so that only who manages accounts changes it.
async fn rename(ctx: &mut Ctx, user: UserId, alias: Option<&str>) -> Result<()> {
    let Some(alias) = alias.map(str::trim).filter(|alias| !alias.is_empty()) else {
        return Ok(());
    };
    let now = sqlx::query_scalar!("SELECT display_name FROM users WHERE id = $1", user.0)
        .fetch_one(ctx.connection())
        .await?;
    if now.as_deref() == Some(alias) {
        return Ok(());
    }
    if !users::may_change(&ctx.caller) {
        ctx.warn("spec.userAlias: the name of an account that exists is changed by a super_admin; it stays as it is");
        return Ok(());
    }
    let patch = AccountPatchInput {
        display_name: Some(Some(alias.to_owned())),
        ..AccountPatchInput::default()
    };
    users::update(ctx, &UserRef::Id(user), patch.parse()?).await?;
    Ok(())
}

/// What LiteLLM is told of the person. It grants nothing here (SPEC A16). What was not written before nor now stays as it is.
async fn terms(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    old: &User,
    new: &User,
) -> Result<(), Refused> {
    let known = sqlx::query!(
        r#"SELECT l.role AS "role?", l.max_budget, l.tpm_limit, l.rpm_limit, u.email, u.is_super_admin,
            EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id <> $2) AS "elsewhere!"
        FROM users u LEFT JOIN litellm_people l ON l.user_id = u.id WHERE u.id = $1"#,
        user.0,
        organization.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let (was, budget) = (
        money("maxBudget", old.max_budget.as_deref())?,
        money("maxBudget", new.max_budget.as_deref())?,
    );
    let role = changed(&old.user_role, &new.user_role).unwrap_or_else(|| known.role.clone());
    let max_budget: Option<Decimal> = changed(&was, &budget).unwrap_or(known.max_budget);
    let tpm_limit = changed(&old.tpm_limit, &new.tpm_limit).unwrap_or(known.tpm_limit);
    let rpm_limit = changed(&old.rpm_limit, &new.rpm_limit).unwrap_or(known.rpm_limit);
    let before = (known.role.clone(), known.max_budget, known.tpm_limit, known.rpm_limit);
    let after = (role, max_budget, tpm_limit, rpm_limit);
    if before == after {
        return Ok(());
    }
    let standing = organizations::standing(&ctx.caller, organization);
    let is_admin = |role: &Option<String>| role.as_deref().is_some_and(|role| role.starts_with("proxy_admin"));
    let others = known.is_super_admin || known.elsewhere || is_admin(&before.0) || is_admin(&after.0);
    if others && !standing.super_admin {
        // An account is everybody's: who administers one organization does not decide for the others.
        let why = "userRole, maxBudget, tpmLimit and rpmLimit of a super_admin, of a proxy_admin, and of somebody who belongs \
            to another organization too, may be set by a super_admin only";
        let field = if before.0 == after.0 { "spec" } else { "spec.userRole" };
        return Err(Cause::forbidden(field, why).into());
    }
    sqlx::query!(
        "INSERT INTO litellm_people (user_id, role, max_budget, tpm_limit, rpm_limit) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, max_budget = excluded.max_budget,
            tpm_limit = excluded.tpm_limit, rpm_limit = excluded.rpm_limit",
        user.0,
        after.0,
        after.1,
        after.2,
        after.3,
    )
    .execute(ctx.connection())
    .await?;
    let fields = |(role, budget, tpm, rpm): &(Option<String>, Option<Decimal>, Option<i64>, Option<i64>)| json!({"litellm_role": role, "litellm_max_budget": budget, "litellm_tpm_limit": tpm, "litellm_rpm_limit": rpm});
    let entry =
        crate::audit::Entry::new("user.update", "user", user, &known.email).change(fields(&before), fields(&after));
    crate::audit::record(ctx, entry).await?;
    Ok(())
}

/// What was told of somebody goes with their last organization.
async fn forget_terms(ctx: &mut Ctx, user: UserId) -> Result<()> {
    sqlx::query!(
        "DELETE FROM litellm_people WHERE user_id = $1
            AND NOT EXISTS (SELECT FROM organization_members WHERE user_id = $1)",
        user.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

fn warn(ctx: &mut Ctx, spec: &User) {
    warn_of_unused(
        ctx,
        &[
            ("userID", spec.user_id.is_some()),
            ("teams", spec.teams.is_some()),
            ("softBudget", spec.soft_budget.is_some()),
            ("spend", spec.spend.is_some()),
            ("maxParallelRequests", spec.max_parallel_requests.is_some()),
            ("modelMaxBudget", spec.model_max_budget.is_some()),
            ("modelRPMLimit", spec.model_rpm_limit.is_some()),
            ("modelTPMLimit", spec.model_tpm_limit.is_some()),
            ("aliases", spec.aliases.is_some()),
            ("metadata", spec.metadata.is_some()),
            ("permissions", spec.permissions.is_some()),
            ("allowedCacheControls", spec.allowed_cache_controls.is_some()),
            ("guardrails", spec.guardrails.is_some()),
            ("blocked", spec.blocked == Some(true)),
            ("sendInviteEmail", spec.send_invite_email == Some(true)),
            ("ssoUserID", spec.sso_user_id.is_some()),
        ],
    );
    // They are those of the key that comes with the person.
    let key = spec.auto_create_key == Some(true);
    warn_of_unused(
        ctx,
        &[
            ("models", spec.models.is_some() && !key),
            ("budgetDuration", spec.budget_duration.is_some() && !key),
        ],
    );
}
