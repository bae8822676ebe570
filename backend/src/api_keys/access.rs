//! Who may do what with a key (SPEC P, row "keys").

use domain::{
    KeyId, OrgRole, Permission, ProjectStanding, Standing, TeamId, TeamRole, UserId,
    views::{ApiKey, TeamPage},
};

use super::{not_found, row::rows};
use crate::{
    Ctx, Error, Result, organizations,
    teams::{self, Lock},
};

/// A key, its team, and what the caller is to it.
pub(super) struct Seen {
    pub(super) key: ApiKey,
    pub(super) team: TeamPage,
    pub(super) own: bool,
}

/// A key that the caller sees: their own, their team's as its admin, or any as an auditor.
///
/// # Errors
/// 404, also for keys of others: nobody learns which there are.
pub(super) async fn seen(ctx: &mut Ctx, id: KeyId, lock: Lock) -> Result<Seen> {
    let team = sqlx::query_scalar!("SELECT team_id FROM api_keys WHERE id = $1", id.0)
        .fetch_optional(ctx.connection())
        .await?
        .ok_or_else(|| not_found(id))?;
    if lock == Lock::Update {
        organizations::hold_ceilings(ctx, TeamId(team)).await?;
    }
    let team = teams::load(ctx, TeamId(team), lock).await?;
    if lock == Lock::Update {
        // Whoever makes or ends it waits.
        sqlx::query_scalar!("SELECT id FROM api_keys WHERE id = $1 FOR NO KEY UPDATE", id.0)
            .fetch_optional(ctx.connection())
            .await?;
    }
    let key = one(ctx, id).await?;
    let own = ctx.caller.user_id() == Some(key.owner_id);
    if own || sees_all(&team.standing) {
        Ok(Seen { key, team, own })
    } else {
        Err(not_found(id))
    }
}

/// A key as it is now; the caller was authorised.
pub(super) async fn one(ctx: &mut Ctx, id: KeyId) -> Result<ApiKey> {
    let now = ctx.now;
    let row = rows!("k.id = $2", now, id.0).fetch_optional(ctx.connection()).await?;
    row.map(|row| row.into_key(now)).ok_or_else(|| not_found(id))
}

/// Whether someone sees the keys of everyone in a team.
pub(super) fn sees_all(standing: &Standing) -> bool {
    standing.may(Permission::KeysManage) || standing.auditor || standing.org == Some(OrgRole::Auditor)
}

impl Seen {
    /// Whether the caller may change and end it.
    pub(super) fn may_manage(&self) -> bool {
        self.own || self.team.standing.may(Permission::KeysManage)
    }

    /// Asks for the right to change and end it.
    pub(super) fn require_manage(&self) -> Result<()> {
        if self.may_manage() {
            return Ok(());
        }
        Ok(self.team.standing.require(Permission::KeysManage)?)
    }

    /// Whether the caller may hold its secret.
    pub(super) async fn may_hold(&self, ctx: &mut Ctx) -> Result<bool> {
        if self.own {
            return belongs(ctx, &self.team, self.key.owner_id).await;
        }
        may_act_for(ctx, &self.team, self.key.owner_id).await
    }
}

/// Asks for the right to hold the secret of a key of `owner`'s.
pub(super) async fn require_hold(ctx: &mut Ctx, team: &TeamPage, owner: UserId) -> Result<()> {
    if ctx.caller.user_id() == Some(owner) {
        // Whoever could see the team and is not in it learns nothing more by this word.
        return if belongs(ctx, team, owner).await? {
            Ok(())
        } else {
            Err(not_in_team())
        };
    }
    team.standing.require(Permission::KeysManage)?;
    if may_act_for(ctx, team, owner).await? {
        return Ok(());
    }
    Err(Error::Forbidden(domain::Refusal {
        literal: "Insufficient permissions".to_owned(),
        rule: "hold a key of someone with more rights than you".to_owned(),
        who_can: "its owner".to_owned(),
    }))
}

async fn may_act_for(ctx: &mut Ctx, team: &TeamPage, owner: UserId) -> Result<bool> {
    let in_team = |standing| ProjectStanding {
        team: standing,
        role: None,
    };
    if !team.standing.may(Permission::KeysManage) {
        return Ok(false);
    }
    let owner = standing_of(ctx, team, owner).await?;
    Ok(in_team(team.standing).may_act_for(&in_team(owner)))
}

/// What anyone is in a team.
pub(super) async fn standing_of(ctx: &mut Ctx, team: &TeamPage, user: UserId) -> Result<Standing> {
    let now = ctx.now;
    let row = sqlx::query!(
        r#"SELECT u.is_super_admin, u.is_auditor, om.role AS "org?",
            CASE WHEN tm.admin_until <= $4 THEN 'member' ELSE tm.role END AS team
        FROM users u
            LEFT JOIN organization_members om ON om.organization_id = $2 AND om.user_id = u.id
            LEFT JOIN team_members tm ON tm.team_id = $3 AND tm.user_id = u.id
                AND (tm.expires_at IS NULL OR tm.expires_at > $4)
        WHERE u.id = $1"#,
        user.0,
        team.team.organization_id.0,
        team.team.id.0,
        now,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("User", user))?;
    Ok(Standing {
        super_admin: row.is_super_admin,
        auditor: row.is_auditor,
        org: row.org.as_deref().map(str::parse::<OrgRole>).transpose()?,
        team: row.team.as_deref().map(str::parse::<TeamRole>).transpose()?,
    })
}

/// Whether someone is a member now. It is asked of the Default Team, too, where that is no role (SPEC P: own keys).
pub(super) async fn belongs(ctx: &mut Ctx, team: &TeamPage, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM current_team_members WHERE team_id = $1 AND user_id = $2) AS "belongs!""#,
        team.team.id.0,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

pub(super) fn not_in_team() -> Error {
    Error::refused(crate::Code::NotFound, "User is not a member of this team")
}
