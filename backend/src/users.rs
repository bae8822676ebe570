//! The accounts of people: who there is, what hangs on them, and what a super_admin does with them (SPEC B26).
//!
//! An org_admin sees the people of their organizations and acts on them as members only; the account itself is a
//! super_admin's (SPEC P).

mod access;
mod batch;
mod deactivate;
pub(crate) mod directory;
mod edit;
mod list;
mod one;
mod seen;

pub use access::access;
pub use batch::{Batch, BatchAction, BatchInput, batch};
pub use deactivate::{activate, deactivate, preview_deactivation, teams_left_without_admin};
use domain::{
    DEFAULT_ORGANIZATION, OrgRole, Permission, Standing, UserId, UserRef,
    views::{Account, AccountCounts},
};
pub use edit::{AccountPatch, AccountPatchInput, NewAccount, NewAccountInput, create, update};
pub(crate) use list::push_page;
pub use list::{AccountQuery, list};
pub use one::get;
pub use seen::{seen, signed_in, write_last_seen};
use uuid::Uuid;

use crate::{Caller, Code, Ctx, Error, Result, organizations};

/// "user" in ASCII: the advisory lock that lets one change of accounts happen at a time, so that two super_admins
/// cannot end each other's accounts at once.
const CHANGES: i64 = 0x7573_6572;

/// Whose accounts someone sees.
pub(crate) enum Scope {
    /// Everybody's.
    Everybody,
    /// Those of people in these organizations, and of them what is in these organizations.
    Within(Vec<Uuid>),
}

impl Scope {
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self, Self::Everybody)
    }

    pub(crate) fn organizations(&self) -> &[Uuid] {
        match self {
            Self::Everybody => &[],
            Self::Within(organizations) => organizations,
        }
    }
}

/// Whose accounts the caller sees.
///
/// # Errors
/// 403 for someone who neither manages people nor audits them.
pub(crate) fn scope(caller: &Caller) -> Result<Scope> {
    match caller {
        Caller::System(..) => Ok(Scope::Everybody),
        Caller::Machine(_) => Err(Standing::default().refusal(Permission::DirectoryManage).into()),
        Caller::Person(person, _) if person.super_admin || person.auditor => Ok(Scope::Everybody),
        Caller::Person(person, _) => match person.organizations_seen_whole() {
            none if none.is_empty() => Err(Standing::default().refusal(Permission::DirectoryManage).into()),
            organizations => Ok(Scope::Within(organizations)),
        },
    }
}

/// Whether the accounts of a team's members are open to someone who stands so in it: the rule of [`scope`] for one team.
pub fn sees_accounts(standing: &Standing) -> bool {
    standing.super_admin || standing.auditor || matches!(standing.org, Some(OrgRole::OrgAdmin | OrgRole::Auditor))
}

/// Whether the caller may create, change and deactivate accounts.
pub fn may_change(caller: &Caller) -> bool {
    organizations::standing(caller, DEFAULT_ORGANIZATION).may(Permission::AccountsManage)
}

/// Begins a change of accounts: no other one happens until the transaction ends. Whether the caller may is read from
/// the database, since the change before this one may have been about the caller.
///
/// # Errors
/// 403 for everyone but super_admins.
async fn begin_change(ctx: &mut Ctx) -> Result<()> {
    organizations::standing(&ctx.caller, DEFAULT_ORGANIZATION).require(Permission::AccountsManage)?;
    lock_changes(ctx).await?;
    let Some(caller) = ctx.caller.user_id() else {
        return Ok(());
    };
    let now = sqlx::query!(
        "SELECT is_super_admin, deactivated_at FROM users WHERE id = $1",
        caller.0
    )
    .fetch_optional(ctx.connection())
    .await?;
    match now {
        Some(now) if now.deactivated_at.is_some() => {
            Err(Error::refused(Code::Deactivated, "User account is deactivated."))
        }
        Some(now) if now.is_super_admin => Ok(()),
        _ => Err(Standing::default().refusal(Permission::AccountsManage).into()),
    }
}

