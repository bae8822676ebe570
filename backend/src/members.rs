//! Who belongs to a team, and as what.

pub(crate) mod organization;

use domain::{
    Permission, TeamId, TeamRole, TeamStatus, UserId, UserRef,
    views::{Member, Page, RemovalEffects, Team, TeamPage},
};
use serde_json::json;
use uuid::Uuid;

use crate::{Code, Ctx, Error, Result, audit, cursor::Cursor, identity, organizations, teams};

/// The fix that the seed prints beside the literal (SPEC D5).
const LAST_ADMIN: &str =
    "Cannot remove last team admin. First promote another member to team_admin, then remove or demote this one.";

/// A team's members by the time they joined, oldest first.
///
/// # Errors
/// As [`teams::get`]; 403 `Team is inactive` for members of an inactive team.
pub async fn list(ctx: &mut Ctx, team: TeamId, cursor: Option<&str>, limit: i64) -> Result<(TeamPage, Page<Member>)> {
    let page = teams::open(ctx, team).await?;
    let cursor = cursor.map(Cursor::decode).transpose()?;
    let before = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let (time, id) = match &cursor {
        Some(cursor) => {
            let time = cursor
                .key
                .parse()
                .map_err(|_| Error::invalid("cursor", "does not fit this list"))?;
            (Some(time), Some(cursor.id))
        }
        None => (None::<chrono::DateTime<chrono::Utc>>, None),
    };
    let limit = limit.clamp(1, 1000);
    let mut rows = sqlx::query!(
        r#"SELECT m.user_id, u.email, u.display_name, m.role, m.joined_at, a.email AS "added_by?",
            u.deactivated_at IS NOT NULL AS "deactivated!"
        FROM team_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by
        WHERE m.team_id = $1 AND ($2::timestamptz IS NULL
            OR (NOT $4 AND (m.joined_at, m.user_id) > ($2, $3)) OR ($4 AND (m.joined_at, m.user_id) < ($2, $3)))
        ORDER BY CASE WHEN $4 THEN m.joined_at END DESC, CASE WHEN $4 THEN m.user_id END DESC,
            m.joined_at, m.user_id
        LIMIT $5"#,
        team.0,
        time,
        id,
        before,
        limit + 1,
    )
    .fetch_all(ctx.connection())
    .await?;
    let size = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    if before {
        rows.reverse();
    }
    let items: Vec<Member> = rows
        .into_iter()
        .map(|row| {
            Ok(Member {
                user_id: UserId(row.user_id),
                email: row.email,
                display_name: row.display_name,
                role: row.role.parse()?,
                joined_at: row.joined_at,
                added_by: row.added_by,
                deactivated: row.deactivated,
            })
        })
        .collect::<Result<_>>()?;
    let place = |member: &Member, before| {
        let key = member.joined_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
        Cursor {
            key,
            id: member.user_id.0,
            before,
        }
        .encode()
    };
    let has_next = if before { true } else { more };
    let has_previous = if before { more } else { cursor.is_some() };
    let page_of_members = Page {
        next: items.last().filter(|_| has_next).map(|member| place(member, false)),
        previous: items.first().filter(|_| has_previous).map(|member| place(member, true)),
        total: page.team.member_count.into(),
        items,
    };
    Ok((page, page_of_members))
}

/// Adds a person to a team.
///
/// # Errors
/// 404 `User not found: <id>`; 409 `User <email> is already a member of team <name>`; 403 without
/// the right.
pub async fn add(ctx: &mut Ctx, team: TeamId, user: &UserRef, role: TeamRole) -> Result<Member> {
    let page = manage(ctx, team).await?;
    let (user, email) = identity::find(ctx, user).await?;
    insert(ctx, &page.team, user, role).await.map_err(|error| {
        error.on_constraint("team_members_pkey", || {
            Error::refused(
                Code::AlreadyMember,
                format!("User {email} is already a member of team {}", page.team.name),
            )
        })
    })?;
    organizations::ensure_member(ctx, page.team.organization_id, user, &email).await?;
    get(ctx, team, user)
        .await?
        .ok_or_else(|| Error::internal("a member that was just added is not there"))
}

/// The row and its audit record; the caller was authorised.
pub(crate) async fn insert(ctx: &mut Ctx, team: &Team, user: UserId, role: TeamRole) -> Result<()> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let email = sqlx::query_scalar!(
        r#"WITH added AS (
            INSERT INTO team_members (team_id, user_id, role, joined_at, added_by) VALUES ($1, $2, $3, $4, $5)
            RETURNING user_id)
        SELECT u.email FROM added JOIN users u ON u.id = added.user_id"#,
        team.id.0,
        user.0,
        role.as_str(),
        now,
        by,
    )
    .fetch_one(ctx.connection())
    .await?;
    ctx.touch(user);
    let entry = audit::Entry::new("member.add", "member", user, &email)
        .team(team.organization_id, team.id)
        .change(json!(null), json!({"role": role}));
    audit::record(ctx, entry).await
}

