//! People as the directory knows them, by its lasting id.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::{Comment, Email, PersonName, UserId, UserRef};
use uuid::Uuid;

use crate::{Backend, Code, Ctx, Error, Method, Result, identity, users};

/// When groups that could not be read at a sign-in are asked for again.
const RETRY: TimeDelta = TimeDelta::minutes(1);

/// Why an account was ended that the directory disabled.
const DISABLED: &str = "The directory has disabled this account";

/// Somebody, as Microsoft Graph tells.
#[derive(Debug, Clone)]
pub struct DirectoryPerson {
    /// Their lasting id.
    pub id: String,
    /// Their display name.
    pub name: Option<String>,
    /// Their address, or what they sign in with when that is one.
    pub email: Option<String>,
    /// Whether they may sign in there; none is unknown.
    pub enabled: Option<bool>,
}

/// Notes that the groups of somebody who signed in were read, or why not; those are asked for again.
///
/// # Errors
/// When the database does not answer.
pub async fn note_reading(backend: &Backend, user: UserId, directory_id: &str, failure: Option<&str>) -> Result<()> {
    let mut ctx = Ctx::system(backend, "sign-in", Method::System).await?;
    let (now, retry) = (ctx.now, ctx.now + RETRY);
    sqlx::query!(
        "INSERT INTO directory_people AS p (provider, directory_id, user_id, groups_at, failed_at, failure, retry_at)
        VALUES ('entra', $1, $2, CASE WHEN $3::text IS NULL THEN $4::timestamptz END,
            CASE WHEN $3 IS NOT NULL THEN $4 END, $3,
            CASE WHEN $3 IS NOT NULL THEN $5::timestamptz END)
        ON CONFLICT (provider, directory_id) DO UPDATE SET user_id = excluded.user_id,
            groups_at = coalesce(excluded.groups_at, p.groups_at), failed_at = excluded.failed_at,
            failure = excluded.failure, retry_at = excluded.retry_at",
        directory_id,
        user.0,
        failure,
        now,
        retry,
    )
    .execute(ctx.connection())
    .await?;
    ctx.commit().await
}

/// Somebody whose groups have to be asked for again.
#[derive(Debug, Clone)]
pub(super) struct Unread {
    pub(super) directory_id: String,
    pub(super) user: UserId,
}

/// Those whose time has come; nobody else takes them for the next minutes.
pub(super) async fn take_unread(ctx: &mut Ctx, most: i64) -> Result<Vec<Unread>> {
    let (now, later) = (ctx.now, ctx.now + TimeDelta::minutes(5));
    let rows = sqlx::query!(
        "UPDATE directory_people SET retry_at = $2 WHERE (provider, directory_id) IN (
            SELECT provider, directory_id FROM directory_people WHERE provider = 'entra' AND retry_at <= $1
            ORDER BY retry_at LIMIT $3 FOR UPDATE SKIP LOCKED)
        RETURNING directory_id, user_id",
        now,
        later,
        most,
    )
    .fetch_all(ctx.connection())
    .await?;
    let unread = rows.into_iter().map(|row| Unread {
        directory_id: row.directory_id,
        user: UserId(row.user_id),
    });
    Ok(unread.collect())
}

/// The person with that id in the directory.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn of_directory(ctx: &mut Ctx, directory_id: &str) -> Result<Option<UserId>> {
    let id = sqlx::query_scalar!(
        "SELECT user_id FROM directory_people WHERE provider = 'entra' AND directory_id = $1",
        directory_id,
    )
    .fetch_optional(ctx.connection())
    .await?;
    Ok(id.map(UserId))
}

