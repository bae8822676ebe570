//! A server that can be stopped and started on its port, and connections that can be cut from within.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Serves a router on a fixed port until stopped; can be started again.
pub(crate) struct Server {
    addr: SocketAddr,
    router: Router,
    running: Mutex<Option<Running>>,
}

struct Running {
    task: JoinHandle<()>,
    /// Says `true` to close all connections of this run; each holds a receiver until it is closed.
    stop: watch::Sender<bool>,
}

/// Cuts the connection that a request came on. An axum `ConnectInfo`.
#[derive(Clone)]
pub(crate) struct Connection(Arc<AtomicBool>);

impl Connection {
    /// From now on nothing is written: the client sees the connection close without an answer.
    pub(crate) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Server {
    /// Listens on `addr` (port 0: any free one). `router` learns the address before the first request.
    pub(crate) async fn start(addr: SocketAddr, router: impl FnOnce(SocketAddr) -> Router) -> io::Result<Self> {
        let listener = TcpListener::bind(addr).await?;
        let addr = listener.local_addr()?;
        let server = Self {
            addr,
            router: router(addr),
            running: Mutex::new(None),
        };
        server.run(listener);
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Refuses connections from now on, and closes those that are open; one in the middle of a slow answer when it is done.
    pub(crate) async fn stop(&self) {
        let running = self.running.lock().expect("not poisoned").take();
        if let Some(Running { task, stop }) = running {
            task.abort();
            let _ = task.await;
            stop.send_replace(true);
            let _ = tokio::time::timeout(Duration::from_secs(1), stop.closed()).await;
        }
    }

    /// Refuses connections from now on, and leaves those alone that are open.
    pub(crate) async fn refuse(&self) {
        let task = match self.running.lock().expect("not poisoned").as_mut() {
            Some(running) => std::mem::replace(&mut running.task, tokio::spawn(async {})),
            None => return,
        };
        task.abort();
        let _ = task.await;
    }

    /// Listens again, on the same port.
    pub(crate) async fn restart(&self) -> io::Result<()> {
        self.stop().await;
        self.run(TcpListener::bind(self.addr).await?);
        Ok(())
    }

    fn run(&self, listener: TcpListener) {
        let (stop, stopped) = watch::channel(false);
        let listener = CuttableListener { listener, stopped };
        let service = self.router.clone().into_make_service_with_connect_info::<Connection>();
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, service).await;
        });
        *self.running.lock().expect("not poisoned") = Some(Running { task, stop });
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(mut running) = self.running.lock()
            && let Some(Running { task, stop }) = running.take()
        {
            task.abort();
            stop.send_replace(true);
        }
    }
}

struct CuttableListener {
    listener: TcpListener,
    stopped: watch::Receiver<bool>,
}

impl Listener for CuttableListener {
    type Io = CuttableStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        let _ = stream.set_nodelay(true);
        let mut stopped = self.stopped.clone();
        let io = CuttableStream {
            stream,
            cut: Arc::new(AtomicBool::new(false)),
            stopped: Box::pin(async move {
                let _ = stopped.wait_for(|stopped| *stopped).await;
            }),
        };
        (io, addr)
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Connection {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        Self(Arc::clone(&stream.io().cut))
    }
}

/// A connection that ends when its server stops, and whose next write fails once it is cut.
struct CuttableStream {
    stream: TcpStream,
    cut: Arc<AtomicBool>,
    stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl CuttableStream {
    fn check(&self) -> io::Result<()> {
        if self.cut.load(Ordering::SeqCst) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for CuttableStream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        // Read is what an idle connection waits in, so this is where a stop has to wake it.
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Pending if self.stopped.as_mut().poll(cx).is_ready() => {
                self.cut.store(true, Ordering::SeqCst);
                Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()))
            }
            poll => poll,
        }
    }
}

impl AsyncWrite for CuttableStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
