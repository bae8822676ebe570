//! What people in no team may put on runners (SPEC B16, B17), and how they get from there into teams.

mod input;
mod list;
mod migrate;
mod suggest;

use std::collections::{HashMap, HashSet};

use domain::{
    DEFAULT_ORGANIZATION, LabelPattern, OrganizationId, Permission, TeamId, UserId, UserLabelPolicy, UserRef,
    views::{DefaultTeamEffects, PersonPolicy, PolicyRemoval},
};
pub use input::{NewPolicy, NewPolicyInput};
pub use list::{PolicyQuery, list};
pub use migrate::{MigrationInput, PlannedTeam, PlannedTeamInput, migrate};
use serde_json::{Value, json};
pub use suggest::suggest;
use uuid::Uuid;

use crate::{Caller, Ctx, Error, Result, audit, organizations, users};

/// Whether the caller may write label policies: everybody's, or those of people in their organizations. Whose these are,
/// [`managed`] says.
pub fn may_manage(caller: &Caller) -> bool {
    match caller {
        Caller::System(..) => true,
        Caller::Machine(_) => false,
        Caller::Person(person, _) => person.is_admin(),
    }
}

/// Asks for that, before anything is looked up.
fn require_manager(caller: &Caller) -> Result<()> {
    if may_manage(caller) {
        return Ok(());
    }
    let refusal = organizations::standing(caller, DEFAULT_ORGANIZATION).refusal(Permission::DirectoryManage);
    Err(refusal.of("change people's label policies").into())
}

/// Somebody's own label policy, if there is one: for themselves, and for what was authorised by another area.
pub(crate) async fn of(ctx: &mut Ctx, user: UserId) -> Result<Option<UserLabelPolicy>> {
    let row = sqlx::query!(
        "SELECT allowed_labels, label_patterns, max_runners, require_approval FROM user_label_policies WHERE user_id = $1",
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(|row| UserLabelPolicy {
        allowed: row.allowed_labels,
        patterns: row.label_patterns.into_iter().map(LabelPattern::trusted).collect(),
        max_runners: row.max_runners,
        require_approval: row.require_approval,
    }))
}

/// The caller's own label policy; none for someone who has none, whatever the installation allows then.
///
/// # Errors
/// 403 for a program.
pub async fn mine(ctx: &mut Ctx) -> Result<Option<PersonPolicy>> {
    let person = ctx.person()?.id;
    load(ctx, person).await
}

/// The policy of somebody whom the caller may see.
///
/// # Errors
/// 403 for those who see nobody's; 404 `No policy found for user: <u>`, also for people in other organizations.
pub async fn get(ctx: &mut Ctx, user: &UserRef) -> Result<PersonPolicy> {
    find(ctx, user).await?.ok_or_else(|| missing(user))
}

/// As [`get`], where having none is no error.
///
/// # Errors
/// 403 for those who see nobody's.
pub async fn find(ctx: &mut Ctx, user: &UserRef) -> Result<Option<PersonPolicy>> {
    let scope = users::scope(&ctx.caller)?;
    let (id, email) = users::key(user);
    let id = sqlx::query_scalar!(
        "SELECT u.id FROM users u WHERE (u.id = $1 OR u.email = $2)
            AND ($3 OR EXISTS (SELECT FROM organization_members m WHERE m.user_id = u.id AND m.organization_id = ANY($4)))",
        id,
        email,
        scope.is_whole(),
        scope.organizations(),
    )
    .fetch_optional(ctx.connection())
    .await?;
    match id {
        Some(id) => load(ctx, UserId(id)).await,
        None => Ok(None),
    }
}

fn missing(user: &UserRef) -> Error {
    Error::refused(crate::Code::NotFound, format!("No policy found for user: {user}"))
}

