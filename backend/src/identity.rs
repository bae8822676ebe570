//! People: who signs in, who is created, who they are.

mod address;

pub(crate) use address::{confirm, doubtful, hold, is_doubtful, require_settled};
use domain::{
    DEFAULT_ORGANIZATION, Email, OrgRole, OrganizationId, Permission, PersonName, UserId, UserRef, views::Me,
};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Code, Ctx, Error, Principal, Result, audit, default_team, identity_links, members::invitations, organizations,
};

/// What an OpenID provider says of someone, verified.
#[derive(Debug, Clone)]
pub struct Claims {
    /// The provider.
    pub issuer: String,
    /// The provider's id of the person.
    pub subject: String,
    /// The email, if the provider gives one.
    pub email: Option<String>,
    /// Whether the provider has verified it.
    pub email_verified: bool,
    /// Whether the provider says outright that it has not; many say neither.
    pub email_denied: bool,
    /// The name at the provider; taken for the email where there is none (SPEC B1).
    pub preferred_username: Option<String>,
    /// The display name.
    pub name: Option<String>,
    /// The lasting id in the company's directory (`oid`), where the provider is that directory's.
    pub directory_id: Option<String>,
}

/// The person behind verified claims: a known one, one who is joined by a verified email, or a new
/// one (SPEC X17). Runs in a transaction of its caller.
///
/// # Errors
/// When sign-up is closed to strangers, the account is deactivated, or the email belongs to someone
/// else and is not verified.
pub async fn resolve(ctx: &mut Ctx, claims: &Claims) -> Result<UserId> {
    if let Some(known) = find_identity(ctx.connection(), &claims.issuer, &claims.subject).await? {
        return Ok(known);
    }
    if let Some(id) = &claims.directory_id
        && let Some(known) = identity_links::of_directory(ctx, id).await?
    {
        return link(ctx, claims, known, true).await;
    }
    let address = claims.email.as_deref().and_then(|text| Email::parse(text).ok());
    // `email_verified` speaks of `email` alone: the other two people may choose for themselves.
    let verified = claims.email_verified && address.is_some();
    let email = address
        .or_else(|| {
            let names = [claims.preferred_username.as_deref(), Some(claims.subject.as_str())];
            names.into_iter().flatten().find_map(|text| Email::parse(text).ok())
        })
        .ok_or_else(|| {
            Error::refused(
                Code::NotAuthorized,
                "The OpenID provider gave no email address. Ask its administrator to release the `email` claim.",
            )
        })?;
    // Two first requests of one person, or of two with one email, take turns.
    hold(ctx, &[email.to_string()]).await?;
    if let Some(known) = find_identity(ctx.connection(), &claims.issuer, &claims.subject).await? {
        return Ok(known);
    }
    let existing = sqlx::query!(
        r#"SELECT id, EXISTS (SELECT FROM user_identities i WHERE i.user_id = users.id AND NOT i.email_verified)
            AS "doubtful!" FROM users WHERE email = $1 FOR UPDATE"#,
        email.as_str(),
    )
    .fetch_optional(ctx.connection())
    .await?;
    let user = match existing {
        Some(user) if verified && !user.doubtful => {
            default_team::join(ctx, UserId(user.id), "sign-in").await?;
            UserId(user.id)
        }
        Some(_) if verified => {
            return Err(Error::refused(
                Code::NotAuthorized,
                "An account with this email exists, opened by an identity whose email was never verified. Ask a super_admin to settle whose it is.",
            ));
        }
        Some(_) => {
            return Err(Error::refused(
                Code::NotAuthorized,
                "An account with this email exists, and the OpenID provider has not verified that the email is yours.",
            ));
        }
        None if !ctx.backend.settings.signup_open => {
            return Err(Error::refused(
                Code::NotAuthorized,
                "User not authorized. Contact administrator to request access.",
            ));
        }
        None => {
            let name = claims.name.as_deref().and_then(|name| PersonName::parse(name).ok());
            // Whoever only says that an address is theirs gets nothing that waits for it.
            if verified {
                insert(ctx, &email, name.as_ref(), Rights::default()).await?
            } else {
                insert_unverified(ctx, &email, name.as_ref(), Rights::default()).await?
            }
        }
    };
    link(ctx, claims, user, verified).await
}

