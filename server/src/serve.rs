//! `guildhall serve`.

use std::io::Write as _;

use anyhow::Context as _;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::{AppState, config::Config, database::Database, jobs, kubernetes::Listener, listener, router};

/// Serves until it is told to stop.
///
/// # Errors
/// When it cannot start, or does not stop cleanly.
pub(crate) async fn serve(mut config: Config) -> anyhow::Result<()> {
    // First, so that a taken port is known before a database is started.
    let socket = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("could not listen on {} (`listen`, GUILDHALL_LISTEN)", config.listen))?;
    config.listen = socket.local_addr()?;
    let kubernetes = match config.kubernetes.listen {
        Some(listen) => Some(TcpListener::bind(listen).await.with_context(|| {
            format!("could not listen on {listen} (`kubernetes.listen`, GUILDHALL_KUBERNETES_LISTEN)")
        })?),
        None => None,
    };
    if config.listen.ip().is_unspecified() && config.public_url.is_none() && !config.demo {
        tracing::warn!("`public_url` (GUILDHALL_PUBLIC_URL) is not set: signing in works from this machine only");
    }
    let _simulators = if config.demo {
        Some(crate::demo::start(&mut config).await?)
    } else {
        None
    };

    let database = Database::open(&config).await?;
    let outcome = run(&database, config, socket, kubernetes).await;
    // Also when it could not start: the private server must not be left behind.
    database.close().await?;
    outcome
}

async fn run(
    database: &Database,
    config: Config,
    socket: TcpListener,
    kubernetes: Option<TcpListener>,
) -> anyhow::Result<()> {
    database.migrate().await?;
    let address = socket.local_addr()?;
    let state = AppState::new(database.pool.clone(), config)?;
    if state.config.demo {
        crate::demo::seed(&state)
            .await
            .context("could not write the demo's data")?;
    }
    backend::litellm::register(&state.backend).await?;
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (stop, stopping) = watch::channel(false);
    let signals = async move {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        tracing::info!("{name}: finishing what was begun");
        let _ = stop.send(true);
    };
    let stopped = || {
        let mut stopping = stopping.clone();
        async move {
            // An error would be that nobody listens to signals any more.
            let _ = stopping.wait_for(|stopping| *stopping).await;
        }
    };
    let kubernetes = match kubernetes {
        Some(socket) => Some(
            Listener::open(&state, socket)
                .await
                .context("could not start the Kubernetes API")?,
        ),
        None => None,
    };
    let jobs = jobs::start(&state, database.direct.clone());
    let app = router(state.clone());
    // Nobody may read what is said here; that is no reason not to serve.
    if let Some(kubernetes) = &kubernetes {
        let _ = writeln!(std::io::stdout(), "kubernetes API on {}", kubernetes.address().server);
    }
    // The last line: whoever waits for it may stop reading.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}");
    let door = async {
        if let Some(kubernetes) = kubernetes {
            kubernetes.serve(stopped()).await;
        }
    };
    tokio::join!(signals, listener::serve(socket, app, stopped()), door);
    jobs.stop(&state).await;
    Ok(())
}