/// The accounts of people of the directory, made where there are none, by their id there. An account that somebody has
/// already is theirs when its address is; who has no address has no account. Who may not sign in there may not here, either.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn accounts(ctx: &mut Ctx, people: &[DirectoryPerson]) -> Result<BTreeMap<String, UserId>> {
    let ids: Vec<String> = people.iter().map(|person| person.id.clone()).collect();
    let emails: BTreeMap<&str, Email> = (people.iter())
        .filter_map(|person| Some((person.id.as_str(), Email::parse(person.email.as_deref()?).ok()?)))
        .collect();
    let asked: Vec<String> = emails.values().map(|email| email.as_str().to_owned()).collect();
    let rows = sqlx::query!(
        r#"SELECT u.id, u.email, p.directory_id AS "directory_id?",
            EXISTS (SELECT FROM user_identities i WHERE i.user_id = u.id AND NOT i.email_verified) AS "doubtful!"
        FROM users u LEFT JOIN directory_people p ON p.user_id = u.id AND p.provider = 'entra'
        WHERE u.email = ANY($2) OR p.directory_id = ANY($1)"#,
        &ids,
        &asked,
    )
    .fetch_all(ctx.connection())
    .await?;
    let (mut by_id, mut by_email) = (BTreeMap::new(), BTreeMap::new());
    for row in rows {
        match row.directory_id {
            Some(id) => by_id.insert(id, row.id),
            // Whose it is was never settled: the directory gives nothing to who may have taken the address.
            None if row.doubtful => None,
            // An account of another person of the directory is not for the taking.
            None => by_email.insert(row.email, row.id),
        };
    }
    let mut found = BTreeMap::new();
    let (mut new_ids, mut new_users) = (Vec::new(), Vec::new());
    for person in people {
        let known = by_id.get(&person.id).copied();
        let email = emails.get(person.id.as_str());
        let user = match (known, email) {
            (Some(user), _) => UserId(user),
            (None, None) => continue,
            (None, Some(email)) => {
                let user = match by_email.remove(email.as_str()) {
                    Some(user) => UserId(user),
                    None if person.enabled == Some(false) => continue,
                    None => match join(ctx, person, email).await? {
                        Some(user) => user,
                        None => continue,
                    },
                };
                new_ids.push(person.id.clone());
                new_users.push(user.0);
                user
            }
        };
        found.insert(person.id.clone(), user);
    }
    sqlx::query!(
        "INSERT INTO directory_people (provider, directory_id, user_id)
        SELECT 'entra', n.directory_id, n.user_id FROM unnest($1::text[], $2::uuid[]) AS n(directory_id, user_id)
        ON CONFLICT (provider, directory_id) DO NOTHING",
        &new_ids,
        &new_users,
    )
    .execute(ctx.connection())
    .await?;
    follow(ctx, people, &found).await?;
    Ok(found)
}

/// Deactivates those whom the directory has disabled, and brings back those whom only it had ended.
async fn follow(ctx: &mut Ctx, people: &[DirectoryPerson], found: &BTreeMap<String, UserId>) -> Result<()> {
    let with = |enabled: bool| -> Vec<Uuid> {
        (people.iter())
            .filter(|person| person.enabled == Some(enabled))
            .filter_map(|person| found.get(&person.id).map(|user| user.0))
            .collect()
    };
    let (enabled, disabled) = (with(true), with(false));
    let changed = sqlx::query!(
        r#"SELECT id, deactivated_at IS NULL AS "active!" FROM users
        WHERE (id = ANY($1) AND deactivated_at IS NULL)
            OR (id = ANY($2) AND deactivated_at IS NOT NULL AND deactivated_by IS NULL AND deactivation_reason = $3)
        ORDER BY id"#,
        &disabled,
        &enabled,
        DISABLED,
    )
    .fetch_all(ctx.connection())
    .await?;
    for row in changed {
        let user = UserRef::Id(UserId(row.id));
        let done = if row.active {
            let comment = Comment::parse(DISABLED)?;
            users::deactivate(ctx, &user, &comment).await.map(drop)
        } else {
            users::activate(ctx, &user).await.map(drop)
        };
        match done {
            Ok(()) => {}
            // The last one who administers the installation stays, whatever the directory says.
            Err(Error::Refused(Code::LastSuperAdmin, why)) => {
                tracing::error!(user = %row.id, why, "a disabled account stays");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A new account, unless strangers get none or the address is taken by somebody whom the directory knows by another id.
async fn join(ctx: &mut Ctx, person: &DirectoryPerson, email: &Email) -> Result<Option<UserId>> {
    if !ctx.backend.settings.signup_open {
        return Ok(None);
    }
    let taken = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM users WHERE email = $1) AS "taken!""#,
        email.as_str()
    )
    .fetch_one(ctx.connection())
    .await?;
    if taken {
        return Ok(None);
    }
    let name = person.name.as_deref().and_then(|name| PersonName::parse(name).ok());
    identity::insert(ctx, email, name.as_ref(), identity::Rights::default())
        .await
        .map(Some)
}
