//! Invitations: memberships that wait for an account. Whoever manages a team's members names an address that nobody has
//! yet, and the person is a member from the moment on in which the account is made.
//!
//! An account is no invitation's doing: it is made by a sign-in with a verified email, a directory, or a super_admin.

use chrono::{DateTime, TimeDelta, Utc};
use domain::{
    Email, Fields, Invalid, InvitationId, MAX_ROSTER, MembershipSource, OrganizationId, Permission, TeamId, TeamRole,
    UserId, UserRef,
    views::{Invitation, Page, TeamPage},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Origin, insert, manage};
use crate::{Backend, Code, Ctx, Error, Method, Result, audit, identity, keyset::Keyset, organizations, purge, teams};

/// How this is called in the audit log.
const NAME: &str = "invitation";
/// How long one waits: an address may be somebody else's later.
const VALID: TimeDelta = TimeDelta::days(30);

/// An invitation, as a form or a JSON body gives it.
#[derive(Debug, Clone, Default)]
pub struct InvitationInput {
    /// The address.
    pub email: String,
    /// The role; member without one.
    pub role: Option<String>,
}

impl InvitationInput {
    /// Checks both.
    ///
    /// # Errors
    /// The fields that break a rule.
    pub fn parse(&self) -> std::result::Result<(Email, TeamRole), Vec<Invalid>> {
        let mut fields = Fields::new();
        let email = fields.take(Email::parse(&self.email));
        let role = fields.take(self.role.as_deref().map_or(Ok(TeamRole::Member), str::parse));
        fields.with(email.zip(role))
    }
}

/// Invites an address to a team for thirty days. Inviting it again changes the role and begins the days anew.
///
/// # Errors
/// 403 without the right to manage members; 409 when somebody has the address (they are added, not invited), when the
/// team is archived or has 10,000 invitations; 400 when the address is not in the organization's domains.
pub async fn invite(ctx: &mut Ctx, team: TeamId, email: &Email, role: TeamRole) -> Result<Invitation> {
    hold(ctx, team, &[email.to_string()]).await?;
    let page = manage(ctx, team).await?;
    if identity::find(ctx, &UserRef::Email(email.clone())).await.is_ok() {
        return Err(Error::refused(
            Code::WrongState,
            format!("User {email} has an account: add them as a member"),
        ));
    }
    organizations::Admission::load(ctx, page.team.organization_id)
        .await?
        .admit(email.as_str())?;
    write(ctx, &page, &[(email.as_str(), role)]).await?;
    let found = find(ctx, team, email.as_str()).await?;
    found.ok_or_else(|| Error::internal("an invitation that was just written is not there"))
}

/// Holds addresses that the caller may be about to invite, so that nobody opens an account for one of them meanwhile. The
/// team is locked afterwards, as it is where an account is opened; who may not invite is refused then, and holds nothing.
/// [`invite`] does this itself: whoever locks the team before that calls it first.
///
/// # Errors
/// `Team not found: <id>`.
pub async fn hold(ctx: &mut Ctx, team: TeamId, emails: &[String]) -> Result<()> {
    let page = teams::load(ctx, team, teams::Lock::None).await?;
    if page.standing.may(Permission::MembersManage) {
        identity::hold(ctx, emails).await?;
    }
    Ok(())
}