/// Changes a member's role.
///
/// # Errors
/// 404 `User is not a member of this team`; 400 `Cannot remove last team admin` (SPEC D5).
pub async fn change_role(ctx: &mut Ctx, team: TeamId, user: &UserRef, role: TeamRole) -> Result<Member> {
    let page = manage(ctx, team).await?;
    let member = find_member(ctx, team, user).await?;
    if member.role == role {
        return Ok(member);
    }
    if member.role == TeamRole::Admin {
        require_other_admin(ctx, team, member.user_id).await?;
    }
    sqlx::query!(
        "UPDATE team_members SET role = $3 WHERE team_id = $1 AND user_id = $2",
        team.0,
        member.user_id.0,
        role.as_str(),
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch(member.user_id);
    let entry = audit::Entry::new("member.role", "member", member.user_id, &member.email)
        .team(page.team.organization_id, team)
        .change(json!({"role": member.role}), json!({"role": role}));
    audit::record(ctx, entry).await?;
    Ok(Member { role, ..member })
}

/// Removes a member, with the project roles in the team (SPEC D4). Runners stay (SPEC X12). Members
/// may remove themselves.
///
/// # Errors
/// 404 `User is not a member of this team`; 400 `Cannot remove last team admin`.
pub async fn remove(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<RemovalEffects> {
    let (page, member) = removable(ctx, team, user).await?;
    if member.role == TeamRole::Admin {
        require_other_admin(ctx, team, member.user_id).await?;
    }
    let effects = effects(ctx, team, &member).await?;
    sqlx::query!(
        "DELETE FROM project_members m USING projects p
        WHERE p.id = m.project_id AND p.team_id = $1 AND m.user_id = $2",
        team.0,
        member.user_id.0,
    )
    .execute(ctx.connection())
    .await?;
    sqlx::query!(
        "DELETE FROM team_members WHERE team_id = $1 AND user_id = $2",
        team.0,
        member.user_id.0
    )
    .execute(ctx.connection())
    .await?;
    ctx.touch(member.user_id);
    let entry = audit::Entry::new("member.remove", "member", member.user_id, &member.email)
        .team(page.team.organization_id, team)
        .change(
            json!({"role": member.role, "project_roles": effects.project_roles}),
            json!(null),
        );
    audit::record(ctx, entry).await?;
    Ok(effects)
}

/// What [`remove`] would do, in numbers.
///
/// # Errors
/// As [`remove`].
pub async fn preview_removal(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<RemovalEffects> {
    let (_, member) = removable(ctx, team, user).await?;
    effects(ctx, team, &member).await
}

/// The team, locked, for someone who may manage its members.
async fn manage(ctx: &mut Ctx, team: TeamId) -> Result<TeamPage> {
    let page = teams::locked_for(ctx, team, Permission::MembersManage).await?;
    teams::require_not_archived(&page)?;
    Ok(page)
}

/// The team, locked, and the member, for someone who may remove that member: a manager, or the
/// member (leaving needs no right, even from an inactive team).
async fn removable(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<(TeamPage, Member)> {
    let page = teams::load(ctx, team, teams::Lock::Update).await?;
    let own = match user {
        UserRef::Id(id) => ctx.caller.user_id() == Some(*id),
        UserRef::Email(email) => ctx.caller.user_id().is_some() && ctx.caller.name() == email.as_str(),
    };
    if !own || page.team.status == TeamStatus::Archived {
        manage(ctx, team).await?;
    } else if page.standing.team.is_none() {
        page.standing.require(Permission::MembersManage)?;
    }
    let member = find_member(ctx, team, user).await?;
    Ok((page, member))
}

async fn effects(ctx: &mut Ctx, team: TeamId, member: &Member) -> Result<RemovalEffects> {
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM project_members m JOIN projects p ON p.id = m.project_id
                WHERE p.team_id = $1 AND m.user_id = $2) AS "project_roles!",
            (SELECT count(*) FROM runners WHERE team_id = $1 AND provisioned_by = $2 AND status <> 'deleted') AS "runners!""#,
        team.0,
        member.user_id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(RemovalEffects {
        email: member.email.clone(),
        project_roles: row.project_roles,
        runners: row.runners,
    })
}

/// The guard that keeps a team's last admin (SPEC D5). The team's row is locked, so that two admins
/// can not remove each other at the same time. Deactivated people do not count.
async fn require_other_admin(ctx: &mut Ctx, team: TeamId, leaving: UserId) -> Result<()> {
    let other = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM team_members m JOIN users u ON u.id = m.user_id
            WHERE m.team_id = $1 AND m.role = 'admin' AND m.user_id <> $2 AND u.deactivated_at IS NULL) AS "other!""#,
        team.0,
        leaving.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    if other {
        Ok(())
    } else {
        Err(Error::refused(Code::LastAdmin, LAST_ADMIN))
    }
}

async fn find_member(ctx: &mut Ctx, team: TeamId, user: &UserRef) -> Result<Member> {
    let missing = || Error::refused(Code::NotFound, "User is not a member of this team");
    let user = match user {
        UserRef::Id(id) => *id,
        UserRef::Email(_) => identity::find(ctx, user).await.map_err(|_| missing())?.0,
    };
    get(ctx, team, user).await?.ok_or_else(missing)
}

async fn get(ctx: &mut Ctx, team: TeamId, user: UserId) -> Result<Option<Member>> {
    let row = sqlx::query!(
        r#"SELECT u.email, u.display_name, m.role, m.joined_at, a.email AS "added_by?",
            u.deactivated_at IS NOT NULL AS "deactivated!"
        FROM team_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by
        WHERE m.team_id = $1 AND m.user_id = $2"#,
        team.0,
        Uuid::from(user),
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.map(|row| {
        Ok(Member {
            user_id: user,
            email: row.email,
            display_name: row.display_name,
            role: row.role.parse()?,
            joined_at: row.joined_at,
            added_by: row.added_by,
            deactivated: row.deactivated,
        })
    })
    .transpose()
}