/// Notes that claims are somebody's.
async fn link(ctx: &mut Ctx, claims: &Claims, user: UserId, verified: bool) -> Result<UserId> {
    let email = sqlx::query_scalar!(
        "WITH linked AS (
            INSERT INTO user_identities (issuer, subject, user_id, email_verified, email_denied)
            VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (issuer, subject) DO NOTHING)
        SELECT email FROM users WHERE id = $3",
        claims.issuer,
        claims.subject,
        user.0,
        verified,
        claims.email_denied && !verified,
    )
    .fetch_one(ctx.connection())
    .await?;
    let entry = audit::Entry::new("user.link_identity", "user", user, &email).change(
        json!(null),
        json!({"issuer": claims.issuer, "subject": claims.subject, "email_verified": verified}),
    );
    audit::record(ctx, entry).await?;
    ctx.touch(user);
    Ok(user)
}

/// The person known by (issuer, subject).
///
/// # Errors
/// When the database does not answer.
pub async fn find_identity(connection: &mut PgConnection, issuer: &str, subject: &str) -> Result<Option<UserId>> {
    let id = sqlx::query_scalar!(
        "SELECT user_id FROM user_identities WHERE issuer = $1 AND subject = $2",
        issuer,
        subject
    )
    .fetch_optional(connection)
    .await?;
    Ok(id.map(UserId))
}

/// What a new account may do beside what memberships give it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rights {
    /// Administers the installation.
    pub(crate) super_admin: bool,
    /// Sees everything.
    pub(crate) auditor: bool,
    /// May provision runners.
    pub(crate) can_use_jit: bool,
}

impl Default for Rights {
    /// A stranger's (SPEC X17).
    fn default() -> Self {
        Self {
            super_admin: false,
            auditor: false,
            can_use_jit: true,
        }
    }
}

/// A new account, in the Default Team (SPEC C4) and in the teams that the address was invited to: whoever comes in, by
/// whichever door, is made here. The caller was authorised, and knows that the address is the person's.
///
/// # Errors
/// 409 `User <email> already exists`.
pub(crate) async fn insert(ctx: &mut Ctx, email: &Email, name: Option<&PersonName>, rights: Rights) -> Result<UserId> {
    let id = insert_unverified(ctx, email, name, rights).await?;
    invitations::accept(ctx, id, email.as_str()).await?;
    Ok(id)
}

/// A new account for somebody of whom nobody has said that the address is theirs.
async fn insert_unverified(ctx: &mut Ctx, email: &Email, name: Option<&PersonName>, rights: Rights) -> Result<UserId> {
    let id = Uuid::now_v7();
    sqlx::query!(
        "INSERT INTO users (id, email, display_name, is_super_admin, is_auditor, can_use_jit)
        VALUES ($1, $2, $3, $4, $5, $6)",
        id,
        email.as_str(),
        name.map(PersonName::as_str),
        rights.super_admin,
        rights.auditor,
        rights.can_use_jit,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        Error::from(error).on_constraint("users_email_key", || {
            Error::refused(Code::NameTaken, format!("User {email} already exists"))
        })
    })?;
    default_team::assign(ctx, UserId(id)).await?;
    let after = json!({
        "email": email, "display_name": name, "super_admin": rights.super_admin, "auditor": rights.auditor,
        "can_use_jit": rights.can_use_jit, "teams": [default_team::NAME],
    });
    audit::record(
        ctx,
        audit::Entry::new("user.create", "user", id, email.as_str()).change(json!(null), after),
    )
    .await?;
    Ok(UserId(id))
}

