//! Who belongs to a team, as what, and until when.

pub(crate) mod organization;

mod bulk;
mod expiry;
mod guard;
pub mod invitations;
mod leaving;
mod limits;
mod list;

pub use bulk::{BulkInput, OnInvalid, OnUnknown, add_many};
use domain::{
    MembershipSource, OrganizationId, Permission, TeamId, TeamRole, Terms, TermsPatch, UserId, UserRef,
    views::{Member, TeamPage},
};
pub use expiry::end_expired;
use guard::require_admin_remains;
pub(crate) use leaving::take_everything;
pub use leaving::{preview_removal, remove};
pub use limits::change;
pub use list::{MemberQuery, counts, list, sees_last_use};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Code, Ctx, Error, Result, audit, default_team, identity, organizations, requests, teams};

/// Adds a person to a team, for good.
///
/// # Errors
/// As [`add_until`].
pub async fn add(ctx: &mut Ctx, team: TeamId, user: &UserRef, role: TeamRole) -> Result<Member> {
    let patch = TermsPatch {
        role: Some(role),
        ..TermsPatch::default()
    };
    add_until(ctx, team, user, patch).await
}

/// Adds a person to a team, as a member unless `terms` say otherwise; the membership and the role may end by themselves.
///
/// # Errors
/// 404 `User not found: <id>`; 409 `User <email> is already a member of team <name>` and `The address of <email> was never
/// verified`; 400 `User <email> is not in this organization's email domains` and `Cannot remove last team admin` (an admin
/// with an end needs one without beside); 403 without the right.
pub async fn add_until(ctx: &mut Ctx, team: TeamId, user: &UserRef, terms: TermsPatch) -> Result<Member> {
    let page = manage(ctx, team).await?;
    let terms = terms.apply(TeamRole::Member.into(), ctx.now)?;
    expiry::settle(ctx, page.team.organization_id, team).await?;
    let (user, email) = find_active(ctx, user).await?;
    let origin = Origin::by_hand(ctx);
    let place = (page.team.organization_id, team);
    insert(ctx, place, user, terms, origin).await.map_err(|error| {
        error.on_constraint("team_members_pkey", || {
            Error::refused(
                Code::AlreadyMember,
                format!("User {email} is already a member of team {}", page.team.name),
            )
        })
    })?;
    // Looked at afterwards: that someone is a member already is the more useful answer.
    require_admin_remains(ctx, team, user, None, Some(terms)).await?;
    organizations::ensure_member(ctx, page.team.organization_id, user, &email).await?;
    get(ctx, team, user)
        .await?
        .ok_or_else(|| Error::internal("a member that was just added is not there"))
}

/// Where a new membership comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origin {
    /// What made it.
    pub(crate) source: MembershipSource,
    /// Who is said to have added the person.
    pub(crate) by: Option<Uuid>,
}

impl Origin {
    /// The caller's own doing.
    pub(crate) fn by_hand(ctx: &Ctx) -> Self {
        Self {
            source: MembershipSource::Manual,
            by: ctx.caller.user_id().map(|id| id.0),
        }
    }
}

/// The row and its audit record; the caller was authorised.
pub(crate) async fn insert(
    ctx: &mut Ctx,
    (organization, team): (OrganizationId, TeamId),
    user: UserId,
    terms: impl Into<Terms>,
    origin: Origin,
) -> Result<()> {
    let terms: Terms = terms.into();
    let now = ctx.now;
    let email = sqlx::query_scalar!(
        r#"WITH added AS (
            INSERT INTO team_members (team_id, user_id, role, joined_at, added_by, expires_at, admin_until, source)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8) RETURNING user_id)
        SELECT u.email FROM added JOIN users u ON u.id = added.user_id"#,
        team.0,
        user.0,
        terms.role.as_str(),
        now,
        origin.by,
        terms.expires_at,
        terms.admin_until,
        origin.source.as_str(),
    )
    .fetch_one(ctx.connection())
    .await?;
    ctx.touch(user);
    let mut after = fields(terms);
    if origin.source != MembershipSource::Manual {
        after["source"] = json!(origin.source);
    }
    let entry = audit::Entry::new("member.add", "member", user, &email)
        .team(organization, team)
        .change(json!(null), after);
    audit::record(ctx, entry).await?;
    requests::settle_joins(ctx, (organization, team), &[user.0]).await
}

/// Changes a member's role.
///
/// # Errors
/// As [`update`].
pub async fn change_role(ctx: &mut Ctx, team: TeamId, user: &UserRef, role: TeamRole) -> Result<Member> {
    let patch = TermsPatch {
        role: Some(role),
        ..TermsPatch::default()
    };
    update(ctx, team, user, patch).await
}

