//! API keys (`sk-…`) of teams and their projects: made by people, shown once, kept as a hash.

mod create;
mod last_use;
mod list;
mod revoke;
mod rotate;
mod row;

use chrono::{DateTime, Utc};
pub use create::{NewKey, create};
use domain::{KeyId, ProjectId, ProjectRight, ProjectStanding, TeamId, UserId, views::ProjectPage};
pub use last_use::{note_use, write_last_used};
pub use list::{get, list, list_of};
pub use revoke::revoke;
pub use rotate::{DEFAULT_OVERLAP, MAX_OVERLAP, Overlap, rotate};
use sqlx::PgPool;

pub use crate::secret::Secret;
pub(crate) use crate::secret::hash;
use crate::{Code, Ctx, Error, Result, projects::access};

/// What every key begins with.
pub const PREFIX: &str = "sk-";

/// How much of a key people see, to tell it from another: the prefix and 48 bits.
const SHOWN: usize = PREFIX.len() + 8;

/// How many keys of one project may work at a time, without those that are on their way out.
pub const MAX_KEYS: i64 = 100;

/// What a decision needs to know of a key. It says nothing of its owner, team or policy: those are looked up where
/// they are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownKey {
    /// The key.
    pub(crate) id: KeyId,
    /// Its team.
    pub(crate) team: TeamId,
    /// Its project, with the project's name.
    pub(crate) project: Option<(ProjectId, String)>,
    /// Whose it is: without this person's membership of the team it does not work.
    pub(crate) owner: UserId,
    /// When it ends; none is never.
    pub(crate) expires_at: Option<DateTime<Utc>>,
}

/// The key with a hash, unless there is none or it is revoked. The caller compares `expires_at` with its clock.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn known(pool: &PgPool, hash: &[u8; 32]) -> Result<Option<KnownKey>> {
    let row = sqlx::query!(
        r#"SELECT k.id, k.team_id, k.project_id, p.name AS "project?", k.owner_id, k.expires_at
        FROM api_keys k LEFT JOIN projects p ON p.id = k.project_id
        WHERE k.key_hash = $1 AND k.revoked_at IS NULL"#,
        &hash[..],
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| KnownKey {
        id: KeyId(row.id),
        team: TeamId(row.team_id),
        project: row.project_id.map(ProjectId).zip(row.project),
        owner: UserId(row.owner_id),
        expires_at: row.expires_at,
    }))
}

/// How many keys of someone in a team work now.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn count_of_member(ctx: &mut Ctx, team: TeamId, owner: UserId) -> Result<i64> {
    let now = ctx.now;
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "keys!" FROM api_keys
        WHERE team_id = $1 AND owner_id = $2 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $3)"#,
        team.0,
        owner.0,
        now,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Revokes the keys of someone who leaves a team (SPEC X12), and says how many there were. The caller was authorised,
/// and audits the number with the departure.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn revoke_of_member(ctx: &mut Ctx, team: TeamId, owner: UserId) -> Result<u64> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let revoked = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3, revoked_by = $4
        WHERE team_id = $1 AND owner_id = $2 AND revoked_at IS NULL",
        team.0,
        owner.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    Ok(revoked.rows_affected())
}

/// Revokes the keys of someone who leaves a project. The caller was authorised, and audits the number with the
/// departure.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn revoke_of_project_member(ctx: &mut Ctx, project: ProjectId, owner: UserId) -> Result<()> {
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    sqlx::query!(
        "UPDATE api_keys SET revoked_at = $3, revoked_by = $4
        WHERE project_id = $1 AND owner_id = $2 AND revoked_at IS NULL",
        project.0,
        owner.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Tells every process that a project has another name: they keep it with each key. Nothing changes, but the trigger
/// that tells of changes fires.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn project_renamed(ctx: &mut Ctx, project: ProjectId) -> Result<()> {
    sqlx::query!(
        "UPDATE api_keys SET project_id = project_id WHERE project_id = $1 AND revoked_at IS NULL",
        project.0
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Whether the caller may hold the secret of a key of `owner`'s: their own, or that of someone who stands no higher.
async fn require_secret_of(ctx: &mut Ctx, page: &ProjectPage, owner: UserId) -> Result<ProjectStanding> {
    if ctx.caller.user_id() == Some(owner) {
        page.standing.require(ProjectRight::OwnKeys)?;
        return Ok(page.standing);
    }
    page.standing.require(ProjectRight::ManageKeys)?;
    let standing = access::standing_of(ctx, page, owner).await?;
    if page.standing.may_act_for(&standing) {
        Ok(standing)
    } else {
        Err(Error::Forbidden(domain::Refusal {
            literal: "Insufficient permissions".to_owned(),
            rule: "hold a key of someone with more rights than you".to_owned(),
            who_can: "its owner".to_owned(),
        }))
    }
}

/// Whether the caller may do something with a key that is not their own. Whoever sees only their own keys does not learn
/// of others.
fn require_others(page: &ProjectPage, id: KeyId) -> Result<()> {
    match page.standing.require(ProjectRight::ManageKeys) {
        Err(_) if page.standing.may(ProjectRight::OwnKeys) => Err(not_found(id)),
        outcome => Ok(outcome?),
    }
}

fn not_found(id: KeyId) -> Error {
    Error::not_found("Key", id)
}

/// The refusal of a name that another key of the project has.
fn taken(error: sqlx::Error, name: impl std::fmt::Display) -> Error {
    Error::from(error).on_constraint("api_keys_name_key", || {
        Error::refused(Code::NameTaken, format!("Key '{name}' already exists in this project"))
    })
}