/// Lets no other change of accounts happen until the transaction ends. The caller was authorised.
pub(crate) async fn lock_changes(ctx: &mut Ctx) -> Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", CHANGES)
        .execute(ctx.connection())
        .await?;
    Ok(())
}

/// An account, locked until the transaction ends. The caller was authorised.
///
/// # Errors
/// `User not found: <id>`.
async fn locked(ctx: &mut Ctx, user: &UserRef) -> Result<Account> {
    let (id, email) = key(user);
    let row = sqlx::query!(
        "SELECT id, email, display_name, is_super_admin, is_auditor, can_use_jit, created_at, updated_at, last_seen_at,
            deactivated_at
        FROM users WHERE id = $1 OR email = $2 FOR NO KEY UPDATE",
        id,
        email,
    )
    .fetch_optional(ctx.connection())
    .await?
    .ok_or_else(|| Error::not_found("User", user))?;
    Ok(Account {
        id: UserId(row.id),
        email: row.email,
        display_name: row.display_name,
        super_admin: row.is_super_admin,
        auditor: row.is_auditor,
        can_use_jit: row.can_use_jit,
        created_at: row.created_at,
        updated_at: row.updated_at,
        last_seen_at: row.last_seen_at,
        deactivated_at: row.deactivated_at,
    })
}

/// A reference to a person, for `WHERE id = $1 OR email = $2`.
pub(crate) fn key(user: &UserRef) -> (Option<Uuid>, Option<&str>) {
    match user {
        UserRef::Id(id) => (Some(id.0), None),
        UserRef::Email(email) => (None, Some(email.as_str())),
    }
}

/// Whether an active super_admin is left without these. Only meaningful after [`lock_changes`].
pub(crate) async fn other_super_admin(ctx: &mut Ctx, without: &[Uuid]) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users
            WHERE is_super_admin AND deactivated_at IS NULL AND id <> ALL($1)) AS "other!""#,
        without,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// What hangs on accounts, in numbers, in the order of `ids`; within a scope keys, runners and project roles of its
/// organizations only.
async fn counts(ctx: &mut Ctx, ids: &[Uuid], scope: &Scope) -> Result<Vec<AccountCounts>> {
    let (now, whole) = (ctx.now, scope.is_whole());
    let rows = sqlx::query!(
        r#"SELECT
            (SELECT count(*) FROM sessions s WHERE s.user_id = who.id AND s.expires_at > $2 AND $3) AS "sessions!",
            (SELECT count(*) FROM personal_access_tokens p WHERE p.user_id = who.id AND p.revoked_at IS NULL
                AND (p.expires_at IS NULL OR p.expires_at > $2) AND $3) AS "tokens!",
            (SELECT count(*) FROM api_keys k JOIN teams t ON t.id = k.team_id WHERE k.owner_id = who.id
                AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > $2)
                AND ($3 OR t.organization_id = ANY($4))) AS "keys!",
            (SELECT count(*) FROM runners r LEFT JOIN teams t ON t.id = r.team_id WHERE r.provisioned_by = who.id
                AND r.status <> 'deleted' AND ($3 OR t.organization_id = ANY($4))) AS "runners!",
            (SELECT count(*) FROM project_members m JOIN projects p ON p.id = m.project_id JOIN teams t ON t.id = p.team_id
                WHERE m.user_id = who.id AND t.status <> 'archived' AND ($3 OR t.organization_id = ANY($4))) AS "project_roles!"
        FROM unnest($1::uuid[]) WITH ORDINALITY AS who(id, place) ORDER BY who.place"#,
        ids,
        now,
        whole,
        scope.organizations(),
    )
    .fetch_all(ctx.connection())
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| AccountCounts {
            sessions: row.sessions,
            tokens: row.tokens,
            keys: row.keys,
            runners: row.runners,
            project_roles: row.project_roles,
        })
        .collect())
}
