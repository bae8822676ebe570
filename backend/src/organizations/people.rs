//! Who belongs to an organization, as what, and who is a guest.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    OrgRole, OrganizationId, Permission, UserId, UserRef,
    views::{DepartureEffects, OrganizationPerson, Page},
};
use serde_json::{Value, json};
use sqlx::{Postgres, QueryBuilder};
use uuid::Uuid;

use super::{Admission, Loaded, Lock, OrganizationKey, load, require};
use crate::{
    Caller, Code, Ctx, Error, Method, Result, audit,
    cursor::Cursor,
    identity, members,
    paging::{self, Start},
};

/// What to list.
#[derive(Debug, Clone)]
pub struct PeopleQuery {
    /// Part of a name or email address.
    pub search: Option<String>,
    /// Only this role.
    pub role: Option<OrgRole>,
    /// Only guests, or only those who are none.
    pub guest: Option<bool>,
    /// The place to go on from.
    pub cursor: Option<String>,
    /// Rows on a page, 1 to 1000.
    pub limit: i64,
}

impl Default for PeopleQuery {
    fn default() -> Self {
        Self {
            search: None,
            role: None,
            guest: None,
            cursor: None,
            limit: 50,
        }
    }
}

#[derive(sqlx::FromRow)]
struct Row {
    user_id: Uuid,
    email: String,
    display_name: Option<String>,
    role: String,
    is_guest: bool,
    created_at: DateTime<Utc>,
    added_by: Option<String>,
    deactivated: bool,
    teams: i64,
}

impl Row {
    fn into_person(self) -> Result<OrganizationPerson> {
        Ok(OrganizationPerson {
            user_id: UserId(self.user_id),
            email: self.email,
            display_name: self.display_name,
            role: self.role.parse()?,
            guest: self.is_guest,
            joined_at: self.created_at,
            added_by: self.added_by,
            deactivated: self.deactivated,
            team_count: self.teams,
        })
    }
}

const COLUMNS: &str = "SELECT m.user_id, u.email, u.display_name, m.role, m.is_guest, m.created_at,
    a.email AS added_by, u.deactivated_at IS NOT NULL AS deactivated,
    (SELECT count(*) FROM current_team_members tm JOIN teams t ON t.id = tm.team_id
        WHERE tm.user_id = m.user_id AND t.organization_id = m.organization_id AND t.status <> 'archived'
        AND NOT t.is_system) AS teams
    FROM organization_members m JOIN users u ON u.id = m.user_id LEFT JOIN users a ON a.id = m.added_by WHERE ";

/// The people of an organization by the time they joined, oldest first.
///
/// # Errors
/// 404 when there is no such organization; 403 for those who do not see it whole.
pub async fn list(ctx: &mut Ctx, key: &OrganizationKey, query: &PeopleQuery) -> Result<Page<OrganizationPerson>> {
    let loaded = load(ctx, key, Lock::None).await?;
    require(&loaded.standing, Permission::TeamView)?;
    let cursor = query.cursor.as_deref().map(Cursor::decode).transpose()?;
    let backwards = cursor.as_ref().is_some_and(|cursor| cursor.before);
    let limit = query.limit.clamp(1, 1000);
    let mut sql = QueryBuilder::new(COLUMNS);
    push_filters(&mut sql, query, loaded.id());
    if let Some(cursor) = &cursor {
        let time: DateTime<Utc> = cursor.key()?;
        sql.push(" AND (m.created_at, m.user_id) ")
            .push(if backwards { "<" } else { ">" })
            .push(" (")
            .push_bind(time)
            .push(", ")
            .push_bind(cursor.id)
            .push(")");
    }
    let direction = if backwards { " DESC" } else { " ASC" };
    sql.push(" ORDER BY m.created_at")
        .push(direction)
        .push(", m.user_id")
        .push(direction)
        .push(" LIMIT ")
        .push_bind(limit + 1);
    let rows: Vec<Row> = sql.build_query_as().fetch_all(ctx.connection()).await?;
    let rows = rows.into_iter().map(Row::into_person).collect::<Result<Vec<_>>>()?;
    let mut sql =
        QueryBuilder::new("SELECT count(*) FROM organization_members m JOIN users u ON u.id = m.user_id WHERE ");
    push_filters(&mut sql, query, loaded.id());
    let total = sql.build_query_scalar().fetch_one(ctx.connection()).await?;
    Ok(paging::page(
        rows,
        limit,
        Start::of(cursor.as_ref(), 0),
        total,
        |person| {
            let key = person.joined_at.to_rfc3339_opts(SecondsFormat::Micros, true);
            (key, person.user_id.0)
        },
    ))
}

