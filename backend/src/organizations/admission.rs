//! Whom an organization takes in (SPEC D3, X10).

use domain::{DEFAULT_ORGANIZATION, OrgRole, OrganizationId};
use serde_json::json;

use crate::{Code, Ctx, Error, Result, audit, identity};

/// An organization's rule about email domains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Admission {
    /// The verified domains; none takes anyone.
    domains: Vec<String>,
}

impl Admission {
    /// Loads the rule. The organization `default` takes anyone.
    ///
    /// # Errors
    /// When the database does not answer.
    pub(crate) async fn load(ctx: &mut Ctx, organization: OrganizationId) -> Result<Self> {
        if organization == DEFAULT_ORGANIZATION {
            return Ok(Self { domains: Vec::new() });
        }
        let domains = sqlx::query_scalar!(
            "SELECT domain FROM organization_domains
            WHERE organization_id = $1 AND verified_at IS NOT NULL ORDER BY domain",
            organization.0,
        )
        .fetch_all(ctx.connection())
        .await?;
        Ok(Self { domains })
    }

    /// Whether an address is at one of the verified domains.
    pub(crate) fn owns(&self, email: &str) -> bool {
        let domain = email.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.domains.iter().any(|own| own == domain)
    }

    /// Checks someone who does not belong to the organization yet; whoever does is in, as a guest or otherwise. That the
    /// address is theirs is for the caller to know: see [`identity::require_settled`].
    ///
    /// # Errors
    /// 400 `User <email> is not in this organization's email domains (<list>)`.
    pub(crate) fn admit(&self, email: &str) -> Result<()> {
        if self.domains.is_empty() || self.owns(email) {
            return Ok(());
        }
        Err(Error::refused(
            Code::ForeignDomain,
            format!(
                "User {email} is not in this organization's email domains ({}). An org_admin of the organization can invite them as a guest.",
                self.domains.join(", ")
            ),
        ))
    }
}

/// Whether the caller may join a team of an organization: they belong to it, or its rule takes them in.
///
/// # Errors
/// When the database does not answer; 403 for programs.
pub async fn takes_in_caller(ctx: &mut Ctx, organization: OrganizationId) -> Result<bool> {
    let person = ctx.person()?;
    if person.organizations.iter().any(|(id, _)| *id == organization) {
        return Ok(true);
    }
    let (id, email) = (person.id, person.email.clone());
    let admitted = Admission::load(ctx, organization).await?.admit(&email).is_ok();
    Ok(admitted && !identity::is_doubtful(ctx, id).await?)
}

/// Makes someone who joins a team a member of its organization, if they are not yet and its rule takes them in.
///
/// # Errors
/// As [`Admission::admit`]; 409 `The address of <email> was never verified`.
pub(crate) async fn ensure_member(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: domain::UserId,
    email: &str,
) -> Result<()> {
    if organization == DEFAULT_ORGANIZATION {
        return Ok(());
    }
    // Held until the end, so that nobody takes the person out of the organization while they join a team of it.
    let belongs = sqlx::query_scalar!(
        "SELECT user_id FROM organization_members WHERE organization_id = $1 AND user_id = $2 FOR SHARE",
        organization.0,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    if belongs.is_some() {
        return Ok(());
    }
    identity::require_settled(ctx, user, email).await?;
    Admission::load(ctx, organization).await?.admit(email)?;
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let added = sqlx::query!(
        "INSERT INTO organization_members (organization_id, user_id, role, created_at, added_by)
        VALUES ($1, $2, 'org_member', $3, $4) ON CONFLICT DO NOTHING",
        organization.0,
        user.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    if added.rows_affected() == 0 {
        return Ok(());
    }
    ctx.touch(user);
    let mut entry = audit::Entry::new("organization.member_add", "user", user, email)
        .change(json!(null), json!({"role": OrgRole::OrgMember, "guest": false}));
    entry.organization = Some(organization);
    audit::record(ctx, entry).await
}
