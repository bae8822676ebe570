//! Which keys there are. Revoked ones are gone; the audit log knows them.

use chrono::{DateTime, SecondsFormat, Utc};
use domain::{
    KeyId, ProjectId, ProjectRight, ProjectStanding, TeamId,
    views::{Key, Page, ProjectPage},
};

use super::{not_found, row::key_rows};
use crate::{Ctx, Result, keyset::Keyset, projects::access};

/// A project's keys, newest first: all of them for those who manage them and for auditors, else the caller's own.
///
/// # Errors
/// 403 and 404 for those who do not see the project.
pub async fn list(
    ctx: &mut Ctx,
    team: TeamId,
    project: ProjectId,
    cursor: Option<&str>,
    limit: i64,
) -> Result<(ProjectPage, Page<Key>)> {
    let page = access::open(ctx, team, project).await?;
    let keys = list_of(ctx, &page, cursor, limit).await?;
    Ok((page, keys))
}

/// The same, of a project as the page has loaded it, so that the rights were checked once.
///
/// # Errors
/// When the cursor is none of this list's.
pub async fn list_of(ctx: &mut Ctx, page: &ProjectPage, cursor: Option<&str>, limit: i64) -> Result<Page<Key>> {
    let keyset = Keyset::<DateTime<Utc>>::read(cursor, limit)?;
    let (project, owner) = (page.project.id, only_of(ctx, page));
    let now = ctx.now;
    let rows = key_rows!(
        "k.project_id = $2 AND ($3::uuid IS NULL OR k.owner_id = $3)
            AND ($4::timestamptz IS NULL
                OR (NOT $6 AND (k.created_at, k.id) < ($4, $5)) OR ($6 AND (k.created_at, k.id) > ($4, $5)))
        ORDER BY CASE WHEN $6 THEN k.created_at END, CASE WHEN $6 THEN k.id END, k.created_at DESC, k.id DESC LIMIT $7",
        now,
        project.0,
        owner,
        keyset.key,
        keyset.id,
        keyset.before,
        keyset.rows(),
    )
    .fetch_all(ctx.connection())
    .await?;
    let total = sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM api_keys
        WHERE project_id = $1 AND revoked_at IS NULL AND ($2::uuid IS NULL OR owner_id = $2)"#,
        project.0,
        owner,
    )
    .fetch_one(ctx.connection())
    .await?;
    let keys = rows.into_iter().map(|row| row.into_key(now)).collect();
    Ok(keyset.page(keys, total, place))
}

/// Whose keys alone the caller sees in a project; none is everybody's.
fn only_of(ctx: &Ctx, page: &ProjectPage) -> Option<uuid::Uuid> {
    let all = page.standing.may(ProjectRight::ManageKeys) || ProjectStanding::sees_all(&page.standing.team);
    (!all).then(|| ctx.caller.user_id().map(|id| id.0)).flatten()
}

/// One of a project's keys.
///
/// # Errors
/// 404 `Key not found: <id>`, also for those who see only their own keys; 403 and 404 for those who do not see the
/// project.
pub async fn get(ctx: &mut Ctx, team: TeamId, project: ProjectId, id: KeyId) -> Result<Key> {
    let page = access::open(ctx, team, project).await?;
    let owner = only_of(ctx, &page);
    let key = one(ctx, &page, id).await?;
    if owner.is_some_and(|owner| owner != key.owner_id.0) {
        return Err(not_found(id));
    }
    Ok(key)
}

/// A key of a project; the caller was authorised.
pub(super) async fn one(ctx: &mut Ctx, page: &ProjectPage, id: KeyId) -> Result<Key> {
    let now = ctx.now;
    let row = key_rows!("k.id = $2 AND k.project_id = $3", now, id.0, page.project.id.0)
        .fetch_optional(ctx.connection())
        .await?;
    row.map(|row| row.into_key(now)).ok_or_else(|| not_found(id))
}

fn place(key: &Key) -> (String, uuid::Uuid) {
    (key.created_at.to_rfc3339_opts(SecondsFormat::Micros, true), key.id.0)
}
