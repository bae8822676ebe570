//! Private keys in the database, sealed with the operator's secret (AES-256-GCM, the nonce first).

use ring::{
    aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    hkdf,
    rand::{SecureRandom, SystemRandom},
};
use secrecy::{ExposeSecret, SecretString};
use uuid::Uuid;

use crate::{Error, Result};

/// What a private key is for. Each purpose has a key of its own, made of the one secret.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// Signing the assertions of forward auth.
    SigningKeys,
    /// The Kubernetes listener's certificate authority.
    KubernetesAuthority,
}

impl Purpose {
    fn salt(self) -> &'static [u8] {
        match self {
            Self::SigningKeys => b"guildhall signing keys",
            Self::KubernetesAuthority => b"guildhall kubernetes authority",
        }
    }
}

/// The key that seals, made of the operator's secret.
fn sealing_key(purpose: Purpose, secret: &SecretString) -> Result<LessSafeKey, ring::error::Unspecified> {
    let salt = hkdf::Salt::new(hkdf::HKDF_SHA256, purpose.salt());
    let mut bytes = [0_u8; 32];
    salt.extract(secret.expose_secret().as_bytes())
        .expand(&[b"AES-256-GCM"], &AES_256_GCM)?
        .fill(&mut bytes)?;
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &bytes)?))
}

/// Seals what belongs to `id`.
pub(crate) fn seal(purpose: Purpose, secret: &SecretString, id: Uuid, private: &[u8]) -> Result<Vec<u8>> {
    let failed = |_| Error::internal("the system has no random numbers");
    let mut nonce = [0_u8; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(failed)?;
    let mut text = private.to_vec();
    sealing_key(purpose, secret)
        .and_then(|key| {
            let aad = Aad::from(id.as_bytes());
            key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
        })
        .map_err(failed)?;
    Ok([&nonce[..], &text].concat())
}

/// What was sealed for `id`; none when the secret is another one.
pub(crate) fn open(purpose: Purpose, secret: &SecretString, id: Uuid, sealed: &[u8]) -> Option<Vec<u8>> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN)?;
    let mut text = text.to_vec();
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let opened = sealing_key(purpose, secret)
        .ok()?
        .open_in_place(nonce, Aad::from(id.as_bytes()), &mut text);
    opened.ok().map(|text| text.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_the_same_secret_for_the_same_key_and_purpose_only() {
        let (id, secret) = (
            Uuid::now_v7(),
            SecretString::from("a secret of the operator".to_owned()),
        );
        let signing = Purpose::SigningKeys;
        let sealed = seal(signing, &secret, id, b"private").unwrap();
        assert!(!sealed.windows(7).any(|bytes| bytes == b"private"));
        assert_eq!(open(signing, &secret, id, &sealed).as_deref(), Some(&b"private"[..]));
        assert_eq!(open(Purpose::KubernetesAuthority, &secret, id, &sealed), None);
        assert_eq!(open(signing, &secret, Uuid::now_v7(), &sealed), None);
        assert_eq!(
            open(signing, &SecretString::from("another".to_owned()), id, &sealed),
            None
        );
        assert_eq!(open(signing, &secret, id, b"short"), None);
    }
}
