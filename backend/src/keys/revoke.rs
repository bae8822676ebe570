//! Ending a key.

use domain::{KeyId, ProjectId, TeamId, views::Key};
use serde_json::Value;

use super::{create, list, not_found, require_others};
use crate::{Ctx, Result, projects::access};

/// Revokes a key, at once and everywhere. Owners may always, also where the team is not active or they have lost the
/// project: ending what is one's own needs no right.
///
/// # Errors
/// 404 `Key not found: <id>`; 403 without the right to other people's keys.
pub async fn revoke(ctx: &mut Ctx, team: TeamId, project: ProjectId, id: KeyId) -> Result<Key> {
    let own = owned(ctx, team, project, id).await?;
    let page = if own {
        access::loaded(ctx, team, project).await?
    } else {
        let page = access::locked(ctx, team, project).await?;
        require_others(&page, id)?;
        page
    };
    let key = list::one(ctx, &page, id).await?;
    let (now, by) = (ctx.now, ctx.caller.user_id().map(|id| id.0));
    let revoked = sqlx::query!(
        "UPDATE api_keys SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL",
        id.0,
        now,
        by,
    )
    .execute(ctx.connection())
    .await?;
    if revoked.rows_affected() == 0 {
        return Err(not_found(id));
    }
    create::record(ctx, &page, "key.revoke", &key, create::fields(&page, &key), Value::Null).await?;
    Ok(key)
}

/// Whether it is a key of the caller's, in a team that is not put away.
async fn owned(ctx: &mut Ctx, team: TeamId, project: ProjectId, id: KeyId) -> Result<bool> {
    let Some(caller) = ctx.caller.user_id() else {
        return Ok(false);
    };
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.id = $1 AND k.team_id = $2
            AND k.project_id = $3 AND k.owner_id = $4 AND t.status <> 'archived') AS "owned!""#,
        id.0,
        team.0,
        project.0,
        caller.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}
