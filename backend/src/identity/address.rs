//! Whose an address is. One account at a time is opened for it; and where a provider says outright that it has not verified
//! that it is theirs, nobody is given anything because of it until a super_admin has confirmed that.

use domain::UserId;

use crate::{Code, Ctx, Error, Result};

/// "addres" in ASCII: the advisory lock that whoever holds a few addresses shares, and whoever holds many has alone.
const ADDRESSES: i64 = 0x6164_6472_6573;
/// More addresses are not locked one by one: PostgreSQL has room for some thousand locks, of all transactions together.
const FEW: usize = 100;

/// Holds addresses until the transaction ends: nobody opens an account for one of them meanwhile, and nobody invites it.
/// Before any team is locked, since opening an account locks the teams that wait for it afterwards.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn hold(ctx: &mut Ctx, emails: &[String]) -> Result<()> {
    if emails.len() > FEW {
        sqlx::query!("SELECT pg_advisory_xact_lock($1)", ADDRESSES)
            .execute(ctx.connection())
            .await?;
        return Ok(());
    }
    sqlx::query!("SELECT pg_advisory_xact_lock_shared($1)", ADDRESSES)
        .execute(ctx.connection())
        .await?;
    // In one order, whoever asks.
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(key) FROM (
            SELECT DISTINCT hashtextextended(email, 0) AS key FROM unnest($1::text[]) AS email ORDER BY key) AS keys",
        emails,
    )
    .execute(ctx.connection())
    .await?;
    Ok(())
}

/// Refuses what somebody would get because of their address while nobody knows that it is theirs: they sign in by an
/// identity of whose email the provider says that it is not verified. The caller was authorised.
///
/// # Errors
/// 409 in the words of [`doubtful`].
pub(crate) async fn require_settled(ctx: &mut Ctx, user: UserId, email: &str) -> Result<()> {
    if is_doubtful(ctx, user).await? {
        return Err(Error::refused(Code::WrongState, doubtful(email)));
    }
    Ok(())
}

/// Whether somebody signs in to an account of whose email the provider says that it is not verified.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn is_doubtful(ctx: &mut Ctx, user: UserId) -> Result<bool> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM user_identities WHERE user_id = $1 AND email_denied) AS "doubtful!""#,
        user.0,
    )
    .fetch_one(ctx.connection())
    .await?)
}

/// Why somebody with such an account is not taken in.
pub(crate) fn doubtful(email: &str) -> String {
    format!("The address of {email} was never verified: a super_admin can confirm it on the account's page")
}

/// Takes it that an address is its account's. Says whether that was in doubt. The caller was authorised, has locked the
/// account, and audits it.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn confirm(ctx: &mut Ctx, user: UserId) -> Result<bool> {
    let confirmed = sqlx::query!(
        "UPDATE user_identities SET email_verified = true, email_denied = false WHERE user_id = $1 AND NOT email_verified",
        user.0,
    )
    .execute(ctx.connection())
    .await?;
    Ok(confirmed.rows_affected() > 0)
}
