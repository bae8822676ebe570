//! Guides through what admins do most (SPEC D9): how far they are, from what is there. Nothing here changes anything,
//! and each question is one query over the areas that it is about.

use chrono::TimeDelta;
use domain::{
    OrgRole, Permission, Standing, TeamId, TeamRole, UserId, UserRef,
    views::{ManagedTeam, PersonInTeam, TeamPage, TeamProgress},
};
use uuid::Uuid;

use crate::{Caller, Ctx, Error, Result, identity, organizations::Admission, teams};

/// How many teams there are to choose from; others are found from their own page.
pub const MAX_TEAMS: i64 = 500;

/// The active teams whose members the caller manages, by name; [`MAX_TEAMS`] of them.
///
/// # Errors
/// 403 for those who manage no team and no organization.
pub async fn managed_teams(ctx: &mut Ctx) -> Result<Vec<ManagedTeam>> {
    let (everything, organizations, own): (bool, Vec<Uuid>, Vec<Uuid>) = match &ctx.caller {
        Caller::System(..) => (true, Vec::new(), Vec::new()),
        Caller::Machine(_) => (false, Vec::new(), Vec::new()),
        Caller::Person(person, _) => {
            let administered = person
                .organizations
                .iter()
                .filter(|(_, role)| *role == OrgRole::OrgAdmin);
            let own = person.teams.iter().filter(|team| team.role == TeamRole::Admin);
            (
                person.super_admin,
                administered.map(|(id, _)| id.0).collect(),
                own.map(|team| team.team_id.0).collect(),
            )
        }
    };
    if !everything && organizations.is_empty() && own.is_empty() {
        return Err(Standing::default().refusal(Permission::MembersManage).into());
    }
    let rows = sqlx::query!(
        "SELECT t.id, t.name, o.name AS organization FROM teams t JOIN organizations o ON o.id = t.organization_id
        WHERE t.status = 'active' AND NOT t.is_system
            AND ($1 OR t.organization_id = ANY($2) OR t.id = ANY($3))
        ORDER BY lower(t.name), t.id LIMIT $4",
        everything,
        &organizations,
        &own,
        MAX_TEAMS,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ManagedTeam {
            id: TeamId(row.id),
            name: row.name,
            organization: row.organization,
        })
        .collect())
}

/// A team that the caller manages.
///
/// # Errors
/// As [`teams::get`]; 403 without the right to manage its members.
pub async fn team(ctx: &mut Ctx, id: TeamId) -> Result<TeamPage> {
    let page = teams::open(ctx, id).await?;
    page.standing.require(Permission::MembersManage)?;
    Ok(page)
}

/// A person with regard to a team that the caller manages, if there is such a person.
///
/// # Errors
/// 403 without the right.
pub async fn person(ctx: &mut Ctx, page: &TeamPage, user: &UserRef) -> Result<Option<PersonInTeam>> {
    page.standing.require(Permission::MembersManage)?;
    let team = &page.team;
    let (id, email) = match user {
        UserRef::Id(id) => (Some(id.0), None),
        UserRef::Email(email) => (None, Some(email.as_str())),
    };
    let (now, recent) = (ctx.now, ctx.now - TimeDelta::days(30));
    let row = sqlx::query!(
        r#"WITH who AS (SELECT * FROM users WHERE id = $2 OR email = $3 LIMIT 1),
            live AS (SELECT k.name, k.last_used_at FROM api_keys k JOIN who ON who.id = k.owner_id
                WHERE k.team_id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $5)),
            assigned AS (SELECT p.name FROM project_members m JOIN who ON who.id = m.user_id
                JOIN projects p ON p.id = m.project_id AND p.team_id = $1)
        SELECT who.id AS "id!", who.email AS "email!", who.display_name,
            who.deactivated_at IS NOT NULL AS "deactivated!", who.last_seen_at,
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = who.id AND i.email_denied) AS "doubtful!",
            o.role AS "org_role?", m.role AS "role?", m.joined_at AS "joined_at?",
            EXISTS (SELECT FROM current_team_admins a WHERE a.team_id = $1 AND a.user_id <> who.id) AS "other_admin!",
            (SELECT count(*) FROM assigned) AS "project_roles!",
            ARRAY(SELECT name FROM assigned ORDER BY lower(name) LIMIT 10) AS "project_names!: Vec<String>",
            (SELECT count(*) FROM live) AS "keys!",
            (SELECT count(*) FROM live WHERE last_used_at > $6) AS "recent_keys!",
            ARRAY(SELECT name FROM live ORDER BY last_used_at DESC NULLS LAST, name LIMIT 10) AS "key_names!: Vec<String>",
            (SELECT count(*) FROM runners r WHERE r.team_id = $1 AND r.provisioned_by = who.id AND r.status <> 'deleted')
                AS "runners!"
        FROM who LEFT JOIN organization_members o ON o.organization_id = $4 AND o.user_id = who.id
            LEFT JOIN current_team_members m ON m.team_id = $1 AND m.user_id = who.id"#,
        team.id.0,
        id,
        email,
        team.organization_id.0,
        now,
        recent,
    )
    .fetch_optional(ctx.connection())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let org_role: Option<OrgRole> = row.org_role.as_deref().map(str::parse).transpose()?;
    let not_admitted = if row.role.is_some() {
        None
    } else if row.doubtful {
        Some(identity::doubtful(&row.email))
    } else if org_role.is_some() {
        None
    } else {
        not_admitted(ctx, page, &row.email).await?
    };
    Ok(Some(PersonInTeam {
        id: UserId(row.id),
        email: row.email,
        display_name: row.display_name,
        deactivated: row.deactivated,
        org_role,
        not_admitted,
        role: row.role.as_deref().map(str::parse).transpose()?,
        joined_at: row.joined_at,
        last_seen_at: row.last_seen_at,
        other_admin: row.other_admin,
        project_roles: row.project_roles,
        project_names: row.project_names,
        keys: row.keys,
        recent_keys: row.recent_keys,
        key_names: row.key_names,
        runners: row.runners,
    }))
}

/// Why the team's organization would not take someone in (SPEC X10).
async fn not_admitted(ctx: &mut Ctx, page: &TeamPage, email: &str) -> Result<Option<String>> {
    let admission = Admission::load(ctx, page.team.organization_id).await?;
    match admission.admit(email) {
        Ok(()) => Ok(None),
        Err(Error::Refused(_, why)) => Ok(Some(why)),
        Err(error) => Err(error),
    }
}

/// How far a team is that the caller manages, beside what the team itself says.
///
/// # Errors
/// 403 without the right.
pub async fn progress(ctx: &mut Ctx, page: &TeamPage) -> Result<TeamProgress> {
    page.standing.require(Permission::MembersManage)?;
    let row = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM current_team_admins WHERE team_id = $1) AS "admins!",
            (SELECT count(*) FROM team_services a JOIN services s ON s.id = a.service_id
                WHERE a.team_id = $1 AND s.organization_id = $2) AS "services!",
            (SELECT count(*) FROM services WHERE organization_id = $2) AS "catalogue!""#,
        page.team.id.0,
        page.team.organization_id.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(TeamProgress {
        admins: row.admins,
        services: row.services,
        catalogue: row.catalogue,
    })
}