/// Changes a member's role and when it, or the membership, ends.
///
/// # Errors
/// 404 `User is not a member of this team`; 400 `Cannot remove last team admin` (SPEC D5), also for an end that would
/// leave the team without an admin; fields of the patch that break a rule.
pub async fn update(ctx: &mut Ctx, team: TeamId, user: &UserRef, patch: TermsPatch) -> Result<Member> {
    let page = manage(ctx, team).await?;
    expiry::settle(ctx, page.team.organization_id, team).await?;
    let member = find_member(ctx, team, user).await?;
    let (before, after) = (member.terms(), patch.apply(member.terms(), ctx.now)?);
    if before == after {
        return Ok(member);
    }
    require_admin_remains(ctx, team, member.user_id, Some(&member), Some(after)).await?;
    sqlx::query!(
        "UPDATE team_members SET role = $3, expires_at = $4, admin_until = $5,
            -- What somebody decides by hand no directory undoes (SPEC X11).
            source = CASE WHEN source = 'idp' THEN 'manual' ELSE source END
        WHERE team_id = $1 AND user_id = $2",
        team.0,
        member.user_id.0,
        after.role.as_str(),
        after.expires_at,
        after.admin_until,
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch(member.user_id);
    let action = if before.role == after.role {
        "member.update"
    } else {
        "member.role"
    };
    let entry = audit::Entry::new(action, "member", member.user_id, &member.email)
        .team(page.team.organization_id, team)
        .change(fields(before), fields(after));
    audit::record(ctx, entry).await?;
    Ok(Member {
        role: after.role,
        expires_at: after.expires_at,
        admin_until: after.admin_until,
        ..member
    })
}

/// A membership's fields as the audit log keeps them: ends only where there are some.
fn fields(terms: Terms) -> Value {
    let mut fields = json!({"role": terms.role});
    for (name, end) in [("expires_at", terms.expires_at), ("admin_until", terms.admin_until)] {
        if let Some(end) = end {
            fields[name] = json!(end);
        }
    }
    fields
}

/// The team, locked, for someone who may manage its members.
async fn manage(ctx: &mut Ctx, team: TeamId) -> Result<TeamPage> {
    let page = teams::locked_for(ctx, team, Permission::MembersManage).await?;
    teams::require_not_archived(&page)?;
    default_team::require_other(
        &page.team,
        ": everyone belongs to it, and nobody is added, changed or removed by hand",
    )?;
    Ok(page)
}

/// A person whose account is not deactivated, and whose address is theirs.
async fn find_active(ctx: &mut Ctx, user: &UserRef) -> Result<(UserId, String)> {
    let (id, email) = identity::find(ctx, user).await?;
    let is_active = sqlx::query_scalar!(
        r#"SELECT deactivated_at IS NULL AS "active!" FROM users WHERE id = $1"#,
        id.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if !is_active {
        return Err(Error::refused(Code::WrongState, deactivated(&email)));
    }
    identity::require_settled(ctx, id, &email).await?;
    Ok((id, email))
}

/// Why someone whose account is deactivated is not added.
fn deactivated(email: &str) -> String {
    format!("User {email} is deactivated and cannot be added")
}

/// One member of a team.
///
/// # Errors
/// As [`list`](list()); 404 `User is not a member of this team`.
pub async fn find(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<Member> {
    let page = teams::open(ctx, team).await?;
    let member = find_member(ctx, team, user).await?;
    Ok(Member {
        last_seen_at: member.last_seen_at.filter(|_| sees_last_use(&page)),
        ..member
    })
}

async fn find_member(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<Member> {
    let missing = || Error::refused(Code::NotFound, "User is not a member of this team");
    let user = match user {
        UserRef::Id(id) => *id,
        UserRef::Email(_) => identity::find(ctx, user).await.map_err(|_| missing())?.0,
    };
    get(ctx, team, user).await?.ok_or_else(missing)
}

/// A member of a team, if the person is one now; the caller was authorised.
///
/// # Errors
/// When the database does not answer.
async fn get(ctx: &mut Ctx, team: TeamId, user: UserId) -> Result<Option<Member>> {
    let row = sqlx::query_as!(
        list::MemberRow,
        r#"SELECT m.user_id AS "user_id!", u.email, u.display_name, m.role AS "role!", m.joined_at AS "joined_at!",
            a.email AS "added_by?", m.source AS "source!", m.expires_at, m.admin_until, u.last_seen_at,
            u.deactivated_at IS NOT NULL AS "deactivated!", m.max_budget, m.tpm_limit, m.rpm_limit
        FROM current_team_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by
        WHERE m.team_id = $1 AND m.user_id = $2"#,
        team.0,
        Uuid::from(user),
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.map(list::MemberRow::into_member).transpose()
}
