//! What the listener shows of itself, and what it asks of clients. All of it can be replaced while it runs.

use std::{
    collections::BTreeSet,
    io,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use backend::kubernetes_door::Authority;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    server::WebPkiClientVerifier,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::{
    authority::{self, Serving},
    client::{self, ClientName},
};
use crate::config::{CertificateFiles, Kubernetes};

/// How long a client may take for the handshake.
const SLOWEST_HANDSHAKE: Duration = Duration::from_secs(10);
/// How often files are looked at, and whether a certificate is near its end.
const LOOK: Duration = Duration::from_secs(10);

/// The listener's half of TLS.
#[derive(Clone)]
pub(super) struct Tls(Arc<Inner>);

struct Inner {
    source: Source,
    front_proxy: Option<std::path::PathBuf>,
    current: RwLock<Arc<Current>>,
}

/// Where certificates come from.
pub(super) enum Source {
    /// The operator's files.
    Files(CertificateFiles),
    /// Signed by the installation's own authority.
    Made(Authority, BTreeSet<String>),
}

struct Current {
    config: Arc<ServerConfig>,
    /// What the files held.
    read: Vec<Vec<u8>>,
    renew_at: Option<SystemTime>,
}

impl Tls {
    /// Reads or makes what is needed.
    ///
    /// # Errors
    /// When a file cannot be read, or holds something else.
    pub(super) fn new(source: Source, config: &Kubernetes) -> anyhow::Result<Self> {
        let front_proxy = config.front_proxy.as_ref().map(|proxy| proxy.authorities.clone());
        let read = read(&source, front_proxy.as_deref())?;
        let current = build(&source, read, SystemTime::now())?;
        Ok(Self(Arc::new(Inner {
            source,
            front_proxy,
            current: RwLock::new(Arc::new(current)),
        })))
    }

    /// The handshake of a new connection: what to talk over, and who the client certificate names.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<(TlsStream<TcpStream>, Option<ClientName>)> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.current().config));
        let stream = tokio::time::timeout(SLOWEST_HANDSHAKE, acceptor.accept(stream))
            .await
            .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long"))??;
        let (_, session) = stream.get_ref();
        let name = session
            .peer_certificates()
            .and_then(|chain| chain.first())
            .and_then(client::of);
        Ok((stream, name))
    }

    /// Replaces what changed or ends soon, for as long as the listener runs.
    pub(super) async fn keep_fresh(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.refresh();
        }
    }

    /// Replaces what changed or ends soon. Files that will not do, as while they are being written, change nothing.
    fn refresh(&self) {
        let (now, before) = (SystemTime::now(), self.current());
        let read = match read(&self.0.source, self.0.front_proxy.as_deref()) {
            Ok(read) => read,
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the Kubernetes listener keeps its certificate");
                return;
            }
        };
        if read == before.read && before.renew_at.is_none_or(|at| now < at) {
            return;
        }
        match build(&self.0.source, read, now) {
            Ok(current) => {
                *self.0.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(current);
                tracing::info!("the Kubernetes listener has a new certificate");
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the Kubernetes listener keeps its certificate");
            }
        }
    }

    fn current(&self) -> Arc<Current> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is in the files: the certificate and the key if they are the operator's, then the front proxies' authorities.
fn read(source: &Source, front_proxy: Option<&Path>) -> anyhow::Result<Vec<Vec<u8>>> {
    let own = match source {
        Source::Files(files) => vec![files.certificate.as_path(), files.key.as_path()],
        Source::Made(..) => Vec::new(),
    };
    own.into_iter()
        .chain(front_proxy)
        .map(|path| std::fs::read(path).with_context(|| format!("could not read {}", path.display())))
        .collect()
}

fn build(source: &Source, read: Vec<Vec<u8>>, now: SystemTime) -> anyhow::Result<Current> {
    let (serving, rest) = match source {
        Source::Files(files) => (given(files, &read)?, read.get(2..)),
        Source::Made(authority, names) => (authority::serving(authority, names, now)?, Some(&read[..])),
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match rest.and_then(|rest| rest.first()) {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots(pem)?), provider)
                // People come with tokens.
                .allow_unauthenticated()
                .build()
                .context("`kubernetes.front_proxy_ca_file`")?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder
        .with_single_cert(serving.chain, serving.key)
        .context("the certificate and its key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Current {
        config: Arc::new(config),
        read,
        renew_at: serving.renew_at,
    })
}

fn given(files: &CertificateFiles, read: &[Vec<u8>]) -> anyhow::Result<Serving> {
    let [certificate, key, ..] = read else {
        anyhow::bail!("a certificate and a key are needed");
    };
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .ok()
        .filter(|chain| !chain.is_empty())
        .with_context(|| format!("{} holds no certificates (PEM)", files.certificate.display()))?;
    let key = PrivateKeyDer::from_pem_slice(key)
        .map_err(|_| anyhow::anyhow!("{} holds no private key (PEM)", files.key.display()))?;
    Ok(Serving {
        chain,
        key,
        renew_at: None,
    })
}

fn roots(pem: &[u8]) -> anyhow::Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| anyhow::anyhow!("`kubernetes.front_proxy_ca_file`: {error}"))?;
        roots.add(certificate).context("`kubernetes.front_proxy_ca_file`")?;
    }
    Ok(roots)
}
