//! Memberships and roles that end by themselves.
//!
//! From the second on which one ends it gives nothing: see the views `current_team_members` and `current_team_admins`.
//! What is done here tidies up behind it, with D4's cascade, and tells the audit log. The guard of the last admin
//! ([`super::guard`]) has seen to it beforehand that an admin is left.

use domain::{OrganizationId, TeamId, TeamRole, UserId};
use serde_json::json;

use super::leaving::take_everything;
use crate::{Backend, Caller, Ctx, Method, Result, audit};

/// How this is called in the audit log.
const NAME: &str = "expiry";
/// How many memberships are ended in one transaction.
const BATCH: i64 = 200;

/// Ends what is overdue; returns how many memberships and roles. Several processes may do this at once: a team that
/// another one has locked waits for the next round.
///
/// # Errors
/// When the database does not answer.
pub async fn end_expired(backend: &Backend) -> Result<usize> {
    let mut ended = 0;
    loop {
        let mut ctx = Ctx::system(backend, NAME, Method::System).await?;
        let team = sqlx::query!(
            "SELECT t.id, t.organization_id FROM teams t WHERE t.id IN (
                SELECT team_id FROM team_members WHERE expires_at <= statement_timestamp()
                UNION ALL SELECT team_id FROM team_members WHERE admin_until <= statement_timestamp())
            ORDER BY t.id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        )
        .fetch_optional(ctx.connection())
        .await?;
        let Some(team) = team else { return Ok(ended) };
        ended += end_in(&mut ctx, OrganizationId(team.organization_id), TeamId(team.id)).await?;
        ctx.commit().await?;
    }
}

/// Ends what is overdue in one team, which the caller has locked, before a change that must not take it for standing:
/// someone whose membership has ended can be added again at once. It is not the caller's doing, and not audited as such.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn settle(ctx: &mut Ctx, organization: OrganizationId, team: TeamId) -> Result<()> {
    let caller = std::mem::replace(&mut ctx.caller, Caller::System(NAME.into(), Method::System));
    let request = std::mem::take(&mut ctx.request);
    let ended = async {
        while end_in(ctx, organization, team).await? > 0 {}
        Ok(())
    };
    let ended = ended.await;
    (ctx.caller, ctx.request) = (caller, request);
    ended
}

/// Ends at most [`BATCH`] memberships, and all roles, that are overdue in a locked team.
async fn end_in(ctx: &mut Ctx, organization: OrganizationId, team: TeamId) -> Result<usize> {
    let gone = sqlx::query!(
        r#"SELECT m.user_id, u.email, m.role, m.expires_at AS "expires_at!"
        FROM team_members m JOIN users u ON u.id = m.user_id
        WHERE m.team_id = $1 AND m.expires_at <= statement_timestamp() ORDER BY m.expires_at, m.user_id LIMIT $2"#,
        team.0,
        BATCH,
    )
    .fetch_all(ctx.connection())
    .await?;
    let mut entries = Vec::new();
    if !gone.is_empty() {
        let people: Vec<UserId> = gone.iter().map(|row| UserId(row.user_id)).collect();
        let taken = take_everything(ctx, team, &people).await?;
        for (row, taken) in gone.iter().zip(taken) {
            let before = json!({
                "role": row.role,
                "expires_at": row.expires_at,
                "project_roles": taken.project_roles,
                "keys": taken.keys,
            });
            let entry = audit::Entry::new("member.expired", "member", row.user_id, &row.email);
            entries.push(entry.team(organization, team).change(before, json!(null)));
        }
    }
    let demoted = sqlx::query!(
        r#"UPDATE team_members m SET role = 'member', admin_until = NULL
        FROM team_members old JOIN users u ON u.id = old.user_id
        WHERE m.team_id = $1 AND m.admin_until <= statement_timestamp()
            AND old.team_id = m.team_id AND old.user_id = m.user_id
        RETURNING m.user_id, u.email, old.admin_until AS "admin_until!""#,
        team.0,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in &demoted {
        ctx.touch(UserId(row.user_id));
        let entry = audit::Entry::new("member.role_expired", "member", row.user_id, &row.email);
        entries.push(entry.team(organization, team).change(
            json!({"role": TeamRole::Admin, "admin_until": row.admin_until}),
            json!({"role": TeamRole::Member}),
        ));
    }
    let ended = entries.len();
    audit::record_many(ctx, &entries).await?;
    Ok(ended)
}