/// Writes invitations, one to an address, and their audit records. The caller was authorised, has locked the team, and has
/// looked at each.
pub(super) async fn write(ctx: &mut Ctx, page: &TeamPage, invited: &[(&str, TeamRole)]) -> Result<()> {
    let (team, organization) = (page.team.id, page.team.organization_id);
    let there = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM team_invitations WHERE team_id = $1"#,
        team.0
    )
    .fetch_one(ctx.connection())
    .await?;
    if usize::try_from(there)
        .unwrap_or(usize::MAX)
        .saturating_add(invited.len())
        > MAX_ROSTER
    {
        return Err(Error::refused(
            Code::WrongState,
            format!("A team has at most {MAX_ROSTER} invitations, and this one has {there}: withdraw some first"),
        ));
    }
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let ids: Vec<Uuid> = invited.iter().map(|_| Uuid::now_v7()).collect();
    let emails: Vec<String> = invited.iter().map(|(email, _)| (*email).to_owned()).collect();
    let roles: Vec<String> = invited.iter().map(|(_, role)| role.to_string()).collect();
    sqlx::query!(
        "INSERT INTO team_invitations (id, team_id, email, role, invited_by, invited_at, expires_at)
        SELECT n.id, $1, n.email, n.role, $5, $6, $7 FROM unnest($2::uuid[], $3::text[], $4::text[]) AS n(id, email, role)
        ON CONFLICT (team_id, email) DO UPDATE SET role = excluded.role, invited_by = excluded.invited_by,
            invited_at = excluded.invited_at, expires_at = excluded.expires_at",
        team.0,
        &ids,
        &emails,
        &roles,
        by,
        now,
        now + VALID,
    )
    .execute(ctx.connection())
    .await?;
    let entries: Vec<audit::Entry<'_>> = (invited.iter().zip(ids))
        .map(|((email, role), id)| {
            audit::Entry::new("invitation.create", "invitation", id, email)
                .team(organization, team)
                .change(Value::Null, json!({"role": role, "expires_at": now + VALID}))
        })
        .collect();
    audit::record_many(ctx, &entries).await
}

/// What a list of invitations shows.
#[derive(Debug, Clone)]
pub struct InvitationQuery {
    /// Where an earlier page ended.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for InvitationQuery {
    fn default() -> Self {
        Self {
            cursor: None,
            limit: 50,
        }
    }
}

/// A team's invitations, newest first, for those who manage its members.
///
/// # Errors
/// As [`teams::get`]; 403 without the right; a cursor of another list.
pub async fn list(ctx: &mut Ctx, team: TeamId, query: &InvitationQuery) -> Result<Page<Invitation>> {
    let page = teams::open(ctx, team).await?;
    page.standing.require(Permission::MembersManage)?;
    let keyset = Keyset::<DateTime<Utc>>::read(query.cursor.as_deref(), query.limit)?;
    let now = ctx.now;
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.email, i.role, i.invited_at, i.expires_at, u.email AS "invited_by?"
        FROM team_invitations i LEFT JOIN users u ON u.id = i.invited_by
        WHERE i.team_id = $1 AND i.expires_at > $2
            AND ($3::timestamptz IS NULL OR CASE WHEN $5 THEN (i.invited_at, i.id) > ($3, $4)
                ELSE (i.invited_at, i.id) < ($3, $4) END)
        ORDER BY CASE WHEN $5 THEN i.invited_at END, CASE WHEN $5 THEN i.id END, i.invited_at DESC, i.id DESC LIMIT $6"#,
        team.0,
        now,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let items = rows.into_iter().map(Row::into_invitation).collect::<Result<Vec<_>>>()?;
    let total = count(ctx, team).await?;
    Ok(keyset.page(items, total, |item| (item.invited_at.to_rfc3339(), item.id.0)))
}

/// How many invitations of a team wait. The caller was authorised.
///
/// # Errors
/// When the database does not answer.
pub async fn count(ctx: &mut Ctx, team: TeamId) -> Result<i64> {
    let now = ctx.now;
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM team_invitations WHERE team_id = $1 AND expires_at > $2"#,
        team.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(count)
}

/// Withdraws an invitation.
///
/// # Errors
/// 403 without the right to manage members; 404 `Invitation not found: <id>`, also when the person has joined meanwhile.
pub async fn withdraw(ctx: &mut Ctx, team: TeamId, id: InvitationId) -> Result<()> {
    let page = manage(ctx, team).await?;
    let gone = sqlx::query!(
        "DELETE FROM team_invitations WHERE team_id = $1 AND id = $2 RETURNING email, role",
        team.0,
        id.0,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("Invitation", id))?;
    let entry = audit::Entry::new("invitation.withdraw", "invitation", id, &gone.email)
        .team(page.team.organization_id, team)
        .change(json!({"role": gone.role}), Value::Null);
    audit::record(ctx, entry).await
}

