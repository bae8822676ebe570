//! New accounts, and what a super_admin changes of them.

use domain::{
    DEFAULT_ORGANIZATION, Email, Fields, Invalid, OrgRole, OrganizationId, Permission, PersonName, UserRef,
    views::{Account, AccountPage},
};
use serde_json::{Value, json};

use super::{begin_change, get, locked, other_super_admin};
use crate::{Code, Ctx, Error, Result, audit, identity, members::invitations, organizations};

/// A new account, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct NewAccountInput {
    /// Email.
    pub email: String,
    /// Name; blank is none.
    pub display_name: Option<String>,
    /// Administers the installation.
    pub super_admin: bool,
    /// Sees everything.
    pub auditor: bool,
    /// May provision runners; yes unless said otherwise.
    pub can_use_jit: Option<bool>,
    /// The organization that they belong to.
    pub organization_id: Option<OrganizationId>,
    /// What they are in it; `org_member` unless said otherwise.
    pub organization_role: Option<String>,
}

/// A new account, parsed.
#[derive(Debug, Clone)]
pub struct NewAccount {
    email: Email,
    name: Option<PersonName>,
    rights: identity::Rights,
    organization: Option<(OrganizationId, OrgRole)>,
}

impl NewAccountInput {
    /// Parses all fields.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<NewAccount, Vec<Invalid>> {
        let mut fields = Fields::new();
        let email = fields.take(Email::parse(&self.email));
        let name = fields.take(person_name(self.display_name.as_deref()));
        let role = self.organization_role.as_deref().map(str::parse::<OrgRole>);
        let role = fields.take(
            role.transpose()
                .map(|role| role.unwrap_or(OrgRole::OrgMember))
                .map_err(|invalid| invalid.on("organization_role")),
        );
        if self.organization_id.is_none() && self.organization_role.is_some() {
            fields.push(Invalid::new("organization_id", "is required with a role in it"));
        }
        let (super_admin, auditor, can_use_jit) = (self.super_admin, self.auditor, self.can_use_jit.unwrap_or(true));
        let (email, (name, role)) = fields.with(email.zip(name.zip(role)))?;
        Ok(NewAccount {
            email,
            name,
            rights: identity::Rights {
                super_admin,
                auditor,
                can_use_jit,
            },
            organization: self.organization_id.map(|id| (id, role)),
        })
    }
}

fn person_name(text: Option<&str>) -> Result<Option<PersonName>, Invalid> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => PersonName::parse(text)
            .map(Some)
            .map_err(|invalid| invalid.on("display_name")),
    }
}

/// Creates an account, in an organization if one is named. Whoever signs in with this email, verified, is its person.
///
/// # Errors
/// 403 for everyone but super_admins; 409 `User <email> already exists`; 404 when there is no such organization; 400
/// when the organization does not take in the email's domain (SPEC X10).
pub async fn create(ctx: &mut Ctx, new: NewAccount) -> Result<AccountPage> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::AccountsManage)?;
    // Addresses before accounts, as a directory locks them.
    identity::hold(ctx, &[new.email.to_string()]).await?;
    begin_change(ctx).await?;
    let id = identity::insert(ctx, &new.email, new.name.as_ref(), new.rights).await?;
    if let Some((organization, role)) = new.organization {
        let known = sqlx::query_scalar!(
            r#"SELECT EXISTS (SELECT FROM organizations WHERE id = $1) AS "known!""#,
            organization.0
        )
        .fetch_one(ctx.connection())
        .await?;
        if !known {
            return Err(Error::not_found("Organization", organization));
        }
        organizations::Admission::load(ctx, organization)
            .await?
            .admit(new.email.as_str())?;
        identity::set_organization_role(ctx, organization, id, &new.email, role)
            .await
            .map_err(|error| match error {
                Error::Invalid(fields) => {
                    Error::Invalid(fields.into_iter().map(|field| field.on("organization_role")).collect())
                }
                other => other,
            })?;
    }
    ctx.touch(id);
    get(ctx, &UserRef::Id(id)).await
}

