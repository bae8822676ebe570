//! The provider's public keys: decoded once, fetched again when they get old or a token names one we do not know.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use openidconnect::core::CoreJsonWebKeySet;
use tokio::sync::Mutex;

use super::bearer::Verified;
use super::error::Error;

/// Keys this old are fetched again, so that a key the provider withdrew stops working here.
const FRESH_FOR: Duration = Duration::from_mins(10);
/// While the provider cannot be reached, keys are believed so long.
const USABLE_FOR: Duration = Duration::from_hours(1);
/// Unknown key ids, which anybody can make up, lead to at most one fetch in this time.
const UNKNOWN_KEY_PAUSE: Duration = Duration::from_secs(10);
/// A fetch that failed is not repeated sooner, however many callers wait for it.
const FAILURE_PAUSE: Duration = Duration::from_secs(1);

/// What tokens may be signed with: asymmetric only. With a shared secret anybody who can check a token can make one.
pub(super) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// One fetch of the provider's keys.
pub(super) struct KeySet {
    keys: Vec<Key>,
    /// The same keys, as `openidconnect` wants them.
    pub for_id_tokens: CoreJsonWebKeySet,
    /// Tokens verified with these keys: forgotten together with them.
    pub verified: Verified,
    fetched: Instant,
}

struct Key {
    id: Option<String>,
    algorithms: &'static [Algorithm],
    decoded: DecodingKey,
}

/// The current key set, and who may fetch the next one.
#[derive(Default)]
pub(super) struct Keys {
    current: RwLock<Option<Arc<KeySet>>>,
    fetching: Mutex<Fetching>,
}

#[derive(Default)]
struct Fetching {
    unknown_key: Option<Instant>,
    failed: Option<(Instant, Error)>,
}

impl KeySet {
    /// Reads a JWKS document. Keys that we cannot use (encryption, symmetric, unknown curves, short RSA) are left out.
    ///
    /// Errors: in words, if it is no JWKS document.
    pub(super) fn parse(document: &[u8]) -> Result<Self, String> {
        #[derive(serde::Deserialize)]
        struct Document {
            keys: Vec<serde_json::Value>,
        }
        let unreadable = |error: serde_json::Error| format!("not a key set: {error}");
        let parsed: Document = serde_json::from_slice(document).map_err(unreadable)?;
        let jwks = parsed
            .keys
            .into_iter()
            .filter_map(|key| serde_json::from_value(key).ok());
        Ok(Self {
            keys: jwks.filter_map(|jwk| Key::from_jwk(&jwk)).collect(),
            for_id_tokens: serde_json::from_slice(document).map_err(unreadable)?,
            verified: Verified::default(),
            fetched: Instant::now(),
        })
    }

    /// The key for a token. Without a key id, the only key that fits the algorithm.
    pub(super) fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<&DecodingKey> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm) && (id.is_none() || key.id.as_deref() == id));
        let found = fitting.next()?;
        fitting.next().is_none().then_some(&found.decoded)
    }

    fn younger_than(&self, age: Duration) -> bool {
        self.fetched.elapsed() < age
    }
}

impl Key {
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        if matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption)) {
            return None;
        }
        let algorithms = match jwk.common.key_algorithm {
            // A key made for one algorithm is used for no other.
            Some(named) => {
                let index = ALGORITHMS
                    .iter()
                    .position(|algorithm| KeyAlgorithm::from(*algorithm) == named)?;
                &ALGORITHMS[index..=index]
            }
            None => match &jwk.algorithm {
                AlgorithmParameters::RSA(_) => &ALGORITHMS[..6],
                AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &ALGORITHMS[6..7],
                AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &ALGORITHMS[7..8],
                AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &ALGORITHMS[8..],
                _ => return None,
            },
        };
        // 2048 bits are 342 characters of base64url.
        if matches!(&jwk.algorithm, AlgorithmParameters::RSA(key) if key.n.len() < 342) {
            return None;
        }
        let decoded = DecodingKey::from_jwk(jwk).ok()?;
        (decoded.family() == algorithms.first()?.family()).then(|| Self {
            id: jwk.common.key_id.clone(),
            algorithms,
            decoded,
        })
    }
}

