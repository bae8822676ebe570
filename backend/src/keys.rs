//! API keys (`sk-…`) of teams and their projects: made by people, shown once, kept as a hash.

use chrono::{DateTime, Utc};
use domain::{KeyId, ProjectId, TeamId, UserId};
use sha2::{Digest, Sha256};
use sqlx::PgPool;

use crate::{Ctx, Result};

/// What every key begins with.
pub const PREFIX: &str = "sk-";

/// The hash under which a secret is kept and found.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

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
