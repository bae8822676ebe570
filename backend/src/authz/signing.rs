//! The keys that sign assertions: in the database, shared by all processes, a new one every 30 days.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair},
};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::{
    Backend, Error, Result,
    sealing::{self, Purpose},
};

/// How long a key signs.
const SIGNS: TimeDelta = TimeDelta::days(30);
/// How long before that it is published, so that copies of the key set have it in time.
const AHEAD: TimeDelta = TimeDelta::days(1);
/// How long after that it stays published; longer than any assertion or copy of the key set lives.
const AFTER: TimeDelta = TimeDelta::days(2);
/// How long what was read is good.
const FRESH: Duration = Duration::from_mins(5);
/// "signing" in ASCII: the advisory lock around making a key.
const MAKING: i64 = 0x0073_6967_6e69_6e67;

/// What an assertion says.
#[derive(Debug, Serialize)]
pub struct Claims<'a> {
    /// Who says so: the public URL.
    pub iss: &'a str,
    /// For whom: the service.
    pub aud: &'a str,
    /// About whom: the person's id; of a key, its owner's.
    pub sub: Uuid,
    /// The person's email.
    pub email: &'a str,
    /// The team that is acted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Uuid>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team_name: Option<&'a str>,
    /// The project that is acted in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project: Option<Uuid>,
    /// Roles.
    pub roles: &'a [&'static str],
    /// The key, when it was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Uuid>,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
}

/// The keys of this moment.
pub struct SigningKeys {
    kid: Uuid,
    pair: Ed25519KeyPair,
    /// The JSON Web Key Set (RFC 7517) with every key that may have signed something that is still good.
    pub jwks: String,
}

impl std::fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SigningKeys({})", self.kid)
    }
}

impl SigningKeys {
    /// Which key signs.
    pub(crate) fn kid(&self) -> Uuid {
        self.kid
    }

    /// Its public half: 32 bytes.
    pub(crate) fn public_key(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// A signed JWT (EdDSA).
    ///
    /// # Errors
    /// Never in practice: the claims are texts and numbers.
    pub fn sign(&self, claims: &Claims<'_>) -> Result<String> {
        self.sign_as("JWT", claims)
    }

    /// A signed statement (a compact JWS, EdDSA) that is no assertion: its `typ` says what it is, so that nobody takes it
    /// for one.
    ///
    /// # Errors
    /// Never in practice: what is said are texts and numbers.
    pub(crate) fn sign_as(&self, typ: &str, claims: &impl Serialize) -> Result<String> {
        let header = json!({"alg": "EdDSA", "typ": typ, "kid": self.kid});
        let mut text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(&header)?);
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(claims)?, &mut text);
        let signature = self.pair.sign(text.as_bytes());
        text.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut text);
        Ok(text)
    }
}

/// The keys in memory.
#[derive(Default)]
pub(crate) struct Signing(RwLock<Option<(Instant, Arc<SigningKeys>)>>);

impl Signing {
    fn get(&self) -> Option<Arc<SigningKeys>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known
            .as_ref()
            .filter(|(read, _)| read.elapsed() < FRESH)
            .map(|(_, keys)| Arc::clone(keys))
    }

    fn set(&self, keys: Option<Arc<SigningKeys>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = keys.map(|keys| (Instant::now(), keys));
    }

    /// Drops them: another process has made one.
    pub(crate) fn forget(&self) {
        self.set(None);
    }
}

/// The keys, from memory or the database; the first one is made when there is none.
///
/// # Errors
/// When the database does not answer.
pub async fn signer(backend: &Backend, now: DateTime<Utc>) -> Result<Arc<SigningKeys>> {
    let signing = &backend.principals.snapshot.signing;
    if let Some(known) = signing.get() {
        return Ok(known);
    }
    let secret = backend.settings.secret_key.as_ref();
    let mut connection = backend.pool.acquire().await?;
    let keys = match load(&mut connection, secret, now).await? {
        Some(keys) => keys,
        None => {
            drop(connection);
            make(backend, now, |usable, _| !usable).await?;
            let mut connection = backend.pool.acquire().await?;
            load(&mut connection, secret, now)
                .await?
                .ok_or_else(|| Error::internal("a new signing key cannot be read"))?
        }
    };
    let keys = Arc::new(keys);
    signing.set(Some(Arc::clone(&keys)));
    Ok(keys)
}

