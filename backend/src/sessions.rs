//! The rows behind the console's sessions.
//!
//! The cookie holds 128 random bits; the table holds their SHA-256, so that a copy of the table
//! opens no session. Rows know their user.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use domain::UserId;
use serde_json::Value;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Backend, Ctx, Result, audit, default_team,
    purge::{BATCH, in_batches},
};

/// The key under which a session's data holds its person.
pub const USER_KEY: &str = "user";

fn row_id(id: &str) -> String {
    hex::encode(Sha256::digest(id.as_bytes()))
}

fn user_of(data: &Value) -> Option<Uuid> {
    data.get(USER_KEY)
        .and_then(Value::as_str)
        .and_then(|text| text.parse().ok())
}

/// Stores a new session; false when the id is taken.
///
/// # Errors
/// When the database does not answer.
pub async fn create(backend: &Backend, id: &str, data: &Value, expires_at: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO sessions (id, user_id, data, expires_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        row_id(id),
        user_of(data),
        data,
        expires_at,
    )
    .execute(&backend.pool)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores a session's new data. One that was ended meanwhile stays ended: a request that was on its
/// way when its person signed out must not bring the session back.
///
/// # Errors
/// When the database does not answer.
pub async fn save(backend: &Backend, id: &str, data: &Value, expires_at: DateTime<Utc>) -> Result<()> {
    let id = row_id(id);
    sqlx::query!(
        "UPDATE sessions SET user_id = $2, data = $3, expires_at = $4 WHERE id = $1",
        id,
        user_of(data),
        data,
        expires_at,
    )
    .execute(&backend.pool)
    .await?;
    backend.principals.forget_session(&id);
    Ok(())
}

/// A session's data with its end, unless it has ended.
///
/// # Errors
/// When the database does not answer.
pub async fn load(backend: &Backend, id: &str, now: DateTime<Utc>) -> Result<Option<(Value, DateTime<Utc>)>> {
    let id = row_id(id);
    if let Some(known) = backend.principals.session(&id)
        && let Some((data, end)) = unpack(&known)
    {
        return Ok((end > now).then_some((data, end)));
    }
    let epoch = backend.principals.epoch();
    let Some(row) = sqlx::query!(
        "SELECT data, expires_at FROM sessions WHERE id = $1 AND expires_at > $2",
        id,
        now
    )
    .fetch_optional(&backend.pool)
    .await?
    else {
        return Ok(None);
    };
    backend
        .principals
        .keep_session(&id, Arc::new(serde_json::json!([row.data, row.expires_at])), epoch);
    Ok(Some((row.data, row.expires_at)))
}

fn unpack(known: &Value) -> Option<(Value, DateTime<Utc>)> {
    let data = known.get(0)?.clone();
    let end = serde_json::from_value(known.get(1)?.clone()).ok()?;
    Some((data, end))
}

/// Ends a session.
///
/// # Errors
/// When the database does not answer.
pub async fn delete(backend: &Backend, id: &str) -> Result<()> {
    let id = row_id(id);
    sqlx::query!("DELETE FROM sessions WHERE id = $1", id)
        .execute(&backend.pool)
        .await?;
    backend.principals.forget_session(&id);
    Ok(())
}

/// Ends all sessions of a person.
///
/// # Errors
/// When the database does not answer.
pub async fn delete_of_user(backend: &Backend, user: UserId) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE user_id = $1", user.0)
        .execute(&backend.pool)
        .await?;
    backend.principals.forget_all();
    Ok(())
}

/// Ends all sessions of some people, in a transaction. What memory knows of them is worth nothing from then on: the
/// people are forgotten with it.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn end_of(ctx: &mut Ctx, users: &[Uuid]) -> Result<()> {
    sqlx::query!("DELETE FROM sessions WHERE user_id = ANY($1)", users)
        .execute(ctx.connection())
        .await?;
    for user in users {
        ctx.touch(UserId(*user));
    }
    Ok(())
}

/// Writes down that the caller signed in, or out. Whoever signs in belongs to the Default Team from then on, if they did
/// not before (SPEC C4).
///
/// # Errors
/// When the database does not answer.
pub async fn audit(ctx: &mut Ctx, signed_in: bool) -> Result<()> {
    let (id, email) = {
        let person = ctx.person()?;
        (person.id, person.email.clone())
    };
    let action = if signed_in { "session.begin" } else { "session.end" };
    audit::record(ctx, audit::Entry::new(action, "user", id, &email)).await?;
    if signed_in {
        default_team::join(ctx, id, "sign-in").await?;
    }
    Ok(())
}

/// Removes sessions that have ended; returns how many. Called by a job; processes that do it at once skip what another
/// one has taken.
///
/// # Errors
/// When the database does not answer.
pub async fn remove_ended(backend: &Backend, now: DateTime<Utc>) -> Result<u64> {
    in_batches(|| async {
        let done = sqlx::query!(
            "DELETE FROM sessions WHERE id IN (
                SELECT id FROM sessions WHERE expires_at <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED)",
            now,
            BATCH,
        )
        .execute(&backend.pool)
        .await?;
        Ok(done.rows_affected())
    })
    .await
}
