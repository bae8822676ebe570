//! Who a verified client certificate says its owner is.

use rustls::pki_types::CertificateDer;

/// OID 2.5.4.3, in DER.
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// The name in a client certificate that TLS has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClientName(pub(super) String);

/// The common name of a certificate's subject. One without has the empty one.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<ClientName> {
    let parsed = webpki::EndEntityCert::try_from(certificate).ok()?;
    Some(ClientName(common_name(parsed.subject()).unwrap_or_default()))
}

/// The last common name in a subject: sets of pairs of an OID and a text. As Go reads it, which the other half of a
/// cluster does.
fn common_name(mut subject: &[u8]) -> Option<String> {
    let mut found = None;
    while let Some((_, mut set, rest)) = element(subject) {
        subject = rest;
        while let Some((_, pair, rest)) = element(set) {
            set = rest;
            let (_, oid, value) = element(pair)?;
            if oid == COMMON_NAME {
                let (_, text, _) = element(value)?;
                found = std::str::from_utf8(text).ok().map(str::to_owned);
            }
        }
    }
    found
}

/// The first element of some DER: its tag, its content, and what follows.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Names are at most 64 KiB long.
        0x81 | 0x82 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte));
            (length, rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair};

    use super::*;

    #[test]
    fn the_common_name_is_read() {
        let name = |common: Option<&str>| {
            let mut params = CertificateParams::new(vec!["front.example".to_owned()]).expect("a name");
            params.distinguished_name = rcgen::DistinguishedName::new();
            params.distinguished_name.push(DnType::OrganizationName, "x".repeat(300));
            if let Some(common) = common {
                params.distinguished_name.push(DnType::CommonName, common);
            }
            let key = KeyPair::generate().expect("a key");
            let certificate = params.self_signed(&key).expect("signed");
            of(certificate.der()).map(|ClientName(name)| name)
        };
        assert_eq!(name(Some("front-proxy-client")).as_deref(), Some("front-proxy-client"));
        assert_eq!(name(Some(&"ü".repeat(150))), Some("ü".repeat(150)));
        assert_eq!(name(None).as_deref(), Some(""));
    }

    #[test]
    fn nonsense_has_no_name() {
        for nonsense in [&b""[..], b"\x31", b"\x31\x05\x30", b"\x31\x84\xff\xff\xff\xff", b"\x31\x02\x30\x00"] {
            assert_eq!(common_name(nonsense), None, "{nonsense:?}");
        }
    }
}