/// Makes the next key when it is time, and removes those that are over. Called by a job.
///
/// # Errors
/// When the database does not answer.
pub async fn rotate(backend: &Backend, now: DateTime<Utc>) -> Result<()> {
    make(backend, now, |_, newest| {
        newest.is_some_and(|from| from + SIGNS - AHEAD <= now)
    })
    .await?;
    sqlx::query!("DELETE FROM signing_keys WHERE expires_at <= $1", now)
        .execute(&backend.pool)
        .await?;
    Ok(())
}

/// Makes a key if `needed` says so, asked under a lock: whether one is usable now, and from when the newest signs.
async fn make(
    backend: &Backend,
    now: DateTime<Utc>,
    needed: impl FnOnce(bool, Option<DateTime<Utc>>) -> bool,
) -> Result<()> {
    let secret = backend.settings.secret_key.as_ref();
    let mut transaction = backend.pool.begin().await?;
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", MAKING)
        .execute(&mut *transaction)
        .await?;
    let usable = load(&mut transaction, secret, now).await?.is_some();
    let newest = sqlx::query_scalar!("SELECT max(active_from) FROM signing_keys WHERE expires_at > $1", now)
        .fetch_one(&mut *transaction)
        .await?;
    if !needed(usable, newest) {
        return Ok(());
    }
    // While another one signs, the new one is only published.
    let active_from = if usable { now + AHEAD } else { now };
    let (id, random) = (Uuid::now_v7(), SystemRandom::new());
    let failed = |_| Error::internal("the system has no random numbers");
    let document = Ed25519KeyPair::generate_pkcs8(&random).map_err(failed)?;
    let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|error| Error::internal(error.to_string()))?;
    let private = match secret {
        Some(secret) => sealing::seal(Purpose::SigningKeys, secret, id, document.as_ref())?,
        None => document.as_ref().to_vec(),
    };
    sqlx::query!(
        "INSERT INTO signing_keys (id, public_key, private_key, sealed, created_at, active_from, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)",
        id,
        pair.public_key().as_ref(),
        private,
        secret.is_some(),
        now,
        active_from,
        active_from + SIGNS + AFTER,
    )
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    tracing::info!(kid = %id, sealed = secret.is_some(), %active_from, "a new key signs assertions");
    Ok(())
}

/// A public key as a JSON Web Key (RFC 8037).
pub(crate) fn jwk(kid: Uuid, public_key: &[u8]) -> Value {
    json!({
        "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid,
        "x": URL_SAFE_NO_PAD.encode(public_key),
    })
}

/// The keys, if one can sign now.
async fn load(
    connection: &mut PgConnection,
    secret: Option<&SecretString>,
    now: DateTime<Utc>,
) -> Result<Option<SigningKeys>> {
    let rows = sqlx::query!(
        "SELECT id, public_key, private_key, sealed, active_from FROM signing_keys
        WHERE expires_at > $1 ORDER BY active_from, id",
        now,
    )
    .fetch_all(connection)
    .await?;
    let published: Vec<_> = rows.iter().map(|row| jwk(row.id, &row.public_key)).collect();
    let jwks = json!({"keys": published}).to_string();
    for row in rows.iter().rev().filter(|row| row.active_from <= now) {
        let opened = match (row.sealed, secret) {
            (false, _) => Some(row.private_key.clone()),
            (true, Some(secret)) => sealing::open(Purpose::SigningKeys, secret, row.id, &row.private_key),
            (true, None) => None,
        };
        match opened.map(|private| Ed25519KeyPair::from_pkcs8(&private)) {
            Some(Ok(pair)) => {
                return Ok(Some(SigningKeys {
                    kid: row.id,
                    pair,
                    jwks,
                }));
            }
            _ => tracing::warn!(kid = %row.id, "a signing key was sealed with another GUILDHALL_SECRET_KEY"),
        }
    }
    Ok(None)
}
