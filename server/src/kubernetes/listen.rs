//! The listener: TLS, the router, and what goes on beside them.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context as _;
use axum::{Router, routing::any};
use backend::{
    Ctx, Method,
    kubernetes_door::{self, Address},
    objects::{self, Changes},
};
use http::{Extensions, HeaderMap, StatusCode, Version};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch as channel,
    task::JoinSet,
};
use tower_http::compression::{CompressionLayer, Predicate as _, predicate::SizeAbove};

use super::{Door, authority, handle, observe, tls, watches};
use crate::{
    AppState, jobs,
    listener::{self, Opened},
};

/// How often old changes and events are forgotten.
const FORGETS: Duration = Duration::from_hours(1);

/// What is worth compressing: over a network, lists and schemas are.
const LARGE: u64 = 8 * 1024;

/// The Kubernetes API, ready to serve.
pub struct Listener {
    socket: TcpListener,
    door: Door,
    tls: tls::Tls,
    address: Address,
    stop: channel::Sender<bool>,
}

impl Listener {
    /// Makes or reads certificates, brings the objects up to date, and notes where the listener is for kubeconfigs.
    ///
    /// # Errors
    /// When the certificates will not do, or the database does not answer.
    pub async fn open(state: &AppState, socket: TcpListener) -> anyhow::Result<Self> {
        let listen = socket.local_addr()?;
        let config = &state.config.kubernetes;
        let (source, root) = match &config.certificate {
            Some(files) => {
                let pem = std::fs::read(&files.certificate)
                    .with_context(|| format!("could not read {}", files.certificate.display()))?;
                (tls::Source::Files(files.clone()), authority::root_of(&pem))
            }
            None => {
                let authority = authority::authority(&state.backend).await?;
                let root = authority.certificate.clone();
                let names = authority::names(&state.config, listen);
                (tls::Source::Made(authority, names), Some(root))
            }
        };
        let tls = tls::Tls::new(source, config)?;
        objects::begin(&state.backend).await?;
        let address = Address {
            server: config.public_url.clone().unwrap_or_else(|| url(listen)),
            authority: root,
        };
        let mut ctx = Ctx::system(&state.backend, "kubernetes listener", Method::System).await?;
        kubernetes_door::announce(&mut ctx, &address).await?;
        ctx.commit().await?;
        let (stop, stopping) = channel::channel(false);
        let door = Door {
            changes: Changes::new(&state.backend),
            state: state.clone(),
            watches: watches::Watches::default(),
            limits: watches::WatchLimits::default(),
            stopping,
        };
        Ok(Self {
            socket,
            door,
            tls,
            address,
            stop,
        })
    }

    /// Where it is reached, and what its certificate is verified by.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// With other limits of watches.
    #[must_use]
    pub fn with_watch_limits(mut self, limits: watches::WatchLimits) -> Self {
        self.door.limits = limits;
        self
    }

    /// Serves until `stop` is ready. Watches end then; everything else is finished.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self {
            socket,
            door,
            tls,
            stop: tell,
            ..
        } = self;
        let mut jobs = JoinSet::new();
        jobs.spawn(door.changes.clone().run());
        jobs.spawn(tls.clone().keep_fresh());
        let backend = door.state.backend.clone();
        jobs.spawn(jobs::every(FORGETS, "old changes of objects", move || {
            let backend = backend.clone();
            async move {
                let mut ctx = Ctx::system(&backend, "old changes of objects", Method::System).await?;
                objects::forget_old(&mut ctx).await?;
                ctx.commit().await
            }
        }));
        let patience = door.limits.patience;
        let open = |stream: TcpStream| {
            let tls = tls.clone();
            async move {
                drop_slow_readers(&stream, patience);
                let (io, client) = tls.accept(stream).await?;
                let mut known = Extensions::new();
                if let Some(client) = client {
                    known.insert(client);
                }
                Ok(Opened { io, known })
            }
        };
        let stopped = async {
            stop.await;
            let _ = tell.send(true);
        };
        listener::serve_over(socket, router(door), open, stopped).await;
        jobs.shutdown().await;
    }
}

/// One handler for everything: what an address means depends on more than its shape, and each refusal is a `Status`.
fn router(door: Door) -> Router {
    let compression = CompressionLayer::new().compress_when(SizeAbove::new(LARGE).and(is_no_watch));
    Router::new()
        .fallback(any(handle::handle))
        .layer(compression)
        .layer(axum::middleware::from_fn_with_state(door.clone(), observe::observe))
        .with_state(door)
}

/// A client that reads nothing for so long is gone for the system, too: else it would hold its connection, and what was
/// written for it, for as long as it likes. One to whom nothing is written may be silent.
fn drop_slow_readers(stream: &TcpStream, patience: Duration) {
    #[cfg(target_os = "linux")]
    {
        let patience = u32::try_from(patience.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream, patience) {
            tracing::debug!(%error, "TCP_USER_TIMEOUT");
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (stream, patience);
}

/// A watch has to be heard at once, and compression waits until it has enough.
fn is_no_watch(_: StatusCode, _: Version, _: &HeaderMap, known: &Extensions) -> bool {
    known.get::<observe::About>().is_none_or(|about| about.verb != "watch")
}

/// How a client on this machine reaches an address that is listened on.
fn url(listen: SocketAddr) -> String {
    let ip = match listen.ip() {
        ip if ip.is_unspecified() => "127.0.0.1".to_owned(),
        std::net::IpAddr::V6(ip) => format!("[{ip}]"),
        std::net::IpAddr::V4(ip) => ip.to_string(),
    };
    format!("https://{ip}:{}", listen.port())
}

#[cfg(test)]
mod tests {
    use super::url;

    #[test]
    fn addresses_become_urls() {
        for (listen, wanted) in [
            ("127.0.0.1:6443", "https://127.0.0.1:6443"),
            ("0.0.0.0:1", "https://127.0.0.1:1"),
            ("[::1]:1", "https://[::1]:1"),
            ("[::]:1", "https://127.0.0.1:1"),
        ] {
            assert_eq!(url(listen.parse().expect("an address")), wanted);
        }
    }
}
