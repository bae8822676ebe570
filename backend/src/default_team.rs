//! The Default Team (SPEC C1, C4, X4): everyone belongs to it, so that everyone has a team whose keys LiteLLM knows.
//!
//! Membership of it gives no right: who is in no other team is "signed in, no team" (SPEC P). It is not in
//! [`Principal::teams`](crate::Principal), and [`crate::teams`] does not take it for a role.

mod moving;
mod orphans;
mod stats;

use domain::{DEFAULT_ORGANIZATION, DEFAULT_TEAM, TeamId, UserId, views::Team};
pub use moving::{MoveInput, Movers, move_people, preview_move};
pub use orphans::migrate_orphans;
use serde_json::{Value, json};
pub(crate) use stats::over_budget;
pub use stats::stats;

use crate::{Code, Ctx, Error, Result, audit};

/// Its id, in every installation.
pub const ID: TeamId = DEFAULT_TEAM;
/// Its name.
pub const NAME: &str = "Default Team";

/// Makes the team if it is not there, as the migration does.
///
/// # Errors
/// When the database does not answer, or another team has its name.
pub async fn ensure(ctx: &mut Ctx) -> Result<()> {
    sqlx::query!(
        r#"INSERT INTO teams (id, organization_id, name, slug, description, is_system, runners_enabled, max_budget,
            budget_duration, tpm_limit, rpm_limit, metadata)
        VALUES ($1, $2, 'Default Team', 'default-team', 'Default team for all users until team management is implemented',
            true, false, 10000.00, '1mo', 50000, 1000,
            '{"auto_created": true, "default_team": true, "created_by": "system"}')
        ON CONFLICT (id) DO NOTHING"#,
        ID.0,
        DEFAULT_ORGANIZATION.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Adds a person to the Default Team; says whether they were missing. The caller audits it, with what it does.
///
/// # Errors
/// When the database does not answer, or there is no such person.
pub async fn assign(ctx: &mut Ctx, user: UserId) -> Result<bool> {
    let now = ctx.now;
    // Nearly always there: then nothing is written, and nothing locked.
    let added = sqlx::query!(
        "INSERT INTO team_members (team_id, user_id, role, joined_at)
        SELECT $1, $2, 'member', $3 WHERE NOT EXISTS (SELECT FROM team_members WHERE team_id = $1 AND user_id = $2)
        ON CONFLICT (team_id, user_id) DO NOTHING",
        ID.0,
        user.0,
        now,
    )
    .execute(ctx.connection())
    .await?;
    Ok(added.rows_affected() == 1)
}

/// The team whose keys someone makes unless they name another (SPEC C4): the active team that they have been in the
/// longest, other than the Default Team; else the Default Team, to which they are added if they are missing.
///
/// # Errors
/// When the database does not answer, or there is no such person.
pub async fn primary_team(ctx: &mut Ctx, user: UserId) -> Result<TeamId> {
    let own = sqlx::query_scalar!(
        r#"SELECT t.id FROM current_team_members m JOIN teams t ON t.id = m.team_id
        WHERE m.user_id = $1 AND t.status = 'active' AND NOT t.is_system
        ORDER BY m.joined_at, t.id LIMIT 1"#,
        user.0,
    )
    .fetch_optional(ctx.connection())
    .await?;
    match own {
        Some(id) => Ok(TeamId(id)),
        None => {
            join(ctx, user, "primary team").await?;
            Ok(ID)
        }
    }
}

/// Adds a person to the Default Team if they are missing, and notes it with `why`.
///
/// # Errors
/// As [`assign`].
pub async fn join(ctx: &mut Ctx, user: UserId, why: &'static str) -> Result<()> {
    if !assign(ctx, user).await? {
        return Ok(());
    }
    let email = sqlx::query_scalar!("SELECT email FROM users WHERE id = $1", user.0)
        .fetch_one(ctx.connection())
        .await?;
    audit::record(ctx, joined(user, &email, why)).await
}

/// The entry of someone who was missing.
fn joined<'a>(user: UserId, email: &'a str, why: &'static str) -> audit::Entry<'a> {
    audit::Entry::new("member.add", "member", user, email)
        .team(DEFAULT_ORGANIZATION, ID)
        .change(Value::Null, json!({"role": "member", "why": why}))
}

/// Whether someone belongs to it.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn has(ctx: &mut Ctx, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM team_members WHERE team_id = $1 AND user_id = $2) AS "has!""#,
        ID.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Refuses to do to the Default Team what is done to other teams; `why` ends the sentence that names it.
///
/// # Errors
/// 409 `Team 'Default Team' is a system team`.
pub(crate) fn require_other(team: &Team, why: &str) -> Result<()> {
    if team.is_system {
        let words = format!("Team '{}' is a system team{why}", team.name);
        return Err(Error::refused(Code::WrongState, words));
    }
    Ok(())
}
