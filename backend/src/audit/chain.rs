//! What is hashed of an entry: the form that sealing and verifying share.

use std::{fmt, str::FromStr};

use domain::Invalid;
use sha2::{Digest, Sha256};

/// The form below. Another form gets another number, and this one stays for what it has sealed.
pub(super) const VERSION: i16 = 1;
/// What is hashed first: nothing else that is hashed begins so.
const PREFIX: &[u8] = b"guildhall audit chain 1\n";
/// What stands for the hash before the first.
pub(super) const GENESIS: Hash = [0; 32];

/// SHA-256.
pub(super) type Hash = [u8; 32];

/// All columns of an entry, in an order that must not change, as text that says exactly what is stored: times are
/// microseconds, JSON is PostgreSQL's own text of `jsonb`, which keeps every digit. It stands here and not in the
/// database, where whoever changes an entry could change it too.
pub(super) const FIELDS: &str = "ARRAY[e.id::text, e.txid::text, e.position::text,
    trunc(extract(epoch FROM e.at) * 1000000)::text, e.actor_id::text, e.actor, e.oidc_sub, e.method, e.request_id, e.ip,
    e.user_agent, e.action, e.organization_id::text, e.team_id::text, e.target_kind, e.target_id, e.target,
    e.success::text, e.before::text, e.after::text]";

/// The seal of an entry at a place, after another seal: SHA-256 of the prefix, the place, the hash before and each field
/// with its length, so that no two entries are written alike.
pub(super) fn hash(seq: i64, previous: &Hash, fields: &[Option<String>]) -> Hash {
    let mut sha = Sha256::new();
    sha.update(PREFIX);
    sha.update(seq.to_be_bytes());
    sha.update(previous);
    for field in fields {
        match field {
            None => sha.update([0]),
            Some(text) => {
                sha.update([1]);
                sha.update((text.len() as u64).to_be_bytes());
                sha.update(text.as_bytes());
            }
        }
    }
    sha.finalize().into()
}

/// A head of the chain that somebody has noted elsewhere: `SEQ:HASH`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// Its place.
    pub seq: i64,
    /// Its hash.
    pub(super) hash: Hash,
}

impl FromStr for Expected {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let read = || {
            let (seq, hash) = text.trim().split_once(':')?;
            let seq = seq.parse().ok().filter(|seq| *seq > 0)?;
            let mut bytes = Hash::default();
            hex::decode_to_slice(hash, &mut bytes).ok()?;
            Some(Self { seq, hash: bytes })
        };
        read().ok_or_else(|| Invalid::new("head", "must be a number, a colon and 64 hexadecimal digits"))
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.seq, hex::encode(self.hash))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(fields: &[Option<&str>]) -> Vec<Option<String>> {
        fields.iter().map(|field| field.map(str::to_owned)).collect()
    }

    #[test]
    fn b25_no_two_entries_are_written_alike() {
        let all = [
            texts(&[Some("ab"), Some("c")]),
            texts(&[Some("a"), Some("bc")]),
            texts(&[Some("abc")]),
            texts(&[Some("abc"), None]),
            texts(&[Some("abc"), Some("")]),
            texts(&[None, Some("abc")]),
        ];
        let mut hashes: Vec<Hash> = all.iter().map(|fields| hash(1, &GENESIS, fields)).collect();
        hashes.push(hash(2, &GENESIS, &all[0]));
        hashes.push(hash(1, &[1; 32], &all[0]));
        let count = hashes.len();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), count);
    }

    /// The form is for ever: what was sealed by one version is verified by each later one.
    #[test]
    fn b25_the_form_of_version_1_stays() {
        let seal = hash(1, &GENESIS, &texts(&[Some("ä"), None, Some("")]));
        let mut bytes = PREFIX.to_vec();
        bytes.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        bytes.extend([0; 32]);
        bytes.extend([1, 0, 0, 0, 0, 0, 0, 0, 2, 0xc3, 0xa4, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(seal, <Hash>::from(Sha256::digest(bytes)));
    }

    #[test]
    fn heads_are_read_as_they_are_written() {
        let text = format!("17:{}", "0f".repeat(32));
        assert_eq!(text.parse::<Expected>().unwrap().to_string(), text);
        for wrong in [
            "",
            "17",
            "0:00",
            &format!("0:{}", "00".repeat(32)),
            "x:00",
            "1:zz",
            &format!("{text}0"),
        ] {
            assert!(wrong.parse::<Expected>().is_err(), "{wrong}");
        }
    }
}