/// A person's policy with all that is shown of it; the caller was authorised.
async fn load(ctx: &mut Ctx, user: UserId) -> Result<Option<PersonPolicy>> {
    let row = sqlx::query!(
        r#"SELECT u.email, u.display_name, u.deactivated_at IS NOT NULL AS "deactivated!", p.allowed_labels,
            p.label_patterns, p.max_runners, p.require_approval, p.description, c.email AS "created_by?", p.created_at,
            p.updated_at,
            (SELECT count(*) FROM runners r WHERE r.provisioned_by = u.id AND r.status <> 'deleted') AS "runners!",
            (SELECT count(*) FROM current_team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = u.id AND t.status = 'active' AND (NOT t.is_system OR t.runners_enabled)) AS "teams!"
        FROM user_label_policies p JOIN users u ON u.id = p.user_id LEFT JOIN users c ON c.id = p.created_by
        WHERE p.user_id = $1"#,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(row.map(|row| PersonPolicy {
        user_id: user,
        email: row.email,
        display_name: row.display_name,
        deactivated: row.deactivated,
        policy: UserLabelPolicy {
            allowed: row.allowed_labels,
            patterns: row.label_patterns.into_iter().map(LabelPattern::trusted).collect(),
            max_runners: row.max_runners,
            require_approval: row.require_approval,
        },
        description: row.description,
        created_by: row.created_by,
        created_at: row.created_at,
        updated_at: row.updated_at,
        runners: row.runners,
        teams: row.teams,
    }))
}

/// Somebody whose policy is about to change.
struct Person {
    id: UserId,
    email: String,
    /// The organization that the audit log keeps the change under: one that the caller administers and the person
    /// belongs to, else the person's only one.
    organization: Option<OrganizationId>,
}

/// A person, locked, whose policy the caller may change. While the lock lasts, the person provisions nothing.
///
/// # Errors
/// `User not found: <id>`, also for those whom [`writable`] leaves out.
async fn locked(ctx: &mut Ctx, user: &UserRef) -> Result<Person> {
    let (id, email) = users::key(user);
    let unknown = || Error::not_found("User", user);
    let row = sqlx::query!(
        "SELECT id, email FROM users WHERE id = $1 OR email = $2 FOR NO KEY UPDATE",
        id,
        email,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(unknown)?;
    let organization = writable(ctx, &[row.id]).await?.remove(&row.id).ok_or_else(unknown)?;
    Ok(Person {
        id: UserId(row.id),
        email: row.email,
        organization,
    })
}

/// Of these people those whose policies the caller may write, each with the organization that the audit log keeps a change
/// under. A super_admin writes everybody's. An org_admin writes those of the people of their organizations, but not of
/// guests, who are somebody else's people, nor of those who have a role in the whole installation. What the caller may is
/// read from the database.
async fn writable(ctx: &mut Ctx, people: &[Uuid]) -> Result<HashMap<Uuid, Option<OrganizationId>>> {
    let caller = ctx.caller.user_id().map(|id| id.0);
    let is_system = matches!(ctx.caller, Caller::System(..));
    let rows = sqlx::query!(
        r#"SELECT u.id, u.is_super_admin OR u.is_auditor AS "of_installation!",
            (SELECT m.organization_id FROM organization_members m JOIN organization_members a
                ON a.organization_id = m.organization_id AND a.user_id = $2 AND a.role = 'org_admin'
                WHERE m.user_id = u.id AND NOT m.is_guest ORDER BY m.organization_id LIMIT 1) AS administered,
            (SELECT min(m.organization_id::text)::uuid FROM organization_members m WHERE m.user_id = u.id
                HAVING count(*) = 1) AS sole,
            EXISTS (SELECT FROM users c WHERE c.id = $2 AND c.is_super_admin AND c.deactivated_at IS NULL) AS "whole!"
        FROM users u WHERE u.id = ANY($1)"#,
        people,
        caller,
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .filter(|row| is_system || row.whole || (row.administered.is_some() && !row.of_installation))
        .map(|row| (row.id, row.administered.or(row.sole).map(OrganizationId)))
        .collect())
}

/// Of these people those whose policies the caller may write: for pages, which offer it for no others.
///
/// # Errors
/// When the database does not answer.
pub async fn managed(ctx: &mut Ctx, people: &[UserId]) -> Result<HashSet<UserId>> {
    if !may_manage(&ctx.caller) {
        return Ok(HashSet::new());
    }
    let people: Vec<Uuid> = people.iter().map(|id| id.0).collect();
    Ok(writable(ctx, &people).await?.into_keys().map(UserId).collect())
}

/// Gives somebody a label policy, in place of the one they had.
///
/// # Errors
/// 403 for those who write nobody's; 404 `User not found: <id>`: a policy is about somebody who has an account, and whom
/// the caller may decide for.
pub async fn set(ctx: &mut Ctx, new: NewPolicy) -> Result<PersonPolicy> {
    require_manager(&ctx.caller)?;
    let person = locked(ctx, &new.user).await?;
    let before = load(ctx, person.id).await?;
    let description = new.description.map(String::from);
    let unchanged =
        (before.as_ref()).is_some_and(|before| before.policy == new.policy && before.description == description);
    if let (true, Some(before)) = (unchanged, &before) {
        return Ok(before.clone());
    }
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let patterns: Vec<String> = new.policy.patterns.iter().map(ToString::to_string).collect();
    sqlx::query!(
        "INSERT INTO user_label_policies (user_id, allowed_labels, label_patterns, max_runners, require_approval,
            description, created_at, updated_at, created_by)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)
        ON CONFLICT (user_id) DO UPDATE SET allowed_labels = excluded.allowed_labels,
            label_patterns = excluded.label_patterns, max_runners = excluded.max_runners,
            require_approval = excluded.require_approval, description = excluded.description,
            updated_at = excluded.updated_at",
        person.id.0,
        &new.policy.allowed,
        &patterns,
        new.policy.max_runners,
        new.policy.require_approval,
        description,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    let after = load(ctx, person.id)
        .await?
        .ok_or_else(|| Error::internal("a label policy that was just written is not there"))?;
    let action = if before.is_some() {
        "label_policy.update"
    } else {
        "label_policy.create"
    };
    let mut entry = audit::Entry::new(action, "label_policy", person.id, &person.email)
        .change(before.as_ref().map_or(Value::Null, fields), fields(&after));
    entry.organization = person.organization;
    audit::record(ctx, entry).await?;
    Ok(after)
}

