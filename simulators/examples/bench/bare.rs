//! The ceiling of forward auth: an axum handler at the same address that answers 200 and does nothing else.

use std::net::Ipv4Addr;

use axum::{Router, http::StatusCode, routing::any, serve::ListenerExt as _};
use tokio::net::TcpListener;

use crate::announce;

/// Serves until it is killed.
pub async fn serve() -> anyhow::Result<()> {
    let router = Router::new().route("/authz/{service}", any(async || StatusCode::OK));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    announce(&listener.local_addr()?.to_string())?;
    let listener = listener.tap_io(|stream| {
        // The client is gone already, if this fails.
        let _ = stream.set_nodelay(true);
    });
    Ok(axum::serve(listener, router).await?)
}
