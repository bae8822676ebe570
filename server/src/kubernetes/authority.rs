//! The certificate authority that signs what the listener shows, when the operator gives no certificate.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use backend::{Backend, Error, Result, kubernetes_door::Authority};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _};
use url::{Host, Url};

use crate::config::Config;

/// As long as an installation may live: kubeconfigs hold the authority's certificate, and renewing it ends them.
const AUTHORITY: Duration = Duration::from_hours(20 * 365 * 24);
/// How long a serving certificate is valid.
const SERVING: Duration = Duration::from_hours(90 * 24);
/// How long before its end it is replaced.
pub(super) const AHEAD: Duration = Duration::from_hours(30 * 24);
/// Clocks of clients may be slow.
const SLOW_CLOCKS: Duration = Duration::from_hours(1);

/// A certificate chain with its key, and when to make the next one.
pub(super) struct Serving {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) renew_at: Option<SystemTime>,
}

/// The installation's authority, made at the first start.
///
/// # Errors
/// When the database does not answer, or the authority cannot be opened.
pub(crate) async fn authority(backend: &Backend) -> Result<Authority> {
    backend::kubernetes_door::authority(backend, || make(SystemTime::now()).map_err(failed)).await
}

/// A serving certificate of the authority for some names.
///
/// # Errors
/// When a name cannot stand in a certificate.
pub(super) fn serving(authority: &Authority, names: &BTreeSet<String>, now: SystemTime) -> Result<Serving> {
    sign(authority, names, now).map_err(failed)
}

/// The names that the certificate is valid for.
pub(super) fn names(config: &Config, listen: SocketAddr) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    if !listen.ip().is_unspecified() {
        names.insert(listen.ip().to_string());
    }
    let urls = [config.public_url.as_deref(), config.kubernetes.public_url.as_deref()];
    names.extend(urls.into_iter().flatten().filter_map(host));
    names.extend(config.kubernetes.hosts.iter().map(|name| bare(name)));
    names
}

fn host(url: &str) -> Option<String> {
    Some(match Url::parse(url).ok()?.host()? {
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    })
}

/// `[::1]` as certificates write it, and names in small letters.
fn bare(name: &str) -> String {
    let inner = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let name = inner.unwrap_or(name);
    name.parse::<IpAddr>()
        .map_or_else(|_| name.to_ascii_lowercase(), |address| address.to_string())
}

/// What the authority's certificate says. The same each time: an issuer is known by its name and its key.
fn authority_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::<String>::new())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Guildhall Kubernetes API authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn make(now: SystemTime) -> Result<Authority, rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = authority_params()?;
    params.not_before = (now - SLOW_CLOCKS).into();
    params.not_after = (now + AUTHORITY).into();
    Ok(Authority {
        certificate: params.self_signed(&key)?.pem(),
        private_key: key.serialize_der(),
    })
}

fn sign(authority: &Authority, names: &BTreeSet<String>, now: SystemTime) -> Result<Serving, rcgen::Error> {
    let issuer_key = KeyPair::try_from(authority.private_key.as_slice())?;
    let issuer = Issuer::new(authority_params()?, issuer_key);
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names.iter().cloned().collect::<Vec<_>>())?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Guildhall Kubernetes API");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = (now - SLOW_CLOCKS).into();
    params.not_after = (now + SERVING).into();
    let certificate = params.signed_by(&key, &issuer)?;
    Ok(Serving {
        chain: vec![certificate.der().clone()],
        key: PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        renew_at: Some(now + SERVING - AHEAD),
    })
}

/// What clients have to be told to verify a chain of the operator's: its last certificate, when that vouches for itself.
/// Else whoever signed it is known to the client's system, or is the operator's to hand out.
pub(super) fn root_of(pem: &[u8]) -> Option<String> {
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().ok()?;
    let last = chain.last()?;
    let parsed = webpki::EndEntityCert::try_from(last).ok()?;
    (parsed.issuer() == parsed.subject()).then(|| pem_of(last))
}

fn pem_of(certificate: &CertificateDer<'_>) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|start| &text[start..text.len().min(start + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn failed(error: rcgen::Error) -> Error {
    Error::internal(format!("a certificate cannot be made: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_has_every_name_that_clients_use() {
        let env = [
            ("GUILDHALL_PUBLIC_URL", "https://guild.example:8443"),
            ("GUILDHALL_KUBERNETES_HOSTS", "Guildhall.NS.svc, [fd00::1]"),
            ("GUILDHALL_KUBERNETES_PUBLIC_URL", "https://k8s.example"),
        ];
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let config = Config::load(None, env).expect("a configuration");
        let names = names(&config, "10.1.2.3:6443".parse().expect("an address"));
        let all = "10.1.2.3 127.0.0.1 ::1 fd00::1 guild.example guildhall.ns.svc k8s.example localhost";
        assert_eq!(names.into_iter().collect::<Vec<_>>().join(" "), all);
    }

    #[test]
    fn serving_certificates_are_verified_by_the_authority() {
        let now = SystemTime::now();
        let authority = make(now).expect("made");
        let names: BTreeSet<String> = ["localhost".to_owned(), "127.0.0.1".to_owned()].into();
        let serving = sign(&authority, &names, now).expect("signed");
        assert_eq!(root_of(authority.certificate.as_bytes()), Some(authority.certificate.clone()).map(|pem| {
            let der = CertificateDer::from_pem_slice(pem.as_bytes()).expect("PEM");
            pem_of(&der)
        }));
        let root = CertificateDer::from_pem_slice(authority.certificate.as_bytes()).expect("PEM");
        let anchor = webpki::anchor_from_trusted_cert(&root).expect("an authority");
        let leaf = webpki::EndEntityCert::try_from(&serving.chain[0]).expect("a certificate");
        let anchors = [anchor];
        let verified = leaf.verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &[],
            rustls::pki_types::UnixTime::now(),
            webpki::KeyUsage::server_auth(),
            None,
            None,
        );
        assert!(verified.is_ok());
        for name in ["localhost", "127.0.0.1"] {
            let name = rustls::pki_types::ServerName::try_from(name).expect("a name");
            assert!(leaf.verify_is_valid_for_subject_name(&name).is_ok());
        }
        assert_eq!(serving.renew_at, Some(now + SERVING - AHEAD));
    }
}
