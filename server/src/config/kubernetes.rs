//! The Kubernetes API's listener.

use std::{net::SocketAddr, path::PathBuf};

use super::{PublicUrl, source::Source};

/// What the operator decided about the Kubernetes API.
#[derive(Debug, Clone, Default)]
pub struct Kubernetes {
    /// Where to listen; not at all without it.
    pub listen: Option<SocketAddr>,
    /// The address that kubeconfigs name, when it is not the listener's own.
    pub public_url: Option<String>,
    /// Names and addresses that the made certificate has beside the usual ones.
    pub hosts: Vec<String>,
    /// A certificate and its key, instead of made ones.
    pub certificate: Option<CertificateFiles>,
    /// The front proxies that are believed.
    pub front_proxy: Option<FrontProxy>,
}

/// Where a certificate and its key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, PEM.
    pub certificate: PathBuf,
    /// The private key, PEM.
    pub key: PathBuf,
}

/// Who may say who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrontProxy {
    /// Authorities of their client certificates, PEM.
    pub authorities: PathBuf,
    /// Common names that are allowed; empty is any.
    pub names: Vec<String>,
}

pub(super) fn read(source: &mut Source) -> Kubernetes {
    let certificate = match (source.text("kubernetes.certificate_file"), source.text("kubernetes.key_file")) {
        (Some(certificate), Some(key)) => Some(CertificateFiles {
            certificate: certificate.into(),
            key: key.into(),
        }),
        (Some(_), None) => {
            source.reject("kubernetes.key_file", "must be set together with `kubernetes.certificate_file`");
            None
        }
        (None, Some(_)) => {
            source.reject("kubernetes.certificate_file", "must be set together with `kubernetes.key_file`");
            None
        }
        (None, None) => None,
    };
    let authorities = source.text("kubernetes.front_proxy_ca_file");
    let names = source.list::<String>("kubernetes.front_proxy_names").unwrap_or_default();
    if authorities.is_none() && !names.is_empty() {
        // Names alone would look like protection and be none.
        source.reject(
            "kubernetes.front_proxy_ca_file",
            "must be set together with `kubernetes.front_proxy_names`",
        );
    }
    let public_url = source.value::<PublicUrl>("kubernetes.public_url").map(|url| url.0);
    if public_url.as_deref().is_some_and(|url| !url.starts_with("https://")) {
        source.reject("kubernetes.public_url", "must begin with https://: kubectl sends no token without TLS");
    }
    Kubernetes {
        listen: source.value("kubernetes.listen"),
        public_url,
        hosts: source.list("kubernetes.hosts").unwrap_or_default(),
        certificate,
        front_proxy: authorities.map(|authorities| FrontProxy {
            authorities: authorities.into(),
            names,
        }),
    }
}