/// Changes to an account, as a form or a JSON body gives them: `None` keeps.
#[derive(Debug, Clone, Default)]
pub struct AccountPatchInput {
    /// Name; blank or an inner `None` clears it.
    pub display_name: Option<Option<String>>,
    /// Administers the installation.
    pub super_admin: Option<bool>,
    /// Sees everything.
    pub auditor: Option<bool>,
    /// May provision runners.
    pub can_use_jit: Option<bool>,
    /// That the address is theirs, although nobody had verified it; nothing takes that back.
    pub email_verified: Option<bool>,
}

/// Changes to an account, parsed.
#[derive(Debug, Clone)]
pub struct AccountPatch {
    name: Option<Option<PersonName>>,
    super_admin: Option<bool>,
    auditor: Option<bool>,
    can_use_jit: Option<bool>,
    confirms: bool,
}

impl AccountPatchInput {
    /// Parses all fields that are there.
    ///
    /// # Errors
    /// Every field that breaks a rule.
    pub fn parse(self) -> Result<AccountPatch, Vec<Invalid>> {
        let mut fields = Fields::new();
        let name = self.display_name.map(|name| person_name(name.as_deref()));
        let name = fields.take(name.transpose());
        let (super_admin, auditor, can_use_jit) = (self.super_admin, self.auditor, self.can_use_jit);
        if self.email_verified == Some(false) {
            fields.push(Invalid::new("email_verified", "can only be set to true"));
        }
        let name = fields.with(name)?;
        Ok(AccountPatch {
            name,
            super_admin,
            auditor,
            can_use_jit,
            confirms: self.email_verified.is_some(),
        })
    }
}

/// Changes an account. Where its address was never verified, confirming it gives the person what waited for the address.
///
/// # Errors
/// 403 for everyone but super_admins; 400 when the installation would have no active super_admin left; 409 for a right in
/// the whole installation while the address is in doubt.
pub async fn update(ctx: &mut Ctx, user: &UserRef, patch: AccountPatch) -> Result<AccountPage> {
    begin_change(ctx).await?;
    let before = locked(ctx, user).await?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.display_name = name.map(String::from);
    }
    after.super_admin = patch.super_admin.unwrap_or(before.super_admin);
    after.auditor = patch.auditor.unwrap_or(before.auditor);
    after.can_use_jit = patch.can_use_jit.unwrap_or(before.can_use_jit);
    if patch.confirms && before.deactivated_at.is_some() {
        let words = "The account is deactivated: activate it before its address is confirmed";
        return Err(Error::refused(Code::WrongState, words));
    }
    let confirmed = patch.confirms && identity::confirm(ctx, before.id).await?;
    if after == before && !confirmed {
        return see(ctx, &before).await;
    }
    if (after.super_admin && !before.super_admin) || (after.auditor && !before.auditor) {
        identity::require_settled(ctx, before.id, &before.email).await?;
    }
    let lost = before.super_admin && !after.super_admin && before.deactivated_at.is_none();
    if lost && !other_super_admin(ctx, &[before.id.0]).await? {
        return Err(Error::refused(
            Code::LastSuperAdmin,
            "Cannot take super_admin from the last active admin user. At least one admin must remain active.",
        ));
    }
    let now = ctx.now;
    sqlx::query!(
        "UPDATE users SET display_name = $2, is_super_admin = $3, is_auditor = $4, can_use_jit = $5, updated_at = $6
        WHERE id = $1",
        before.id.0,
        after.display_name,
        after.super_admin,
        after.auditor,
        after.can_use_jit,
        now,
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch(before.id);
    let (mut was, mut is) = (fields(&before), fields(&after));
    if confirmed {
        was["email_verified"] = json!(false);
        is["email_verified"] = json!(true);
    }
    let entry = audit::Entry::new("user.update", "user", before.id, &before.email).change(was, is);
    audit::record(ctx, entry).await?;
    if confirmed {
        invitations::accept(ctx, before.id, &before.email).await?;
    }
    see(ctx, &before).await
}

/// The account as it is now.
async fn see(ctx: &mut Ctx, account: &Account) -> Result<AccountPage> {
    get(ctx, &UserRef::Id(account.id)).await
}

fn fields(account: &Account) -> Value {
    json!({
        "display_name": account.display_name, "super_admin": account.super_admin, "auditor": account.auditor,
        "can_use_jit": account.can_use_jit,
    })
}
