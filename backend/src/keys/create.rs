//! Making a key.

use chrono::{DateTime, Utc};
use domain::{
    KeyId, KeyName, ProjectId, ProjectRight, TeamId, UserId, UserRef, check_end,
    views::{Key, ProjectPage},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{MAX_KEYS, PREFIX, SHOWN, Secret, list, require_secret_of, taken};
use crate::{Code, Ctx, Error, Result, audit, identity, projects::access};

/// A key to be made.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Name, unique among the project's keys.
    pub name: KeyName,
    /// When it ends; none is never.
    pub expires_at: Option<DateTime<Utc>>,
    /// Whose it shall be; none is the caller's.
    pub owner: Option<UserRef>,
}

/// Makes a key of a project, for the caller or for somebody else with access to the project who stands no higher.
///
/// # Errors
/// 403 without the right; 404 `User is not a member of this team` for an owner who is none; 409 when the name is taken
/// or the project has as many keys as it can; an end that [`check_end`] refuses; an owner without access.
pub async fn create(ctx: &mut Ctx, team: TeamId, project: ProjectId, new: &NewKey) -> Result<(Key, Secret)> {
    let page = access::locked(ctx, team, project).await?;
    let owner = owner(ctx, &page, new.owner.as_ref()).await?;
    check_end("expires_at", new.expires_at, ctx.now)?;
    if working(ctx, project).await? >= MAX_KEYS {
        return Err(Error::refused(
            Code::WrongState,
            format!("A project may have at most {MAX_KEYS} keys. Revoke one that is not used."),
        ));
    }
    let expired = retire_expired(ctx, project, &new.name).await?;
    let secret = Secret::generate(PREFIX);
    let (id, now, by) = (Uuid::now_v7(), ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "INSERT INTO api_keys (id, team_id, project_id, owner_id, name, prefix, key_hash, created_at, created_by, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        id,
        team.0,
        project.0,
        owner.0,
        new.name.as_str(),
        secret.beginning(SHOWN),
        &secret.hash()[..],
        now,
        by,
        new.expires_at,
    )
    .execute(ctx.connection())
    .await
    .map_err(|error| taken(error, &new.name))?;
    let key = list::one(ctx, &page, KeyId(id)).await?;
    let before = expired.map_or(Value::Null, |id| json!({"expired_key": id}));
    record(ctx, &page, "key.create", &key, before, fields(&page, &key)).await?;
    Ok((key, secret))
}

/// Who the key is for, if the caller may hold a key of theirs and they can have one.
async fn owner(ctx: &mut Ctx, page: &ProjectPage, named: Option<&UserRef>) -> Result<UserId> {
    let own = ctx.caller.user_id();
    let named = match named {
        Some(named) if !is_caller(ctx, named) => {
            // Whoever may not look behind a name learns nothing of it.
            page.standing.require(ProjectRight::ManageKeys)?;
            let found = identity::find(ctx, named).await;
            Some(found.map_err(|error| match error.code() {
                Code::NotFound => not_in_team(),
                _ => error,
            })?)
        }
        _ => None,
    };
    let Some((owner, _)) = named else {
        return match own {
            Some(own) if page.standing.may(ProjectRight::OwnKeys) => Ok(own),
            // Above the team, without belonging to it.
            _ if page.standing.may(ProjectRight::ManageKeys) => Err(Error::invalid(
                "owner",
                "is required: a key belongs to someone of the team, and you are not in it",
            )),
            _ => {
                page.standing.require(ProjectRight::OwnKeys)?;
                Err(not_in_team())
            }
        };
    };
    let standing = require_secret_of(ctx, page, owner).await?;
    if standing.team.team.is_none() {
        return Err(not_in_team());
    }
    if !standing.may(ProjectRight::OwnKeys) {
        return Err(Error::invalid(
            "owner",
            "has no access to this project: assign them to it first",
        ));
    }
    Ok(owner)
}

fn is_caller(ctx: &Ctx, user: &UserRef) -> bool {
    match user {
        UserRef::Id(id) => ctx.caller.user_id() == Some(*id),
        UserRef::Email(email) => ctx.caller.user_id().is_some() && ctx.caller.name() == email.as_str(),
    }
}

fn not_in_team() -> Error {
    Error::refused(Code::NotFound, "User is not a member of this team")
}

/// How many keys of a project work and have not been replaced. The team's row is locked, so it stays so.
async fn working(ctx: &mut Ctx, project: ProjectId) -> Result<i64> {
    let now = ctx.now;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_keys WHERE project_id = $1 AND revoked_at IS NULL AND replaced_by IS NULL
            AND (expires_at IS NULL OR expires_at > $2)"#,
        project.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// A key whose time is over gives its name away.
async fn retire_expired(ctx: &mut Ctx, project: ProjectId, name: &KeyName) -> Result<Option<Uuid>> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    Ok(sqlx::query_scalar!(
        "UPDATE api_keys SET revoked_at = $3, revoked_by = $4
        WHERE project_id = $1 AND lower(name) = lower($2) AND revoked_at IS NULL AND replaced_by IS NULL
            AND expires_at <= $3
        RETURNING id",
        project.0,
        name.as_str(),
        now,
        by,
    )
    .fetch_optional(ctx.connection())
    .await?)
}

/// What the audit log keeps of a key: nothing of its secret but what everybody sees.
pub(super) fn fields(page: &ProjectPage, key: &Key) -> Value {
    json!({
        "project": page.project.name,
        "owner": key.owner,
        "prefix": key.prefix,
        "expires_at": key.expires_at,
    })
}

/// An entry of the audit log about a key.
pub(super) async fn record(
    ctx: &mut Ctx,
    page: &ProjectPage,
    action: &'static str,
    key: &Key,
    before: Value,
    after: Value,
) -> Result<()> {
    let entry = audit::Entry::new(action, "key", key.id, &key.name)
        .team(page.team.team.organization_id, page.team.team.id)
        .change(before, after);
    audit::record(ctx, entry).await
}
