//! People who are in no team at all.

use domain::{DEFAULT_ORGANIZATION, Permission, UserId};

use super::{ID, ensure, joined};
use crate::{Ctx, Result, audit, organizations};

/// How many entries of the audit log are written by one statement.
const AT_ONCE: usize = 5_000;

/// Adds to the Default Team everyone who is in no team (SPEC C4); says how many they were. A team that is archived and a
/// membership that has ended are none. Others come to it when they sign in.
///
/// # Errors
/// 403 without the right to change accounts.
pub async fn migrate_orphans(ctx: &mut Ctx) -> Result<u64> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::AccountsManage)?;
    ensure(ctx).await?;
    let now = ctx.now;
    let orphans = sqlx::query!(
        "WITH added AS (
            INSERT INTO team_members (team_id, user_id, role, joined_at)
            SELECT $1, u.id, 'member', $2 FROM users u
            WHERE NOT EXISTS (SELECT FROM current_team_members m JOIN teams t ON t.id = m.team_id
                WHERE m.user_id = u.id AND t.status <> 'archived')
            ON CONFLICT (team_id, user_id) DO NOTHING RETURNING user_id)
        SELECT u.id, u.email FROM added JOIN users u ON u.id = added.user_id ORDER BY u.email",
        ID.0,
        now,
    )
    .fetch_all(ctx.connection())
    .await?;
    for some in orphans.chunks(AT_ONCE) {
        let entries: Vec<audit::Entry<'_>> = some
            .iter()
            .map(|person| joined(UserId(person.id), &person.email, "migrate-orphans"))
            .collect();
        audit::record_many(ctx, &entries).await?;
    }
    Ok(u64::try_from(orphans.len()).unwrap_or(u64::MAX))
}