/// Creates a person, or raises an existing one to super_admin: `guildhall user create` and the demo.
///
/// # Errors
/// 403 without the right; 409 for rights of an account whose address was never verified; when the organization is unknown,
/// or is the default one and the role org_admin.
pub async fn create(
    ctx: &mut Ctx,
    email: &Email,
    name: Option<&PersonName>,
    super_admin: bool,
    organization: Option<(&str, OrgRole)>,
) -> Result<UserId> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::AccountsManage)?;
    hold(ctx, &[email.to_string()]).await?;
    let existing = sqlx::query!("SELECT id, is_super_admin FROM users WHERE email = $1", email.as_str())
        .fetch_optional(ctx.connection())
        .await?;
    let id = match existing {
        Some(user) => {
            if (super_admin && !user.is_super_admin) || organization.is_some() {
                require_settled(ctx, UserId(user.id), email.as_str()).await?;
            }
            if super_admin && !user.is_super_admin {
                sqlx::query!(
                    "UPDATE users SET is_super_admin = true, updated_at = now() WHERE id = $1",
                    user.id
                )
                .execute(ctx.connection())
                .await?;
                let entry = audit::Entry::new("user.update", "user", user.id, email.as_str())
                    .change(json!({"super_admin": false}), json!({"super_admin": true}));
                audit::record(ctx, entry).await?;
            }
            default_team::join(ctx, UserId(user.id), "user creation").await?;
            UserId(user.id)
        }
        None => {
            let rights = Rights {
                super_admin,
                ..Rights::default()
            };
            insert(ctx, email, name, rights).await?
        }
    };
    if let Some((slug, role)) = organization {
        let organization = sqlx::query_scalar!("SELECT id FROM organizations WHERE slug = $1", slug)
            .fetch_optional(ctx.connection())
            .await?
            .ok_or_else(|| Error::not_found("Organization", slug))?;
        set_organization_role(ctx, OrganizationId(organization), id, email, role).await?;
    }
    ctx.touch(id);
    Ok(id)
}

/// Makes someone a member of an organization in a role, whatever they were in it; the caller was authorised.
///
/// # Errors
/// When the organization is the default one and the role org_admin.
pub(crate) async fn set_organization_role(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
    email: &Email,
    role: OrgRole,
) -> Result<()> {
    let before = sqlx::query_scalar!(
        "SELECT role FROM organization_members WHERE organization_id = $1 AND user_id = $2 FOR UPDATE",
        organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    if before.as_deref() == Some(role.as_str()) {
        return Ok(());
    }
    let by = ctx.caller.user_id().map(|id| id.0);
    sqlx::query!(
        "INSERT INTO organization_members (organization_id, user_id, role, added_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (organization_id, user_id) DO UPDATE SET role = excluded.role, source = 'manual'",
        organization.0,
        user.0,
        role.as_str(),
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| {
        Error::from(error).on_constraint("organization_members_default_has_no_admin", || {
            Error::invalid(
                "role",
                "must not be org_admin: only super_admins administer the default organization",
            )
        })
    })?;
    let (action, before) = match before {
        None => ("organization.member_add", json!(null)),
        Some(before) => ("organization.member_role", json!({"role": before})),
    };
    let mut entry = audit::Entry::new(action, "user", user, email.as_str()).change(before, json!({"role": role}));
    entry.organization = Some(organization);
    audit::record(ctx, entry).await
}

/// A person by id or email.
///
/// # Errors
/// `User not found: <id>`.
pub async fn find(ctx: &mut Ctx, user: &UserRef) -> Result<(UserId, String)> {
    let (id, email) = match user {
        UserRef::Id(id) => (Some(id.0), None),
        UserRef::Email(email) => (None, Some(email.as_str())),
    };
    let row = sqlx::query!("SELECT id, email FROM users WHERE id = $1 OR email = $2", id, email)
        .fetch_optional(ctx.connection())
        .await?
        .ok_or_else(|| Error::not_found("User", user))?;
    Ok((UserId(row.id), row.email))
}

/// The caller, for navigation and `GET /api/v1/auth/me`. Costs no query.
pub fn me(principal: &Principal) -> Me {
    Me {
        id: principal.id,
        email: principal.email.clone(),
        display_name: principal.display_name.clone(),
        oidc_sub: principal.oidc_sub.clone(),
        super_admin: principal.super_admin,
        org_admin: principal.is_admin(),
        sees_people: principal.super_admin || principal.auditor || !principal.organizations_seen_whole().is_empty(),
        sees_everything: principal.super_admin || principal.auditor,
        can_use_jit: principal.can_use_jit,
        teams: principal
            .teams
            .iter()
            .filter(|team| team.status == domain::TeamStatus::Active)
            .map(|team| (team.team_id, team.name.clone(), team.role))
            .collect(),
    }
}