impl Keys {
    /// The keys; fetched with `fetch` when there are none or they are old. If that fails, keys up to an hour old do.
    ///
    /// Errors: those of `fetch`, possibly of a moment ago.
    pub(super) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<Arc<KeySet>, Error>
    where
        F: Future<Output = Result<KeySet, Error>>,
    {
        if let Some(keys) = self.held(FRESH_FOR) {
            return Ok(keys);
        }
        let mut fetching = self.fetching.lock().await;
        if let Some(keys) = self.held(FRESH_FOR) {
            return Ok(keys);
        }
        self.fetch(&mut fetching, fetch)
            .await
            .or_else(|error| self.held(USABLE_FOR).ok_or(error))
    }

    /// Keys newer than `known`, which lacks the key of a token; `known` itself if they were fetched for such a reason
    /// a moment ago, or cannot be fetched.
    pub(super) async fn newer_than<F>(&self, known: &Arc<KeySet>, fetch: impl FnOnce() -> F) -> Arc<KeySet>
    where
        F: Future<Output = Result<KeySet, Error>>,
    {
        let mut fetching = self.fetching.lock().await;
        if let Some(keys) = self.held(USABLE_FOR).filter(|keys| !Arc::ptr_eq(keys, known)) {
            return keys;
        }
        if fetching
            .unknown_key
            .is_some_and(|last| last.elapsed() < UNKNOWN_KEY_PAUSE)
        {
            return Arc::clone(known);
        }
        fetching.unknown_key = Some(Instant::now());
        self.fetch(&mut fetching, fetch)
            .await
            .unwrap_or_else(|_| Arc::clone(known))
    }

    async fn fetch<F>(&self, fetching: &mut Fetching, fetch: impl FnOnce() -> F) -> Result<Arc<KeySet>, Error>
    where
        F: Future<Output = Result<KeySet, Error>>,
    {
        if let Some((failed, error)) = &fetching.failed
            && failed.elapsed() < FAILURE_PAUSE
        {
            return Err(error.clone());
        }
        match fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                fetching.failed = None;
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
                Ok(keys)
            }
            Err(error) => {
                tracing::warn!(%error, "the OpenID provider's keys could not be fetched");
                fetching.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn held(&self, age: Duration) -> Option<Arc<KeySet>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.as_ref().filter(|keys| keys.younger_than(age)).cloned()
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Algorithm;

    use super::KeySet;

    #[test]
    fn only_keys_that_may_sign_are_kept() {
        let n = "x".repeat(341) + "A";
        let document = serde_json::json!({"keys": [
            {"kty": "RSA", "kid": "good", "n": n, "e": "AQAB"},
            {"kty": "RSA", "kid": "encrypts", "use": "enc", "n": n, "e": "AQAB"},
            {"kty": "RSA", "kid": "short", "n": "x".repeat(171), "e": "AQAB"},
            {"kty": "RSA", "kid": "confused", "alg": "ES256", "n": n, "e": "AQAB"},
            {"kty": "oct", "kid": "shared", "alg": "HS256", "k": "c2VjcmV0"},
            {"kty": "quantum", "kid": "future"},
        ]});
        let keys = KeySet::parse(document.to_string().as_bytes()).expect("a key set");
        assert!(keys.find(Some("good"), Algorithm::RS256).is_some());
        assert!(keys.find(None, Algorithm::PS512).is_some(), "the only RSA key");
        assert!(keys.find(Some("good"), Algorithm::ES256).is_none());
        for bad in ["encrypts", "short", "confused", "shared", "future"] {
            for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::HS256] {
                assert!(keys.find(Some(bad), algorithm).is_none(), "{bad} {algorithm:?}");
            }
        }
        assert!(KeySet::parse(b"<html>").is_err());
    }
}
