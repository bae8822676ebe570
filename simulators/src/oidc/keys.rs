//! Signing keys, and signatures that should be refused.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};

/// A private key and what it signs with.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    algorithm: Algorithm,
    key: EncodingKey,
}

/// How to sign a minted token.
#[derive(Clone, Debug)]
pub enum Signature {
    /// With the current key, as the provider does.
    Current,
    /// With a key that is not published, under a key id that is not published either.
    UnknownKey,
    /// With a key that is not published, under the key id of the current one.
    Forged,
    /// Not at all: `"alg": "none"`.
    None,
    /// With HS256 and this text as the secret: the classic confusion takes the public key for it.
    SharedSecret(String),
}

impl SigningKey {
    /// A fresh ES256 key. Quick, in debug builds too.
    pub fn generate() -> Self {
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new())
            .expect("the system has random numbers");
        Self {
            id: format!("sim-{}", &crate::random_text()[..8]),
            algorithm: Algorithm::ES256,
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
        }
    }

    /// RS256 with the key that everybody knows, [`TEST_RSA_PRIVATE_KEY`](crate::TEST_RSA_PRIVATE_KEY): for tests that
    /// care about RSA. Making RSA keys takes too long in debug builds.
    pub fn well_known_rsa() -> Self {
        Self {
            id: "sim-well-known-rsa".to_owned(),
            algorithm: Algorithm::RS256,
            key: EncodingKey::from_rsa_pem(crate::TEST_RSA_PRIVATE_KEY.as_bytes()).expect("the test key is good"),
        }
    }

    fn sign(&self, claims: &Value, id: &str) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(id.to_owned());
        jsonwebtoken::encode(&header, claims, &self.key).expect("the key fits the algorithm")
    }

    fn public(&self) -> Jwk {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).expect("the key fits the algorithm");
        jwk.common.key_id = Some(self.id.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        jwk
    }
}

impl std::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SigningKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The current key.
pub(super) struct KeyRing {
    current: SigningKey,
}

impl KeyRing {
    pub(super) fn new(current: SigningKey) -> Self {
        Self { current }
    }

    pub(super) fn replace(&mut self, current: SigningKey) {
        self.current = current;
    }

    pub(super) fn jwks(&self) -> Value {
        json!({"keys": [self.current.public()]})
    }

    pub(super) fn sign(&self, claims: &Value, signature: &Signature) -> String {
        match signature {
            Signature::Current => self.current.sign(claims, &self.current.id),
            Signature::UnknownKey => {
                let stranger = SigningKey::generate();
                stranger.sign(claims, &stranger.id)
            }
            Signature::Forged => SigningKey::generate().sign(claims, &self.current.id),
            Signature::None => {
                let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let header = json!({"alg": "none", "typ": "JWT", "kid": self.current.id});
                format!("{}.{}.", part(header), part(claims.clone()))
            }
            Signature::SharedSecret(secret) => {
                let mut header = Header::new(Algorithm::HS256);
                header.kid = Some(self.current.id.clone());
                let key = EncodingKey::from_secret(secret.as_bytes());
                jsonwebtoken::encode(&header, claims, &key).expect("a secret fits HS256")
            }
        }
    }
}
