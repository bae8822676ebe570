//! Secrets that we make: tokens and keys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use rand::Rng;
use sha2::{Digest, Sha256};

/// A new token's or key's secret. Neither serialisable nor printable by accident.
pub struct Secret(String);

impl Secret {
    /// 256 random bits after a prefix by which scanners know what leaked.
    pub(crate) fn generate(prefix: &str) -> Self {
        let mut random = [0_u8; 32];
        rand::rng().fill_bytes(&mut random);
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(random)))
    }

    /// The text, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its first characters, by which people tell one from another.
    pub(crate) fn beginning(&self, length: usize) -> String {
        self.0.chars().take(length).collect()
    }

    /// What is kept of it.
    pub(crate) fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The hash under which a secret is kept and found. One round does: there is nothing to guess in 256 random bits.
pub(crate) fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_long_and_say_nothing_of_themselves() {
        let (one, two) = (Secret::generate("sk-"), Secret::generate("sk-"));
        assert_eq!(one.reveal().len(), 3 + 43);
        assert_ne!(one.reveal(), two.reveal());
        assert_eq!(one.hash(), hash(one.reveal()));
        assert_eq!(format!("{one:?}"), "Secret(…)");
        assert_eq!(one.beginning(11), one.reveal()[..11]);
    }
}
