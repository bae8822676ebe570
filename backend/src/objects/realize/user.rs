//! People.

use domain::{DEFAULT_ORGANIZATION, Email, OrgRole, OrganizationId, Permission, UserId, UserRef};
use kubernetes::{Cause, spec::User};
use rust_decimal::Decimal;
use serde_json::json;

use super::{
    super::{keep, store::Row, subject::Ids},
    Instance, Made, Refused, instance, key, money, warn_of_unused,
};
use crate::{
    Code, Ctx, Result, identity, members,
    organizations::{self, OrganizationKey, people},
    users::{self, AccountPatchInput, NewAccountInput},
};

pub(super) async fn make(ctx: &mut Ctx, row: &Row, spec: User) -> Result<Made, Refused> {
    check(ctx, row, &spec)?;
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
    terms(ctx, user, &spec).await?;
    if spec.auto_create_key == Some(true) {
        key::come_with(ctx, row, user, &spec).await?;
    }
    Ok(Made::There(Ids {
        user: Some(user.0),
        ..Ids::default()
    }))
}

pub(super) async fn alter(ctx: &mut Ctx, row: &Row, old: User, new: User) -> Result<(), Refused> {
    check(ctx, row, &new)?;
    let Some(user) = row.ids.user.map(UserId) else {
        return Ok(());
    };
    // In the organization `default`, where nobody has such a role, this is a super_admin's.
    organizations::standing(&ctx.caller, row.organization.into()).require(Permission::DirectoryManage)?;
    if old.user_alias != new.user_alias {
        rename(ctx, user, new.user_alias.as_deref()).await?;
    }
    terms(ctx, user, &new).await?;
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
        return Ok(());
    }
    // It has no members of its own: what ends are the memberships of its teams.
    organizations::standing(&ctx.caller, organization).require(Permission::DirectoryManage)?;
    let (_, email) = identity::find(ctx, &UserRef::Id(user)).await?;
    members::organization::depart(ctx, organization, user, &email).await?;
    Ok(())
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

/// What LiteLLM is told of the person. It grants nothing here (SPEC A16).
async fn terms(ctx: &mut Ctx, user: UserId, spec: &User) -> Result<(), Refused> {
    let budget: Option<Decimal> = money("maxBudget", spec.max_budget.as_deref())?;
    let before = sqlx::query!(
        "SELECT role, max_budget, tpm_limit, rpm_limit FROM litellm_people WHERE user_id = $1",
        user.0
    )
    .fetch_optional(ctx.connection())
    .await?;
    let known = before.map_or((None, None, None, None), |row| {
        (row.role, row.max_budget, row.tpm_limit, row.rpm_limit)
    });
    let wanted = (spec.user_role.clone(), budget, spec.tpm_limit, spec.rpm_limit);
    if known == wanted {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO litellm_people (user_id, role, max_budget, tpm_limit, rpm_limit) VALUES ($1, $2, $3, $4, $5)
        ON CONFLICT (user_id) DO UPDATE SET role = excluded.role, max_budget = excluded.max_budget,
            tpm_limit = excluded.tpm_limit, rpm_limit = excluded.rpm_limit",
        user.0,
        wanted.0,
        wanted.1,
        wanted.2,
        wanted.3,
    )
    .execute(ctx.connection())
    .await?;
    let fields = |(role, budget, tpm, rpm): &(Option<String>, Option<Decimal>, Option<i64>, Option<i64>)| json!({"litellm_role": role, "litellm_max_budget": budget, "litellm_tpm_limit": tpm, "litellm_rpm_limit": rpm});
    let email = spec.user_email.clone();
    let entry = crate::audit::Entry::new("user.update", "user", user, &email).change(fields(&known), fields(&wanted));
    crate::audit::record(ctx, entry).await?;
    Ok(())
}

fn check(ctx: &mut Ctx, row: &Row, spec: &User) -> Result<(), Refused> {
    let standing = organizations::standing(&ctx.caller, row.organization.into());
    let before = row.spec.get("userRole").and_then(serde_json::Value::as_str);
    if let Some(role) = spec
        .user_role
        .as_deref()
        .filter(|role| role.starts_with("proxy_admin") && before != Some(role))
        && !standing.super_admin
    {
        let rule = format!("{role} may be set by a super_admin only");
        return Err(Cause::forbidden("spec.userRole", &rule).into());
    }
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
    Ok(())
}