fn push_filters(sql: &mut QueryBuilder<Postgres>, query: &PeopleQuery, organization: OrganizationId) {
    sql.push("m.organization_id = ").push_bind(organization.0);
    if let Some(role) = query.role {
        sql.push(" AND m.role = ").push_bind(role.as_str());
    }
    if let Some(guest) = query.guest {
        sql.push(" AND m.is_guest = ").push_bind(guest);
    }
    if let Some(pattern) = paging::search(query.search.as_deref()) {
        sql.push(" AND (u.email ILIKE ")
            .push_bind(pattern.clone())
            .push(" OR u.display_name ILIKE ")
            .push_bind(pattern)
            .push(")");
    }
}

/// Adds a person. Someone from outside the email domains comes in only as a guest; someone from inside is never one.
///
/// # Errors
/// 403 without the right; 404 `User not found: <id>`; 409 `User <email> is already a member of organization <name>` and
/// `The address of <email> was never verified`; 400 `User <email> is not in this organization's email domains (<list>)`.
pub async fn add(
    ctx: &mut Ctx,
    key: &OrganizationKey,
    user: &UserRef,
    role: OrgRole,
    guest: bool,
) -> Result<OrganizationPerson> {
    let loaded = managed(ctx, key).await?;
    let (user, email) = identity::find(ctx, user).await?;
    let present = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM organization_members WHERE organization_id = $1 AND user_id = $2) AS "there!""#,
        loaded.id().0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    let name = &loaded.organization.name;
    let already = || {
        let words = format!("User {email} is already a member of organization {name}");
        Error::refused(Code::AlreadyMember, words)
    };
    if present {
        return Err(already());
    }
    identity::require_settled(ctx, user, &email).await?;
    let admission = Admission::load(ctx, loaded.id()).await?;
    if !guest {
        admission.admit(&email)?;
    }
    let guest = guest && !admission.owns(&email);
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO organization_members (organization_id, user_id, role, is_guest, created_at, added_by)
        VALUES ($1, $2, $3, $4, $5, $6)",
        loaded.id().0,
        user.0,
        role.as_str(),
        guest,
        now,
        by,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| default_has_no_admin(error).on_constraint("organization_members_pkey", already))?;
    let after = json!({"role": role, "guest": guest});
    record(
        ctx,
        "organization.member_add",
        &loaded,
        user,
        &email,
        Value::Null,
        after,
    )
    .await?;
    one(ctx, loaded.id(), user).await?.ok_or_else(missing)
}

/// Changes someone's role.
///
/// # Errors
/// 403 without the right; 404 `User is not a member of this organization`; 400 `Cannot remove last organization admin`.
pub async fn change_role(
    ctx: &mut Ctx,
    key: &OrganizationKey,
    user: &UserRef,
    role: OrgRole,
) -> Result<OrganizationPerson> {
    let loaded = managed(ctx, key).await?;
    let person = find(ctx, loaded.id(), user).await?;
    if person.role == role {
        return Ok(person);
    }
    require_other_admin(ctx, &loaded, &person).await?;
    sqlx::query!(
        "UPDATE organization_members SET role = $3,
            -- What somebody decides by hand no directory undoes (SPEC X11).
            source = CASE WHEN source = 'idp' THEN 'manual' ELSE source END
        WHERE organization_id = $1 AND user_id = $2",
        loaded.id().0,
        person.user_id.0,
        role.as_str(),
    )
    .execute(ctx.connection())
    .await
    .map_err(default_has_no_admin)?;
    let (before, after) = (json!({"role": person.role}), json!({"role": role}));
    record(
        ctx,
        "organization.member_role",
        &loaded,
        person.user_id,
        &person.email,
        before,
        after,
    )
    .await?;
    Ok(OrganizationPerson { role, ..person })
}