/// Removes somebody's label policy.
///
/// # Errors
/// 403 for those who write nobody's; 404 `No policy found for user: <u>`.
pub async fn remove(ctx: &mut Ctx, user: &UserRef) -> Result<PersonPolicy> {
    require_manager(&ctx.caller)?;
    let person = locked(ctx, user).await.map_err(|error| match error {
        Error::Refused(crate::Code::NotFound, _) => missing(user),
        other => other,
    })?;
    let before = load(ctx, person.id).await?.ok_or_else(|| missing(user))?;
    sqlx::query!("DELETE FROM user_label_policies WHERE user_id = $1", person.id.0)
        .execute(ctx.connection())
        .await?;
    let mut entry = audit::Entry::new("label_policy.delete", "label_policy", person.id, &person.email)
        .change(fields(&before), Value::Null);
    entry.organization = person.organization;
    audit::record(ctx, entry).await?;
    Ok(before)
}

/// What [`remove`] would mean. The caller has [`get`] the policy.
pub fn preview_removal(ctx: &Ctx, policy: &PersonPolicy) -> PolicyRemoval {
    PolicyRemoval {
        teams: policy.teams,
        runners: policy.runners,
        everything_without: ctx.backend.settings.allow_without_label_policy,
    }
}

/// A policy as the audit log keeps it.
fn fields(policy: &PersonPolicy) -> Value {
    json!({
        "allowed_labels": policy.policy.allowed,
        "label_patterns": policy.policy.patterns,
        "max_runners": policy.policy.max_runners,
        "require_approval": policy.policy.require_approval,
        "description": policy.description,
    })
}

/// Whom it concerns when runners are enabled on the Default Team. The caller was authorised by the team's page.
///
/// # Errors
/// When the database does not answer.
pub async fn default_team_effects(ctx: &mut Ctx, team: TeamId) -> Result<DefaultTeamEffects> {
    let row = sqlx::query!(
        r#"SELECT count(*) AS "members!", count(*) FILTER (WHERE NOT EXISTS (
            SELECT FROM current_team_members o JOIN teams t ON t.id = o.team_id
            WHERE o.user_id = m.user_id AND o.team_id <> $1 AND t.status = 'active' AND NOT t.is_system)) AS "alone!"
        FROM current_team_members m WHERE m.team_id = $1"#,
        team.0,
    )
    .fetch_one(ctx.connection())
    .await?;
    Ok(DefaultTeamEffects {
        members: row.members,
        by_own_policy: row.alone,
    })
}
