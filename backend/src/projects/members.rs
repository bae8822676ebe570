//! Who is assigned to a project, and as what.

use domain::{
    ProjectId, ProjectRight, ProjectRole, ProjectStanding, TeamId, UserId, UserRef,
    views::{Page, ProjectMember, ProjectPage, ProjectRemoval},
};
use serde_json::{Value, json};

use super::access;
use crate::{Code, Ctx, Error, Result, audit, identity, keys, keyset::Keyset};

/// Who has access to a project through the team, by email: those who are assigned to it, and the team's admins.
/// (Organization admins and super_admins have access too; they are not listed.)
///
/// # Errors
/// 403 and 404 for those who do not see the project.
pub async fn list(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    cursor: Option<&str>,
    limit: i64,
) -> Result<(ProjectPage, Page<ProjectMember>)> {
    let page = access::open(ctx, team, project).await?;
    let members = list_of(ctx, &page, cursor, limit).await?;
    Ok((page, members))
}

/// The same, of a project as the page has loaded it, so that the rights were checked once.
///
/// # Errors
/// When the cursor is none of this list's.
pub async fn list_of(
    ctx: &mut Ctx,
    page: &ProjectPage,
    cursor: Option<&str>,
    limit: i64,
) -> Result<Page<ProjectMember>> {
    let keyset = Keyset::<String>::read(cursor, limit)?;
    let (team, project) = (page.team.team.id, page.project.id);
    let now = ctx.now;
    let rows = sqlx::query!(
        r#"SELECT u.id, u.email, u.display_name, m.role AS "role?", m.added_at AS "added_at?", a.email AS "added_by?",
            u.deactivated_at IS NOT NULL AS "deactivated!", p.admin AS "admin!",
            (SELECT count(*) FROM api_keys k WHERE k.project_id = $1 AND k.owner_id = u.id AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $3)) AS "keys!"
        FROM (SELECT user_id, bool_or(admin) AS admin FROM (
                SELECT user_id, false AS admin FROM project_members WHERE project_id = $1
                UNION ALL
                SELECT user_id, true FROM current_team_members WHERE team_id = $2 AND role = 'admin'
            ) people GROUP BY user_id) p
            JOIN users u ON u.id = p.user_id
            LEFT JOIN project_members m ON m.project_id = $1 AND m.user_id = p.user_id
            LEFT JOIN users a ON a.id = m.added_by
        WHERE $4::text IS NULL OR (NOT $6 AND (u.email, u.id) > ($4, $5)) OR ($6 AND (u.email, u.id) < ($4, $5))
        ORDER BY CASE WHEN $6 THEN u.email END DESC, u.email LIMIT $7"#,
        project.0,
        team.0,
        now,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let items = rows
        .into_iter()
        .map(|row| {
            Ok(ProjectMember {
                user_id: UserId(row.id),
                email: row.email,
                display_name: row.display_name,
                role: row.role.as_deref().map(str::parse).transpose()?,
                implicit: row.admin,
                added_at: row.added_at,
                added_by: row.added_by,
                keys: row.keys,
                deactivated: row.deactivated,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM (
            SELECT user_id FROM project_members WHERE project_id = $1
            UNION
            SELECT user_id FROM current_team_members WHERE team_id = $2 AND role = 'admin') people"#,
        project.0,
        team.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let place = |member: &ProjectMember| (member.email.clone(), member.user_id.0);
    Ok(keyset.page(items, total, place))
}

/// The first people of the team, by email, who are not assigned to a project: email and name. For the form that
/// assigns them; `page` is the project as the page has loaded it, for someone who may.
///
/// # Errors
/// 403 for someone who may not.
pub async fn candidates(ctx: &mut Ctx, page: &ProjectPage, limit: i64) -> Result<Vec<(String, Option<String>)>> {
    page.standing.require(ProjectRight::ManageMembers)?;
    let rows = sqlx::query!(
        "SELECT u.email, u.display_name FROM current_team_members t JOIN users u ON u.id = t.user_id
        WHERE t.team_id = $1 AND u.deactivated_at IS NULL
            AND NOT EXISTS (SELECT FROM project_members m WHERE m.project_id = $2 AND m.user_id = t.user_id)
        ORDER BY u.email LIMIT $3",
        page.team.team.id.0,
        page.project.id.0,
        limit,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (row.email, row.display_name)).collect())
}

/// Someone with access to a project.
///
/// # Errors
/// 404 `User is not a member of this project`; 403 and 404 for those who do not see the project.
pub async fn get(ctx: &mut Ctx, team: TeamId, project: ProjectId, user: &UserRef) -> Result<ProjectMember> {
    let page = access::open(ctx, team, project).await?;
    let (user, _) = find(ctx, user, not_in_project).await?;
    one(ctx, &page, user).await?.ok_or_else(not_in_project)
}

/// Assigns someone of the team to a project, or changes their role in it. Says whether they were assigned now.
///
/// # Errors
/// 404 `User is not a member of this team`; 403 without the right.
pub async fn set(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    user: &UserRef,
    role: ProjectRole,
) -> Result<(ProjectMember, bool)> {
    let page = manage(ctx, team, project).await?;
    let not_in_team = || Error::refused(Code::NotFound, "User is not a member of this team");
    let (user, email) = find(ctx, user, not_in_team).await?;
    let before = access::standing_of(ctx, &page, user).await?;
    if before.team.team.is_none() {
        return Err(not_in_team());
    }
    if before.role != Some(role) {
        let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
        sqlx::query!(
            "INSERT INTO project_members (project_id, user_id, role, added_at, added_by) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (project_id, user_id) DO UPDATE SET role = excluded.role",
            project.0,
            user.0,
            role.as_str(),
            now,
            by,
        )
        .execute(ctx.connection())
        .await?;
        ctx.touch(user);
        let action = match before.role {
            None => "project.member_add",
            Some(_) => "project.member_role",
        };
        let was = before.role.map_or(Value::Null, |role| fields(&page, role));
        record(ctx, &page, action, (user, &email), was, fields(&page, role)).await?;
    }
    let member = one(ctx, &page, user).await?;
    let member = member.ok_or_else(|| Error::internal("a role that was just given is not there"))?;
    Ok((member, before.role.is_none()))
}

/// Takes someone's role in a project, and revokes their keys in it unless they keep access as an admin. People may
/// take themselves out.
///
/// # Errors
/// 404 `User is not a member of this project`; 403 without the right.
pub async fn remove(ctx: &mut Ctx, team: TeamId, project: ProjectId, user: &UserRef) -> Result<ProjectRemoval> {
    let (page, user, role, effects) = removable(ctx, team, project, user).await?;
    sqlx::query!(
        "DELETE FROM project_members WHERE project_id = $1 AND user_id = $2",
        project.0,
        user.0
    )
    .execute(ctx.connection())
    .await?;
    if !effects.keeps_access {
        keys::revoke_of_project_member(ctx, project, user).await?;
    }
    ctx.touch(user);
    let mut before = fields(&page, role);
    before["keys"] = json!(effects.keys);
    record(
        ctx,
        &page,
        "project.member_remove",
        (user, &effects.email),
        before,
        Value::Null,
    )
    .await?;
    Ok(effects)
}

/// What [`remove`] would do, in numbers.
///
/// # Errors
/// As [`remove`].
pub async fn preview_removal(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    user: &UserRef,
) -> Result<ProjectRemoval> {
    removable(ctx, team, project, user)
        .await
        .map(|(_, _, _, effects)| effects)
}

async fn manage(ctx: &mut Ctx, team: TeamId, project: ProjectId) -> Result<ProjectPage> {
    let page = access::locked(ctx, team, project).await?;
    page.standing.require(ProjectRight::ManageMembers)?;
    Ok(page)
}

async fn removable(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    user: &UserRef,
) -> Result<(ProjectPage, UserId, ProjectRole, ProjectRemoval)> {
    let page = access::locked(ctx, team, project).await?;
    let found = find(ctx, user, not_in_project).await;
    let own = matches!(&found, Ok((user, _)) if ctx.caller.user_id() == Some(*user));
    if !own {
        page.standing.require(ProjectRight::ManageMembers)?;
    }
    let (user, email) = found?;
    let standing = access::standing_of(ctx, &page, user).await?;
    let role = standing.role.ok_or_else(not_in_project)?;
    let keeps_access = ProjectStanding { role: None, ..standing }.may(ProjectRight::OwnKeys);
    let now = ctx.now;
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM api_keys WHERE project_id = $1 AND owner_id = $2 AND revoked_at IS NULL
                AND (expires_at IS NULL OR expires_at > $3)) AS "keys!",
            (SELECT count(*) FROM runners WHERE project_id = $1 AND provisioned_by = $2 AND status <> 'deleted') AS "runners!""#,
        project.0,
        user.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?;
    let effects = ProjectRemoval {
        email,
        keys: if keeps_access { 0 } else { row.keys },
        keeps_access,
        runners: row.runners,
    };
    Ok((page, user, role, effects))
}

/// A person whom a request names. Whether there is such an account is nobody's business here.
async fn find(ctx: &mut Ctx, user: &UserRef, missing: impl FnOnce() -> Error) -> Result<(UserId, String)> {
    identity::find(ctx, user).await.map_err(|error| match error.code() {
        Code::NotFound => missing(),
        _ => error,
    })
}

fn not_in_project() -> Error {
    Error::refused(Code::NotFound, "User is not a member of this project")
}

/// Someone with a role in the project, or an admin of its team.
async fn one(ctx: &mut Ctx, page: &ProjectPage, user: UserId) -> Result<Option<ProjectMember>> {
    let now = ctx.now;
    let row = sqlx::query!(
        r#"SELECT u.email, u.display_name, m.role AS "role?", m.added_at AS "added_at?", a.email AS "added_by?",
            u.deactivated_at IS NOT NULL AS "deactivated!", t.user_id IS NOT NULL AS "admin!",
            (SELECT count(*) FROM api_keys k WHERE k.project_id = $1 AND k.owner_id = u.id AND k.revoked_at IS NULL
                AND (k.expires_at IS NULL OR k.expires_at > $3)) AS "keys!"
        FROM users u
            LEFT JOIN project_members m ON m.project_id = $1 AND m.user_id = u.id
            LEFT JOIN users a ON a.id = m.added_by
            LEFT JOIN current_team_members t ON t.team_id = $2 AND t.user_id = u.id AND t.role = 'admin'
        WHERE u.id = $4 AND (m.user_id IS NOT NULL OR t.user_id IS NOT NULL)"#,
        page.project.id.0,
        page.team.team.id.0,
        now,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    row.map(|row| {
        Ok(ProjectMember {
            user_id: user,
            email: row.email,
            display_name: row.display_name,
            role: row.role.as_deref().map(str::parse).transpose()?,
            implicit: row.admin,
            added_at: row.added_at,
            added_by: row.added_by,
            keys: row.keys,
            deactivated: row.deactivated,
        })
    })
    .transpose()
}

fn fields(page: &ProjectPage, role: ProjectRole) -> Value {
    json!({"project": page.project.name, "role": role})
}

async fn record(
    ctx: &mut Ctx,
    page: &ProjectPage,
    action: &'static str,
    (user, email): (UserId, &str),
    before: Value,
    after: Value,
) -> Result<()> {
    let entry = audit::Entry::new(action, "project_member", user, email)
        .team(page.team.team.organization_id, page.team.team.id)
        .change(before, after);
    audit::record(ctx, entry).await
}