/// Makes somebody a member where their address was invited: their account is new, or it is only now that `email` is theirs
/// beyond doubt. What the organization no longer admits ends, and stops nothing else.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn accept(ctx: &mut Ctx, user: UserId, email: &str) -> Result<()> {
    let now = ctx.now;
    // In the order in which everything locks teams.
    let waiting = sqlx::query!(
        "SELECT i.id, i.team_id, i.role, i.invited_by, t.organization_id
        FROM team_invitations i JOIN teams t ON t.id = i.team_id
        WHERE i.email = $1 AND i.expires_at > $2 AND t.status <> 'archived'
            AND NOT EXISTS (SELECT FROM team_members m WHERE m.team_id = i.team_id AND m.user_id = $3)
        ORDER BY t.id FOR NO KEY UPDATE OF t",
        email,
        now,
        user.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in waiting {
        let (team, organization) = (TeamId(row.team_id), OrganizationId(row.organization_id));
        match organizations::ensure_member(ctx, organization, user, email).await {
            Ok(()) => {}
            Err(Error::Refused(Code::ForeignDomain, why)) => {
                let entry = audit::Entry::new("invitation.end", "invitation", row.id, email)
                    .team(organization, team)
                    .change(json!({"role": row.role}), json!({"reason": why}));
                audit::record(ctx, entry).await?;
                continue;
            }
            Err(error) => return Err(error),
        }
        let origin = Origin {
            source: MembershipSource::Invitation,
            by: row.invited_by,
        };
        insert(ctx, (organization, team), user, row.role.parse::<TeamRole>()?, origin).await?;
    }
    sqlx::query!("DELETE FROM team_invitations WHERE email = $1", email)
        .execute(ctx.connection())
        .await?;
    Ok(())
}

/// Ends invitations whose days are over; returns how many.
///
/// # Errors
/// When the database does not answer.
pub async fn end_overdue(backend: &Backend) -> Result<u64> {
    purge::in_batches(async || {
        let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
        let gone = sqlx::query!(
            "WITH gone AS (DELETE FROM team_invitations WHERE id IN (
                SELECT id FROM team_invitations WHERE expires_at <= statement_timestamp() LIMIT $1 FOR UPDATE SKIP LOCKED)
                RETURNING id, team_id, email, role, expires_at)
            SELECT gone.*, t.organization_id FROM gone JOIN teams t ON t.id = gone.team_id",
            purge::BATCH,
        )
        .fetch_all(ctx.connection())
        .await?;
        let entries: Vec<audit::Entry<'_>> = (gone.iter())
            .map(|row| {
                audit::Entry::new("invitation.end", "invitation", row.id, &row.email)
                    .team(OrganizationId(row.organization_id), TeamId(row.team_id))
                    .change(json!({"role": row.role, "expires_at": row.expires_at}), Value::Null)
            })
            .collect();
        audit::record_many(&mut ctx, &entries).await?;
        let count = entries.len();
        ctx.commit().await?;
        Ok(u64::try_from(count).unwrap_or(u64::MAX))
    })
    .await
}

struct Row {
    id: Uuid,
    email: String,
    role: String,
    invited_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    invited_by: Option<String>,
}

impl Row {
    fn into_invitation(self) -> Result<Invitation> {
        Ok(Invitation {
            id: InvitationId(self.id),
            email: self.email,
            role: self.role.parse()?,
            invited_at: self.invited_at,
            expires_at: self.expires_at,
            invited_by: self.invited_by,
        })
    }
}

async fn find(ctx: &mut Ctx, team: TeamId, email: &str) -> Result<Option<Invitation>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT i.id, i.email, i.role, i.invited_at, i.expires_at, u.email AS "invited_by?"
        FROM team_invitations i LEFT JOIN users u ON u.id = i.invited_by WHERE i.team_id = $1 AND i.email = $2"#,
        team.0,
        email,
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.map(Row::into_invitation).transpose()
}
