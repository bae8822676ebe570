//! Bearer JWTs on the API: checked once, then remembered until they end or the keys change.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, TokenData, Validation};
use moka::sync::Cache;
use sha2::{Digest, Sha256};

use super::error::Error;
use super::identity::{BearerClaims, Identity};
use super::keys::{ALGORITHMS, KeySet};
use super::provider::Provider;

/// What clocks may differ by, in seconds, for `exp` and `nbf`.
const LEEWAY_SECONDS: u64 = 60;
/// A header of more than this is nobody's token.
const LONGEST_TOKEN: usize = 16 * 1024;
/// How many verified tokens are remembered.
const REMEMBERED: u64 = 10_000;

/// Tokens verified with one key set, by their SHA-256, so that a client that sends the same token with each request costs one signature
/// check and not thousands. Holds no token.
pub(super) struct Verified(Cache<[u8; 32], Arc<Identity>>);

impl Default for Verified {
    fn default() -> Self {
        Self(Cache::new(REMEMBERED))
    }
}

impl Verified {
    fn get(&self, digest: &[u8; 32]) -> Option<Arc<Identity>> {
        let end = SystemTime::now() - Duration::from_secs(LEEWAY_SECONDS);
        self.0.get(digest).filter(|identity| identity.expires_at >= end)
    }
}

impl Provider {
    /// Who sent this bearer JWT. Once warm, without network.
    ///
    /// The token must be signed by the provider with an asymmetric algorithm (RS*, PS*, ES256, ES384, `EdDSA`), name
    /// our issuer and audience, have a subject, and be neither expired nor early by more than 60 seconds. A key id we
    /// do not know makes us fetch the keys again, at most every 10 seconds.
    ///
    /// Errors: [`Error::Token`] for a token that is not acceptable, [`Error::Jwks`] when that cannot be judged.
    #[tracing::instrument(skip_all, fields(issuer = self.issuer()))]
    pub async fn verify_bearer(&self, jwt: &str) -> Result<Identity, Error> {
        let header = read_header(jwt)?;
        let mut keys = self.keys().await?;
        let digest: [u8; 32] = Sha256::digest(jwt).into();
        if let Some(identity) = keys.verified.get(&digest) {
            return Ok(Identity::clone(&identity));
        }
        let mut claims = self.decode(jwt, &header, &keys)?;
        if claims.is_none() {
            keys = self.newer_keys(&keys).await;
            claims = self.decode(jwt, &header, &keys)?;
        }
        let claims = claims.ok_or_else(|| Error::Token("it is signed with an unknown key".into()))?;
        let identity = Arc::new(claims.into_identity(self.issuer(), self.groups_claim()));
        keys.verified.0.insert(digest, Arc::clone(&identity));
        Ok(Identity::clone(&identity))
    }

    /// The verified claims; `None` if `keys` lack the key.
    fn decode(&self, jwt: &str, header: &Header, keys: &KeySet) -> Result<Option<BearerClaims>, Error> {
        let Some(key) = keys.find(header.kid.as_deref(), header.alg) else {
            return Ok(None);
        };
        let config = &self.inner.config;
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[config.audience.as_ref().unwrap_or(&config.client_id)]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let token: TokenData<BearerClaims> =
            jsonwebtoken::decode(jwt, key, &validation).map_err(|error| Error::Token(explain(error.kind())))?;
        Ok(Some(token.claims))
    }
}

/// The header, if the token is one that might be acceptable.
fn read_header(jwt: &str) -> Result<Header, Error> {
    if jwt.len() > LONGEST_TOKEN {
        return Err(Error::Token("it is too long".into()));
    }
    // `none` and algorithms nobody knows fail here.
    let header =
        jsonwebtoken::decode_header(jwt).map_err(|_| Error::Token("it is not a JWT with a known algorithm".into()))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(Error::Token(format!("the algorithm {:?} is not allowed", header.alg)));
    }
    // Also signed by the provider for us, but no proof of who sends it.
    if header
        .typ
        .as_deref()
        .is_some_and(|typ| typ.eq_ignore_ascii_case("logout+jwt"))
    {
        return Err(Error::Token("a logout token is not a bearer token".into()));
    }
    Ok(header)
}

/// In words, without the token's content.
fn explain(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::ExpiredSignature => "it has expired".into(),
        ErrorKind::ImmatureSignature => "it is not valid yet".into(),
        ErrorKind::InvalidAudience => "it is meant for another audience".into(),
        ErrorKind::InvalidIssuer => "it comes from another issuer".into(),
        ErrorKind::InvalidSignature => "its signature is wrong".into(),
        ErrorKind::MissingRequiredClaim(claim) => format!("it lacks the claim `{claim}`"),
        ErrorKind::InvalidClaimFormat(claim) => format!("its claim `{claim}` is malformed"),
        _ => "it is malformed".into(),
    }
}
