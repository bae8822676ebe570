//! Accepting connections, and letting go of them.

use std::{convert::Infallible, io, net::SocketAddr, time::Duration};

use axum::{Router, extract::ConnectInfo, extract::Request};
use http::Extensions;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tower::ServiceExt as _;

/// How long a client may take to send a request's head: slower ones hold connections for nothing.
const SLOWEST_HEAD: Duration = Duration::from_secs(15);
/// How long requests that are being answered may take to end after the signal to stop.
const DRAIN: Duration = Duration::from_secs(20);
/// The largest head of a request.
const LARGEST_HEAD: usize = 64 * 1024;

/// What a connection became when it was opened.
pub(crate) struct Opened<I> {
    /// What HTTP is spoken over.
    pub(crate) io: I,
    /// What is known of the client; each of its requests has it.
    pub(crate) known: Extensions,
}

/// Serves plain HTTP until `stop` is ready, then finishes what was begun.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let plain = |io| async {
        Ok(Opened {
            io,
            known: Extensions::new(),
        })
    };
    serve_over(listener, router, plain, stop).await;
}

/// The same over what `open` makes of each connection.
///
/// `axum::serve` has no limit for slow heads and says nothing of `TCP_NODELAY`, without which a page that is written
/// in parts waits 40 ms for each (DESIGN, "The way of one request").
pub(crate) async fn serve_over<I, F>(
    listener: TcpListener,
    router: Router,
    open: impl Fn(TcpStream) -> F,
    stop: impl Future<Output = ()>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    F: Future<Output = io::Result<Opened<I>>> + Send + 'static,
{
    let connections = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        // The client is gone already.
                        tracing::debug!(%error, "TCP_NODELAY");
                    }
                    // A task of its own from the start: a slow handshake keeps nobody else waiting.
                    tokio::spawn(answer(open(stream), peer, router.clone(), connections.watcher()));
                }
                Err(error) => pause_after(&error).await,
            },
            () = &mut stop => break,
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, connections.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

async fn answer<I>(
    opening: impl Future<Output = io::Result<Opened<I>>>,
    peer: SocketAddr,
    router: Router,
    connections: Watcher,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Opened { io, known } = match opening.await {
        Ok(opened) => opened,
        Err(error) => {
            tracing::debug!(%error, %peer, "a connection was not opened");
            return;
        }
    };
    let service = tower::service_fn(move |mut request: Request<_>| {
        request.extensions_mut().extend(known.clone());
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = router.clone();
        async move { Ok::<_, Infallible>(router.oneshot(request).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(SLOWEST_HEAD)
        .max_buf_size(LARGEST_HEAD);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(LARGEST_HEAD).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)));
    let connection = builder
        .serve_connection(TokioIo::new(io), TowerToHyperService::new(service))
        .into_owned();
    if let Err(error) = connections.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// A client that left is nothing; a process out of files has to wait until some are closed.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept connections");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}
