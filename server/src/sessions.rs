//! Sessions of the console: `tower-sessions` over the rows of [`backend::sessions`].
//!
//! | | |
//! |---|---|
//! | cookie | `HttpOnly`, `SameSite=Lax`, `Path=/`; over TLS also `Secure` and named `__Host-guildhall` |
//! | idle end | 12 hours after it was last written, which is at most an hour after it was last used |
//! | absolute end | 7 days after signing in |
//! | nobody signed in | no row, unless a sign-in is on its way or a message waits: then 15 minutes |

use std::fmt;

use async_trait::async_trait;
use backend::{Backend, sessions::USER_KEY};
use chrono::{DateTime, TimeDelta, Utc};
use domain::UserId;
use http::{HeaderMap, HeaderValue, header, header::Entry};
use serde_json::Value;
use tower_sessions::{
    Expiry, Session, SessionManagerLayer, SessionStore,
    cookie::{
        SameSite,
        time::{Duration, OffsetDateTime},
    },
    session::{Id, Record},
    session_store::{Error, Result},
};

use crate::{clock, config::Config};

/// The key of the time of the sign-in, in seconds since 1970.
const SIGNED_IN_AT: &str = "signed_in_at";
/// The key of the time when a session was last found in use, in seconds since 1970.
const SEEN_AT: &str = "seen_at";

/// Browsers take a `__Host-` cookie only over TLS and from this very host.
const SECURE_COOKIE: &str = "__Host-guildhall";

const IDLE: Duration = Duration::hours(12);
const ABSOLUTE: TimeDelta = TimeDelta::days(7);
const ANONYMOUS: TimeDelta = TimeDelta::minutes(15);
/// A session in use is written this often, in seconds: a page costs no write.
const REFRESH: i64 = 3600;

/// Keeps sessions in PostgreSQL.
#[derive(Clone)]
pub struct Store(Backend);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Store")
    }
}

/// The layer that gives requests their [`Session`].
pub fn layer(backend: &Backend, config: &Config) -> SessionManagerLayer<Store> {
    SessionManagerLayer::new(Store(backend.clone()))
        .with_name(cookie_name(config))
        .with_secure(config.is_https())
        .with_http_only(true)
        .with_same_site(SameSite::Lax)
        .with_path("/")
        .with_expiry(Expiry::OnInactivity(IDLE))
}

/// The cookie's name.
pub fn cookie_name(config: &Config) -> &'static str {
    if config.is_https() { SECURE_COOKIE } else { "guildhall" }
}

/// Browsers ignore a `Set-Cookie` for a `__Host-` cookie that is not `Secure`, and `tower-sessions` leaves that out
/// where it removes one.
pub(crate) fn complete_removal(headers: &mut HeaderMap) {
    let removal = format!("{SECURE_COOKIE}=;");
    let Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) else {
        return;
    };
    for value in cookies.iter_mut() {
        if let Ok(text) = value.to_str()
            && text.starts_with(&removal)
            && !text.contains("Secure")
            && let Ok(whole) = HeaderValue::try_from(format!("{text}; Secure; HttpOnly; SameSite=Lax"))
        {
            *value = whole;
        }
    }
}

/// Whose session this is. Now and then notes that it is in use.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn user(session: &Session) -> backend::Result<Option<UserId>> {
    let user: Option<UserId> = session.get(USER_KEY).await.map_err(unavailable)?;
    if user.is_some() {
        let now = clock::now().timestamp();
        let seen: Option<i64> = session.get(SEEN_AT).await.map_err(unavailable)?;
        if seen.is_none_or(|seen| now - seen >= REFRESH) {
            session.insert(SEEN_AT, now).await.map_err(unavailable)?;
        }
    }
    Ok(user)
}

/// Makes the session that of `user`, under a new id and with nothing in it that was there before.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn sign_in(session: &Session, user: UserId) -> backend::Result<()> {
    // Whoever planted the old id, or knew it, is left with nothing.
    session.cycle_id().await.map_err(unavailable)?;
    session.clear().await;
    let now = clock::now().timestamp();
    session.insert(USER_KEY, user).await.map_err(unavailable)?;
    session.insert(SIGNED_IN_AT, now).await.map_err(unavailable)?;
    session.insert(SEEN_AT, now).await.map_err(unavailable)
}