/// Takes someone out of an organization: their memberships of its teams end, with project roles and keys. Runners stay.
///
/// # Errors
/// 403 without the right; 404 `User is not a member of this organization`; 400 `Cannot remove last organization admin`
/// or, with the teams' names, `Cannot remove last team admin`.
pub async fn remove(ctx: &mut Ctx, key: &OrganizationKey, user: &UserRef) -> Result<DepartureEffects> {
    let loaded = managed(ctx, key).await?;
    let person = find(ctx, loaded.id(), user).await?;
    require_other_admin(ctx, &loaded, &person).await?;
    // First, so that nobody who sees the membership adds the person to one more team: see `ensure_member`.
    sqlx::query!(
        "DELETE FROM organization_members WHERE organization_id = $1 AND user_id = $2",
        loaded.id().0,
        person.user_id.0,
    )
    .execute(ctx.connection())
    .await?;
    let effects = members::organization::depart(ctx, loaded.id(), person.user_id, &person.email).await?;
    let before = json!({
        "role": person.role,
        "guest": person.guest,
        "teams": effects.teams,
        "project_roles": effects.project_roles,
        "keys": effects.keys,
    });
    let (id, email) = (person.user_id, &person.email);
    record(
        ctx,
        "organization.member_remove",
        &loaded,
        id,
        email,
        before,
        Value::Null,
    )
    .await?;
    Ok(effects)
}

/// What [`remove`] would do, in numbers; also when it would be refused for the sake of a team's last admin.
///
/// # Errors
/// As [`remove`] otherwise.
pub async fn preview_removal(ctx: &mut Ctx, key: &OrganizationKey, user: &UserRef) -> Result<DepartureEffects> {
    let loaded = load(ctx, key, Lock::None).await?;
    require(&loaded.standing, Permission::DirectoryManage)?;
    let person = find(ctx, loaded.id(), user).await?;
    require_other_admin(ctx, &loaded, &person).await?;
    members::organization::preview_departure(ctx, loaded.id(), person.user_id, &person.email).await
}

/// The organization, locked, for someone who manages its people.
async fn managed(ctx: &mut Ctx, key: &OrganizationKey) -> Result<Loaded> {
    let loaded = load(ctx, key, Lock::Update).await?;
    require(&loaded.standing, Permission::DirectoryManage)?;
    Ok(loaded)
}

/// An organization's last admin goes only by a super_admin's hand, and a job is nobody's. The organization is locked, so
/// that two cannot take each other out at once. Deactivated people do not count.
async fn require_other_admin(ctx: &mut Ctx, loaded: &Loaded, leaving: &OrganizationPerson) -> Result<()> {
    let by_hand = !matches!(ctx.caller, Caller::System(_, Method::System));
    if leaving.role != OrgRole::OrgAdmin || (loaded.standing.super_admin && by_hand) {
        return Ok(());
    }
    if other_admin(ctx, loaded.id(), leaving.user_id).await? {
        return Ok(());
    }
    Err(Error::refused(
        Code::LastOrgAdmin,
        "Cannot remove last organization admin. First make someone else org_admin, or ask a super_admin.",
    ))
}

/// Whether an organization has an active org_admin beside this one. The caller has locked it.
pub(crate) async fn other_admin(ctx: &mut Ctx, organization: OrganizationId, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM organization_members m JOIN users u ON u.id = m.user_id
            WHERE m.organization_id = $1 AND m.role = 'org_admin' AND m.user_id <> $2 AND u.deactivated_at IS NULL)
            AS "other!""#,
        organization.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

async fn find(ctx: &mut Ctx, organization: OrganizationId, user: &UserRef) -> Result<OrganizationPerson> {
    let user = match user {
        UserRef::Id(id) => *id,
        UserRef::Email(_) => identity::find(ctx, user).await.map_err(|_| missing())?.0,
    };
    one(ctx, organization, user).await?.ok_or_else(missing)
}

/// Somebody's place in an organization, if they have one. The caller was authorised.
pub(crate) async fn one(
    ctx: &mut Ctx,
    organization: OrganizationId,
    user: UserId,
) -> Result<Option<OrganizationPerson>> {
    let mut sql = QueryBuilder::new(COLUMNS);
    sql.push("m.organization_id = ")
        .push_bind(organization.0)
        .push(" AND m.user_id = ")
        .push_bind(user.0);
    let row: Option<Row> = sql.build_query_as().fetch_optional(ctx.connection()).await?;
    row.map(Row::into_person).transpose()
}

fn missing() -> Error {
    Error::refused(Code::NotFound, "User is not a member of this organization")
}

fn default_has_no_admin(error: sqlx::Error) -> Error {
    Error::from(error).on_constraint("organization_members_default_has_no_admin", || {
        Error::invalid(
            "role",
            "must not be org_admin: only super_admins administer the default organization",
        )
    })
}

async fn record(
    ctx: &mut Ctx,
    action: &'static str,
    loaded: &Loaded,
    user: UserId,
    email: &str,
    before: Value,
    after: Value,
) -> Result<()> {
    ctx.touch(user);
    let mut entry = audit::Entry::new(action, "user", user, email).change(before, after);
    entry.organization = Some(loaded.id());
    audit::record(ctx, entry).await
}