/// What a failing session store means to the visitor.
pub(crate) fn unavailable(error: tower_sessions::session::Error) -> backend::Error {
    match error {
        tower_sessions::session::Error::Store(Error::Backend(why)) => {
            tracing::error!(error = why, "sessions cannot be read or written");
            backend::Error::Unavailable(
                backend::Code::DatabaseUnavailable,
                "The database does not answer. Try again in a moment.".to_owned(),
                Some(std::time::Duration::from_secs(2)),
            )
        }
        other => backend::Error::Internal(Box::new(other)),
    }
}

/// When a session ends, whatever its cookie says.
fn end(record: &Record, now: DateTime<Utc>) -> DateTime<Utc> {
    let idle = from_offset(record.expiry_date).unwrap_or(now);
    if !record.data.contains_key(USER_KEY) {
        return idle.min(now + ANONYMOUS);
    }
    let signed_in = record.data.get(SIGNED_IN_AT).and_then(Value::as_i64);
    let absolute = signed_in
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        .map(|time| time + ABSOLUTE);
    // One that does not say when it began is not ours.
    idle.min(absolute.unwrap_or(now))
}

fn from_offset(time: OffsetDateTime) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(time.unix_timestamp(), time.nanosecond())
}

fn failed(error: impl fmt::Display) -> Error {
    Error::Backend(error.to_string())
}

#[async_trait]
impl SessionStore for Store {
    async fn create(&self, record: &mut Record) -> Result<()> {
        let data = serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let end = end(record, clock::now());
        // Two ids of 128 random bits that are the same are a broken generator: then no session is right.
        for _ in 0..3 {
            if backend::sessions::create(&self.0, &record.id.to_string(), &data, end)
                .await
                .map_err(failed)?
            {
                return Ok(());
            }
            record.id = Id::default();
        }
        Err(Error::Backend("new session ids are all taken".to_owned()))
    }

    async fn save(&self, record: &Record) -> Result<()> {
        let data = serde_json::to_value(&record.data).map_err(|error| Error::Encode(error.to_string()))?;
        let end = end(record, clock::now());
        backend::sessions::save(&self.0, &record.id.to_string(), &data, end)
            .await
            .map_err(failed)
    }

    async fn load(&self, id: &Id) -> Result<Option<Record>> {
        let found = backend::sessions::load(&self.0, &id.to_string(), clock::now())
            .await
            .map_err(failed)?;
        let Some((data, end)) = found else { return Ok(None) };
        let data = serde_json::from_value(data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = OffsetDateTime::from_unix_timestamp(end.timestamp()).map_err(failed)?;
        Ok(Some(Record {
            id: *id,
            data,
            expiry_date,
        }))
    }

    async fn delete(&self, id: &Id) -> Result<()> {
        backend::sessions::delete(&self.0, &id.to_string())
            .await
            .map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn record(data: Value) -> Record {
        let data = serde_json::from_value(data).expect("a map");
        Record {
            id: Id(1),
            data,
            expiry_date: OffsetDateTime::from_unix_timestamp(1_000_000).expect("a time"),
        }
    }

    fn ends(data: Value, now: i64) -> i64 {
        end(&record(data), DateTime::from_timestamp(now, 0).expect("a time")).timestamp()
    }

    #[test]
    fn sessions_end_in_time() {
        let now = 1_000_000 - 12 * 3600;
        assert_eq!(ends(json!({}), now), now + 15 * 60, "nobody signed in");
        assert_eq!(ends(json!({"user": "u", "signed_in_at": now}), now), 1_000_000, "idle");
        let week = 7 * 24 * 3600;
        assert_eq!(
            ends(json!({"user": "u", "signed_in_at": now - week + 60}), now),
            now + 60,
            "absolute"
        );
        assert_eq!(ends(json!({"user": "u"}), now), now, "no beginning");
    }
}
